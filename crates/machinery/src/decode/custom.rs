//! What a custom resource goes through that a built-in kind does not.

use serde_json::Value;

use super::{
    Target,
    error::DecodeError,
    reader::{self, Report},
};
use crate::schema::{Schema, builtin_type, drop_nulls, prune};

/// Reads `metadata` as its Go type, prunes what the schema does not know and drops `null`s that it does not allow.
///
/// What is unknown is reported in upstream's order: metadata first, then the rest sorted, then embedded resources.
pub(super) fn coerce(mut value: Value, mut report: Report, target: Target<'_>) -> Result<(Value, Report), DecodeError> {
    let own_kind = value["kind"] == target.gvk.kind && value["apiVersion"] == target.gvk.api_version();
    let Some(object) = value.as_object_mut() else { return Ok((value, report)) };
    if let Some(metadata) = object.remove("metadata") {
        let (metadata, found) = metadata_of(metadata)?;
        report.failure = report.failure.or(found.failure);
        report.problems.extend(found.problems.iter().map(|p| p.replacen(" \"", " \"metadata.", 1)));
        if !metadata.is_null() {
            object.insert("metadata".to_owned(), metadata);
        }
    }
    if own_kind {
        let unknown = prune(&mut value, target.schema);
        report.problems.extend(unknown.iter().map(|path| format!("unknown field {path:?}")));
        drop_nulls(&mut value, Some(target.schema));
        embedded(&mut value, target.schema, "", &mut report)?;
    }
    Ok((value, report))
}

fn metadata_of(metadata: Value) -> Result<(Value, Report), DecodeError> {
    reader::from_value(metadata, builtin_type("meta.v1.ObjectMeta").as_deref())
}

/// Reads the metadata of the resources embedded below the root.
fn embedded(value: &mut Value, schema: &Schema, path: &str, report: &mut Report) -> Result<(), DecodeError> {
    match value {
        Value::Object(fields) => {
            for (name, child) in fields {
                let Some(declared) = schema.field(name).filter(|d| d.type_name.is_none()) else { continue };
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                if declared.embedded_resource
                    && let Some(metadata) = child.get_mut("metadata")
                {
                    let (clean, found) = metadata_of(metadata.take())?;
                    *metadata = clean;
                    report.failure = report.failure.take().or(found.failure);
                    let prefix = format!(" \"{below}.metadata.");
                    report.problems.extend(found.problems.iter().map(|p| p.replacen(" \"", &prefix, 1)));
                }
                embedded(child, declared, &below, report)?;
            }
        }
        Value::Array(items) => {
            let Some(schema) = schema.items.as_deref() else { return Ok(()) };
            for (i, item) in items.iter_mut().enumerate() {
                embedded(item, schema, &format!("{path}[{i}]"), report)?;
            }
        }
        _ => {}
    }
    Ok(())
}
