//! The kinds that clients have types for, and the defaults that come with them.

use std::sync::Arc;

use serde_json::{Map, Value};
use tiphys_machinery::{
    decode::{self, Target},
    defaults,
    resource::Gvk,
    schema::{Schema, Type, builtin},
};

use super::{gvk, normal::is_base64};

/// Groups that a server has built in, but a client has no types for.
const SERVER_ONLY: [&str; 2] = ["apiextensions.k8s.io", "apiregistration.k8s.io"];

/// Why an object gets no defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoDefaults {
    /// The kind is a custom one.
    UnknownKind,
    /// The type of the kind does not take the object.
    Malformed(String),
}

/// Returns the type of a kind that merges strategically and has defaults.
pub(crate) fn client_type(gvk: &Gvk) -> Option<Arc<Schema>> {
    (!SERVER_ONLY.contains(&gvk.group.as_str())).then(|| builtin(&gvk.api_version(), &gvk.kind))?
}

/// Returns `object` as its type writes it, and what of it the type does not have.
pub(crate) fn as_typed(object: &Value, gvk: &Gvk, schema: &Schema) -> Result<(Value, Vec<String>), String> {
    let target = Target { gvk, schema, custom: false };
    let data = object["data"].as_object().into_iter().flatten();
    if gvk.kind == "Secret" && data.clone().any(|(_, value)| !is_base64(value)) {
        return Err("illegal base64 data".to_owned());
    }
    let (mut typed, problems) = decode::normalise(object.clone(), target).map_err(|error| error.to_string())?;
    null_lists(&mut typed, schema);
    if gvk.group == "rbac.authorization.k8s.io"
        && schema.properties.contains_key("rules")
        && let Some(role) = typed.as_object_mut()
    {
        role.entry("rules").or_insert(Value::Null);
    }
    Ok((typed, problems))
}

/// A list that its type always writes is `null` where there is none.
pub(crate) fn null_lists(value: &mut Value, schema: &Schema) {
    match value {
        Value::Array(items) => {
            let Some(schema) = &schema.items else { return };
            items.iter_mut().for_each(|item| null_lists(item, schema));
        }
        Value::Object(map) => {
            for name in &schema.required {
                let is_list = schema.field(name).is_some_and(|field| field.ty == Type::Array);
                if is_list && !map.contains_key(name.as_str()) {
                    map.insert(name.to_string(), Value::Null);
                }
            }
            for (name, child) in map.iter_mut() {
                if let Some(schema) = schema.properties.get(name.as_str()).or(schema.additional.as_ref()) {
                    null_lists(child, schema);
                }
            }
        }
        _ => {}
    }
}

/// Fills in what a client fills in. Less than a server does: no copies of fields under their old names, nothing that
/// conversion adds.
pub(super) fn scheme_defaults(object: &mut Value) -> Result<(), NoDefaults> {
    let gvk = gvk(object);
    let schema = client_type(&gvk).ok_or(NoDefaults::UnknownKind)?;
    as_typed(object, &gvk, &schema).map_err(NoDefaults::Malformed)?;
    let before = object.clone();
    defaults::apply(object, &gvk);
    for path in ["/spec", "/spec/template/spec", "/spec/jobTemplate/spec/template/spec"] {
        take_back(&before, object, path, &["serviceAccount"]);
    }
    if gvk.kind == "StatefulSet" {
        default_claims(&before, object, &gvk, &schema);
    }
    if gvk.kind == "HorizontalPodAutoscaler" && gvk.version == "v1" {
        take_back(&before, object, "/spec", &["metrics", "behavior"]);
    }
    Ok(())
}

/// The list of claims is one value: where defaults change it, it is written whole as its type does.
fn default_claims(before: &Value, object: &mut Value, gvk: &Gvk, schema: &Schema) {
    const CLAIMS: &str = "/spec/volumeClaimTemplates";
    let Ok((mut typed, _)) = as_typed(object, gvk, schema) else { return };
    if let (Some(claims), Some(typed)) = (object.pointer_mut(CLAIMS), typed.pointer_mut(CLAIMS)) {
        *claims = typed.take();
    }
    let count = before.pointer(CLAIMS).and_then(Value::as_array).map_or(0, Vec::len);
    for claim in 0..count {
        take_back(before, object, &format!("{CLAIMS}/{claim}"), &["apiVersion", "kind"]);
    }
}

fn take_back(before: &Value, after: &mut Value, path: &str, fields: &[&str]) {
    let Some(map) = after.pointer_mut(path).and_then(Value::as_object_mut) else { return };
    let had = before.pointer(path).and_then(Value::as_object);
    let had = |field: &str| had.is_some_and(|before: &Map<String, Value>| before.contains_key(field));
    for field in fields.iter().filter(|field| !had(field)) {
        map.remove(*field);
    }
}
