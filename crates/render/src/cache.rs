//! Manifests that were made, by what they were made from.
//!
//! A render leaves a trace: every path it looked at and the object it saw there. A commit in which all of these are the same
//! gives the same manifests, whatever else it changes. So nothing has to be configured for a repository of thousands of
//! applications: a commit costs those that read what it touches.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sha2::{Digest, Sha256};
use tiphys_git::TreeError;
use tokio::time::Instant;

use crate::{
    error::RenderError,
    located::Located,
    snapshot::Trace,
    wanted::{SourceType, Wanted},
};

/// Renders of one application that are kept: it may go back and forth between revisions.
const VERSIONS: usize = 4;

/// How long a render counts that read from other places than its sources.
const ELSEWHERE: Duration = Duration::from_secs(24 * 3600);

/// What decides about a render beside files, if it made use of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Uses {
    /// Names of the revision.
    pub(crate) revision: bool,
    /// The cluster's version and kinds.
    pub(crate) cluster: bool,
    /// Content of other places, which may change without a commit here.
    pub(crate) elsewhere: bool,
}

/// Manifests and where they come from.
pub(crate) struct Kept {
    pub(crate) traces: Vec<Trace>,
    pub(crate) uses: Uses,
    /// Values of what was used.
    pub(crate) used: String,
    pub(crate) source_types: Vec<Option<SourceType>>,
    /// The objects as JSON.
    pub(crate) objects: Box<[u8]>,
    pub(crate) key: String,
    pub(crate) made: Instant,
}

impl Uses {
    /// What this or the other made use of.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            revision: self.revision || other.revision,
            cluster: self.cluster || other.cluster,
            elsewhere: self.elsewhere || other.elsewhere,
        }
    }
}

impl Kept {
    fn size(&self) -> usize {
        self.objects.len() + self.traces.iter().map(Trace::size).sum::<usize>() + 512
    }

    fn fits(&self, wanted: &Wanted, located: &[Located]) -> Result<bool, TreeError> {
        if self.uses.elsewhere && self.made.elapsed() > ELSEWHERE {
            return Ok(false);
        }
        if self.used != used(self.uses, wanted, located) || self.traces.len() != located.len() {
            return Ok(false);
        }
        for (trace, source) in self.traces.iter().zip(located) {
            // A chart is among what was used.
            if let Located::Git(checked) = source
                && !trace.holds_in(&checked.tree)?
            {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The values of what a render used.
pub(crate) fn used(uses: Uses, wanted: &Wanted, located: &[Located]) -> String {
    let mut text = String::new();
    for source in located {
        if let Located::Chart(packed) = source {
            text.push_str(&packed.digest);
            text.push('\n');
        }
    }
    if uses.revision || uses.elsewhere {
        for (at, source) in located.iter().enumerate() {
            text.push_str(&format!("{} {}\n", source.revision(), wanted.revision(at)));
        }
    }
    if uses.cluster {
        text.push_str(&format!("{}\n{}\n", wanted.kube_version, wanted.api_versions.join("\n")));
    }
    text
}

/// Names all parameters of a render that are not content, nor part of [`Uses`].
pub(crate) fn parameters(wanted: &Wanted, installation: &str) -> String {
    let sources: Vec<_> = wanted
        .sources
        .iter()
        .map(|source| {
            let mut source = source.clone();
            source.repo_url = crate::repository::normalize_or_keep(&source.repo_url);
            source.target_revision.clear();
            source
        })
        .collect();
    let sources = serde_json::to_string(&sources).unwrap_or_default();
    let Wanted { application, project, namespace, source_repos, .. } = wanted;
    hash(&format!("{application:?} {project:?} {namespace:?} {source_repos:?} {installation:?} {sources}"))
}

/// Returns the hash of a text.
pub(crate) fn hash(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How long a failure counts for the same content, if nothing is refreshed by hand.
const FAILED: Duration = Duration::from_secs(3600);
/// Failures that are kept; when there are more, all are forgotten.
const FAILURES: usize = 10_000;

/// Renders that failed and will fail again: what they were made from has not changed.
#[derive(Default)]
pub(crate) struct Failures(Mutex<HashMap<String, Failure>>);

struct Failure {
    of: String,
    at: Instant,
    error: RenderError,
}

impl Failures {
    /// Names everything that a render could have read.
    fn everything(wanted: &Wanted, located: &[Located]) -> String {
        hash(&used(Uses { revision: true, cluster: true, elsewhere: true }, wanted, located))
    }

    /// Returns why the same render has failed.
    pub(crate) fn find(&self, parameters: &str, wanted: &Wanted, located: &[Located]) -> Option<RenderError> {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failure = failures.get(parameters).filter(|failure| failure.at.elapsed() < FAILED)?;
        (failure.of == Self::everything(wanted, located)).then(|| failure.error.clone())
    }

    /// Keeps a failure, unless trying again may help.
    pub(crate) fn keep(&self, parameters: &str, wanted: &Wanted, located: &[Located], error: &RenderError) {
        if error.is_transient() || error.is_missing_program() {
            return;
        }
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= FAILURES {
            failures.clear();
        }
        let failure = Failure { of: Self::everything(wanted, located), at: Instant::now(), error: error.clone() };
        failures.insert(parameters.to_owned(), failure);
    }
}

/// All that is kept, within a limit of bytes.
pub(crate) struct Cache {
    max_bytes: usize,
    content: Mutex<Content>,
}

#[derive(Default)]
struct Content {
    by_parameters: HashMap<String, Entry>,
    bytes: usize,
    /// Counts uses, to tell what was not used for long.
    turn: u64,
}

#[derive(Default)]
struct Entry {
    versions: Vec<Arc<Kept>>,
    turn: u64,
}

impl Cache {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, content: Mutex::default() }
    }

    /// Returns what a render would give.
    pub(crate) fn find(&self, parameters: &str, wanted: &Wanted, located: &[Located]) -> Option<Arc<Kept>> {
        let versions = {
            let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
            content.turn += 1;
            let turn = content.turn;
            let entry = content.by_parameters.get_mut(parameters)?;
            entry.turn = turn;
            entry.versions.clone()
        };
        // A store that cannot be read gives its error to the render.
        versions.into_iter().rev().find(|kept| kept.fits(wanted, located).unwrap_or(false))
    }

    /// Keeps a render, and drops what was not used for the longest time when there is too much.
    pub(crate) fn keep(&self, parameters: &str, kept: Arc<Kept>) {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        content.turn += 1;
        let turn = content.turn;
        content.bytes += kept.size();
        let entry = content.by_parameters.entry(parameters.to_owned()).or_default();
        entry.turn = turn;
        let same = entry.versions.iter().position(|other| other.key == kept.key);
        let oldest = (entry.versions.len() >= VERSIONS).then_some(0);
        let gone = same.or(oldest).map(|at| entry.versions.remove(at).size());
        entry.versions.push(kept);
        content.bytes -= gone.unwrap_or(0);
        if content.bytes > self.max_bytes {
            content.shrink(self.max_bytes / 4 * 3);
        }
    }

    /// Forgets one application's renders.
    pub(crate) fn forget(&self, parameters: &str) {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        content.remove(parameters);
    }
}

impl Content {
    fn remove(&mut self, parameters: &str) {
        if let Some(entry) = self.by_parameters.remove(parameters) {
            self.bytes -= entry.versions.iter().map(|kept| kept.size()).sum::<usize>();
        }
    }

    fn shrink(&mut self, to: usize) {
        let mut turns: Vec<(u64, String)> =
            self.by_parameters.iter().map(|(parameters, entry)| (entry.turn, parameters.clone())).collect();
        turns.sort();
        for (_, parameters) in turns {
            if self.bytes <= to {
                return;
            }
            self.remove(&parameters);
        }
    }
}
