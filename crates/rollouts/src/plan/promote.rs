//! When the wanted version becomes the stable one.

use tiphys_api::{
    constants::{
        completion_status::{FAST_PROMOTED, PROMOTED},
        messages, ping_pong, reasons,
        scale_down::{ON_SUCCESS, PROGRESSIVELY},
    },
    types::RolloutStatus,
};
use tiphys_runtime::recorder::Note;

use super::{analyses, pauses::Marks, release::Release, rollback, status::Draft, threshold, traffic};
use crate::{
    action::{Action, Step},
    observe::{ReplicaSetView, WorkloadKind},
};

/// Returns why the wanted version becomes the stable one now; `None` if it does not.
///
/// A stable ReplicaSet that was deleted is no first deploy: upstream would promote at once.
#[must_use]
pub(crate) fn reason(release: &Release<'_>, status: &RolloutStatus, marks: &Marks) -> Option<String> {
    use messages::promotion;
    if status.stable_rs.is_empty() {
        return Some(promotion::INITIAL.to_owned());
    }
    let is_aborted = release.is_aborted() && !marks.lift_abort;
    let fast = || {
        rollback::is_fast(release)
            .then(|| if rollback::is_within_window(release) { promotion::WINDOW } else { promotion::FAST })
    };
    if release.blue_green().is_some() {
        return blue_green(release, status, is_aborted, fast).map(str::to_owned);
    }
    if is_aborted || !is_new_complete(release) || !traffic::is_at_end(release) {
        return None;
    }
    if status.promote_full {
        return Some(promotion::FULL.to_owned());
    }
    if let Some(reason) = fast() {
        return Some(reason.to_owned());
    }
    let count = release.step_count();
    let is_done = count.is_none() || status.current_step_index == count;
    is_done.then(|| promotion::canary(usize::try_from(count.unwrap_or(0)).unwrap_or(0)))
}

fn is_new_complete(release: &Release<'_>) -> bool {
    let limit = threshold::of(release.rollout).filter(|_| release.canary().is_some());
    threshold::is_met(limit, release.new.map(ReplicaSetView::side), release.desired(), threshold::Strict::AtLeast)
}

fn blue_green(
    release: &Release<'_>,
    status: &RolloutStatus,
    is_aborted: bool,
    fast: impl Fn() -> Option<&'static str>,
) -> Option<&'static str> {
    use messages::promotion;
    let active = &status.blue_green.active_selector;
    if active.is_empty() && !release.is_stable_lost() {
        return Some(promotion::INITIAL);
    }
    if *active != status.current_pod_hash {
        return None;
    }
    if status.promote_full {
        return Some(promotion::FULL);
    }
    fast().or((!is_aborted && analyses::is_after_done(release)).then_some(promotion::BLUE_GREEN))
}

/// Makes the wanted version the stable one. Called in every pass of a promoted Rollout, where it changes nothing.
pub(crate) fn apply(release: &Release<'_>, draft: &mut Draft, reason: &str) {
    let status = &mut draft.status;
    draft.marks.clear = true;
    draft.marks.lift_abort = true;
    let was_full = std::mem::take(&mut status.promote_full);
    status.blue_green.scale_up_preview_check_point = false;
    status.current_step_index = release.step_count();
    if status.stable_rs == status.current_pod_hash {
        return;
    }
    status.stable_rs.clone_from(&status.current_pod_hash);
    if release.canary().is_some_and(|canary| canary.ping_pong.is_some()) {
        let is_ping = status.canary.stable_ping_pong == ping_pong::PING;
        status.canary.stable_ping_pong = if is_ping { ping_pong::PONG } else { ping_pong::PING }.to_owned();
    }
    if let Some(duration) = status.duration.as_mut().filter(|duration| duration.completion_status.is_none()) {
        let kind = if was_full { FAST_PROMOTED } else { PROMOTED };
        duration.completion_status = Some(kind.to_owned());
    }
    let text = messages::completed(release.revision(), &status.current_pod_hash, reason);
    draft.notes.push(Note::normal(reasons::ROLLOUT_COMPLETED, text));
}

/// Scales the referenced Deployment down as `scaleDown` asks: at once when the Rollout is healthy, or step by step as its
/// pods become ready.
///
/// Level-triggered: a Deployment that somebody scales up again is drained again (upstream does it at revision 1 only).
#[must_use]
pub(crate) fn drain_workload(release: &Release<'_>) -> Option<Step> {
    let reference = release.rollout.spec.workload_ref.as_ref()?;
    let workload = release.seen.workload.as_ref()?;
    if WorkloadKind::of(reference) != Some(WorkloadKind::Deployment) {
        return None;
    }
    let status = release.status();
    let is_healthy = status.phase == "Healthy" && release.is_promoted();
    let replicas = match reference.scale_down.as_str() {
        ON_SUCCESS | PROGRESSIVELY if is_healthy => 0,
        PROGRESSIVELY => {
            let grows = release.new.is_some_and(|new| new.size() > 0) && release.revision() <= 1;
            let left = (release.rollout.spec.replicas? - status.ready_replicas).max(0);
            if !grows || status.ready_replicas == 0 {
                return None;
            }
            left
        }
        _ => return None,
    };
    if workload.replicas.unwrap_or(1) == replicas {
        return None;
    }
    Some(Step::quiet(Action::ScaleWorkload { name: reference.name.clone(), replicas }))
}
