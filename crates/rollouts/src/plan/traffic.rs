//! Telling the routers: the decision of [`super::weights`] becomes changes of their objects.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tiphys_api::{
    Rollout, defaults,
    types::{TrafficRouting, TrafficWeights, WeightDestination},
};
use tiphys_runtime::recorder::Note;
use tiphys_traffic::{Fault, Order, Outcome, Verification, Verify, Wanted, route};

use super::{
    conditions,
    release::Release,
    router_plugins,
    routes::{self, Routes},
    status::Draft,
    weights::{Decision, Input, Pods, Situation, decide},
};
use crate::{
    action::{Action, Step},
    observe::ReplicaSetView,
};

/// Condition that says which router could not do its part.
pub(crate) const ROUTER_FAULT: &str = "RouterFault";
/// Reason of that condition, and of the event about it.
const TRAFFIC_ROUTING_ERROR: &str = "TrafficRoutingError";

/// What one pass has to do with routers.
#[derive(Debug, Clone)]
pub(crate) struct Traffic {
    /// What was decided.
    pub decision: Decision,
    /// Changes of routers' objects, in order.
    pub steps: Vec<Step>,
    /// What goes into `status.canary.weights`.
    pub weights: Option<TrafficWeights>,
    /// Why routers could not do their part.
    pub faults: Vec<Fault>,
    /// What is missing until the weights are in force.
    pub unconfirmed: Option<String>,
    /// Told with the status.
    pub notes: Vec<Note>,
}

impl Traffic {
    /// Returns whether all routers have what they were told, as far as they can tell.
    #[must_use]
    pub(crate) fn is_in_force(&self) -> bool {
        self.faults.is_empty() && self.unconfirmed.is_none() && self.decision.is_told
    }

    /// Returns whether users may be on the canary side: by what was written, or because it is not confirmed.
    #[must_use]
    pub(crate) fn has_canary_users(&self, release: &Release<'_>) -> bool {
        let stored = release.status().canary.weights.as_ref();
        !self.is_in_force() || stored.is_some_and(|weights| weights.canary.weight > 0)
    }
}

/// Returns the routing of a canary if any router is named in it.
#[must_use]
pub(crate) fn routing(rollout: &Rollout) -> Option<&TrafficRouting> {
    let routing = rollout.spec.strategy.canary.as_ref()?.traffic_routing.as_ref()?;
    let named = [
        routing.istio.is_some(),
        routing.nginx.is_some(),
        routing.alb.is_some(),
        routing.smi.is_some(),
        routing.ambassador.is_some(),
        routing.app_mesh.is_some(),
        routing.traefik.is_some(),
        routing.apisix.is_some(),
        !routing.plugins.is_empty(),
    ];
    named.contains(&true).then_some(routing)
}

/// Plans what routers are told; `None` without a router.
#[must_use]
pub(crate) fn plan(release: &Release<'_>) -> Option<Traffic> {
    release.canary()?;
    routing(release.rollout)?;
    let decision = decide(&input(release));
    if !decision.is_told {
        let weights = release.status().canary.weights.clone();
        return Some(Traffic {
            decision,
            steps: Vec::new(),
            weights,
            faults: Vec::new(),
            unconfirmed: None,
            notes: Vec::new(),
        });
    }
    let weights = weights(release, &decision);
    let wanted = wanted(release, &decision, weights.clone());
    let outcome = route(release.rollout, &wanted, &release.seen.routing, &release.settings.routers);
    Some(told(release, decision, &wanted, weights, outcome))
}

/// Returns what weights are decided from.
#[must_use]
pub(crate) fn input<'a>(release: &Release<'a>) -> Input<'a> {
    let recorded = release.status().canary.weights.as_ref();
    let former = recorded
        .and_then(|weights| release.others.iter().copied().find(|set| set.hash == weights.canary.pod_template_hash));
    Input {
        rollout: release.rollout,
        new: release.new.map(pods),
        stable: release.stable.map(pods),
        former: former.map(pods),
        experiment: release.seen.current_experiment().map(|experiment| &experiment.status),
    }
}

fn pods(set: &ReplicaSetView) -> Pods<'_> {
    Pods {
        hash: &set.hash,
        size: set.size(),
        existing: set.existing(),
        available: set.available(),
        is_failing: set.failure().is_some(),
    }
}

fn told(
    release: &Release<'_>,
    decision: Decision,
    wanted: &Wanted,
    weights: TrafficWeights,
    outcome: Outcome,
) -> Traffic {
    let steps = outcome.changes.into_iter().map(|change| {
        let events = change.events.clone();
        Step { action: Action::Route(Box::new(change)), events }
    });
    let mut steps: Vec<Step> = steps.collect();
    let mut faults = outcome.faults;
    let plugins = router_plugins::round(release, wanted, &outcome.plugins);
    faults.extend(plugins.faults);
    let confirmation = Confirmation::of(release, &outcome.verification);
    steps.extend(confirmation.asks);
    steps.extend(plugins.asks);
    let verified = match (confirmation.verified, plugins.verified) {
        (Some(one), Some(other)) => Some(one && other),
        (one, other) => one.or(other),
    };
    let unconfirmed = confirmation.missing.or(plugins.missing);
    let stored = release.status().canary.weights.as_ref();
    let weights = TrafficWeights { verified, ..weights };
    let mut notes = outcome.events;
    let recorded = if faults.is_empty() {
        notes.extend(updated(stored, &weights));
        Some(weights)
    } else {
        stored.cloned()
    };
    Traffic { decision, steps, weights: recorded, faults, unconfirmed, notes }
}

/// Whether weights are in force.
struct Confirmation {
    /// What the status says: nothing where no router can tell.
    verified: Option<bool>,
    /// What is missing.
    missing: Option<String>,
    /// Questions to ask outside of the cluster.
    asks: Vec<Step>,
}

impl Confirmation {
    fn of(release: &Release<'_>, verification: &Verification) -> Self {
        match verification {
            Verification::NotSupported => Self { verified: None, missing: None, asks: Vec::new() },
            Verification::Verified => Self { verified: Some(true), missing: None, asks: Vec::new() },
            Verification::NotYet { why } => {
                Self { verified: Some(false), missing: Some(why.clone()), asks: Vec::new() }
            }
            Verification::Ask(asks) => Self::asked(release, asks),
        }
    }

    /// A good answer holds as long as the question is the same; a bad one is asked for again after a while.
    fn asked(release: &Release<'_>, asks: &[Verify]) -> Self {
        let mut found = Self { verified: Some(true), missing: None, asks: Vec::new() };
        for ask in asks {
            let known = release.seen.recall.checked.iter().find(|checked| checked.ask == *ask);
            if known.is_some_and(|known| known.answer.is_verified) {
                continue;
            }
            let why = known.and_then(|known| known.answer.why.clone());
            found.verified = Some(false);
            found.missing.get_or_insert(why.unwrap_or_else(|| "the load balancer has not answered yet".to_owned()));
            let again = known.and_then(|known| known.at.checked_add(release.settings.verify_retry).ok());
            if again.is_none_or(|again| again <= release.now) {
                found.asks.push(Step::quiet(Action::VerifyWeights(Box::new(ask.clone()))));
            }
        }
        found
    }
}

/// What the status keeps of a decision; Services are the fields of the spec, whichever a router uses.
fn weights(release: &Release<'_>, decision: &Decision) -> TrafficWeights {
    let strategy = release.rollout.spec.strategy.canary.as_ref();
    let name =
        |service: fn(&tiphys_api::types::CanaryStrategy) -> &String| strategy.map(service).cloned().unwrap_or_default();
    TrafficWeights {
        canary: WeightDestination {
            weight: decision.weight,
            service_name: name(|canary| &canary.canary_service),
            pod_template_hash: decision.canary_hash.clone(),
        },
        stable: WeightDestination {
            weight: decision.stable_weight(),
            service_name: name(|canary| &canary.stable_service),
            pod_template_hash: decision.stable_hash.clone(),
        },
        additional: decision.additional.clone(),
        verified: None,
    }
}

fn wanted(release: &Release<'_>, decision: &Decision, weights: TrafficWeights) -> Wanted {
    let has_routes = decision.may_have_routes && release.revision() > 1;
    let live = if has_routes { routes::live(release.rollout) } else { Routes::default() };
    let previous = release.status().canary.weights.clone();
    let is_leaving = matches!(decision.situation, Situation::NoCanary | Situation::Superseding);
    let weights_first = is_leaving && previous.as_ref().is_some_and(|weights| weights.canary.weight > 0);
    Wanted {
        weights,
        previous,
        headers: live.headers.into_iter().cloned().collect(),
        mirrors: live.mirrors.into_iter().cloned().collect(),
        order: if weights_first { Order::WeightsFirst } else { Order::SelectionFirst },
        incomplete: incomplete(release, decision),
    }
}

/// On the way back to stable nobody waits for the canary.
fn incomplete(release: &Release<'_>, decision: &Decision) -> BTreeMap<String, String> {
    let is_back = matches!(decision.situation, Situation::Aborted | Situation::RollingBack | Situation::NoCanary);
    let new = release.new.filter(|_| !is_back);
    let sets = [new, release.separate_stable()].into_iter().flatten();
    let short = sets.filter(|set| set.size() > 0 && set.available() < set.size());
    short.map(|set| (set.hash.clone(), set.name.clone())).collect()
}

/// The event of new weights. (Upstream also tells, without words, that only hashes have changed.)
fn updated(before: Option<&TrafficWeights>, after: &TrafficWeights) -> Option<Note> {
    let (from, to) = (before.map(|weights| weights.canary.weight), after.canary.weight);
    let weight = match from {
        None => Some(format!("to {to}")),
        Some(from) if from != to => Some(format!("from {from} to {to}")),
        Some(_) => None,
    };
    let is_additional = before.is_some_and(|before| before.additional != after.additional);
    let additional = is_additional.then(|| format!("additional: {}", go_list(&after.additional)));
    let parts: Vec<String> = weight.into_iter().chain(additional).collect();
    let text = format!("Traffic weight updated {}", parts.join(", "));
    (!parts.is_empty()).then(|| Note::normal(tiphys_api::constants::reasons::event::TRAFFIC_WEIGHT_UPDATED, text))
}

/// Destinations as upstream prints them: `[{10 web-exp 7d9c}]`.
fn go_list(destinations: &[WeightDestination]) -> String {
    let texts =
        destinations.iter().map(|one| format!("{{{} {} {}}}", one.weight, one.service_name, one.pod_template_hash));
    format!("[{}]", texts.collect::<Vec<_>>().join(" "))
}

/// Writes weights and faults of a pass into a draft of the status.
pub(crate) fn note(release: &Release<'_>, draft: &mut Draft) {
    let Some(traffic) = release.traffic() else {
        conditions::remove(&mut draft.status.conditions, ROUTER_FAULT);
        return;
    };
    draft.status.canary.weights.clone_from(&traffic.weights);
    note_load_balancers(release, draft);
    draft.notes.splice(0..0, traffic.notes.iter().cloned());
    let lasting = traffic.faults.iter().filter(|fault| !fault.is_passing);
    let texts: Vec<String> = lasting.clone().map(|fault| format!("{}: {}", fault.router, fault.message)).collect();
    if texts.is_empty() {
        conditions::remove(&mut draft.status.conditions, ROUTER_FAULT);
        return;
    }
    let fault = conditions::new(ROUTER_FAULT, "True", TRAFFIC_ROUTING_ERROR, texts.join("; "));
    let known = conditions::get(&draft.status.conditions, ROUTER_FAULT);
    if known.is_none_or(|known| known.message != fault.message) {
        conditions::replace(&mut draft.status.conditions, fault, &release.stamp());
        draft.notes.extend(lasting.flat_map(|fault| fault.events.iter().cloned()));
    }
}

/// What load balancers were found is for the arguments of analyses; the last one also stands alone.
fn note_load_balancers(release: &Release<'_>, draft: &mut Draft) {
    if !release.settings.routers.aws_verify_target_group {
        draft.status.alb = None;
        draft.status.albs.clear();
        return;
    }
    for found in release.seen.recall.checked.iter().filter_map(|checked| checked.answer.status.as_ref()) {
        draft.status.albs.retain(|known| known.ingress != found.ingress);
        draft.status.albs.push(found.clone());
        draft.status.alb = Some(found.clone());
    }
}

/// Returns when to look again though no object changes: at a router that has not confirmed yet, or that is faulty.
#[must_use]
pub(crate) fn next_check(release: &Release<'_>) -> Option<Timestamp> {
    let traffic = release.traffic()?;
    let settings = release.settings;
    if traffic.unconfirmed.is_some() || traffic.faults.iter().any(|fault| fault.is_passing) {
        return Some(release.after(settings.verify_retry));
    }
    (!traffic.faults.is_empty()).then(|| release.after(settings.fault_retry))
}

/// Returns whether nothing of the routers stands against going on: what was decided is told, and in force.
#[must_use]
pub(crate) fn may_go_on(release: &Release<'_>) -> bool {
    release.traffic().is_none_or(Traffic::is_in_force)
}

/// Returns whether the weight of the current step is in force.
#[must_use]
pub(crate) fn is_at_weight(release: &Release<'_>) -> bool {
    release.traffic().is_none_or(|traffic| traffic.is_in_force() && traffic.decision.held.is_none())
}

/// Returns whether all users are on the new version, as the end of the steps asks for.
#[must_use]
pub(crate) fn is_at_end(release: &Release<'_>) -> bool {
    let Some(traffic) = release.traffic() else { return true };
    let is_done = traffic.decision.situation == Situation::Done;
    !is_done || traffic.is_in_force() && traffic.decision.weight == defaults::max_traffic_weight(release.rollout)
}
