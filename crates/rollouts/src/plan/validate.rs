//! Whether a Rollout can be worked on at all.

use tiphys_api::{Rollout, validation};

use super::{Settings, analysis_references, references, workload::Wanted};
use crate::observe::Observed;

/// Returns the message of condition `InvalidSpec`; `None` if nothing is wrong.
#[must_use]
pub(crate) fn invalid(seen: &Observed, wanted: &Wanted, settings: &Settings) -> Option<String> {
    let rollout = &wanted.rollout;
    let spec = validation::validate(rollout);
    if let Some(message) = validation::invalid_spec(rollout, &seen.rollout.problems, &spec) {
        return Some(message);
    }
    let references = references::known(seen, rollout, &settings.routers);
    let mut causes = validation::validate_references(rollout, &references);
    if causes.is_empty() {
        causes.extend(analysis_references::validate(rollout, &seen.analysis.templates));
    }
    validation::invalid_spec(rollout, &[], &causes)
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
