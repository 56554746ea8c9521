//! What to do next: a pure function of what was observed and the time. No I/O, no clock, no randomness.
//!
//! [`plan`] reads as the specification does: first what stops everything (a view that is too old, an invalid spec, damage),
//! then what a Rollout must have (its ReplicaSet, its `replicas`), then the conditions of pauses, then a change of scale,
//! then the pass of its strategy.

mod affinity;
mod analyses;
mod analysis_references;
mod autoscaled;
mod blue_green;
mod blue_green_status;
mod budget;
mod canary;
pub mod canary_size;
mod canary_status;
mod conditions;
mod damage;
mod delay;
mod duration;
mod experiments;
pub(crate) mod explain_parts;
mod history;
mod identify;
mod instincts;
mod invalid;
pub(crate) mod merge;
mod metadata;
mod pauses;
mod plugin_steps;
pub mod preview_size;
mod progress;
mod promote;
mod references;
mod release;
pub mod restart;
mod restarting;
mod revision;
mod rollback;
mod routed;
pub mod routed_size;
mod router_plugins;
pub mod routes;
mod scale;
mod scaling;
mod services;
mod status;
pub mod steps;
mod surge;
mod threshold;
pub(crate) mod traffic;
mod validate;
pub mod weights;
mod workload;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tiphys_api::defaults;
use tiphys_runtime::reason::{ObjectRef, Reason, Urgency};

use self::{
    release::Release,
    restarting::{Restart, Stage},
};
use crate::{
    action::{Action, Plan, Step},
    observe::Observed,
    reasons, step_plugin,
};

pub(crate) use self::{
    instincts::PODS_DELETED_BY_HAND,
    restarting::{BLOCKED as RESTART_BLOCKED, RESTARTING, STARTED as RESTART_STARTED, block_of},
};

/// Settings of the controller that decisions depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long a pod is left alone after a refused eviction. Budgets that are seen to open do not wait for it.
    pub eviction_retry: SignedDuration,
    /// How often an invalid spec is looked at again though nothing changes.
    pub invalid_retry: SignedDuration,
    /// How often a router is looked at again that has not confirmed its weights yet.
    pub verify_retry: SignedDuration,
    /// How often a faulty router is looked at again though nothing changes.
    pub fault_retry: SignedDuration,
    /// Versions and names that routers depend on.
    pub routers: tiphys_traffic::Settings,
    /// Step plugins by name.
    pub step_plugins: BTreeMap<String, step_plugin::Setup>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            eviction_retry: SignedDuration::from_secs(10),
            invalid_retry: SignedDuration::from_secs(20),
            verify_retry: SignedDuration::from_secs(10),
            fault_retry: SignedDuration::from_secs(30),
            routers: tiphys_traffic::Settings::default(),
            step_plugins: BTreeMap::new(),
        }
    }
}

/// Returns what to do for one Rollout now, and why things are as they are.
///
/// Guarantees: the same arguments give the same plan; a plan for a settled Rollout is settled ([`Plan::is_settled`]).
pub fn plan(seen: &Observed, now: Timestamp, settings: &Settings) -> Plan {
    let plan = decide(seen, now, settings);
    match reasons::unobserved(seen, now) {
        Some(reason) => Plan { reasons: vec![reason], ..plan },
        None => plan,
    }
}

fn decide(seen: &Observed, now: Timestamp, settings: &Settings) -> Plan {
    if let Some(object) = &seen.awaited {
        return wait_for_own_write(object, now);
    }
    if seen.rollout.typed.metadata.deletion_timestamp.is_some() {
        // The garbage collector takes the ReplicaSets.
        return Plan { reasons: vec![reasons::leaving(&seen.rollout.typed)], ..Plan::default() };
    }
    let wanted = match workload::resolve(seen) {
        Ok(wanted) => wanted,
        Err(error) => {
            let message = workload::message(&seen.rollout.typed, &error);
            return invalid::plan(seen, &seen.rollout.typed, &message, now, settings);
        }
    };
    if let Some(message) = validate::invalid(seen, &wanted, settings) {
        return invalid::plan(seen, &wanted.rollout, &message, now, settings);
    }
    let claims = identify::claim(seen, &wanted.rollout);
    if !claims.is_empty() {
        return Plan { steps: claims, ..Plan::default() };
    }
    let release = identify::release(seen, &wanted, now, settings);
    let mut plan = pass(&release);
    plan.reasons.extend(reasons::explain(&release, &restarting::decide(&release)));
    plan
}

/// One pass of a valid Rollout.
fn pass(release: &Release<'_>) -> Plan {
    if let Some(plan) = damage::repair(release) {
        return plan;
    }
    if release.new.is_none() {
        return revision::create(release);
    }
    if let Some(step) = default_replicas(release).or_else(|| instincts::restart_by_annotation(release)) {
        return Plan { steps: vec![step], ..Plan::default() };
    }
    if let Some(status) = conditions::paused(release).filter(|_| progress::is_observed(release)) {
        let status = status::partial(release, status);
        return Plan { status: status::patch(release, &status), ..Plan::default() };
    }
    let mut plan = strategy(release);
    plan.steps.extend(workload::note_generation(release));
    if let Some(note) = instincts::pods_deleted_by_hand(release) {
        plan.hints = instincts::on_the_pods(release, &note);
        plan.events.push(note);
    }
    plan
}

fn strategy(release: &Release<'_>) -> Plan {
    if !release.is_template_changed() && scaling::is_due(release) {
        scaling::plan(release)
    } else if release.blue_green().is_some() {
        blue_green::plan(release)
    } else {
        canary::plan(release)
    }
}

/// Nothing is decided on a state that we ourselves have already changed.
fn wait_for_own_write(object: &ObjectRef, now: Timestamp) -> Plan {
    let reason =
        Reason::new("OwnWriteNotSeen", Urgency::Moving, format!("the last change of {object} is not seen yet"))
            .on(object.clone())
            .then("the next pass begins when it is", None);
    let retry = now.saturating_add(SignedDuration::from_secs(1)).ok();
    Plan { reasons: vec![reason], requeue: retry, ..Plan::default() }
}

/// An autoscaler needs the field.
fn default_replicas(release: &Release<'_>) -> Option<Step> {
    let replicas = release.rollout.spec.replicas;
    let patch = json!({"spec": {"replicas": defaults::replicas(release.rollout)}});
    replicas.is_none().then(|| Step::quiet(Action::PatchRollout { patch }))
}

/// A pass in which pods are restarted: availability is about to change, so nothing else is decided.
fn restart_only(release: &Release<'_>, mut steps: Vec<Step>, restart: Restart) -> Plan {
    let mut status = release.status().clone();
    let events = restarting::note(release, &mut status, &restart);
    let status = status::stamp(release, status, &restart);
    let requeue = restart.requeue;
    let is_served = matches!(restart.stage, Stage::Served(_));
    steps.extend(restart.steps);
    debug_assert!(!steps.is_empty() || is_served, "a restart pass does something");
    Plan { steps, status: status::patch(release, &status), events, requeue, ..Plan::default() }
}
