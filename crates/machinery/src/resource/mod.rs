//! Which resources the API serves and how each behaves.

mod builtin;

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use builtin::builtin;

use crate::schema::Schema;

const ALL_VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const READ_WRITE: [&str; 3] = ["get", "patch", "update"];

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
    /// Returns the kind `kind` of `group` (empty for core) in `version`.
    #[must_use]
    pub fn new(group: &str, version: &str, kind: &str) -> Self {
        Self { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() }
    }

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
    /// As `AllButMetadata`, and also plus one when the labels change (EndpointSlice).
    BodyOrLabels,
    /// Starts at 1 and stays (PriorityClass).
    Fixed,
}

/// A subresource as discovery shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subresource {
    /// Name in the URL, such as `status`, `scale`, `eviction`.
    pub name: &'static str,
    /// What is sent and answered: the resource's own kind, or for instance `autoscaling/v1 Scale`.
    pub gvk: Gvk,
    /// Verbs in discovery order (sorted).
    pub verbs: Vec<&'static str>,
}

/// What becomes of dependents when a deletion does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletionPolicy {
    /// The garbage collector deletes them afterwards.
    Background,
    /// They are kept, without their reference (core ReplicationController).
    Orphan,
    /// Nothing has dependents here: the garbage collector is not involved (Event).
    Plain,
}

/// How objects of a kind are deleted (`spec/sandbox.md` section 4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    /// What becomes of dependents by default.
    pub policy: DeletionPolicy,
    /// Whether the answer to a deletion is the object instead of a `Status`.
    pub answers_object: bool,
    /// Whether deletion waits for a grace period (Pod).
    pub graceful: bool,
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
    /// Subresources, sorted by name.
    pub subresources: Vec<Subresource>,
    /// How the generation moves.
    pub generation: GenerationRule,
    /// Whether a PUT without `resourceVersion` overwrites; else it is refused.
    pub unconditional_update: bool,
    /// Whether a PUT of a missing object creates it.
    pub create_on_update: bool,
    /// How objects are deleted.
    pub deletion: Deletion,
    /// The kind in whose form objects are stored, where several kinds show the same objects; else `gvk`.
    pub stored: Gvk,
    /// Whether this is a custom resource (schema from a CRD, no kind-specific strategy).
    pub custom: bool,
    /// Paths of the scale subresource of a custom resource: spec, status and selector, each like `.spec.replicas`.
    pub scale_paths: Option<ScalePaths>,
    /// `selectableFields` of a custom resource, each like `.spec.colour`.
    pub selectable_fields: Vec<String>,
    /// `additionalPrinterColumns` of a custom resource, as written.
    pub printer_columns: Vec<Value>,
    /// What is warned of with every answer, where this version is deprecated.
    pub deprecation: Option<String>,
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
    /// Returns a namespaced resource with all verbs and nothing special, whose schema keeps everything.
    #[must_use]
    pub fn new(gvk: Gvk, plural: &str) -> Self {
        Self {
            plural: plural.to_owned(),
            singular: gvk.kind.to_lowercase(),
            list_kind: format!("{}List", gvk.kind),
            short_names: Vec::new(),
            categories: Vec::new(),
            namespaced: true,
            verbs: ALL_VERBS.to_vec(),
            subresources: Vec::new(),
            generation: GenerationRule::Never,
            unconditional_update: true,
            create_on_update: false,
            deletion: Deletion { policy: DeletionPolicy::Background, answers_object: false, graceful: false },
            stored: gvk.clone(),
            gvk,
            custom: false,
            scale_paths: None,
            selectable_fields: Vec::new(),
            printer_columns: Vec::new(),
            deprecation: None,
            schema: Arc::new(Schema::any()),
        }
    }

    /// Adds a subresource of the resource's own kind that can be read and written, such as `status`.
    pub fn add_subresource(&mut self, name: &'static str) {
        let gvk = if name == "scale" { Gvk::new("autoscaling", "v1", "Scale") } else { self.gvk.clone() };
        let at = self.subresources.partition_point(|s| s.name < name);
        self.subresources.insert(at, Subresource { name, gvk, verbs: READ_WRITE.to_vec() });
    }

    /// Returns whether `status` is written through its own subresource only.
    #[must_use]
    pub fn has_status(&self) -> bool {
        self.subresource("status").is_some()
    }

    /// Returns the subresource called `name`.
    #[must_use]
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|s| s.name == name)
    }

    /// Returns whether `verb` is served on the resource itself.
    #[must_use]
    pub fn has_verb(&self, verb: &str) -> bool {
        self.verbs.contains(&verb)
    }

    /// Returns the storage identity shared by all served versions: `(group, plural)`.
    ///
    /// Not for messages: those name the group that was asked (`gvk.group`).
    #[must_use]
    pub fn group_plural(&self) -> (&str, &str) {
        (&self.stored.group, &self.plural)
    }

    /// Returns where the reference server keeps the objects below `/registry/`, which some messages name.
    #[must_use]
    pub fn storage_prefix(&self) -> String {
        let (group, plural) = self.group_plural();
        match (group, plural) {
            ("", "replicationcontrollers") => "controllers".to_owned(),
            ("", "endpoints") => "services/endpoints".to_owned(),
            ("", "services") => "services/specs".to_owned(),
            ("", "nodes") => "minions".to_owned(),
            ("networking.k8s.io", "ingresses") => "ingress".to_owned(),
            ("apiextensions.k8s.io" | "apiregistration.k8s.io", _) => format!("{group}/{plural}"),
            _ if self.custom => format!("{group}/{plural}"),
            _ => plural.to_owned(),
        }
    }

    /// Returns `storageVersionHash` of discovery.
    #[must_use]
    pub fn storage_version_hash(&self) -> String {
        let Gvk { group, version, kind } = &self.stored;
        // Upstream still names the version in which it once stored definitions.
        let version = if kind == "CustomResourceDefinition" { "v1beta1" } else { version };
        let digest = Sha256::digest(format!("{group}/{version}/{kind}"));
        STANDARD.encode(&digest[..8])
    }
}
