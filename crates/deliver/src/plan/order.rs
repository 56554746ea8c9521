//! In which order tasks run.

use std::collections::BTreeMap;

use serde_json::Value;
use tiphys_machinery::meta;

use super::{Task, tasks::defined_kind};
use crate::object::group;

/// Kinds that come first, in this order; all others follow.
const KINDS: [&str; 35] = [
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
];

/// Sorts tasks by phase, wave, kind and name, then lifts what others need: a Namespace before the first task in it, a
/// definition before the first object of its kind. What is lifted takes over phase and wave.
#[must_use]
pub fn sort(mut tasks: Vec<Task>) -> Vec<Task> {
    tasks.sort_by(|a, b| {
        let key = |task: &Task| (task.phase, task.wave, kind_rank(meta::kind(task.object())));
        let name = |task: &Task| {
            let object = task.object();
            let parts = [meta::name(object), meta::namespace(object), group(object), meta::kind(object)];
            parts.map(str::to_owned)
        };
        key(a).cmp(&key(b)).then_with(|| name(a).cmp(&name(b)))
    });
    lift(&mut tasks, namespace_of, |object| {
        (!meta::namespace(object).is_empty()).then(|| meta::namespace(object).into())
    });
    let kind = |object: &Value| Some(format!("{}/{}", group(object), meta::kind(object)));
    lift(&mut tasks, |object| defined_kind(object).map(|(group, kind)| format!("{group}/{kind}")), kind);
    tasks
}

fn kind_rank(kind: &str) -> usize {
    KINDS.iter().position(|known| *known == kind).unwrap_or(KINDS.len())
}

fn namespace_of(object: &Value) -> Option<String> {
    (meta::kind(object) == "Namespace" && group(object).is_empty()).then(|| meta::name(object).to_owned())
}

/// Moves each task whose target `provides` something before the first task whose target `needs` it.
fn lift(tasks: &mut [Task], provides: impl Fn(&Value) -> Option<String>, needs: impl Fn(&Value) -> Option<String>) {
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    for i in 0..tasks.len() {
        let Some(target) = tasks[i].target.as_ref() else { continue };
        if let Some(key) = provides(target) {
            let Some(&at) = first.get(&key) else { continue };
            (tasks[i].phase, tasks[i].wave) = (tasks[at].phase, tasks[at].wave);
            tasks[at..=i].rotate_right(1);
            for index in first.values_mut().filter(|index| **index >= at) {
                *index += 1;
            }
        } else if let Some(key) = needs(target) {
            first.entry(key).or_insert(i);
        }
    }
}
