//! From a request's body to an object: syntax, kind, types, unknown and duplicate fields, and the form in which built-in
//! kinds are kept.
//!
//! A built-in kind is read as the Go types of the reference server read it and written as they write it:
//!
//! | value | kept as |
//! | --- | --- |
//! | `null` | nothing |
//! | `""`, `0`, `false`, `[]`, `{}` of a map, where the Go field is `omitempty` and no pointer | nothing |
//! | the same behind a pointer (`replicas: 0`, `automountServiceAccountToken: false`), and `{}` of an object | itself |
//! | a field that is neither optional nor a pointer, absent | its zero: `name: ""`, `resources: {}`, `lastProbeTime: null` |
//! | a list without `omitempty`, absent or `null` | nothing (the reference server writes `null`) |
//! | a quantity | canonical text: `1000m` is `1`, the number `2` is `"2"` |
//! | a time | UTC in seconds (`Time`) or microseconds (`MicroTime`) |
//! | an unknown field | nothing, and a problem for the caller of `fieldValidation` |
//!
//! A custom resource keeps what it says, but for its `metadata`, which is read as above, and for what its schema does
//! not know, which is pruned. Documents nested deeper than 128 levels are refused.

mod custom;
mod error;
mod presence;
mod reader;
mod scalar;

pub(crate) use presence::zero;

use serde_json::Value;

pub use self::error::DecodeError;
use crate::{
    error::ApiError,
    proto,
    resource::{Gvk, Resource},
    schema::{Schema, builtin_type},
};

/// What to do about unknown and duplicate fields: the query parameter `fieldValidation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FieldValidation {
    /// Say nothing.
    Ignore,
    /// Warn, one warning for each: what the server does when not told.
    #[default]
    Warn,
    /// Refuse.
    Strict,
}

impl FieldValidation {
    /// Reads the query parameter; `None` for a value that is not supported.
    #[must_use]
    pub fn from_query(text: &str) -> Option<Self> {
        match text {
            "" | "Warn" => Some(Self::Warn),
            "Ignore" => Some(Self::Ignore),
            "Strict" => Some(Self::Strict),
            _ => None,
        }
    }
}

/// What a body is expected to be.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Group, version and kind that the URL stands for.
    pub gvk: &'a Gvk,
    /// Schema of the kind.
    pub schema: &'a Schema,
    /// Whether the kind is a custom resource.
    pub custom: bool,
}

impl<'a> From<&'a Resource> for Target<'a> {
    fn from(resource: &'a Resource) -> Self {
        Self { gvk: &resource.gvk, schema: &resource.schema, custom: resource.custom }
    }
}

/// A document as read, before anything is known of its kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The value; of duplicate keys the last one counts.
    pub value: Value,
    /// One text for each duplicate key, such as `duplicate field "spec.replicas"`.
    pub duplicates: Vec<String>,
}

/// An object as decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The object in the form in which it is kept, with `apiVersion` and `kind`.
    pub object: Value,
    /// Texts for `Warning` headers.
    pub warnings: Vec<String>,
}

/// Reads a JSON document of any shape, such as a patch.
///
/// # Errors
/// [`DecodeError::Syntax`] for anything that is no JSON document.
pub fn document(body: &[u8]) -> Result<Document, DecodeError> {
    let (value, report) = reader::from_json(body, None)?;
    Ok(Document { value, duplicates: report.problems })
}

/// Decodes the JSON body of a request that carries an object.
///
/// # Errors
/// The 400 of the reference server, with its text: no JSON, another kind, a value of the wrong type, and, if `validation`
/// is strict, unknown and duplicate fields. Another kind than a custom resource's is 422.
pub fn json(body: &[u8], target: Target<'_>, validation: FieldValidation) -> Result<Decoded, ApiError> {
    let schema = (!target.custom).then_some(target.schema);
    let (value, report) = reader::from_json(body, schema).map_err(|e| e.to_api(target, None, body))?;
    let read = if target.custom { custom::coerce(value, report, target) } else { Ok((value, report)) };
    finish(read, target, validation, body)
}

/// Decodes the protobuf body of a request that carries an object of a built-in kind. Unknown fields are dropped
/// silently, as upstream does.
///
/// # Errors
/// As [`json`].
pub fn protobuf(body: &[u8], target: Target<'_>) -> Result<Decoded, ApiError> {
    let object = proto::decode(body).map_err(|e| DecodeError::Type(e.to_string()).to_api(target, None, body))?;
    value(object, Vec::new(), target, FieldValidation::Ignore)
}

/// Decodes a value that was a YAML body or that a patch made; `duplicates` is what its reader found (texts
/// as in [`Document::duplicates`]).
///
/// # Errors
/// As [`json`].
pub fn value(
    value: Value,
    duplicates: Vec<String>,
    target: Target<'_>,
    validation: FieldValidation,
) -> Result<Decoded, ApiError> {
    let read = coerce(value, duplicates, target);
    finish(read, target, validation, b"{")
}

/// Brings a value into the form in which the target's objects are kept, as [`value`] does, and returns it with the texts
/// of its unknown and duplicate fields. The kind is not looked at.
///
/// # Errors
/// [`DecodeError::Type`] for a value of the wrong type.
pub fn normalise(value: Value, target: Target<'_>) -> Result<(Value, Vec<String>), DecodeError> {
    let (value, report) = coerce(value, Vec::new(), target)?;
    match report.failure {
        Some(failure) => Err(DecodeError::Type(failure)),
        None => Ok((value, report.problems)),
    }
}

/// Decodes the body of a DELETE, JSON or protobuf; an empty body is no options.
///
/// # Errors
/// 500 for no JSON, another kind or a value of the wrong type.
pub fn delete_options(body: &[u8]) -> Result<Value, ApiError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    let schema = builtin_type("meta.v1.DeleteOptions");
    let gvk = Gvk { group: "meta.k8s.io".to_owned(), version: "v1".to_owned(), kind: "DeleteOptions".to_owned() };
    let nothing = Schema::any();
    let target = Target { gvk: &gvk, schema: schema.as_deref().unwrap_or(&nothing), custom: false };
    let read = if proto::is_protobuf(body) {
        let object = proto::decode(body).map_err(|e| DecodeError::Type(e.to_string()));
        object.and_then(|object| reader::from_value(object, Some(target.schema)))
    } else {
        reader::from_json(body, Some(target.schema))
    };
    // Upstream gives no reason for any of this.
    let refused = |error: DecodeError| {
        let lead =
            if matches!(error, DecodeError::Syntax(_)) { "couldn't get version/kind; json parse error: " } else { "" };
        ApiError::new(500, "", format!("{lead}{error}"))
    };
    let (value, report) = read.map_err(refused)?;
    if value["kind"].as_str().is_some_and(|kind| kind != "DeleteOptions") {
        let (kind, version) = (&value["kind"], value["apiVersion"].as_str().unwrap_or_default());
        return Err(ApiError::new(500, "", error::not_registered(kind.as_str().unwrap_or_default(), version)));
    }
    match report.failure {
        Some(failure) => Err(refused(DecodeError::Type(failure))),
        None => Ok(value),
    }
}

fn coerce(value: Value, duplicates: Vec<String>, target: Target<'_>) -> Result<(Value, reader::Report), DecodeError> {
    let schema = (!target.custom).then_some(target.schema);
    let (value, mut report) = reader::from_value(value, schema)?;
    report.problems.splice(0..0, duplicates);
    if target.custom { custom::coerce(value, report, target) } else { Ok((value, report)) }
}

fn finish(
    read: Result<(Value, reader::Report), DecodeError>,
    target: Target<'_>,
    validation: FieldValidation,
    body: &[u8],
) -> Result<Decoded, ApiError> {
    let (mut object, report) = read.map_err(|e| e.to_api(target, None, body))?;
    error::check_kind(&mut object, target, body)?;
    if let Some(failure) = report.failure {
        return Err(DecodeError::Type(failure).to_api(target, Some(&object), body));
    }
    match validation {
        FieldValidation::Strict if !report.problems.is_empty() => {
            Err(DecodeError::Strict(report.problems).to_api(target, Some(&object), body))
        }
        FieldValidation::Warn => Ok(Decoded { object, warnings: report.problems }),
        _ => Ok(Decoded { object, warnings: Vec::new() }),
    }
}

#[cfg(test)]
mod tests;
