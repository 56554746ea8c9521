//! Fields that no schema knows: the API server prunes them, so they silently change nothing.

use std::{collections::BTreeMap, sync::OnceLock};

use serde_json::{Map, Value};

/// Fields of every object's metadata.
const METADATA: [&str; 15] = [
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Returns the unknown fields of an object of ours with what to say about each.
pub(super) fn unknown(object: &Value) -> Vec<(String, String)> {
    let Some(schema) = object["kind"].as_str().and_then(|kind| schemas().get(kind)) else { return Vec::new() };
    let mut found = Vec::new();
    walk(object, schema, "", &mut found);
    for field in object["metadata"].as_object().into_iter().flat_map(Map::keys) {
        if !METADATA.contains(&field.as_str()) {
            found.push((format!("metadata.{field}"), text(&guess(field, METADATA.into_iter()))));
        }
    }
    found
}

/// Schemas by kind.
fn schemas() -> &'static BTreeMap<String, Value> {
    static SCHEMAS: OnceLock<BTreeMap<String, Value>> = OnceLock::new();
    SCHEMAS.get_or_init(|| {
        let definitions = tiphys_api::crds::crds().into_iter();
        let schemas = definitions.filter_map(|definition| {
            let kind = definition["spec"]["names"]["kind"].as_str()?.to_owned();
            Some((kind, definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()))
        });
        schemas.collect()
    })
}

fn walk(value: &Value, schema: &Value, path: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &schema["items"], &format!("{path}[{index}]"), found);
            }
        }
        Value::Object(fields) => {
            let known = schema["properties"].as_object();
            let is_open = schema["x-kubernetes-preserve-unknown-fields"] == true || known.is_none();
            for (field, value) in fields {
                let path = if path.is_empty() { field.clone() } else { format!("{path}.{field}") };
                match known.and_then(|known| known.get(field)) {
                    Some(schema) => walk(value, schema, &path, found),
                    None if schema["additionalProperties"].is_object() => {
                        walk(value, &schema["additionalProperties"], &path, found);
                    }
                    None if is_open => {}
                    None => found.push((path, text(&advice(field, known)))),
                }
            }
        }
        _ => {}
    }
}

fn text(advice: &str) -> String {
    format!("unknown field{advice}")
}

/// A field that is nearly written so, or one that stands at the wrong level.
fn advice(field: &str, known: Option<&Map<String, Value>>) -> String {
    let Some(known) = known else { return String::new() };
    let near = guess(field, known.keys().map(String::as_str));
    if !near.is_empty() {
        return near;
    }
    let holds = |(_, schema): &(&String, &Value)| schema["properties"].get(field).is_some();
    known.iter().find(holds).map_or_else(String::new, |(name, _)| format!("; it belongs under \"{name}\""))
}

/// The nearest of some names, if one is near.
fn guess<'a>(field: &str, names: impl Iterator<Item = &'a str>) -> String {
    let wanted = field.to_lowercase();
    let distances = names.map(|name| (distance(&wanted, &name.to_lowercase()), name));
    let length = field.chars().count();
    let limit = if length < 4 { 1 } else { (length / 3).clamp(2, 3) };
    let nearest = distances.filter(|(distance, _)| *distance <= limit).min();
    nearest.map_or_else(String::new, |(_, name)| format!("; did you mean \"{name}\"?"))
}

/// Number of characters to insert, delete or replace.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = corner + usize::from(from != *to);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        for (a, b, expected) in
            [("", "ab", 2), ("steps", "steps", 0), ("stepz", "steps", 1), ("setWieght", "setWeight", 2)]
        {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }
}
