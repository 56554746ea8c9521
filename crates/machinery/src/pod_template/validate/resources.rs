//! Requests and limits of containers.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{error::Cause, field::Path, names, quantity::Quantity};

const HUGE_PAGES: &str = "hugepages-";

pub(super) fn requirements(requirements: &Value, path: &Path) -> Vec<Cause> {
    let (limits, requests) = (quantities(&requirements["limits"]), quantities(&requirements["requests"]));
    let (limits_at, requests_at) = (path.child("limits"), path.child("requests"));
    let mut causes = Vec::new();
    for (name, quantity) in &limits {
        causes.extend(resource(name, quantity, &limits_at.key(name)));
    }
    for (name, quantity) in &requests {
        causes.extend(resource(name, quantity, &requests_at.key(name)));
        let invalid = |what: &str, limit: &Quantity| {
            requests_at.invalid(quantity.to_string(), &format!("{what} {name} limit of {limit}"))
        };
        match limits.get(name) {
            Some(limit) if !may_overcommit(name) && quantity != limit => {
                causes.push(invalid("must be equal to", limit));
            }
            Some(limit) if quantity > limit => causes.push(invalid("must be less than or equal to", limit)),
            None if !may_overcommit(name) => {
                causes.push(limits_at.required("Limit must be set for non overcommitable resources"));
            }
            _ => {}
        }
    }
    let mut names = limits.keys().chain(requests.keys());
    let has_huge_pages = names.clone().any(|name| name.starts_with(HUGE_PAGES));
    if has_huge_pages && !names.any(|name| ["cpu", "memory"].contains(name)) {
        causes.push(path.forbidden("HugePages require cpu or memory"));
    }
    causes
}

fn quantities(list: &Value) -> BTreeMap<&str, Quantity> {
    let entries = list.as_object().into_iter().flatten();
    entries.filter_map(|(name, value)| Some((name.as_str(), Quantity::from_json(value).ok()?))).collect()
}

fn resource(name: &str, quantity: &Quantity, path: &Path) -> Vec<Cause> {
    let mut causes: Vec<Cause> = names::qualified_name(name).iter().map(|why| path.invalid(name, why)).collect();
    if causes.is_empty() && !name.contains('/') && !is_standard(name) {
        causes.push(path.invalid(name, "must be a standard resource type or fully qualified"));
        causes.push(path.invalid(name, "must be a standard resource for containers"));
    } else if name.contains('/') && !is_native(name) && !is_extended(name) {
        causes.push(path.invalid(name, "doesn't follow extended resource name standard"));
    }
    if quantity.signum() < 0 {
        causes.push(path.invalid(quantity.to_string(), "must be greater than or equal to 0"));
    }
    if is_extended(name) && quantity.milli() % 1000 != 0 {
        causes.push(path.invalid(quantity.to_string(), "must be an integer"));
    }
    causes
}

fn is_standard(name: &str) -> bool {
    ["cpu", "memory", "ephemeral-storage"].contains(&name) || name.starts_with(HUGE_PAGES)
}

fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

fn is_extended(name: &str) -> bool {
    !is_native(name) && !name.starts_with("requests.") && names::qualified_name(&format!("requests.{name}")).is_empty()
}

fn may_overcommit(name: &str) -> bool {
    is_native(name) && !name.starts_with(HUGE_PAGES)
}
