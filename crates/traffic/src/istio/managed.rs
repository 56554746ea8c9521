//! Header and mirror routes.

use serde_json::{Map, Value, json};
use tiphys_api::types::{RouteMatch, SetHeaderRoute, SetMirrorRoute, StringMatch};

use super::weights::weight;
use crate::{view::View, wanted::Wanted};

/// Where header and mirror routes send requests to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) subset: Option<String>,
    pub(super) port: Option<Value>,
}

impl Target {
    fn destination(&self) -> Value {
        let mut destination = json!({"host": self.host});
        if let Some(subset) = &self.subset {
            destination["subset"] = json!(subset);
        }
        if let Some(port) = &self.port {
            destination["port"] = port.clone();
        }
        destination
    }
}

/// Returns the wanted header and mirror routes, in the order of `managedRoutes`; `base` is the first route that carries
/// weights, with the weights that it gets.
pub(super) fn routes(view: &View<'_>, target: &Target, base: Option<&Value>) -> Vec<Value> {
    let Wanted { headers, mirrors, .. } = view.wanted;
    let headers = headers.iter().filter(|route| !route.matches.is_empty()).map(|route| header(route, target));
    let mirrors = mirrors.iter().filter(|route| !route.matches.is_empty());
    let mirrors = base.into_iter().flat_map(|base| mirrors.clone().map(|route| mirror(route, target, base)));
    let mut all: Vec<Value> = mirrors.chain(headers).collect();
    all.sort_by_key(|route| view.precedence(route["name"].as_str().unwrap_or_default()));
    all
}

fn header(route: &SetHeaderRoute, target: &Target) -> Value {
    let matches: Vec<Value> = route
        .matches
        .iter()
        .map(|one| json!({"headers": {one.header_name.as_str(): one.header_value.as_ref().map(text_match)}}))
        .collect();
    json!({
        "name": route.name, "match": matches,
        "route": [{"destination": target.destination(), "weight": 100}],
    })
}

fn mirror(route: &SetMirrorRoute, target: &Target, base: &Value) -> Value {
    let matches: Vec<Value> = route.matches.iter().map(request_match).collect();
    let destinations = base["route"].as_array().map(Vec::as_slice).unwrap_or_default();
    json!({
        "name": route.name, "match": matches,
        "route": destinations.iter().map(copied).collect::<Vec<_>>(),
        "mirror": target.destination(),
        "mirrorPercentage": {"value": route.percentage.unwrap_or(100)},
    })
}

/// Only host, subset, port and weight of a destination are copied.
fn copied(one: &Value) -> Value {
    let mut destination = Map::new();
    for field in ["host", "subset", "port"] {
        if let Some(value) = one["destination"].get(field) {
            destination.insert(field.to_owned(), value.clone());
        }
    }
    json!({"destination": destination, "weight": weight(one)})
}

fn request_match(one: &RouteMatch) -> Value {
    let mut block = Map::new();
    for (field, value) in [("method", &one.method), ("uri", &one.path)] {
        if let Some(value) = value {
            block.insert(field.to_owned(), text_match(value));
        }
    }
    if !one.headers.is_empty() {
        let headers: Map<String, Value> =
            one.headers.iter().map(|(name, value)| (name.clone(), text_match(value))).collect();
        block.insert("headers".to_owned(), Value::Object(headers));
    }
    Value::Object(block)
}

fn text_match(value: &StringMatch) -> Value {
    let all = [("exact", &value.exact), ("regex", &value.regex), ("prefix", &value.prefix)];
    let set = all.iter().find(|(_, text)| !text.is_empty());
    set.map_or_else(|| json!({}), |(kind, text)| json!({*kind: text}))
}
