//! What a step that is an Experiment waits for.

use tiphys_runtime::reason::{ObjectRef, Reason, Urgency};

use crate::plan::explain_parts::{self as parts, Release};

/// Returns what is known about the Experiment of the current step.
#[must_use]
pub(crate) fn explain(release: &Release<'_>) -> Option<Reason> {
    let step = parts::experiment_step(release)?;
    if let Some(why) = &release.experiments().trouble {
        let text = format!("step {step} cannot begin: {why}");
        let itself = ObjectRef::new("Rollout", release.namespace(), release.name());
        return Some(Reason::new("ExperimentImpossible", Urgency::Broken, text).on(itself));
    }
    let experiment = release.seen.current_experiment()?;
    let metadata = &experiment.metadata;
    let name = metadata.name.as_deref().unwrap_or_default();
    let causes = crate::experiment::plan::reasons(experiment, release.now);
    let first = causes.into_iter().next()?;
    let (next, at) = (first.next.clone(), first.next_at);
    let text = format!("step {step} waits for experiment {name}");
    let reason = Reason::new("WaitingForExperiment", Urgency::Moving, text)
        .on(ObjectRef::new("Experiment", release.namespace(), name))
        .since(metadata.creation_timestamp.as_ref().map(|at| at.0))
        .because(first);
    Some(Reason { next, next_at: at, ..reason })
}
