//! `undo`: go back to an earlier revision.

use k8s_openapi::api::apps::v1::ReplicaSet;
use serde_json::{Value, json};
use tiphys_api::{Rollout, constants::labels, decode};

use super::{Change, Kind, Options, Patch, Refused, Subject};
use crate::view::{images, release, revision};

/// The revision to go back to, typed and as it is stored.
fn chosen(subject: &Subject<'_>, wanted: i64) -> Result<(ReplicaSet, Value), Refused> {
    let typed: Vec<ReplicaSet> = subject.sets.iter().map(|set| decode(set.clone()).object).collect();
    let set = revision::choose(subject.name(), &typed, wanted)?;
    let is_it = |raw: &&Value| raw["metadata"]["name"].as_str() == set.metadata.name.as_deref();
    Ok((set.clone(), subject.sets.iter().find(is_it).cloned().unwrap_or_default()))
}

pub(super) fn effect(subject: &Subject<'_>, options: &Options) -> String {
    match chosen(subject, options.revision) {
        Ok((set, _)) => way_back(subject.typed(), &set),
        Err(refused) => refused.to_string(),
    }
}

pub(super) fn obstacle(subject: &Subject<'_>) -> Option<String> {
    let is_alone = subject.sets.len() < 2;
    is_alone.then(|| "no earlier revision is kept; the next release makes this one the earlier".to_owned())
}

pub(super) fn changes(subject: &Subject<'_>, options: &Options) -> Result<Vec<Change>, Refused> {
    let (_, raw) = chosen(subject, options.revision)?;
    let template = without_hash(raw["spec"]["template"].clone());
    let own = subject.rollout.part(&["spec", "template"]).cloned().unwrap_or_default();
    if subject.typed().spec.workload_ref.is_none() && is_derivative(&without_hash(own), &template) {
        return Err(Refused::Unchanged(options.revision));
    }
    let (kind, name, path) = workload(subject.typed())?;
    let patch = Patch::Json(json!([{"op": "replace", "path": path, "value": template}]));
    Ok(vec![Change { kind, name, patch }])
}

/// The object whose template is written, and where in it.
fn workload(rollout: &Rollout) -> Result<(Kind, String, &'static str), Refused> {
    let Some(reference) = &rollout.spec.workload_ref else {
        return Ok((Kind::Rollout, rollout.metadata.name.clone().unwrap_or_default(), "/spec/template"));
    };
    let name = reference.name.clone();
    match reference.kind.as_str() {
        "Deployment" => Ok((Kind::Deployment, name, "/spec/template")),
        "ReplicaSet" => Ok((Kind::ReplicaSet, name, "/spec/template")),
        "PodTemplate" => Ok((Kind::PodTemplate, name, "/template")),
        kind => Err(Refused::Workload(kind.to_owned())),
    }
}

fn way_back(rollout: &Rollout, set: &ReplicaSet) -> String {
    let number = revision::of_replica_set(set);
    let images = images::of(set).join(", ");
    let steps = rollout.spec.strategy.canary.as_ref().map_or(0, |canary| canary.steps.len());
    let how = if release::hash(set) == rollout.status.stable_rs {
        "it is the stable version: at once, without steps".to_owned()
    } else if steps > 0 {
        format!("a new release through all {steps} steps; `tiphys promote --full` skips them")
    } else {
        "a new release".to_owned()
    };
    format!("back to revision {number} ({images}); {how}")
}

fn without_hash(mut template: Value) -> Value {
    remove_hash(&mut template);
    template
}

fn remove_hash(template: &mut Value) {
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove(labels::POD_TEMPLATE_HASH);
    }
}

/// Whether every field of `wanted` that is not empty is in `existing` with the same value.
fn is_derivative(wanted: &Value, existing: &Value) -> bool {
    match (wanted, existing) {
        (Value::Null, _) => true,
        (Value::Object(wanted), Value::Object(existing)) => {
            wanted.iter().all(|(key, value)| is_derivative(value, existing.get(key).unwrap_or(&Value::Null)))
        }
        (Value::Object(wanted), _) => wanted.values().all(|value| is_derivative(value, &Value::Null)),
        (Value::Array(wanted), _) if wanted.is_empty() => true,
        (Value::Array(wanted), Value::Array(existing)) => {
            wanted.len() == existing.len() && wanted.iter().zip(existing).all(|(a, b)| is_derivative(a, b))
        }
        (Value::String(text), _) if text.is_empty() => true,
        (Value::Bool(false), Value::Null) => true,
        (wanted, existing) => wanted == existing,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tiphys_api::decode;

    use super::*;

    #[test]
    fn empty_fields_do_not_make_a_difference() {
        for (name, wanted, existing, expected) in [
            ("same", json!({"a": 1}), json!({"a": 1}), true),
            ("default filled in", json!({"a": 1}), json!({"a": 1, "b": 2}), true),
            ("other value", json!({"a": 1}), json!({"a": 2}), false),
            ("missing", json!({"a": 1}), json!({}), false),
            ("empty object", json!({"a": {}}), json!({}), true),
            ("null", json!({"a": null}), json!({"a": 1}), true),
            ("longer list", json!({"a": [1, 2]}), json!({"a": [1]}), false),
        ] {
            assert_eq!(is_derivative(&wanted, &existing), expected, "{name}");
        }
    }

    #[test]
    fn template_is_written_where_it_lives() {
        let rollout = |kind: &str| -> Rollout {
            let reference = json!({"apiVersion": "v1", "kind": kind, "name": "base"});
            decode(json!({"metadata": {"name": "web"}, "spec": {"workloadRef": reference}})).object
        };
        for (kind, expected) in [
            ("Deployment", (Kind::Deployment, "/spec/template")),
            ("ReplicaSet", (Kind::ReplicaSet, "/spec/template")),
            ("PodTemplate", (Kind::PodTemplate, "/template")),
        ] {
            let (found, name, path) = workload(&rollout(kind)).unwrap();
            assert_eq!(((found, path), name.as_str()), (expected, "base"));
        }
        let refused = workload(&rollout("StatefulSet")).unwrap_err();
        assert_eq!(refused.to_string(), "workload of type StatefulSet is not supported");
        let own: Rollout = decode(json!({"metadata": {"name": "web"}})).object;
        assert_eq!(workload(&own).unwrap(), (Kind::Rollout, "web".to_owned(), "/spec/template"));
    }

    #[test]
    fn effect_says_whether_steps_are_taken() {
        let rollout = |stable: &str| -> Rollout {
            let spec = json!({"strategy": {"canary": {"steps": [{"setWeight": 20}]}}});
            decode(json!({"spec": spec, "status": {"stableRS": stable}})).object
        };
        let labels = json!({"rollouts-pod-template-hash": "a"});
        let set: ReplicaSet = decode(json!({"metadata": {"labels": labels}})).object;
        assert!(way_back(&rollout("a"), &set).contains("at once, without steps"));
        assert!(way_back(&rollout("b"), &set).contains("through all 1 steps"));
    }
}
