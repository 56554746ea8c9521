//! Canary steps.

use serde_json::json;
use tiphys_machinery::{error::Cause, field::Path, names};

use super::routes;
use crate::{
    defaults, duration,
    hash::write_list,
    types::{AnalysisRunArgument, CanaryStep, CanaryStrategy, ExperimentStep, TrafficRouting},
};

const ONE_KIND: &str =
    "Step must have one of the following set: experiment, setWeight, setCanaryScale, plugin or pause";

/// Returns what is wrong with `step` at `path` of `canary`, whose own path is `strategy`.
pub(super) fn validate(step: &CanaryStep, path: &Path, canary: &CanaryStrategy, strategy: &Path) -> Vec<Cause> {
    let routing = canary.traffic_routing.as_ref();
    let mut causes = validate_kind(step, path);
    let limit = routing.and_then(|routing| routing.max_traffic_weight).unwrap_or(defaults::MAX_TRAFFIC_WEIGHT);
    if let Some(weight) = step.set_weight.filter(|weight| *weight < 0 || *weight > limit) {
        let detail = format!("SetWeight needs to be between 0 and {limit}");
        causes.push(path.child("setWeight").invalid(weight, &detail));
    }
    if let Some(seconds) = step.pause.as_ref().map(duration::pause_seconds).filter(|seconds| *seconds < 0) {
        let at = path.child("pause").child("duration");
        causes.push(at.invalid(seconds, "Duration needs to be greater than 0"));
    }
    if step.set_canary_scale.is_some() && routing.is_none() {
        let detail = "SetCanaryScale requires TrafficRouting to be set";
        causes.push(strategy.child("trafficRouting").required(detail));
    }
    causes.extend(routes::validate(step, path, routing, strategy));
    if let Some(experiment) = &step.experiment {
        causes.extend(validate_experiment(experiment, &path.child("experiment"), routing));
    }
    causes.extend(validate_arguments(step, &path.child("analyses")));
    causes
}

/// Two kinds are refused only among the four oldest; no kind at all always is.
fn validate_kind(step: &CanaryStep, path: &Path) -> Vec<Cause> {
    let (experiment, pause) = (step.experiment.is_some(), step.pause.is_some());
    let (weight, analysis) = (step.set_weight.is_some(), step.analysis.is_some());
    let mut causes = Vec::new();
    if [experiment, pause, weight, analysis].into_iter().filter(|is_set| *is_set).count() > 1 {
        let value = format!(
            "step.Experiment: {experiment} step.Pause: {pause} step.SetWeight: {weight} step.Analysis: {analysis}"
        );
        causes.push(path.invalid(value, ONE_KIND));
    }
    if *step == CanaryStep::default() {
        // Upstream prints whether each is missing.
        let value = "step.Experiment: true step.Pause: true step.SetWeight: true step.Analysis: true \
                     step.SetCanaryScale: true step.SetHeaderRoute: true step.SetMirrorRoute: true step.Plugin: true";
        causes.push(path.invalid(value, ONE_KIND));
    }
    causes
}

fn validate_experiment(experiment: &ExperimentStep, path: &Path, routing: Option<&TrafficRouting>) -> Vec<Cause> {
    let detail = match routing {
        None => "Experiment template weight cannot be set unless TrafficRouting is enabled",
        Some(r) if r.alb.is_none() && r.smi.is_none() && r.istio.is_none() && r.plugins.is_empty() => {
            "Experiment template weight is only available for TrafficRouting with SMI, ALB, Istio and Plugins at this time"
        }
        Some(_) => return Vec::new(),
    };
    let weights = experiment.templates.iter().enumerate().filter_map(|(i, template)| Some((i, template.weight?)));
    weights.map(|(i, weight)| path.child("templates").index(i).child("weight").invalid(weight, detail)).collect()
}

/// Arguments taken from the Rollout's metadata must name something that exists there.
fn validate_arguments(step: &CanaryStep, path: &Path) -> Vec<Cause> {
    let experiment = step.experiment.iter().flat_map(|experiment| &experiment.analyses).flat_map(|run| &run.args);
    let analysis = step.analysis.iter().flat_map(|analysis| &analysis.args);
    let arguments: Vec<&AnalysisRunArgument> = experiment.chain(analysis).collect();
    let wrong = arguments.iter().filter(|argument| is_wrong_field(argument));
    let cause = |_| {
        let text = write_list("AnalysisRunArgument", &json!(arguments));
        let detail = "Analyses arguments must refer to valid object metadata supported by downwardAPI";
        Cause {
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {text}: {detail}"),
            field: path.to_string(),
        }
    };
    wrong.map(cause).collect()
}

fn is_wrong_field(argument: &AnalysisRunArgument) -> bool {
    let field = argument.value_from.as_ref().and_then(|from| from.field_ref.as_ref());
    let Some(field) = field.map(|field| field.field_path.as_str()).filter(|path| path.starts_with("metadata")) else {
        return false;
    };
    match field.strip_suffix("']").and_then(|path| path.split_once("['")) {
        Some(("metadata.annotations", key)) => !names::qualified_name(&key.to_lowercase()).is_empty(),
        Some(("metadata.labels", key)) => !names::qualified_name(key).is_empty(),
        _ => !["annotations", "labels", "name", "namespace", "uid"]
            .iter()
            .any(|name| field.strip_prefix("metadata.") == Some(name)),
    }
}
