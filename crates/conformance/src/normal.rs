//! Takes out of a transcript what differs between any two runs.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::{Map, Value};

use crate::case::{Elements, Step};
use crate::play::Transcript;

static UID: LazyLock<Regex> = LazyLock::new(|| regex(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"));
static TIME: LazyLock<Regex> = LazyLock::new(|| regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"));
static SERVICE_IP: LazyLock<Regex> = LazyLock::new(|| regex(r"\b10\.96\.\d+\.\d+\b"));
/// A revision inside a message.
static REVISION: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)(version: |version in (?:record|precondition) \(|current: |\()\d+\b"));
static AGE: LazyLock<Regex> = LazyLock::new(|| regex(r"^\d+(ms|s|m|h|d|m\d+s)$"));

#[expect(clippy::expect_used, reason = "the expressions are constants of this file, and a test uses them all")]
fn regex(text: &str) -> Regex {
    Regex::new(text).expect("a valid expression")
}

/// The answers as comparable values, one a step.
pub fn normalise(transcript: &Transcript, steps: &[Step]) -> Vec<Value> {
    let mut names = Names::default();
    let pairs = transcript.answers.iter().zip(steps);
    let general = |answer: &Value, names: &mut Names| causes_in_order(names.value(answer, ""));
    pairs.map(|(answer, step)| chosen(general(&answer.value, &mut names), step)).collect()
}

/// Sorts what was found wrong in a custom object, in the list of causes and in the sentence that repeats them: a
/// kube-apiserver looks at the fields of a schema in random order.
fn causes_in_order(mut answer: Value) -> Value {
    let details = &answer["body"]["details"];
    let custom = text_at(details, "group").is_some_and(|group| group.contains('.') && !group.ends_with(".k8s.io"));
    let Some(causes) = details["causes"].as_array().filter(|_| custom) else { return answer };
    let mut sorted = causes.clone();
    sorted.sort_by_key(|cause| (spelled(cause), text_at(cause, "reason").map(str::to_owned)));
    let list = |causes: &[Value]| format!("[{}]", causes.iter().map(spelled).collect::<Vec<_>>().join(", "));
    let message = text_at(&answer["body"], "message").map(|text| text.replace(&list(causes), &list(&sorted)));
    if let Some(message) = message {
        answer["body"]["message"] = Value::String(message);
    }
    answer["body"]["details"]["causes"] = Value::Array(sorted);
    answer
}

/// A cause as the message of a refusal spells it.
fn spelled(cause: &Value) -> String {
    format!("{}: {}", text_at(cause, "field").unwrap_or_default(), text_at(cause, "message").unwrap_or_default())
}

/// Names for values that only have to be the same where they were the same.
#[derive(Default)]
struct Names {
    uids: BTreeMap<String, usize>,
    revisions: BTreeMap<String, usize>,
    generated: BTreeMap<String, String>,
}

impl Names {
    fn value(&mut self, value: &Value, key: &str) -> Value {
        match value {
            Value::Object(map) => self.object(map),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.value(item, key)).collect()),
            Value::String(text) => Value::String(self.string(text, key)),
            other => other.clone(),
        }
    }

    fn object(&mut self, map: &Map<String, Value>) -> Value {
        if let (Some(prefix), Some(name)) = (text(map, "generateName"), text(map, "name")) {
            self.generated.insert(name.to_owned(), format!("{prefix}<suffix>"));
        }
        let list = map.contains_key("items") || map.contains_key("rows");
        let mut out = Map::new();
        for (key, value) in map {
            let value = match key.as_str() {
                // Anything may have been written in between, so a list's revision says nothing.
                "metadata" if list => self.list_metadata(value),
                "cells" => ages(self.value(value, key)),
                _ => self.value(value, key),
            };
            let key = if UID.is_match(key) { self.string(key, "") } else { key.clone() };
            out.insert(key, value);
        }
        Value::Object(out)
    }

    fn list_metadata(&mut self, value: &Value) -> Value {
        let mut metadata = value.clone();
        for key in ["resourceVersion", "continue"] {
            if text_at(&metadata, key).is_some_and(|v| !v.is_empty()) {
                metadata[key] = Value::String(format!("<{key}>"));
            }
        }
        self.value(&metadata, "metadata")
    }

    fn string(&mut self, text: &str, key: &str) -> String {
        if key == "resourceVersion" && text.parse::<u64>().is_ok_and(|v| v > 0) {
            return format!("<revision {}>", number(&mut self.revisions, text));
        }
        let mut text = text.to_owned();
        for (name, general) in &self.generated {
            text = text.replace(name, general);
        }
        let text =
            UID.replace_all(&text, |found: &Captures<'_>| format!("<uid {}>", number(&mut self.uids, &found[0])));
        let text = TIME.replace_all(&text, |found: &Captures<'_>| {
            found.get(1).map_or("<time>".to_owned(), |fraction| format!("<time with {}>", fraction.len() - 1))
        });
        let text = SERVICE_IP.replace_all(&text, "<service address>");
        REVISION.replace_all(&text, "$1<revision>").into_owned()
    }
}

/// The number of a value in order of first appearance.
fn number(seen: &mut BTreeMap<String, usize>, value: &str) -> usize {
    let next = seen.len() + 1;
    *seen.entry(value.to_owned()).or_insert(next)
}

fn text<'a>(map: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    map.get(key).and_then(Value::as_str)
}

fn text_at<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

fn ages(cells: Value) -> Value {
    let Value::Array(cells) = cells else { return cells };
    let general = |cell: Value| match cell.as_str() {
        Some(text) if AGE.is_match(text) => Value::String("<age>".to_owned()),
        _ => cell,
    };
    Value::Array(cells.into_iter().map(general).collect())
}

/// The part of an answer that a step compares.
fn chosen(mut answer: Value, step: &Step) -> Value {
    if !step.only.is_empty() {
        let found = |p: &String| (p.clone(), answer["body"].pointer(p).cloned().unwrap_or(Value::Null));
        let parts: Map<String, Value> = step.only.iter().map(found).collect();
        answer["body"] = Value::Object(parts);
    }
    if let Some(elements) = &step.elements {
        choose(&mut answer["body"], elements);
    }
    answer
}

fn choose(body: &mut Value, elements: &Elements) {
    let Some(Value::Array(items)) = body.pointer_mut(&elements.at) else { return };
    items.retain(|item| text_at(item, &elements.key).is_some_and(|name| elements.of.iter().any(|of| of == name)));
    items.sort_by_key(|item| text_at(item, &elements.key).map(str::to_owned));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(name: &str, given: &Value, wanted: &Value) {
        assert_eq!(&Names::default().value(given, ""), wanted, "{name}");
    }

    #[test]
    fn values_of_one_run_get_general_names() {
        let (a, b) = ("0b6c3f0e-7b5e-4d5e-9c5d-0123456789ab", "1b6c3f0e-7b5e-4d5e-9c5d-0123456789ab");
        let table = [
            ("uids by appearance", json!([b, a, b]), json!(["<uid 1>", "<uid 2>", "<uid 1>"])),
            (
                "revisions by appearance",
                json!([{"resourceVersion": "900"}, {"resourceVersion": "7"}, {"resourceVersion": "900"}]),
                json!([{"resourceVersion": "<revision 1>"}, {"resourceVersion": "<revision 2>"}, {"resourceVersion": "<revision 1>"}]),
            ),
            ("no revision", json!({"resourceVersion": ""}), json!({"resourceVersion": ""})),
            (
                "a list's revision",
                json!({"items": [], "metadata": {"resourceVersion": "9", "continue": "abc"}}),
                json!({"items": [], "metadata": {"resourceVersion": "<resourceVersion>", "continue": "<continue>"}}),
            ),
            ("time", json!("2026-01-02T03:04:05Z"), json!("<time>")),
            ("time with a fraction", json!("2026-01-02T03:04:05.000001Z"), json!("<time with 6>")),
            ("service address", json!("to 10.96.3.200"), json!("to <service address>")),
            (
                "old revision",
                json!("too old resource version: 1 (220)"),
                json!("too old resource version: <revision> (<revision>)"),
            ),
            (
                "generated name",
                json!([{"generateName": "a-", "name": "a-x7k2p"}, "pod a-x7k2p"]),
                json!([{"generateName": "a-", "name": "a-<suffix>"}, "pod a-<suffix>"]),
            ),
            ("ages in tables", json!({"cells": ["a", "12s", "0"]}), json!({"cells": ["a", "<age>", "0"]})),
        ];
        for (name, given, wanted) in table {
            check(name, &given, &wanted);
        }
    }

    #[test]
    fn causes_of_a_custom_object_have_one_order() {
        let cause = |field: &str| json!({"field": field, "message": "bad", "reason": "FieldValueInvalid"});
        let refused = |group: &str, fields: [&str; 2]| {
            let message = format!("c is invalid: [{}: bad, {}: bad]", fields[0], fields[1]);
            json!({"body": {"message": message, "details": {"group": group, "causes": fields.map(cause)}}})
        };
        let (b_first, a_first) = (["spec.b", "spec.a"], ["spec.a", "spec.b"]);
        let table = [
            ("custom", refused("schema.tiphys.dev", b_first), refused("schema.tiphys.dev", a_first)),
            ("built in", refused("apps", b_first), refused("apps", b_first)),
            ("built in with a dot", refused("batch.k8s.io", b_first), refused("batch.k8s.io", b_first)),
            ("no refusal", json!({"body": "text"}), json!({"body": "text"})),
        ];
        for (name, given, wanted) in table {
            assert_eq!(causes_in_order(given), wanted, "{name}");
        }
    }
}
