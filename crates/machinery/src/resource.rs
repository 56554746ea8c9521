//! Which resources the API serves and how each behaves.

use std::sync::Arc;

use crate::schema::Schema;

/// Group, version and kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gvk {
    /// API group, empty for core.
    pub group: String,
    /// Version such as `v1`.
    pub version: String,
    /// Kind such as `Pod`.
    pub kind: String,
}

impl Gvk {
    /// Returns `group/version`, or `version` for core.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}

/// How `metadata.generation` moves (`spec/sandbox.md` section 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GenerationRule {
    /// Never set.
    Never,
    /// Starts at 1, plus one when `spec` changes.
    Spec,
    /// Starts at 1, plus one when `spec` or the annotations change (Deployment).
    SpecOrAnnotations,
    /// Starts at 1, plus one when anything but `metadata` (and `status`, if that is a subresource) changes.
    AllButMetadata,
}

/// A resource as one served version shows it. Cheap to clone behind its `Arc`.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Group, version and kind of the objects.
    pub gvk: Gvk,
    /// Plural, as in the URL.
    pub plural: String,
    /// Singular, as in discovery.
    pub singular: String,
    /// Kind of a list.
    pub list_kind: String,
    /// Short names such as `po`.
    pub short_names: Vec<String>,
    /// Categories such as `all`.
    pub categories: Vec<String>,
    /// Whether objects live in a namespace.
    pub namespaced: bool,
    /// Verbs in discovery order (sorted).
    pub verbs: Vec<&'static str>,
    /// Names of the subresources: `status`, `scale`, `eviction`, `log`, ….
    pub subresources: Vec<&'static str>,
    /// How the generation moves.
    pub generation: GenerationRule,
    /// Whether this is a custom resource (schema from a CRD, no kind-specific strategy).
    pub custom: bool,
    /// Paths of the scale subresource of a custom resource: spec, status and selector, each like `.spec.replicas`.
    pub scale_paths: Option<ScalePaths>,
    /// The structural schema; a node that keeps everything where none is known.
    pub schema: Arc<Schema>,
}

/// Where a custom resource keeps what its scale subresource shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScalePaths {
    /// For instance `.spec.replicas`.
    pub spec_replicas: String,
    /// For instance `.status.HPAReplicas`.
    pub status_replicas: String,
    /// For instance `.status.selector`.
    pub selector: Option<String>,
}

impl Resource {
    /// Returns whether `status` is written through its own subresource only.
    #[must_use]
    pub fn has_status(&self) -> bool {
        self.subresources.contains(&"status")
    }

    /// Returns the storage identity shared by all served versions: `(group, plural)`.
    #[must_use]
    pub fn group_plural(&self) -> (&str, &str) {
        (&self.gvk.group, &self.plural)
    }
}
