//! Files laid out on disk for a program: regular files only, in a folder of their own that goes when it is dropped.
//!
//! Guarantees: no link is written, so nothing can lead out of the folder, now or later; links in the repository are followed
//! within it and become what they lead to; files, bytes and depth have limits.

use std::{
    collections::BTreeSet,
    io::Read,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    checkout::{Checkout, Entry, PathError, joined},
    error::RenderError,
    limits::Limits,
};

/// A folder for one render: files of sources, and a home for programs.
pub(crate) struct Workshop(TempDir);

impl Workshop {
    /// Makes one in `folder`.
    pub(crate) fn new(folder: &Path) -> Result<Self, RenderError> {
        let made = std::fs::create_dir_all(folder).and_then(|()| {
            let made = tempfile::Builder::new().prefix("render-").tempdir_in(folder)?;
            std::fs::create_dir_all(made.path().join("home/tmp"))?;
            Ok(made)
        });
        made.map(Self).map_err(|error| internal(folder, &error))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Where programs feel at home.
    pub(crate) fn home(&self) -> PathBuf {
        self.0.path().join("home")
    }

    /// The root of the files of a source: of the one that is rendered, or one that it refers to.
    pub(crate) fn root(&self, reference: Option<&str>) -> PathBuf {
        match reference {
            Some(name) => self.0.path().join("ref").join(name),
            None => self.0.path().join("source"),
        }
    }

    /// Writes a file beside the sources.
    pub(crate) fn write(&self, name: &str, text: &[u8]) -> Result<PathBuf, RenderError> {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).map_err(|error| internal(&path, &error))?;
        Ok(path)
    }
}

fn internal(path: &Path, error: &std::io::Error) -> RenderError {
    RenderError::Internal(format!("{} cannot be written: {error}", path.display()))
}

/// Returns the text of a file of at most `limit` bytes.
pub(crate) fn read_limited(path: &Path, limit: u64) -> Result<String, RenderError> {
    let unread = |error: std::io::Error| RenderError::Internal(format!("{}: {error}", path.display()));
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(unread)?;
    file.take(limit + 1).read_to_string(&mut text).map_err(unread)?;
    if text.len() as u64 > limit {
        return Err(RenderError::Limit { what: "the size of the index", limit: format!("{limit} bytes") });
    }
    Ok(text)
}

/// Lays out files of one checkout.
pub(crate) struct Layout<'l> {
    checkout: &'l Checkout,
    root: PathBuf,
    limits: &'l Limits,
    written: BTreeSet<String>,
    bytes: u64,
    /// Texts that decide what a render uses, and whether a file had them.
    mentions: Vec<(&'static str, bool)>,
    /// Whether there are files whose content cannot be searched.
    pub(crate) has_archives: bool,
}

impl<'l> Layout<'l> {
    pub(crate) fn new(checkout: &'l Checkout, root: PathBuf, limits: &'l Limits, watched: &[&'static str]) -> Self {
        let mentions = watched.iter().map(|text| (*text, false)).collect();
        Self { checkout, root, limits, written: BTreeSet::new(), bytes: 0, mentions, has_archives: false }
    }

    /// Returns whether any file holds a text that was watched for.
    pub(crate) fn mentions(&self, text: &str) -> bool {
        self.mentions.iter().any(|(watched, seen)| *watched == text && *seen)
    }

    /// Lays out everything in a folder at a resolved path.
    pub(crate) fn folder(&mut self, folder: &str) -> Result<(), RenderError> {
        self.checkout.see_all(folder)?;
        self.folder_at(folder, folder, &mut Vec::new())
    }

    /// Lays out one file or folder at a resolved path; nothing when there is none.
    pub(crate) fn path(&mut self, path: &str) -> Result<(), RenderError> {
        match self.checkout.look(path)? {
            Some(Entry::File) => self.file_at(path, path),
            Some(Entry::Folder) => self.folder(path),
            Some(Entry::Link(_)) | None => Ok(()),
        }
    }

    /// Lays out a file, at its resolved path; nothing when there is none.
    pub(crate) fn file(&mut self, path: &str) -> Result<(), RenderError> {
        self.named(path, path)
    }

    /// Lays out the file at a resolved path where a program looks for it, and where it really is.
    pub(crate) fn named(&mut self, real: &str, named: &str) -> Result<(), RenderError> {
        if self.checkout.look(real)? != Some(Entry::File) {
            return Ok(());
        }
        self.file_at(real, real)?;
        self.file_at(real, named)
    }

    /// `real` is where the content is, `named` where it is laid out; `above` are the real folders that lead there.
    fn folder_at(&mut self, real: &str, named: &str, above: &mut Vec<String>) -> Result<(), RenderError> {
        if above.len() > self.limits.depth {
            return Err(RenderError::Limit { what: "the depth of folders", limit: self.limits.depth.to_string() });
        }
        let path = self.root.join(named);
        std::fs::create_dir_all(&path).map_err(|error| internal(&path, &error))?;
        above.push(real.to_owned());
        for (name, entry) in self.checkout.list(real)? {
            let (inside, named) = (joined(real, &name), joined(named, &name));
            match entry {
                Entry::File => self.file_at(&inside, &named)?,
                Entry::Folder if name == ".git" => {}
                Entry::Folder => self.folder_at(&inside, &named, above)?,
                Entry::Link(_) => self.link_at(&inside, &named, above)?,
            }
        }
        above.pop();
        Ok(())
    }

    /// A link becomes what it leads to. One to nothing is left out, and so is one to a folder that it lies in.
    fn link_at(&mut self, path: &str, named: &str, above: &mut Vec<String>) -> Result<(), RenderError> {
        let real = match self.checkout.resolve("", path) {
            Ok(real) => real,
            Err(PathError::Outside(_)) => {
                return Err(RenderError::OutOfBounds { what: self.checkout.what(), path: path.to_owned() });
            }
            Err(PathError::Links(_)) => return Ok(()),
            Err(other) => return Err(other.into()),
        };
        match self.checkout.look(&real)? {
            Some(Entry::File) => self.file_at(&real, named),
            Some(Entry::Folder) if !above.contains(&real) => {
                self.checkout.see_all(&real)?;
                self.folder_at(&real, named, above)
            }
            _ => Ok(()),
        }
    }

    fn file_at(&mut self, real: &str, named: &str) -> Result<(), RenderError> {
        if !self.written.insert(named.to_owned()) {
            return Ok(());
        }
        if self.written.len() > self.limits.checkout_files {
            let limit = self.limits.checkout_files.to_string();
            return Err(RenderError::Limit { what: "the number of files", limit });
        }
        let too_large = || RenderError::Limit {
            what: "the size of all files",
            limit: format!("{} bytes", self.limits.checkout_bytes),
        };
        let content = self.checkout.read(real, self.limits.checkout_bytes - self.bytes);
        let content = content.map_err(|problem| match problem {
            PathError::TooLarge { .. } => too_large(),
            other => other.into(),
        })?;
        self.bytes += content.len() as u64;
        self.has_archives |= [".tgz", ".tar.gz"].iter().any(|ending| named.ends_with(ending));
        for (text, seen) in self.mentions.iter_mut().filter(|(_, seen)| !seen) {
            *seen = content.windows(text.len()).any(|window| window == text.as_bytes());
        }
        let path = self.root.join(named);
        let written =
            path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, content));
        written.map_err(|error| internal(&path, &error))
    }
}
