//! Files, folders and standard input.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use crate::error::Failure;

/// Folders inside folders, at most.
const DEPTH_MAX: usize = 32;

/// A text with manifests.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// Path as it was given or found; `-` is standard input.
    pub(crate) name: String,
    /// The text.
    pub(crate) text: String,
}

/// Reads files, all manifests below folders, and standard input for `-`.
///
/// # Errors
///
/// If one of them cannot be read, or a folder holds no manifest.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    let mut sources = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map_err(|error| Failure::usage("standard input cannot be read").caused_by(error))?;
            sources.push(Source { name: "-".to_owned(), text });
        } else if path.is_dir() {
            let mut files = Vec::new();
            below(path, 0, &mut files).map_err(|error| unreadable(path, error))?;
            if files.is_empty() {
                return Err(Failure::usage(format!("{} has no .yaml, .yml or .json file", path.display())));
            }
            files.sort();
            for file in files {
                sources.push(one(&file)?);
            }
        } else {
            sources.push(one(path)?);
        }
    }
    Ok(sources)
}

fn one(path: &Path) -> Result<Source, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, error))?;
    Ok(Source { name: path.display().to_string(), text })
}

fn unreadable(path: &Path, error: std::io::Error) -> Failure {
    Failure::usage(format!("{} cannot be read", path.display())).caused_by(error)
}

/// Symbolic links are not followed, hidden folders not entered.
fn below(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        if kind.is_dir() && !is_hidden && depth < DEPTH_MAX {
            below(&path, depth + 1, files)?;
        } else if kind.is_file()
            && path.extension().is_some_and(|end| matches!(end.to_str(), Some("yaml" | "yml" | "json")))
        {
            files.push(path);
        }
    }
    Ok(())
}
