//! Defaults of custom resources.

use serde_json::Value;

use super::Schema;

/// Fills absent fields, and `null`s that the schema does not allow, with the defaults that the schema of a custom
/// resource declares; then looks into what it filled in.
///
/// Built-in types inside (`metadata`) are left alone: what their schemas declare is of another sort (see
/// [`Schema::default`]).
pub fn apply_defaults(value: &mut Value, schema: &Schema) {
    if schema.type_name.is_some() {
        return;
    }
    match value {
        Value::Object(fields) => {
            for (name, property) in &schema.properties {
                if let Some(default) = &property.default
                    && fields.get(name).is_none_or(|given| given.is_null() && !property.nullable)
                {
                    fields.insert(name.clone(), default.clone());
                }
            }
            for (name, child) in fields {
                if let Some(declared) = schema.properties.get(name) {
                    apply_defaults(child, declared);
                } else if let Some(values) = &schema.additional {
                    fill(child, values);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = &schema.items {
                items.iter_mut().for_each(|item| fill(item, schema));
            }
        }
        _ => {}
    }
}

fn fill(value: &mut Value, schema: &Schema) {
    if value.is_null()
        && !schema.nullable
        && let Some(default) = &schema.default
    {
        *value = default.clone();
    }
    apply_defaults(value, schema);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::from_openapi, *};

    #[test]
    fn absent_and_forbidden_null_are_filled_at_every_depth() {
        let schema = from_openapi(&json!({"type": "object", "properties": {
            "size": {"type": "integer", "default": 3},
            "nothing": {"type": "string", "nullable": true, "default": "d"},
            "tls": {"type": "object", "default": {}, "properties": {"mode": {"type": "string", "default": "off"}}},
            "ports": {"type": "array", "items": {"type": "object", "properties": {
                "protocol": {"type": "string", "default": "TCP"}}}},
            "absent": {"type": "object", "properties": {"x": {"type": "integer", "default": 1}}},
            "map": {"type": "object", "additionalProperties": {"type": "integer", "default": 7}},
        }}));
        let mut value = json!({"size": null, "nothing": null, "ports": [{}, {"protocol": "UDP"}], "map": {"a": null}});
        apply_defaults(&mut value, &schema);
        assert_eq!(
            value,
            json!({"size": 3, "nothing": null, "tls": {"mode": "off"},
                "ports": [{"protocol": "TCP"}, {"protocol": "UDP"}], "map": {"a": 7}})
        );
    }
}
