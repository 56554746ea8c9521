//! The status of a blue-green after a pass.

use tiphys_api::{constants::reasons::pause, defaults};

use super::{
    analyses,
    blue_green::{Selectors, is_pause_complete},
    pauses::Marks,
    promote,
    release::Release,
    rollback,
    status::{self, Draft, selector_text},
};

/// Returns the status after the template changed: pauses, abort, approvals and checkpoints of the former update are over.
#[must_use]
pub(crate) fn reset(release: &Release<'_>, selectors: &Selectors) -> Draft {
    let mut draft = base(release, selectors);
    draft.status.promote_full = false;
    draft.marks = Marks { clear: true, lift_abort: true, ..Marks::default() };
    draft
}

/// Returns the status after a pass on an unchanged update, with what happens to its pause.
#[must_use]
pub(crate) fn advance(release: &Release<'_>, selectors: &Selectors, marks: Marks) -> Draft {
    let analyses = release.analyses();
    let mut draft = base(release, selectors);
    analyses.write(&mut draft.status);
    draft.notes.extend(analyses.notes.iter().cloned());
    draft.marks = marks;
    draft.marks.abort.clone_from(&analyses.abort);
    if analyses.is_undecided {
        draft.marks.begin = Some(pause::INCONCLUSIVE_ANALYSIS_RUN);
    }
    if draft.status.promote_full || rollback::is_within_window(release) {
        draft.marks.clear = true;
        draft.marks.lift_abort = true;
    }
    if let Some(reason) = promote::reason(release, &draft.status, &draft.marks) {
        promote::apply(release, &mut draft, &reason);
    } else {
        draft.status.blue_green.scale_up_preview_check_point = is_checkpoint_passed(release, &draft.marks);
    }
    let is_switched = draft.status.blue_green.active_selector == release.hash;
    let is_resumed = release.status().controller_pause && release.status().pause_conditions.is_empty();
    draft.marks.keep_resume = is_resumed && !is_switched;
    draft
}

fn base(release: &Release<'_>, selectors: &Selectors) -> Draft {
    let mut status = status::base(release);
    status.current_step_index = None;
    status.blue_green.active_selector.clone_from(&selectors.active);
    status.blue_green.preview_selector.clone_from(&selectors.preview);
    let active = release.owned.iter().find(|set| !selectors.active.is_empty() && set.hash == selectors.active);
    if let Some(active) = active {
        status.hpa_replicas = active.existing();
        status.available_replicas = active.available();
        status.ready_replicas = active.ready();
        let selector = serde_json::from_value(active.selector()).ok();
        status.selector = selector_text(selector.as_ref());
    }
    Draft { status, ..Draft::default() }
}

/// A preview of its own size may grow once it has been resumed; that is not forgotten until it is switched to.
fn is_checkpoint_passed(release: &Release<'_>, marks: &Marks) -> bool {
    let preview = release.blue_green().and_then(|strategy| strategy.preview_replica_count);
    let Some(preview) = preview else { return false };
    if release.status().blue_green.scale_up_preview_check_point {
        return true;
    }
    let available = release.new.map(|new| new.available());
    marks.begin.is_none()
        && is_pause_complete(release)
        && analyses::is_before_done(release)
        && available == Some(preview)
}

/// Returns whether a switch needs a person or a time.
#[must_use]
pub(crate) fn waits_before_switch(release: &Release<'_>) -> bool {
    let seconds = release.blue_green().map_or(0, |strategy| strategy.auto_promotion_seconds);
    !defaults::auto_promotion_enabled(release.rollout) || seconds > 0
}
