//! What a repository holds at a revision: files, folders and links, without their content.
//!
//! Paths in a source come from people, links from repositories. Both are followed here, by name, so that nothing
//! outside the repository is ever opened.

use std::collections::BTreeMap;

use tiphys_machinery::glob::path_match;

/// How many links one path may lead through.
const LINKS: usize = 10;

/// How many patterns the braces of one may stand for.
const ALTERNATIVES: usize = 100;

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

/// The tree of a repository; paths are relative to its root and have no leading slash.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checkout {
    entries: BTreeMap<String, Entry>,
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
}

impl Checkout {
    /// Builds a tree; the folders that paths imply need not be listed.
    pub fn new(entries: impl IntoIterator<Item = (String, Entry)>) -> Self {
        let mut tree = BTreeMap::new();
        for (path, entry) in entries {
            for (at, _) in path.match_indices('/') {
                tree.entry(path[..at].to_owned()).or_insert(Entry::Folder);
            }
            tree.insert(path, entry);
        }
        Self { entries: tree }
    }

    /// Returns whether something is at a resolved path.
    #[must_use]
    pub fn holds(&self, path: &str) -> bool {
        path.is_empty() || self.entries.contains_key(path)
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
            if let Some(Entry::Link(target)) = self.entries.get(&found.join("/")) {
                links += 1;
                if links > LINKS {
                    return Err(PathError::Links(path.to_owned()));
                }
                if target.starts_with('/') {
                    return Err(PathError::Outside(path.to_owned()));
                }
                found.pop();
                waiting.extend(parts(target));
            }
        }
        Ok(found.join("/"))
    }

    /// Returns the files that match a resolved pattern, in order; `**` stands for any number of folders.
    ///
    /// # Errors
    /// When a match is a link that leaves the repository.
    pub fn glob(&self, pattern: &str) -> Result<Vec<String>, PathError> {
        let patterns = alternatives(pattern);
        let patterns: Vec<Vec<&str>> = patterns.iter().map(|pattern| pattern.split('/').collect()).collect();
        let mut found = Vec::new();
        for path in self.entries.keys() {
            let path_parts: Vec<&str> = path.split('/').collect();
            if patterns.iter().any(|pattern| matches(pattern, &path_parts)) {
                self.resolve("", path)?;
                found.push(path.clone());
            }
        }
        Ok(found)
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
