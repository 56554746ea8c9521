//! The status of a canary after a pass: its step, and whether it is promoted.

use jiff::{SignedDuration, Timestamp};
use tiphys_api::{
    constants::{
        messages::{self, skip_steps},
        reasons::{self, pause},
    },
    duration,
    types::RolloutPause,
};
use tiphys_runtime::recorder::Note;

use super::{
    canary_size::{self, Limits},
    pauses::Marks,
    plugin_steps::Plugins,
    promote,
    release::Release,
    rollback,
    routed_size::{self, Recorded},
    status::{self, Draft},
    steps, threshold, traffic,
};
use crate::observe::ReplicaSetView;

/// Returns the status after the template or the steps changed: the update begins from its first step, or skips all
/// when it goes back to stable or within the rollback window.
#[must_use]
pub(crate) fn reset(release: &Release<'_>) -> Draft {
    let mut status = status::base(release);
    status.promote_full = false;
    status.canary.step_plugin_statuses.clear();
    let count = release.step_count();
    status.current_step_index = count.map(|_| 0);
    let is_stable = !status.stable_rs.is_empty() && release.is_promoted();
    let is_back = rollback::is_within_window(release) && release.new.is_some_and(|new| new.size() > 0);
    let skipped = if is_stable { Some(skip_steps::STABLE) } else { is_back.then_some(skip_steps::WINDOW) };
    let mut notes = Vec::new();
    if let Some(text) = skipped.filter(|_| count.is_some()) {
        status.current_step_index = count;
        // Said only when something is skipped: new steps of a promoted Rollout skip nothing.
        let is_news = !is_stable || release.status().current_pod_hash != release.hash;
        notes.extend(is_news.then(|| Note::normal(reasons::event::SKIP_STEPS, text)));
    }
    let marks = Marks { clear: true, lift_abort: true, ..Marks::default() };
    Draft { status, marks, notes }
}

/// Returns the status after a pass on an unchanged update. `begin` is the pause that this pass begins, `plugins` what became
/// of plugin steps.
#[must_use]
pub(crate) fn advance(release: &Release<'_>, begin: Option<&'static str>, plugins: &Plugins) -> Draft {
    let analyses = release.analyses();
    let experiments = release.experiments();
    let begin = analyses.is_undecided.then_some(pause::INCONCLUSIVE_ANALYSIS_RUN).or(begin);
    let begin = experiments.is_undecided.then_some(pause::INCONCLUSIVE_EXPERIMENT).or(begin);
    let abort = [&experiments.abort, &analyses.abort, &plugins.abort].into_iter().flatten().next().cloned();
    let notes = [&plugins.notes[..], &analyses.notes[..]].concat();
    let mut draft = Draft { status: status::base(release), marks: Marks { begin, abort, ..Marks::default() }, notes };
    analyses.write(&mut draft.status);
    draft.status.canary.current_experiment.clone_from(&experiments.current);
    draft.status.canary.step_plugin_statuses.clone_from(&plugins.statuses);
    let count = release.step_count();
    draft.status.current_step_index = count.map(|count| release.status().current_step_index.unwrap_or(0).min(count));
    if draft.status.promote_full || rollback::is_within_window(release) {
        draft.marks.clear = true;
        draft.marks.lift_abort = true;
        draft.status.current_step_index = count;
    }
    if let Some(reason) = promote::reason(release, &draft.status, &draft.marks) {
        promote::apply(release, &mut draft, &reason);
    } else if release.is_aborted() && !draft.marks.lift_abort {
        draft.status.current_step_index = count.map(|_| 0);
    } else if draft.marks.abort.is_some() {
        draft.status.current_step_index = count.map(|_| 0);
    } else if !draft.marks.clear && is_step_complete(release, plugins) {
        complete_step(release, &mut draft);
    }
    draft
}

fn complete_step(release: &Release<'_>, draft: &mut Draft) {
    let Some(current) = steps::current(release.rollout) else { return };
    draft.status.current_step_index = draft.status.current_step_index.map(|index| index + 1);
    draft.marks.end = Some(pause::CANARY_PAUSE_STEP);
    draft.status.canary.current_step_analysis_run_status = None;
    draft.status.canary.current_experiment.clear();
    let count = steps::count(release.rollout);
    let text = messages::step_completed(current.index + 1, count, &current.step.summary());
    draft.notes.push(Note::normal(reasons::event::ROLLOUT_STEP_COMPLETED, text));
}

/// Returns whether the current step is done.
#[must_use]
pub(crate) fn is_step_complete(release: &Release<'_>, plugins: &Plugins) -> bool {
    let Some(current) = steps::current(release.rollout) else { return false };
    if release.rollout.spec.paused || release.status().stable_rs.is_empty() {
        return false;
    }
    let step = current.step;
    if let Some(pause) = &step.pause {
        return is_pause_complete(release, pause);
    }
    if step.set_canary_scale.is_some() {
        return is_at_size(release);
    }
    if step.set_weight.is_some() {
        return is_at_size(release) && traffic::is_at_weight(release);
    }
    if step.experiment.is_some() {
        return release.experiments().is_good;
    }
    if step.analysis.is_some() {
        return release.analyses().step.is_good;
    }
    if step.plugin.is_some() {
        return i32::try_from(current.index).is_ok_and(|index| plugins.is_complete(index));
    }
    // A route is made with the pass that comes to its step, unless the routers are told nothing.
    (step.set_header_route.is_some() || step.set_mirror_route.is_some()) && traffic::may_go_on(release)
}

/// Returns whether both sides have the pods of the current step.
#[must_use]
pub(crate) fn is_at_size(release: &Release<'_>) -> bool {
    if release.canary().is_some_and(|canary| canary.traffic_routing.is_some()) {
        return is_at_routed_size(release);
    }
    is_at_weight(release)
}

/// With a router the available pods of the stable side do not matter, nor whether a failing one can make them.
fn is_at_routed_size(release: &Release<'_>) -> bool {
    let weights = release.traffic().and_then(|traffic| traffic.weights.as_ref());
    let recorded = weights.map(|weights| Recorded { canary: weights.canary.weight, stable: weights.stable.weight });
    let side = |set: Option<&ReplicaSetView>| set.map(ReplicaSetView::side);
    let want = routed_size::sizes(release.rollout, side(release.new), side(release.stable), recorded);
    let limit = threshold::of(release.rollout);
    let is_new_there = threshold::is_met(limit, side(release.new), want.new, threshold::Strict::Exact);
    let is_created = |set: &ReplicaSetView| set.existing() == want.stable || set.failure().is_some();
    let is_stable_there = routed_size::is_dynamic(release.rollout)
        || release.separate_stable().is_none_or(|set| set.size() == want.stable && is_created(set));
    is_new_there && is_stable_there
}

fn is_pause_complete(release: &Release<'_>, step: &RolloutPause) -> bool {
    match release.pause(pause::CANARY_PAUSE_STEP) {
        None => release.status().controller_pause,
        Some(_) => pause_end(release, step).is_some_and(|end| release.now > end),
    }
}

/// Returns when a pause step with a duration ends; `None` before it began and for one that waits for a person.
#[must_use]
pub(crate) fn pause_end(release: &Release<'_>, step: &RolloutPause) -> Option<Timestamp> {
    let began = release.pause(pause::CANARY_PAUSE_STEP)?.start_time.as_ref()?.0;
    began.saturating_add(duration::pause(step)?).ok()
}

/// Returns when to look again because of a pause that ends by itself.
#[must_use]
pub(crate) fn pause_check(release: &Release<'_>) -> Option<Timestamp> {
    let step = steps::current(release.rollout)?.step.pause.as_ref()?;
    // Over only when the end is past, and stamps are whole seconds.
    pause_end(release, step)?.saturating_add(SignedDuration::from_millis(1)).ok()
}

/// Returns whether both sides have the pods of the current weight, and the old ones are gone.
fn is_at_weight(release: &Release<'_>) -> bool {
    let limits = Limits::of(release.rollout);
    let want = canary_size::ideal(release.desired(), steps::weight(release.rollout), limits.surge);
    let is_new_there = threshold::is_met(
        threshold::of(release.rollout),
        release.new.map(ReplicaSetView::side),
        want.new,
        threshold::Strict::Exact,
    );
    let is_stable_there =
        release.separate_stable().is_none_or(|stable| stable.size() == want.stable && stable.existing() == want.stable);
    let old: i32 = release.others.iter().map(|set| ReplicaSetView::available(set)).sum();
    is_new_there && is_stable_there && old == 0 && !release.is_stable_lost()
}
