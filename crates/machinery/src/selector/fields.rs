//! Field selectors: which fields a kind offers, and matching them.

use serde_json::Value;

use crate::{error::ApiError, field::quote, resource::Resource};

/// One condition on one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldTerm {
    /// Field in the stored form of the object, such as `spec.nodeName`.
    pub field: String,
    /// Value to compare with.
    pub value: String,
    /// Whether the field must differ instead.
    pub negated: bool,
}

/// Conditions that all must hold. Without conditions it selects everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldSelector {
    terms: Vec<FieldTerm>,
}

impl FieldSelector {
    /// Parses the query parameter `fieldSelector` for objects of `resource`.
    ///
    /// # Errors
    /// 400 with the API's text: syntax, escapes, or a field that the kind does not offer.
    pub fn parse(text: &str, resource: &Resource) -> Result<Self, ApiError> {
        let mut parts = split_terms(text);
        parts.sort_unstable();
        let mut terms = Vec::new();
        for part in parts.into_iter().filter(|p| !p.is_empty()) {
            let (field, negated, raw) = split_term(part).ok_or_else(|| {
                ApiError::bad_request(format!("invalid selector: '{text}'; can't understand '{part}'"))
            })?;
            let value = unescape(raw)?;
            terms.push(FieldTerm { field: offered(field, resource)?, value, negated });
        }
        Ok(Self { terms })
    }

    /// Returns a selector of the object called `name`.
    #[must_use]
    pub fn name(name: &str) -> Self {
        let term = FieldTerm { field: "metadata.name".to_owned(), value: name.to_owned(), negated: false };
        Self { terms: vec![term] }
    }

    /// Returns whether every object is selected.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.terms.is_empty()
    }

    /// Returns the conditions.
    #[must_use]
    pub fn terms(&self) -> &[FieldTerm] {
        &self.terms
    }

    /// Returns the value that `field` must have, where a condition asks for exactly one.
    #[must_use]
    pub fn exact(&self, field: &str) -> Option<&str> {
        self.terms.iter().find(|t| !t.negated && t.field == field).map(|t| t.value.as_str())
    }

    /// Returns whether `object` (in its stored form) is selected.
    #[must_use]
    pub fn matches(&self, object: &Value) -> bool {
        self.terms.iter().all(|t| (field_value(object, &t.field) == t.value) != t.negated)
    }
}

/// Splits at commas that no backslash precedes.
fn split_terms(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut escaped) = (Vec::new(), 0, false);
    for (i, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                parts.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Returns field, whether it must differ, and the raw value.
fn split_term(term: &str) -> Option<(&str, bool, &str)> {
    let at = term.char_indices().find(|(i, c)| *c == '=' || term[*i..].starts_with("!="))?.0;
    let (field, rest) = term.split_at(at);
    if let Some(value) = rest.strip_prefix("!=") {
        return Some((field, true, value));
    }
    Some((field, false, rest.strip_prefix("==").or_else(|| rest.strip_prefix('='))?))
}

fn unescape(raw: &str) -> Result<String, ApiError> {
    let mut value = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(escaped @ ('\\' | ',' | '=')) => value.push(escaped),
                other => {
                    let sequence: String = std::iter::once('\\').chain(other).collect();
                    let message = format!("invalid field selector: invalid escape sequence: {sequence}");
                    return Err(ApiError::bad_request(message));
                }
            },
            ',' | '=' => {
                let message = format!("invalid field selector: unescaped character in value: {}", c as u32);
                return Err(ApiError::bad_request(message));
            }
            c => value.push(c),
        }
    }
    Ok(value)
}

const POD: [&str; 10] = [
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.podIPs",
    "status.nominatedNodeName",
    "spec.host",
];
const EVENT_OBJECT: [&str; 7] = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"];

/// Returns the stored field that `field` stands for, or the API's refusal.
fn offered(field: &str, resource: &Resource) -> Result<String, ApiError> {
    let gvk = &resource.gvk;
    let namespaced = if gvk.kind == "Node" { &["metadata.name"][..] } else { &["metadata.name", "metadata.namespace"] };
    if namespaced.contains(&field) {
        return Ok(field.to_owned());
    }
    if resource.custom {
        let known = resource.selectable_fields.iter().any(|f| f.trim_start_matches('.') == field);
        return if known { Ok(field.to_owned()) } else { Err(unsupported(field)) };
    }
    let own: &[&str] = match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("", "Pod") => &POD,
        ("", "Node") => &["spec.unschedulable"],
        ("", "Namespace") => &["status.phase"],
        ("", "Secret") => &["type"],
        ("", "Service") => &["spec.clusterIP", "spec.type"],
        ("batch", "Job") => &["status.successful"],
        ("", "ReplicationController") => &["status.replicas"],
        ("" | "events.k8s.io", "Event") => return event_field(field, gvk.group.is_empty()),
        _ => {
            let (field, name, namespace) = (quote(field), quote("metadata.name"), quote("metadata.namespace"));
            let message = format!("{field} is not a known field selector: only {name}, {namespace}");
            return Err(ApiError::bad_request(message));
        }
    };
    match field {
        "spec.host" if gvk.kind == "Pod" => Ok("spec.nodeName".to_owned()),
        known if own.contains(&known) => Ok(known.to_owned()),
        other if gvk.kind == "Job" => {
            Err(ApiError::bad_request(format!("field label {} not supported for Job", quote(other))))
        }
        other => Err(unsupported(other)),
    }
}

fn unsupported(field: &str) -> ApiError {
    ApiError::bad_request(format!("field label not supported: {field}"))
}

/// Fields of Event: both groups share one store, in the core form.
fn event_field(field: &str, core: bool) -> Result<String, ApiError> {
    let object = if core { "involvedObject." } else { "regarding." };
    if let Some(part) = field.strip_prefix(object).filter(|p| EVENT_OBJECT.contains(p)) {
        return Ok(format!("involvedObject.{part}"));
    }
    match field {
        "reason" | "type" => Ok(field.to_owned()),
        "reportingComponent" | "source" if core => Ok(field.to_owned()),
        "reportingController" if !core => Ok("reportingComponent".to_owned()),
        other => Err(unsupported(other)),
    }
}

/// Returns the text that a field selector compares; the empty string where the object has no such field.
fn field_value(object: &Value, field: &str) -> String {
    let value = field.split('.').try_fold(object, |node, part| node.get(part));
    match field {
        "spec.hostNetwork" | "spec.unschedulable" => value.and_then(Value::as_bool).unwrap_or(false).to_string(),
        "status.successful" => object["status"]["succeeded"].as_i64().unwrap_or(0).to_string(),
        "status.replicas" => value.and_then(Value::as_i64).unwrap_or(0).to_string(),
        "status.podIPs" => object["status"]["podIPs"][0]["ip"].as_str().unwrap_or_default().to_owned(),
        "source" => {
            let component = object["source"]["component"].as_str().filter(|c| !c.is_empty());
            component.or(object["reportingComponent"].as_str()).unwrap_or_default().to_owned()
        }
        _ => match value {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::builtin;

    fn resource(group: &str, plural: &str) -> Resource {
        builtin().into_iter().find(|r| r.gvk.group == group && r.plural == plural).unwrap()
    }

    #[track_caller]
    fn check(group: &str, plural: &str, selector: &str, object: &Value, selected: bool) {
        let parsed = FieldSelector::parse(selector, &resource(group, plural)).unwrap();
        assert_eq!(parsed.matches(object), selected, "{selector}");
    }

    #[test]
    fn kinds_offer_their_fields() {
        let pod = json!({"metadata": {"name": "p", "namespace": "a"}, "spec": {"nodeName": "n"}, "status": {"phase": "Running"}});
        check("", "pods", "spec.nodeName=n,status.phase!=Pending", &pod, true);
        check("", "pods", "spec.host==n", &pod, true);
        check("", "pods", "spec.hostNetwork=false", &pod, true);
        check("", "pods", "status.podIP=1.2.3.4", &pod, false);
        check("", "configmaps", "metadata.namespace=a,metadata.name=p", &pod, true);
        check("batch", "jobs", "status.successful=0", &pod, true);
        let event = json!({"metadata": {}, "involvedObject": {"uid": "u", "name": "a,b"}, "reportingComponent": "x", "source": {}});
        check("", "events", "involvedObject.uid=u,source=x", &event, true);
        check("", "events", r"involvedObject.name=a\,b", &event, true);
        check("events.k8s.io", "events", "regarding.uid=u,reportingController=x", &event, true);
        check("", "nodes", "spec.unschedulable=true", &pod, false);
        check("", "pods", "", &pod, true);
    }

    #[track_caller]
    fn refuse(group: &str, plural: &str, selector: &str, message: &str) {
        let error = FieldSelector::parse(selector, &resource(group, plural)).unwrap_err();
        assert_eq!((error.code, error.message.as_str()), (400, message));
    }

    #[test]
    fn refusals_read_as_upstream() {
        refuse("", "pods", "spec.foo=1", "field label not supported: spec.foo");
        refuse("", "nodes", "metadata.namespace=a", "field label not supported: metadata.namespace");
        refuse(
            "",
            "configmaps",
            "data.x=1",
            r#""data.x" is not a known field selector: only "metadata.name", "metadata.namespace""#,
        );
        refuse("batch", "jobs", "spec.x=1", "field label \"spec.x\" not supported for Job");
        refuse("", "pods", "spec.nodeName", "invalid selector: 'spec.nodeName'; can't understand 'spec.nodeName'");
        refuse("", "pods", r"metadata.name=a\x", r"invalid field selector: invalid escape sequence: \x");
        refuse("", "pods", "metadata.name=a=b", "invalid field selector: unescaped character in value: 61");
        refuse("events.k8s.io", "events", "involvedObject.uid=1", "field label not supported: involvedObject.uid");
    }
}
