//! The history that watches and snapshots read, bounded in number and in bytes.

use std::{
    collections::{VecDeque, vec_deque},
    sync::Arc,
};

use super::{Change, ShardId};

/// How much history is kept. A change is forgotten when there are more than `least` and one of the limits is passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryLimits {
    /// Changes kept whatever their size.
    pub least: usize,
    /// Most changes kept.
    pub most: usize,
    /// Most bytes of object text kept.
    pub bytes: usize,
}

impl Default for HistoryLimits {
    fn default() -> Self {
        Self { least: 1_000, most: 100_000, bytes: 64 << 20 }
    }
}

/// Which resource changed, oldest first: decides what is forgotten next.
#[derive(Debug, Default)]
pub(super) struct Log {
    entries: VecDeque<(ShardId, u64, usize)>,
    bytes: usize,
}

/// What a change costs beside its text.
const OVERHEAD: usize = 256;

impl Log {
    pub(super) fn push(&mut self, shard: ShardId, change: &Change) {
        // The text of `prev` was accounted for when it was new.
        let size = OVERHEAD + change.new.as_ref().map_or(0, |object| object.size());
        self.bytes += size;
        self.entries.push_back((shard, change.revision, size));
    }

    /// Forgets the oldest change if the limits say so, and returns its resource.
    pub(super) fn pop_beyond(&mut self, limits: HistoryLimits) -> Option<ShardId> {
        let count = self.entries.len();
        if count <= limits.least || (count <= limits.most && self.bytes <= limits.bytes) {
            return None;
        }
        self.pop()
    }

    pub(super) fn compact(&mut self, revision: u64) {
        while self.entries.front().is_some_and(|(_, at, _)| *at <= revision) {
            self.pop();
        }
    }

    fn pop(&mut self) -> Option<ShardId> {
        let (shard, _, size) = self.entries.pop_front()?;
        self.bytes -= size;
        Some(shard)
    }
}

/// The changes of one resource, oldest first.
#[derive(Debug, Default)]
pub(super) struct ShardLog {
    changes: VecDeque<Arc<Change>>,
    compacted: u64,
}

impl ShardLog {
    pub(super) fn starting_at(compacted: u64) -> Self {
        Self { changes: VecDeque::new(), compacted }
    }

    /// Returns the oldest revision whose state can still be told.
    pub(super) fn compacted(&self) -> u64 {
        self.compacted
    }

    pub(super) fn push(&mut self, change: Arc<Change>) {
        self.changes.push_back(change);
    }

    pub(super) fn pop_front(&mut self) {
        if let Some(change) = self.changes.pop_front() {
            self.compacted = change.revision;
        }
    }

    pub(super) fn compact(&mut self, revision: u64) {
        while self.changes.front().is_some_and(|change| change.revision <= revision) {
            self.changes.pop_front();
        }
        self.compacted = self.compacted.max(revision);
    }

    pub(super) fn after(&self, revision: u64) -> vec_deque::Iter<'_, Arc<Change>> {
        let from = self.changes.partition_point(|change| change.revision <= revision);
        self.changes.range(from..)
    }
}
