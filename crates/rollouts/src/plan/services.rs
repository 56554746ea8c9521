//! Which pods a Service selects.

use serde_json::json;
use tiphys_api::{
    constants::{annotations, labels, messages, reasons},
    validation::ServiceView,
};
use tiphys_runtime::recorder::Note;

use super::release::Release;
use crate::{
    action::{Action, Step},
    observe::ReplicaSetView,
};

/// Returns the hash that a Service selects; empty if it selects none or does not exist.
#[must_use]
pub(crate) fn selected<'a>(release: &Release<'a>, name: &str) -> &'a str {
    let service = release.seen.services.get(name);
    service.and_then(|service| service.selector.get(labels::POD_TEMPLATE_HASH)).map_or("", String::as_str)
}

/// Points a Service at a hash and signs it; `None` if it is so already.
#[must_use]
pub(crate) fn switch(release: &Release<'_>, name: &str, hash: &str) -> Option<Step> {
    let service = release.seen.services.get(name)?;
    let is_there = selected(release, name) == hash;
    if is_there && service.managed_by.is_some() {
        return None;
    }
    Some(switch_step(release, name, hash))
}

fn switch_step(release: &Release<'_>, name: &str, hash: &str) -> Step {
    let from = selected(release, name);
    let patch = json!({
        "metadata": {"annotations": {annotations::MANAGED_BY: release.name()}},
        "spec": {"selector": {labels::POD_TEMPLATE_HASH: hash}},
    });
    let action = Action::PatchService { name: name.to_owned(), patch };
    if from == hash {
        return Step::quiet(action);
    }
    let text = messages::switched_service(name, from, hash);
    Step::told(action, Note::normal(reasons::event::SWITCH_SERVICE, text))
}

/// Points the stable and the canary Service at their ReplicaSets, each only while that has available pods.
#[must_use]
pub(crate) fn canary(release: &Release<'_>) -> Vec<Step> {
    let Some(strategy) = release.canary() else { return Vec::new() };
    let stable = switch_available(release, &strategy.stable_service, release.stable);
    let canary = if release.is_aborted() { release.stable } else { release.new };
    let canary = switch_available(release, &strategy.canary_service, canary);
    stable.into_iter().chain(canary).collect()
}

/// A Service that was not managed before is taken over only by a ReplicaSet whose pods are all available.
fn switch_available(release: &Release<'_>, name: &str, set: Option<&ReplicaSetView>) -> Option<Step> {
    let service: &ServiceView = release.seen.services.get(name)?;
    let set = set?;
    let is_complete = set.size() > 0 && set.size() <= set.available();
    let may_switch = set.available() > 0 && (service.managed_by.is_some() || is_complete);
    (selected(release, name) != set.hash && may_switch).then(|| switch_step(release, name, &set.hash))
}
