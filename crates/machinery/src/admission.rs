//! What the usual admission plugins set in new objects.
//!
//! Plugins look other objects up; here the caller does, and passes what was found.

use serde_json::{Value, json};

use crate::meta;

/// Annotations that mark the default of a kind of class.
pub const DEFAULT_STORAGE_CLASS: &str = "storageclass.kubernetes.io/is-default-class";
/// As [`DEFAULT_STORAGE_CLASS`], for ingresses.
pub const DEFAULT_INGRESS_CLASS: &str = "ingressclass.kubernetes.io/is-default-class";
/// Taints that a new pod tolerates for a while.
const TOLERATED: [&str; 2] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
/// For how long, in seconds.
const TOLERATED_SECONDS: i64 = 300;

/// Gives a pod without a service account the account `default`.
pub fn service_account(pod: &mut Value) {
    let Some(spec) = pod["spec"].as_object_mut() else { return };
    let named = |field: &str| spec.get(field).and_then(Value::as_str).is_some_and(|name| !name.is_empty());
    if !named("serviceAccountName") {
        spec.insert("serviceAccountName".to_owned(), json!("default"));
        spec.insert("serviceAccount".to_owned(), json!("default"));
    }
}

/// Lets a pod stay for a while on a node that is not ready or out of reach, unless it says itself for how long.
pub fn toleration_seconds(pod: &mut Value) {
    let given = pod["spec"]["tolerations"].as_array().cloned().unwrap_or_default();
    let covers = |toleration: &Value, taint: &str| {
        let text = |field: &str| toleration[field].as_str().unwrap_or_default();
        matches!(text("key"), "") && text("operator") == "Exists" && matches!(text("effect"), "" | "NoExecute")
            || text("key") == taint && matches!(text("effect"), "" | "NoExecute")
    };
    let missing = TOLERATED.iter().filter(|taint| !given.iter().any(|toleration| covers(toleration, taint)));
    let added = missing.map(|taint| {
        json!({
            "key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": TOLERATED_SECONDS,
        })
    });
    let all: Vec<Value> = given.iter().cloned().chain(added).collect();
    if all.len() > given.len() {
        pod["spec"]["tolerations"] = Value::Array(all);
    }
}

/// Gives a pod the priority of `class` (a PriorityClass: the named one, else the global default if there is one).
pub fn priority(pod: &mut Value, class: Option<&Value>) {
    if let Some(class) = class {
        pod["spec"]["priorityClassName"] = json!(meta::name(class));
    }
    let found = class.unwrap_or(&Value::Null);
    pod["spec"]["priority"] = json!(found["value"].as_i64().unwrap_or_default());
    let policy = found["preemptionPolicy"].as_str().unwrap_or("PreemptLowerPriority");
    if pod["spec"]["preemptionPolicy"].is_null() {
        pod["spec"]["preemptionPolicy"] = json!(policy);
    }
}

/// Returns the name of the class that an annotation marks as default: of several the newest, then the first by name.
#[must_use]
pub fn default_class<'c>(classes: impl IntoIterator<Item = &'c Value>, annotation: &str) -> Option<String> {
    let created = |class: &Value| class["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned();
    let marked = classes.into_iter().filter(|class| meta::annotation(class, annotation) == Some("true"));
    let best = marked.max_by(|a, b| created(a).cmp(&created(b)).then_with(|| meta::name(b).cmp(meta::name(a))));
    best.map(|class| meta::name(class).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_gets_an_account_tolerations_and_a_priority() {
        let mut pod =
            json!({"spec": {"tolerations": [{"key": TOLERATED[0], "operator": "Exists", "tolerationSeconds": 5}]}});
        service_account(&mut pod);
        toleration_seconds(&mut pod);
        priority(&mut pod, None);
        assert_eq!(pod["spec"]["serviceAccountName"], "default");
        assert_eq!(pod["spec"]["tolerations"].as_array().unwrap().len(), 2);
        assert_eq!(pod["spec"]["tolerations"][1]["key"], TOLERATED[1]);
        assert_eq!(
            (&pod["spec"]["priority"], &pod["spec"]["preemptionPolicy"]),
            (&json!(0), &json!("PreemptLowerPriority"))
        );
        let class = json!({"metadata": {"name": "high"}, "value": 7, "preemptionPolicy": "Never"});
        let mut pod = json!({"spec": {"tolerations": [{"operator": "Exists"}]}});
        toleration_seconds(&mut pod);
        priority(&mut pod, Some(&class));
        assert_eq!(
            pod,
            json!({"spec": {"tolerations": [{"operator": "Exists"}], "priority": 7, "priorityClassName": "high", "preemptionPolicy": "Never"}})
        );
    }

    #[test]
    fn the_newest_marked_class_is_the_default() {
        let class = |name: &str, created: &str, marked: &str| {
            json!({"metadata": {"name": name, "creationTimestamp": created,
            "annotations": {DEFAULT_STORAGE_CLASS: marked}}})
        };
        let classes = [class("a", "1", "true"), class("b", "2", "true"), class("c", "3", "false")];
        assert_eq!(default_class(&classes, DEFAULT_STORAGE_CLASS).as_deref(), Some("b"));
        assert_eq!(default_class(&[], DEFAULT_STORAGE_CLASS), None);
    }
}
