//! Pods.

use serde_json::Value;

use super::fields::{is_set, list, text};
use crate::{
    error::Cause,
    field::Path,
    meta, names,
    pod_template::{self, Caller},
};

pub(super) fn create(object: &Value) -> Vec<Cause> {
    let mut causes = spec(object);
    let at = Path::new("spec").child("ephemeralContainers");
    if !list(&object["spec"], "ephemeralContainers").is_empty() {
        causes.push(at.forbidden("cannot be set on create"));
    }
    causes
}

fn spec(object: &Value) -> Vec<Cause> {
    let (spec, path) = (&object["spec"], Path::new("spec"));
    let mut causes = pod_template::validate_spec(spec, &path, Caller::ApiServer);
    for containers in ["containers", "initContainers"] {
        causes.extend(images(list(spec, containers), &path.child(containers)));
    }
    causes
}

/// Only templates may have spaces around an image, for the sake of old objects.
fn images(containers: &[Value], path: &Path) -> Vec<Cause> {
    let padded = containers.iter().enumerate().filter(|(_, c)| text(c, "image").trim() != text(c, "image"));
    let detail = "must not have leading or trailing whitespace";
    padded.map(|(i, c)| path.index(i).child("image").invalid(text(c, "image"), detail)).collect()
}

pub(super) fn update(new: &Value, old: &Value) -> Vec<Cause> {
    let path = Path::new("spec");
    let mut causes = spec(new);
    let (spec, before) = (&new["spec"], &old["spec"]);
    for containers in ["containers", "initContainers"] {
        if list(spec, containers).len() != list(before, containers).len() {
            causes.push(path.child(containers).forbidden("pod updates may not add or remove containers"));
            return causes;
        }
    }
    causes.extend(deadline(spec, before, &path.child("activeDeadlineSeconds")));
    causes.extend(tolerations(spec, before, &path.child("tolerations")));
    causes.extend(gates(spec, before, &path.child("schedulingGates")));
    causes.extend(frozen(spec, before, &path));
    causes
}

fn deadline(spec: &Value, before: &Value, path: &Path) -> Option<Cause> {
    let (new, old) = (spec["activeDeadlineSeconds"].as_i64(), before["activeDeadlineSeconds"].as_i64());
    match (new, old) {
        (Some(new), Some(old)) if old < new => Some(path.invalid(new, "must be less than or equal to previous value")),
        (None, Some(_)) => Some(path.invalid(Value::Null, "must not update from a positive integer to nil value")),
        _ => None,
    }
}

/// Tolerations may be added, and how long they last may change.
fn tolerations(spec: &Value, before: &Value, path: &Path) -> Option<Cause> {
    let kept = |old: &Value| {
        list(spec, "tolerations").iter().any(|new| {
            let mut old = old.clone();
            meta::take(&mut old, new, "tolerationSeconds");
            old == *new
        })
    };
    let all_kept = list(before, "tolerations").iter().all(kept);
    let detail = "existing toleration can not be modified except its tolerationSeconds";
    (!all_kept).then(|| path.forbidden(detail))
}

/// Gates may only be removed.
fn gates(spec: &Value, before: &Value, path: &Path) -> Option<Cause> {
    let old: Vec<&str> = list(before, "schedulingGates").iter().map(|gate| text(gate, "name")).collect();
    let added: Vec<&str> = list(spec, "schedulingGates")
        .iter()
        .map(|gate| text(gate, "name"))
        .filter(|name| !old.contains(name))
        .collect();
    let detail = format!("only deletion is allowed, but found new scheduling gates '{}'", added.join(", "));
    (!added.is_empty()).then(|| path.forbidden(&detail))
}

/// Refuses every other change. Where upstream prints a difference of Go values, the changed fields are named.
fn frozen(spec: &Value, before: &Value, path: &Path) -> Option<Cause> {
    let mut thawed = spec.clone();
    for field in ["activeDeadlineSeconds", "schedulingGates", "tolerations"] {
        meta::take(&mut thawed, before, field);
    }
    for containers in ["containers", "initContainers"] {
        let pairs = thawed.get_mut(containers).and_then(Value::as_array_mut).into_iter().flatten();
        for (container, old) in pairs.zip(list(before, containers)) {
            meta::take(container, old, "image");
        }
    }
    let grace = |spec: &Value| spec["terminationGracePeriodSeconds"].as_i64();
    if grace(before).is_some_and(|old| old < 0) && grace(&thawed) == Some(1) {
        meta::take(&mut thawed, before, "terminationGracePeriodSeconds");
    }
    if !list(before, "schedulingGates").is_empty() {
        keep_gated_choices(&mut thawed, before);
    }
    let changed = changed_fields(&thawed, before);
    let detail = format!(
        "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,\
         `spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),\
         `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\nchanged: {}",
        changed.join(", ")
    );
    (!changed.is_empty()).then(|| path.forbidden(&detail))
}

/// While a pod is held back by gates, its choice of nodes may become narrower.
fn keep_gated_choices(spec: &mut Value, before: &Value) {
    let added = |key: &str, value: &Value| before["nodeSelector"].get(key).is_none_or(|old| old == value);
    let narrower = spec["nodeSelector"].as_object().is_some_and(|labels| labels.iter().all(|(k, v)| added(k, v)));
    let complete = before["nodeSelector"]
        .as_object()
        .is_none_or(|labels| labels.iter().all(|(key, value)| spec["nodeSelector"].get(key) == Some(value)));
    if narrower && complete {
        meta::take(spec, before, "nodeSelector");
    }
    if !is_set(&before["affinity"], "nodeAffinity") && is_set(&spec["affinity"], "nodeAffinity") {
        if let Some(affinity) = spec["affinity"].as_object_mut() {
            affinity.remove("nodeAffinity");
        }
        let empty = spec["affinity"].as_object().is_some_and(serde_json::Map::is_empty);
        if empty && !is_set(before, "affinity") {
            meta::take(spec, before, "affinity");
        }
    }
}

fn changed_fields(new: &Value, old: &Value) -> Vec<String> {
    let mut keys: Vec<&String> = [new, old].into_iter().filter_map(Value::as_object).flat_map(|m| m.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let differs = |key: &&&String| !meta::equal(None, new.get(key.as_str()), old.get(key.as_str()));
    keys.iter().filter(differs).map(|key| format!("spec.{key}")).collect()
}

/// Names of ephemeral containers may be those of no other container.
pub(super) fn ephemeral_containers(pod: &Value) -> Vec<Cause> {
    let spec = &pod["spec"];
    let name = |container: &Value| text(container, "name").to_owned();
    let others = ["containers", "initContainers"].iter().flat_map(|field| list(spec, field));
    let mut taken: std::collections::BTreeSet<String> = others.map(name).collect();
    let path = Path::new("spec.ephemeralContainers");
    let mut causes = Vec::new();
    for (i, container) in list(spec, "ephemeralContainers").iter().enumerate() {
        let (given, at) = (name(container), path.index(i).child("name"));
        if given.is_empty() {
            causes.push(at.required(""));
        } else {
            causes.extend(names::dns_label(&given).iter().map(|why| at.invalid(given.as_str(), why)));
            if !taken.insert(given.clone()) {
                causes.push(at.duplicate(given));
            }
        }
        if text(container, "image").is_empty() {
            causes.push(path.index(i).child("image").required(""));
        }
    }
    causes
}

pub(super) fn update_status(new: &Value, old: &Value) -> Vec<Cause> {
    let path = Path::new("status");
    let mut causes = Vec::new();
    let (class, before) = (&new["status"]["qosClass"], &old["status"]["qosClass"]);
    if !meta::equal(None, Some(class), Some(before)) && !before.is_null() {
        causes.push(path.child("qosClass").invalid(class.clone(), "field is immutable"));
    }
    causes.extend(restarts(new, old, &path.child("containerStatuses")));
    causes
}

/// A container that has ended stays so where the pod's policy does not restart it.
fn restarts(new: &Value, old: &Value, path: &Path) -> Vec<Cause> {
    let policy = text(&old["spec"], "restartPolicy");
    let ended = |status: &Value| status.pointer("/state/terminated").is_some_and(Value::is_object);
    let mut causes = Vec::new();
    for before in list(&old["status"], "containerStatuses").iter().filter(|status| ended(status)) {
        let code = before["state"]["terminated"]["exitCode"].as_i64().unwrap_or_default();
        if policy == "Always" || policy.is_empty() || policy == "OnFailure" && code != 0 {
            continue;
        }
        let now = list(&new["status"], "containerStatuses").iter().enumerate();
        for (i, _) in now.filter(|(_, status)| status["name"] == before["name"] && !ended(status)) {
            causes.push(path.index(i).child("state").forbidden("may not be transitioned to non-terminated state"));
        }
    }
    causes
}
