//! Structural schemas: one tree type for built-in kinds and custom resources, on which pruning, defaulting, validation,
//! strategic merge and server-side apply all walk.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

/// One node. A tree without cycles: shared subtrees are shared `Arc`s, and the one recursive kind of Kubernetes (the
/// schema inside a CustomResourceDefinition) is a node that keeps everything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Schema {
    /// What a value here may be.
    pub ty: Type,
    /// Declared fields of an object.
    pub properties: BTreeMap<String, Arc<Schema>>,
    /// Schema of the values of a map (`additionalProperties`).
    pub additional: Option<Arc<Schema>>,
    /// Schema of the items of a list.
    pub items: Option<Arc<Schema>>,
    /// How server-side apply merges a list here.
    pub list: ListType,
    /// Whether server-side apply treats an object here as one value (`x-kubernetes-map-type: atomic`).
    pub atomic_map: bool,
    /// How strategic merge patch treats a list or map here.
    pub strategy: PatchStrategy,
    /// `x-kubernetes-preserve-unknown-fields`.
    pub preserve_unknown: bool,
    /// `x-kubernetes-embedded-resource`.
    pub embedded_resource: bool,
    /// Whether `null` is a value.
    pub nullable: bool,
    /// `default`.
    pub default: Option<Value>,
    /// Required fields.
    pub required: Vec<String>,
    /// Everything else that validation needs and that only custom resources use.
    pub rules: Option<Box<Rules>>,
    /// Documentation, as `kubectl explain` prints it.
    pub description: Option<Arc<str>>,
    /// `format`, for instance `int32`, `date-time`, `byte`, `quantity`.
    pub format: Option<Arc<str>>,
    /// Name of the type that this node came from, for instance `io.k8s.api.core.v1.PodSpec`.
    pub type_name: Option<Arc<str>>,
}

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Type {
    /// Anything: no type is declared.
    #[default]
    Any,
    /// An object: declared fields or a map.
    Object,
    /// A list.
    Array,
    /// A string.
    String,
    /// An integer.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// An integer or a string (`x-kubernetes-int-or-string`).
    IntOrString,
    /// A resource quantity: a string or a number, kept canonical in built-in kinds.
    Quantity,
}

/// `x-kubernetes-list-type` with its keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ListType {
    /// Replaced whole. Also every list without the extension.
    #[default]
    Atomic,
    /// A set of scalars.
    Set,
    /// Items identified by these fields.
    Map(Vec<String>),
}

/// `x-kubernetes-patch-strategy` and `-merge-key`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PatchStrategy {
    /// Lists merge instead of being replaced.
    pub merge: bool,
    /// The patch may list the keys to keep (`$retainKeys`).
    pub retain_keys: bool,
    /// An object here is replaced whole.
    pub replace: bool,
    /// Field that identifies an item; `None` for a list of scalars.
    pub merge_key: Option<String>,
}

/// Constraints that only CRD schemas carry.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rules {
    /// `enum`.
    pub one_of_values: Vec<Value>,
    /// `pattern`.
    pub pattern: Option<String>,
    /// `minimum` and whether it is exclusive.
    pub minimum: Option<(f64, bool)>,
    /// `maximum` and whether it is exclusive.
    pub maximum: Option<(f64, bool)>,
    /// `multipleOf`.
    pub multiple_of: Option<f64>,
    /// `minLength`, `maxLength`.
    pub length: (Option<u64>, Option<u64>),
    /// `minItems`, `maxItems`.
    pub items: (Option<u64>, Option<u64>),
    /// `minProperties`, `maxProperties`.
    pub properties: (Option<u64>, Option<u64>),
    /// `uniqueItems`.
    pub unique_items: bool,
    /// `allOf`.
    pub all_of: Vec<Schema>,
    /// `anyOf`.
    pub any_of: Vec<Schema>,
    /// `oneOf`.
    pub one_of: Vec<Schema>,
    /// `not`.
    pub not: Option<Schema>,
    /// `x-kubernetes-validations`, each as written.
    pub cel: Vec<Value>,
}
