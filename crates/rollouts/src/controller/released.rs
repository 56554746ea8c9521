//! Services that no Rollout names any more: the hash that we put into their selector must go, or they select nothing.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;
use kube::api::Patch;
use serde_json::json;
use tiphys_api::{
    Rollout, Stored,
    constants::{annotations, labels},
    validation::named_services,
};
use tiphys_runtime::cache::Key;
use tracing::{info, warn};

use super::Shared;
use crate::{
    Error,
    apply::{Kind, Objects},
};

/// Looks at Services one after the other.
pub(super) async fn work(shared: Arc<Shared>) {
    loop {
        let key = shared.services.next().await;
        match shared.release(&key).await {
            Ok(()) => shared.services.forget(&key),
            Err(error) => {
                let delay = shared.services.add_failed(key.clone());
                let error = &error as &dyn std::error::Error;
                warn!(service = %key, error, ?delay, "the Service was not released, trying again");
            }
        }
        shared.services.done(&key);
    }
}

/// Returns the name of the Rollout that has put its hash into a Service.
pub(super) fn manager(service: &Service) -> Option<&str> {
    let selector = service.spec.as_ref()?.selector.as_ref()?;
    let annotations = service.metadata.annotations.as_ref()?;
    let manager = annotations.get(annotations::MANAGED_BY)?;
    selector.contains_key(labels::POD_TEMPLATE_HASH).then_some(manager)
}

impl Shared {
    /// Takes hash and annotation away from a Service whose Rollout is gone, or names it no more.
    async fn release(&self, key: &Key) -> Result<(), Error> {
        let Some(service) = self.caches.services.get(key) else { return Ok(()) };
        let Some(manager) = manager(&service) else { return Ok(()) };
        let objects = Objects::new(self.client.clone(), &key.namespace);
        // Asked of the server, because another instance's Rollouts are not in our cache.
        let rollout = match objects.get(Kind::Rollout, manager).await {
            Ok(rollout) => Some(serde_json::to_value(rollout).unwrap_or_default()),
            Err(error) if error.code() == Some(404) => None,
            Err(error) => return Err(error),
        };
        if rollout.is_some_and(|rollout| names(rollout, &key.name)) {
            return Ok(());
        }
        let patch = json!({
            "metadata": {"uid": service.metadata.uid, "annotations": {annotations::MANAGED_BY: null}},
            "spec": {"selector": {labels::POD_TEMPLATE_HASH: null}},
        });
        info!(service = %key, rollout = manager, "no Rollout names the Service, its selector is released");
        objects.patch(Kind::Service, &key.name, Patch::Merge(patch)).await.map(drop)
    }
}

fn names(rollout: serde_json::Value, service: &str) -> bool {
    let stored: Stored<Rollout> = Stored::new(rollout);
    named_services(&stored.typed).iter().any(|named| named.name == service)
}
