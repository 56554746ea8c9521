//! Objects that no Rollout names any more: what we put into them must go, or they select nothing and route to nobody.
//!
//! Whether a Rollout is gone is asked of the server. A question that fails is no answer: then nothing is touched and the
//! object is looked at again.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::api::core::v1::Service;
use kube::api::DynamicObject;
use serde_json::Value;
use tiphys_api::{
    Rollout, Stored,
    constants::{annotations, labels},
    validation::named_services,
};
use tiphys_runtime::cache::Key;
use tiphys_traffic::{
    Act, Need, ObjectId, Objects as RouterObjects, Resource, Settings,
    cleaning::{clean_alb_ingress, clean_destination_rule, clean_service},
    needs,
};
use tracing::{info, warn};

use super::Shared;
use crate::{
    Error,
    apply::{Kind, Objects},
};

/// Which annotations of an Ingress belong to which Rollout.
const MANAGED_ALB: &str = "rollouts.argoproj.io/managed-alb-annotations";

/// Looks at objects one after the other.
pub(super) async fn work(shared: Arc<Shared>) {
    loop {
        let id = shared.leftovers.next().await;
        match shared.release(&id).await {
            Ok(()) => shared.leftovers.forget(&id),
            Err(error) => {
                let delay = shared.leftovers.add_failed(id.clone());
                let error = &error as &dyn std::error::Error;
                warn!(object = %id, error, ?delay, "the object was not released, trying again");
            }
        }
        shared.leftovers.done(&id);
    }
}

/// Returns a Service by its key.
pub(super) fn service_id(key: &Key) -> ObjectId {
    Resource::new("", "v1", "Service", "services").named(&key.namespace, &key.name)
}

/// Returns the objects into which a Rollout may have put something.
pub(super) fn touched(rollout: &Rollout, settings: &Settings) -> Vec<ObjectId> {
    let namespace = rollout.metadata.namespace.as_deref().unwrap_or_default();
    let services = named_services(rollout).into_iter().map(|service| service_id(&Key::new(namespace, service.name)));
    let routed = needs(rollout, &RouterObjects::default(), settings).into_iter().filter_map(|need| match need {
        Need::Named(id) if matches!(id.resource.kind.as_str(), "DestinationRule" | "Ingress") => Some(id),
        _ => None,
    });
    services.chain(routed).collect()
}

/// Returns whether a Service carries the hash of a Rollout.
pub(super) fn is_managed(service: &Service) -> bool {
    let selector = service.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    let annotations = service.metadata.annotations.as_ref();
    selector.is_some_and(|selector| selector.contains_key(labels::POD_TEMPLATE_HASH))
        && annotations.is_some_and(|all| all.contains_key(annotations::MANAGED_BY))
}

/// Returns whether an object of a router is signed by a Rollout.
pub(super) fn is_signed(object: &DynamicObject) -> bool {
    let annotations = object.metadata.annotations.as_ref();
    annotations.is_some_and(|all| all.contains_key(annotations::MANAGED_BY) || all.contains_key(MANAGED_ALB))
}

impl Shared {
    async fn release(&self, id: &ObjectId) -> Result<(), Error> {
        let Some(object) = self.leftover(id) else { return Ok(()) };
        let mut known = BTreeMap::new();
        for name in managers(&object).into_iter().filter(|name| !self.is_known_to_name(name, id)) {
            let objects = Objects::new(self.client.clone(), &id.namespace);
            let rollout = certain(objects.get(Kind::Rollout, &name).await)?;
            known.insert(name, rollout);
        }
        if known.is_empty() {
            return Ok(());
        }
        let Some(patch) = cleaned(id, &object, &known, &self.config.settings.routers) else { return Ok(()) };
        info!(object = %id, "no Rollout names the object, it is released");
        let objects = Objects::new(self.client.clone(), &id.namespace);
        objects.route(id, &Act::Patch { patch }).await.map(drop)
    }

    /// Our own copy is enough to know that a Rollout still names an object, but not that it does not.
    fn is_known_to_name(&self, rollout: &str, id: &ObjectId) -> bool {
        let copy = self.caches.rollouts.get(&Key::new(&id.namespace, rollout));
        let copy = copy.map(|object| Stored::<Rollout>::new(serde_json::to_value(&*object).unwrap_or_default()).typed);
        copy.is_some_and(|rollout| touched(&rollout, &self.config.settings.routers).contains(id))
    }

    fn leftover(&self, id: &ObjectId) -> Option<Value> {
        let key = Key::new(&id.namespace, &id.name);
        if id.resource.kind == "Service" {
            return self.caches.services.get(&key).and_then(|service| serde_json::to_value(&*service).ok());
        }
        self.caches.routers.get(&id.resource).get(&key).and_then(|object| serde_json::to_value(&*object).ok())
    }
}

/// Returns the Rollouts that have signed an object.
fn managers(object: &Value) -> Vec<String> {
    let annotation = |key: &str| object["metadata"]["annotations"][key].as_str();
    let record: BTreeMap<String, Value> =
        annotation(MANAGED_ALB).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    annotation(annotations::MANAGED_BY).map(str::to_owned).into_iter().chain(record.into_keys()).collect()
}

/// Returns the Rollout, or `None` if the server says for certain that there is none.
///
/// # Errors
///
/// Whatever else went wrong: then nobody knows.
fn certain(answer: Result<DynamicObject, Error>) -> Result<Option<Rollout>, Error> {
    match answer {
        Ok(object) => Ok(Some(Stored::new(serde_json::to_value(object).unwrap_or_default()).typed)),
        Err(error) if error.code() == Some(404) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the patch that frees an object of the Rollouts that do not name it any more.
fn cleaned(
    id: &ObjectId,
    object: &Value,
    known: &BTreeMap<String, Option<Rollout>>,
    settings: &Settings,
) -> Option<Value> {
    let manager = object["metadata"]["annotations"][annotations::MANAGED_BY].as_str();
    let manager = manager.and_then(|name| known.get(name)).and_then(Option::as_ref);
    match id.resource.kind.as_str() {
        "Service" => clean_service(object, manager),
        "DestinationRule" => clean_destination_rule(object, manager),
        "Ingress" => clean_alb_ingress(object, |name| {
            let rollout = known.get(name).and_then(Option::as_ref);
            // Who was not asked about names it.
            rollout.map_or(!known.contains_key(name), |rollout| {
                is_balanced(rollout) && touched(rollout, settings).contains(id)
            })
        }),
        _ => None,
    }
}

fn is_balanced(rollout: &Rollout) -> bool {
    let routing = rollout.spec.strategy.canary.as_ref().and_then(|canary| canary.traffic_routing.as_ref());
    routing.is_some_and(|routing| routing.alb.is_some())
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use serde_json::json;

    use super::*;

    fn answer(code: u16) -> Result<DynamicObject, Error> {
        let status = Status { code, message: "said the server".to_owned(), ..Status::default() };
        let source = Box::new(kube::Error::Api(Box::new(status)));
        Err(Error::Act { verb: "read", kind: "Rollout".into(), namespace: String::new(), name: String::new(), source })
    }

    #[test]
    fn only_a_certain_answer_counts() {
        assert!(certain(answer(404)).unwrap().is_none());
        for code in [401, 403, 429, 500, 503, 504] {
            assert!(certain(answer(code)).is_err(), "{code} says nothing about the Rollout");
        }
    }

    #[track_caller]
    fn check(name: &str, rollout: Option<Value>, is_freed: bool) {
        let service = json!({
            "metadata": {"name": "active", "namespace": "shop", "annotations": {annotations::MANAGED_BY: "web"}},
            "spec": {"selector": {"app": "web", labels::POD_TEMPLATE_HASH: "abc"}},
        });
        assert_eq!(managers(&service), ["web"]);
        let known = BTreeMap::from([("web".to_owned(), rollout.map(|raw| Stored::new(raw).typed))]);
        let id = service_id(&Key::new("shop", "active"));
        let patch = cleaned(&id, &service, &known, &Settings::default());
        let hash = patch.map(|patch| patch["spec"]["selector"][labels::POD_TEMPLATE_HASH].clone());
        assert_eq!(hash, is_freed.then_some(Value::Null), "{name}");
    }

    #[test]
    fn a_service_is_freed_of_rollouts_that_do_not_name_it() {
        let naming = |service: &str| json!({"spec": {"strategy": {"blueGreen": {"activeService": service}}}});
        check("the Rollout is gone", None, true);
        check("it names another Service", Some(naming("other")), true);
        check("it names this one", Some(naming("active")), false);
    }
}
