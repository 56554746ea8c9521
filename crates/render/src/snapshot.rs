//! A commit, read by a render that remembers what it read.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
    sync::{Mutex, PoisonError},
};

use sha2::{Digest, Sha256};
use tiphys_git::{Entry as GitEntry, EntryKind, ObjectId, Tree, TreeError};

use crate::checkout::{Entry, Files, PathError};

/// What a render saw at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Nothing.
    Missing,
    /// A folder, into which it did not look.
    Folder,
    /// The names in a folder and their kinds, by a hash; the folder itself is a short cut to the same answer.
    Names(ObjectId, ObjectId),
    /// Everything below a folder.
    All(ObjectId),
    /// The content of a file.
    File(ObjectId),
    /// Where a link points.
    Link(ObjectId),
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("missing"),
            Self::Folder => f.write_str("folder"),
            Self::Names(_, names) => write!(f, "names {names}"),
            Self::All(id) => write!(f, "all {id}"),
            Self::File(id) => write!(f, "file {id}"),
            Self::Link(id) => write!(f, "link {id}"),
        }
    }
}

/// All that a render saw, by path. Another commit in which all of it is the same renders the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Trace(BTreeMap<String, Seen>);

impl Trace {
    /// Adds what tells more than is known already.
    fn add(&mut self, path: &str, seen: Seen) {
        let knows_more =
            matches!((self.0.get(path), seen), (None, _) | (_, Seen::All(_)) | (Some(Seen::Folder), Seen::Names(..)));
        if knows_more {
            self.0.insert(path.to_owned(), seen);
        }
    }

    /// Returns the trace without what is known from a folder of which all was seen.
    fn shortened(&self) -> Self {
        let is_all = |path: &str| matches!(self.0.get(path), Some(Seen::All(_)));
        let is_implied =
            |path: &str| !path.is_empty() && (is_all("") || path.match_indices('/').any(|(at, _)| is_all(&path[..at])));
        Self(self.0.iter().filter(|(path, _)| !is_implied(path)).map(|(path, seen)| (path.clone(), *seen)).collect())
    }

    /// Returns whether a render of `tree` would see the same.
    pub(crate) fn holds_in(&self, tree: &Tree) -> Result<bool, TreeError> {
        for (path, seen) in &self.0 {
            let found = tree.look(path)?;
            let Some(found) = found else {
                if *seen == Seen::Missing {
                    continue;
                }
                return Ok(false);
            };
            let is_same = match seen {
                Seen::Missing => false,
                Seen::Folder => found.kind == EntryKind::Folder,
                Seen::Names(folder, names) => {
                    found.kind == EntryKind::Folder
                        && (found.id == *folder || names_of(&tree.list(path)?) == Some(*names))
                }
                Seen::All(id) => found.kind == EntryKind::Folder && found.id == *id,
                Seen::File(id) => matches!(found.kind, EntryKind::File | EntryKind::Program) && found.id == *id,
                Seen::Link(id) => found.kind == EntryKind::Link && found.id == *id,
            };
            if !is_same {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes the trace as text that is the same for the same trace.
    pub(crate) fn write_to(&self, text: &mut String) {
        for (path, seen) in &self.0 {
            let _ = writeln!(text, "{path:?} {seen}");
        }
    }

    /// Bytes it takes, about.
    pub(crate) fn size(&self) -> usize {
        self.0.keys().map(|path| path.len() + 96).sum()
    }
}

/// Returns a hash of the names in a folder and what they are, but not of their content; none for what has no hash.
fn names_of(entries: &[GitEntry]) -> Option<ObjectId> {
    let mut hash = Sha256::new();
    for entry in entries {
        let kind = match entry.kind {
            EntryKind::Folder => b'd',
            EntryKind::File | EntryKind::Program => b'f',
            EntryKind::Link => b'l',
            EntryKind::Submodule => b's',
        };
        hash.update(entry.name.as_bytes());
        hash.update([0, kind]);
    }
    ObjectId::try_from(&hash.finalize()[..20]).ok()
}

/// The files of a commit, and what was seen of them.
#[derive(Debug)]
pub(crate) struct Snapshot {
    tree: Tree,
    seen: Mutex<Trace>,
}

impl Snapshot {
    pub(crate) fn new(tree: Tree) -> Self {
        Self { tree, seen: Mutex::default() }
    }

    /// Returns what was seen until now.
    pub(crate) fn trace(&self) -> Trace {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).shortened()
    }

    fn see(&self, path: &str, seen: Seen) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).add(path, seen);
    }

    fn find(&self, path: &str) -> Result<Option<GitEntry>, PathError> {
        let found = self.tree.look(path).map_err(broken)?;
        if found.is_none() && !path.is_empty() {
            self.refuse_submodule(path)?;
        }
        Ok(found)
    }

    /// Something below a submodule is not missing, only not here.
    fn refuse_submodule(&self, path: &str) -> Result<(), PathError> {
        for (at, _) in path.match_indices('/') {
            if self.tree.look(&path[..at]).map_err(broken)?.is_some_and(|found| found.kind == EntryKind::Submodule) {
                return Err(PathError::Submodule(path.to_owned()));
            }
        }
        Ok(())
    }

    fn entry(&self, path: &str, found: &GitEntry) -> Result<Entry, PathError> {
        Ok(match found.kind {
            EntryKind::Folder => Entry::Folder,
            EntryKind::Submodule => return Err(PathError::Submodule(path.to_owned())),
            EntryKind::File | EntryKind::Program => Entry::File,
            EntryKind::Link => Entry::Link(self.tree.link(found).map_err(broken)?),
        })
    }
}

impl Files for Snapshot {
    fn look(&self, path: &str) -> Result<Option<Entry>, PathError> {
        let Some(found) = self.find(path)? else {
            self.see(path, Seen::Missing);
            return Ok(None);
        };
        self.see(path, seen(&found));
        self.entry(path, &found).map(Some)
    }

    fn list(&self, folder: &str) -> Result<Vec<(String, Entry)>, PathError> {
        let Some(found) = self.find(folder)? else {
            self.see(folder, Seen::Missing);
            return Ok(Vec::new());
        };
        if found.kind != EntryKind::Folder {
            self.see(folder, seen(&found));
            return Ok(Vec::new());
        }
        let entries = self.tree.list(folder).map_err(broken)?;
        if let Some(names) = names_of(&entries) {
            self.see(folder, Seen::Names(found.id, names));
        }
        // What a submodule holds is not fetched; whoever names something in it is told so.
        let ours = entries.into_iter().filter(|found| found.kind != EntryKind::Submodule);
        ours.map(|found| Ok((found.name.clone(), self.entry(&found.name, &found)?))).collect()
    }

    fn see_all(&self, folder: &str) -> Result<(), PathError> {
        if let Some(found) = self.find(folder)?.filter(|found| found.kind == EntryKind::Folder) {
            self.see(folder, Seen::All(found.id));
        }
        Ok(())
    }

    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, PathError> {
        let found = self.find(path)?.filter(|found| matches!(found.kind, EntryKind::File | EntryKind::Program));
        let Some(found) = found else {
            self.see(path, Seen::Missing);
            return Err(PathError::Missing(path.to_owned()));
        };
        self.see(path, seen(&found));
        self.tree.content(path, found.id, limit).map_err(broken)
    }
}

fn seen(found: &GitEntry) -> Seen {
    match found.kind {
        EntryKind::File | EntryKind::Program => Seen::File(found.id),
        EntryKind::Link => Seen::Link(found.id),
        EntryKind::Folder | EntryKind::Submodule => Seen::Folder,
    }
}

fn broken(problem: TreeError) -> PathError {
    match problem {
        TreeError::TooLarge { path, size, limit } => PathError::TooLarge { path, size, limit },
        other => PathError::Broken(other.to_string()),
    }
}
