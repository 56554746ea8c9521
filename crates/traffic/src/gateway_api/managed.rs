//! Header routes: rules of our own at the end of a route.

use serde_json::{Map, Value, json};
use tiphys_api::types::{HeaderRoutingMatch, SetHeaderRoute, StringMatch};

use super::{
    RouteError,
    config::Kind,
    weights::{is_service, is_split},
};
use crate::view::{View, managed_names};

/// Returns whether routes of this kind can look at headers.
pub(super) fn has_headers(kind: Kind) -> bool {
    matches!(kind, Kind::Http | Kind::Grpc)
}

/// Returns whether a rule was made by the controller: by its name, `<route>` or `<route>-<number>`; and, because API servers
/// without named rules drop the name, a nameless rule that leads to the canary alone for the headers of one of our routes.
pub(super) fn is_ours(view: &View<'_>, rule: &Value) -> bool {
    match rule["name"].as_str().filter(|name| !name.is_empty()) {
        Some(name) => managed_names(view.rollout).into_iter().any(|managed| is_named(name, managed)),
        None => leads_to_canary(view, rule) && known_headers(view).any(|header| has_tests(rule, header)),
    }
}

fn is_named(name: &str, managed: &str) -> bool {
    let number = name.strip_prefix(managed).and_then(|rest| rest.strip_prefix('-'));
    name == managed || number.is_some_and(|number| number.parse::<u32>().is_ok())
}

fn leads_to_canary(view: &View<'_>, rule: &Value) -> bool {
    let backends = rule["backendRefs"].as_array().map(Vec::as_slice).unwrap_or_default();
    matches!(backends, [only] if is_service(only, view.named_or_ping_pong().canary))
}

fn known_headers<'v>(view: &View<'v>) -> impl Iterator<Item = &'v SetHeaderRoute> {
    let steps = view.canary.steps.iter().filter_map(|step| step.set_header_route.as_ref());
    steps.chain(&view.wanted.headers).filter(|header| !header.matches.is_empty())
}

fn has_tests(rule: &Value, header: &SetHeaderRoute) -> bool {
    let matches = rule["matches"].as_array().map(Vec::as_slice).unwrap_or_default();
    let has = |one: &Value, name: &str| {
        let headers = one["headers"].as_array().map(Vec::as_slice).unwrap_or_default();
        headers.iter().any(|found| found["name"].as_str().is_some_and(|found| found.eq_ignore_ascii_case(name)))
    };
    !matches.is_empty() && matches.iter().all(|one| header.matches.iter().all(|test| has(one, &test.header_name)))
}

/// Returns the rules of the wanted header routes: for each of them, one a rule that splits.
///
/// # Errors
/// If a header test says neither exact, prefix nor regex.
pub(super) fn rules(view: &View<'_>, kind: Kind, own: &[Value]) -> Result<Vec<Value>, RouteError> {
    if !has_headers(kind) {
        return Ok(Vec::new());
    }
    let mut wanted: Vec<&SetHeaderRoute> =
        view.wanted.headers.iter().filter(|header| !header.matches.is_empty()).collect();
    wanted.sort_by_key(|header| view.precedence(&header.name));
    let mut all = Vec::new();
    for header in wanted {
        let tests = header.matches.iter().map(test).collect::<Result<Vec<_>, _>>()?;
        for (index, source) in own.iter().filter(|rule| is_split(view, rule)).enumerate() {
            let name = if index == 0 { header.name.clone() } else { format!("{}-{index}", header.name) };
            all.push(rule(view, source, &name, &tests));
        }
    }
    Ok(all)
}

/// Everything else of the source (filters, timeouts) holds for the header route as well.
fn rule(view: &View<'_>, source: &Value, name: &str, tests: &[Value]) -> Value {
    let sources = source["matches"].as_array().map(Vec::as_slice).unwrap_or_default();
    let none = [json!({})];
    let sources = if sources.is_empty() { none.as_slice() } else { sources };
    let canary = view.named_or_ping_pong().canary;
    let backends = source["backendRefs"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut backend = json!({"group": "", "kind": "Service", "name": canary});
    if let Some(from) = backends.iter().find(|backend| is_service(backend, canary)) {
        for field in ["namespace", "port"] {
            if let Some(value) = from.get(field) {
                backend[field] = value.clone();
            }
        }
    }
    let mut rule = source.clone();
    rule["name"] = json!(name);
    rule["matches"] = sources.iter().map(|one| with_tests(one, tests)).collect();
    rule["backendRefs"] = json!([backend]);
    rule
}

fn with_tests(source: &Value, tests: &[Value]) -> Value {
    let mut one = if source.is_object() { source.clone() } else { Value::Object(Map::new()) };
    let mut headers = one["headers"].as_array().cloned().unwrap_or_default();
    headers.extend(tests.iter().cloned());
    one["headers"] = Value::Array(headers);
    one
}

fn test(one: &HeaderRoutingMatch) -> Result<Value, RouteError> {
    let none = StringMatch::default();
    let value = one.header_value.as_ref().unwrap_or(&none);
    let (kind, value) = if !value.exact.is_empty() {
        ("Exact", value.exact.clone())
    } else if !value.prefix.is_empty() {
        ("RegularExpression", format!("{}.*", escaped(&value.prefix)))
    } else if !value.regex.is_empty() {
        ("RegularExpression", value.regex.clone())
    } else {
        return Err(RouteError::HeaderMatch);
    };
    Ok(json!({"name": one.header_name, "type": kind, "value": value}))
}

/// A prefix is no pattern: `1.2` must not let `1x2` in.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if r".+*?()|[]{}^$\".contains(letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

/// Returns the present rule if it says the same as the wanted one, defaults filled in by the server included.
pub(super) fn kept_as_written(kind: Kind, wanted: Value, present: &[&Value]) -> Value {
    let target = normal(kind, &wanted, &wanted);
    let same = present.iter().find(|rule| normal(kind, rule, &wanted) == target);
    same.map_or(wanted, |rule| (*rule).clone())
}

/// A nameless rule takes the name of `like`: the server does not keep names.
fn normal(kind: Kind, rule: &Value, like: &Value) -> Value {
    let mut rule = rule.clone();
    if rule.get("name").is_none_or(Value::is_null) {
        rule["name"] = like["name"].clone();
    }
    for backend in rule["backendRefs"].as_array_mut().into_iter().flatten() {
        fill(backend, "group", &json!(""));
        fill(backend, "kind", &json!("Service"));
        fill(backend, "weight", &json!(1));
    }
    for one in rule["matches"].as_array_mut().into_iter().flatten() {
        if kind == Kind::Http {
            fill(one, "path", &json!({"type": "PathPrefix", "value": "/"}));
        }
        for header in one.get_mut("headers").and_then(Value::as_array_mut).into_iter().flatten() {
            fill(header, "type", &json!("Exact"));
        }
    }
    rule
}

fn fill(object: &mut Value, field: &str, value: &Value) {
    if let Some(members) = object.as_object_mut()
        && members.get(field).is_none_or(Value::is_null)
    {
        members.insert(field.to_owned(), value.clone());
    }
}
