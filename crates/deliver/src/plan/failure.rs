//! When a sync failed, and when it is stopped.

use super::{
    Action, Group, Memory, Observed, Plan, Progress, Stage, Task,
    step::{deletions, hook_progress},
    wait,
    wave::{has_policy, wave},
};
use crate::{
    hook::{DeletePolicy, Phase},
    reasons,
};

/// A wave could not be applied: hooks for failures run, and running hooks of the wave are waited for.
pub(super) fn of_wave(observed: &Observed<'_>, memory: Memory, places: &[usize]) -> Plan {
    let tasks = &observed.tasks.tasks;
    let hooks: Vec<usize> = (0..tasks.len()).filter(|at| tasks[*at].phase == Phase::SyncFail).collect();
    let of_wave = places.iter().map(|at| &tasks[*at]);
    let failed: Vec<&Task> = of_wave.clone().filter(|task| memory.has_failed_to_sync(task)).collect();
    let mut running: Vec<&Task> = of_wave.filter(|task| memory.is_running(task)).collect();
    if running.is_empty() {
        let groups = deletions(observed, &memory, DeletePolicy::HookFailed).into_iter().collect();
        return phase(observed, memory, groups, &hooks, &failed, reasons::APPLY_FAILED);
    }
    let mut plan = phase(observed, memory, vec![], &hooks, &failed, reasons::APPLY_FAILED);
    if !hooks.is_empty() && plan.progress == Progress::Running {
        running.extend(hooks.iter().map(|at| &tasks[*at]));
    } else {
        plan.groups.clear();
    }
    plan.progress = Progress::Running;
    plan.message = wait::message(observed, &running, false);
    plan
}

/// Runs the hooks for failures; once all of them ended, or without any, the sync has failed. `groups` are done then.
pub(super) fn phase(
    observed: &Observed<'_>,
    mut memory: Memory,
    mut groups: Vec<Group>,
    hooks: &[usize],
    failed: &[&Task],
    message: &str,
) -> Plan {
    let tasks = &observed.tasks.tasks;
    let mut message = with_reasons(&memory, failed, message);
    if hooks.iter().all(|at| memory.is_completed(&tasks[*at])) {
        let failed: Vec<&Task> =
            hooks.iter().map(|at| &tasks[*at]).filter(|task| memory.has_failed_to_sync(task)).collect();
        if !failed.is_empty() {
            message = format!("{message}\n{}", with_reasons(&memory, &failed, reasons::FAILURE_HOOKS_FAILED));
        }
        return Plan::rest(memory, groups, Progress::Failed, message);
    }
    let pending: Vec<usize> = hooks.iter().copied().filter(|at| memory.is_pending(&tasks[*at])).collect();
    groups.extend(wave(observed, &mut memory, &pending, false).groups);
    let pending: Vec<&Task> = pending.iter().map(|at| &tasks[*at]).collect();
    let message = wait::message(observed, &pending, false);
    Plan::rest(memory, groups, Progress::Running, message)
}

/// Adds what failed tasks say to a message.
pub(super) fn with_reasons(memory: &Memory, tasks: &[&Task], message: &str) -> String {
    let texts: Vec<&str> = tasks.iter().filter_map(|task| Some(memory.of(task)?.message.as_str())).collect();
    if texts.is_empty() { message.to_owned() } else { format!("{message}, reason: {}", texts.join(",")) }
}

/// Stops an operation: running hooks are deleted, those that ended keep what they came to.
#[must_use]
pub fn terminate(observed: &Observed<'_>, mut memory: Memory) -> Plan {
    let (mut finalizers, mut deletions) = (Vec::new(), Vec::new());
    for (at, task) in observed.tasks.tasks.iter().enumerate().filter(|(_, task)| task.is_hook()) {
        if memory.is_pending(task) {
            continue;
        }
        finalizers.push(Action::RemoveFinalizer { task: at });
        if !memory.is_running(task) {
            continue;
        }
        let found = task.live.as_ref().map(|live| (observed.health)(live).map(|health| hook_progress(live, health)));
        match found {
            Some(Ok((progress, message))) if progress != Progress::Running => {
                if has_policy(task, DeletePolicy::HookFailed) {
                    deletions.push(Action::DeleteHook { task: at, propagation: observed.settings.propagation });
                }
                memory.note(task, None, progress, &message);
            }
            other => {
                deletions.push(Action::DeleteHook { task: at, propagation: observed.settings.propagation });
                match other {
                    Some(Err(why)) => {
                        memory.note(task, None, Progress::Error, &format!("Failed to get hook health: {why}"));
                    }
                    _ => memory.note(task, None, Progress::Failed, reasons::HOOK_TERMINATED),
                }
            }
        }
    }
    let groups = [finalizers, deletions].into_iter().filter(|actions| !actions.is_empty());
    let groups = groups.map(|actions| Group { actions, needed: false }).collect();
    let message = reasons::TERMINATED.to_owned();
    Plan { memory, groups, progress: Progress::Failed, message, stage: Stage::Termination }
}
