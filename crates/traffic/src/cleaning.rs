//! What a Rollout leaves behind in objects that it no longer names, and how it is taken off.
//!
//! Each function is pure and returns a merge patch bound to the version that was looked at, or nothing. Whoever calls must
//! have found out for certain that the Rollout does not exist or does not name the object: a failed read is no answer
//! (upstream strips live Services on one).

use serde_json::{Value, json};
use tiphys_api::{
    Rollout,
    constants::{annotations::MANAGED_BY, labels::POD_TEMPLATE_HASH},
    validation::named_services,
};
use tiphys_machinery::meta;

use crate::patch::bound;
pub use crate::{alb::clean_alb_ingress, istio::clean_destination_rule};

/// Returns the patch that frees a Service from a Rollout that does not name it any more; `None` where nothing is to be done.
///
/// `manager` is the Rollout named by the annotation: `None` only if it does not exist. A Service that no annotation gives to
/// a Rollout is left alone.
#[must_use]
pub fn clean_service(service: &Value, manager: Option<&Rollout>) -> Option<Value> {
    meta::annotation(service, MANAGED_BY)?;
    service["spec"]["selector"].get(POD_TEMPLATE_HASH)?;
    let name = meta::name(service);
    if manager.is_some_and(|rollout| named_services(rollout).iter().any(|named| named.name == name)) {
        return None;
    }
    let patch = json!({
        "metadata": {"annotations": {MANAGED_BY: null}},
        "spec": {"selector": {POD_TEMPLATE_HASH: null}},
    });
    Some(bound(patch, service))
}
