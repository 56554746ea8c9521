//! `undo`: go back to an earlier revision.

use clap::Args;
use k8s_openapi::api::apps::v1::ReplicaSet;
use serde_json::{Value, json};
use tiphys_api::{Rollout, Stored, constants::labels};

use crate::{
    cluster::{Cluster, Kind, raw},
    error::Failure,
    printer::Printer,
    target,
    view::{images, release, revision},
};

/// Goes back to an earlier revision. That is a release like any other, except that going back to the stable version
/// takes no steps.
#[derive(Debug, Args)]
pub(crate) struct Undo {
    /// The Rollout
    #[arg(required = true, value_name = "ROLLOUT")]
    names: Vec<String>,
    /// Revision to go back to; 0 is the one before the newest
    #[arg(long, value_name = "REVISION", default_value_t = 0)]
    to_revision: i64,
}

impl Undo {
    pub(crate) async fn run(self, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        for target in target::parse(&self.names)? {
            let rollout = cluster.resolve(&target).await?;
            self.undo(&rollout, cluster, printer).await?;
        }
        Ok(())
    }

    async fn undo(&self, rollout: &Stored<Rollout>, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        let name = rollout.typed.metadata.name.clone().unwrap_or_default();
        let uid = rollout.typed.metadata.uid.as_deref();
        let mut owned: Vec<ReplicaSet> = cluster.all(Kind::ReplicaSet).await?;
        owned.retain(|set| release::is_owned(&set.metadata, uid));
        let set = revision::choose(&name, &owned, self.to_revision)?;
        let set_name = set.metadata.name.clone().unwrap_or_default();
        let mut template = raw(&cluster.api(Kind::ReplicaSet).get(&set_name).await?)["spec"]["template"].take();
        remove_hash(&mut template);
        let own = rollout.part(&["spec", "template"]).cloned().unwrap_or_default();
        if rollout.typed.spec.workload_ref.is_none() && is_derivative(&without_hash(own), &template) {
            let wanted = self.to_revision;
            printer.line(format!("skipped rollback (current template already matches revision {wanted})"))?;
            return Ok(());
        }
        printer.note(&format!("undo {name}: {}", effect(&rollout.typed, set)));
        let (kind, object, path) = workload(&rollout.typed)?;
        let patch = json!([{"op": "replace", "path": path, "value": template}]);
        cluster.json_patch(kind, &object, &patch).await?;
        printer.line(format!("rollout '{name}' undo"))?;
        Ok(())
    }
}

/// The object whose template is written, and where in it.
fn workload(rollout: &Rollout) -> Result<(Kind, String, &'static str), Failure> {
    let Some(reference) = &rollout.spec.workload_ref else {
        return Ok((Kind::Rollout, rollout.metadata.name.clone().unwrap_or_default(), "/spec/template"));
    };
    let name = reference.name.clone();
    match reference.kind.as_str() {
        "Deployment" => Ok((Kind::Deployment, name, "/spec/template")),
        "ReplicaSet" => Ok((Kind::ReplicaSet, name, "/spec/template")),
        "PodTemplate" => Ok((Kind::PodTemplate, name, "/template")),
        kind => Err(Failure::new(format!("workload of type {kind} is not supported"))),
    }
}

fn effect(rollout: &Rollout, set: &ReplicaSet) -> String {
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
        let failure = workload(&rollout("StatefulSet")).unwrap_err();
        assert_eq!(failure.to_string(), "error: workload of type StatefulSet is not supported");
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
        assert!(effect(&rollout("a"), &set).contains("at once, without steps"));
        assert!(effect(&rollout("b"), &set).contains("through all 1 steps"));
    }
}
