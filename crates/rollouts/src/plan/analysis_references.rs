//! Whether the analyses that a Rollout refers to can become runs: each is built once as a trial, before anything runs.

use tiphys_analysis::{
    plan::effective_count,
    template::{Hashes, Templates, resolve_metric, resolve_named, rollout_arguments, run_spec},
};
use tiphys_api::{
    Rollout,
    types::{AnalysisRunArgument, AnalysisTemplateSpec, Argument, IntOrString, RolloutAnalysis},
};
use tiphys_machinery::{error::Cause, field::Path};

/// What stands for a value that is not known yet.
const DUMMY: &str = "dummy-value";

/// An analysis of a Rollout.
struct Referred {
    path: Path,
    analysis: RolloutAnalysis,
    is_background: bool,
}

/// Returns the first thing that is wrong with the analyses of a Rollout of which all templates exist.
#[must_use]
pub(crate) fn validate(rollout: &Rollout, templates: &Templates) -> Option<Cause> {
    analyses(rollout).iter().filter(|referred| !referred.analysis.templates.is_empty()).find_map(|referred| {
        let at = referred.path.child("templates");
        check(rollout, templates, referred, &at)
    })
}

fn analyses(rollout: &Rollout) -> Vec<Referred> {
    let strategy = &rollout.spec.strategy;
    let at = Path::new("spec.strategy");
    if let Some(blue_green) = &strategy.blue_green {
        let of = |field: &str, analysis: &Option<RolloutAnalysis>| {
            let path = at.child("blueGreen").child(field);
            analysis.clone().map(|analysis| Referred { path, analysis, is_background: false })
        };
        let pre = of("prePromotionAnalysis", &blue_green.pre_promotion_analysis);
        return pre.into_iter().chain(of("postPromotionAnalysis", &blue_green.post_promotion_analysis)).collect();
    }
    let Some(canary) = &strategy.canary else { return Vec::new() };
    let at = at.child("canary");
    let step = |(index, analysis)| Referred {
        path: at.child("steps").index(index).child("analysis"),
        analysis,
        is_background: false,
    };
    let steps = canary.steps.iter().enumerate().filter_map(|(index, step)| Some((index, step.analysis.clone()?)));
    let background = canary.analysis.as_ref().map(|analysis| Referred {
        path: at.child("analysis"),
        analysis: analysis.analysis(),
        is_background: true,
    });
    steps.map(step).chain(background).collect()
}

fn check(rollout: &Rollout, templates: &Templates, referred: &Referred, at: &Path) -> Option<Cause> {
    let analysis = &referred.analysis;
    let named = match resolve_named(&analysis.templates, templates) {
        Ok(named) => named,
        Err(error) => {
            let names: Vec<&str> = analysis.templates.iter().map(|named| named.template_name.as_str()).collect();
            return Some(at.invalid(shown(&names), &error.to_string()));
        }
    };
    let names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
    let args = match build(rollout, analysis, &named) {
        Ok(args) => args,
        Err(error) => return Some(at.invalid(shown(&names), &error)),
    };
    if referred.is_background {
        return None;
    }
    named.iter().find_map(|(name, template)| {
        let message = metrics(name, template, &args).err()?;
        Some(at.invalid(name.as_str(), &message))
    })
}

fn shown(names: &[&str]) -> String {
    format!("templateNames: [{}]", names.join(" "))
}

/// Builds the run, also with what each step says about dry-runs and retention; returns its arguments.
fn build(
    rollout: &Rollout,
    analysis: &RolloutAnalysis,
    named: &[(String, &AnalysisTemplateSpec)],
) -> Result<Vec<Argument>, String> {
    let given = given(rollout, &analysis.args)?;
    let specs = || named.iter().map(|(_, spec)| *spec);
    let run = run_spec(specs(), &given, &[], &[]).map_err(|error| error.to_string())?;
    let steps = rollout.spec.strategy.canary.iter().flat_map(|canary| &canary.steps);
    for step in steps.filter_map(|step| step.analysis.as_ref()) {
        run_spec(specs(), &given, &step.dry_run, &step.measurement_retention).map_err(|error| error.to_string())?;
    }
    Ok(run.args)
}

/// The Rollout's arguments. A field that is not there yet may come.
fn given(rollout: &Rollout, args: &[AnalysisRunArgument]) -> Result<Vec<Argument>, String> {
    let hashes = Hashes { stable: "dummy-stable-hash".to_owned(), latest: "dummy-new-hash".to_owned() };
    let mut given = Vec::new();
    for arg in args {
        let field = arg.value_from.as_ref().and_then(|from| from.field_ref.as_ref());
        let may_come = field.is_some_and(|field| !field.field_path.starts_with("metadata"));
        match rollout_arguments(std::slice::from_ref(arg), &hashes, rollout) {
            Ok(values) => given.extend(values),
            Err(_) if may_come => {
                given.push(Argument { name: arg.name.clone(), value: Some(String::new()), value_from: None });
            }
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(given)
}

/// Fails where a metric cannot be read with its arguments, or would never end where its end is waited for.
fn metrics(name: &str, template: &AnalysisTemplateSpec, known: &[Argument]) -> Result<(), String> {
    let both = template.args.iter().find(|arg| arg.value.is_some() && arg.value_from.is_some());
    if let Some(arg) = both {
        return Err(format!("AnalysisTemplate {name}: arg '{}' has both Value and ValueFrom fields", arg.name));
    }
    let value = |arg: &Argument| {
        let known = known.iter().find(|known| known.name == arg.name).and_then(|known| known.value.clone());
        known.or_else(|| arg.value.clone()).unwrap_or_else(|| DUMMY.to_owned())
    };
    let args: Vec<Argument> = template
        .args
        .iter()
        .map(|arg| Argument { name: arg.name.clone(), value: Some(value(arg)), value_from: None })
        .collect();
    for metric in &template.metrics {
        let metric = resolve_metric(metric, &args).map_err(|error| format!("AnalysisTemplate {name}: {error}"))?;
        if effective_count(&metric).is_none() {
            let count = match &metric.count {
                None => "<nil>".to_owned(),
                Some(IntOrString::Int(count)) => count.to_string(),
                Some(IntOrString::String(count)) => count.clone(),
            };
            return Err(format!(
                "AnalysisTemplate {name} has metric {} which runs indefinitely. Invalid value for count: {count}",
                metric.name
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "`json!` makes values that a test has no further use for")]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn template(spec: Value) -> AnalysisTemplateSpec {
        serde_json::from_value(spec).unwrap()
    }

    fn templates() -> Templates {
        let metric = |name: &str, more: Value| {
            let mut metric = json!({"name": name, "provider": {"job": {}}});
            metric.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            metric
        };
        let all = [
            ("fine", json!({"metrics": [metric("m", json!({}))]})),
            ("same", json!({"metrics": [metric("m", json!({}))]})),
            ("needs", json!({"args": [{"name": "x"}], "metrics": [metric("n", json!({}))]})),
            ("endless", json!({"metrics": [metric("e", json!({"interval": "5s"}))]})),
            (
                "counted",
                json!({"args": [{"name": "x"}],
                "metrics": [metric("c", json!({"interval": "5s", "count": "{{args.x}}"}))]}),
            ),
            ("tag", json!({"metrics": [metric("{{args.y}}", json!({}))]})),
            (
                "both",
                json!({"args": [{"name": "x", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "a"}}}],
                "metrics": [metric("b", json!({}))]}),
            ),
            ("loop", json!({"metrics": [], "templates": [{"templateName": "loop"}]})),
        ];
        let namespaced = all.map(|(name, spec)| (name.to_owned(), template(spec)));
        Templates { namespaced: namespaced.into(), ..Templates::default() }
    }

    /// What is wrong with a canary whose first step or whose background is this analysis.
    fn wrong(is_background: bool, names: &[&str], args: Value) -> String {
        let named: Vec<_> = names.iter().map(|name| json!({"templateName": name})).collect();
        let analysis = json!({"templates": named, "args": args});
        let canary =
            if is_background { json!({"analysis": analysis}) } else { json!({"steps": [{"analysis": analysis}]}) };
        let rollout = json!({"metadata": {"name": "r"}, "spec": {"strategy": {"canary": canary}}});
        let rollout: Rollout = tiphys_api::decode(rollout).object;
        validate(&rollout, &templates()).map_or_else(String::new, |cause| format!("{}: {}", cause.field, cause.message))
    }

    #[test]
    fn what_cannot_become_a_run_is_said_before_anything_runs() {
        let step = "spec.strategy.canary.steps[0].analysis.templates: Invalid value: ";
        let check = |names: &[&str], args: Value, expected: &str| {
            let expected = if expected.is_empty() { String::new() } else { format!("{step}{expected}") };
            assert_eq!(wrong(false, names, args), expected, "{names:?}");
        };
        check(&["fine"], json!([]), "");
        check(&["fine", "same"], json!([]), "\"templateNames: [fine same]\": two metrics have the same name 'm'");
        check(&["needs"], json!([]), "\"templateNames: [needs]\": args.x was not resolved");
        check(&["needs"], json!([{"name": "x", "value": "1"}]), "");
        check(&["needs"], json!([{"name": "x", "valueFrom": {"fieldRef": {"fieldPath": "status.nothing"}}}]), "");
        let endless = "\"endless\": AnalysisTemplate endless has metric e which runs indefinitely. Invalid value for \
                       count: <nil>";
        check(&["endless"], json!([]), endless);
        check(&["counted"], json!([{"name": "x", "value": "3"}]), "");
        check(&["tag"], json!([]), "\"tag\": AnalysisTemplate tag: failed to resolve {{args.y}}");
        check(&["both"], json!([]), "\"both\": AnalysisTemplate both: arg 'x' has both Value and ValueFrom fields");
        check(&["loop"], json!([]), "\"templateNames: [loop]\": template 'loop' refers to itself");
        assert_eq!(wrong(true, &["endless"], json!([])), "", "beside the steps it may go on for ever");
        let unresolved = "spec.strategy.canary.analysis.templates: Invalid value: \"templateNames: [needs]\": args.x was \
                          not resolved";
        assert_eq!(wrong(true, &["needs"], json!([])), unresolved);
    }
}
