//! One node of a schema in either dialect.

use serde_json::{Map, Value, json};

use super::{Dialect, definitions::Definitions};
use crate::schema::{ListType, PatchStrategy, Presence, Rules, Schema, Type};

impl Definitions {
    /// Returns the schema of a field, an item or a map's value: a reference where it is a named type.
    pub(super) fn field(&mut self, node: &Schema) -> Value {
        let Some(name) = node.type_name.clone() else { return self.inline(node) };
        let Some(original) = self.define(&name) else { return self.inline(node) };
        let reference = self.reference(&name);
        let mut extra = Map::new();
        if node.description != original.description
            && let Some(text) = &node.description
        {
            extra.insert("description".to_owned(), json!(**text));
        }
        if node.atomic_map != original.atomic_map {
            let map = if node.atomic_map { "atomic" } else { "granular" };
            extra.insert("x-kubernetes-map-type".to_owned(), json!(map));
        }
        patch_extensions(&node.strategy, &mut extra);
        if self.dialect == Dialect::V2 {
            extra.insert("$ref".to_owned(), json!(reference));
            return Value::Object(extra);
        }
        if node.presence == Presence::Value && matches!(node.ty, Type::Object | Type::IntOrString | Type::Quantity) {
            extra.insert("default".to_owned(), if node.ty == Type::Object { json!({}) } else { json!(null) });
        }
        extra.retain(|_, value| !value.is_null());
        if extra.is_empty() {
            return json!({"$ref": reference});
        }
        extra.insert("allOf".to_owned(), json!([{"$ref": reference}]));
        Value::Object(extra)
    }

    /// Returns the schema of a list's items or a map's values. In v3 the zero value of their Go type is their default.
    fn element(&mut self, node: &Schema, built_in: bool) -> Value {
        let mut value = self.field(node);
        if self.dialect == Dialect::V2 || !built_in {
            return value;
        }
        let default = match node.ty {
            Type::String if node.format.is_none() => json!(""),
            Type::Integer | Type::Number => json!(0),
            Type::Object if node.type_name.is_some() && !node.preserve_unknown => json!({}),
            _ => return value,
        };
        if let Some(reference) = value.as_object_mut().and_then(|v| v.remove("$ref")) {
            value["allOf"] = json!([{"$ref": reference}]);
        }
        value["default"] = default;
        value
    }

    /// Returns the schema of a node with everything below it, whatever its name.
    pub(super) fn inline(&mut self, node: &Schema) -> Value {
        let built_in = self.in_built_in;
        let mut out = Map::new();
        let mut put = |name: &str, value: Value| {
            out.insert(name.to_owned(), value);
        };
        if let Some(text) = &node.description {
            put("description", json!(**text));
        }
        let hidden = self.dialect == Dialect::V2 && (node.nullable || node.preserve_unknown);
        if let Some(ty) = self.type_text(node) {
            put("type", json!(ty));
        }
        if let Some(format) = &node.format {
            put("format", json!(**format));
        }
        if let Some(default) = self.default_of(node) {
            put("default", default);
        }
        if let Some(items) = node.items.as_ref().filter(|_| !hidden) {
            put("items", self.element(items, built_in));
        }
        if let Some(values) = &node.additional {
            put("additionalProperties", self.element(values, built_in));
        }
        if !node.properties.is_empty() && !hidden {
            let fields = node.properties.iter().map(|(name, field)| (name.clone(), self.property(name, field, node)));
            let fields: Map<String, Value> = fields.collect();
            put("properties", Value::Object(fields));
        }
        let required = self.required(node);
        if !required.is_empty() && !hidden {
            put("required", json!(required));
        }
        extensions(node, built_in, &mut out);
        if self.dialect == Dialect::V3 && node.nullable && !node.preserve_unknown {
            out.insert("nullable".to_owned(), json!(true));
        }
        if let Some(rules) = &node.rules {
            self.rules(rules, &mut out);
        }
        Value::Object(out)
    }

    fn property(&mut self, name: &str, field: &Schema, parent: &Schema) -> Value {
        let meta = if parent.embedded_resource { self.type_meta(name) } else { None };
        meta.unwrap_or_else(|| self.field(field))
    }

    /// Swagger 2.0 has no type for what may be null, nor for what has fields that it cannot name.
    fn type_text(&self, node: &Schema) -> Option<&'static str> {
        let v2 = self.dialect == Dialect::V2;
        if v2 && (node.nullable || (node.preserve_unknown && matches!(node.ty, Type::Object | Type::Array))) {
            return None;
        }
        match node.ty {
            Type::Object => Some("object"),
            Type::Array if v2 && node.items.is_none() => None,
            Type::Array => Some("array"),
            Type::String => Some("string"),
            Type::Integer => Some("integer"),
            Type::Number => Some("number"),
            Type::Boolean => Some("boolean"),
            Type::Any | Type::IntOrString | Type::Quantity => None,
        }
    }

    /// In v2 only the defaults that say something remain.
    fn default_of(&self, node: &Schema) -> Option<Value> {
        let default = node.default.clone()?;
        let zero = matches!(&default, Value::String(s) if s.is_empty()) || default == 0 || default == false;
        (self.dialect == Dialect::V3 || !zero).then_some(default)
    }

    fn required(&self, node: &Schema) -> Vec<String> {
        let nullable = |name: &str| node.properties.get(name).is_some_and(|p| p.nullable);
        let mut required: Vec<String> =
            node.required.iter().filter(|r| self.dialect == Dialect::V3 || !nullable(r)).cloned().collect();
        if node.embedded_resource {
            required
                .extend(["kind", "apiVersion"].map(str::to_owned).into_iter().filter(|r| !node.required.contains(r)));
        }
        required
    }

    fn rules(&mut self, rules: &Rules, out: &mut Map<String, Value>) {
        let numbers = [("minimum", rules.minimum), ("maximum", rules.maximum)];
        for (name, bound) in numbers {
            let Some((limit, exclusive)) = bound else { continue };
            out.insert(name.to_owned(), number(limit));
            if exclusive {
                let (head, tail) = name.split_at(1);
                out.insert(format!("exclusive{}{tail}", head.to_uppercase()), json!(true));
            }
        }
        for (names, (least, most)) in [
            (["minLength", "maxLength"], rules.length),
            (["minItems", "maxItems"], rules.items),
            (["minProperties", "maxProperties"], rules.properties),
        ] {
            for (name, limit) in names.into_iter().zip([least, most]) {
                if let Some(limit) = limit {
                    out.insert(name.to_owned(), json!(limit));
                }
            }
        }
        if let Some(pattern) = &rules.pattern {
            out.insert("pattern".to_owned(), json!(pattern.as_str()));
        }
        if let Some(factor) = rules.multiple_of {
            out.insert("multipleOf".to_owned(), number(factor));
        }
        if !rules.one_of_values.is_empty() {
            out.insert("enum".to_owned(), json!(rules.one_of_values));
        }
        if !rules.cel.is_empty() {
            out.insert(
                "x-kubernetes-validations".to_owned(),
                rules.cel.iter().map(|rule| rule.source().clone()).collect(),
            );
        }
        if self.dialect == Dialect::V3 {
            self.junctors(rules, out);
        }
    }

    fn junctors(&mut self, rules: &Rules, out: &mut Map<String, Value>) {
        for (name, schemas) in [("allOf", &rules.all_of), ("anyOf", &rules.any_of), ("oneOf", &rules.one_of)] {
            if !schemas.is_empty() {
                let schemas: Vec<Value> = schemas.iter().map(|s| self.inline(s)).collect();
                out.insert(name.to_owned(), json!(schemas));
            }
        }
        if let Some(not) = &rules.not {
            out.insert("not".to_owned(), self.inline(not));
        }
    }
}

fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 9e15 { json!(value as i64) } else { json!(value) }
}

fn extensions(node: &Schema, built_in: bool, out: &mut Map<String, Value>) {
    let mut put = |name: &str, value: Value| {
        out.insert(format!("x-kubernetes-{name}"), value);
    };
    match &node.list {
        ListType::Set => put("list-type", json!("set")),
        ListType::Map(keys) => {
            put("list-type", json!("map"));
            put("list-map-keys", json!(keys));
        }
        ListType::Atomic if built_in && node.ty == Type::Array => put("list-type", json!("atomic")),
        ListType::Atomic => {}
    }
    if node.atomic_map {
        put("map-type", json!("atomic"));
    }
    if node.preserve_unknown {
        put("preserve-unknown-fields", json!(true));
    }
    if node.embedded_resource {
        put("embedded-resource", json!(true));
    }
    if node.ty == Type::IntOrString {
        put("int-or-string", json!(true));
    }
    patch_extensions(&node.strategy, out);
}

fn patch_extensions(strategy: &PatchStrategy, out: &mut Map<String, Value>) {
    let words: Vec<&str> =
        [(strategy.merge, "merge"), (strategy.replace, "replace"), (strategy.retain_keys, "retainKeys")]
            .into_iter()
            .filter_map(|(set, word)| set.then_some(word))
            .collect();
    if !words.is_empty() {
        out.insert("x-kubernetes-patch-strategy".to_owned(), json!(words.join(",")));
    }
    if let Some(key) = &strategy.merge_key {
        out.insert("x-kubernetes-patch-merge-key".to_owned(), json!(key));
    }
}
