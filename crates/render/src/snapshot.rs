//! A commit, read by a render that remembers what it read.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
    sync::{Mutex, PoisonError},
};

use tiphys_git::{Entry as GitEntry, EntryKind, ObjectId, Tree, TreeError};

use crate::checkout::{Entry, Files, PathError};

/// What a render saw at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Nothing.
    Missing,
    /// A folder, into which it did not look.
    Folder,
    /// An object: the content of a file or link, or everything in a folder that was listed.
    Object(Shape, ObjectId),
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("missing"),
            Self::Folder => f.write_str("folder"),
            Self::Object(shape, id) => write!(f, "{shape:?} {id}"),
        }
    }
}

/// What an object is for: a link and a file may be the same object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    File,
    Folder,
    Link,
}

impl Shape {
    fn of(kind: EntryKind) -> Option<Self> {
        match kind {
            EntryKind::Folder => Some(Self::Folder),
            EntryKind::File | EntryKind::Program => Some(Self::File),
            EntryKind::Link => Some(Self::Link),
            EntryKind::Submodule => None,
        }
    }
}

/// All that a render saw, by path. Another commit in which all of it is the same renders the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Trace(BTreeMap<String, Seen>);

impl Trace {
    fn add(&mut self, path: &str, seen: Seen) {
        match self.0.get(path) {
            Some(Seen::Object(..)) => {}
            _ => {
                self.0.insert(path.to_owned(), seen);
            }
        }
    }

    /// Returns the trace without what a folder that was listed implies.
    fn shortened(&self) -> Self {
        let is_implied = |path: &str| {
            let mut at = path.len();
            while let Some(end) = path[..at].rfind('/') {
                if self.is_listed(&path[..end]) {
                    return true;
                }
                at = end;
            }
            !path.is_empty() && self.is_listed("")
        };
        Self(self.0.iter().filter(|(path, _)| !is_implied(path)).map(|(path, seen)| (path.clone(), *seen)).collect())
    }

    fn is_listed(&self, path: &str) -> bool {
        matches!(self.0.get(path), Some(Seen::Object(Shape::Folder, _)))
    }

    /// Returns whether a render of `tree` would see the same.
    pub(crate) fn holds_in(&self, tree: &Tree) -> Result<bool, TreeError> {
        for (path, seen) in &self.0 {
            let found = tree.look(path)?;
            let is_same = match (seen, found) {
                (Seen::Missing, found) => found.is_none(),
                (Seen::Folder, Some(found)) => found.kind == EntryKind::Folder,
                (Seen::Object(shape, id), Some(found)) => found.id == *id && Shape::of(found.kind) == Some(*shape),
                (_, None) => false,
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
        self.0.keys().map(|path| path.len() + 64).sum()
    }
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
        self.see(folder, Seen::Object(Shape::Folder, found.id));
        let entries = self.tree.list(folder).map_err(broken)?;
        // What a submodule holds is not fetched; whoever names something in it is told so.
        let ours = entries.into_iter().filter(|found| found.kind != EntryKind::Submodule);
        ours.map(|found| Ok((found.name.clone(), self.entry(&found.name, &found)?))).collect()
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
    match Shape::of(found.kind) {
        Some(shape @ (Shape::File | Shape::Link)) => Seen::Object(shape, found.id),
        Some(Shape::Folder) | None => Seen::Folder,
    }
}

fn broken(problem: TreeError) -> PathError {
    match problem {
        TreeError::TooLarge { path, size, limit } => PathError::TooLarge { path, size, limit },
        other => PathError::Broken(other.to_string()),
    }
}
