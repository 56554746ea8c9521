//! The named schemas of a document.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value, json};

use super::{Dialect, GVK, definition_name, gvk_value};
use crate::{
    resource::Resource,
    schema::{Schema, Type, builtin, builtin_named, builtin_type},
};

/// Gathers the schemas that a document refers to.
pub(super) struct Definitions {
    pub(super) dialect: Dialect,
    /// Whether what is being written is a built-in type.
    pub(super) in_built_in: bool,
    found: BTreeMap<String, Value>,
}

impl Definitions {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { dialect, in_built_in: true, found: BTreeMap::new() }
    }

    /// Returns how the document points to a definition.
    pub(super) fn reference(&self, name: &str) -> String {
        match self.dialect {
            Dialect::V2 => format!("#/definitions/{name}"),
            Dialect::V3 => format!("#/components/schemas/{name}"),
        }
    }

    /// Adds a built-in type with what it refers to and returns its schema; `None` if there is no such type.
    pub(super) fn define(&mut self, name: &str) -> Option<Arc<Schema>> {
        let schema = builtin_named(name)?;
        if !self.found.contains_key(name) {
            self.found.insert(name.to_owned(), Value::Null);
            let before = std::mem::replace(&mut self.in_built_in, true);
            let written = self.special(&schema).unwrap_or_else(|| self.inline(&schema));
            self.in_built_in = before;
            self.found.insert(name.to_owned(), written);
        }
        Some(schema)
    }

    /// Adds the kind of a resource and returns the reference to it.
    pub(super) fn kind(&mut self, resource: &Resource) -> String {
        let name = definition_name(resource);
        if resource.schema.type_name.is_some() {
            self.define(&name);
        } else if !self.found.contains_key(&name) {
            let written = self.custom(&resource.schema);
            self.found.insert(name.clone(), written);
        }
        self.tag(&name, &resource.gvk.group, &resource.gvk.version, &resource.gvk.kind);
        self.reference(&name)
    }

    /// Adds the list of a resource's kind and returns the reference to it.
    pub(super) fn list(&mut self, resource: &Resource) -> String {
        let item = self.kind(resource);
        let name = format!("{}List", definition_name(resource));
        if !self.found.contains_key(&name) {
            self.define(LIST_META);
            let items = match self.dialect {
                Dialect::V2 => json!({"$ref": item}),
                Dialect::V3 if resource.custom => json!({"$ref": item}),
                Dialect::V3 => json!({"allOf": [{"$ref": item}], "default": {}}),
            };
            let mut properties = Map::new();
            properties.insert(
                "items".to_owned(),
                json!({"type": "array", "items": items,
                "description": format!("List of {}.", resource.plural)}),
            );
            properties.insert("metadata".to_owned(), json!({"$ref": self.reference(LIST_META)}));
            for field in ["apiVersion", "kind"] {
                properties.extend(self.type_meta(field).map(|meta| (field.to_owned(), meta)));
            }
            let description = format!("{} is a list of {}", resource.list_kind, resource.gvk.kind);
            let list = json!({"description": description, "type": "object", "required": ["items"],
                "properties": properties});
            self.found.insert(name.clone(), list);
        }
        self.tag(&name, &resource.gvk.group, &resource.gvk.version, &resource.list_kind);
        self.reference(&name)
    }

    /// Adds one of the types that requests and answers are made of and returns the reference to it.
    pub(super) fn shared(&mut self, short_name: &str) -> String {
        let name = format!("io.k8s.apimachinery.pkg.apis.{short_name}");
        if short_name == "meta.v1.Patch" {
            let text = "Patch is provided to give a concrete name and type to the Kubernetes PATCH request body.";
            self.found.entry(name.clone()).or_insert_with(|| json!({"description": text, "type": "object"}));
        } else if builtin_type(short_name).is_some() {
            self.define(&name);
        }
        self.reference(&name)
    }

    /// Adds a built-in kind that is no resource of the document, such as `autoscaling/v1` `Scale`.
    pub(super) fn other_kind(&mut self, group: &str, version: &str, kind: &str) -> Option<String> {
        let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        let name = builtin(&api_version, kind)?.type_name.clone()?;
        self.define(&name);
        self.tag(&name, group, version, kind);
        Some(self.reference(&name))
    }

    /// Returns all definitions. Options and `Status` belong to every group-version of `resources`.
    pub(super) fn finish(mut self, resources: &[Arc<Resource>]) -> BTreeMap<String, Value> {
        for resource in resources {
            for kind in ["DeleteOptions", "Status"] {
                let name = format!("io.k8s.apimachinery.pkg.apis.meta.v1.{kind}");
                // `Status` is a kind of the core group alone; options travel under every version.
                if kind == "DeleteOptions" || (resource.gvk.group.is_empty() && resource.gvk.version == "v1") {
                    self.tag(&name, &resource.gvk.group, &resource.gvk.version, kind);
                }
            }
        }
        self.found
    }

    /// `apiVersion` and `kind` as every built-in kind documents them.
    pub(super) fn type_meta(&mut self, field: &str) -> Option<Value> {
        if !matches!(field, "apiVersion" | "kind") {
            return None;
        }
        let schema = builtin("v1", "ConfigMap")?;
        let documented = schema.properties.get(field)?;
        Some(json!({"type": "string", "description": documented.description.as_deref()}))
    }

    /// A custom resource. Clients take a v2 definition with fields for complete, so that one that keeps unknown fields
    /// has none.
    fn custom(&mut self, schema: &Schema) -> Value {
        if self.dialect == Dialect::V2 && schema.preserve_unknown {
            return json!({"type": "object"});
        }
        self.in_built_in = false;
        // The object is what it is: only resources inside are marked as embedded.
        let bare = Schema { properties: BTreeMap::new(), embedded_resource: false, ..schema.clone() };
        let mut written = self.inline(&bare);
        let fields = schema.properties.iter().map(|(name, field)| {
            let meta = self.type_meta(name);
            (name.clone(), meta.unwrap_or_else(|| self.field(field)))
        });
        written["properties"] = Value::Object(fields.collect());
        self.in_built_in = true;
        written
    }

    /// The types whose JSON is not what their Go type looks like.
    fn special(&self, schema: &Schema) -> Option<Value> {
        let v2 = self.dialect == Dialect::V2;
        let mut value = match schema.ty {
            Type::Quantity if v2 => json!({"type": "string"}),
            Type::Quantity => json!({"oneOf": [{"type": "string"}, {"type": "number"}]}),
            Type::IntOrString if v2 => json!({"type": "string", "format": "int-or-string"}),
            Type::IntOrString => {
                json!({"oneOf": [{"type": "integer"}, {"type": "string"}], "format": "int-or-string"})
            }
            Type::Any => json!({}),
            Type::Object if schema.preserve_unknown => json!({"type": "object"}),
            _ => return None,
        };
        if let Some(text) = &schema.description {
            value["description"] = json!(**text);
        }
        Some(value)
    }

    /// Says which kind a definition is, once.
    fn tag(&mut self, name: &str, group: &str, version: &str, kind: &str) {
        let Some(definition) = self.found.get_mut(name).and_then(Value::as_object_mut) else { return };
        let tags = definition.entry(GVK).or_insert_with(|| json!([]));
        let tag = gvk_value(group, version, kind);
        if let Some(tags) = tags.as_array_mut()
            && !tags.contains(&tag)
        {
            tags.push(tag);
        }
    }
}

const LIST_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";
