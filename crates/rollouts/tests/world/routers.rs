//! Routers of the world: an Ingress before the stable Service, split by ingress-nginx; and what users meet.

use serde_json::{Value, json};
use tiphys_traffic::{Act, Change, ObjectId, Resource};

use super::{World, merge};

/// Name of the canary Ingress of Rollout `web` and Ingress `site`.
const CANARY: &str = "web-site-canary";

fn ingress(name: &str) -> ObjectId {
    Resource::new("networking.k8s.io", "v1", "Ingress", "ingresses").named("shop", name)
}

impl World {
    /// A canary of these fields whose users come through ingress-nginx, promoted and at rest.
    pub(crate) fn routed(fields: &Value) -> Self {
        let mut strategy = json!({
            "canaryService": "canary", "stableService": "stable",
            "trafficRouting": {"nginx": {"stableIngress": "site"}},
        });
        merge(&mut strategy, fields);
        let mut world = World::new(&json!({"replicas": 10, "strategy": {"canary": strategy}}))
            .with_service("canary")
            .with_service("stable");
        world.add_ingress();
        world
    }

    pub(crate) fn add_ingress(&mut self) {
        let path = json!({
            "path": "/", "pathType": "Prefix", "backend": {"service": {"name": "stable", "port": {"number": 80}}},
        });
        let object = json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": "site", "namespace": "shop", "uid": "site", "resourceVersion": "1"},
            "spec": {"ingressClassName": "nginx", "rules": [{"host": "a.io", "http": {"paths": [path]}}]},
        });
        self.routing.insert(ingress("site"), object);
    }

    pub(crate) fn remove_ingress(&mut self) {
        self.routing.remove(&ingress("site"));
    }

    /// Changes the canary Ingress behind the controller's back.
    pub(crate) fn meddle(&mut self, patch: &Value) {
        let id = ingress(CANARY);
        let mut object = self.routing.get(&id).unwrap().clone();
        merge(&mut object, patch);
        self.routing.insert(id, object);
    }

    pub(super) fn route(&mut self, change: &Change) {
        match &change.act {
            Act::Create { object } => {
                assert!(self.routing.get(&change.id).is_none(), "{} exists", change.id);
                let mut object = object.clone();
                object["metadata"]["resourceVersion"] = json!("1");
                object["metadata"]["uid"] = json!(change.id.name);
                self.routing.insert(change.id.clone(), object);
            }
            Act::Patch { patch } => {
                let mut object = self.routing.get(&change.id).unwrap().clone();
                merge(&mut object, patch);
                self.routing.insert(change.id.clone(), object);
            }
            Act::Delete { .. } => self.routing.remove(&change.id),
        }
    }

    /// Weight of the canary Ingress; 0 before there is one.
    pub(crate) fn canary_weight(&self) -> i64 {
        let Some(object) = self.routing.get(&ingress(CANARY)) else { return 0 };
        object["metadata"]["annotations"]["nginx.ingress.kubernetes.io/canary-weight"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap()
    }

    /// What users meet now: `v1:80 v2:20`, and `nobody` for those who meet no ready pod.
    pub(crate) fn users(&self) -> String {
        let canary = self.canary_weight();
        let mut shares = std::collections::BTreeMap::new();
        for (service, weight) in [("stable", 100 - canary), ("canary", canary)] {
            if weight > 0 {
                *shares.entry(self.versions_behind(service)).or_insert(0) += weight;
            }
        }
        shares.iter().map(|(version, weight)| format!("{version}:{weight}")).collect::<Vec<_>>().join(" ")
    }

    /// Remembers what users meet, once there is somebody to meet.
    pub(super) fn look(&mut self) {
        if !self.services.contains_key("stable") || !self.services.contains_key("canary") {
            return;
        }
        let users = self.users();
        let is_open = users != "nobody:100" || !self.met.is_empty();
        if is_open && self.met.last() != Some(&users) {
            self.met.push(users);
        }
    }

    /// Versions of the ready pods that a Service selects.
    fn versions_behind(&self, service: &str) -> String {
        let selector = self.services[service]["spec"]["selector"].as_object().unwrap();
        let is_selected = |pod: &&Value| {
            let labels = &pod["metadata"]["labels"];
            super::cluster::is_ready(pod) && selector.iter().all(|(key, value)| labels[key] == *value)
        };
        let selected = self.pods.values().filter(is_selected);
        let mut versions: Vec<&str> =
            selected.map(|pod| pod["spec"]["containers"][0]["image"].as_str().unwrap()).collect();
        versions.sort_unstable();
        versions.dedup();
        if versions.is_empty() { "nobody".to_owned() } else { versions.join("+") }
    }
}
