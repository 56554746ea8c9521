//! Carries out the steps of a sync.
//!
//! Guarantees: whatever is deleted is deleted only after what is known about it was stored ([`Journal`]); a hook that
//! this attempt created is known as such even when the process ended before that was stored, so that it does not run
//! twice.

use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use serde_json::Value;
use tiphys_machinery::meta;

use crate::{
    apply::{Applier, ApplyError, Request},
    plan::{Action, Code, Group, Memory, Observed, Plan, Progress, Stage, Tasks, after, begin, note, terminate},
};

/// The annotation of a hook with the attempt that created it.
pub const ATTEMPT: &str = "tiphys.dev/sync-attempt";
/// Calls that are under way at the same time for one sync.
const CONCURRENT: usize = 8;

/// Stores what is known about a sync under way.
pub trait Journal {
    /// Stores it; the step stops where that fails.
    fn keep(&mut self, memory: &Memory, message: &str) -> impl Future<Output = bool> + Send;
}

/// What a step needs besides what it observes.
pub struct Means<'a> {
    /// Writes to the cluster.
    pub applier: &'a Applier,
    /// Instance name of the application.
    pub application: &'a str,
    /// What identifies this attempt of the operation.
    pub attempt: &'a str,
    /// Whether the operation is to be stopped.
    pub terminates: bool,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is known now.
    pub memory: Memory,
    /// How the operation is.
    pub progress: Progress,
    /// What to tell about it.
    pub message: String,
    /// Whether a wave was applied and others follow: the next step should not come at once.
    pub pauses: bool,
}

/// Goes on with a sync as far as possible. `None` when what is known could not be stored: come again.
pub async fn step<J: Journal + Send>(
    observed: &Observed<'_>,
    memory: Memory,
    means: &Means<'_>,
    journal: &mut J,
) -> Option<Step> {
    let mut kept = memory.clone();
    let memory = adopt(observed.tasks, memory, means.attempt);
    let mut plan = if means.terminates { terminate(observed, memory) } else { begin(observed, memory) };
    let mut pauses = false;
    loop {
        if deletes(&plan) && plan.memory != kept {
            if !journal.keep(&plan.memory, &plan.message).await {
                return None;
            }
            kept = plan.memory.clone();
        }
        let failed = execute(observed, &mut plan, means).await;
        pauses |= matches!(plan.stage, Stage::Wave { more: true, .. }) && !failed;
        let ends = matches!(plan.stage, Stage::Rest | Stage::Termination);
        plan = after(observed, plan, failed);
        if ends {
            return Some(Step { memory: plan.memory, progress: plan.progress, message: plan.message, pauses });
        }
    }
}

/// Notes the hooks that this attempt created before it could store so.
fn adopt(tasks: &Tasks, mut memory: Memory, attempt: &str) -> Memory {
    for task in tasks.tasks.iter().filter(|task| task.is_hook()) {
        let is_ours = task.live.as_ref().is_some_and(|live| meta::annotation(live, ATTEMPT) == Some(attempt));
        if is_ours && memory.of(task).is_none() {
            memory.note(task, Some(Code::Synced), Progress::Running, &format!("{} created", meta::name(task.object())));
        }
    }
    memory
}

fn deletes(plan: &Plan) -> bool {
    plan.groups.iter().flat_map(|group| &group.actions).any(|action| {
        matches!(action, Action::DeleteHook { .. } | Action::RemoveFinalizer { .. } | Action::Prune { .. })
    })
}

/// Does the actions of a plan; returns whether one failed.
async fn execute(observed: &Observed<'_>, plan: &mut Plan, means: &Means<'_>) -> bool {
    let mut any = false;
    for group in std::mem::take(&mut plan.groups) {
        let Group { actions, needed } = group;
        let calls: Vec<BoxFuture<'_, _>> = actions.iter().map(|action| act(observed, action, means).boxed()).collect();
        let outcomes: Vec<Result<String, String>> = stream::iter(calls).buffered(CONCURRENT).collect().await;
        let mut failed = false;
        for (action, outcome) in actions.iter().zip(&outcomes) {
            failed |= outcome.is_err();
            let outcome = outcome.as_deref().map_err(String::as_str);
            note(&mut plan.memory, observed.tasks, observed.settings, action, outcome);
        }
        any |= failed;
        if failed && needed {
            break;
        }
    }
    any
}

async fn act(observed: &Observed<'_>, action: &Action, means: &Means<'_>) -> Result<String, String> {
    let Some(task) = observed.tasks.tasks.get(action.task()) else { return Ok(String::new()) };
    let object = task.object();
    let applier = means.applier;
    let done: Result<String, ApplyError> = match action {
        Action::Apply { way, force, validate, try_out, .. } => {
            let marked = marked(task.is_hook(), object, means.attempt);
            let request = Request {
                target: &marked,
                live: task.live.as_ref(),
                way: *way,
                force: *force,
                validate: *validate,
                try_out: *try_out,
                propagation: observed.settings.propagation,
            };
            applier.apply(&request).await
        }
        Action::Prune { propagation, .. } => {
            applier.prune(object, means.application, *propagation).await.map(|()| String::new())
        }
        Action::DeleteHook { propagation, .. } => {
            applier.delete_hook(object, *propagation).await.map(|()| String::new())
        }
        Action::RemoveFinalizer { .. } => applier.remove_hook_finalizer(object).await.map(|()| String::new()),
        Action::Find { .. } => match applier.exists(object).await {
            Ok(false) => return Err(String::new()),
            // A server that does not answer has not said that it is gone.
            Ok(true) | Err(_) => Ok(String::new()),
        },
    };
    done.map_err(|error| error.to_string())
}

/// A hook says which attempt it is of.
fn marked(is_hook: bool, object: &Value, attempt: &str) -> Value {
    let mut marked = object.clone();
    if is_hook {
        meta::set_annotation(&mut marked, ATTEMPT, attempt);
    }
    marked
}
