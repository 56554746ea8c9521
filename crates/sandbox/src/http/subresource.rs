//! Which handler a request for objects goes to.

use std::sync::Arc;

use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tiphys_machinery::{decode, error::ApiError, field::Path, meta, resource::Resource, schema, time};

use super::{
    call::Call,
    credentials::Account,
    negotiate, patch, pods, proxy, read, remove,
    reply::Reply,
    review,
    route::Place,
    scale,
    selection::Selection,
    service::{Server, method_not_allowed, page_not_found},
    watch, write,
};
use crate::registry::Subresource;

const ENDPOINTS: &str = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";
/// Lifetime of tokens that do not say, and the shortest, in seconds.
const TOKEN_LIFETIME: (i64, i64) = (3_600, 600);

/// Answers a request for objects.
pub(super) async fn handle(server: &Server, call: &Call, place: Place) -> Result<Reply, ApiError> {
    let resources = server.registry.resources();
    let Some(resource) = resources.version(&place.group, &place.version, &place.plural) else {
        let known = resources.entries().flat_map(|e| &e.versions).any(|r| r.gvk.group == place.group && !r.custom);
        return if known { Err(not_found()) } else { Ok(page_not_found()) };
    };
    drop(resources);
    if place.namespace.is_some() && !resource.namespaced {
        return if resource.custom { Ok(page_not_found()) } else { Err(not_found()) };
    }
    let reply = match (&place.name, &place.subresource) {
        (None, _) => collection(server, call, &resource, &place).await,
        _ if resource.namespaced && place.namespace.is_none() => Err(not_found()),
        (Some(name), None) => object(server, call, &resource, &place, name).await,
        (Some(name), Some(part)) => {
            let at = (place.namespace.as_deref().unwrap_or_default(), name.as_str());
            subresource(server, call, &resource, at, part).await
        }
    };
    let warning = match &resource.deprecation {
        None if resource.gvk.group.is_empty() && resource.gvk.kind == "Endpoints" => ENDPOINTS,
        None => return reply,
        Some(text) => text,
    };
    let reply = reply.unwrap_or_else(|error| Reply::error(negotiate::error_media(call), &error));
    Ok(reply.warn(&[warning.to_owned()]))
}

/// 404 for a path within a group that is served.
pub(super) fn not_found() -> ApiError {
    ApiError::new(404, "NotFound", "the server could not find the requested resource")
}

fn require(resource: &Resource, verb: &str) -> Result<(), ApiError> {
    if resource.has_verb(verb) { Ok(()) } else { Err(method_not_allowed()) }
}

async fn collection(server: &Server, call: &Call, resource: &Arc<Resource>, place: &Place) -> Result<Reply, ApiError> {
    let namespace = place.namespace.as_deref();
    match call.method {
        Method::GET if place.watch || call.query.flag("watch") => {
            require(resource, "watch")?;
            let selection = Selection::of(&call.query, resource, namespace)?;
            watch::watch(server, call, resource, selection).await
        }
        Method::GET => {
            require(resource, "list")?;
            read::list(server, call, resource, namespace).await
        }
        Method::POST if namespace.is_some() == resource.namespaced => {
            require(resource, "create")?;
            if let Some(reply) = review::review(server, call, resource, namespace) {
                return reply;
            }
            if resource.gvk.kind == "Binding" {
                return binding(server, call, namespace.unwrap_or_default(), None);
            }
            write::create(server, call, resource, namespace.unwrap_or_default())
        }
        Method::DELETE if namespace.is_some() == resource.namespaced => {
            require(resource, "deletecollection")?;
            remove::delete_collection(server, call, resource, namespace)
        }
        _ => Err(method_not_allowed()),
    }
}

async fn object(
    server: &Server,
    call: &Call,
    resource: &Arc<Resource>,
    place: &Place,
    name: &str,
) -> Result<Reply, ApiError> {
    let namespace = place.namespace.as_deref().unwrap_or_default();
    // Such a path is not known at all where there is nothing to read or change.
    if !["get", "update", "patch", "delete"].iter().any(|verb| resource.has_verb(verb)) {
        let made = resource.has_verb("create") && call.method == Method::POST;
        return Err(if made { method_not_allowed() } else { not_found() });
    }
    match call.method {
        Method::GET if place.watch => {
            require(resource, "watch")?;
            let selection = Selection::of(&call.query, resource, place.namespace.as_deref())?.named(name);
            watch::watch(server, call, resource, selection).await
        }
        Method::GET => {
            require(resource, "get")?;
            read::get(server, call, resource, namespace, name).await
        }
        Method::PUT => {
            require(resource, "update")?;
            write::update(server, call, resource, (namespace, name), Subresource::Main)
        }
        Method::PATCH => {
            require(resource, "patch")?;
            patch::patch(server, call, resource, (namespace, name), Subresource::Main)
        }
        Method::DELETE => {
            require(resource, "delete")?;
            remove::delete(server, call, resource, (namespace, name))
        }
        _ => Err(method_not_allowed()),
    }
}

async fn subresource(
    server: &Server,
    call: &Call,
    resource: &Arc<Resource>,
    at: (&str, &str),
    part: &str,
) -> Result<Reply, ApiError> {
    let Some(served) = resource.subresource(part) else {
        let own = ApiError::not_found(&resource.gvk.group, &resource.plural, at.1);
        return Err(if resource.custom { own } else { not_found() });
    };
    let verb = match call.method {
        Method::GET => "get",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        _ => "delete",
    };
    if !served.verbs.contains(&verb) {
        return Err(method_not_allowed());
    }
    let target = match part {
        "status" => Subresource::Status,
        "finalize" => Subresource::Finalize,
        "ephemeralcontainers" => Subresource::EphemeralContainers,
        "resize" => Subresource::Resize,
        "scale" => return scale::handle(server, call, resource, at),
        "binding" => return binding(server, call, at.0, Some(at.1)),
        "token" => return token(server, call, resource, at),
        "log" => return pods::log(server, call, at),
        "proxy" => return proxy::handle(server, call, resource, at),
        "eviction" => return pods::evict(server, call, served, at),
        other => return Err(unsupported(other)),
    };
    match verb {
        "get" => read::get(server, call, resource, at.0, at.1).await,
        "update" => write::update(server, call, resource, at, target),
        _ => patch::patch(server, call, resource, at, target),
    }
}

/// 501: part of the API that needs what a sandbox does not have. The text says what there is instead.
pub(super) fn unsupported(part: &str) -> ApiError {
    let instead = match part {
        "exec" | "attach" => "nothing really runs in its pods; `kubectl logs` shows what they print",
        "portforward" => {
            "nothing really listens in its pods; `kubectl get --raw` on `…/pods/NAME/proxy/` or `…/services/NAME/proxy/` \
             sends a simulated request"
        }
        _ => "nothing really runs in it",
    };
    ApiError::new(501, "NotImplemented", format!("{part} is not supported by the sandbox: {instead}"))
}

/// Binds a pod to a node.
fn binding(server: &Server, call: &Call, namespace: &str, name: Option<&str>) -> Result<Reply, ApiError> {
    let media = negotiate::wanted(call)?.media;
    let options = write::options(call, "CreateOptions")?;
    let resources = server.registry.resources();
    let (Some(pods), Some(bindings)) = (resources.version("", "v1", "pods"), resources.version("", "v1", "bindings"))
    else {
        return Err(not_found());
    };
    let mut binding = write::body(call, (&*bindings).into(), options.field_validation)?.object;
    if let Some(name) = name {
        write::check_name(&mut binding, name)?;
    }
    let node = binding["target"]["name"].as_str().unwrap_or_default().to_owned();
    if node.is_empty() {
        return Err(ApiError::new(500, "", "target.name: Required value"));
    }
    let pod = meta::name(&binding).to_owned();
    let now = time::seconds(server.registry.now());
    server.registry.try_modify(&pods, namespace, &pod, Subresource::Binding, &options, |value| {
        bind(value, &binding, &node, &now)
    })?;
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
    Ok(Reply::value(201, media, &status))
}

fn bind(pod: &mut Value, binding: &Value, node: &str, now: &str) -> Result<(), ApiError> {
    let name = meta::name(binding);
    let conflict = |why: String| {
        let message = format!("Operation cannot be fulfilled on pods/binding \"{name}\": {why}");
        Err(ApiError::new(409, "Conflict", message).about("", "pods/binding", name))
    };
    if pod["spec"]["schedulingGates"].as_array().is_some_and(|gates| !gates.is_empty()) {
        return conflict(format!("pod {name} has non-empty .spec.schedulingGates"));
    }
    if let Some(bound) = pod["spec"]["nodeName"].as_str().filter(|bound| !bound.is_empty()) {
        return conflict(format!("pod {name} is already assigned to node \"{bound}\""));
    }
    pod["spec"]["nodeName"] = node.into();
    for (key, value) in binding["metadata"]["annotations"].as_object().into_iter().flatten() {
        meta::set_annotation(pod, key, value.as_str().unwrap_or_default());
    }
    meta::set_condition(pod, json!({"type": "PodScheduled", "status": "True"}), now);
    Ok(())
}

/// Makes a token for a service account.
fn token(
    server: &Server,
    call: &Call,
    resource: &Resource,
    (namespace, name): (&str, &str),
) -> Result<Reply, ApiError> {
    let media = negotiate::wanted(call)?.media;
    let account = server.registry.get(resource, namespace, name)?;
    let Some(served) = resource.subresource("token") else { return Err(not_found()) };
    let schema = schema::builtin(&served.gvk.api_version(), &served.gvk.kind);
    let nothing = schema::Schema::any();
    let target = decode::Target { gvk: &served.gvk, schema: schema.as_deref().unwrap_or(&nothing), custom: false };
    let mut request = write::body(call, target, decode::FieldValidation::Ignore)?.object;
    let (default, least) = TOKEN_LIFETIME;
    let seconds = request["spec"]["expirationSeconds"].as_i64().unwrap_or(default);
    let wrong = match seconds {
        seconds if seconds < least => Some("may not specify a duration less than 10 minutes"),
        seconds if seconds > 1 << 32 => Some("may not specify a duration larger than 2^32 seconds"),
        _ => None,
    };
    if let Some(why) = wrong {
        let cause = Path::new("spec.expirationSeconds").invalid(seconds, why);
        return Err(ApiError::invalid(&served.gvk.group, &served.gvk.kind, "", &[cause]));
    }
    let now = server.registry.now();
    let expires = now + SignedDuration::from_secs(seconds);
    let account = Account { namespace: namespace.into(), name: name.into(), uid: account.uid().as_ref().into() };
    let audiences = match &request["spec"]["audiences"] {
        Value::Array(given) if !given.is_empty() => Value::from(given.clone()),
        _ => json!(["https://kubernetes.default.svc.cluster.local"]),
    };
    let token = server.credentials.mint(&account, &audiences, now, expires);
    request["spec"]["audiences"] = audiences;
    request["spec"]["expirationSeconds"] = seconds.into();
    request["metadata"]["name"] = name.into();
    request["metadata"]["namespace"] = namespace.into();
    request["status"] = json!({"token": token, "expirationTimestamp": time::seconds(expires)});
    Ok(Reply::value(201, media, &request))
}
