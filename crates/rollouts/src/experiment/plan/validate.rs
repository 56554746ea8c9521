//! What makes an Experiment invalid, in upstream's words.

use tiphys_api::{
    Experiment, defaults,
    types::{LabelSelector, TemplateSpec},
};

/// Returns what is wrong with the spec, the first thing of the first template.
#[must_use]
pub(super) fn invalid(experiment: &Experiment) -> Option<String> {
    let templates = &experiment.spec.templates;
    templates.iter().enumerate().find_map(|(index, template)| invalid_template(experiment, index, template))
}

fn invalid_template(experiment: &Experiment, index: usize, template: &TemplateSpec) -> Option<String> {
    let name = experiment.metadata.name.as_deref().unwrap_or_default();
    let deadline = defaults::experiment_progress_deadline_seconds(experiment);
    let is_repeated = || experiment.spec.templates[..index].iter().any(|former| former.name == template.name);
    match &template.selector {
        None => Some(format!("Rollout has missing field '.Spec.Templates[{index}].Selector'")),
        Some(selector) if is_empty(selector) => {
            Some(format!("This experiment is selecting all pods at index {index}. A non-empty selector is required."))
        }
        Some(_) if template.min_ready_seconds > deadline => {
            Some(format!("MinReadySeconds cannot be longer than ProgressDeadlineSeconds. Check template index {index}"))
        }
        Some(_) if template.name.is_empty() => {
            Some(format!("Experiment {name} has empty template name at index {index}"))
        }
        Some(_) if is_repeated() => {
            Some(format!("Experiment {name} has repeated template name '{}' in templates", template.name))
        }
        Some(_) => None,
    }
}

fn is_empty(selector: &LabelSelector) -> bool {
    let labels = selector.match_labels.as_ref().is_none_or(|labels| labels.is_empty());
    labels && selector.match_expressions.as_ref().is_none_or(Vec::is_empty)
}
