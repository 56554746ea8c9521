//! Which pods a Service selects.

use serde_json::json;
use tiphys_api::{
    constants::{annotations, labels, messages, ping_pong, reasons},
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

/// Points the Services of a canary at their ReplicaSets, each only while that has available pods.
///
/// The canary Service follows what the router was told: it leaves a version only when that has no users any more.
#[must_use]
pub(crate) fn canary(release: &Release<'_>) -> Vec<Step> {
    let Some(strategy) = release.canary() else { return Vec::new() };
    let stable = switch_available(release, &strategy.stable_service, release.stable);
    let canary = switch_available(release, &strategy.canary_service, canary_target(release));
    ping_pong(release).into_iter().chain(stable).chain(canary).collect()
}

/// Which ReplicaSet the canary Service selects next; `None` leaves it.
fn canary_target<'a>(release: &Release<'a>) -> Option<&'a ReplicaSetView> {
    let Some(traffic) = release.traffic() else {
        return if release.is_aborted() { release.stable } else { release.new };
    };
    let decision = &traffic.decision;
    let new = release.new?;
    if release.is_aborted() {
        return release.stable.filter(|_| decision.weight == 0 && !traffic.has_canary_users(release));
    }
    (decision.canary_hash == new.hash).then_some(new)
}

/// The Service that has the canary's role shows the new version before it has pods (they are made with the readiness gates
/// of its load balancer), but not while users of another version come through it. The one that has the stable role always
/// shows the stable version. (Upstream never touches that one.)
fn ping_pong(release: &Release<'_>) -> Vec<Step> {
    let Some([stable, canary]) = roles(release) else { return Vec::new() };
    let is_free = release.traffic().is_none_or(|traffic| traffic.decision.canary_hash == release.hash);
    let next = release.new.filter(|_| !release.is_promoted() && !release.is_aborted() && is_free);
    let next = next.filter(|new| selected(release, canary) != new.hash && release.seen.services.contains_key(canary));
    let stable = switch_available(release, stable, release.stable);
    stable.into_iter().chain(next.map(|new| switch_step(release, canary, &new.hash))).collect()
}

/// Ping and pong as stable and canary.
fn roles<'a>(release: &Release<'a>) -> Option<[&'a str; 2]> {
    let pair = release.canary()?.ping_pong.as_ref()?;
    let (ping, pong) = (pair.ping_service.as_str(), pair.pong_service.as_str());
    let is_ping_stable = release.status().canary.stable_ping_pong == ping_pong::PING;
    Some(if is_ping_stable { [ping, pong] } else { [pong, ping] })
}

/// Returns the Services of a canary through which users come; a ping-pong Service in the canary's role counts only with its
/// recorded weight.
pub(crate) fn in_use<'a>(release: &Release<'a>) -> impl Iterator<Item = &'a str> {
    let strategy = release.canary();
    let named = strategy.into_iter().flat_map(|canary| [&canary.stable_service, &canary.canary_service]);
    let stable = roles(release).map(|[stable, _]| stable);
    named.map(String::as_str).chain(stable).filter(|name| !name.is_empty())
}

/// A Service that was not managed before is taken over only by a ReplicaSet whose pods are all available.
fn switch_available(release: &Release<'_>, name: &str, set: Option<&ReplicaSetView>) -> Option<Step> {
    let service: &ServiceView = release.seen.services.get(name)?;
    let set = set?;
    let is_complete = set.size() > 0 && set.size() <= set.available();
    let may_switch = set.available() > 0 && (service.managed_by.is_some() || is_complete);
    (selected(release, name) != set.hash && may_switch).then(|| switch_step(release, name, &set.hash))
}
