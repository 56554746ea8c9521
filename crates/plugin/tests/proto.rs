//! The published protocol and the types that speak it.

use std::collections::BTreeMap;

use serde_json::json;
use tiphys_api::types::TrafficWeights;
use tiphys_plugin::{METHODS, proto::RouteRequest};

const PROTO: &str = include_str!("../../../plugins/proto/tiphys/plugin/v1/plugin.proto");
const TYPES: &str = include_str!("../src/proto.rs");

/// Message to fields: `name number`.
type Messages = BTreeMap<String, Vec<String>>;

fn published() -> Messages {
    let mut all = Messages::new();
    let mut current = None;
    for line in PROTO.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("message ") {
            let name = name.split_whitespace().next().unwrap().to_owned();
            all.insert(name.clone(), Vec::new());
            current = (!line.ends_with("{}")).then_some(name);
        } else if line == "}" {
            current = None;
        } else if let (Some(message), false) = (&current, line.starts_with("//")) {
            let (declared, number) = line.trim_end_matches(';').split_once(" = ").unwrap();
            let (kind, name) = declared.rsplit_once(' ').unwrap();
            all.get_mut(message).unwrap().push(format!("{name} {number} {}", plain(kind)));
        }
    }
    all
}

fn plain(kind: &str) -> String {
    let word = |kind: &str| match kind {
        "string" | "int32" | "uint32" => kind.to_owned(),
        "Verification" => "enumeration".to_owned(),
        _ => "message".to_owned(),
    };
    if let Some(kind) = kind.strip_prefix("repeated ") {
        return format!("{} repeated", word(kind));
    }
    match kind.strip_prefix("map<string, ").and_then(|kind| kind.strip_suffix('>')) {
        Some(value) => format!("map {}", word(value)),
        None => word(kind),
    }
}

fn typed() -> Messages {
    let mut all = Messages::new();
    let (mut message, mut attribute) = (String::new(), None);
    for line in TYPES.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("pub struct ") {
            message = name.split_whitespace().next().unwrap().to_owned();
            all.insert(message.clone(), Vec::new());
        } else if let Some(rest) = line.strip_prefix("#[prost(") {
            attribute = Some(rest.trim_end_matches(")]").to_owned());
        } else if let Some(declared) = line.strip_prefix("pub ")
            && let Some(attribute) = attribute.take()
        {
            let name = declared.split(':').next().unwrap();
            let (kind, number) = attribute.rsplit_once(", tag = ").unwrap();
            let kind = kind.replace("message, optional", "message").replace(", repeated", " repeated");
            let kind = kind.replace("enumeration = \"Verification\"", "enumeration");
            let kind = kind
                .strip_prefix("btree_map = \"string, ")
                .map_or(kind.clone(), |value| format!("map {}", value.trim_end_matches('"')));
            all.get_mut(&message).unwrap().push(format!("{name} {} {kind}", number.trim_matches('"')));
        }
    }
    all
}

#[test]
fn every_message_has_the_published_fields() {
    let published = published();
    assert_eq!(published.len(), 17, "{:?}", published.keys());
    assert_eq!(typed(), published);
}

#[test]
fn every_method_is_published() {
    let m = METHODS;
    let all = [
        m.describe,
        m.route,
        m.verify,
        m.measure,
        m.resume,
        m.terminate_measurement,
        m.garbage_collect,
        m.run_step,
        m.terminate_step,
        m.abort_step,
    ];
    let mut declared = Vec::new();
    let mut service = "";
    for line in PROTO.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("service ") {
            service = name.trim_end_matches(" {");
        } else if let Some(rest) = line.strip_prefix("rpc ") {
            declared.push(format!("/tiphys.plugin.v1.{service}/{}", rest.split('(').next().unwrap()));
        }
    }
    assert_eq!(all.map(|method| method.path()).to_vec(), declared);
}

#[test]
fn a_request_tells_the_whole_wanted_state() {
    let rollout = json!({"spec": {"strategy": {"canary": {"trafficRouting": {"managedRoutes": [{"name": "h"}, {"name": "m"}]}}}}});
    let weights: TrafficWeights = serde_json::from_value(json!({
        "canary": {"weight": 20, "serviceName": "c", "podTemplateHash": "h1"}, "stable": {"weight": 70},
        "additional": [{"weight": 10, "serviceName": "e"}],
    }))
    .unwrap();
    let headers = serde_json::from_value::<Vec<_>>(json!([
        {"name": "h", "match": [{"headerName": "a", "headerValue": {"prefix": "b"}}]}, {"name": "gone"},
    ]))
    .unwrap();
    let mirrors = serde_json::from_value::<Vec<_>>(json!([
        {"name": "m", "match": [{"method": {"exact": "GET"}, "headers": {"x": {"regex": "r"}}}]},
    ]))
    .unwrap();
    let request = RouteRequest::new(&rollout, &json!({"k": 1}), 100, &weights, &headers, &mirrors);
    assert_eq!(request.rollout, rollout.to_string());
    assert_eq!((request.config.as_str(), request.max_weight, request.managed_routes.len()), (r#"{"k":1}"#, 100, 2));
    let canary = request.canary.unwrap();
    assert_eq!((canary.weight, canary.service.as_str(), canary.pod_template_hash.as_str()), (20, "c", "h1"));
    assert_eq!((request.stable.unwrap().weight, request.additional[0].weight), (70, 10));
    assert_eq!(
        (request.headers.len(), request.headers[0].matches[0].value.as_ref().unwrap().prefix.as_str()),
        (1, "b")
    );
    assert_eq!((request.mirrors[0].percentage, request.mirrors[0].matches[0].headers["x"].regex.as_str()), (100, "r"));
}
