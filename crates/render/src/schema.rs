//! Schemas of values: helm follows what they refer to, also to files of the machine. So they may refer to themselves only.

use std::path::Path;

use serde_json::Value;

use crate::{archive, checkout::Files, error::RenderError, layout, limits::Limits};

const NAME: &str = "values.schema.json";
/// Words that refer to another schema.
const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// Checks the schemas of a chart that is laid out, and of all charts in it.
pub(crate) fn check(chart: &Path, limits: &Limits) -> Result<(), RenderError> {
    let path = chart.join(NAME);
    if path.is_file() {
        one(&layout::read_limited(&path, limits.file_bytes)?)?;
    }
    let charts = std::fs::read_dir(chart.join("charts"));
    for entry in charts.into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            check(&path, limits)?;
        } else if path.is_file() {
            packed(&path, limits)?;
        }
    }
    Ok(())
}

/// Checks a packed chart; one that cannot be read is for helm to complain of.
fn packed(path: &Path, limits: &Limits) -> Result<(), RenderError> {
    let unread = |error: std::io::Error| RenderError::Internal(format!("{}: {error}", path.display()));
    let Ok(files) = archive::unpack(std::fs::File::open(path).map_err(unread)?, limits) else { return Ok(()) };
    for path in files.paths().filter(|path| path.ends_with(NAME)) {
        one(&String::from_utf8_lossy(&files.read(path, limits.file_bytes)?))?;
    }
    for path in files.paths().filter(|path| [".tgz", ".tar.gz"].iter().any(|ending| path.ends_with(ending))) {
        let inner = files.read(path, limits.chart_bytes)?;
        let Ok(inner) = archive::unpack(&inner[..], limits) else { continue };
        for path in inner.paths().filter(|path| path.ends_with(NAME)) {
            one(&String::from_utf8_lossy(&inner.read(path, limits.file_bytes)?))?;
        }
    }
    Ok(())
}

fn one(text: &str) -> Result<(), RenderError> {
    let schema: Value = serde_json::from_str(text).map_err(|error| RenderError::Tool(format!("{NAME}: {error}")))?;
    let own = ["$id", "id"].iter().find_map(|name| schema[*name].as_str()).unwrap_or_default().trim_end_matches('#');
    walk(&schema, own)
}

fn walk(value: &Value, own: &str) -> Result<(), RenderError> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| walk(item, own)),
        Value::Object(fields) => fields.iter().try_for_each(|(name, field)| {
            if let Some(text) = field.as_str() {
                refuse(name, text, own)?;
            }
            walk(field, own)
        }),
        _ => Ok(()),
    }
}

fn refuse(name: &str, text: &str, own: &str) -> Result<(), RenderError> {
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    let is_known = match name {
        "$schema" => text.contains("://json-schema.org/") && is_web,
        "$id" | "id" => !text.contains(':') || is_web,
        _ if REFERENCES.contains(&name) => {
            text.starts_with('#')
                || (!own.is_empty() && text.strip_prefix(own).is_some_and(|rest| rest.starts_with('#')))
        }
        _ => true,
    };
    if is_known {
        return Ok(());
    }
    Err(RenderError::Tool(format!("{NAME}: {name} {text:?} leads out of the schema, and is not followed")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_refer_to_themselves_only() {
        for (schema, is_fine) in [
            (
                r##"{"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"a": {"$ref": "#/$defs/a"}}}"##,
                true,
            ),
            (r##"{"$id": "https://x.io/s.json", "$ref": "https://x.io/s.json#/$defs/a"}"##, true),
            (r#"{"properties": {"id": {"type": "string"}}}"#, true),
            (r#"{"$ref": "file:///etc/passwd"}"#, false),
            (r#"{"allOf": [{"$ref": "etc/passwd"}]}"#, false),
            (r#"{"$id": "file:///etc/", "$ref": "passwd"}"#, false),
            (r#"{"$ref": "http://127.0.0.1:1/x"}"#, false),
            (r#"{"$schema": "file:///etc/passwd"}"#, false),
            ("{", false),
        ] {
            assert_eq!(one(schema).is_ok(), is_fine, "{schema}");
        }
    }
}
