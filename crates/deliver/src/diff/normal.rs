//! The form in which objects are compared.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::{Number, Value, json};
use tiphys_machinery::meta;

use super::{
    client::{as_typed, client_type},
    gvk,
    remove_fields::kept,
};
use crate::object::group;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// Returns `object` as its type writes it, without fields that it does not have itself. An object that its type does not
/// take, or with a field that its type does not have, stays as it is.
pub(super) fn typed(object: &Value) -> Value {
    let mut object = object.clone();
    canonical_numbers(&mut object);
    let gvk = gvk(&object);
    // Custom resources have no Go type that would write them differently.
    let Some(schema) = client_type(&gvk) else { return object };
    match as_typed(&object, &gvk, &schema) {
        Ok((typed, problems)) if problems.is_empty() => kept(&object, typed),
        _ => object,
    }
}

/// Writes whole numbers as integers: `1.0` is `1`.
pub fn canonical_numbers(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            if let Some(whole) = whole(number) {
                *value = Value::from(whole);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(canonical_numbers),
        Value::Object(map) => map.values_mut().for_each(canonical_numbers),
        _ => {}
    }
}

#[expect(clippy::cast_possible_truncation, reason = "only numbers that fit are cast")]
fn whole(number: &Number) -> Option<i64> {
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    let float = number.as_f64()?;
    (float.fract() == 0.0 && float.abs() <= LARGEST).then_some(float as i64)
}

/// Applies the rules of kinds that have some.
pub(super) fn normalize(object: &mut Value, ignore_aggregated_roles: bool) {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("creationTimestamp");
    }
    match (group(object), meta::kind(object)) {
        ("", "Secret") => normalize_secret(object),
        ("", "Endpoints") => normalize_endpoints(object),
        ("rbac.authorization.k8s.io", "ClusterRole" | "Role") => normalize_role(object, ignore_aggregated_roles),
        _ => {}
    }
}

/// Merges `stringData` of a Secret into `data`, and writes values as the server does.
pub fn normalize_secret(secret: &mut Value) {
    if meta::kind(secret) != "Secret" || !group(secret).is_empty() {
        return;
    }
    if let Some(texts) = secret["stringData"].as_object().cloned() {
        let data = &secret["data"];
        let Some(mut merged) = data.as_object().cloned().or_else(|| data.is_null().then(Default::default)) else {
            return;
        };
        for (key, text) in texts {
            let value = text.as_str().map_or(text.clone(), |text| json!(BASE64.encode(text)));
            merged.insert(key, value);
        }
        if let Some(fields) = secret.as_object_mut() {
            fields.insert("data".to_owned(), Value::Object(merged));
            fields.remove("stringData");
        }
    }
    let Some(data) = secret["data"].as_object() else { return };
    let recoded: Option<serde_json::Map<_, _>> =
        data.iter().map(|(key, value)| Some((key.clone(), Value::from(recoded(value)?)))).collect();
    if let Some(recoded) = recoded {
        secret["data"] = Value::Object(recoded);
    }
}

/// Whether a value of a Secret is one.
pub(super) fn is_base64(value: &Value) -> bool {
    recoded(value).is_some()
}

fn recoded(value: &Value) -> Option<String> {
    if value.is_null() {
        return Some(String::new());
    }
    let text: String = value.as_str()?.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    BASE64.decode(text).ok().map(|bytes| BASE64.encode(bytes))
}

fn normalize_role(role: &mut Value, ignore_aggregated: bool) {
    let is_aggregated = ignore_aggregated && role["aggregationRule"].is_object();
    let is_empty = role["rules"].as_array().is_some_and(Vec::is_empty);
    if is_aggregated || is_empty {
        role["rules"] = Value::Null;
    }
}

fn normalize_endpoints(endpoints: &mut Value) {
    let gvk = gvk(endpoints);
    let Some(Ok((typed, _))) = client_type(&gvk).map(|schema| as_typed(endpoints, &gvk, &schema)) else { return };
    *endpoints = typed;
    let Some(subsets) = endpoints.get_mut("subsets").and_then(Value::as_array_mut) else { return };
    for subset in subsets.iter_mut() {
        for port in subset.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
            if port["protocol"].as_str().is_none_or(str::is_empty) && port.is_object() {
                port["protocol"] = json!("TCP");
            }
        }
        for list in ["addresses", "notReadyAddresses", "ports"] {
            if let Some(items) = subset.get_mut(list).and_then(Value::as_array_mut) {
                items.sort_by_key(Value::to_string);
            }
        }
    }
    subsets.sort_by_key(Value::to_string);
}
