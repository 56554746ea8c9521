//! Reading files of a commit without a checkout: within limits, and never out of the repository.
//!
//! Every answer carries the object id of what was read: who keeps those keeps the key of what was made from them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use gix::{ObjectId, bstr::ByteSlice, objs::tree::EntryKind as Mode};

use crate::store::Shared;

/// Links in a row at most.
const LINKS: usize = 40;
/// Entries of folders that stay decoded, for all trees of a store.
const DECODED: usize = 200_000;

/// The files of one commit.
#[derive(Debug, Clone)]
pub struct Tree {
    repository: Arc<Shared>,
    root: ObjectId,
    folders: Arc<Folders>,
}

/// Folders that were decoded: many commits and many readers share most of theirs.
#[derive(Debug, Default)]
pub(crate) struct Folders(Mutex<Decoded>);

#[derive(Debug, Default)]
struct Decoded {
    by_id: HashMap<ObjectId, Arc<[Entry]>>,
    entries: usize,
}

impl Folders {
    fn get(&self, id: ObjectId) -> Option<Arc<[Entry]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).by_id.get(&id).cloned()
    }

    fn keep(&self, id: ObjectId, entries: &Arc<[Entry]>) {
        let mut decoded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if decoded.entries + entries.len() > DECODED {
            *decoded = Decoded::default();
        }
        decoded.entries += entries.len();
        decoded.by_id.insert(id, Arc::clone(entries));
    }
}

/// What stands in a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its name in the folder.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// Its object: the same id means the same content, everything below included.
    pub id: ObjectId,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// A folder.
    Folder,
    /// A file.
    File,
    /// A file that may be run.
    Program,
    /// A symbolic link.
    Link,
    /// Another repository.
    Submodule,
}

/// Why something in a tree cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// There is no such path.
    #[error("{0}: no such file or folder in the repository")]
    Missing(String),
    /// The path, or a link on it, leads out of the repository.
    #[error("{0}: leads out of the repository")]
    Outside(String),
    /// Links lead to links without end.
    #[error("{0}: too many symbolic links")]
    Loop(String),
    /// A folder where a file belongs, or the other way round.
    #[error("{path}: is {found:?}, wanted a {wanted}")]
    Kind {
        /// The path.
        path: String,
        /// What stands there.
        found: EntryKind,
        /// `file` or `folder`.
        wanted: &'static str,
    },
    /// A file is longer than allowed.
    #[error("{path}: has {size} bytes, at most {limit} are read")]
    TooLarge {
        /// The path.
        path: String,
        /// Bytes it has.
        size: u64,
        /// Bytes that are allowed.
        limit: u64,
    },
    /// The store is broken.
    #[error("object {id}: {cause}")]
    Object {
        /// Its name.
        id: String,
        /// What is wrong.
        cause: String,
    },
}

impl Tree {
    pub(crate) fn new(repository: Arc<Shared>, root: ObjectId, folders: Arc<Folders>) -> Self {
        Self { repository, root, folders }
    }

    /// Returns the id of the whole tree.
    #[must_use]
    pub fn id(&self) -> ObjectId {
        self.root
    }

    /// Returns what stands at a path, links followed. Paths are relative to the root of the repository.
    ///
    /// # Errors
    /// When nothing stands there, or a link leads out of the repository.
    pub fn find(&self, path: &str) -> Result<Entry, TreeError> {
        self.resolve(path).map(|(_, entry)| entry)
    }

    /// Returns what stands at exactly this path, no link followed and `..` not understood; `None` when nothing does.
    ///
    /// # Errors
    /// When the store is broken.
    pub fn look(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        let mut found = Entry { name: String::new(), kind: EntryKind::Folder, id: self.root };
        for part in path.split('/').filter(|part| !part.is_empty()) {
            if found.kind != EntryKind::Folder {
                return Ok(None);
            }
            let entries = self.entries(found.id)?;
            let Ok(at) = entries.binary_search_by(|entry| entry.name.as_str().cmp(part)) else { return Ok(None) };
            found = entries[at].clone();
        }
        Ok(Some(found))
    }

    /// Returns the content of a blob that an entry names.
    ///
    /// # Errors
    /// When it cannot be read or has more than `limit` bytes; `path` is for the message.
    pub fn content(&self, path: &str, id: ObjectId, limit: u64) -> Result<Vec<u8>, TreeError> {
        let repository = self.repository.repository.to_thread_local();
        let header = repository.find_header(id).map_err(|error| broken(id, &error))?;
        if header.size() > limit {
            return Err(TreeError::TooLarge { path: path.to_owned(), size: header.size(), limit });
        }
        self.blob(id)
    }

    /// Returns the path at which something really stands, all links followed.
    ///
    /// # Errors
    /// As [`Tree::find`].
    pub fn real_path(&self, path: &str) -> Result<String, TreeError> {
        self.resolve(path).map(|(path, _)| path)
    }

    /// Returns what stands in a folder, sorted by name; links are not followed.
    ///
    /// # Errors
    /// As [`Tree::find`], and when it is no folder.
    pub fn list(&self, path: &str) -> Result<Vec<Entry>, TreeError> {
        let entry = self.find(path)?;
        if entry.kind != EntryKind::Folder {
            return Err(TreeError::Kind { path: path.to_owned(), found: entry.kind, wanted: "folder" });
        }
        Ok(self.entries(entry.id)?.to_vec())
    }

    /// Returns the content of a file, links followed, and its object.
    ///
    /// # Errors
    /// As [`Tree::find`]; when it is no file; when it has more than `limit` bytes.
    pub fn read(&self, path: &str, limit: u64) -> Result<(ObjectId, Vec<u8>), TreeError> {
        let entry = self.find(path)?;
        if !matches!(entry.kind, EntryKind::File | EntryKind::Program) {
            return Err(TreeError::Kind { path: path.to_owned(), found: entry.kind, wanted: "file" });
        }
        Ok((entry.id, self.content(path, entry.id, limit)?))
    }

    /// Returns where a link points, as it is written.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn link(&self, entry: &Entry) -> Result<String, TreeError> {
        Ok(self.blob(entry.id)?.to_str_lossy().into_owned())
    }

    /// Walks along a path as a file system would, with links that stay within the repository.
    fn resolve(&self, path: &str) -> Result<(String, Entry), TreeError> {
        let root = Entry { name: String::new(), kind: EntryKind::Folder, id: self.root };
        let mut here: Vec<Entry> = vec![root];
        let mut left: Vec<String> = parts(path)?;
        let mut links = 0;
        while let Some(part) = left.pop() {
            match part.as_str() {
                "" | "." => continue,
                ".." if here.len() > 1 => {
                    here.pop();
                    continue;
                }
                ".." => return Err(TreeError::Outside(path.to_owned())),
                _ => {}
            }
            let folder = here.last().filter(|entry| entry.kind == EntryKind::Folder);
            let folder = folder.ok_or_else(|| TreeError::Missing(path.to_owned()))?;
            let entries = self.entries(folder.id)?;
            let at = entries.binary_search_by(|entry| entry.name.as_str().cmp(&part));
            let entry = at.map(|at| entries[at].clone()).map_err(|_| TreeError::Missing(path.to_owned()))?;
            if entry.kind == EntryKind::Link {
                links += 1;
                if links > LINKS {
                    return Err(TreeError::Loop(path.to_owned()));
                }
                let target = self.link(&entry)?;
                left.extend(parts(&target).map_err(|_| TreeError::Outside(path.to_owned()))?);
            } else {
                here.push(entry);
            }
        }
        let real: Vec<&str> = here.iter().skip(1).map(|entry| entry.name.as_str()).collect();
        let real = real.join("/");
        here.pop().map(|entry| (real, entry)).ok_or_else(|| TreeError::Missing(path.to_owned()))
    }

    fn entries(&self, folder: ObjectId) -> Result<Arc<[Entry]>, TreeError> {
        if let Some(entries) = self.folders.get(folder) {
            return Ok(entries);
        }
        let entries: Arc<[Entry]> = self.decoded(folder)?.into();
        self.folders.keep(folder, &entries);
        Ok(entries)
    }

    fn decoded(&self, folder: ObjectId) -> Result<Vec<Entry>, TreeError> {
        let repository = self.repository.repository.to_thread_local();
        let tree = repository.find_tree(folder).map_err(|error| broken(folder, &error))?;
        let mut entries = Vec::new();
        for entry in tree.iter() {
            let entry = entry.map_err(|error| broken(folder, &error))?;
            let kind = match entry.mode().kind() {
                Mode::Tree => EntryKind::Folder,
                Mode::Blob => EntryKind::File,
                Mode::BlobExecutable => EntryKind::Program,
                Mode::Link => EntryKind::Link,
                Mode::Commit => EntryKind::Submodule,
            };
            entries.push(Entry { name: entry.filename().to_str_lossy().into_owned(), kind, id: entry.object_id() });
        }
        entries.sort();
        Ok(entries)
    }

    fn blob(&self, id: ObjectId) -> Result<Vec<u8>, TreeError> {
        let repository = self.repository.repository.to_thread_local();
        let mut blob = repository.find_blob(id).map_err(|error| broken(id, &error))?;
        Ok(blob.take_data())
    }
}

fn broken(id: ObjectId, error: &dyn std::error::Error) -> TreeError {
    TreeError::Object { id: id.to_string(), cause: error.to_string() }
}

/// The parts of a relative path, the first one last.
fn parts(path: &str) -> Result<Vec<String>, TreeError> {
    if path.starts_with('/') {
        return Err(TreeError::Outside(path.to_owned()));
    }
    Ok(path.split('/').rev().map(str::to_owned).collect())
}
