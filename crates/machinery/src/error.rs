//! The errors of the Kubernetes API.

use serde_json::{Value, json};

/// A refused request: what becomes a `Status` object of `status: Failure`.
///
/// The message texts are part of the API: clients match on them (`spec/sandbox.md` section 10).
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// HTTP status code.
    pub code: u16,
    /// Machine-readable reason such as `NotFound`; empty where upstream gives none.
    pub reason: &'static str,
    /// What the user reads.
    pub message: String,
    /// `details` of the `Status`: `name`, `group`, `kind`, `uid`, `causes`, `retryAfterSeconds`.
    pub details: Value,
}

/// One entry of `details.causes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// For instance `FieldValueRequired`.
    pub reason: &'static str,
    /// Text without the field.
    pub message: String,
    /// JSON path such as `spec.template.spec.containers[0].image`.
    pub field: String,
}

impl Cause {
    /// Returns the JSON form.
    #[must_use]
    pub fn to_value(&self) -> Value {
        json!({"reason": self.reason, "message": self.message, "field": self.field})
    }
}

impl ApiError {
    /// Returns an error with empty details, or without any where upstream's constructor gives none.
    #[must_use]
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        let details = if matches!(reason, "" | "BadRequest") { Value::Null } else { json!({}) };
        Self { code, reason, message: message.into(), details }
    }

    /// 415 for a body whose content type is none of `accepted`.
    #[must_use]
    pub fn unsupported_media_type(accepted: &str) -> Self {
        let message =
            format!("the body of the request was in an unknown format - accepted media types include: {accepted}");
        Self { details: Value::Null, ..Self::new(415, "UnsupportedMediaType", message) }
    }

    /// 406.
    #[must_use]
    pub fn not_acceptable(message: impl Into<String>) -> Self {
        Self { details: Value::Null, ..Self::new(406, "NotAcceptable", message) }
    }

    /// 400 `BadRequest`.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 404 `NotFound` for the object `name` of `plural` in `group` (empty for the core group).
    #[must_use]
    pub fn not_found(group: &str, plural: &str, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{} \"{name}\" not found", qualified(plural, group)))
            .about(group, plural, name)
    }

    /// 409 `AlreadyExists`.
    #[must_use]
    pub fn already_exists(group: &str, plural: &str, name: &str) -> Self {
        Self::new(409, "AlreadyExists", format!("{} \"{name}\" already exists", qualified(plural, group)))
            .about(group, plural, name)
    }

    /// 409 `Conflict`: a stale resourceVersion.
    #[must_use]
    pub fn conflict(group: &str, plural: &str, name: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": the object has been modified; please apply your changes to \
             the latest version and try again",
            qualified(plural, group)
        );
        Self::new(409, "Conflict", message).about(group, plural, name)
    }

    /// 403 `Forbidden` with `why` after `is forbidden: `.
    #[must_use]
    pub fn forbidden(group: &str, plural: &str, name: &str, why: &str) -> Self {
        Self::new(403, "Forbidden", format!("{} \"{name}\" is forbidden: {why}", qualified(plural, group)))
            .about(group, plural, name)
    }

    /// 422 `Invalid` of one object: one cause each, joined as upstream does, which says the same thing once.
    ///
    /// `kind` is the Kind, not the plural (as upstream's details of this reason).
    #[must_use]
    pub fn invalid(group: &str, kind: &str, name: &str, causes: &[Cause]) -> Self {
        let texts: Vec<String> = causes
            .iter()
            .map(|c| if c.field.is_empty() { c.message.clone() } else { format!("{}: {}", c.field, c.message) })
            .collect();
        let mut texts = texts;
        let mut seen = std::collections::BTreeSet::new();
        texts.retain(|text| seen.insert(text.clone()));
        let list = match texts.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let mut error = Self::new(422, "Invalid", format!("{} \"{name}\" is invalid: {list}", qualified(kind, group)))
            .about(group, kind, name);
        error.details["causes"] = Value::Array(causes.iter().map(Cause::to_value).collect());
        error
    }

    /// 410 `Expired`.
    #[must_use]
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 500 `InternalError`.
    #[must_use]
    pub fn internal(message: impl std::fmt::Display) -> Self {
        Self::new(500, "InternalError", format!("Internal error occurred: {message}"))
    }

    /// Fills `details` with what the error is about; empty parts are left out.
    #[must_use]
    pub fn about(mut self, group: &str, kind: &str, name: &str) -> Self {
        for (key, value) in [("name", name), ("group", group), ("kind", kind)] {
            if !value.is_empty() {
                self.details[key] = Value::from(value);
            }
        }
        self
    }

    /// Returns the `Status` object.
    #[must_use]
    pub fn to_status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = Value::from(self.reason);
        }
        if !self.details.is_null() {
            status["details"] = self.details.clone();
        }
        status
    }
}

/// `deployments.apps`, or plain `pods` for the core group.
fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{name}.{group}") }
}
