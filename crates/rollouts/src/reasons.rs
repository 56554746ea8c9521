//! Why a Rollout is as it is: what it waits for, on which object, since when, what would unblock it, what happens next.

mod analysis;
mod attention;
mod experiment;
mod plugin;
mod pods;
mod traffic;

use jiff::Timestamp;
use tiphys_api::{
    constants::{
        conditions::{HEALTHY, PROGRESSING, TRUE},
        reasons::{self, pause},
    },
    types::PauseCondition,
};
use tiphys_runtime::reason::{ObjectRef, Reason, Urgency};

pub(crate) use self::attention::{leaving, unobserved};
use crate::{
    observe::ReplicaSetView,
    plan::explain_parts::{self as parts, Block, Progress, Release, Restart, Stage},
};

/// Returns the reasons for the present state, the most important first.
#[must_use]
pub(crate) fn explain(release: &Release<'_>, restart: &Restart) -> Vec<Reason> {
    let halts = [aborted(release), paused_by_person(release), paused_by_step(release), stable_lost(release)];
    let mut all: Vec<Reason> = halts.into_iter().flatten().collect();
    all.extend(restarting(release, restart));
    all.extend(too_late(release));
    all.extend(traffic::explain(release));
    all.extend(plugin::explain(release));
    all.extend(experiment::explain(release));
    all.extend(analysis::troubles(release));
    if all.is_empty() {
        all.push(moving(release).unwrap_or_else(|| settled(release)));
    } else if !release.is_aborted() {
        // What is held may be broken besides; a restart and a deadline tell their pods themselves.
        let is_told = |reason: &Reason| matches!(reason.code.as_str(), "Restarting" | "ProgressDeadlineExceeded");
        let more = if all.iter().any(is_told) { None } else { short(release) };
        all.extend(more.map(|set| waiting_for_pods(release, set)));
    }
    all.extend(waiting_for_scale_down(release));
    all
}

fn command(verb: &str, release: &Release<'_>) -> String {
    format!("{verb} {} -n {}", release.name(), release.namespace())
}

fn itself(release: &Release<'_>) -> ObjectRef {
    ObjectRef::new("Rollout", release.namespace(), release.name())
}

fn set_ref(release: &Release<'_>, set: &ReplicaSetView) -> ObjectRef {
    ObjectRef::new("ReplicaSet", release.namespace(), &set.name)
}

fn aborted(release: &Release<'_>) -> Option<Reason> {
    let status = release.status();
    if !release.is_aborted() {
        return None;
    }
    let progressing = status.conditions.iter().find(|condition| condition.kind == PROGRESSING);
    let text = progressing.filter(|condition| condition.reason == reasons::ROLLOUT_ABORTED);
    let text = text.map_or("the update is aborted", |condition| condition.message.as_str());
    let stable = release.stable.map_or(0, ReplicaSetView::revision);
    let cause = analysis::behind_abort(release, text);
    let reason = Reason::new("Aborted", Urgency::NeedsDecision, text)
        .on(itself(release))
        .since(status.aborted_at.as_ref().map(|time| time.0))
        .then(format!("revision {stable} keeps serving; applying the same manifest again changes nothing"), None)
        .remedy(command("retry", release), format!("tries revision {} again from the first step", release.revision()))
        .remedy(command("undo", release), format!("writes the template of revision {stable} back into the spec"));
    Some(with_causes(reason, cause.into_iter().collect()))
}

fn paused_by_person(release: &Release<'_>) -> Option<Reason> {
    release.rollout.spec.paused.then(|| {
        Reason::new("PausedByPerson", Urgency::NeedsDecision, "spec.paused is true")
            .on(itself(release))
            .then("nothing moves until it is set to false; Git may own the field", None)
            .remedy(command("resume", release), "sets spec.paused to false")
            .remedy(command("abort", release), "goes back to the stable version")
    })
}

fn paused_by_step(release: &Release<'_>) -> Option<Reason> {
    let first = release.status().pause_conditions.first()?;
    let since = first.start_time.as_ref().map(|time| time.0);
    let (text, next, at) = match first.reason.as_str() {
        pause::CANARY_PAUSE_STEP => canary_pause(release),
        pause::BLUE_GREEN_PAUSE => (
            "the preview is complete and waits for its promotion".to_owned(),
            "the active Service is switched to the new version".to_owned(),
            parts::blue_green_pause_end(release),
        ),
        _ => (paused_by_controller(first), "the release goes on".to_owned(), None),
    };
    let cause = if first.reason == pause::INCONCLUSIVE_ANALYSIS_RUN { analysis::undecided(release) } else { None };
    let urgency = if at.is_some() { Urgency::Moving } else { Urgency::NeedsDecision };
    let next_text = if at.is_some() { next.clone() } else { format!("{next} once it is promoted") };
    let reason = Reason::new(first.reason.clone(), urgency, text)
        .on(itself(release))
        .since(since)
        .then(next_text, at)
        .remedy(command("promote", release), next)
        .remedy(command("abort", release), "goes back to the stable version");
    Some(with_causes(reason, cause.into_iter().collect()))
}

fn paused_by_controller(pause: &PauseCondition) -> String {
    if pause.reason == pause::INCONCLUSIVE_ANALYSIS_RUN {
        return "an analysis came to no verdict, so a person has to decide".to_owned();
    }
    format!("paused by the controller: {}", pause.reason)
}

fn canary_pause(release: &Release<'_>) -> (String, String, Option<Timestamp>) {
    let steps = release.canary().map_or(&[] as &[_], |canary| &canary.steps);
    let index = parts::step_index(release);
    let pause = steps.get(index).and_then(|step| step.pause.as_ref());
    let how = match pause.and_then(tiphys_api::duration::pause) {
        Some(length) => format!("a pause of {}", parts::spell(length.as_secs())),
        None => "a pause without end".to_owned(),
    };
    let text = format!("step {} of {} is {how}", index + 1, steps.len());
    let next = match steps.get(index + 1) {
        Some(step) => format!("continues with step {} of {} ({})", index + 2, steps.len(), step.summary()),
        None => "all pods become new and the release is complete".to_owned(),
    };
    (text, next, parts::canary_pause_end(release))
}

fn stable_lost(release: &Release<'_>) -> Option<Reason> {
    let is_lost = parts::is_stable_missing(release) && release.seen.stable_record.is_none();
    is_lost.then(|| {
        let text = format!(
            "the stable ReplicaSet (hash {}) was deleted and no record of its template is left",
            release.status().stable_rs
        );
        Reason::new("StableReplicaSetLost", Urgency::Broken, text)
            .on(itself(release))
            .then("the new version takes all pods and stays at its step", None)
            .remedy(format!("{} --full", command("promote", release)), "makes the new version the stable one")
            .remedy(command("undo", release), "releases an earlier revision")
    })
}

fn restarting(release: &Release<'_>, restart: &Restart) -> Option<Reason> {
    match &restart.stage {
        Stage::Scheduled(at) => Some(
            Reason::new("RestartScheduled", Urgency::Settled, "a restart is scheduled")
                .on(itself(release))
                .then(format!("all {} pods are recreated one after the other", release.desired()), *at),
        ),
        Stage::Running(progress) => Some(running(release, progress)),
        Stage::Idle | Stage::Served(_) => None,
    }
}

fn running(release: &Release<'_>, progress: &Progress) -> Reason {
    let text = format!("{} of {} pods are restarted", progress.done, progress.total);
    let since = release.rollout.spec.restart_at.as_ref().map(|time| time.0);
    let reason = Reason::new("Restarting", Urgency::Moving, text).on(itself(release)).since(since);
    match &progress.block {
        None => reason.then("the next old pod is restarted when the last one is replaced", None),
        Some(block) => {
            let cause = blocked(release, block);
            Reason { urgency: cause.urgency.max(reason.urgency), ..reason }.because(cause)
        }
    }
}

fn blocked(release: &Release<'_>, block: &Block) -> Reason {
    let text = block.to_string();
    let waiting = |names: &[String]| {
        let known = release.seen.pods.iter().filter(|pod| names.contains(&pod.name));
        known.map(|pod| pods::reason(release, pod)).collect::<Vec<_>>()
    };
    match block {
        Block::Availability { unready, .. } => {
            with_causes(Reason::new("TooFewAvailable", Urgency::Moving, text), waiting(unready))
                .then("the next pod is restarted when enough are available", None)
        }
        Block::Budget { budget, since, unready } => {
            let name = budget.split_once('/').map_or(budget.as_str(), |(_, name)| name);
            let causes = waiting(unready);
            // Pods that we have restarted ourselves, and that are starting, open the budget again.
            let is_passing = !causes.is_empty() && causes.iter().all(|cause| cause.gravity() == Urgency::Moving);
            let urgency = if is_passing { Urgency::Moving } else { Urgency::Broken };
            let reason = Reason::new("BudgetBlocksRestart", urgency, text)
                .on(ObjectRef::new("PodDisruptionBudget", release.namespace(), name))
                .since(*since)
                .then("the restart goes on by itself as soon as the budget allows a disruption", None)
                .remedy(
                    format!("restart {} -n {} --surge", release.name(), release.namespace()),
                    "starts each new pod before an old one goes",
                );
            with_causes(reason, causes)
        }
        Block::SeveralBudgets { pod, .. } => Reason::new("SeveralBudgets", Urgency::Broken, text)
            .on(ObjectRef::new("Pod", release.namespace(), pod))
            .then("the server refuses every eviction until one budget is left", None),
        Block::Refused { pod, .. } => Reason::new("EvictionRefused", Urgency::Broken, text)
            .on(ObjectRef::new("Pod", release.namespace(), pod))
            .then("it is tried again shortly", None),
        Block::NewPod { .. } => Reason::new("NewPodNotAvailable", Urgency::Moving, text)
            .then("an old pod goes when the new one is available", None),
    }
}

fn with_causes(reason: Reason, causes: Vec<Reason>) -> Reason {
    causes.into_iter().take(pods::PODS_MAX).fold(reason, Reason::because)
}

fn too_late(release: &Release<'_>) -> Option<Reason> {
    let progressing = release.status().conditions.iter().find(|condition| condition.kind == PROGRESSING)?;
    if progressing.reason != reasons::PROGRESS_DEADLINE_EXCEEDED {
        return None;
    }
    let reason = Reason::new("ProgressDeadlineExceeded", Urgency::Broken, progressing.message.clone())
        .on(itself(release))
        .since(progressing.last_transition_time.as_ref().map(|time| time.0))
        .then("it goes on trying", None);
    let causes = match release.new {
        Some(new) if new.available() < new.size() => vec![waiting_for_pods(release, new)],
        _ => pods::unready(release, release.new),
    };
    Some(with_causes(with_way_back(release, reason), causes))
}

fn is_late(release: &Release<'_>) -> bool {
    let conditions = &release.status().conditions;
    let progressing = conditions.iter().find(|condition| condition.kind == PROGRESSING);
    progressing.is_some_and(|condition| condition.reason == reasons::PROGRESS_DEADLINE_EXCEEDED)
}

/// An update can be given up while the stable version is there.
fn with_way_back(release: &Release<'_>, reason: Reason) -> Reason {
    if release.is_aborted() || release.is_promoted() || release.separate_stable().is_none() {
        return reason;
    }
    reason.remedy(command("abort", release), "goes back to the stable version")
}

/// An update under way: which ReplicaSet it waits for, or what it does next.
fn moving(release: &Release<'_>) -> Option<Reason> {
    if let Some(set) = short(release) {
        let waiting = waiting_for_pods(release, set);
        return Some(match parts::current_step(release) {
            Some(step) if !release.is_promoted() => at_step(release, set, &step, waiting),
            _ => with_way_back(release, waiting),
        });
    }
    if let Some(reason) = uncreated(release) {
        return Some(reason);
    }
    if release.is_promoted() && is_healthy(release) {
        return None;
    }
    if let Some(run) = analysis::waited_for(release) {
        let text = match parts::current_step(release) {
            Some(step) if !release.is_promoted() => format!("step {step} waits for its analysis"),
            _ => "the release waits for its analysis".to_owned(),
        };
        let reason = Reason::new("WaitingForAnalysis", Urgency::Moving, text).on(itself(release));
        return Some(with_way_back(release, reason).because(run));
    }
    let message = &release.status().message;
    let text = if message.is_empty() { "the update is under way" } else { message };
    let reason = Reason::new("Progressing", Urgency::Moving, text).on(itself(release));
    Some(match parts::current_step(release) {
        Some(step) => reason.then(format!("step {step}"), None),
        None => reason.then("pods of the old version are replaced", parts::deadline(release)),
    })
}

/// The first ReplicaSet in use that has too few available pods.
fn short<'a>(release: &Release<'a>) -> Option<&'a ReplicaSetView> {
    let sets = [release.new, release.separate_stable()].into_iter().flatten();
    sets.into_iter().find(|set| set.available() < set.size())
}

fn at_step(release: &Release<'_>, set: &ReplicaSetView, step: &str, waiting: Reason) -> Reason {
    let which = if release.new.is_some_and(|new| new.uid == set.uid) { "new" } else { "stable" };
    let pods = if set.size() - set.available() == 1 { "a pod" } else { "pods" };
    let reason =
        Reason::new("WaitingForStep", Urgency::Moving, format!("step {step} waits for {pods} of the {which} version"))
            .on(itself(release));
    let reason = Reason { next: waiting.next.clone(), next_at: waiting.next_at, ..reason };
    with_way_back(release, reason).because(waiting)
}

/// The new ReplicaSet could not even be made.
fn uncreated(release: &Release<'_>) -> Option<Reason> {
    let progressing = release.status().conditions.iter().find(|condition| condition.kind == PROGRESSING)?;
    let is_refused = progressing.reason == reasons::REPLICA_SET_CREATE_ERROR && release.new.is_none();
    is_refused.then(|| {
        Reason::new("ReplicaSetCreateError", Urgency::Broken, progressing.message.clone())
            .on(itself(release))
            .since(progressing.last_transition_time.as_ref().map(|time| time.0))
            .then("it is tried again at growing intervals; running pods stay", None)
            .inspect(format!("kubectl describe rollout {} -n {}", release.name(), release.namespace()))
    })
}

fn is_healthy(release: &Release<'_>) -> bool {
    let healthy = release.status().conditions.iter().find(|condition| condition.kind == HEALTHY);
    healthy.is_some_and(|condition| condition.status == TRUE)
}

fn waiting_for_pods(release: &Release<'_>, set: &ReplicaSetView) -> Reason {
    let text = format!(
        "ReplicaSet {} (revision {}) has {} of {} pods available",
        set.name,
        set.revision(),
        set.available(),
        set.size()
    );
    let reason = Reason::new("WaitingForPods", Urgency::Moving, text).on(set_ref(release, set));
    let is_new = release.new.is_some_and(|new| new.uid == set.uid) && !release.is_promoted();
    let reason = match parts::deadline(release).filter(|at| is_new && *at > release.now && !is_late(release)) {
        Some(deadline) => reason.then("without progress the Rollout is degraded", deadline),
        None => reason,
    };
    with_causes(reason, pods::shortage(release, set))
}

fn settled(release: &Release<'_>) -> Reason {
    let revision = release.revision();
    let text = match release.desired() {
        0 => format!("it is scaled to 0 pods of revision {revision}"),
        1 => format!("its pod runs revision {revision} and is available"),
        pods => format!("all {pods} pods run revision {revision} and are available"),
    };
    Reason::new("Healthy", Urgency::Settled, text).on(itself(release))
}

fn waiting_for_scale_down(release: &Release<'_>) -> Option<Reason> {
    let waiting = release.owned.iter().filter(|set| set.size() > 0).filter_map(|set| Some((set.deadline_at()?, set)));
    let (at, set) = waiting.min_by_key(|(at, _)| *at)?;
    let text = format!("ReplicaSet {} (revision {}) is kept for a fast way back", set.name, set.revision());
    Some(Reason::new("ScaleDownDelay", Urgency::Settled, text).on(set_ref(release, set)).then("it is scaled to 0", at))
}
