//! The DestinationRule: which pods a subset means.

use serde_json::{Map, Value, json};
use tiphys_api::{
    constants::{annotations::MANAGED_BY, labels::POD_TEMPLATE_HASH},
    types::{IstioDestinationRule, IstioTrafficRouting},
};
use tiphys_runtime::recorder::Note;

use super::destination_rule_id;
use crate::{
    fault::{Fault, Routed, Router},
    objects::ObjectId,
    outcome::{Aspect, Change, Outcome},
    patch,
    shape::{self, ShapeError},
    view::View,
};

/// Points the subsets at the wanted pods.
pub(super) fn route(view: &View<'_>, config: &IstioTrafficRouting) -> Outcome {
    let mut outcome = Outcome::default();
    if let Some(rule) = &config.destination_rule {
        outcome.result(switch(view, rule));
    }
    outcome
}

/// Returns the host that the rule is about, if there is a rule.
pub(super) fn host(view: &View<'_>, config: &IstioTrafficRouting) -> Routed<Option<String>> {
    let Some(rule) = &config.destination_rule else { return Ok(None) };
    let id = destination_rule_id(rule, view.namespace(), view.settings);
    let live = find(view, &id)?;
    let host = shape::text(live, "spec.host").map_err(|error| Fault::shape(Router::Istio, &id, &error))?;
    Ok(Some(host.to_owned()))
}

fn find<'v>(view: &View<'v>, id: &ObjectId) -> Routed<&'v Value> {
    view.find(&Router::Istio, id)?.ok_or_else(|| {
        Fault::new(Router::Istio, id.not_found())
            .on(id)
            .fix("create the DestinationRule, or correct trafficRouting.istio in the Rollout")
            .told("DestinationRuleNotFound", format!("DestinationRule `{}` not found", id.name))
    })
}

fn switch(view: &View<'_>, rule: &IstioDestinationRule) -> Routed<Option<Change>> {
    let id = destination_rule_id(rule, view.namespace(), view.settings);
    let live = find(view, &id)?;
    let after = pointed(view, rule, live).map_err(|error| Fault::shape(Router::Istio, &id, &error))?;
    for name in [&rule.canary_subset_name, &rule.stable_subset_name] {
        if subset(&after, name).is_none() {
            let message = format!("DestinationRule `{}` has no subset '{name}'", id.name);
            return Err(Fault::new(Router::Istio, message).on(&id).fix(format!("add subset {name} to the rule")));
        }
    }
    wait(view, rule, live, &after)?;
    let weights = &view.wanted.weights;
    let message = format!(
        "DestinationRule {} subset updated ({}: {}, {}: {})",
        id.name,
        rule.canary_subset_name,
        weights.canary.pod_template_hash,
        rule.stable_subset_name,
        weights.stable.pod_template_hash
    );
    let change = patch::difference(Router::Istio, Aspect::Selection, &id, live, &after);
    Ok(change.map(|change| change.told(Note::normal("UpdatedDestinationRule", message))))
}

/// Where the subsets alone decide (both Services are unnamed), a subset moves to a ReplicaSet only once it is available.
fn wait(view: &View<'_>, rule: &IstioDestinationRule, before: &Value, after: &Value) -> Routed<()> {
    let services = view.services();
    if !services.canary.is_empty() || !services.stable.is_empty() {
        return Ok(());
    }
    for name in [&rule.stable_subset_name, &rule.canary_subset_name] {
        let hash = |object| subset(object, name).and_then(|subset| subset["labels"][POD_TEMPLATE_HASH].as_str());
        let moved = hash(after).filter(|to| hash(before) != Some(to));
        if let Some(set) = moved.and_then(|hash| view.wanted.incomplete.get(hash)) {
            let message = format!("delaying destination rule switch: ReplicaSet {set} not fully available");
            return Err(Fault::passing(Router::Istio, message).fix(format!("it goes on when the pods of {set} serve")));
        }
    }
    Ok(())
}

fn subset<'o>(rule: &'o Value, name: &str) -> Option<&'o Value> {
    rule["spec"]["subsets"].as_array()?.iter().find(|subset| subset["name"] == name)
}

fn pointed(view: &View<'_>, rule: &IstioDestinationRule, live: &Value) -> Result<Value, ShapeError> {
    let weights = &view.wanted.weights;
    let mut subsets = Vec::new();
    let mut missing: Vec<_> =
        weights.additional.iter().filter(|destination| !destination.service_name.is_empty()).collect();
    for (index, subset) in shape::list(live, "spec.subsets")?.iter().enumerate() {
        let path = format!("spec.subsets[{index}]");
        let name = shape::text(subset, "name").map_err(|error| error.below(&path))?;
        if name == rule.canary_subset_name {
            subsets.push(labelled(subset, &path, &weights.canary.pod_template_hash)?);
        } else if name == rule.stable_subset_name {
            subsets.push(labelled(subset, &path, &weights.stable.pod_template_hash)?);
        } else if let Some(at) = missing.iter().position(|destination| destination.service_name == name) {
            subsets.push(labelled(subset, &path, &missing.remove(at).pod_template_hash)?);
        } else if !is_ours(rule, subset, name) {
            subsets.push(subset.clone());
        }
    }
    subsets.extend(missing.iter().map(|destination| {
        json!({"name": destination.service_name, "labels": {POD_TEMPLATE_HASH: destination.pod_template_hash}})
    }));
    let mut after = live.clone();
    shape::object_mut(&mut after, "metadata.annotations")?.insert(MANAGED_BY.to_owned(), json!(view.name()));
    shape::object_mut(&mut after, "spec")?.insert("subsets".to_owned(), Value::Array(subsets));
    Ok(after)
}

/// A further subset that selects by hash was written for an experiment that is over.
fn is_ours(rule: &IstioDestinationRule, subset: &Value, name: &str) -> bool {
    let is_kept = rule.additional_subset_names.iter().any(|kept| kept == name);
    !is_kept && subset["labels"].get(POD_TEMPLATE_HASH).is_some()
}

fn labelled(subset: &Value, path: &str, hash: &str) -> Result<Value, ShapeError> {
    let mut subset = subset.clone();
    if hash.is_empty() {
        if let Some(labels) = subset.get_mut("labels").and_then(Value::as_object_mut) {
            labels.remove(POD_TEMPLATE_HASH);
        }
        return Ok(subset);
    }
    let labels: &mut Map<String, Value> =
        shape::object_mut(&mut subset, "labels").map_err(|error| error.below(path))?;
    labels.insert(POD_TEMPLATE_HASH.to_owned(), json!(hash));
    Ok(subset)
}
