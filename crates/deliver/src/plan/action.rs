//! What can be done to the cluster, and by which options.

use serde_json::Value;
use tiphys_machinery::meta;

use super::{Code, Memory, Progress, Task, Tasks};
use crate::{
    object::{SYNC_OPTIONS, has_option, is_crd},
    reasons,
};

/// What becomes of the objects that a deleted one owns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Propagation {
    /// They go first.
    #[default]
    Foreground,
    /// They go afterwards.
    Background,
    /// They stay.
    Orphan,
}

/// What a sync may do and how. The flags are as many as the options that people write.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "one for each option of upstream")]
pub struct Settings {
    /// The destination namespace.
    pub namespace: String,
    /// Whether what Git does not have is deleted.
    pub prune: bool,
    /// Whether nothing is changed at all.
    pub dry_run: bool,
    /// Whether what cannot be changed is deleted and created again.
    pub force: bool,
    /// Whether objects are replaced instead of applied.
    pub replace: bool,
    /// Whether the server merges.
    pub server_side_apply: bool,
    /// Whether the fields of `kubectl apply` are taken over before the server merges.
    pub migrate: bool,
    /// Whether objects must agree with their schema.
    pub validate: bool,
    /// Whether what is as it should be is left alone.
    pub out_of_sync_only: bool,
    /// Whether somebody agreed to delete what asks for it.
    pub confirmed: bool,
    /// `Prune=` for objects that do not say it themselves.
    pub prune_option: Option<String>,
    /// What becomes of the objects that a deleted one owns.
    pub propagation: Propagation,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            namespace: String::new(),
            prune: false,
            dry_run: false,
            force: false,
            replace: false,
            server_side_apply: false,
            migrate: true,
            validate: true,
            out_of_sync_only: false,
            confirmed: false,
            prune_option: None,
            propagation: Propagation::default(),
        }
    }
}

impl Settings {
    /// Takes over the sync options of a delivery; those that concern other parts, and unknown ones, are passed over.
    #[must_use]
    pub fn with_options<'o>(mut self, options: impl IntoIterator<Item = &'o str>) -> Self {
        for option in options {
            match option {
                "Replace=true" => self.replace = true,
                "ServerSideApply=true" => self.server_side_apply = true,
                "ClientSideApplyMigration=false" => self.migrate = false,
                "Validate=false" => self.validate = false,
                "ApplyOutOfSyncOnly=true" => self.out_of_sync_only = true,
                "PrunePropagationPolicy=background" => self.propagation = Propagation::Background,
                "PrunePropagationPolicy=foreground" => self.propagation = Propagation::Foreground,
                "PrunePropagationPolicy=orphan" => self.propagation = Propagation::Orphan,
                other => self.prune_option = other.strip_prefix("Prune=").map(str::to_owned).or(self.prune_option),
            }
        }
        self
    }
}

/// How an object gets what it should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Three-way merge with what was applied last.
    Apply,
    /// The server merges; `migrate`: after the fields of `kubectl apply` were taken over.
    ServerSideApply {
        /// Whether to take them over.
        migrate: bool,
    },
    /// Put in place of what is there.
    Replace,
    /// The same, but never by deleting: what is deleted with it would be lost.
    Update,
    /// Created; something there is an error.
    Create,
}

/// One call, or a few that belong together. Numbers are places in [`Tasks`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Bring an object in.
    Apply {
        /// The task.
        task: usize,
        /// How.
        way: Way,
        /// Delete and create again what cannot be changed.
        force: bool,
        /// Refuse what does not agree with its schema.
        validate: bool,
        /// Only see whether it could be done.
        try_out: bool,
    },
    /// Delete an object that Git does not have.
    Prune {
        /// The task.
        task: usize,
        /// What becomes of the objects that it owns.
        propagation: Propagation,
    },
    /// Delete a hook. One that is not there is fine.
    DeleteHook {
        /// The task.
        task: usize,
        /// What becomes of the objects that it owns.
        propagation: Propagation,
    },
    /// Take the finalizer off a hook. One that is not there is fine.
    RemoveFinalizer {
        /// The task.
        task: usize,
    },
    /// Ask the server itself whether an object is there.
    Find {
        /// The task.
        task: usize,
    },
}

impl Action {
    /// Returns the place of the task.
    #[must_use]
    pub const fn task(&self) -> usize {
        match self {
            Self::Apply { task, .. }
            | Self::Prune { task, .. }
            | Self::DeleteHook { task, .. }
            | Self::RemoveFinalizer { task }
            | Self::Find { task } => *task,
        }
    }
}

/// Actions that may be done at the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The actions.
    pub actions: Vec<Action>,
    /// Whether the groups behind are left out when one of these fails.
    pub needed: bool,
}

/// Notes what came of an action: what the server said, or why it failed.
pub fn note(memory: &mut Memory, tasks: &Tasks, settings: &Settings, action: &Action, outcome: Result<&str, &str>) {
    let Some(task) = tasks.tasks.get(action.task()) else { return };
    match (action, outcome) {
        (Action::Apply { try_out: true, .. }, Ok(_)) if !settings.dry_run => {}
        (Action::Apply { .. }, Ok(said)) => {
            let progress = if settings.dry_run { Progress::Succeeded } else { Progress::Running };
            memory.note(task, Some(Code::Synced), progress, said);
        }
        (Action::Prune { .. }, Ok(_)) => memory.note(task, Some(Code::Pruned), Progress::Succeeded, reasons::PRUNED),
        (Action::Apply { .. } | Action::Prune { .. }, Err(why)) => {
            memory.note(task, Some(Code::SyncFailed), Progress::Failed, why);
        }
        (Action::RemoveFinalizer { .. }, Err(why)) => {
            memory.note(task, None, Progress::Error, &format!("Failed to remove hook finalizer: {why}"));
        }
        (Action::DeleteHook { .. }, Err(why)) => {
            memory.note(task, None, Progress::Error, &format!("failed to delete resource: {why}"));
        }
        (Action::Find { .. }, Err(_)) => {
            let message = format!("Resource {} is missing, it might have been deleted", super::wait::name(task));
            memory.note(task, Some(Code::SyncFailed), Progress::Error, &message);
        }
        (Action::RemoveFinalizer { .. } | Action::DeleteHook { .. } | Action::Find { .. }, Ok(_)) => {}
    }
}

/// Returns how the target of a task is brought in.
pub(super) fn apply(at: usize, task: &Task, settings: &Settings, try_out: bool) -> Action {
    let target = task.target.as_ref().unwrap_or(&Value::Null);
    let on_target = |option| has_option(target, SYNC_OPTIONS, option);
    let on_either =
        |option| on_target(option) || task.live.as_ref().is_some_and(|live| has_option(live, SYNC_OPTIONS, option));
    let merged_by_server = !try_out
        && !on_target("ServerSideApply=false")
        && (settings.server_side_apply || on_target("ServerSideApply=true"));
    let keeps_others = is_crd(target) || meta::kind(target) == "Namespace";
    let way = match (settings.replace || on_either("Replace=true"), &task.live) {
        (true, Some(_)) if keeps_others => Way::Update,
        (true, Some(_)) => Way::Replace,
        (true, None) => Way::Create,
        (false, _) if merged_by_server => Way::ServerSideApply { migrate: settings.migrate && task.live.is_some() },
        (false, _) => Way::Apply,
    };
    Action::Apply {
        task: at,
        way,
        force: settings.force || on_either("Force=true"),
        validate: settings.validate && !on_target("Validate=false"),
        try_out,
    }
}
