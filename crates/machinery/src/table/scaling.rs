//! Autoscaling, disruption budgets, priorities.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Layout,
    column::{AGE, NAME, boolean, integer, text as column},
    format::{NONE, age, list, name, number, plain, shortened, text},
};

/// How many metrics a cell lists.
const FEW: usize = 2;
const UNKNOWN: &str = "<unknown>";

pub(super) const HORIZONTAL: Layout = Layout {
    columns: &[
        NAME,
        column("Reference", ".spec.scaleTargetRef"),
        column("Targets", ".spec.metrics"),
        column("MinPods", ".spec.minReplicas"),
        column("MaxPods", ".spec.maxReplicas"),
        column("Replicas", ".status.currentReplicas"),
        AGE,
    ],
    cells: horizontal,
};

fn horizontal(object: &Value, now: Timestamp) -> Vec<Value> {
    let target = &object["spec"]["scaleTargetRef"];
    vec![
        name(object),
        json!(format!("{}/{}", text(target, "/kind"), text(target, "/name"))),
        json!(metrics(object)),
        json!(plain(object.pointer("/spec/minReplicas"), "<unset>")),
        json!(number(object, "/spec/maxReplicas")),
        json!(number(object, "/status/currentReplicas")),
        age(object, now),
    ]
}

fn metrics(object: &Value) -> String {
    let (specs, statuses) = (list(object, "/spec/metrics"), list(object, "/status/currentMetrics"));
    if specs.is_empty() {
        return NONE.to_owned();
    }
    let all: Vec<String> =
        specs.iter().enumerate().map(|(i, spec)| metric(spec, statuses.get(i).unwrap_or(&Value::Null))).collect();
    shortened(&all, FEW, ", ")
}

/// `current/target` of one metric; the status at the same place belongs to it.
fn metric(spec: &Value, status: &Value) -> String {
    match text(spec, "/type") {
        "External" => by_value(&spec["external"]["target"], &status["external"]["current"]),
        "Object" => by_value(&spec["object"]["target"], &status["object"]["current"]),
        "Pods" => {
            let current = plain(status.pointer("/pods/current/averageValue"), UNKNOWN);
            format!("{current}/{}", plain(spec.pointer("/pods/target/averageValue"), "0"))
        }
        "Resource" => by_resource(&spec["resource"], &status["resource"]),
        "ContainerResource" => by_resource(&spec["containerResource"], &status["containerResource"]),
        _ => "<unknown type>".to_owned(),
    }
}

fn by_value(target: &Value, current: &Value) -> String {
    match target.get("averageValue").filter(|v| !v.is_null()) {
        Some(average) => format!("{}/{} (avg)", plain(current.get("averageValue"), UNKNOWN), plain(Some(average), "0")),
        None => {
            let shown = if current.is_object() { plain(current.get("value"), "0") } else { UNKNOWN.to_owned() };
            format!("{shown}/{}", plain(target.get("value"), "0"))
        }
    }
}

fn by_resource(spec: &Value, status: &Value) -> String {
    let (target, current) = (&spec["target"], &status["current"]);
    let resource = text(spec, "/name");
    if let Some(average) = target.get("averageValue").filter(|v| !v.is_null()) {
        return format!("{resource}: {}/{}", plain(current.get("averageValue"), UNKNOWN), plain(Some(average), "0"));
    }
    let percent = |value: &Value, otherwise: &str| {
        value["averageUtilization"].as_i64().map_or_else(|| otherwise.to_owned(), |percent| format!("{percent}%"))
    };
    format!("{resource}: {}/{}", percent(current, UNKNOWN), percent(target, "<auto>"))
}

pub(super) const SCALE: Layout = Layout {
    columns: &[
        NAME,
        integer("Desired", "How many replicas are wanted."),
        integer("Available", "How many replicas there are."),
        AGE,
    ],
    cells: |object, now| {
        let numbers = ["/spec/replicas", "/status/replicas"].map(|path| json!(number(object, path)));
        std::iter::once(name(object)).chain(numbers).chain([age(object, now)]).collect()
    },
};

pub(super) const DISRUPTION_BUDGET: Layout = Layout {
    columns: &[
        NAME,
        column("Min Available", ".spec.minAvailable"),
        column("Max Unavailable", ".spec.maxUnavailable"),
        integer("Allowed Disruptions", ".status.disruptionsAllowed"),
        AGE,
    ],
    cells: |object, now| {
        vec![
            name(object),
            json!(plain(object.pointer("/spec/minAvailable"), "N/A")),
            json!(plain(object.pointer("/spec/maxUnavailable"), "N/A")),
            json!(number(object, "/status/disruptionsAllowed")),
            age(object, now),
        ]
    },
};

pub(super) const PRIORITY_CLASS: Layout = Layout {
    columns: &[
        NAME,
        integer("Value", ".value"),
        boolean("Global-Default", ".globalDefault"),
        AGE,
        column("PreemptionPolicy", ".preemptionPolicy"),
    ],
    cells: |object, now| {
        vec![
            name(object),
            json!(number(object, "/value")),
            json!(object["globalDefault"] == true),
            age(object, now),
            json!(text(object, "/preemptionPolicy")),
        ]
    },
};
