//! PodDisruptionBudgets: how many pods may be evicted right now.

mod status;
pub(crate) mod verdict;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tiphys_machinery::error::ApiError;
use tiphys_machinery::time;

use self::status::Numbers;
use super::cache::{Cache, Marks, Update, in_namespace};
use super::conditions::find;
use super::context::{Context, Controller};
use super::recorder::{About, Note};
use super::view::{Budget, Key, Pod};
use crate::store::Change;

const BUDGETS: (&str, &str) = ("policy", "poddisruptionbudgets");
const COMPONENT: &str = "controllermanager";
const ALLOWED: &str = "DisruptionAllowed";

/// The controller of PodDisruptionBudgets.
#[derive(Debug, Default)]
pub(crate) struct Budgets;

impl Controller for Budgets {
    fn name(&self) -> &'static str {
        "disruption-controller"
    }

    fn on_change(&mut self, change: &Change, update: &Update, cache: &Cache, marks: &mut Marks) {
        match update {
            Update::Budget(sides) => marks.extend(sides.each().map(|budget| budget.metadata.key())),
            Update::Pod(sides) => {
                for pod in sides.each() {
                    let budgets = in_namespace(&cache.budgets, &pod.key.namespace);
                    let selecting = budgets.filter(|(_, budget)| selects(budget, pod));
                    marks.extend(selecting.map(|(key, _)| key.clone()));
                }
            }
            Update::ReplicaSet(_) | Update::Deployment(_) => mark_counting(change.object().namespace(), cache, marks),
            _ => {}
        }
    }

    fn reconcile(&mut self, key: &Key, context: &mut Context<'_>) -> Result<(), ApiError> {
        let Some(budget) = context.cache.budgets.get(key).cloned() else { return Ok(()) };
        let pods: Vec<Arc<Pod>> =
            context.cache.pods.in_namespace(&key.namespace).filter(|pod| selects(&budget, pod)).cloned().collect();
        let about = About::new("policy/v1", "PodDisruptionBudget", key, &budget.metadata.uid);
        if pods.is_empty() {
            context.note(&about, &Note::normal(COMPONENT, "NoPods", "No matching pods found"));
        }
        let scale = match wanted_replicas(&budget, &pods, &about, context) {
            Ok(scale) => scale,
            Err(why) => return fail(&budget, key, &about, &why, context),
        };
        let numbers = status::numbers(&budget.spec, &pods, scale, &budget.status.disrupted_pods, context.now);
        if let Some(at) = numbers.recheck {
            context.wake(key, at);
        }
        write(&budget, key, &numbers, context)
    }
}

fn mark_counting(namespace: &str, cache: &Cache, marks: &mut Marks) {
    let namespace: Arc<str> = namespace.into();
    let budgets = in_namespace(&cache.budgets, &namespace);
    let counting = budgets.filter(|(_, budget)| status::counts_controllers(&budget.spec));
    marks.extend(counting.map(|(key, _)| key.clone()));
}

/// An empty selector selects everything in `policy/v1`.
pub(crate) fn selects(budget: &Budget, pod: &Pod) -> bool {
    budget.spec.selector.matches(&pod.labels)
}

/// Sums the wanted replicas of the pods' distinct controllers.
fn wanted_replicas(
    budget: &Budget,
    pods: &[Arc<Pod>],
    about: &About,
    context: &mut Context<'_>,
) -> Result<i64, String> {
    if !status::counts_controllers(&budget.spec) {
        return Ok(0);
    }
    let mut scales: BTreeMap<String, i64> = BTreeMap::new();
    let mut unmanaged = false;
    for pod in pods {
        if pod.controller.is_none() {
            unmanaged = true;
            continue;
        }
        let (uid, scale) =
            scale_of(pod, context).ok_or_else(|| format!("found no controllers for pod \"{}\"", pod.key.name))?;
        scales.insert(uid, scale);
    }
    if unmanaged {
        let message = format!(
            "Pods selected by this PodDisruptionBudget (selector: {}) were found to be unmanaged. As a result, the \
             status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for \
             these pods please set \".spec.minAvailable\" field of the PDB to an integer value.",
            budget.spec.selector
        );
        context.note(about, &Note::warning(COMPONENT, "UnmanagedPods", message));
    }
    Ok(scales.values().sum())
}

/// Returns uid and wanted replicas of what scales a pod: its controller, or the Deployment above its ReplicaSet.
fn scale_of(pod: &Pod, context: &Context<'_>) -> Option<(String, i64)> {
    let owner = pod.controller.as_ref()?;
    let key = Key { namespace: pod.key.namespace.clone(), name: owner.name.clone() };
    if &*owner.kind == "ReplicaSet" {
        let set = context.cache.replica_sets.get(&key).filter(|set| *set.meta.uid == *owner.uid)?;
        let above = set.meta.controller().filter(|above| above.kind == "Deployment");
        let deployment = above.and_then(|above| {
            let key = Key::new(key.namespace.clone(), above.name.as_str());
            context.cache.deployments.get(&key).filter(|deployment| deployment.meta.uid == above.uid)
        });
        return Some(match deployment {
            Some(deployment) => (deployment.meta.uid.clone(), deployment.replicas),
            None => (set.meta.uid.clone(), set.replicas),
        });
    }
    let resource = context.registry.resource_for_kind(&owner.api_version, &owner.kind)?;
    if !resource.subresources.iter().any(|sub| sub.name == "scale") {
        return None;
    }
    let object = context.registry.get(&resource, &key.namespace, &key.name).ok()?.value();
    let path = resource.scale_paths.as_ref().map_or(".spec.replicas", |paths| paths.spec_replicas.as_str());
    let scale = object.pointer(&path.replace('.', "/")).and_then(Value::as_i64)?;
    Some((owner.uid.to_string(), scale))
}

fn write(budget: &Budget, key: &Key, numbers: &Numbers, context: &Context<'_>) -> Result<(), ApiError> {
    let status = &budget.status;
    let same = status.current_healthy == numbers.current
        && status.desired_healthy == numbers.desired
        && status.expected_pods == numbers.expected
        && status.disruptions_allowed == numbers.allowed
        && status.disrupted_pods == numbers.disrupted
        && status.observed_generation == budget.metadata.generation
        && find(&status.conditions, ALLOWED)
            .is_some_and(|c| (c.status == "True") == (numbers.allowed > 0) && c.reason != "SyncFailed");
    if same {
        return Ok(());
    }
    let generation = budget.metadata.generation;
    let conditions = allowed_condition(budget, numbers.allowed, generation, None, context.now);
    let mut status = json!({
        "currentHealthy": numbers.current, "desiredHealthy": numbers.desired, "expectedPods": numbers.expected,
        "disruptionsAllowed": numbers.allowed, "observedGeneration": generation, "conditions": conditions,
    });
    if !numbers.disrupted.is_empty() {
        status["disruptedPods"] = json!(numbers.disrupted);
    }
    put_status(budget, key, &status, context)
}

/// Writes the status, unless an eviction was granted since the budget was read: the grant must survive, and its change
/// brings the budget here again.
fn put_status(budget: &Budget, key: &Key, status: &Value, context: &Context<'_>) -> Result<(), ApiError> {
    let written = context.writer().modify_status(BUDGETS, key, |object| {
        if !granted_since(budget, object) {
            object["status"] = status.clone();
        }
    });
    match written {
        Err(error) if error.code != 404 => Err(error),
        _ => Ok(()),
    }
}

/// Returns whether a stored budget has grants that were not there when it was read.
fn granted_since(read: &Budget, object: &Value) -> bool {
    let grants = object["status"]["disruptedPods"].as_object();
    grants.is_some_and(|grants| grants.keys().any(|pod| !read.status.disrupted_pods.contains_key(pod)))
}

/// Returns the conditions with [`ALLOWED`] as it is now; `failure` tells why the budget cannot be computed.
pub(crate) fn allowed_condition(
    budget: &Budget,
    allowed: i64,
    generation: i64,
    failure: Option<&str>,
    now: jiff::Timestamp,
) -> Value {
    let (status, reason) = match failure {
        Some(_) => ("False", "SyncFailed"),
        None if allowed > 0 => ("True", "SufficientPods"),
        None => ("False", "InsufficientPods"),
    };
    let before = find(&budget.status.conditions, ALLOWED).filter(|before| before.status == status);
    let since = before.and_then(|before| before.last_transition_time).unwrap_or(now);
    json!([{
        "type": ALLOWED, "status": status, "reason": reason, "message": failure.unwrap_or_default(),
        "lastTransitionTime": time::seconds(since), "observedGeneration": generation,
    }])
}

/// Allows nothing while it is unknown how many pods there should be.
fn fail(budget: &Budget, key: &Key, about: &About, why: &str, context: &mut Context<'_>) -> Result<(), ApiError> {
    let message = format!("Failed to calculate the number of expected pods: {why}");
    context.note(about, &Note::warning(COMPONENT, "CalculateExpectedPodCountFailed", message));
    let condition = allowed_condition(budget, 0, budget.metadata.generation, Some(why), context.now);
    let known = find(&budget.status.conditions, ALLOWED).is_some_and(|c| c.reason == "SyncFailed" && c.message == why);
    if known
        && budget.status.disruptions_allowed == 0
        && budget.status.observed_generation == budget.metadata.generation
    {
        return Ok(());
    }
    let written = context.writer().modify_status(BUDGETS, key, |object| {
        object["status"]["disruptionsAllowed"] = 0.into();
        object["status"]["observedGeneration"] = budget.metadata.generation.into();
        object["status"]["conditions"] = condition.clone();
    });
    match written {
        Err(error) if error.code != 404 => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize as _;

    use super::*;

    #[test]
    fn a_grant_that_came_meanwhile_is_noticed() {
        let budget =
            |grants: Value| json!({"metadata": {"name": "b", "namespace": "ns"}, "status": {"disruptedPods": grants}});
        let (at, none) = ("2026-01-01T00:00:00Z", json!({}));
        let read = Budget::deserialize(&budget(json!({"a": at}))).unwrap();
        assert!(!granted_since(&read, &budget(none)), "one less");
        assert!(!granted_since(&read, &budget(json!({"a": at}))), "the same");
        assert!(granted_since(&read, &budget(json!({"a": at, "b": at}))), "one more");
    }
}
