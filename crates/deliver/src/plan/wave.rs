//! What is done for the tasks of one wave.

use tiphys_machinery::meta;

use super::{Action, Code, Group, Memory, Observed, Progress, Task, action::apply};
use crate::{
    hook::{self, DeletePolicy, Pruning},
    reasons,
};

/// What a wave asks for.
pub(super) struct Wave {
    /// One group after the other.
    pub(super) groups: Vec<Group>,
    /// Whether something must be gone, or agreed to, before the rest can be done.
    pub(super) waits: bool,
}

/// Plans the tasks at `places`: finalizers of earlier hooks, then prunes, then hooks that must go before they come
/// again, then what is applied, kind by kind.
pub(super) fn wave(observed: &Observed<'_>, memory: &mut Memory, places: &[usize], try_out: bool) -> Wave {
    let settings = observed.settings;
    let changes = !try_out && !settings.dry_run;
    let tasks: Vec<(usize, &Task)> = places.iter().map(|at| (*at, &observed.tasks.tasks[*at])).collect();
    let mut groups = Vec::new();
    if changes {
        let earlier = tasks.iter().filter(|(_, task)| is_earlier_hook(task, memory) && has_finalizer(task));
        push(&mut groups, earlier.map(|(at, _)| Action::RemoveFinalizer { task: *at }).collect(), true);
    }
    let (prunes, creations): (Vec<_>, Vec<_>) = tasks.into_iter().partition(|(_, task)| task.is_prune());
    if prunes.iter().any(|(_, task)| needs_agreement(observed, task)) {
        return Wave { groups, waits: true };
    }
    push(
        &mut groups,
        prunes.iter().filter_map(|(at, task)| prune(observed, memory, *at, task, changes)).collect(),
        true,
    );
    let gone: Vec<Action> = creations
        .iter()
        .filter(|(_, task)| goes_before_creation(task, memory))
        .map(|(at, _)| Action::DeleteHook { task: *at, propagation: settings.propagation })
        .collect();
    if changes && !gone.is_empty() {
        push(&mut groups, gone, true);
        return Wave { groups, waits: true };
    }
    let mut kind = "";
    for (at, task) in creations.into_iter().filter(|(_, task)| !try_out || !task.skip_dry_run) {
        if meta::kind(task.object()) != kind || groups.is_empty() {
            kind = meta::kind(task.object());
            groups.push(Group { actions: vec![], needed: false });
        }
        let action = apply(at, task, settings, !changes);
        groups.last_mut().into_iter().for_each(|group| group.actions.push(action.clone()));
    }
    Wave { groups, waits: false }
}

fn push(groups: &mut Vec<Group>, actions: Vec<Action>, needed: bool) {
    if !actions.is_empty() {
        groups.push(Group { actions, needed });
    }
}

/// Returns how an object is pruned; what needs no call is noted at once.
fn prune(observed: &Observed<'_>, memory: &mut Memory, at: usize, task: &Task, changes: bool) -> Option<Action> {
    let settings = observed.settings;
    let live = task.live.as_ref()?;
    let (code, message) = if !settings.prune {
        (Code::PruneSkipped, reasons::PRUNE_NOT_ASKED)
    } else if hook::pruning(live, settings.prune_option.as_deref()) == Pruning::Disabled {
        (Code::PruneSkipped, reasons::PRUNE_DISABLED)
    } else if !changes {
        (Code::Pruned, reasons::PRUNED_DRY_RUN)
    } else if meta::is_deleting(live) {
        (Code::Pruned, reasons::PRUNED)
    } else {
        return Some(Action::Prune { task: at, propagation: settings.propagation });
    };
    if changes || settings.dry_run {
        memory.note(task, Some(code), Progress::Succeeded, message);
    }
    None
}

/// Returns whether a person must agree before the object of the task is deleted.
pub(super) fn needs_agreement(observed: &Observed<'_>, task: &Task) -> bool {
    let option = observed.settings.prune_option.as_deref();
    let asks = |live| hook::pruning(live, option) == Pruning::NeedsConfirmation;
    task.is_prune() && !observed.settings.confirmed && task.live.as_ref().is_some_and(asks)
}

/// Returns whether a hook of an earlier sync must be gone before it is created.
pub(super) fn goes_before_creation(task: &Task, memory: &Memory) -> bool {
    is_earlier_hook(task, memory) && has_policy(task, DeletePolicy::BeforeHookCreation)
}

/// Returns whether a hook is deleted at the time that `policy` names.
pub(super) fn has_policy(task: &Task, policy: DeletePolicy) -> bool {
    task.target.as_ref().is_some_and(|target| hook::is_hook(target) && hook::delete_policies(target).contains(&policy))
}

/// Returns whether the live object of a hook keeps itself from being deleted.
pub(super) fn has_finalizer(task: &Task) -> bool {
    task.live.as_ref().is_some_and(hook::has_finalizer)
}

fn is_earlier_hook(task: &Task, memory: &Memory) -> bool {
    task.is_hook() && task.live.is_some() && memory.is_pending(task)
}
