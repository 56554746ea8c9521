//! Keeping the store on disk.
//!
//! Every commit is appended to a queue in revision order. One thread takes what has gathered, writes it in one
//! transaction and syncs it, then tells those who wait: writers that come at the same time share one sync. A write is
//! acknowledged to a client only once it is on disk; what the process itself reads may be ahead of the disk by the
//! queue, which is a suffix of the history, so that a crash never leaves a hole.

mod disk;
mod queue;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
};

use tokio::sync::watch;

use self::{
    disk::Disk,
    queue::{Entry, Queue},
};
use crate::{
    object::Object,
    store::{Change, ShardId},
};

/// Revisions left out after a restart: a client may have seen some that never reached the disk, and none may be used
/// for another state.
pub(crate) const REVISION_GAP: u64 = 1_000_000;

/// Why a folder could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made.
    #[error("cannot create the folder {path}")]
    CreateFolder {
        /// The folder.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: std::io::Error,
    },
    /// The file cannot be made, or not be kept from other users.
    #[error("cannot make a private file in {path}")]
    Protect {
        /// The folder.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: std::io::Error,
    },
    /// Another process has it open.
    #[error("{path} is in use by another process; stop that one, or choose another folder")]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// It was written in another format.
    #[error("{path} has format {found}; this version reads format {known}")]
    Format {
        /// The folder.
        path: PathBuf,
        /// What is there.
        found: u64,
        /// What can be read.
        known: u64,
    },
    /// It cannot be read or written.
    #[error("cannot read the store in {path}")]
    Read {
        /// The folder.
        path: PathBuf,
        /// What the embedded store says.
        #[source]
        source: Box<redb::Error>,
    },
    /// The writing thread does not start.
    #[error("cannot start the thread that writes to disk")]
    StartWriter(#[source] std::io::Error),
}

/// A write that the disk refused: it happened in memory only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the write could not be stored on disk")]
pub struct NotPersisted;

/// The disk side of a store.
#[derive(Debug)]
pub struct Journal {
    queue: Arc<Queue>,
    progress: watch::Receiver<Progress>,
    writer: Option<JoinHandle<()>>,
}

/// How far the disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Everything up to this revision is on disk.
    Written(u64),
    /// The disk failed; nothing more is written.
    Failed,
}

/// What was found on disk.
#[derive(Debug)]
pub(crate) struct Recovered {
    /// Resource, revision and JSON text of every object.
    pub(crate) objects: Vec<(ShardId, u64, Vec<u8>)>,
    /// The highest revision that was written, of a removal perhaps.
    pub(crate) revision: u64,
}

impl Journal {
    /// Opens the folder, making it if needed, and returns what is in it.
    ///
    /// # Errors
    /// When it is in use, has another format or cannot be read.
    pub(crate) fn open(folder: &Path) -> Result<(Self, Recovered), OpenError> {
        let (disk, recovered) = Disk::open(folder)?;
        let queue = Arc::new(Queue::default());
        let (report, progress) = watch::channel(Progress::Written(recovered.revision + REVISION_GAP));
        let source = queue.clone();
        let writer = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || write_all(&disk, &source, &report))
            .map_err(OpenError::StartWriter)?;
        Ok((Self { queue, progress, writer: Some(writer) }, recovered))
    }

    /// Queues a change. Called in revision order, under the store's lock.
    pub(crate) fn append(&self, shard: &ShardId, change: &Change) {
        let object: Option<Arc<Object>> = change.new.clone();
        let entry = Entry { shard: shard.clone(), key: change.object().key().clone(), object };
        self.queue.push(entry, change.revision);
    }

    /// Waits until everything up to `revision` is on disk.
    pub(crate) async fn persisted(&self, revision: u64) -> Result<(), NotPersisted> {
        let mut progress = self.progress.clone();
        let reached = |progress: &Progress| match progress {
            Progress::Written(written) => *written >= revision,
            Progress::Failed => true,
        };
        match progress.wait_for(reached).await.map(|progress| *progress) {
            Ok(Progress::Written(_)) => Ok(()),
            Ok(Progress::Failed) | Err(_) => Err(NotPersisted),
        }
    }
}

impl Drop for Journal {
    /// Writes what is queued.
    fn drop(&mut self) {
        self.queue.close();
        if let Some(writer) = self.writer.take() {
            // A panic over there was reported by the panic hook.
            let _ = writer.join();
        }
    }
}

fn write_all(disk: &Disk, queue: &Queue, report: &watch::Sender<Progress>) {
    while let Some(batch) = queue.take() {
        let progress = match disk.write(&batch) {
            Ok(()) => Progress::Written(batch.revision),
            Err(error) => {
                tracing::error!(error = %error, revision = batch.revision, "cannot write the store to disk");
                queue.fail();
                Progress::Failed
            }
        };
        report.send_replace(progress);
        if progress == Progress::Failed {
            return;
        }
    }
}
