//! Plain folders: every file that holds manifests.

use std::sync::Arc;

use serde_json::Value;
use tiphys_api::types::ApplicationSourceDirectory;
use tiphys_machinery::glob;

use crate::{
    cache::Uses,
    checkout::{Checkout, Entry, PathError, joined},
    error::RenderError,
    job::{Job, Made},
    jsonnet,
    limits::Limits,
    manifests,
    remotes::blocking,
    wanted::SourceType,
};

/// Renders the folder of a job.
pub(crate) async fn render(job: &Arc<Job>) -> Result<Made, RenderError> {
    let reading = Arc::clone(job);
    let parts = blocking(move || {
        let Job { source, checkout, folder, limits, settings, .. } = &*reading;
        let options = source.directory.clone().unwrap_or_default();
        let mut candidates = candidates(checkout, folder, &options, limits)?;
        candidates.retain(|candidate| settings.jsonnet || !candidate.name.ends_with(".jsonnet"));
        read(checkout, candidates, limits)
    })
    .await??;
    let mut objects = Vec::new();
    for part in parts {
        match part {
            Part::Objects(found) => objects.extend(found),
            Part::Jsonnet(file) => objects.extend(jsonnet::render(job, file).await?),
        }
    }
    let uses = Uses { revision: job.names_revision(), ..Uses::default() };
    Ok(Made { objects, source_type: SourceType::Directory, uses })
}

/// What names of files end with.
const ENDINGS: [&str; 4] = [".yaml", ".yml", ".json", ".jsonnet"];

/// A file that may hold manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Where it is really.
    pub(crate) path: String,
    /// Its name in the folder.
    pub(crate) name: String,
}

/// Returns the files of a folder that may hold manifests, in order.
pub(crate) fn candidates(
    checkout: &Checkout,
    folder: &str,
    options: &ApplicationSourceDirectory,
    limits: &Limits,
) -> Result<Vec<Candidate>, RenderError> {
    let walk = Walk { checkout, folder, options, limits };
    let mut found = Vec::new();
    walk.folder("", 0, &mut found)?;
    Ok(found)
}

struct Walk<'w> {
    checkout: &'w Checkout,
    folder: &'w str,
    options: &'w ApplicationSourceDirectory,
    limits: &'w Limits,
}

impl Walk<'_> {
    fn folder(&self, below: &str, depth: usize, found: &mut Vec<Candidate>) -> Result<(), RenderError> {
        if depth > self.limits.depth {
            return Err(RenderError::Limit { what: "the depth of folders", limit: self.limits.depth.to_string() });
        }
        let here = if below.is_empty() { self.folder.to_owned() } else { joined(self.folder, below) };
        for (name, entry) in self.checkout.list(&here)? {
            let relative = joined(below, &name);
            if entry == Entry::Folder {
                if self.options.recurse {
                    self.folder(&relative, depth + 1, found)?;
                }
            } else if self.is_wanted(&name, &relative) {
                found.extend(self.file(&here, &name, &relative)?.map(|path| Candidate { path, name }));
            }
            if found.len() > self.limits.checkout_files {
                let limit = self.limits.checkout_files.to_string();
                return Err(RenderError::Limit { what: "the number of files", limit });
            }
        }
        Ok(())
    }

    fn is_wanted(&self, name: &str, relative: &str) -> bool {
        let options = self.options;
        (options.disable_extension_filter || ENDINGS.iter().any(|ending| name.ends_with(ending)))
            && (options.exclude.is_empty() || !glob::matches(&options.exclude, relative, &[]))
            && (options.include.is_empty() || glob::matches(&options.include, relative, &[]))
    }

    /// Follows links; what leads to nothing or to a folder does not matter.
    fn file(&self, folder: &str, name: &str, relative: &str) -> Result<Option<String>, RenderError> {
        let path = self.checkout.resolve(folder, name).map_err(|problem| match problem {
            PathError::Outside(_) => RenderError::Manifests(format!("illegal filepath in symlink at {relative:?}")),
            other => other.into(),
        })?;
        Ok((self.checkout.look(&path)? == Some(Entry::File)).then_some(path))
    }
}

/// What a file gives.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    /// Objects.
    Objects(Vec<Value>),
    /// A program in Jsonnet that gives them.
    Jsonnet(Candidate),
}

/// Reads the files among `candidates` that hold manifests, in order.
pub(crate) fn read(checkout: &Checkout, candidates: Vec<Candidate>, limits: &Limits) -> Result<Vec<Part>, RenderError> {
    let mut left = if limits.directory_bytes == 0 { u64::MAX } else { limits.directory_bytes };
    let mut parts = Vec::new();
    for candidate in candidates {
        let is_jsonnet = candidate.name.ends_with(".jsonnet");
        let limit = if is_jsonnet { limits.file_bytes } else { left };
        let bytes = checkout.read(&candidate.path, limit).map_err(|problem| match problem {
            PathError::TooLarge { .. } if !is_jsonnet => {
                RenderError::Manifests("exceeded max combined manifest file size".to_owned())
            }
            other => other.into(),
        })?;
        let text = manifests::text_of(&bytes);
        if !is_jsonnet {
            left -= bytes.len() as u64;
        }
        if manifests::is_skipped(&text) {
            continue;
        }
        parts.push(if is_jsonnet {
            Part::Jsonnet(candidate)
        } else if candidate.name.ends_with(".json") {
            Part::Objects(manifests::of_json(&candidate.name, &text)?.into_iter().collect())
        } else {
            Part::Objects(manifests::of_yaml(&candidate.name, &text)?.unwrap_or_default())
        });
    }
    Ok(parts)
}
