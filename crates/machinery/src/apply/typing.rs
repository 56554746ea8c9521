//! The view of a [`Schema`] that structured merge works with: what may be at a node, and how it merges.

use std::sync::{Arc, LazyLock, OnceLock};

use serde_json::{Map, Value};

use super::element::PathElement;
use crate::schema::{ListType, Presence, Schema, Type, builtin_type};

/// The type of a node.
#[derive(Debug, Clone, Copy)]
pub(super) enum TypeRef<'a> {
    /// As a schema declares. `open`: a parent lets undeclared fields pass; `object`: the node has kind and metadata.
    Declared { schema: &'a Schema, open: bool, object: bool },
    /// Undeclared: maps merge, lists are atomic.
    Deduced,
    /// Undeclared and atomic throughout.
    Untyped,
}

/// What may be at a node: a scalar, a list, a map, or any of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Atom<'a> {
    pub(super) scalar: Option<Scalar>,
    pub(super) list: Option<ListAtom<'a>>,
    pub(super) map: Option<MapAtom<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar {
    Numeric,
    String,
    Boolean,
    Untyped,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct ListAtom<'a> {
    pub(super) kind: ListKind<'a>,
    pub(super) items: TypeRef<'a>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum ListKind<'a> {
    Atomic,
    Set,
    Map(&'a [String]),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct MapAtom<'a> {
    pub(super) atomic: bool,
    schema: Option<&'a Schema>,
    /// Type of undeclared fields; `None` where they are not allowed.
    values: Option<TypeRef<'a>>,
    open: bool,
    object: bool,
}

/// Which of the forms of an atom a value takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Map,
    Scalar,
    List,
}

const RAW_EXTENSION: &str = "io.k8s.apimachinery.pkg.runtime.RawExtension";

/// The zero values that a built-in kind writes for fields held by value.
static ZERO: LazyLock<[Value; 5]> = LazyLock::new(|| {
    [Value::Object(Map::new()), Value::from(""), Value::from("0"), Value::from(0), Value::from(false)]
});

impl<'a> TypeRef<'a> {
    /// What an absent field of this type stands for, if it is one that is never absent in Go.
    pub(super) fn implied(self) -> Option<&'static Value> {
        let TypeRef::Declared { schema, .. } = self else { return None };
        let [object, string, quantity, number, boolean] = &*ZERO;
        match (schema.presence, schema.ty) {
            (Presence::Pointer, Type::Array) => Some(&Value::Null),
            (Presence::Value, Type::Object) if !schema.is_map() && !schema.preserve_unknown => Some(object),
            (Presence::Value, Type::String) if matches!(schema.format.as_deref(), Some("date-time" | "byte")) => {
                Some(&Value::Null)
            }
            (Presence::Value, Type::String) => Some(string),
            (Presence::Value, Type::Quantity) => Some(quantity),
            (Presence::Value, Type::Integer | Type::Number | Type::IntOrString) => Some(number),
            (Presence::Value, Type::Boolean) => Some(boolean),
            _ => None,
        }
    }

    /// The type of a whole object.
    pub(super) fn root(schema: &'a Schema) -> Self {
        Self::Declared { schema, open: schema.preserve_unknown, object: true }
    }

    fn child(schema: &'a Schema, open: bool) -> Self {
        Self::Declared { schema, open: open || schema.preserve_unknown, object: schema.embedded_resource }
    }

    pub(super) fn atom(self) -> Atom<'a> {
        match self {
            Self::Deduced => free(Self::Deduced, false),
            Self::Untyped => free(Self::Untyped, true),
            Self::Declared { schema, open, object } => declared(schema, open, object),
        }
    }
}

fn free(values: TypeRef<'_>, atomic: bool) -> Atom<'_> {
    Atom {
        scalar: Some(Scalar::Untyped),
        list: Some(ListAtom { kind: ListKind::Atomic, items: TypeRef::Untyped }),
        map: Some(MapAtom { atomic, schema: None, values: Some(values), open: true, object: false }),
    }
}

fn declared(schema: &Schema, open: bool, object: bool) -> Atom<'_> {
    let only = Atom { scalar: None, list: None, map: None };
    let scalar = |scalar| Atom { scalar: Some(scalar), ..only };
    match schema.ty {
        Type::Object if schema.type_name.as_deref() == Some(RAW_EXTENSION) => TypeRef::Untyped.atom(),
        Type::Object => Atom { map: Some(map_atom(schema, open, object)), ..only },
        Type::Array => Atom { list: Some(list_atom(schema, open)), ..only },
        Type::String if schema.format.as_deref().is_none_or(|f| f == "byte") => scalar(Scalar::String),
        Type::String | Type::Quantity | Type::IntOrString => scalar(Scalar::Untyped),
        Type::Integer | Type::Number => scalar(Scalar::Numeric),
        Type::Boolean => scalar(Scalar::Boolean),
        Type::Any => Atom {
            scalar: Some(Scalar::Untyped),
            list: Some(list_atom(schema, open)),
            map: Some(map_atom(schema, open, object)),
        },
    }
}

fn list_atom(schema: &Schema, open: bool) -> ListAtom<'_> {
    let kind = match &schema.list {
        ListType::Atomic => ListKind::Atomic,
        ListType::Set => ListKind::Set,
        ListType::Map(keys) => ListKind::Map(keys),
    };
    ListAtom { kind, items: schema.items.as_deref().map_or(TypeRef::Untyped, |items| TypeRef::child(items, open)) }
}

fn map_atom(schema: &Schema, open: bool, object: bool) -> MapAtom<'_> {
    let values = match &schema.additional {
        Some(values) => Some(TypeRef::child(values, open)),
        None if open || schema.properties.is_empty() => Some(TypeRef::Deduced),
        None => None,
    };
    MapAtom { atomic: schema.atomic_map, schema: Some(schema), values, open, object }
}

impl<'a> MapAtom<'a> {
    /// The type of a declared field.
    pub(super) fn declared(&self, name: &str) -> Option<TypeRef<'a>> {
        let schema = self.schema?;
        let property = schema.properties.get(name).map(AsRef::as_ref);
        if self.object {
            match name {
                // The metadata of a custom resource is declared by nobody, or only its name.
                "metadata" if property.is_none_or(|p| !p.properties.contains_key("annotations")) => {
                    return Some(TypeRef::child(object_meta(), false));
                }
                "apiVersion" | "kind" if property.is_none() => return Some(TypeRef::child(string(), false)),
                _ => {}
            }
        }
        property.map(|property| TypeRef::child(property, self.open))
    }

    /// The type of any field, `None` if it may not be there.
    pub(super) fn field(&self, name: &str) -> Option<TypeRef<'a>> {
        self.declared(name).or(self.values)
    }
}

impl ListAtom<'_> {
    pub(super) fn is_atomic(&self) -> bool {
        matches!(self.kind, ListKind::Atomic)
    }

    /// Returns what identifies an item of a set or list map.
    ///
    /// # Errors
    /// Upstream's text where the item has no identity.
    pub(super) fn element(&self, item: &Value) -> Result<PathElement, String> {
        match self.kind {
            ListKind::Atomic => Err("invalid indexing of non-associative list".to_owned()),
            ListKind::Set => set_element(item),
            ListKind::Map(keys) => key_element(keys, self.items, item),
        }
    }
}

fn set_element(item: &Value) -> Result<PathElement, String> {
    match item {
        Value::Object(_) => Err("associative list without keys has an element that's a map type".to_owned()),
        Value::Array(_) => Err("not supported: associative list with lists as elements".to_owned()),
        Value::Null => Err("associative list without keys has an element that's an explicit null".to_owned()),
        scalar => Ok(PathElement::Value(scalar.clone())),
    }
}

/// Absent key fields take their default; a key without a default is left out.
fn key_element(keys: &[String], items: TypeRef<'_>, item: &Value) -> Result<PathElement, String> {
    let map = match item {
        Value::Object(map) => map,
        Value::Null => return Err("associative list with keys may not have a null element".to_owned()),
        _ => return Err("associative list with keys may not have non-map elements".to_owned()),
    };
    let found: Vec<_> =
        keys.iter().filter_map(|key| Some((key.as_str().into(), key_value(key, items, map)?))).collect();
    if found.is_empty() && !keys.is_empty() {
        let names: Vec<_> = keys.iter().map(|key| format!("\"{key}\"")).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values \
             for any key fields)",
            names.join(" ")
        ));
    }
    Ok(PathElement::key(found))
}

fn key_value(key: &str, items: TypeRef<'_>, item: &Map<String, Value>) -> Option<Value> {
    if let Some(value) = item.get(key) {
        return Some(value.clone());
    }
    match items {
        TypeRef::Declared { schema, .. } => schema.properties.get(key)?.default.clone().filter(|d| !d.is_null()),
        _ => None,
    }
}

impl<'a> Atom<'a> {
    /// The form a value takes; for an absent, `null` or misplaced value the first form the node can have.
    pub(super) fn form(&self, value: Option<&Value>) -> Form {
        match value {
            Some(Value::Object(_)) if self.map.is_some() => Form::Map,
            Some(Value::Array(_)) if self.list.is_some() => Form::List,
            Some(Value::String(_) | Value::Number(_) | Value::Bool(_)) if self.scalar.is_some() => Form::Scalar,
            _ if self.map.is_some() => Form::Map,
            _ if self.scalar.is_some() => Form::Scalar,
            _ => Form::List,
        }
    }

    /// The map form if `form` is that one.
    pub(super) fn as_map(&self, form: Form) -> Option<MapAtom<'a>> {
        self.map.filter(|_| form == Form::Map)
    }

    /// The list form if `form` is that one.
    pub(super) fn as_list(&self, form: Form) -> Option<ListAtom<'a>> {
        self.list.filter(|_| form == Form::List)
    }
}

fn object_meta() -> &'static Schema {
    static META: OnceLock<Arc<Schema>> = OnceLock::new();
    META.get_or_init(|| builtin_type("meta.v1.ObjectMeta").unwrap_or_else(|| Arc::new(Schema::any())))
}

fn string() -> &'static Schema {
    static STRING: OnceLock<Schema> = OnceLock::new();
    STRING.get_or_init(|| Schema { ty: Type::String, ..Schema::default() })
}
