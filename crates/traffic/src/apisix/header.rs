//! Header routes: one ApisixRoute each, a copy of the route that answers before it and leads to the canary.

use serde_json::{Map, Value, json};
use tiphys_api::{
    constants::annotations::LAST_APPLIED,
    types::{ApisixRoute, HeaderRoutingMatch, SetHeaderRoute},
};
use tiphys_machinery::meta;
use tiphys_runtime::recorder::Severity;

use super::{RouteError, backends, chosen, each_rule, resource};
use crate::{
    fault::{Fault, Routed, Router},
    objects::ObjectId,
    outcome::{Act, Aspect, Change, Outcome},
    owner, patch,
    shape::{self, ShapeError},
    view::{View, managed_names},
};

/// By these, other tools would take the copy for the original.
const NOT_COPIED: [&str; 3] = [LAST_APPLIED, "argocd.argoproj.io/tracking-id", "app.kubernetes.io/instance"];

/// Makes the wanted header routes and deletes those that are no longer wanted.
pub(super) fn route(view: &View<'_>, route: &ApisixRoute, base: &Value) -> Outcome {
    let mut outcome = Outcome::default();
    let wanted = |name: &str| view.wanted.headers.iter().find(|one| one.name == name && !one.matches.is_empty());
    for name in managed_names(view.rollout) {
        outcome.result(match wanted(name) {
            Some(header) => set(view, route, base, header),
            None => remove(view, name),
        });
    }
    outcome
}

fn set(view: &View<'_>, route: &ApisixRoute, base: &Value, header: &SetHeaderRoute) -> Routed<Option<Change>> {
    let id = resource().named(view.namespace(), &header.name);
    let rules = rules(view, route, base, header)
        .map_err(|error| error.fault(&resource().named(view.namespace(), &route.name)))?;
    match view.find(&Router::Apisix, &id)? {
        None => Ok(Some(create(view, &id, base, &rules))),
        Some(live) if !owner::controls(view.rollout, live) => {
            Err(Fault::new(Router::Apisix, format!("duplicate ApisixRoute [{}] already exists", id.name))
                .on(&id)
                .fix("give the header route another name"))
        }
        Some(live) => {
            let mut after = live.clone();
            shape::object_mut(&mut after, "spec")
                .map_err(|error| Fault::shape(Router::Apisix, &id, &error))?
                .insert("http".to_owned(), Value::Array(rules));
            let change = patch::difference(Router::Apisix, Aspect::Weights, &id, live, &after);
            Ok(change.map(|change| failing(change, "update", "ApisixRouteUpdateError")))
        }
    }
}

fn create(view: &View<'_>, id: &ObjectId, base: &Value, rules: &[Value]) -> Change {
    let mut object = json!({
        "apiVersion": id.resource.api_version(), "kind": id.resource.kind,
        "metadata": {
            "name": id.name, "namespace": id.namespace, "ownerReferences": [owner::reference(view.rollout)],
        },
        "spec": base["spec"],
    });
    for field in ["labels", "annotations"] {
        let copied: Map<String, Value> = base["metadata"][field]
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(key, _)| !NOT_COPIED.contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        if !copied.is_empty() {
            object["metadata"][field] = Value::Object(copied);
        }
    }
    object["spec"]["http"] = Value::Array(rules.to_vec());
    let change = Change::new(Router::Apisix, Aspect::Weights, id.clone(), Act::Create { object });
    failing(change, "create", "ApisixRouteCreateError")
}

fn remove(view: &View<'_>, name: &str) -> Routed<Option<Change>> {
    let id = resource().named(view.namespace(), name);
    let live = view.find(&Router::Apisix, &id)?.filter(|live| owner::controls(view.rollout, live));
    Ok(live.map(|live| {
        let act = Act::Delete { uid: meta::uid(live).to_owned() };
        failing(Change::new(Router::Apisix, Aspect::Weights, id, act), "delete", "ApisixRouteDeleteError")
    }))
}

fn failing(change: Change, verb: &str, reason: &str) -> Change {
    let prefix = format!("Error {verb} apisix route \"{}\": ", change.id.name);
    change.failing(prefix).failing_as((Severity::Warning, reason.to_owned()))
}

/// Returns the chosen rules of the route as the header route has them; the others would only answer twice.
fn rules(
    view: &View<'_>,
    route: &ApisixRoute,
    base: &Value,
    header: &SetHeaderRoute,
) -> Result<Vec<Value>, RouteError> {
    let tests: Vec<Value> = header.matches.iter().map(test).collect();
    let names = view.services();
    let mut copy = base.clone();
    each_rule(route, &mut copy, |rule| {
        let all = backends(rule)?;
        all.retain(|backend| backend["serviceName"] != names.stable);
        let canary = all.iter_mut().find(|backend| backend["serviceName"] == names.canary && backend.is_object());
        canary.ok_or_else(|| RouteError::NoBackend(names.canary.to_owned()))?["weight"] = json!(100);
        let priority = match &rule["priority"] {
            Value::Null => 0,
            other => other.as_i64().ok_or_else(|| ShapeError::new("spec.http[].priority", "a number", other))?,
        };
        rule["priority"] = json!(priority.saturating_add(1));
        shape::object_mut(rule, "match")?.insert("exprs".to_owned(), json!(tests));
        Ok(())
    })?;
    let rules = shape::list(&copy, "spec.http")?;
    Ok(rules.iter().filter(|rule| chosen(route).iter().any(|name| rule["name"] == **name)).cloned().collect())
}

fn test(one: &HeaderRoutingMatch) -> Value {
    let value = one.header_value.clone().unwrap_or_default();
    let (op, value) = if !value.exact.is_empty() {
        ("Equal", value.exact)
    } else if !value.regex.is_empty() {
        ("RegexMatch", value.regex)
    } else {
        ("RegexMatch", format!("^{}.*", value.prefix))
    };
    json!({"subject": {"scope": "Header", "name": one.header_name}, "op": op, "value": value})
}
