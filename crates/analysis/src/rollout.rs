//! What a Rollout makes of its runs: whether it needs a new one, what the verdict does to it, which old ones go.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tiphys_api::{
    AnalysisRun,
    constants::{
        analysis_phase::{ERROR, FAILED, INCONCLUSIVE, SUCCESSFUL, is_completed},
        labels::{POD_TEMPLATE_HASH, ROLLOUT_TYPE},
        reasons::{event, pause},
    },
    types::{ObjectMeta, PauseCondition, RolloutAnalysisRunStatus},
};
use tiphys_runtime::recorder::Note;

use crate::{reasons::trouble, template::Purpose};

/// What a run says about the release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing yet.
    Open,
    /// It is good.
    Good,
    /// A person has to decide: the Rollout pauses with reason `InconclusiveAnalysisRun`.
    Undecided,
    /// It is bad: the Rollout aborts with this message.
    Bad(String),
}

/// Returns the verdict of a run by its phase and message.
#[must_use]
pub fn verdict(purpose: Purpose, phase: &str, message: &str) -> Verdict {
    match phase {
        SUCCESSFUL => Verdict::Good,
        INCONCLUSIVE => Verdict::Undecided,
        FAILED | ERROR => Verdict::Bad(abort_message(purpose, message)),
        _ => Verdict::Open,
    }
}

/// Returns why a Rollout aborts, in upstream's words.
#[must_use]
pub fn abort_message(purpose: Purpose, message: &str) -> String {
    let subject = match purpose {
        Purpose::Step(_) => "Step-based analysis",
        Purpose::Background => "Background analysis",
        Purpose::PrePromotion => "Blue/green pre-promotion analysis",
        Purpose::PostPromotion => "Blue/green post-promotion analysis",
    };
    let colon = if message.is_empty() { "" } else { ": " };
    format!("{subject} phase error/failed{colon}{message}")
}

/// Returns the entry of the Rollout's status for a run. While it goes on, the message says what it waits for or what is wrong
/// with it (upstream says nothing then).
#[must_use]
pub fn status_of(run: &AnalysisRun) -> RolloutAnalysisRunStatus {
    let message = Some(run.status.message.clone()).filter(|message| !message.is_empty());
    RolloutAnalysisRunStatus {
        name: run.metadata.name.clone().unwrap_or_default(),
        status: run.status.phase.clone(),
        message: message.or_else(|| trouble(run)).unwrap_or_default(),
    }
}

/// Returns whether a Rollout needs a new run in place of `current`.
///
/// `is_paused` is `status.controllerPause`. After a person has resumed from a run without a verdict a new one is made; and
/// after a retry.
#[must_use]
pub fn needs_new_run(
    current: Option<&AnalysisRun>,
    is_paused: bool,
    pauses: &[PauseCondition],
    aborted_at: Option<Timestamp>,
) -> bool {
    let Some(current) = current else { return true };
    let is_expected =
        pauses.iter().any(|p| matches!(p.reason.as_str(), pause::CANARY_PAUSE_STEP | pause::BLUE_GREEN_PAUSE));
    if is_paused && !is_expected {
        return current.status.phase == INCONCLUSIVE;
    }
    aborted_at.is_some()
}

/// Returns the event on the Rollout when a run that it recorded changes its phase; `None` if it did not.
#[must_use]
pub fn transition(run: &AnalysisRun, before: &str) -> Option<Note> {
    let phase = run.status.phase.as_str();
    if phase == before || phase.is_empty() {
        return None;
    }
    let kind = run.metadata.labels.as_ref().and_then(|labels| labels.get(ROLLOUT_TYPE)).map_or("", String::as_str);
    let name = run.metadata.name.as_deref().unwrap_or_default();
    let previous = if before.is_empty() { "NoPreviousStatus" } else { before };
    let message = format!("{kind} Analysis Run '{name}' Status New: '{phase}' Previous: '{previous}'");
    let reason = format!("{}{phase}", event::ANALYSIS_RUN);
    Some(if matches!(phase, FAILED | ERROR) { Note::warning(reason, message) } else { Note::normal(reason, message) })
}

/// Which runs of a Rollout stay.
#[derive(Debug, Clone, Default)]
pub struct History<'a> {
    /// Names of those that the Rollout's status names.
    pub current: BTreeSet<&'a str>,
    /// Pod hashes of its ReplicaSets that are not being deleted.
    pub hashes: BTreeSet<&'a str>,
    /// Successful ones to keep: 5 unless set.
    pub successful: usize,
    /// Others that have ended to keep: 5 unless set.
    pub unsuccessful: usize,
}

/// Returns the AnalysisRuns (or Experiments) that are deleted: those of revisions that are gone, and those beyond the limits,
/// the oldest first to go. `facts` says metadata and phase of one.
#[must_use]
pub fn surplus<'r, T>(all: &'r [T], facts: impl Fn(&T) -> (&ObjectMeta, &str), history: &History<'_>) -> Vec<&'r T> {
    let name = |one: &T| facts(one).0.name.clone().unwrap_or_default();
    let mut others: Vec<_> = all.iter().filter(|one| !history.current.contains(name(one).as_str())).collect();
    others.sort_by_key(|one| (std::cmp::Reverse(facts(one).0.creation_timestamp.as_ref().map(|at| at.0)), name(one)));
    let (mut successful, mut unsuccessful) = (0, 0);
    let is_surplus = |one: &&T| {
        let (metadata, phase) = facts(one);
        let hash = metadata.labels.as_ref().and_then(|labels| labels.get(POD_TEMPLATE_HASH));
        if !hash.is_some_and(|hash| history.hashes.contains(hash.as_str())) {
            return metadata.deletion_timestamp.is_none();
        }
        let (count, limit) = match phase {
            phase if !is_completed(phase) => return false,
            SUCCESSFUL => (&mut successful, history.successful),
            _ => (&mut unsuccessful, history.unsuccessful),
        };
        *count += 1;
        *count > limit && metadata.deletion_timestamp.is_none()
    };
    others.into_iter().filter(is_surplus).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(name: &str, hash: &str, phase: &str, minute: u8) -> AnalysisRun {
        serde_json::from_value(json!({
            "metadata": {"name": name, "labels": {"rollouts-pod-template-hash": hash, "rollout-type": "Step"},
                "creationTimestamp": format!("2026-01-02T03:{minute:02}:00Z")},
            "spec": {"metrics": []}, "status": {"phase": phase},
        }))
        .unwrap()
    }

    #[test]
    fn verdicts_are_put_in_upstreams_words() {
        let cases = [
            (Purpose::Step(1), "Failed", "why", "Step-based analysis phase error/failed: why"),
            (Purpose::Background, "Error", "", "Background analysis phase error/failed"),
            (Purpose::PrePromotion, "Failed", "", "Blue/green pre-promotion analysis phase error/failed"),
            (Purpose::PostPromotion, "Failed", "x", "Blue/green post-promotion analysis phase error/failed: x"),
        ];
        for (purpose, phase, message, expected) in cases {
            assert_eq!(verdict(purpose, phase, message), Verdict::Bad(expected.to_owned()));
        }
        assert_eq!(verdict(Purpose::Background, "Successful", ""), Verdict::Good);
        assert_eq!(verdict(Purpose::Background, "Inconclusive", ""), Verdict::Undecided);
        assert_eq!(verdict(Purpose::Background, "Running", ""), Verdict::Open);
    }

    #[test]
    fn history_keeps_the_newest_of_living_revisions() {
        let runs = [
            run("old", "a", "Successful", 1),
            run("new", "a", "Successful", 2),
            run("bad", "a", "Failed", 3),
            run("worse", "a", "Error", 4),
            run("open", "a", "Running", 0),
            run("gone", "b", "Running", 5),
            run("current", "b", "Failed", 0),
        ];
        let history = History {
            current: BTreeSet::from(["current"]),
            hashes: BTreeSet::from(["a"]),
            successful: 1,
            unsuccessful: 1,
        };
        let names: Vec<_> = surplus(&runs, |run| (&run.metadata, run.status.phase.as_str()), &history)
            .iter()
            .map(|run| run.metadata.name.clone().unwrap())
            .collect();
        assert_eq!(names, ["gone", "bad", "old"]);
    }

    #[test]
    fn new_run_is_made_after_a_resume_and_after_a_retry() {
        let paused = |reason: &str| vec![PauseCondition { reason: reason.to_owned(), ..Default::default() }];
        let (inconclusive, failed) = (run("r", "a", "Inconclusive", 0), run("r", "a", "Failed", 0));
        let at = Some("2026-01-02T03:04:05Z".parse().unwrap());
        assert!(needs_new_run(None, false, &[], None));
        assert!(needs_new_run(Some(&inconclusive), true, &[], None), "a person has resumed");
        assert!(!needs_new_run(Some(&failed), true, &[], at));
        assert!(!needs_new_run(Some(&inconclusive), true, &paused("CanaryPauseStep"), None));
        assert!(needs_new_run(Some(&failed), true, &paused("BlueGreenPause"), at), "tried again");
        assert!(!needs_new_run(Some(&failed), false, &[], None));
    }

    #[test]
    fn change_of_phase_is_told_on_the_rollout() {
        let note = transition(&run("r", "a", "Failed", 0), "").unwrap();
        assert_eq!(note.message, "Step Analysis Run 'r' Status New: 'Failed' Previous: 'NoPreviousStatus'");
        assert_eq!((note.reason.as_str(), note.severity.as_str()), ("AnalysisRunFailed", "Warning"));
        assert!(transition(&run("r", "a", "Failed", 0), "Failed").is_none());
    }
}
