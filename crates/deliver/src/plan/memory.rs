//! What earlier steps of an operation did: all that a sync knows besides the cluster, kept in the operation's status.

use super::Task;
use crate::{hook::Phase, object::ResourceKey};

/// How far a task, or the whole operation, is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Under way.
    Running,
    /// Done.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Could not even be tried.
    Error,
}

/// What was done to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// It was applied.
    Synced,
    /// It could not be.
    SyncFailed,
    /// It was deleted.
    Pruned,
    /// It should have been deleted, but was not to be.
    PruneSkipped,
}

/// What is known about a task that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its object.
    pub key: ResourceKey,
    /// Its phase.
    pub phase: Phase,
    /// What was done; none when nothing could be.
    pub code: Option<Code>,
    /// How far it is.
    pub progress: Progress,
    /// The last words about it.
    pub message: String,
}

/// Records in the order in which tasks were begun. Without any, the operation was not begun.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory(Vec<Record>);

impl Memory {
    /// Takes over what an earlier run has stored.
    #[must_use]
    pub fn new(records: Vec<Record>) -> Self {
        Self(records)
    }

    /// Returns what is to be stored.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.0
    }

    /// Returns what is known about a task; nothing when it was not begun.
    #[must_use]
    pub fn of(&self, task: &Task) -> Option<&Record> {
        let key = ResourceKey::of(task.object());
        self.0.iter().find(|record| record.phase == task.phase && record.key == key)
    }

    /// Notes how a task is. No code leaves the earlier one, no message the earlier words.
    pub fn note(&mut self, task: &Task, code: Option<Code>, progress: Progress, message: &str) {
        let key = ResourceKey::of(task.object());
        match self.0.iter_mut().find(|record| record.phase == task.phase && record.key == key) {
            Some(record) => {
                record.code = code.or(record.code);
                record.progress = progress;
                if !message.is_empty() {
                    message.clone_into(&mut record.message);
                }
            }
            None => self.0.push(Record { key, phase: task.phase, code, progress, message: message.to_owned() }),
        }
    }

    pub(super) fn progress(&self, task: &Task) -> Option<Progress> {
        self.of(task).map(|record| record.progress)
    }

    pub(super) fn is_running(&self, task: &Task) -> bool {
        self.progress(task) == Some(Progress::Running)
    }

    pub(super) fn is_completed(&self, task: &Task) -> bool {
        self.progress(task).is_some_and(|progress| progress != Progress::Running)
    }

    pub(super) fn is_pending(&self, task: &Task) -> bool {
        self.of(task).is_none()
    }

    pub(super) fn has_failed_to_sync(&self, task: &Task) -> bool {
        self.of(task).is_some_and(|record| record.code == Some(Code::SyncFailed))
    }
}
