//! Header routes.

use serde_json::{Value, json};
use tiphys_api::types::{AlbTrafficRouting, SetHeaderRoute};
use tiphys_machinery::meta;

use super::{
    action::{self, Action},
    annotate, backend, key,
    ownership::Ownership,
    services,
};
use crate::{
    objects::ObjectId,
    settings::IngressApi,
    shape::{self, ShapeError},
    view::{View, managed_names},
};

/// Returns the Ingress with the wanted header routes and without those that are no longer wanted.
pub(super) fn routed(
    view: &View<'_>,
    config: &AlbTrafficRouting,
    ingress: &Value,
    owned: &mut Ownership,
) -> Result<Value, ShapeError> {
    let mut after = ingress.clone();
    for name in managed_names(view.rollout) {
        match wanted(view, name) {
            Some(route) => set(view, config, &mut after, owned, route)?,
            None => remove(view, config, &mut after, owned, name)?,
        }
    }
    owned.write(&mut after)?;
    Ok(after)
}

fn wanted<'v>(view: &View<'v>, name: &str) -> Option<&'v SetHeaderRoute> {
    view.wanted.headers.iter().find(|route| route.name == name && !route.matches.is_empty())
}

fn set(
    view: &View<'_>,
    config: &AlbTrafficRouting,
    ingress: &mut Value,
    owned: &mut Ownership,
    route: &SetHeaderRoute,
) -> Result<(), ShapeError> {
    let (action, condition) = (key(config, "actions", &route.name), key(config, "conditions", &route.name));
    // The weights' action has been made with the same stickiness before.
    if let Ok(forward) = Action::all_to(config, services(view).canary) {
        annotate(ingress, &action, &forward.text())?;
    }
    annotate(ingress, &condition, &action::conditions(route))?;
    owned.add(view.name(), &action);
    owned.add(view.name(), &condition);
    each_rule(ingress, |paths| {
        if paths.iter().all(|path| backend(path) != route.name) {
            paths.insert(0, path(view, &route.name));
        }
        paths.sort_by_key(|path| view.precedence(backend(path)));
    })
}

fn remove(
    view: &View<'_>,
    config: &AlbTrafficRouting,
    ingress: &mut Value,
    owned: &mut Ownership,
    name: &str,
) -> Result<(), ShapeError> {
    for kind in ["actions", "conditions"] {
        let key = key(config, kind, name);
        owned.remove(view.name(), &key);
        if meta::annotation(ingress, &key).is_some() {
            shape::object_mut(ingress, "metadata.annotations")?.remove(&key);
        }
    }
    each_rule(ingress, |paths| {
        if let Some(first) = paths.iter().position(|path| backend(path) == name) {
            paths.remove(first);
        }
    })
}

/// Changes the paths of every rule that has a list of them.
pub(super) fn each_rule(ingress: &mut Value, change: impl Fn(&mut Vec<Value>)) -> Result<(), ShapeError> {
    let Some(rules) = shape::list_mut(ingress, "spec.rules")? else { return Ok(()) };
    for (index, rule) in rules.iter_mut().enumerate() {
        let paths =
            shape::list_mut(rule, "http.paths").map_err(|error| error.below(&format!("spec.rules[{index}]")))?;
        if let Some(paths) = paths {
            change(paths);
        }
    }
    Ok(())
}

fn path(view: &View<'_>, name: &str) -> Value {
    let backend = match view.settings.ingress_api {
        IngressApi::NetworkingV1 => json!({"service": {"name": name, "port": {"name": "use-annotation"}}}),
        IngressApi::ExtensionsV1beta1 => json!({"serviceName": name, "servicePort": "use-annotation"}),
    };
    json!({"path": "/*", "pathType": "ImplementationSpecific", "backend": backend})
}

/// Says what changed, in the words of upstream's events.
pub(super) fn texts(
    view: &View<'_>,
    config: &AlbTrafficRouting,
    id: &ObjectId,
    before: &Value,
    after: &Value,
) -> Vec<String> {
    let of = |object: &Value, name: &str| {
        let value = |kind| meta::annotation(object, &key(config, kind, name)).map(str::to_owned);
        (value("actions"), value("conditions"))
    };
    let names = managed_names(view.rollout);
    let changed = names.iter().filter(|name| of(before, name) != of(after, name));
    let (set, gone): (Vec<&str>, Vec<&str>) = changed.partition(|name| wanted(view, name).is_some());
    let mut texts: Vec<String> =
        set.iter().map(|name| format!("Updating Ingress `{}` to headerRoute '{name}'", id.name)).collect();
    if !gone.is_empty() {
        texts.push(format!("Updating Ingress `{}` removing managed routes", id.name));
    }
    texts
}
