//! AWS App Mesh: weights of a VirtualRouter, and which pods two VirtualNodes mean.

use serde_json::{Value, json};
use tiphys_api::{
    Rollout,
    constants::labels::POD_TEMPLATE_HASH,
    types::{AppMeshTrafficRouting, AppMeshVirtualNodeReference, AppMeshVirtualService},
};

use crate::{
    fault::{Fault, Routed, Router},
    objects::{ObjectId, Objects, Resource},
    outcome::{Aspect, Change, Outcome},
    patch,
    settings::Settings,
    shape::{self, ShapeError},
    view::{View, namespace},
    wanted::Order,
};

const GROUP: &str = "appmesh.k8s.aws";
const KINDS: [&str; 4] = ["httpRoute", "tcpRoute", "http2Route", "grpcRoute"];

/// Returns VirtualService and VirtualNodes, and the VirtualRouter once the VirtualService is known.
pub(crate) fn needs(
    rollout: &Rollout,
    config: &AppMeshTrafficRouting,
    objects: &Objects,
    settings: &Settings,
) -> Vec<ObjectId> {
    let namespace = namespace(rollout);
    let service = config.virtual_service.as_ref().map(|service| service_id(service, namespace, settings));
    let router = service.as_ref().and_then(|id| router_id(id, objects.get(id)?, settings));
    let group = config.virtual_node_group.as_ref();
    let references = group.map(|group| [&group.canary_virtual_node_ref, &group.stable_virtual_node_ref]);
    let nodes = references.into_iter().flatten().flatten().map(|node| node_id(node, namespace, settings));
    service.into_iter().chain(router).chain(nodes).collect()
}

/// Brings VirtualNodes and VirtualRouter to the wanted state.
pub(crate) fn route(view: &View<'_>, config: &AppMeshTrafficRouting) -> Outcome {
    let mut selection = Outcome::default();
    let Some((canary, stable)) = nodes(config) else {
        let message = "trafficRouting.appMesh.virtualNodeGroup must name canaryVirtualNodeRef and stableVirtualNodeRef";
        selection.faults.push(*Fault::new(Router::AppMesh, message).fix("name both VirtualNodes in the Rollout"));
        return selection;
    };
    let weights = &view.wanted.weights;
    let (canary_hash, stable_hash) = (&weights.canary.pod_template_hash, &weights.stable.pod_template_hash);
    let stable_label = if stable_hash.is_empty() { "stable-hash" } else { stable_hash };
    // The mesh refuses two nodes with one selector.
    let is_told_apart = !canary_hash.is_empty() && canary_hash != stable_hash;
    let canary_label = if is_told_apart { canary_hash } else { "canary-hash" };
    selection.result(point(view, stable, stable_label));
    selection.result(point(view, canary, canary_label));
    let mut outcome = Outcome::default();
    let is_free = selection.faults.is_empty() || view.wanted.order == Order::WeightsFirst;
    if is_free {
        outcome.result(weigh(view, config, &canary.name, &stable.name));
    }
    match view.wanted.order {
        Order::SelectionFirst => {
            selection.merge(outcome);
            selection
        }
        Order::WeightsFirst => {
            outcome.merge(selection);
            outcome
        }
    }
}

fn nodes(config: &AppMeshTrafficRouting) -> Option<(&AppMeshVirtualNodeReference, &AppMeshVirtualNodeReference)> {
    let group = config.virtual_node_group.as_ref()?;
    Some((group.canary_virtual_node_ref.as_ref()?, group.stable_virtual_node_ref.as_ref()?))
}

fn service_id(service: &AppMeshVirtualService, namespace: &str, settings: &Settings) -> ObjectId {
    Resource::new(GROUP, &settings.app_mesh_version, "VirtualService", "virtualservices")
        .named(namespace, &service.name)
}

fn node_id(node: &AppMeshVirtualNodeReference, namespace: &str, settings: &Settings) -> ObjectId {
    Resource::new(GROUP, &settings.app_mesh_version, "VirtualNode", "virtualnodes").named(namespace, &node.name)
}

fn router_id(service: &ObjectId, object: &Value, settings: &Settings) -> Option<ObjectId> {
    let reference = object.pointer("/spec/provider/virtualRouter/virtualRouterRef")?;
    let namespace = reference["namespace"].as_str().unwrap_or(&service.namespace);
    let resource = Resource::new(GROUP, &settings.app_mesh_version, "VirtualRouter", "virtualrouters");
    Some(resource.named(namespace, reference["name"].as_str()?))
}

fn find<'v>(view: &View<'v>, id: &ObjectId, missing: &str) -> Routed<&'v Value> {
    view.find(&Router::AppMesh, id)?.ok_or_else(|| {
        let kind = &id.resource.kind;
        let message = format!("{kind} `{}` not found in namespace `{}`", id.name, id.namespace);
        Fault::new(Router::AppMesh, missing)
            .on(id)
            .fix(format!("create the {kind}, or correct trafficRouting.appMesh in the Rollout"))
            .told(&format!("{kind}NotFound"), message)
    })
}

fn point(view: &View<'_>, node: &AppMeshVirtualNodeReference, hash: &str) -> Routed<Option<Change>> {
    let id = node_id(node, view.namespace(), view.settings);
    let live = find(view, &id, "Virtual-node is missing")?;
    let mut after = live.clone();
    shape::object_mut(&mut after, "spec.podSelector.matchLabels")
        .map_err(|error| Fault::shape(Router::AppMesh, &id, &error))?
        .insert(POD_TEMPLATE_HASH.to_owned(), json!(hash));
    Ok(patch::difference(Router::AppMesh, Aspect::Selection, &id, live, &after))
}

fn weigh(view: &View<'_>, config: &AppMeshTrafficRouting, canary: &str, stable: &str) -> Routed<Option<Change>> {
    let Some(service) = &config.virtual_service else {
        let fault = Fault::new(Router::AppMesh, "must provide virtual-service");
        return Err(fault.fix("name the VirtualService in trafficRouting.appMesh"));
    };
    let service_id = service_id(service, view.namespace(), view.settings);
    let object = find(view, &service_id, "Virtual-service is missing")?;
    let id = router_id(&service_id, object, view.settings).ok_or_else(|| {
        Fault::new(Router::AppMesh, "Virtual-service is not associated with virtual-router")
            .on(&service_id)
            .fix("set spec.provider.virtualRouter.virtualRouterRef in the VirtualService")
    })?;
    let live = find(view, &id, "Virtual-router is missing")?;
    let mut after = live.clone();
    let targets = Targets { view, routes: &service.routes, canary, stable };
    targets.weigh(&mut after).map_err(|error| {
        Fault::new(Router::AppMesh, format!("{id}: {error}")).on(&id).fix("correct the routes of the VirtualRouter")
    })?;
    Ok(patch::difference(Router::AppMesh, Aspect::Weights, &id, live, &after))
}

/// What is wrong with a VirtualRouter.
#[derive(Debug, thiserror::Error)]
enum RouterError {
    #[error("{}: not well-formed: expected {}, found {}", .0.path, .0.wanted, .0.found)]
    Shape(#[from] ShapeError),
    #[error("{0}: not well-formed: none of httpRoute, tcpRoute, http2Route, grpcRoute")]
    NoKind(String),
    #[error("{path} has no weighted target for virtual node {node}")]
    NoTarget { path: String, node: String },
    #[error("route {0} not found in spec.routes")]
    NoRoute(String),
}

struct Targets<'v> {
    view: &'v View<'v>,
    routes: &'v [String],
    canary: &'v str,
    stable: &'v str,
}

impl Targets<'_> {
    fn weigh(&self, router: &mut Value) -> Result<(), RouterError> {
        let Some(routes) = shape::list_mut(router, "spec.routes")? else {
            return Err(ShapeError::new("spec.routes", "a list", &Value::Null).into());
        };
        let is_there = |name: &&String| routes.iter().any(|route| route["name"] == **name);
        if let Some(missing) = self.routes.iter().find(|name| !is_there(name)) {
            return Err(RouterError::NoRoute(missing.clone()));
        }
        for (index, route) in routes.iter_mut().enumerate() {
            let name = route["name"].as_str().unwrap_or_default();
            if self.routes.is_empty() || self.routes.iter().any(|wanted| wanted == name) {
                self.weigh_route(route, &format!("spec.routes[{index}]"))?;
            }
        }
        Ok(())
    }

    fn weigh_route(&self, route: &mut Value, path: &str) -> Result<(), RouterError> {
        let kind = KINDS.iter().find(|kind| route.get(**kind).is_some_and(|value| !value.is_null()));
        let kind = kind.ok_or_else(|| RouterError::NoKind(path.to_owned()))?;
        let field = format!("{kind}.action.weightedTargets");
        let targets = shape::list_mut(route, &field).map_err(|error| error.below(path))?;
        let path = format!("{path}.{field}");
        let targets = targets.ok_or_else(|| ShapeError::new(path.as_str(), "a list", &Value::Null))?;
        let split = self.view.two_way_percent();
        for (node, weight) in [(self.stable, split.stable), (self.canary, split.canary)] {
            let mut found = targets.iter_mut().filter(|target| self.is_node(target, node)).peekable();
            if found.peek().is_none() {
                return Err(RouterError::NoTarget { path, node: node.to_owned() });
            }
            found.for_each(|target| target["weight"] = json!(weight));
        }
        Ok(())
    }

    fn is_node(&self, target: &Value, name: &str) -> bool {
        let reference = &target["virtualNodeRef"];
        let namespace = reference["namespace"].as_str().unwrap_or(self.view.namespace());
        reference["name"] == name && namespace == self.view.namespace()
    }
}
