//! A DestinationRule that its Rollout no longer names.

use serde_json::{Value, json};
use tiphys_api::{
    Rollout,
    constants::{annotations::MANAGED_BY, labels::POD_TEMPLATE_HASH},
};
use tiphys_machinery::{meta, patch::create_merge_patch};

use crate::patch::bound;

/// Returns the patch that frees a DestinationRule from a Rollout that does not name it any more; `None` where nothing is to
/// be done.
///
/// `manager` is the Rollout named by the annotation, read from the API and not from a filtered cache: `None` only if it
/// does not exist. A failed read must not come here.
#[must_use]
pub fn clean_destination_rule(rule: &Value, manager: Option<&Rollout>) -> Option<Value> {
    meta::annotation(rule, MANAGED_BY)?;
    if manager.is_some_and(|rollout| names(rollout, rule)) {
        return None;
    }
    let mut after = rule.clone();
    if let Some(annotations) = after["metadata"]["annotations"].as_object_mut() {
        annotations.remove(MANAGED_BY);
    }
    for subset in after["spec"]["subsets"].as_array_mut().into_iter().flatten() {
        if let Some(labels) = subset.get_mut("labels").and_then(Value::as_object_mut) {
            labels.remove(POD_TEMPLATE_HASH);
        }
    }
    let mut patch = create_merge_patch(rule, &after);
    patch["metadata"]["annotations"] = json!({MANAGED_BY: Value::Null});
    Some(bound(patch, rule))
}

fn names(rollout: &Rollout, rule: &Value) -> bool {
    let canary = rollout.spec.strategy.canary.as_ref();
    let istio = canary.and_then(|canary| canary.traffic_routing.as_ref()).and_then(|routing| routing.istio.as_ref());
    let named = istio.and_then(|istio| istio.destination_rule.as_ref());
    named.is_some_and(|named| named.name == meta::name(rule))
}
