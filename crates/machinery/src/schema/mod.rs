//! Structural schemas: one tree type for built-in kinds and custom resources, on which pruning, defaulting, validation,
//! strategic merge and server-side apply all walk.

mod builtin;
mod cel_rule;
mod crd;
mod default;
mod facts;
mod format;
mod pattern;
mod prune;
pub mod structural;
mod validate;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

pub(crate) use self::builtin::builtin_named;
pub use self::{
    builtin::{builtin, builtin_type, short_type_name},
    cel_rule::{CelRule, Programs},
    crd::{from_crd, from_openapi, unrecognized_formats},
    default::apply_defaults,
    pattern::Pattern,
    prune::{drop_nulls, prune},
    validate::{unsupported_rules, validate, validate_scale},
};

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
    /// Whether a built-in kind writes the field that this node describes although it is empty.
    pub presence: Presence,
    /// `default`. In custom resources this is what defaulting writes; in built-in kinds only what the OpenAPI document
    /// declares, which is what server-side apply fills into absent list-map keys (`protocol: TCP`).
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

/// What a built-in kind writes for a field that holds the zero value of its Go type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Presence {
    /// Nothing: `""`, `0`, `false`, `[]` and `{}` vanish, as does `null`.
    #[default]
    Omitted,
    /// What was given: a pointer in Go. Only `null` vanishes.
    Pointer,
    /// The zero value, also where nothing was given: held by value in Go and not optional.
    Value,
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
    pub pattern: Option<Pattern>,
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
    /// `x-kubernetes-validations`.
    pub cel: Vec<CelRule>,
}

impl Schema {
    /// Returns a node that accepts and keeps everything.
    #[must_use]
    pub fn any() -> Self {
        Self { preserve_unknown: true, nullable: true, ..Self::default() }
    }

    /// Returns the schema of the field `name` of an object: a declared field, or the values of a map.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Arc<Schema>> {
        self.properties.get(name).or(self.additional.as_ref())
    }

    /// Returns whether this is an object without declared fields whose values share one schema.
    #[must_use]
    pub fn is_map(&self) -> bool {
        self.ty == Type::Object && self.additional.is_some()
    }
}
