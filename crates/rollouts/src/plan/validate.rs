//! Whether a Rollout can be worked on at all.

use tiphys_api::{Rollout, types::CanaryStep, validation};

use super::{Settings, references, workload::Wanted};
use crate::observe::Observed;

/// Returns the message of condition `InvalidSpec`; `None` if nothing is wrong.
#[must_use]
pub(crate) fn invalid(seen: &Observed, wanted: &Wanted, settings: &Settings) -> Option<String> {
    let rollout = &wanted.rollout;
    let spec = validation::validate(rollout);
    if let Some(message) = validation::invalid_spec(rollout, &seen.rollout.problems, &spec) {
        return Some(message);
    }
    if let Some(field) = unsupported(rollout) {
        return Some(super::workload::message(rollout, &format!("not yet supported by tiphys: {field}")));
    }
    let references = references::known(seen, rollout, &settings.routers);
    validation::invalid_spec(rollout, &[], &validation::validate_references(rollout, &references))
}

/// Returns the first field in use that this controller does not serve yet.
fn unsupported(rollout: &Rollout) -> Option<String> {
    let strategy = &rollout.spec.strategy;
    let below = |field: String| format!("spec.strategy.{field}");
    if let Some(blue_green) = &strategy.blue_green {
        let analyses = [
            (blue_green.pre_promotion_analysis.is_some(), "blueGreen.prePromotionAnalysis"),
            (blue_green.post_promotion_analysis.is_some(), "blueGreen.postPromotionAnalysis"),
        ];
        return analyses.into_iter().find(|(is_set, _)| *is_set).map(|(_, field)| below(field.to_owned()));
    }
    let canary = strategy.canary.as_ref()?;
    if canary.analysis.is_some() {
        return Some(below("canary.analysis".to_owned()));
    }
    let mut steps = canary.steps.iter().enumerate();
    steps.find_map(|(index, step)| Some(below(format!("canary.steps[{index}].{}", unsupported_kind(step)?))))
}

fn unsupported_kind(step: &CanaryStep) -> Option<&'static str> {
    let kinds = [(step.experiment.is_some(), "experiment"), (step.analysis.is_some(), "analysis")];
    kinds.into_iter().find(|(is_set, _)| *is_set).map(|(_, kind)| kind)
}

/// Returns the Services and the workload that are named but missing, so that the reason can point at them.
#[must_use]
pub(crate) fn missing_service<'a>(seen: &Observed, rollout: &'a Rollout) -> Option<&'a str> {
    let strategy = &rollout.spec.strategy;
    let blue_green = strategy.blue_green.iter().flat_map(|s| [&s.active_service, &s.preview_service]);
    let canary = strategy.canary.iter().flat_map(|s| [&s.stable_service, &s.canary_service]);
    let mut named = blue_green.chain(canary).filter(|name| !name.is_empty());
    named.find(|name| !seen.services.contains_key(*name)).map(String::as_str)
}
