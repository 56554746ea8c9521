//! What a sync waits for, and how it says so.

use tiphys_machinery::meta;

use super::{Action, Code, Group, Memory, Observed, Plan, Progress, Task, wave::needs_agreement};
use crate::object::group;

/// Returns the plan of waiting, when running tasks or objects that are being deleted must be waited for.
pub(super) fn for_tasks(observed: &Observed<'_>, memory: &Memory) -> Option<Plan> {
    let tasks = &observed.tasks.tasks;
    // With a single wave and no hooks, nothing waits for health.
    let several = observed.tasks.is_multi_step();
    let is_awaited = |task: &Task| (several || task.is_hook()) && memory.is_running(task);
    let running: Vec<usize> = (0..tasks.len()).filter(|at| is_awaited(&tasks[*at])).collect();
    if !running.is_empty() {
        let unseen = running.iter().filter(|at| tasks[**at].live.is_none());
        let actions: Vec<Action> = unseen.map(|at| Action::Find { task: *at }).collect();
        let groups = if actions.is_empty() { vec![] } else { vec![Group { actions, needed: false }] };
        let running: Vec<&Task> = running.iter().map(|at| &tasks[*at]).collect();
        let message = message(observed, &running, false);
        return Some(Plan::rest(memory.clone(), groups, Progress::Running, message));
    }
    let is_going = |task: &&Task| {
        memory.of(task).is_some_and(|record| record.code == Some(Code::Pruned))
            && task.live.as_ref().is_some_and(meta::is_deleting)
    };
    let going: Vec<&Task> = tasks.iter().filter(is_going).collect();
    let message = message(observed, &going, true);
    (!going.is_empty()).then(|| Plan::rest(memory.clone(), vec![], Progress::Running, message))
}

/// Says what is waited for: one task, and how many more.
pub(super) fn message(observed: &Observed<'_>, tasks: &[&Task], deletion: bool) -> String {
    let hook = tasks.iter().copied().find(|task| task.is_hook());
    let Some(mut first) = hook.or(tasks.first().copied()) else { return String::new() };
    let mut reason = match (hook, deletion) {
        (Some(_), false) => "completion of hook",
        (None, false) => "healthy state of",
        (Some(_), true) => "deletion of hook",
        (None, true) => "deletion of",
    };
    let what = if tasks.iter().all(|task| task.is_hook()) { "hooks" } else { "resources" };
    let mut more = tasks.len() - 1;
    let asking: Vec<&Task> = tasks.iter().copied().filter(|task| needs_agreement(observed, task)).collect();
    if let Some(task) = asking.first() {
        (reason, first, more) = ("pruning confirmation of", *task, asking.len() - 1);
    }
    let rest = if more > 0 { format!(" and {more} more {what}") } else { String::new() };
    format!("waiting for {reason} {}{rest}", name(first))
}

/// Returns how messages call the object of a task: `group/Kind/name`.
pub(super) fn name(task: &Task) -> String {
    let object = task.object();
    format!("{}/{}/{}", group(object), meta::kind(object), meta::name(object))
}
