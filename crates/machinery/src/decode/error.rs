//! Why a body is refused, in the words of the reference server.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Target;
use crate::{
    error::{ApiError, Cause},
    field::quote,
    schema::{builtin, short_type_name},
};

/// Why a body cannot become an object. The texts are what the reference server puts after `cannot be handled as a …: `.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not a JSON document.
    #[error("{0}")]
    Syntax(String),
    /// A value of the wrong type.
    #[error("{0}")]
    Type(String),
    /// Unknown or duplicate fields, each as `unknown field "spec.x"`.
    #[error("strict decoding error: {}", .0.join(", "))]
    Strict(Vec<String>),
}

impl DecodeError {
    /// Returns the 400 for this, naming the kind that `object` claims to be; with the beginning of `body` if it names
    /// none.
    #[must_use]
    pub fn to_api(&self, target: Target<'_>, object: Option<&Value>, body: &[u8]) -> ApiError {
        let wanted = &target.gvk.kind;
        let (reason, kind) = match (self, object.and_then(|o| o["kind"].as_str())) {
            (Self::Syntax(text), _) => (format!("couldn't get version/kind; json parse error: {text}"), None),
            (other, kind) => (other.to_string(), kind),
        };
        ApiError::bad_request(match kind {
            Some(kind) => {
                let api_version = object.and_then(|o| o["apiVersion"].as_str()).unwrap_or_default();
                let version = api_version.rsplit('/').next().unwrap_or_default();
                format!("{kind} in version {version:?} cannot be handled as a {wanted}: {reason}")
            }
            None => {
                let start = summary(body);
                format!("the object provided is unrecognized (must be of type {wanted}): {reason} ({start})")
            }
        })
    }
}

/// Checks that the object is of the kind that the URL stands for; a built-in kind that says nothing is taken for it.
pub(super) fn check_kind(object: &mut Value, target: Target<'_>, body: &[u8]) -> Result<(), ApiError> {
    if !object.is_object() {
        let text = format!(
            "json: cannot unmarshal {} into Go value of type struct {{ APIVersion string \
             \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}",
            json_type(object)
        );
        return Err(DecodeError::Syntax(text).to_api(target, None, body));
    }
    let api_version = target.gvk.api_version();
    if !target.custom {
        for (field, default) in [("apiVersion", &api_version), ("kind", &target.gvk.kind)] {
            if object[field].as_str().unwrap_or_default().is_empty() {
                object[field] = json!(default);
            }
        }
    }
    let (given_version, given_kind) = (&object["apiVersion"], &object["kind"]);
    let Some(given_kind) = given_kind.as_str().filter(|k| !k.is_empty()) else {
        return Err(missing("Kind", object, target, body));
    };
    let Some(given_version) = given_version.as_str().filter(|v| !v.is_empty()) else {
        return Err(missing("apiVersion", object, target, body));
    };
    if (given_version, given_kind) == (api_version.as_str(), target.gvk.kind.as_str()) {
        return Ok(());
    }
    // Upstream serves no resource in this version any more, but still reads this kind: older clients evict with it.
    if (given_version, given_kind, api_version.as_str()) == ("policy/v1beta1", "Eviction", "policy/v1") {
        object["apiVersion"] = json!(api_version);
        return Ok(());
    }
    Err(other_kind(given_version, given_kind, object, target))
}

fn missing(what: &str, object: &Value, target: Target<'_>, body: &[u8]) -> ApiError {
    let text = format!("Object '{what}' is missing in '{object}'");
    DecodeError::Type(text).to_api(target, None, body)
}

fn other_kind(api_version: &str, kind: &str, object: &Value, target: Target<'_>) -> ApiError {
    let gvk = target.gvk;
    if target.custom {
        if api_version != gvk.api_version() {
            let expected = gvk.api_version();
            return ApiError::bad_request(format!(
                "the API version in the data ({api_version}) does not match the expected API version ({expected})"
            ));
        }
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let message = format!("Invalid value: {kind:?}: must be {}", gvk.kind);
        let cause = Cause { reason: "FieldValueInvalid", message, field: "kind".to_owned() };
        return ApiError::invalid(&gvk.group, kind, name, &[cause]);
    }
    let reason = match builtin(api_version, kind).and_then(|s| s.type_name.clone()) {
        Some(given) => {
            let version = api_version.rsplit('/').next().unwrap_or_default();
            let package = |name: &str| short_type_name(name).split('.').next().unwrap_or_default().to_owned();
            let wanted = target.schema.type_name.as_deref().map_or_else(|| package(&given), package);
            format!("converting ({version}.{kind}) to ({wanted}.{}): unknown conversion", gvk.kind)
        }
        None => not_registered(kind, api_version),
    };
    DecodeError::Type(reason).to_api(target, Some(object), b"")
}

/// The text for a kind that nobody knows.
pub(super) fn not_registered(kind: &str, api_version: &str) -> String {
    format!(
        "no kind {kind:?} is registered for version {api_version:?} in scheme \
         \"k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30\""
    )
}

/// What Go calls the type of a JSON value.
pub(super) fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The text of a JSON syntax error as Go says it, as far as the position allows to know.
pub(super) fn syntax(error: &serde_json::Error, body: &[u8]) -> DecodeError {
    let text = error.to_string();
    if error.is_eof() {
        return DecodeError::Syntax("unexpected end of JSON input".to_owned());
    }
    if text.starts_with("recursion limit") || text.starts_with(TOO_DEEP) {
        return DecodeError::Syntax(TOO_DEEP.to_owned());
    }
    let line = body.split(|&b| b == b'\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let byte = line.get(error.column().saturating_sub(1)).copied().unwrap_or(b'?');
    let place = match text.split(" at line").next().unwrap_or_default() {
        "trailing characters" => "after top-level value",
        "expected `,` or `}`" => "after object key:value pair",
        "expected `,` or `]`" => "after array element",
        "expected `:`" => "after object key",
        "key must be a string" => "looking for beginning of object key string",
        "invalid escape" => "in string escape code",
        "control character (\\u0000-\\u001F) found while parsing a string" => "in string literal",
        _ => "looking for beginning of value",
    };
    DecodeError::Syntax(format!("invalid character {} {place}", quoted(byte)))
}

/// A byte as Go quotes it.
fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => "'\\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        0x80..=0x9f | 0xad => format!("'\\u{byte:04x}'"),
        _ => {
            let text = quote(&char::from(byte).to_string());
            format!("'{}'", &text[1..text.len() - 1])
        }
    }
}

/// The text for a document that nests too deeply.
pub(super) const TOO_DEEP: &str = "exceeded max depth";

/// The beginning of a body for an error message: text if it looks like JSON, else hexadecimal.
fn summary(body: &[u8]) -> String {
    const LONGEST: usize = 30;
    let start = &body[..body.len().min(LONGEST)];
    let mut text = match body.first() {
        None => return "<empty>".to_owned(),
        Some(b'{') => String::from_utf8_lossy(start).into_owned(),
        Some(_) => start.iter().fold(String::new(), |mut hex, byte| {
            let _infallible = write!(hex, "{byte:02x}");
            hex
        }),
    };
    if body.len() > LONGEST {
        text.push_str(" ...");
    }
    text
}
