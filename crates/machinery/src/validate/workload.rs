//! What runs pods, except Jobs.

use serde_json::{Value, json};

use super::{
    fields::{int, is_set, list, text},
    numbers::{all_non_negative, amount, at_most_all, int_or_percent, non_negative},
    one_of,
};
use crate::{
    error::Cause,
    field::Path,
    meta, names,
    pod_template::{self, Caller, Selection, label_selector},
    selector::LabelSelector,
};

pub(super) fn pod_template(object: &Value) -> Vec<Cause> {
    pod_template::validate(&object["template"], &Path::new("template"), Caller::ApiServer)
}

pub(super) fn deployment(object: &Value) -> Vec<Cause> {
    let (spec, path) = (&object["spec"], Path::new("spec"));
    let mut causes = non_negative(spec, "replicas", &path);
    causes.extend(selector_and_template(spec, "deployment", &path));
    causes.extend(strategy(&spec["strategy"], &path.child("strategy")));
    causes.extend(all_non_negative(
        spec,
        &["minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"],
        &path,
    ));
    if let Some(deadline) = spec["progressDeadlineSeconds"].as_i64()
        && deadline <= int(spec, "minReadySeconds")
    {
        let detail = "must be greater than minReadySeconds";
        causes.push(path.child("progressDeadlineSeconds").invalid(deadline, detail));
    }
    causes
}

fn strategy(strategy: &Value, path: &Path) -> Vec<Cause> {
    let (rolling, at) = (&strategy["rollingUpdate"], path.child("rollingUpdate"));
    match text(strategy, "type") {
        "Recreate" if is_set(strategy, "rollingUpdate") => {
            vec![at.forbidden("may not be specified when strategy `type` is 'Recreate'")]
        }
        "Recreate" => Vec::new(),
        "RollingUpdate" => {
            let mut causes = int_or_percent(rolling, "maxUnavailable", &at);
            causes.extend(int_or_percent(rolling, "maxSurge", &at));
            if amount(&rolling["maxUnavailable"]) == 0 && amount(&rolling["maxSurge"]) == 0 {
                let value = rolling["maxUnavailable"].clone();
                causes.push(at.child("maxUnavailable").invalid(value, "may not be 0 when `maxSurge` is 0"));
            }
            causes.extend(at_most_all(rolling, "maxUnavailable", &at));
            causes
        }
        _ => vec![path.unsupported(strategy.clone(), &["Recreate", "RollingUpdate"])],
    }
}

pub(super) fn replica_set(object: &Value) -> Vec<Cause> {
    let (spec, path) = (&object["spec"], Path::new("spec"));
    let mut causes = all_non_negative(spec, &["replicas", "minReadySeconds"], &path);
    causes.extend(selector_and_template(spec, "deployment", &path));
    causes
}

/// Checks the selector, and the template against it. `what` is the word in the message about an empty selector.
fn selector_and_template(spec: &Value, what: &str, path: &Path) -> Vec<Cause> {
    let mut causes = selector(spec, what, path);
    let (template, at) = (&spec["template"], path.child("template"));
    match LabelSelector::from_object(&spec["selector"]) {
        Err(_) => causes.push(path.child("selector").invalid(spec["selector"].clone(), "invalid label selector")),
        Ok(selector) => {
            let selected = selection(&selector, template);
            causes.extend(pod_template::validate_for_replica_set(template, selected, &at, Caller::ApiServer));
        }
    }
    causes
}

/// An empty selector was reported already; it does not count as a mismatch.
fn selection(selector: &LabelSelector, template: &Value) -> Selection {
    let matches = selector.is_everything() || selector.matches(&template["metadata"]["labels"]);
    if matches { Selection::Selected } else { Selection::NotSelected }
}

fn selector(spec: &Value, what: &str, path: &Path) -> Vec<Cause> {
    let (selector, at) = (&spec["selector"], path.child("selector"));
    if !selector.is_object() {
        return vec![at.required("")];
    }
    let mut causes = label_selector(selector, &at);
    if is_empty(selector) {
        causes.push(at.invalid(selector.clone(), &format!("empty selector is invalid for {what}")));
    }
    causes
}

fn is_empty(selector: &Value) -> bool {
    let labels = selector["matchLabels"].as_object().is_none_or(serde_json::Map::is_empty);
    labels && list(selector, "matchExpressions").is_empty()
}

pub(super) fn replication_controller(object: &Value) -> Vec<Cause> {
    let (spec, path) = (&object["spec"], Path::new("spec"));
    let mut causes = all_non_negative(spec, &["replicas", "minReadySeconds"], &path);
    let selector = LabelSelector::from_map(&spec["selector"]);
    if selector.is_everything() {
        causes.push(path.child("selector").required(""));
    }
    if !spec["template"].is_object() {
        causes.push(path.child("template").required(""));
        return causes;
    }
    let selected = selection(&selector, &spec["template"]);
    let at = path.child("template");
    causes.extend(pod_template::validate_for_replica_set(&spec["template"], selected, &at, Caller::ApiServer));
    causes
}

pub(super) fn stateful_set(object: &Value, old: Option<&Value>) -> Vec<Cause> {
    let (spec, path) = (&object["spec"], Path::new("spec"));
    let mut causes = Vec::new();
    let policy = text(spec, "podManagementPolicy");
    if !matches!(policy, "OrderedReady" | "Parallel") {
        let at = path.child("podManagementPolicy");
        causes.push(at.invalid(policy, "must be 'OrderedReady' or 'Parallel'"));
    }
    causes.extend(stateful_strategy(&spec["updateStrategy"], &path.child("updateStrategy")));
    let (retention, at) = (&spec["persistentVolumeClaimRetentionPolicy"], "persistentVolumeClaimRetentionPolicy");
    for field in ["whenDeleted", "whenScaled"] {
        causes.extend(one_of(retention, field, &["Retain", "Delete"], &path.child(at)));
    }
    if old.is_none() {
        for (i, claim) in list(spec, "volumeClaimTemplates").iter().enumerate() {
            let at = path.child("volumeClaimTemplates").index(i).child("spec");
            causes.extend(super::storage::claim_spec(&claim["spec"], &at));
        }
        let (service, at) = (text(spec, "serviceName"), path.child("serviceName"));
        if !service.is_empty() {
            causes.extend(names::dns_label(service).iter().map(|why| at.invalid(service, why)));
        }
    }
    causes.extend(all_non_negative(spec, &["replicas", "minReadySeconds"], &path));
    causes.extend(non_negative(&spec["ordinals"], "start", &path.child("ordinals")));
    causes.extend(selector(spec, "statefulset", &path));
    causes.extend(stateful_template(spec, &path.child("template")));
    causes
}

fn stateful_strategy(strategy: &Value, path: &Path) -> Vec<Cause> {
    let (rolling, at) = (&strategy["rollingUpdate"], path.child("rollingUpdate"));
    match text(strategy, "type") {
        "OnDelete" if is_set(strategy, "rollingUpdate") => {
            vec![at.invalid(rolling.clone(), "only allowed for updateStrategy 'RollingUpdate'")]
        }
        "OnDelete" => Vec::new(),
        "RollingUpdate" => {
            let mut causes = non_negative(rolling, "partition", &at);
            if is_set(rolling, "maxUnavailable") {
                causes.extend(int_or_percent(rolling, "maxUnavailable", &at));
                if amount(&rolling["maxUnavailable"]) == 0 {
                    causes.push(at.child("maxUnavailable").invalid(rolling["maxUnavailable"].clone(), "cannot be 0"));
                }
                causes.extend(at_most_all(rolling, "maxUnavailable", &at));
            }
            causes
        }
        _ => vec![path.invalid(strategy.clone(), "must be 'RollingUpdate' or 'OnDelete'")],
    }
}

/// The controller gives the pods host names and a volume for each claim; the template is checked as if it had them.
fn stateful_template(spec: &Value, path: &Path) -> Vec<Cause> {
    let Ok(selector) = LabelSelector::from_object(&spec["selector"]) else {
        return vec![Path::new("spec.selector").invalid(spec["selector"].clone(), "")];
    };
    let mut template = spec["template"].clone();
    if let Some(pod) = template["spec"].as_object_mut() {
        pod.remove("hostname");
        pod.remove("subdomain");
    }
    let claims = list(spec, "volumeClaimTemplates").iter().map(meta::name);
    let claims: Vec<&str> = claims.collect();
    let own = list(&spec["template"]["spec"], "volumes").iter().filter(|v| !claims.contains(&text(v, "name")));
    let given = claims.iter().map(|name| json!({"name": name, "persistentVolumeClaim": {"claimName": name}}));
    let volumes: Vec<Value> = given.chain(own.cloned()).collect();
    if !volumes.is_empty() && template["spec"].is_object() {
        template["spec"]["volumes"] = Value::Array(volumes);
    }
    pod_template::validate_for_replica_set(&template, selection(&selector, &template), path, Caller::ApiServer)
        .into_iter()
        .map(|cause| Cause { message: cause.message.replace("in ReplicaSet is", "in StatefulSet is"), ..cause })
        .collect()
}

/// Fields of a StatefulSet's spec that an update may change.
const MUTABLE: [&str; 7] = [
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

pub(super) fn update_stateful_set(new: &Value, old: &Value) -> Vec<Cause> {
    let mut frozen = new["spec"].clone();
    for field in MUTABLE {
        meta::take(&mut frozen, &old["spec"], field);
    }
    if meta::equal(None, Some(&frozen), Some(&old["spec"])) {
        return Vec::new();
    }
    let detail = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
                  'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
                  'minReadySeconds' are forbidden";
    vec![Path::new("spec").forbidden(detail)]
}

pub(super) fn daemon_set(object: &Value) -> Vec<Cause> {
    let (spec, path) = (&object["spec"], Path::new("spec"));
    let (given, at) = (&spec["selector"], path.child("selector"));
    let mut causes = label_selector(given, &at);
    let template = &spec["template"];
    let mut selected = Selection::Selected;
    if let Ok(selector) = LabelSelector::from_object(given)
        && !selector.matches(&template["metadata"]["labels"])
    {
        selected = Selection::NotSelected;
    }
    if given.is_object() && is_empty(given) {
        causes.push(at.invalid(given.clone(), "empty selector is invalid for daemonset"));
    }
    let found = pod_template::validate_for_replica_set(template, selected, &path.child("template"), Caller::ApiServer);
    causes.extend(
        found
            .into_iter()
            .map(|cause| Cause { message: cause.message.replace("in ReplicaSet is", "in DaemonSet is"), ..cause }),
    );
    causes.extend(non_negative(spec, "minReadySeconds", &path));
    causes.extend(daemon_strategy(&spec["updateStrategy"], &path.child("updateStrategy")));
    causes.extend(non_negative(spec, "revisionHistoryLimit", &path));
    causes
}

fn daemon_strategy(strategy: &Value, path: &Path) -> Vec<Cause> {
    let (rolling, at) = (&strategy["rollingUpdate"], path.child("rollingUpdate"));
    match text(strategy, "type") {
        "OnDelete" => return Vec::new(),
        "RollingUpdate" if !rolling.is_object() => return vec![at.required("")],
        "RollingUpdate" => {}
        _ => return vec![path.unsupported(strategy.clone(), &["RollingUpdate", "OnDelete"])],
    }
    let mut causes = Vec::new();
    for field in ["maxUnavailable", "maxSurge"] {
        causes.extend(int_or_percent(rolling, field, &at));
    }
    for field in ["maxUnavailable", "maxSurge"] {
        causes.extend(at_most_all(rolling, field, &at));
    }
    match (amount(&rolling["maxUnavailable"]) != 0, amount(&rolling["maxSurge"]) != 0) {
        (true, true) => {
            let detail = "may not be set when maxUnavailable is non-zero";
            causes.push(at.child("maxSurge").invalid(rolling["maxSurge"].clone(), detail));
        }
        (false, false) => causes.push(at.child("maxUnavailable").required("cannot be 0 when maxSurge is 0")),
        _ => {}
    }
    causes
}

pub(super) fn create_revision(object: &Value) -> Vec<Cause> {
    let mut causes = non_negative(object, "revision", &Path::default());
    let data = Path::new("data");
    match &object["data"] {
        Value::Object(_) => {}
        Value::Null => causes.push(data.required("data is mandatory")),
        _ => causes.push(data.required("data must be a valid JSON object")),
    }
    causes
}

/// Numbers in the status of what keeps replicas: none negative, none above what it is a part of.
pub(super) fn replica_status(status: &Value, kind: &str) -> Vec<Cause> {
    let path = Path::new("status");
    let counts = [
        "replicas",
        "fullyLabeledReplicas",
        "currentReplicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
        "unavailableReplicas",
        "terminatingReplicas",
        "observedGeneration",
        "collisionCount",
    ];
    let mut causes = all_non_negative(status, &counts, &path);
    let replicas = int(status, "replicas");
    let parts = ["fullyLabeledReplicas", "currentReplicas", "updatedReplicas", "readyReplicas", "availableReplicas"];
    for part in parts.into_iter().filter(|part| int(status, part) > replicas) {
        causes.push(path.child(part).invalid(int(status, part), "cannot be greater than status.replicas"));
    }
    let available = int(status, "availableReplicas");
    if available > int(status, "readyReplicas") {
        let of = if kind == "StatefulSet" { "status.readyReplicas" } else { "readyReplicas" };
        causes.push(path.child("availableReplicas").invalid(available, &format!("cannot be greater than {of}")));
    }
    causes
}

pub(super) fn daemon_status(status: &Value) -> Vec<Cause> {
    let counts = [
        "currentNumberScheduled",
        "numberMisscheduled",
        "desiredNumberScheduled",
        "numberReady",
        "observedGeneration",
        "updatedNumberScheduled",
        "numberAvailable",
        "numberUnavailable",
        "collisionCount",
    ];
    all_non_negative(status, &counts, &Path::new("status"))
}
