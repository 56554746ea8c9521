//! The objects that decide the way of requests, as those know them who send the requests.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Name,
    gateway::HttpRoute,
    ingress::Ingress,
    istio::{self, Subsets, VirtualService},
    request::{Request, Target},
    stream::{self, Stream},
};
use crate::registry::Registry;

/// Kinds that are read: group and plural.
pub(super) const KINDS: [(&str, &str); 6] = [
    ("", "services"),
    ("networking.k8s.io", "ingresses"),
    ("networking.istio.io", "virtualservices"),
    ("networking.istio.io", "destinationrules"),
    ("gateway.networking.k8s.io", "httproutes"),
    ("gateway.networking.k8s.io", "grpcroutes"),
];

/// Label of an EndpointSlice that names its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// What decides.
#[derive(Debug, Clone, Default)]
pub struct Plane {
    /// Names of the Services there are.
    pub services: Vec<Name>,
    /// Ingresses.
    pub ingresses: Vec<Ingress>,
    /// VirtualServices.
    pub virtual_services: Vec<VirtualService>,
    /// Subsets of Services.
    pub subsets: Subsets,
    /// Routes of the Gateway API.
    pub routes: Vec<HttpRoute>,
    /// Names of the ready pods of each Service.
    pub endpoints: BTreeMap<Name, Vec<String>>,
}

impl Plane {
    /// Reads everything but the endpoints anew, and returns the streams that annotations ask for, by name.
    pub(super) fn read(&mut self, registry: &Registry) -> BTreeMap<String, Stream> {
        let mut fresh = Self { endpoints: std::mem::take(&mut self.endpoints), ..Self::default() };
        let mut streams = BTreeMap::new();
        for kind in KINDS {
            let Some(resource) = registry.resource(kind.0, kind.1) else { continue };
            for object in registry.list(&resource, None) {
                let value = object.value();
                let target = fresh.add(kind, &value, &Name::new(object.namespace(), object.name()));
                if let Some((target, path)) = target
                    && let Some(stream) = stream::annotated(&value, Request::to(target).path(&path))
                {
                    streams.insert(format!("{}/{}", kind.1, object.key()), stream);
                }
            }
        }
        *self = fresh;
        streams
    }

    /// Takes one object in; returns where requests to it go, and to which path.
    fn add(&mut self, kind: (&str, &str), value: &Value, name: &Name) -> Option<(Target, String)> {
        let root = || "/".to_owned();
        match kind.1 {
            "services" => {
                self.services.push(name.clone());
                Some((Target::Service(name.clone()), root()))
            }
            "ingresses" => {
                let ingress = Ingress::read(value);
                let (host, path) = ingress.first().map(|(host, path)| (host.to_owned(), path.to_owned()))?;
                self.ingresses.push(ingress);
                let host = if host.is_empty() { "sandbox.example".to_owned() } else { host.replace('*', "any") };
                Some((Target::Host(host), path))
            }
            "virtualservices" => {
                let service = VirtualService::read(value);
                let target = service.target();
                self.virtual_services.push(service);
                Some((target?, root()))
            }
            "destinationrules" => {
                istio::read_subsets(value, &mut self.subsets);
                None
            }
            _ => {
                let route = HttpRoute::read(value);
                let target = route.target();
                self.routes.push(route);
                Some((target?, root()))
            }
        }
    }

    /// Returns the Service of an EndpointSlice.
    pub(super) fn service_of(slice: &crate::object::Object) -> Option<Name> {
        Some(Name::new(slice.namespace(), slice.label(SERVICE_NAME)?))
    }

    /// Returns the ready pods of every Service.
    pub(super) fn all_endpoints(registry: &Registry) -> BTreeMap<Name, Vec<String>> {
        let mut all: BTreeMap<Name, Vec<String>> = BTreeMap::new();
        let Some(slices) = registry.resource("discovery.k8s.io", "endpointslices") else { return all };
        for slice in registry.list(&slices, None) {
            if let Some(service) = Self::service_of(&slice) {
                all.entry(service).or_default().extend(ready_pods(&slice.value()));
            }
        }
        all
    }

    /// Returns the ready pods of one Service.
    pub(super) fn endpoints_of(registry: &Registry, service: &Name) -> Vec<String> {
        let Some(slices) = registry.resource("discovery.k8s.io", "endpointslices") else { return Vec::new() };
        let slices = registry.list(&slices, Some(&service.namespace)).into_iter();
        let own = slices.filter(|slice| slice.label(SERVICE_NAME) == Some(&service.name));
        own.flat_map(|slice| ready_pods(&slice.value())).collect()
    }
}

fn ready_pods(slice: &Value) -> Vec<String> {
    let endpoints = slice["endpoints"].as_array().into_iter().flatten();
    let ready = endpoints.filter(|endpoint| endpoint["conditions"]["ready"] != false);
    ready.filter_map(|endpoint| endpoint["targetRef"]["name"].as_str().map(ToOwned::to_owned)).collect()
}
