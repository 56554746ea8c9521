//! What a repository holds at a revision: files, folders and links, without their content.
//!
//! Paths in a source come from people, links from repositories. Both are followed here, by name, so that nothing
//! outside the repository is ever opened.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use tiphys_machinery::glob::path_match;

/// How many links one path may lead through.
const LINKS: usize = 10;

/// How many patterns the braces of one may stand for.
const ALTERNATIVES: usize = 100;

/// How many folders a pattern may look into.
const FOLDERS: usize = 20_000;

/// Something in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A link, with the path it holds.
    Link(String),
}

/// What a repository holds. Paths are relative to its root, have no leading slash, and are taken as they stand: no link is
/// followed.
pub trait Files: Send + Sync {
    /// Returns what stands at a path.
    ///
    /// # Errors
    /// When the repository cannot be read.
    fn look(&self, path: &str) -> Result<Option<Entry>, PathError>;

    /// Returns what stands in a folder, by name, sorted; nothing when it is no folder.
    ///
    /// # Errors
    /// When the repository cannot be read.
    fn list(&self, folder: &str) -> Result<Vec<(String, Entry)>, PathError>;

    /// Returns the content of a file.
    ///
    /// # Errors
    /// When it is none, has more than `limit` bytes, or the repository cannot be read.
    fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, PathError>;

    /// Returns what it is, for messages.
    fn what(&self) -> &'static str {
        "repository"
    }

    /// Tells that everything below a folder is going to be read, so that it need not be noted one by one.
    ///
    /// # Errors
    /// When the repository cannot be read.
    fn see_all(&self, folder: &str) -> Result<(), PathError> {
        let _ = folder;
        Ok(())
    }
}

/// The tree of a repository; paths are relative to its root and have no leading slash. Cheap to clone.
#[derive(Clone)]
pub struct Checkout {
    files: Arc<dyn Files>,
}

impl fmt::Debug for Checkout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Checkout")
    }
}

/// A path that may not be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It leaves the repository.
    #[error("file '{0}' resolved to outside repository root")]
    Outside(String),
    /// It leads through too many links, or in a circle.
    #[error("file '{0}' leads through too many links")]
    Links(String),
    /// It is the root of the repository, where a file is needed.
    #[error("'{0}' is the root of the repository, not a file")]
    Root(String),
    /// Nothing is there, or no file.
    #[error("open {0}: no such file")]
    Missing(String),
    /// It is in another repository.
    #[error("'{0}' is in a Git submodule; submodules are not fetched")]
    Submodule(String),
    /// A file is larger than it may be.
    #[error("file '{path}' has {size} bytes, at most {limit} are read")]
    TooLarge {
        /// The file.
        path: String,
        /// Bytes it has.
        size: u64,
        /// Bytes that are allowed.
        limit: u64,
    },
    /// A pattern would look into too many folders.
    #[error("the pattern '{0}' looks into more than {FOLDERS} folders")]
    Pattern(String),
    /// The repository is broken.
    #[error("the repository cannot be read: {0}")]
    Broken(String),
}

impl Checkout {
    /// Returns the tree of files that are somewhere.
    #[must_use]
    pub fn of(files: Arc<dyn Files>) -> Self {
        Self { files }
    }

    /// Builds a tree in memory, of empty files; the folders that paths imply need not be listed.
    pub fn new(entries: impl IntoIterator<Item = (String, Entry)>) -> Self {
        Self::of(Arc::new(Memory::new(entries)))
    }

    /// Returns what stands at a resolved path.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn look(&self, path: &str) -> Result<Option<Entry>, PathError> {
        if path.is_empty() { Ok(Some(Entry::Folder)) } else { self.files.look(path) }
    }

    /// Returns whether something is at a resolved path.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn holds(&self, path: &str) -> Result<bool, PathError> {
        Ok(self.look(path)?.is_some())
    }

    /// Returns what stands in a folder at a resolved path, by name, sorted.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn list(&self, folder: &str) -> Result<Vec<(String, Entry)>, PathError> {
        self.files.list(folder)
    }

    /// Returns the content of the file at a resolved path.
    ///
    /// # Errors
    /// When it is none, has more than `limit` bytes, or the repository cannot be read.
    pub fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, PathError> {
        self.files.read(path, limit)
    }

    /// Returns what it is, for messages: `repository` or `chart`.
    #[must_use]
    pub fn what(&self) -> &'static str {
        self.files.what()
    }

    /// Tells that everything below a folder is going to be read.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn see_all(&self, folder: &str) -> Result<(), PathError> {
        self.files.see_all(folder)
    }

    /// Returns where `path` leads, seen from `folder`, or from the root if it begins with a slash. It need not exist.
    ///
    /// # Errors
    /// When it leaves the repository, or leads through too many links.
    pub fn resolve(&self, folder: &str, path: &str) -> Result<String, PathError> {
        let mut waiting: Vec<String> = parts(path);
        if !path.starts_with('/') {
            waiting.extend(parts(folder));
        }
        let (mut found, mut links): (Vec<String>, usize) = (Vec::new(), 0);
        while let Some(part) = waiting.pop() {
            if part == ".." {
                found.pop().ok_or_else(|| PathError::Outside(path.to_owned()))?;
                continue;
            }
            found.push(part);
            if let Some(Entry::Link(target)) = self.files.look(&found.join("/"))? {
                links += 1;
                if links > LINKS {
                    return Err(PathError::Links(path.to_owned()));
                }
                if target.starts_with('/') {
                    return Err(PathError::Outside(path.to_owned()));
                }
                found.pop();
                waiting.extend(parts(&target));
            }
        }
        Ok(found.join("/"))
    }

    /// Returns what matches a resolved pattern, in order; `**` stands for any number of folders.
    ///
    /// # Errors
    /// When a match is a link that leaves the repository, or the pattern looks into too many folders.
    pub fn glob(&self, pattern: &str) -> Result<Vec<String>, PathError> {
        let patterns = alternatives(pattern);
        let patterns: Vec<Vec<&str>> = patterns.iter().map(|pattern| pattern.split('/').collect()).collect();
        let mut found = Vec::new();
        let mut waiting: Vec<String> = patterns.iter().map(|pattern| fixed_folder(pattern)).collect();
        waiting.sort();
        waiting.dedup();
        let mut looked = 0;
        while let Some(folder) = waiting.pop() {
            looked += 1;
            if looked > FOLDERS {
                return Err(PathError::Pattern(pattern.to_owned()));
            }
            for (name, entry) in self.files.list(&folder)? {
                let path = joined(&folder, &name);
                let path_parts: Vec<&str> = path.split('/').collect();
                if patterns.iter().any(|pattern| matches(pattern, &path_parts)) {
                    self.resolve("", &path)?;
                    found.push(path.clone());
                }
                if entry == Entry::Folder && patterns.iter().any(|pattern| may_match_below(pattern, &path_parts)) {
                    waiting.push(path);
                }
            }
        }
        found.sort_by(|left, right| left.split('/').cmp(right.split('/')));
        found.dedup();
        Ok(found)
    }
}

/// The folder in which a pattern begins to be one.
fn fixed_folder(pattern: &[&str]) -> String {
    let last = pattern.len().saturating_sub(1);
    let fixed = pattern[..last].iter().take_while(|part| !part.contains(['*', '?', '[', '\\']));
    fixed.copied().collect::<Vec<_>>().join("/")
}

/// Whether something below a folder may match.
fn may_match_below(pattern: &[&str], folder: &[&str]) -> bool {
    let mut parts = pattern.iter();
    for name in folder {
        match parts.next() {
            Some(&"**") => return true,
            Some(part) if path_match(part, name) => {}
            _ => return false,
        }
    }
    parts.next().is_some()
}

/// Returns the path of something in a folder.
pub(crate) fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Returns a path as a program finds it that joins names without looking: `..` takes away what stands before it.
///
/// # Errors
/// When it is absolute, or leaves the repository on its way.
pub(crate) fn lexical(folder: &str, path: &str) -> Result<String, PathError> {
    let outside = || PathError::Outside(path.to_owned());
    if path.starts_with('/') {
        return Err(outside());
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or_else(outside)?;
            }
            name => parts.push(name),
        }
    }
    Ok(parts.join("/"))
}

/// Empty files in memory.
struct Memory(BTreeMap<String, Entry>);

impl Memory {
    fn new(entries: impl IntoIterator<Item = (String, Entry)>) -> Self {
        let mut tree = BTreeMap::new();
        for (path, entry) in entries {
            for (at, _) in path.match_indices('/') {
                tree.entry(path[..at].to_owned()).or_insert(Entry::Folder);
            }
            tree.insert(path, entry);
        }
        Self(tree)
    }
}

impl Files for Memory {
    fn look(&self, path: &str) -> Result<Option<Entry>, PathError> {
        Ok(self.0.get(path).cloned())
    }

    fn list(&self, folder: &str) -> Result<Vec<(String, Entry)>, PathError> {
        let inside = self.0.iter().filter_map(|(path, entry)| {
            let rest = if folder.is_empty() { path } else { path.strip_prefix(folder)?.strip_prefix('/')? };
            (!rest.contains('/')).then(|| (rest.to_owned(), entry.clone()))
        });
        Ok(inside.collect())
    }

    fn read(&self, path: &str, _limit: u64) -> Result<Vec<u8>, PathError> {
        match self.0.get(path) {
            Some(Entry::File) => Ok(Vec::new()),
            _ => Err(PathError::Missing(path.to_owned())),
        }
    }
}

/// Returns the parts of a path, the last one first.
fn parts(path: &str) -> Vec<String> {
    path.split('/').rev().filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect()
}

/// Goes back only to the last `**`, so that no pattern takes long.
fn matches(pattern: &[&str], path: &[&str]) -> bool {
    let (mut at, mut on) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while on < path.len() {
        match pattern.get(at) {
            Some(&"**") => {
                back = Some((at, on));
                at += 1;
            }
            Some(part) if path_match(part, path[on]) => {
                at += 1;
                on += 1;
            }
            _ => {
                let Some((any, from)) = back else { return false };
                back = Some((any, from + 1));
                at = any + 1;
                on = from + 1;
            }
        }
    }
    pattern[at..].iter().all(|part| *part == "**")
}

/// Returns the patterns that one with braces stands for: `{a,b}.yaml` for `a.yaml` and `b.yaml`.
fn alternatives(pattern: &str) -> Vec<String> {
    let mut done = Vec::new();
    let mut waiting = vec![pattern.to_owned()];
    while let Some(pattern) = waiting.pop() {
        let inner = pattern.find('}').and_then(|end| Some((pattern[..end].rfind('{')?, end)));
        match inner {
            Some((start, end)) if done.len() + waiting.len() < ALTERNATIVES => {
                let (before, after) = (&pattern[..start], &pattern[end + 1..]);
                waiting.extend(pattern[start + 1..end].split(',').map(|choice| format!("{before}{choice}{after}")));
            }
            _ => done.push(pattern),
        }
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkout() -> Checkout {
        let file = |path: &str| (path.to_owned(), Entry::File);
        let link = |path: &str, target: &str| (path.to_owned(), Entry::Link(target.to_owned()));
        Checkout::new([
            file("chart/values.yaml"),
            file("chart/env/eu.yaml"),
            file("chart/env/far/us.yaml"),
            link("chart/shared", "../shared"),
            file("shared/a.yaml"),
            link("up", "../.."),
            link("etc", "/etc"),
            link("round", "round"),
        ])
    }

    #[test]
    fn paths_are_followed_but_never_out_of_the_repository() {
        let checkout = checkout();
        assert_eq!(checkout.resolve("chart", "values.yaml").as_deref(), Ok("chart/values.yaml"));
        assert_eq!(checkout.resolve("chart", "/shared//a.yaml").as_deref(), Ok("shared/a.yaml"));
        assert_eq!(checkout.resolve("chart", "shared/../x").as_deref(), Ok("x"));
        for outside in ["../../x", "/../x", "/up/x", "/etc/passwd"] {
            assert_eq!(checkout.resolve("chart", outside), Err(PathError::Outside(outside.to_owned())));
        }
        assert_eq!(checkout.resolve("", "round/x"), Err(PathError::Links("round/x".to_owned())));
    }

    #[test]
    fn patterns_find_files() {
        let checkout = checkout();
        let found = |pattern| checkout.glob(pattern);
        assert_eq!(found("chart/env/*.yaml"), Ok(vec!["chart/env/eu.yaml".to_owned()]));
        assert_eq!(found("chart/**/{eu,us}.yaml").unwrap().len(), 2);
        assert_eq!(found("none/*"), Ok(vec![]));
        assert!(found("et*").is_err(), "a link that leaves the repository");
    }
}
