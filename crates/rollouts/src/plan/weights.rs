//! Which share of the users each side gets: a pure function of the Rollout and its two ReplicaSets.
//!
//! [`decide`] reads as the specification does: [`situation`] says where the release stands, [`wanted`] the weight that goes
//! with it, `bear` how much of that the pods can bear now. Two rules keep users off empty ReplicaSets: a version that is
//! superseded keeps its place until its users are gone, or no more than the next version has pods for; and at the end of an update the stable side shows the new
//! version before the users go back to it.

use tiphys_api::{
    Rollout, defaults,
    types::{ExperimentStatus, TrafficWeights, WeightDestination},
};

use super::{
    canary_size::Side,
    routed_size::{self, is_dynamic},
    steps, threshold,
};

/// A ReplicaSet as far as weights depend on it, in pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pods<'a> {
    /// Hash of its pod template.
    pub hash: &'a str,
    /// `spec.replicas`.
    pub size: i32,
    /// `status.replicas`.
    pub existing: i32,
    /// Available pods.
    pub available: i32,
    /// Whether its controller cannot make pods, for instance because of a quota.
    pub is_failing: bool,
}

/// What weights are decided from.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The Rollout with its stored status.
    pub rollout: &'a Rollout,
    /// The ReplicaSet of the wanted template.
    pub new: Option<Pods<'a>>,
    /// The ReplicaSet of the last promoted template.
    pub stable: Option<Pods<'a>>,
    /// The ReplicaSet of the version that the router was last told of, if it is neither of the two.
    pub former: Option<Pods<'a>>,
    /// The Experiment of the current step.
    pub experiment: Option<&'a ExperimentStatus>,
}

/// Where a release stands, as far as weights are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Situation {
    /// Going back to the stable version with `dynamicStableScale`: the abandoned one keeps its users until stable is complete.
    RollingBack,
    /// The wanted version is the stable one.
    Promoted,
    /// The update is aborted.
    Aborted,
    /// The new version has no available pod.
    NoCanary,
    /// Another version has more users than the new one has pods for, and has to lose them first.
    Superseding,
    /// A person has asked for all of it.
    Full,
    /// The pods of the current step are not there yet.
    Growing,
    /// The current step's.
    AtStep,
    /// All steps are done.
    Done,
    /// There are no steps: users move when the stable side becomes the new version.
    NoSteps,
}

/// Why the router is not told what is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// The stable side has too few available pods.
    ForStable {
        /// Available pods.
        available: i32,
        /// Pods that the weight needs.
        needed: i32,
    },
    /// The stable side shows the new version first, the users follow in the next pass.
    ForHashes,
}

/// What the router is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Where the release stands.
    pub situation: Situation,
    /// Weight of the canary side, on a scale of `full`.
    pub weight: i32,
    /// The weight that means everybody.
    pub full: i32,
    /// Hash of the canary side.
    pub canary_hash: String,
    /// Hash of the stable side.
    pub stable_hash: String,
    /// Experiments that take a share from the stable side.
    pub additional: Vec<WeightDestination>,
    /// Whether routes of header and mirror steps may exist.
    pub may_have_routes: bool,
    /// Why `weight` is not what the situation asks for, if so.
    pub held: Option<Held>,
    /// Whether anything is told at all: before the first time, the stable side has to be complete.
    pub is_told: bool,
}

impl Decision {
    /// Returns the weight that is left to the stable side.
    #[must_use]
    pub fn stable_weight(&self) -> i32 {
        self.full - self.weight - self.additional.iter().map(|extra| extra.weight).sum::<i32>()
    }
}

/// Returns what the router is told now.
#[must_use]
pub fn decide(input: &Input<'_>) -> Decision {
    let situation = situation(input);
    let full = defaults::max_traffic_weight(input.rollout);
    let wanted = wanted(input, situation);
    let (weight, held, is_told) = match bear(input, situation, wanted) {
        Bearable::All => (wanted, None, true),
        Bearable::Some(weight, held) => (weight, Some(held), true),
        Bearable::Nothing(held) => (wanted, Some(held), false),
    };
    let stable_hash = input.stable.map_or_else(|| recorded_stable_hash(input), |stable| stable.hash.to_owned());
    Decision {
        situation,
        weight,
        full,
        canary_hash: canary_hash(input, situation).to_owned(),
        stable_hash,
        additional: destinations(input, situation),
        may_have_routes: matches!(situation, Situation::Growing | Situation::AtStep | Situation::Done),
        held,
        is_told,
    }
}

/// Returns where the release stands; the first that fits.
#[must_use]
pub fn situation(input: &Input<'_>) -> Situation {
    let status = &input.rollout.status;
    let available = input.new.map_or(0, |new| new.available);
    let is_promoted = status.stable_rs == status.current_pod_hash;
    if is_promoted && is_dynamic(input.rollout) && is_canary_abandoned(input) && available < desired(input) {
        Situation::RollingBack
    } else if is_promoted {
        Situation::Promoted
    } else if status.abort {
        Situation::Aborted
    } else if available == 0 {
        Situation::NoCanary
    } else if is_superseding(input) {
        Situation::Superseding
    } else if status.promote_full {
        Situation::Full
    } else if steps::count(input.rollout) == 0 {
        Situation::NoSteps
    } else if !is_at_step(input) {
        Situation::Growing
    } else if steps::current(input.rollout).is_some() {
        Situation::AtStep
    } else {
        Situation::Done
    }
}

/// Returns the weight that a situation asks for.
///
/// While pods of a higher weight are still missing the former weight holds; a lower one holds at once.
#[must_use]
pub fn wanted(input: &Input<'_>, situation: Situation) -> i32 {
    let rollout = input.rollout;
    let full = defaults::max_traffic_weight(rollout);
    let available = input.new.map_or(0, |new| new.available);
    match situation {
        Situation::RollingBack | Situation::Aborted => on_the_way_back(input),
        Situation::Promoted | Situation::NoCanary | Situation::Superseding | Situation::NoSteps => 0,
        Situation::Full if is_dynamic(rollout) => portion(full, available, desired(input)),
        Situation::Full => recorded(input).map_or(0, |weights| weights.canary.weight),
        Situation::Growing => steps::weight_before(rollout).min(steps::set_weight(rollout)),
        Situation::AtStep => steps::set_weight(rollout),
        Situation::Done => full,
    }
}

/// A version that still has users loses them as fast as stable pods are there, or hands them over to a version that has the
/// pods for as many.
fn is_superseding(input: &Input<'_>) -> bool {
    let present = recorded(input).filter(|_| is_canary_abandoned(input)).map_or(0, |weights| weights.canary.weight);
    present > 0 && (present > steps::set_weight(input.rollout) || !is_at_step(input))
}

/// Whether the pods of the current step are there. Whether the stable side's are available does not matter; one that cannot
/// make its pods does not hold up the version that may mend it.
fn is_at_step(input: &Input<'_>) -> bool {
    let side = |pods: Pods<'_>| Side { spec: pods.size, available: pods.available };
    let want = routed_size::sizes(input.rollout, input.new.map(side), input.stable.map(side), None);
    let limit = threshold::of(input.rollout);
    let is_stable_there = is_dynamic(input.rollout)
        || input.stable.map_or(want.stable == 0, |stable| {
            stable.size == want.stable && (stable.existing == want.stable || stable.is_failing)
        });
    threshold::is_met(limit, input.new.map(side), want.new, threshold::Strict::Exact) && is_stable_there
}

/// An abort, or a return to the stable version, with `dynamicStableScale`: users go as far as the stable side has grown.
fn on_the_way_back(input: &Input<'_>) -> i32 {
    let rollout = input.rollout;
    let replicas = rollout.spec.replicas.unwrap_or(0);
    let (Some(new), Some(stable)) = (input.new, input.stable) else { return 0 };
    if !is_dynamic(rollout) || replicas == 0 {
        return 0;
    }
    let full = defaults::max_traffic_weight(rollout);
    let side = |pods: Pods<'_>| Side { spec: pods.size, available: pods.available };
    let borne = portion(full, stable.available, replicas);
    let expected = (full - borne).max(0);
    let step = routed_size::weight(rollout, Some(side(new)), Some(side(stable)));
    let Some(weights) = recorded(input) else { return expected.max(step) };
    let present = weights.canary.weight;
    if step <= 0 {
        expected.min(present)
    } else if borne < full - step {
        present
    } else {
        present.min(step)
    }
}

/// How much of a weight the pods can bear.
enum Bearable {
    All,
    Some(i32, Held),
    Nothing(Held),
}

/// Lowering the canary's weight asks something of the stable side, raising it asks nothing; so users who come back come as
/// fast as stable pods are there, and what is already in force may always be written again.
fn bear(input: &Input<'_>, situation: Situation, wanted: i32) -> Bearable {
    let full = defaults::max_traffic_weight(input.rollout);
    let Some(stable) = input.stable else { return without_stable(input) };
    let needed = portion(desired(input), full - wanted, full);
    let held = Held::ForStable { available: stable.available, needed };
    let side = Side { spec: stable.size, available: stable.available };
    let limit = threshold::of(input.rollout);
    let is_enough =
        stable.available >= needed || threshold::is_met(limit, Some(side), needed, threshold::Strict::Exact);
    let Some(weights) = recorded(input) else {
        // A version that has the pods for its weight may mend a stable side that never worked.
        return if is_enough || wanted > 0 { Bearable::All } else { Bearable::Nothing(held) };
    };
    let present = weights.canary.weight;
    if situation == Situation::Promoted && present > 0 && shows_another_stable(input, weights) {
        return Bearable::Some(present, Held::ForHashes);
    }
    let is_free =
        wanted >= present || may_abort(input, situation, stable) || is_canary_dead(input) && stable.available > 0;
    if is_enough || is_free {
        return Bearable::All;
    }
    let borne = full - portion(full, stable.available, desired(input));
    Bearable::Some(borne.max(wanted).min(present), held)
}

/// The stable ReplicaSet is lost: users go to the new version as far as it has pods for them.
fn without_stable(input: &Input<'_>) -> Bearable {
    let held = Held::ForStable { available: 0, needed: desired(input) };
    let (Some(weights), Some(new)) = (recorded(input), input.new) else { return Bearable::Nothing(held) };
    if input.rollout.status.stable_rs.is_empty() {
        return Bearable::Nothing(held);
    }
    let full = defaults::max_traffic_weight(input.rollout);
    Bearable::Some(portion(full, new.available, desired(input)).clamp(weights.canary.weight, full), held)
}

/// An aborted version is worse than a few missing stable pods: `maxUnavailable` of them are put up with.
fn may_abort(input: &Input<'_>, situation: Situation, stable: Pods<'_>) -> bool {
    let least = desired(input) - defaults::max_unavailable(input.rollout);
    situation == Situation::Aborted && !is_dynamic(input.rollout) && stable.available >= least.max(1)
}

/// Whether users of the canary side meet no pod at all.
fn is_canary_dead(input: &Input<'_>) -> bool {
    let side = if is_canary_abandoned(input) { input.former } else { input.new };
    side.is_none_or(|pods| pods.available == 0)
}

/// At the end of an update: the users are on the canary side, which is the new stable version.
fn shows_another_stable(input: &Input<'_>, weights: &TrafficWeights) -> bool {
    let is_at_canary = input.new.is_some_and(|new| new.hash == weights.canary.pod_template_hash);
    let is_news = input.stable.is_some_and(|stable| stable.hash != weights.stable.pod_template_hash);
    is_at_canary && is_news
}

/// A version that still has users keeps its place until they are gone.
fn canary_hash<'a>(input: &Input<'a>, situation: Situation) -> &'a str {
    let new = input.new.map_or("", |new| new.hash);
    let abandoned = recorded(input).filter(|weights| weights.canary.weight > 0 && is_canary_abandoned(input));
    match (situation, abandoned) {
        (Situation::RollingBack, _) => recorded(input).map_or(new, |weights| &weights.canary.pod_template_hash),
        (Situation::NoCanary | Situation::Superseding | Situation::Aborted, Some(weights)) => {
            &weights.canary.pod_template_hash
        }
        _ => new,
    }
}

/// Whether the router was last told of another version than the wanted one.
fn is_canary_abandoned(input: &Input<'_>) -> bool {
    recorded(input).zip(input.new).is_some_and(|(weights, new)| weights.canary.pod_template_hash != new.hash)
}

fn recorded_stable_hash(input: &Input<'_>) -> String {
    recorded(input).map_or_else(String::new, |weights| weights.stable.pod_template_hash.clone())
}

/// The shares of the templates of a running Experiment.
fn destinations(input: &Input<'_>, situation: Situation) -> Vec<WeightDestination> {
    if !matches!(situation, Situation::NoCanary | Situation::Growing | Situation::AtStep) {
        return Vec::new();
    }
    let running = input.experiment.filter(|experiment| experiment.phase == "Running");
    let step = steps::so_far(input.rollout).iter().rev().find_map(|step| step.experiment.as_ref());
    let Some((experiment, step)) = running.zip(step) else { return Vec::new() };
    let weighted = experiment.template_statuses.iter().filter_map(|status| {
        let template = step.templates.iter().find(|template| template.name == status.name)?;
        Some(WeightDestination {
            weight: template.weight?,
            service_name: status.service_name.clone(),
            pod_template_hash: status.pod_template_hash.clone(),
        })
    });
    weighted.collect()
}

fn recorded<'a>(input: &Input<'a>) -> Option<&'a TrafficWeights> {
    input.rollout.status.canary.weights.as_ref()
}

fn desired(input: &Input<'_>) -> i32 {
    defaults::replicas(input.rollout)
}

/// `of * part / whole`, rounded down.
fn portion(of: i32, part: i32, whole: i32) -> i32 {
    let portion = i64::from(of) * i64::from(part) / i64::from(whole.max(1));
    i32::try_from(portion).unwrap_or(i32::MAX)
}

#[cfg(test)]
#[path = "weights_tests.rs"]
mod tests;
