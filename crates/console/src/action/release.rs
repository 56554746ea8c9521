//! `pause`, `resume`, `abort` and `retry`.

use serde_json::json;
use tiphys_api::{Rollout, phase};

use super::{Change, Kind, Patch, Subject};
use crate::view::revision;

fn change(subject: &Subject<'_>, patch: Patch) -> Vec<Change> {
    vec![Change { kind: Kind::Rollout, name: subject.name().to_owned(), patch }]
}

pub(super) fn pause(subject: &Subject<'_>) -> Vec<Change> {
    change(subject, Patch::Merge(json!({"spec": {"paused": true}})))
}

pub(super) fn resume(subject: &Subject<'_>) -> Vec<Change> {
    if !subject.typed().spec.paused {
        return Vec::new();
    }
    change(subject, Patch::Merge(json!({"spec": {"paused": false}})))
}

pub(super) fn abort(subject: &Subject<'_>) -> Vec<Change> {
    change(subject, Patch::MergeStatus(json!({"status": {"abort": true}})))
}

pub(super) fn retry(subject: &Subject<'_>) -> Vec<Change> {
    change(subject, Patch::MergeStatus(json!({"status": {"abort": false}})))
}

fn name(rollout: &Rollout) -> &str {
    rollout.metadata.name.as_deref().unwrap_or_default()
}

pub(super) fn pause_effect(rollout: &Rollout) -> String {
    if rollout.spec.paused {
        return "it is paused already; nothing changes".to_owned();
    }
    format!("no step is taken and no new version is started until `tiphys resume {}`; pods keep running", name(rollout))
}

pub(super) fn pause_obstacle(rollout: &Rollout) -> Option<String> {
    rollout.spec.paused.then(|| "it is paused by hand already; Resume ends that".to_owned())
}

pub(super) fn resume_effect(rollout: &Rollout) -> String {
    let name = name(rollout);
    match (rollout.spec.paused, rollout.status.pause_conditions.first()) {
        (true, None) => "it goes on where it was".to_owned(),
        (true, Some(pause)) => {
            format!(
                "ends the pause made by hand; the pause of the release ({}) stays: `tiphys promote {name}`",
                pause.reason
            )
        }
        (false, Some(pause)) => {
            format!("it was not paused by hand but by the release ({}); `tiphys promote {name}` goes on", pause.reason)
        }
        (false, None) => "it is not paused; nothing changes".to_owned(),
    }
}

pub(super) fn resume_obstacle(rollout: &Rollout) -> Option<String> {
    match (rollout.spec.paused, rollout.status.pause_conditions.is_empty()) {
        (true, _) => None,
        (false, true) => Some("it is not paused".to_owned()),
        (false, false) => Some("it is paused by the release, not by hand; Promote goes on".to_owned()),
    }
}

pub(super) fn abort_effect(rollout: &Rollout) -> String {
    if let Some(obstacle) = abort_obstacle(rollout) {
        return format!("{obstacle}; nothing changes");
    }
    let what = if rollout.spec.strategy.blue_green.is_some() {
        "the active Service stays with, or goes back to, the stable version"
    } else {
        "the canary goes, the stable version gets everything back"
    };
    format!("{what}; the Rollout is Degraded until `tiphys retry {}` or a changed template", name(rollout))
}

pub(super) fn abort_obstacle(rollout: &Rollout) -> Option<String> {
    if phase::is_fully_promoted(rollout) {
        return Some("no update is under way".to_owned());
    }
    rollout.status.abort.then(|| "the update is aborted already".to_owned())
}

pub(super) fn retry_effect(rollout: &Rollout) -> String {
    let revision = revision::of(rollout.metadata.annotations.as_ref());
    if rollout.status.abort {
        format!("the update to revision {revision} starts again at its first step")
    } else {
        "the update is not aborted; nothing changes".to_owned()
    }
}

pub(super) fn retry_obstacle(rollout: &Rollout) -> Option<String> {
    (!rollout.status.abort).then(|| "the update is not aborted".to_owned())
}
