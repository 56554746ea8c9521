//! Requests from the types of the API.

use serde_json::Value;
use tiphys_api::types::{
    RouteMatch, SetHeaderRoute, SetMirrorRoute, StringMatch as ApiStringMatch, TrafficWeights, WeightDestination,
};

use crate::proto::{Destination, HeaderMatch, HeaderRoute, MirrorRoute, RequestMatch, RouteRequest, StringMatch};

impl RouteRequest {
    /// Returns the wanted state of routing as plugins are told it. Routes without a match are removed ones.
    #[must_use]
    pub fn new(
        rollout: &Value,
        config: &Value,
        max_weight: i32,
        weights: &TrafficWeights,
        headers: &[SetHeaderRoute],
        mirrors: &[SetMirrorRoute],
    ) -> Self {
        let routing = &rollout["spec"]["strategy"]["canary"]["trafficRouting"];
        let managed = routing["managedRoutes"].as_array().into_iter().flatten();
        Self {
            rollout: rollout.to_string(),
            config: config.to_string(),
            max_weight,
            canary: Some((&weights.canary).into()),
            stable: Some((&weights.stable).into()),
            additional: weights.additional.iter().map(Into::into).collect(),
            headers: headers.iter().filter(|route| !route.matches.is_empty()).map(header).collect(),
            mirrors: mirrors.iter().filter(|route| !route.matches.is_empty()).map(mirror).collect(),
            managed_routes: managed.filter_map(|route| route["name"].as_str()).map(str::to_owned).collect(),
        }
    }
}

impl From<&WeightDestination> for Destination {
    fn from(from: &WeightDestination) -> Self {
        Self {
            service: from.service_name.clone(),
            pod_template_hash: from.pod_template_hash.clone(),
            weight: from.weight,
        }
    }
}

impl From<&ApiStringMatch> for StringMatch {
    fn from(from: &ApiStringMatch) -> Self {
        Self { exact: from.exact.clone(), prefix: from.prefix.clone(), regex: from.regex.clone() }
    }
}

fn header(route: &SetHeaderRoute) -> HeaderRoute {
    let matches = route
        .matches
        .iter()
        .map(|one| HeaderMatch { header: one.header_name.clone(), value: one.header_value.as_ref().map(Into::into) });
    HeaderRoute { name: route.name.clone(), matches: matches.collect() }
}

fn mirror(route: &SetMirrorRoute) -> MirrorRoute {
    let matches = route.matches.iter().map(request);
    MirrorRoute { name: route.name.clone(), matches: matches.collect(), percentage: route.percentage.unwrap_or(100) }
}

fn request(one: &RouteMatch) -> RequestMatch {
    RequestMatch {
        method: one.method.as_ref().map(Into::into),
        path: one.path.as_ref().map(Into::into),
        headers: one.headers.iter().map(|(name, value)| (name.clone(), value.into())).collect(),
    }
}
