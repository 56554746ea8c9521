//! Whether AWS has to be asked, and for what.

use serde_json::Value;
use tiphys_api::types::AlbTrafficRouting;

use super::{key, root, services};
use crate::{
    objects::ObjectId,
    outcome::{Verification, Verify},
    view::View,
};

/// Returns what to ask AWS about one Ingress.
pub(super) fn verification(
    view: &View<'_>,
    config: &AlbTrafficRouting,
    id: &ObjectId,
    ingress: &Value,
) -> Verification {
    if !view.settings.aws_verify_target_group || !is_due(view) {
        return Verification::NotSupported;
    }
    let entries = ingress["status"]["loadBalancer"]["ingress"].as_array().map(Vec::as_slice).unwrap_or_default();
    let hostnames: Vec<String> = entries
        .iter()
        .filter_map(|entry| entry["hostname"].as_str())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    if hostnames.is_empty() {
        return Verification::NotYet { why: format!("{id} has no load balancer yet") };
    }
    let (names, split, root) = (services(view), view.percent(), root(view, config));
    Verification::Ask(vec![Verify {
        ingress: id.clone(),
        hostnames,
        action: key(config, "actions", root),
        port: config.service_port,
        canary: (names.canary.to_owned(), split.canary),
        stable: (names.stable.to_owned(), split.stable),
        additional: split.additional.into_iter().map(|share| (share.service, share.weight)).collect(),
    }])
}

/// During an update at a `setWeight` step and after the last step; and once for a new Rollout.
fn is_due(view: &View<'_>) -> bool {
    let status = &view.rollout.status;
    if status.alb.is_none() && status.albs.is_empty() {
        return true;
    }
    let index = usize::try_from(status.current_step_index.unwrap_or(0)).unwrap_or(0);
    let step = view.canary.steps.get(index);
    let is_everybody = view.wanted.weights.canary.weight == view.max_weight();
    let is_step_due = step.map_or(is_everybody, |step| step.set_weight.is_some());
    !status.stable_rs.is_empty() && status.stable_rs != status.current_pod_hash && is_step_due
}
