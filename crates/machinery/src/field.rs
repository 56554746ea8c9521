//! Field paths and the validation errors that name them, worded as the Kubernetes API words them.

use serde_json::Value;

use crate::error::Cause;

/// A path such as `spec.containers[0].image`. The root is the empty path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Path(String);

impl Path {
    /// Returns a path of one field, or of several joined by dots.
    #[must_use]
    pub fn new(path: impl Into<String>) -> Self {
        Self(path.into())
    }

    /// Returns the path of the field `name` below this one.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        if self.0.is_empty() { Self(name.to_owned()) } else { Self(format!("{}.{name}", self.0)) }
    }

    /// Returns the path of a list's item.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    /// Returns the path of a map's entry.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        Self(format!("{}[{key}]", self.0))
    }

    /// Returns the text of the path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value is malformed: `Invalid value: <value>: <detail>`.
    #[must_use]
    pub fn invalid(&self, value: impl Into<Value>, detail: &str) -> Cause {
        self.with_value("FieldValueInvalid", "Invalid value", &value.into(), detail)
    }

    /// The value is malformed, and upstream shows it as `shown`.
    #[must_use]
    pub fn invalid_shown(&self, shown: &str, detail: &str) -> Cause {
        self.cause("FieldValueInvalid", with_detail(format!("Invalid value: {shown}"), detail))
    }

    /// The value is malformed, and too long or too odd to repeat: `Invalid value: <detail>`.
    #[must_use]
    pub fn invalid_as_a_whole(&self, detail: &str) -> Cause {
        self.cause("FieldValueInvalid", with_detail("Invalid value".to_owned(), detail))
    }

    /// The value does not fit the schema's type.
    #[must_use]
    pub fn type_invalid(&self, value: impl Into<Value>, detail: &str) -> Cause {
        self.with_value("FieldValueTypeInvalid", "Invalid value", &value.into(), detail)
    }

    /// A value must be given.
    #[must_use]
    pub fn required(&self, detail: &str) -> Cause {
        self.cause("FieldValueRequired", with_detail("Required value".to_owned(), detail))
    }

    /// The value may not be given here.
    #[must_use]
    pub fn forbidden(&self, detail: &str) -> Cause {
        self.cause("FieldValueForbidden", with_detail("Forbidden".to_owned(), detail))
    }

    /// The value occurs twice.
    #[must_use]
    pub fn duplicate(&self, value: impl Into<Value>) -> Cause {
        self.with_value("FieldValueDuplicate", "Duplicate value", &value.into(), "")
    }

    /// What the value refers to does not exist.
    #[must_use]
    pub fn not_found(&self, value: impl Into<Value>) -> Cause {
        self.with_value("FieldValueNotFound", "Not found", &value.into(), "")
    }

    /// The value is none of `supported`, which are listed in the given order.
    #[must_use]
    pub fn unsupported(&self, value: impl Into<Value>, supported: &[&str]) -> Cause {
        let quoted: Vec<String> = supported.iter().map(|s| quote(s)).collect();
        let detail = if quoted.is_empty() { String::new() } else { format!("supported values: {}", quoted.join(", ")) };
        self.with_value("FieldValueNotSupported", "Unsupported value", &value.into(), &detail)
    }

    /// The value has more than `limit` bytes.
    #[must_use]
    pub fn too_long(&self, limit: usize) -> Cause {
        let unit = if limit == 1 { "byte" } else { "bytes" };
        self.cause("FieldValueTooLong", format!("Too long: may not be more than {limit} {unit}"))
    }

    /// The list has `actual` items, more than `limit`.
    #[must_use]
    pub fn too_many(&self, actual: usize, limit: usize) -> Cause {
        let unit = if limit == 1 { "item" } else { "items" };
        self.cause("FieldValueTooMany", format!("Too many: {actual}: must have at most {limit} {unit}"))
    }

    fn with_value(&self, reason: &'static str, what: &str, value: &Value, detail: &str) -> Cause {
        self.cause(reason, with_detail(format!("{what}: {}", render(value)), detail))
    }

    fn cause(&self, reason: &'static str, message: String) -> Cause {
        let field = if self.0.is_empty() { "<nil>".to_owned() } else { self.0.clone() };
        Cause { reason, message, field }
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn with_detail(text: String, detail: &str) -> String {
    if detail.is_empty() { text } else { format!("{text}: {detail}") }
}

/// Returns `value` as it stands in error messages: strings quoted, everything else as compact JSON.
#[must_use]
pub fn render(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        other => other.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"),
    }
}

/// Returns `text` in double quotes with Go's escapes (`strconv.Quote`).
#[must_use]
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c if (c as u32) < 0x20 || c == '\u{7f}' => out.push_str(&format!("\\x{:02x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(cause: &Cause, text: &str) {
        assert_eq!(format!("{}: {}", cause.field, cause.message), text);
    }

    #[test]
    fn errors_read_as_upstream() {
        let at = Path::new("spec").child("ports").index(0).child("port");
        check(
            &at.invalid(0, "must be between 1 and 65535, inclusive"),
            "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        );
        check(&at.required(""), "spec.ports[0].port: Required value");
        check(&at.forbidden("may not be set"), "spec.ports[0].port: Forbidden: may not be set");
        check(&at.duplicate("a\"b"), "spec.ports[0].port: Duplicate value: \"a\\\"b\"");
        check(
            &at.unsupported("x", &["A", "B"]),
            "spec.ports[0].port: Unsupported value: \"x\": supported values: \"A\", \"B\"",
        );
        check(&at.too_long(63), "spec.ports[0].port: Too long: may not be more than 63 bytes");
        check(&at.too_many(5, 3), "spec.ports[0].port: Too many: 5: must have at most 3 items");
        check(
            &at.invalid(json!({"a": "<b>"}), "no"),
            "spec.ports[0].port: Invalid value: {\"a\":\"\\u003cb\\u003e\"}: no",
        );
        check(&Path::default().invalid(Value::Null, "no"), "<nil>: Invalid value: null: no");
    }
}
