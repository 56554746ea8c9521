//! `promote`: let a paused Rollout go on.

use clap::Args;
use serde_json::{Value, json};
use tiphys_api::{Rollout, constants::analysis_phase, phase, types::CanaryStep};

use crate::{
    cluster::{Cluster, Kind},
    error::Failure,
    printer::Printer,
    target,
    view::step,
};

/// Lets a paused Rollout go on; if it is not paused, skips the current step.
#[derive(Debug, Args)]
pub(crate) struct Promote {
    /// The Rollout
    #[arg(required = true, value_name = "ROLLOUT")]
    names: Vec<String>,
    /// Skip all steps, pauses and analyses
    #[arg(long)]
    full: bool,
    /// Skip the current step
    #[arg(short = 'c', long, conflicts_with = "full")]
    skip_current_step: bool,
    /// Skip all steps, but not analyses in the background
    #[arg(short = 'a', long, conflicts_with = "full")]
    skip_all_steps: bool,
}

/// How far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Pause,
    CurrentStep,
    AllSteps,
    Full,
}

/// What is written, status first.
#[derive(Debug, Default, PartialEq)]
struct Patches {
    status: Option<Value>,
    spec: Option<Value>,
}

impl Promote {
    pub(crate) async fn run(self, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        let extent = self.extent()?;
        for target in target::parse(&self.names)? {
            let rollout = cluster.resolve(&target).await?.typed;
            let name = rollout.metadata.name.clone().unwrap_or_default();
            let patches = patches(&rollout, extent)?;
            printer.note(&format!("promote {name}: {}", effect(&rollout, extent)));
            if let Some(patch) = &patches.status {
                cluster.merge_status(&name, patch).await?;
            }
            if let Some(patch) = &patches.spec {
                cluster.merge(Kind::Rollout, &name, patch).await?;
            }
            let fully = if extent == Extent::Full { "fully " } else { "" };
            printer.line(format!("rollout '{name}' {fully}promoted"))?;
        }
        Ok(())
    }

    fn extent(&self) -> Result<Extent, Failure> {
        match (self.full, self.skip_current_step, self.skip_all_steps) {
            (_, true, true) => {
                Err(Failure::usage("Cannot use skip-current-step and skip-all-steps flags at the same time"))
            }
            (_, true, false) => Ok(Extent::CurrentStep),
            (_, false, true) => Ok(Extent::AllSteps),
            (true, ..) => Ok(Extent::Full),
            (false, ..) => Ok(Extent::Pause),
        }
    }
}

/// Returns what to write, as upstream's plugin decides it.
fn patches(rollout: &Rollout, extent: Extent) -> Result<Patches, Failure> {
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

fn refuse_without_steps(rollout: &Rollout) -> Result<(), Failure> {
    if rollout.spec.strategy.blue_green.is_some() {
        return Err(Failure::new("Cannot skip steps of a bluegreen rollout. Run without a flags")
            .hint("`tiphys promote NAME` switches, `--full` also skips analyses"));
    }
    if step::steps(rollout).is_empty() {
        return Err(Failure::new("Cannot skip steps of a rollout without steps"));
    }
    Ok(())
}

/// The step after the current one; `None` without steps.
fn next_index(rollout: &Rollout) -> Option<usize> {
    let steps = step::steps(rollout).len();
    let index = step::index(rollout).unwrap_or(0);
    (steps > 0).then(|| (index + 1).min(steps))
}

/// Says what will happen.
fn effect(rollout: &Rollout, extent: Extent) -> String {
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
