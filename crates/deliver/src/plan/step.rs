//! One step of a sync: from what is there and what earlier steps did, to what is done next.
//!
//! ```text
//!   begin ── namespace ── try out ── step ─┬─ something runs: wait, and step again later
//!                                          ├─ something failed: hooks for failures ── Failed
//!                                          ├─ nothing is left: Succeeded
//!                                          └─ next wave ── after ── wait, failed, or done
//! ```
//!
//! Whoever calls does the actions of a [`Plan`], notes what came of each in its memory, and asks [`after`] what that
//! means. Between any two calls the process may end: a later one goes on from the memory.

use tiphys_machinery::meta;

use super::{
    Action, Code, Group, Memory, Progress, Settings, Task, Tasks, failure, wait,
    wave::{goes_before_creation, has_finalizer, has_policy, wave},
};
use crate::{
    health::{Health, Status},
    hook::{DeletePolicy, Phase},
    object::{ResourceKey, group},
    reasons,
};

/// Answers how a live object is; none for objects without health.
pub type HealthOf<'o> = &'o (dyn Fn(&serde_json::Value) -> Result<Option<Health>, String> + Sync);

/// What a step looks at.
#[derive(Clone, Copy)]
pub struct Observed<'o> {
    /// The tasks, made of what is there now.
    pub tasks: &'o Tasks,
    /// What the sync may do.
    pub settings: &'o Settings,
    /// How objects are.
    pub health: HealthOf<'o>,
    /// Whether an object is as Git has it.
    pub is_synced: &'o (dyn Fn(&ResourceKey) -> bool + Sync),
}

/// What is done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What is known now.
    pub memory: Memory,
    /// What is done, one group after the other.
    pub groups: Vec<Group>,
    /// How the operation is, if all of this succeeds.
    pub progress: Progress,
    /// What to tell about it.
    pub message: String,
    /// What this is a part of.
    pub stage: Stage,
}

/// Which part of a step a plan is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// The destination namespace is created; the place of its task.
    Namespace(usize),
    /// Everything is tried out.
    TryOut,
    /// A wave is applied.
    Wave {
        /// The places of its tasks.
        places: Vec<usize>,
        /// Whether something must be gone, or agreed to, before the rest of the wave.
        waits: bool,
        /// Whether tasks of later waves follow. If so, the next step should not come at once.
        more: bool,
    },
    /// Nothing follows from it within this step.
    Rest,
    /// Hooks are stopped.
    Termination,
}

impl Plan {
    pub(super) fn rest(memory: Memory, groups: Vec<Group>, progress: Progress, message: impl Into<String>) -> Self {
        Self { memory, groups, progress, message: message.into(), stage: Stage::Rest }
    }
}

/// Begins an operation, or goes on with one.
#[must_use]
pub fn begin(observed: &Observed<'_>, memory: Memory) -> Plan {
    let tasks = &observed.tasks.tasks;
    if !observed.tasks.valid {
        return invalid(tasks, memory);
    }
    if !memory.records().is_empty() {
        return step(observed, memory);
    }
    match tasks.iter().position(|task| creates_namespace(task, observed.settings)) {
        Some(at) => {
            let mut memory = memory;
            let groups = wave(observed, &mut memory, &[at], false).groups;
            let message = reasons::TASKS_RUNNING.to_owned();
            Plan { memory, groups, progress: Progress::Running, message, stage: Stage::Namespace(at) }
        }
        None => try_out(observed, memory, None),
    }
}

/// Says what follows from what came of a plan; `failed` tells whether an action of it did.
#[must_use]
pub fn after(observed: &Observed<'_>, plan: Plan, failed: bool) -> Plan {
    match plan.stage {
        Stage::Namespace(at) if failed => {
            let task = &observed.tasks.tasks[at];
            let message = failure::with_reasons(&plan.memory, &[task], reasons::NAMESPACE_FAILED);
            Plan::rest(plan.memory, vec![], Progress::Failed, message)
        }
        Stage::Namespace(at) => try_out(observed, plan.memory, Some(at)),
        Stage::TryOut if failed => Plan::rest(plan.memory, vec![], Progress::Failed, reasons::TRY_OUT_FAILED),
        Stage::TryOut => step(observed, plan.memory),
        Stage::Wave { places, .. } if failed => failure::of_wave(observed, plan.memory, &places),
        Stage::Wave { places, waits: true, .. } => waiting_wave(observed, plan.memory, &places),
        Stage::Wave { places, more, .. } => applied_wave(observed, plan.memory, &places, more),
        // A finalizer that could not be taken off is a failure of its hook, which the next step sees.
        Stage::Rest if failed && plan.progress == Progress::Succeeded => {
            Plan::rest(plan.memory, vec![], Progress::Running, reasons::TASKS_RUNNING)
        }
        Stage::Termination if failed => Plan::rest(plan.memory, vec![], Progress::Error, reasons::TERMINATION_FAILED),
        Stage::Rest | Stage::Termination => Plan { groups: vec![], stage: Stage::Rest, ..plan },
    }
}

fn invalid(tasks: &[Task], mut memory: Memory) -> Plan {
    let mut texts: Vec<&str> = Vec::new();
    for task in tasks {
        if let Some(why) = &task.refused {
            memory.note(task, Some(Code::SyncFailed), Progress::Failed, why);
            texts.push(why);
        }
    }
    texts.sort_unstable();
    texts.dedup();
    let message = match texts.as_slice() {
        [] => reasons::INVALID_TASKS.to_owned(),
        texts => format!("{}: {}", reasons::INVALID_TASKS, texts.join("; ")),
    };
    Plan::rest(memory, vec![], Progress::Failed, message)
}

fn creates_namespace(task: &Task, settings: &Settings) -> bool {
    let creates = |target| {
        meta::kind(target) == "Namespace" && group(target).is_empty() && meta::name(target) == settings.namespace
    };
    task.live.is_none() && task.target.as_ref().is_some_and(creates)
}

fn try_out(observed: &Observed<'_>, mut memory: Memory, done: Option<usize>) -> Plan {
    let places: Vec<usize> = (0..observed.tasks.tasks.len())
        .filter(|at| Some(*at) != done && !is_left_alone(observed, &observed.tasks.tasks[*at]))
        .collect();
    let groups = wave(observed, &mut memory, &places, true).groups;
    let message = reasons::TASKS_RUNNING.to_owned();
    Plan { memory, groups, progress: Progress::Running, message, stage: Stage::TryOut }
}

fn is_left_alone(observed: &Observed<'_>, task: &Task) -> bool {
    observed.settings.out_of_sync_only
        && !task.is_hook()
        && task.target.is_some()
        && task.live.is_some()
        && (observed.is_synced)(&ResourceKey::of(task.object()))
}

/// Goes on with an operation.
fn step(observed: &Observed<'_>, mut memory: Memory) -> Plan {
    let tasks = &observed.tasks.tasks;
    look_again(observed, &mut memory);
    if let Some(plan) = wait::for_tasks(observed, &memory) {
        return plan;
    }
    let mut groups = finalizers(tasks, &memory);
    let (of_failure, others): (Vec<usize>, Vec<usize>) =
        (0..tasks.len()).partition(|at| tasks[*at].phase == Phase::SyncFail);
    let has_failed =
        |at: &usize| memory.is_completed(&tasks[*at]) && memory.progress(&tasks[*at]) != Some(Progress::Succeeded);
    if others.iter().any(has_failed) {
        groups.extend(deletions(observed, &memory, DeletePolicy::HookFailed));
        let failed: Vec<&Task> =
            others.iter().map(|at| &tasks[*at]).filter(|task| memory.has_failed_to_sync(task)).collect();
        return failure::phase(observed, memory.clone(), groups, &of_failure, &failed, reasons::TASKS_FAILED);
    }
    let pending: Vec<usize> = others
        .into_iter()
        .filter(|at| memory.is_pending(&tasks[*at]) && !is_left_alone(observed, &tasks[*at]))
        .collect();
    let Some(first) = pending.first().map(|at| &tasks[*at]) else {
        groups.extend(deletions(observed, &memory, DeletePolicy::HookSucceeded));
        return Plan::rest(memory, groups, Progress::Succeeded, reasons::NO_MORE_TASKS);
    };
    let (places, later): (Vec<usize>, Vec<usize>) =
        pending.iter().partition(|at| (tasks[**at].phase, tasks[**at].wave) == (first.phase, first.wave));
    let wave = wave(observed, &mut memory, &places, false);
    groups.extend(wave.groups);
    let stage = Stage::Wave { places, waits: wave.waits, more: !later.is_empty() };
    Plan { memory, groups, progress: Progress::Running, message: reasons::TASKS_RUNNING.to_owned(), stage }
}

/// Notes how the objects of running tasks are now.
fn look_again(observed: &Observed<'_>, memory: &mut Memory) {
    for task in &observed.tasks.tasks {
        let Some(live) = task.live.as_ref().filter(|_| memory.is_running(task)) else { continue };
        match (task.is_hook(), (observed.health)(live)) {
            (true, Ok(health)) => {
                let (progress, message) = hook_progress(live, health);
                memory.note(task, None, progress, &message);
            }
            (true, Err(why)) => {
                memory.note(task, None, Progress::Error, &format!("failed to get resource health: {why}"));
            }
            (false, Ok(None)) => memory.note(task, None, Progress::Succeeded, ""),
            (false, Ok(Some(health))) => match health.status {
                Some(Status::Healthy) => memory.note(task, None, Progress::Succeeded, &health.message),
                Some(Status::Degraded) => memory.note(task, None, Progress::Failed, &health.message),
                _ => {}
            },
            (false, Err(_)) => {}
        }
    }
}

pub(super) fn hook_progress(live: &serde_json::Value, health: Option<Health>) -> (Progress, String) {
    let created = format!("{} created", meta::name(live));
    let Some(health) = health else { return (Progress::Succeeded, created) };
    match health.status {
        Some(Status::Unknown | Status::Degraded) => (Progress::Failed, health.message),
        Some(Status::Progressing | Status::Suspended) => (Progress::Running, health.message),
        Some(Status::Healthy) => (Progress::Succeeded, health.message),
        Some(Status::Missing) | None => (Progress::Succeeded, created),
    }
}

/// The finalizers of hooks that ended.
fn finalizers(tasks: &[Task], memory: &Memory) -> Vec<Group> {
    let ended = |task: &Task| task.is_hook() && memory.is_completed(task) && has_finalizer(task);
    let actions: Vec<Action> =
        (0..tasks.len()).filter(|at| ended(&tasks[*at])).map(|at| Action::RemoveFinalizer { task: at }).collect();
    if actions.is_empty() { vec![] } else { vec![Group { actions, needed: false }] }
}

/// The hooks that go once all succeeded, or failed.
pub(super) fn deletions(observed: &Observed<'_>, memory: &Memory, policy: DeletePolicy) -> Option<Group> {
    let tasks = &observed.tasks.tasks;
    let goes = |task: &Task| task.live.is_some() && !memory.is_running(task) && has_policy(task, policy);
    let places = (0..tasks.len()).filter(|at| goes(&tasks[*at]));
    let actions: Vec<Action> =
        places.map(|at| Action::DeleteHook { task: at, propagation: observed.settings.propagation }).collect();
    (!actions.is_empty()).then_some(Group { actions, needed: false })
}

/// A wave cannot go on before something is gone, or somebody agreed.
fn waiting_wave(observed: &Observed<'_>, memory: Memory, places: &[usize]) -> Plan {
    let tasks = places.iter().map(|at| &observed.tasks.tasks[*at]);
    let awaited: Vec<&Task> = tasks
        .filter(|task| goes_before_creation(task, &memory) || (task.is_prune() && memory.is_pending(task)))
        .collect();
    let message = wait::message(observed, &awaited, true);
    Plan::rest(memory, vec![], Progress::Running, message)
}

/// Without hooks, applying the last wave is the end, whatever becomes of the objects afterwards.
fn applied_wave(observed: &Observed<'_>, memory: Memory, places: &[usize], more: bool) -> Plan {
    let tasks: Vec<&Task> = places.iter().map(|at| &observed.tasks.tasks[*at]).collect();
    if more || tasks.iter().any(|task| task.is_hook()) {
        let message = wait::message(observed, &tasks, false);
        return Plan::rest(memory, vec![], Progress::Running, message);
    }
    let groups = deletions(observed, &memory, DeletePolicy::HookSucceeded).into_iter().collect();
    Plan::rest(memory, groups, Progress::Succeeded, reasons::ALL_TASKS_RUN)
}
