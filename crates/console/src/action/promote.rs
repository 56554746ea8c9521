//! `promote`: let a paused Rollout go on.

use serde_json::{Value, json};
use tiphys_api::{Rollout, constants::analysis_phase, phase, types::CanaryStep};

use super::{Change, Kind, Patch, Refused};
use crate::view::step;

/// How far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The pause; without one the current step.
    Pause,
    /// The current step.
    CurrentStep,
    /// All steps, but not analyses in the background.
    AllSteps,
    /// Everything.
    Full,
}

impl Extent {
    /// Returns what is written, status first.
    ///
    /// # Errors
    /// If steps are to be skipped and there are none.
    pub fn changes(self, rollout: &Rollout) -> Result<Vec<Change>, Refused> {
        changes(rollout, self)
    }

    /// Returns what will happen.
    #[must_use]
    pub fn effect(self, rollout: &Rollout) -> String {
        effect(rollout, self)
    }
}

/// What is written, status first.
#[derive(Debug, Default, PartialEq)]
struct Patches {
    status: Option<Value>,
    spec: Option<Value>,
}

pub(super) fn changes(rollout: &Rollout, extent: Extent) -> Result<Vec<Change>, Refused> {
    let patches = patches(rollout, extent)?;
    let all = [patches.status.map(Patch::MergeStatus), patches.spec.map(Patch::Merge)];
    let name = rollout.metadata.name.clone().unwrap_or_default();
    let change = |patch| Change { kind: Kind::Rollout, name: name.clone(), patch };
    Ok(all.into_iter().flatten().map(change).collect())
}

/// Why there is nothing to promote.
pub(super) fn obstacle(rollout: &Rollout) -> Option<String> {
    if rollout.status.abort {
        return Some("the update is aborted; Retry starts it again, then it can be promoted".to_owned());
    }
    let is_idle = phase::is_fully_promoted(rollout) && !rollout.spec.paused;
    is_idle.then(|| "no update is under way; a new image or another change of the template starts one".to_owned())
}

/// Returns what to write, as upstream's plugin decides it.
fn patches(rollout: &Rollout, extent: Extent) -> Result<Patches, Refused> {
    let (spec, status) = (&rollout.spec, &rollout.status);
    let unpause = spec.paused.then(|| json!({"spec": {"paused": false}}));
    let index = next_index(rollout);
    let steps = step::steps(rollout).len();
    Ok(match extent {
        Extent::CurrentStep | Extent::AllSteps => {
            refuse_without_steps(rollout)?;
            let index = if extent == Extent::AllSteps { Some(steps) } else { index };
            Patches { status: Some(json!({"status": {"currentStepIndex": index}})), spec: None }
        }
        Extent::Full => {
            let full = !phase::is_fully_promoted(rollout);
            Patches { status: full.then(|| json!({"status": {"promoteFull": true}})), spec: unpause }
        }
        Extent::Pause => {
            let paused = !status.pause_conditions.is_empty();
            let run = status.canary.current_step_analysis_run_status.as_ref();
            let inconclusive = run.is_some_and(|run| run.status == analysis_phase::INCONCLUSIVE);
            let body = if inconclusive && paused && status.controller_pause && spec.strategy.canary.is_some() {
                index.map(|index| json!({"pauseConditions": null, "controllerPause": false, "currentStepIndex": index}))
            } else if paused {
                Some(json!({"pauseConditions": null}))
            } else {
                index.map(|index| json!({"pauseConditions": null, "currentStepIndex": index}))
            };
            Patches { status: body.map(|body| json!({"status": body})), spec: unpause }
        }
    })
}

fn refuse_without_steps(rollout: &Rollout) -> Result<(), Refused> {
    if rollout.spec.strategy.blue_green.is_some() {
        return Err(Refused::StepsOfBlueGreen);
    }
    if step::steps(rollout).is_empty() {
        return Err(Refused::NoSteps);
    }
    Ok(())
}

/// The step after the current one; `None` without steps.
fn next_index(rollout: &Rollout) -> Option<usize> {
    let steps = step::steps(rollout).len();
    let index = step::index(rollout).unwrap_or(0);
    (steps > 0).then(|| (index + 1).min(steps))
}

/// Returns what will happen.
#[must_use]
pub(super) fn effect(rollout: &Rollout, extent: Extent) -> String {
    if phase::is_fully_promoted(rollout) && extent != Extent::AllSteps {
        let unpaused = if rollout.spec.paused { "; the pause by hand ends" } else { "" };
        return format!("no update is under way{unpaused}");
    }
    let blue_green = rollout.spec.strategy.blue_green.is_some();
    match extent {
        Extent::Full if blue_green => {
            "switches users to the new version once it is ready; skips pauses and analyses".to_owned()
        }
        Extent::Full => {
            format!("skips the remaining {} and analyses; the new version gets everything", remaining(rollout))
        }
        Extent::AllSteps => format!("skips the remaining {}", remaining(rollout)),
        _ if blue_green => "ends the pause; users are switched to the new version once it is ready".to_owned(),
        Extent::CurrentStep => skipping(rollout),
        Extent::Pause if rollout.status.pause_conditions.is_empty() => skipping(rollout),
        Extent::Pause => format!("ends the pause and goes on with {}", following(rollout)),
    }
}

fn remaining(rollout: &Rollout) -> String {
    let count = step::steps(rollout).len().saturating_sub(step::index(rollout).unwrap_or(0));
    if count == 1 { "1 step".to_owned() } else { format!("{count} steps") }
}

/// The step that is skipped, which is not a pause, and what comes after it.
fn skipping(rollout: &Rollout) -> String {
    let steps = step::steps(rollout);
    let index = step::index(rollout).unwrap_or(0);
    match steps.get(index) {
        Some(current) => format!(
            "it is not paused: skips step {} of {} ({}) and goes on with {}",
            index + 1,
            steps.len(),
            step::describe(current),
            following(rollout)
        ),
        None => "no step is left to skip".to_owned(),
    }
}

fn following(rollout: &Rollout) -> String {
    let steps: &[CanaryStep] = step::steps(rollout);
    let index = step::index(rollout).unwrap_or(0) + 1;
    match steps.get(index) {
        Some(next) => format!("step {} of {} ({})", index + 1, steps.len(), step::describe(next)),
        None => "the full promotion of the new version".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use tiphys_api::decode;

    use super::*;

    fn canary(status: Value, paused: bool) -> Rollout {
        let steps = json!([{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}]);
        decode(json!({"spec": {"paused": paused, "strategy": {"canary": {"steps": steps}}}, "status": status})).object
    }

    #[track_caller]
    fn check(rollout: &Rollout, extent: Extent, status: Value, spec: Value) {
        let found = patches(rollout, extent).unwrap();
        let body = |patch: Option<Value>, field: &str| patch.map_or(Value::Null, |patch| patch[field].clone());
        assert_eq!((body(found.status, "status"), body(found.spec, "spec")), (status, spec));
    }

    #[test]
    fn patches_are_those_of_the_plugin() {
        let updating = json!({"stableRS": "a", "currentPodHash": "b", "currentStepIndex": 1});
        let with = |more: Value| {
            let mut status = updating.clone();
            status.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            status
        };
        let pause = json!({"pauseConditions": [{"reason": "CanaryPauseStep"}], "controllerPause": true});
        let inconclusive = json!({"pauseConditions": [{"reason": "InconclusiveAnalysisRun"}], "controllerPause": true,
            "canary": {"currentStepAnalysisRunStatus": {"status": "Inconclusive"}}});
        let unpause = json!({"paused": false});
        check(&canary(with(pause.clone()), false), Extent::Pause, json!({"pauseConditions": null}), Value::Null);
        check(&canary(with(pause), true), Extent::Pause, json!({"pauseConditions": null}), unpause.clone());
        let skipped = json!({"pauseConditions": null, "currentStepIndex": 2});
        check(&canary(updating.clone(), false), Extent::Pause, skipped, Value::Null);
        let over = json!({"pauseConditions": null, "controllerPause": false, "currentStepIndex": 2});
        check(&canary(with(inconclusive), false), Extent::Pause, over, Value::Null);
        check(&canary(updating.clone(), true), Extent::Full, json!({"promoteFull": true}), unpause.clone());
        let stable = json!({"stableRS": "a", "currentPodHash": "a"});
        check(&canary(stable, true), Extent::Full, Value::Null, unpause);
        check(&canary(updating.clone(), false), Extent::CurrentStep, json!({"currentStepIndex": 2}), Value::Null);
        check(&canary(updating, false), Extent::AllSteps, json!({"currentStepIndex": 3}), Value::Null);
        let end = json!({"stableRS": "a", "currentPodHash": "b", "currentStepIndex": 3});
        check(&canary(end, false), Extent::CurrentStep, json!({"currentStepIndex": 3}), Value::Null);
    }

    #[test]
    fn skipping_steps_needs_steps() {
        let blue_green: Rollout = decode(json!({"spec": {"strategy": {"blueGreen": {}}}})).object;
        assert!(patches(&blue_green, Extent::CurrentStep).is_err());
        let plain: Rollout = decode(json!({"spec": {"strategy": {"canary": {}}}})).object;
        assert!(patches(&plain, Extent::AllSteps).is_err());
        assert_eq!(patches(&plain, Extent::Pause).unwrap(), Patches::default());
    }

    #[test]
    fn effect_names_the_step_that_is_skipped_and_the_next_one() {
        let status = json!({"stableRS": "a", "currentPodHash": "b", "currentStepIndex": 0});
        assert_eq!(
            effect(&canary(status, false), Extent::Pause),
            "it is not paused: skips step 1 of 3 (setWeight 20) and goes on with step 2 of 3 (pause until promoted)"
        );
    }
}
