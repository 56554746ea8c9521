//! What is wanted of the renderer, and what it gives.

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;
use tiphys_api::types::ApplicationSource;

/// Everything that decides what an application's manifests are, but for the content of repositories.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wanted {
    /// Name of the application; with its namespace and `_` before it when that is not the control plane's.
    pub application: String,
    /// Name of its project.
    pub project: String,
    /// Namespace to which is delivered.
    pub namespace: String,
    /// Where manifests come from, in order.
    pub sources: Vec<ApplicationSource>,
    /// Revisions that were chosen already, one for each source. An empty one, or none, is the source's own.
    pub revisions: Vec<String>,
    /// Version of the cluster.
    pub kube_version: String,
    /// What the cluster has: `[group/]version` and `[group/]version/kind`, sorted.
    pub api_versions: Vec<String>,
    /// Patterns of the repositories from which the project permits charts to take others. None: all.
    pub source_repos: Vec<String>,
    /// What must be asked anew.
    pub refresh: Refresh,
}

impl Wanted {
    /// Returns the revision that is asked for of a source.
    #[must_use]
    pub fn revision(&self, source: usize) -> &str {
        let chosen = self.revisions.get(source).map(String::as_str).filter(|revision| !revision.is_empty());
        chosen.or_else(|| self.sources.get(source).map(|source| source.target_revision.as_str())).unwrap_or_default()
    }
}

/// What must be asked anew although an answer is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Refresh {
    /// Nothing.
    #[default]
    No,
    /// Which commits, versions and tags there are.
    Revisions,
    /// Everything: manifests are made again, charts are downloaded again.
    Hard,
}

/// The manifests of an application.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// All objects in order of sources; lists are unfolded, nothing else is changed.
    pub manifests: Vec<Value>,
    /// What was rendered, for each source.
    pub revisions: Vec<ResolvedRevision>,
    /// How, for each source; none for one that others only refer to.
    pub source_types: Vec<Option<SourceType>>,
    /// The same for the same manifests: names all content that was read, and the parameters.
    pub key: String,
}

/// A revision of a source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResolvedRevision {
    /// Commit, version of a chart, or digest.
    pub sha: String,
    /// What the commit says; empty for charts.
    pub message: String,
    /// `Name <address>` of the commit's author; empty for charts.
    pub author: String,
    /// When the author wrote it.
    pub date: Option<Timestamp>,
}

/// How manifests are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceType {
    /// A chart.
    Helm,
    /// A kustomization.
    Kustomize,
    /// Plain files.
    Directory,
    /// A plugin.
    Plugin,
}

impl SourceType {
    /// Returns the name that status fields have.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Helm => "Helm",
            Self::Kustomize => "Kustomize",
            Self::Directory => "Directory",
            Self::Plugin => "Plugin",
        }
    }
}

impl fmt::Display for SourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
