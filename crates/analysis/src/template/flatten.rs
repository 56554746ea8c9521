//! Several templates become one.

use std::collections::BTreeSet;

use tiphys_api::types::{AnalysisTemplateSpec, Argument, DryRun, MeasurementRetention};

use super::TemplateError;

/// Returns the templates without those whose name came before.
#[must_use]
pub fn unique<T>(templates: Vec<T>, name: impl Fn(&T) -> &str) -> Vec<T> {
    let mut seen = BTreeSet::new();
    templates.into_iter().filter(|template| seen.insert(name(template).to_owned())).collect()
}

/// Returns one template with everything that `templates` bring, in order.
///
/// # Errors
/// Where two of them bring the same metric or rule, or different values of one argument.
pub fn flatten<'t>(
    templates: impl IntoIterator<Item = &'t AnalysisTemplateSpec>,
) -> Result<AnalysisTemplateSpec, TemplateError> {
    let mut whole = AnalysisTemplateSpec::default();
    for template in templates {
        whole.metrics.extend(template.metrics.iter().cloned());
        whole.dry_run.extend(template.dry_run.iter().cloned());
        whole.measurement_retention.extend(template.measurement_retention.iter().cloned());
        for argument in &template.args {
            add_argument(&mut whole.args, argument)?;
        }
    }
    if let Some(name) = repeated(whole.metrics.iter().map(|metric| metric.name.as_str())) {
        return Err(TemplateError::SameMetric(name));
    }
    check_dry_run(&whole.dry_run)?;
    check_retention(&whole.measurement_retention)?;
    Ok(whole)
}

/// Fails where two rules are the same.
pub(super) fn check_dry_run(rules: &[DryRun]) -> Result<(), TemplateError> {
    let same = repeated(rules.iter().map(|rule| rule.metric_name.as_str()));
    same.map_or(Ok(()), |name| Err(TemplateError::SameDryRun(name)))
}

/// Fails where two rules are the same.
pub(super) fn check_retention(rules: &[MeasurementRetention]) -> Result<(), TemplateError> {
    let same = repeated(rules.iter().map(|rule| rule.metric_name.as_str()));
    same.map_or(Ok(()), |name| Err(TemplateError::SameRetention(name)))
}

fn repeated<'n>(mut names: impl Iterator<Item = &'n str>) -> Option<String> {
    let mut seen = BTreeSet::new();
    names.find(|name| !seen.insert(*name)).map(str::to_owned)
}

/// Of two arguments of one name, the one that has a value or a source stays.
fn add_argument(arguments: &mut Vec<Argument>, new: &Argument) -> Result<(), TemplateError> {
    let Some(known) = arguments.iter_mut().find(|known| known.name == new.name) else {
        arguments.push(new.clone());
        return Ok(());
    };
    match (&known.value, &new.value) {
        (Some(first), Some(second)) if first != second => {
            let (first, second) = (first.clone(), second.clone());
            return Err(TemplateError::DifferentValues { name: new.name.clone(), first, second });
        }
        (None, _) if new.value.is_some() || new.value_from.is_some() || known.value_from.is_none() => {
            *known = new.clone();
        }
        _ => {}
    }
    Ok(())
}
