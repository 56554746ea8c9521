//! EndpointSlices and Endpoints: where the traffic of a Service goes.

mod plan;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tiphys_machinery::error::ApiError;
use tiphys_machinery::time;

use self::plan::{Endpoint, Ports};
use super::cache::{Cache, Marks, Update, in_namespace, key_of};
use super::context::{Context, Controller};
use super::ownership::controller_ref;
use super::view::{Key, Pod, Service};
use crate::object::Object;
use crate::registry::DeleteOptions;
use crate::store::Change;

const SLICES: (&str, &str) = ("discovery.k8s.io", "endpointslices");
const ENDPOINTS: (&str, &str) = ("", "endpoints");
const SERVICE_NAME: &str = "kubernetes.io/service-name";
const SLICE_MANAGER: (&str, &str) = ("endpointslice.kubernetes.io/managed-by", "endpointslice-controller.k8s.io");
const ENDPOINTS_MANAGER: (&str, &str) = ("endpoints.kubernetes.io/managed-by", "endpoint-controller");
const TRIGGER_TIME: &str = "endpoints.kubernetes.io/last-change-trigger-time";
const HEADLESS: &str = "service.kubernetes.io/headless";

/// The controller of EndpointSlices and Endpoints. Its keys are those of Services.
#[derive(Debug, Default)]
pub(crate) struct Endpoints;

impl Controller for Endpoints {
    fn name(&self) -> &'static str {
        "endpoint-slice-controller"
    }

    fn on_change(&mut self, change: &Change, update: &Update, cache: &Cache, marks: &mut Marks) {
        match update {
            Update::Service(sides) => marks.extend(sides.each().map(|service| service.meta.key())),
            Update::Pod(sides) if !is_same_endpoint(sides.old.as_deref(), sides.new.as_deref()) => {
                for pod in sides.each() {
                    let services = in_namespace(&cache.services, &pod.key.namespace);
                    let selecting = services.filter(|(_, service)| service.selector.matches(&pod.labels));
                    marks.extend(selecting.map(|(key, _)| key.clone()));
                }
            }
            _ if change.new.is_none() => mark_lost(change, marks),
            _ => {}
        }
    }

    fn reconcile(&mut self, key: &Key, context: &mut Context<'_>) -> Result<(), ApiError> {
        let Some(service) = context.cache.services.get(key).cloned() else { return forget(key, context) };
        if service.meta.is_deleting() || service.external_name || service.selector.is_empty() {
            return Ok(());
        }
        let groups = plan::groups(&service, context.cache.pods.in_namespace(&key.namespace));
        write_slices(&service, key, &groups, context)?;
        write_endpoints(&service, key, &groups, context)
    }
}

/// What someone deleted is made again.
fn mark_lost(change: &Change, marks: &mut Marks) {
    let object = change.object();
    match change.resource.group_plural() {
        ENDPOINTS => _ = marks.insert(key_of(object)),
        SLICES => marks.extend(object.label(SERVICE_NAME).map(|service| Key::new(object.namespace(), service))),
        _ => {}
    }
}

/// Returns whether nothing changed that an endpoint shows.
fn is_same_endpoint(old: Option<&Pod>, new: Option<&Pod>) -> bool {
    let shown = |pod: &Pod| (pod.is_ready(), pod.deleting, pod.phase.is_terminal());
    let (Some(old), Some(new)) = (old, new) else {
        return [old, new].into_iter().flatten().all(|pod| pod.ip.is_none());
    };
    old.uid == new.uid && shown(old) == shown(new) && old.ip == new.ip && old.labels == new.labels
}

/// The Endpoints object of a Service that is gone goes too; slices go with their owner.
fn forget(key: &Key, context: &Context<'_>) -> Result<(), ApiError> {
    let resource = context.writer().resource(ENDPOINTS.0, ENDPOINTS.1)?;
    let Ok(object) = context.registry.get(&resource, &key.namespace, &key.name) else { return Ok(()) };
    if object.label(ENDPOINTS_MANAGER.0) != Some(ENDPOINTS_MANAGER.1) {
        return Ok(());
    }
    context.writer().delete(ENDPOINTS, key, &DeleteOptions::background())
}

/// A slice that exists.
struct Slice {
    object: Arc<Object>,
    value: Value,
}

impl Slice {
    fn pods(&self) -> Vec<String> {
        let endpoints = self.value["endpoints"].as_array().into_iter().flatten();
        endpoints.filter_map(|e| e["targetRef"]["uid"].as_str().map(str::to_owned)).collect()
    }
}

fn write_slices(
    service: &Service,
    key: &Key,
    groups: &BTreeMap<Ports, Vec<Endpoint>>,
    context: &Context<'_>,
) -> Result<(), ApiError> {
    let mut existing = slices_of(service, context);
    // A Service without endpoints keeps one empty slice, so that its consumers see that it has none.
    let none = BTreeMap::from([(Ports::new(), Vec::new())]);
    let groups = if groups.is_empty() { &none } else { groups };
    for (ports, endpoints) in groups {
        let ports = plan::slice_ports(ports);
        let (same, rest): (Vec<_>, Vec<_>) = existing.into_iter().partition(|s| same_list(&s.value["ports"], &ports));
        existing = rest;
        let lists = plan::distribute(&same.iter().map(Slice::pods).collect::<Vec<_>>(), endpoints);
        let mut lists = lists.into_iter();
        let mut kept = 0;
        for (slice, list) in same.iter().zip(lists.by_ref()) {
            if list.is_empty() && (kept > 0 || !endpoints.is_empty()) {
                context.writer().delete(SLICES, &key_of(&slice.object), &DeleteOptions::background())?;
            } else {
                update_slice(service, slice, &list, context)?;
                kept += 1;
            }
        }
        for list in lists {
            create_slice(service, key, &ports, &list, context)?;
            kept += 1;
        }
        if kept == 0 {
            create_slice(service, key, &ports, &[], context)?;
        }
    }
    for slice in existing {
        context.writer().delete(SLICES, &key_of(&slice.object), &DeleteOptions::background())?;
    }
    Ok(())
}

/// Returns the slices that this controller made for the Service, in order of name.
fn slices_of(service: &Service, context: &Context<'_>) -> Vec<Slice> {
    let dependents = context.registry.dependents(&service.meta.uid).into_iter();
    let ours = dependents.filter(|(resource, object)| {
        resource.group_plural() == SLICES
            && object.label(SLICE_MANAGER.0) == Some(SLICE_MANAGER.1)
            && !object.is_deleting()
    });
    ours.map(|(_, object)| Slice { value: object.value(), object }).collect()
}

/// Equal lists; null and absent are empty.
fn same_list(a: &Value, b: &Value) -> bool {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    list(a) == list(b)
}

fn endpoints_value(list: &[Endpoint], context: &Context<'_>) -> Value {
    list.iter().map(|endpoint| plan::slice_endpoint(endpoint, zone(&endpoint.pod, context).as_deref())).collect()
}

fn zone(pod: &Pod, context: &Context<'_>) -> Option<String> {
    let nodes = context.registry.resource("", "nodes")?;
    let node = context.registry.get(&nodes, "", pod.node.as_deref()?).ok()?;
    node.label("topology.kubernetes.io/zone").map(str::to_owned)
}

fn labels(service: &Service) -> Value {
    let own = |key: &str| key != HEADLESS && key != SERVICE_NAME && key != SLICE_MANAGER.0;
    let mut labels: BTreeMap<&str, &str> = service.meta.labels.iter().filter(|(key, _)| own(key)).collect();
    labels.insert(SERVICE_NAME, &service.meta.name);
    labels.insert(SLICE_MANAGER.0, SLICE_MANAGER.1);
    if service.headless {
        labels.insert(HEADLESS, "");
    }
    json!(labels)
}

fn create_slice(
    service: &Service,
    key: &Key,
    ports: &Value,
    list: &[Endpoint],
    context: &Context<'_>,
) -> Result<(), ApiError> {
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "generateName": format!("{}-", service.meta.name), "labels": labels(service),
            "annotations": {TRIGGER_TIME: time::seconds(context.now)},
            "ownerReferences": [controller_ref("v1", "Service", &service.meta)],
        },
        "addressType": "IPv4", "endpoints": endpoints_value(list, context), "ports": ports,
    });
    context.writer().create(SLICES, &key.namespace, slice)?;
    Ok(())
}

fn update_slice(service: &Service, slice: &Slice, list: &[Endpoint], context: &Context<'_>) -> Result<(), ApiError> {
    let endpoints = endpoints_value(list, context);
    let labels = labels(service);
    if same_list(&slice.value["endpoints"], &endpoints) && slice.value["metadata"]["labels"] == labels {
        return Ok(());
    }
    let stamp = time::seconds(context.now);
    context.writer().modify(SLICES, &key_of(&slice.object), |object| {
        object["endpoints"] = endpoints.clone();
        object["metadata"]["labels"] = labels.clone();
        object["metadata"]["annotations"][TRIGGER_TIME] = stamp.as_str().into();
    })?;
    Ok(())
}

fn write_endpoints(
    service: &Service,
    key: &Key,
    groups: &BTreeMap<Ports, Vec<Endpoint>>,
    context: &Context<'_>,
) -> Result<(), ApiError> {
    let mut labels: BTreeMap<&str, &str> = service.meta.labels.iter().collect();
    labels.insert(ENDPOINTS_MANAGER.0, ENDPOINTS_MANAGER.1);
    if service.headless {
        labels.insert(HEADLESS, "");
    }
    let (labels, subsets) = (json!(labels), plan::subsets(groups));
    let resource = context.writer().resource(ENDPOINTS.0, ENDPOINTS.1)?;
    let stamp = time::seconds(context.now);
    let Ok(existing) = context.registry.get(&resource, &key.namespace, &key.name) else {
        let mut object = json!({
            "apiVersion": "v1", "kind": "Endpoints",
            "metadata": {"name": &*key.name, "labels": labels, "annotations": {TRIGGER_TIME: stamp}},
        });
        if !same_list(&subsets, &Value::Null) {
            object["subsets"] = subsets;
        }
        context.writer().create(ENDPOINTS, &key.namespace, object)?;
        return Ok(());
    };
    let value = existing.value();
    if same_list(&value["subsets"], &subsets) && value["metadata"]["labels"] == labels {
        return Ok(());
    }
    context.writer().modify(ENDPOINTS, key, |object| {
        object["metadata"]["labels"] = labels.clone();
        object["metadata"]["annotations"][TRIGGER_TIME] = stamp.as_str().into();
        if same_list(&subsets, &Value::Null) {
            object.as_object_mut().map(|map| map.remove("subsets"));
        } else {
            object["subsets"] = subsets.clone();
        }
    })?;
    Ok(())
}
