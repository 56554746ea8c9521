//! Weights of one route.

use serde_json::{Value, json};
use tiphys_api::types::IstioDestinationRule;

use super::error::RouteError;
use crate::{
    shape::{self, ShapeError},
    view::{Services, View},
    wanted::Split,
};

/// What a destination of a route is to the Rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Canary,
    Stable,
    /// By position in the wanted split.
    Experiment(usize),
    /// Of an experiment that is over.
    Finished,
    /// Keeps its weight.
    Kept,
    Foreign,
}

/// How destinations are told apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends<'v> {
    pub(super) view: View<'v>,
    pub(super) services: Services<'v>,
    pub(super) rule: Option<&'v IstioDestinationRule>,
}

/// Returns the part of a host before the first dot.
pub(super) fn short(host: &str) -> &str {
    host.split_once('.').map_or(host, |(name, _)| name)
}

impl Ends<'_> {
    /// A subset decides where there is one, because all subsets of a rule share the host.
    fn role(&self, split: &Split, destination: &Value) -> Role {
        let host = short(destination["host"].as_str().unwrap_or_default());
        let subset = destination["subset"].as_str().unwrap_or_default();
        if let Some(rule) = self.rule.filter(|_| !subset.is_empty()) {
            if subset == rule.canary_subset_name {
                return Role::Canary;
            }
            if subset == rule.stable_subset_name {
                return Role::Stable;
            }
            if rule.additional_subset_names.iter().any(|name| name == subset) {
                return Role::Kept;
            }
        }
        match host {
            "" => Role::Foreign,
            host if host == self.services.canary => Role::Canary,
            host if host == self.services.stable => Role::Stable,
            host => match split.additional.iter().position(|share| share.service == host) {
                Some(index) => Role::Experiment(index),
                None if self.view.is_experiment_service(host) => Role::Finished,
                None => Role::Foreign,
            },
        }
    }

    /// Returns the route with the wanted weights; `path` is its place in the object.
    ///
    /// # Errors
    /// If a destination of ours is missing or a foreign one gets traffic.
    pub(super) fn weighed(&self, route: &Value, path: &str, split: &Split) -> Result<Value, RouteError> {
        let destinations = shape::list(route, "route").map_err(|error| error.below(path))?;
        let roles: Vec<Role> = destinations.iter().map(|one| self.role(split, &one["destination"])).collect();
        self.check(&roles)?;
        let kept: i64 =
            destinations.iter().zip(&roles).filter(|(_, role)| **role == Role::Kept).map(|(one, _)| weight(one)).sum();
        let mut after = Vec::with_capacity(destinations.len());
        for (index, (one, role)) in destinations.iter().zip(&roles).enumerate() {
            let path = format!("{path}.route[{index}]");
            let wanted = match role {
                Role::Canary => split.canary,
                Role::Stable => (split.stable - kept).max(0),
                Role::Experiment(index) => split.additional.get(*index).map_or(0, |share| share.weight),
                Role::Finished => continue,
                Role::Foreign if weight(one) != 0 => return Err(foreign(one, path)),
                Role::Kept | Role::Foreign => weight(one),
            };
            after.push(with_weight(one, &path, wanted)?);
        }
        after.extend(missing(split, &roles));
        let mut route = route.clone();
        route["route"] = Value::Array(after);
        Ok(route)
    }

    fn check(&self, roles: &[Role]) -> Result<(), RouteError> {
        let names = self.rule.map_or((self.services.canary, self.services.stable), |rule| {
            (rule.canary_subset_name.as_str(), rule.stable_subset_name.as_str())
        });
        let what = if self.rule.is_some() { "DestinationRule subset" } else { "Service" };
        for (role, title, name) in [(Role::Canary, "Canary", names.0), (Role::Stable, "Stable", names.1)] {
            if !roles.contains(&role) {
                return Err(RouteError::NoDestination { role: title, what, name: name.to_owned() });
            }
        }
        Ok(())
    }
}

/// Returns the destinations of running experiments that the route does not have yet, by name.
fn missing(split: &Split, roles: &[Role]) -> Vec<Value> {
    let all = split.additional.iter().enumerate();
    let mut missing: Vec<_> = all
        .filter(|(index, share)| !share.service.is_empty() && !roles.contains(&Role::Experiment(*index)))
        .map(|(_, share)| share)
        .collect();
    missing.sort_by(|a, b| a.service.cmp(&b.service));
    missing.iter().map(|share| json!({"weight": share.weight, "destination": {"host": share.service}})).collect()
}

/// Returns the weight of a destination; none is 0.
pub(super) fn weight(destination: &Value) -> i64 {
    destination["weight"].as_i64().unwrap_or_default()
}

/// A missing weight is 0 already.
fn with_weight(destination: &Value, path: &str, wanted: i64) -> Result<Value, ShapeError> {
    let mut after = destination.clone();
    if weight(destination) != wanted || destination.get("weight").is_some_and(|old| !old.is_i64()) {
        let Some(members) = after.as_object_mut() else { return Err(ShapeError::new(path, "an object", destination)) };
        members.insert("weight".to_owned(), json!(wanted));
    }
    Ok(after)
}

fn foreign(one: &Value, path: String) -> RouteError {
    let host = one["destination"]["host"].as_str().unwrap_or_default();
    let name = match one["destination"]["subset"].as_str() {
        Some(subset) => format!("{host}/{subset}"),
        None => host.to_owned(),
    };
    RouteError::Foreign { path, name, weight: weight(one) }
}
