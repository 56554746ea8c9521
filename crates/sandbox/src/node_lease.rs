//! Leases of nodes in `kube-node-lease`: their sign of life.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tiphys_machinery::{error::ApiError, go_duration, time};

use crate::controllers::{Context, Key, Writer};

/// How often a node renews its Lease; absent it does so only when something else about it changes, which keeps an idle
/// sandbox quiet.
const PERIOD: &str = "sandbox.tiphys.dev/renew-lease";
const LEASES: (&str, &str) = ("coordination.k8s.io", "leases");
const NAMESPACE: &str = "kube-node-lease";
const KUBELET: &str = "kubelet";

/// Renews the Lease of a node that answers; returns when to do so again.
///
/// # Errors
/// Whatever a write returned, but that there is no place for Leases.
pub(crate) fn renew(node: &Value, is_lost: bool, context: &Context<'_>) -> Result<Option<Timestamp>, ApiError> {
    if is_lost {
        return Ok(None);
    }
    let name = node["metadata"]["name"].as_str().unwrap_or_default();
    let key = Key::new(NAMESPACE, name);
    let resource = Writer::new(context.registry, KUBELET).resource(LEASES.0, LEASES.1)?;
    let period = node["metadata"]["annotations"][PERIOD].as_str().and_then(|text| go_duration::parse(text).ok());
    let period = period.filter(|period| *period > SignedDuration::ZERO);
    let now = time::micros(context.now);
    match context.registry.get(&resource, NAMESPACE, name) {
        Err(_) => {
            let made = Writer::new(context.registry, KUBELET).create(LEASES, NAMESPACE, lease(node, &now));
            if let Err(error) = made
                && error.code != 404
            {
                return Err(error);
            }
        }
        Ok(lease) => {
            let renewed = time::parse(&lease.value()["spec"]["renewTime"]).unwrap_or(Timestamp::MIN);
            match period {
                Some(period) if renewed + period > context.now => return Ok(Some(renewed + period)),
                None if renewed > context.now - SignedDuration::from_secs(10) => return Ok(None),
                _ => {}
            }
            Writer::new(context.registry, KUBELET)
                .modify(LEASES, &key, |lease| lease["spec"]["renewTime"] = now.as_str().into())?;
        }
    }
    Ok(period.map(|period| context.now + period))
}

fn lease(node: &Value, now: &str) -> Value {
    let name = &node["metadata"]["name"];
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": name, "namespace": NAMESPACE, "ownerReferences": [
            {"apiVersion": "v1", "kind": "Node", "name": name, "uid": node["metadata"]["uid"]}]},
        "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": now},
    })
}
