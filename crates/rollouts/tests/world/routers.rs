//! Routers of the world: an Ingress before the stable Service, split by ingress-nginx; and what users meet.

use serde_json::{Value, json};
use tiphys_rollouts::{
    observe::Checked,
    router_plugin::{Ask, State, Told},
};
use tiphys_traffic::{Act, Change, ObjectId, Resource, Verified, Verify};

use super::{World, merge};

/// Name of the canary Ingress of Rollout `web` and Ingress `site`.
const CANARY: &str = "web-site-canary";

fn ingress(name: &str) -> ObjectId {
    Resource::new("networking.k8s.io", "v1", "Ingress", "ingresses").named("shop", name)
}

fn virtual_service() -> ObjectId {
    Resource::new("networking.istio.io", "v1alpha3", "VirtualService", "virtualservices").named("shop", "mesh")
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

    /// A canary of these fields whose users come through an Istio VirtualService.
    pub(crate) fn meshed(fields: &Value) -> Self {
        let mut strategy = json!({
            "canaryService": "canary", "stableService": "stable",
            "trafficRouting": {
                "istio": {"virtualService": {"name": "mesh", "routes": ["primary"]}},
                "managedRoutes": [{"name": "testers"}, {"name": "shadow"}],
            },
        });
        merge(&mut strategy, fields);
        let world = World::new(&json!({"replicas": 10, "strategy": {"canary": strategy}}));
        let mut world = world.with_service("canary").with_service("stable");
        let to = |host: &str, weight: i32| json!({"destination": {"host": host}, "weight": weight});
        let route = json!({"name": "primary", "route": [to("stable", 100), to("canary", 0)]});
        let object = json!({
            "apiVersion": "networking.istio.io/v1alpha3", "kind": "VirtualService",
            "metadata": {"name": "mesh", "namespace": "shop", "uid": "mesh", "resourceVersion": "1"},
            "spec": {"hosts": ["web"], "http": [route]},
        });
        world.routing.insert(virtual_service(), object);
        world
    }

    /// A canary of these fields behind an AWS load balancer that is asked for its weights.
    pub(crate) fn balanced(fields: &Value) -> Self {
        let mut strategy = json!({
            "canaryService": "canary", "stableService": "stable",
            "trafficRouting": {"nginx": null, "alb": {"ingress": "site", "servicePort": 80}},
        });
        merge(&mut strategy, fields);
        let mut world = World::routed(&strategy);
        world.settings.routers.aws_verify_target_group = true;
        let mut object = world.routing.get(&ingress("site")).unwrap().clone();
        object["status"] = json!({"loadBalancer": {"ingress": [{"hostname": "site.elb.example.org"}]}});
        world.routing.insert(ingress("site"), object);
        world
    }

    /// A canary of these fields behind a router that is a plugin.
    pub(crate) fn plugged(fields: &Value) -> Self {
        let mut strategy = json!({
            "canaryService": "canary", "stableService": "stable",
            "trafficRouting": {"nginx": null, "plugins": {"acme/router": {"zone": "a"}}},
        });
        merge(&mut strategy, fields);
        World::routed(&strategy)
    }

    /// The router has taken up the weights while [`World::is_aws_ready`]; an error that is queued as a reply is answered first.
    pub(super) fn tell_router(&mut self, ask: &Ask) {
        let is_failing = self.replies.front().is_some_and(Result::is_err);
        let failure = if is_failing { self.replies.pop_front() } else { None };
        let answer = match failure {
            Some(failed) => Err(failed.unwrap_err()),
            None if self.is_aws_ready => Ok(State::InForce),
            None => Ok(State::NotYet("the edge has the former weight".to_owned())),
        };
        self.recall.told.retain(|known| known.ask.plugin != ask.plugin);
        self.recall.told.push(Told { ask: ask.clone(), at: self.now, answer });
    }

    /// The weight of the canary that the router plugin was last told.
    pub(crate) fn told_weight(&self) -> Option<i32> {
        self.recall.told.first().map(|told| told.ask.weights.canary.weight)
    }

    pub(super) fn check(&mut self, ask: &Verify) {
        let why = (!self.is_aws_ready).then(|| "target group has the former weight".to_owned());
        let answer = Verified { is_verified: self.is_aws_ready, why, status: None, events: Vec::new() };
        self.recall.checked.retain(|known| known.ask.ingress != ask.ingress);
        self.recall.checked.push(Checked { ask: ask.clone(), answer, at: self.now });
    }

    /// The HTTP routes of the VirtualService in order: names, and weight of the canary where there is a split.
    pub(crate) fn routes(&self) -> String {
        let object = self.routing.get(&virtual_service()).unwrap();
        let text = |route: &Value| {
            let name = route["name"].as_str().unwrap_or_default();
            let weight = route["route"].as_array().unwrap().iter().find(|to| to["destination"]["host"] == "canary");
            format!("{name}:{}", weight.and_then(|to| to["weight"].as_i64()).unwrap_or(0))
        };
        object["spec"]["http"].as_array().unwrap().iter().map(text).collect::<Vec<_>>().join(" ")
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

/// The VirtualService as a person handles it.
impl World {
    /// Splits between other Services.
    pub(crate) fn rename_hosts(&mut self, stable: &str, canary: &str) {
        let mut object = self.take_virtual_service();
        let to = |host: &str, weight: i32| json!({"destination": {"host": host}, "weight": weight});
        object["spec"]["http"][0]["route"] = json!([to(stable, 100), to(canary, 0)]);
        self.put_virtual_service(object);
    }

    /// Weights by host, sorted.
    pub(crate) fn host_weights(&self) -> String {
        let object = self.routing.get(&virtual_service()).unwrap();
        let route = object["spec"]["http"][0]["route"].as_array().unwrap();
        let text = |to: &Value| format!("{}:{}", to["destination"]["host"].as_str().unwrap(), to["weight"]);
        let mut texts: Vec<String> = route.iter().map(text).collect();
        texts.sort();
        texts.join(" ")
    }

    pub(crate) fn take_virtual_service(&mut self) -> Value {
        let object = self.routing.get(&virtual_service()).unwrap().clone();
        self.routing.remove(&virtual_service());
        object
    }

    pub(crate) fn put_virtual_service(&mut self, object: Value) {
        self.routing.insert(virtual_service(), object);
    }
}
