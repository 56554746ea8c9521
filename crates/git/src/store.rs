//! Fetched objects on disk, one bare repository a remote, shared by all who read it.

use std::{
    fs, io,
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use gix::{
    ObjectId, Repository, ThreadSafeRepository,
    bstr::ByteSlice,
    create::{Kind, Options as CreateOptions},
    open::Options as OpenOptions,
    remote::{fetch::Shallow, ref_map::Options},
};

use crate::{
    remote::{Opened, Remote, RemoteError},
    tree::{Folders, Tree},
};

/// The objects of one repository. Cheap to clone; readers do not disturb each other.
#[derive(Debug, Clone)]
pub struct Store {
    repository: Arc<Shared>,
    path: PathBuf,
    folders: Arc<Folders>,
}

/// What a store and the trees in it have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) repository: ThreadSafeRepository,
    /// The folder, when it goes with the last who reads it.
    passing: Option<PathBuf>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(path) = &self.passing {
            // What cannot be removed now is so at the next start.
            let _ = fs::remove_dir_all(path);
        }
    }
}

/// What a commit says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Its name.
    pub id: ObjectId,
    /// The name of its folder.
    pub tree: ObjectId,
    /// `Name <address>`.
    pub author: String,
    /// Seconds since 1970 at which the author wrote it.
    pub authored: i64,
    /// The whole message.
    pub message: String,
}

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder cannot be made or opened.
    #[error("the folder {path} cannot hold a repository: {cause}")]
    Open {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        cause: String,
    },
    /// The remote.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// An object is missing or broken.
    #[error("object {id}: {cause}")]
    Object {
        /// Its name.
        id: String,
        /// What is wrong.
        cause: String,
    },
}

impl Store {
    /// Opens the repository in a folder, and makes it where there is none.
    ///
    /// # Errors
    /// When the folder cannot be written or holds something else.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::shared(path, None)
    }

    /// Opens a repository whose folder is removed when nobody holds the store or one of its trees any more.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn passing(path: &Path) -> Result<Self, StoreError> {
        Self::shared(path, Some(path.to_owned()))
    }

    fn shared(path: &Path, passing: Option<PathBuf>) -> Result<Self, StoreError> {
        let repository = repository(path).map_err(|cause| StoreError::Open { path: path.to_owned(), cause })?;
        let shared = Shared { repository: repository.into_sync(), passing };
        Ok(Self { repository: Arc::new(shared), path: path.to_owned(), folders: Arc::default() })
    }

    /// Returns whether all that a commit needs was fetched.
    #[must_use]
    pub fn has(&self, commit: ObjectId) -> bool {
        let repository = self.repository.repository.to_thread_local();
        repository.try_find_reference(&kept(commit)).is_ok_and(|found| found.is_some())
    }

    /// Fetches commits with everything in them, but without their history unless `depth` asks for more (0: all of it).
    /// Commits that are there already cost nothing. Blocks.
    ///
    /// # Errors
    /// When the remote cannot be reached or does not have them.
    pub fn fetch(&self, remote: &Remote, commits: &[ObjectId], depth: u32) -> Result<(), StoreError> {
        let wanted: Vec<String> = commits
            .iter()
            .filter(|commit| !self.has(**commit))
            .map(|commit| format!("+{commit}:{}", kept(*commit)))
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let repository = self.repository.repository.to_thread_local();
        let specs: Vec<&str> = wanted.iter().map(String::as_str).collect();
        let opened = Opened::new(remote, &repository, &specs)?;
        let shallow = NonZeroU32::new(depth).map_or(Shallow::NoChange, Shallow::DepthAtRemote);
        let fetched = opened
            .connect()?
            .prepare_fetch(gix::progress::Discard, Options::default())
            .and_then(|fetch| fetch.with_shallow(shallow).receive(gix::progress::Discard, &AtomicBool::new(false)));
        fetched.map_err(|error| remote.refused(&error))?;
        Ok(())
    }

    /// Returns what a commit says about itself.
    ///
    /// # Errors
    /// When it is not there, or is no commit.
    pub fn commit(&self, id: ObjectId) -> Result<Commit, StoreError> {
        let repository = self.repository.repository.to_thread_local();
        let wrong = |cause: String| StoreError::Object { id: id.to_string(), cause };
        let commit = repository.find_commit(id).map_err(|error| wrong(error.to_string()))?;
        let decoded = commit.decode().map_err(|error| wrong(error.to_string()))?;
        let author = decoded.author().map_err(|error| wrong(error.to_string()))?;
        Ok(Commit {
            id,
            tree: decoded.tree(),
            author: format!("{} <{}>", author.name.to_str_lossy(), author.email.to_str_lossy()),
            authored: author.seconds(),
            message: decoded.message.to_str_lossy().into_owned(),
        })
    }

    /// Returns the files of a commit.
    ///
    /// # Errors
    /// When the commit is not there.
    pub fn tree(&self, commit: ObjectId) -> Result<Tree, StoreError> {
        Ok(Tree::new(Arc::clone(&self.repository), self.commit(commit)?.tree, Arc::clone(&self.folders)))
    }

    /// Returns where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The reference that keeps a fetched commit.
fn kept(commit: ObjectId) -> String {
    format!("refs/tiphys/{commit}")
}

fn repository(path: &Path) -> Result<Repository, String> {
    let options = OpenOptions::isolated().strict_config(false);
    if path.join("HEAD").exists() {
        return gix::open_opts(path, options).map_err(|error| error.to_string());
    }
    fs::create_dir_all(path).map_err(|error| error.to_string())?;
    let made = ThreadSafeRepository::init_opts(path, Kind::Bare, CreateOptions::default(), options);
    made.map(|made| made.to_thread_local()).map_err(|error| error.to_string())
}

/// A bare repository that goes when it is dropped.
pub(crate) struct Scratch {
    folder: tempfile::TempDir,
    repository: Repository,
}

impl Scratch {
    pub(crate) fn repository(&self) -> &Repository {
        &self.repository
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Makes a bare repository for one conversation.
pub(crate) fn scratch() -> io::Result<Scratch> {
    let folder = tempfile::Builder::new().prefix("tiphys-git-").tempdir()?;
    let repository = repository(folder.path()).map_err(io::Error::other)?;
    Ok(Scratch { folder, repository })
}
