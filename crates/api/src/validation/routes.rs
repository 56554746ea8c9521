//! Header and mirror routes.

use tiphys_machinery::{error::Cause, field::Path};

use super::invalid_value;
use crate::types::{CanaryStep, SetHeaderRoute, SetMirrorRoute, StringMatch, TrafficRouting};

const NO_VALUE: &str = "StringMatch value missed, match value must have one of the following: exact, regex, prefix";

pub(super) fn validate(
    step: &CanaryStep,
    path: &Path,
    routing: Option<&TrafficRouting>,
    strategy: &Path,
) -> Vec<Cause> {
    let mut causes = Vec::new();
    if let Some(route) = &step.set_header_route {
        causes.extend(validate_header_route(route, &path.child("setHeaderRoute"), routing));
    }
    if let Some(route) = &step.set_mirror_route {
        causes.extend(validate_mirror_route(route, &path.child("setMirrorRoute"), routing));
    }
    let header = step.set_header_route.as_ref().map(|route| ("setHeaderRoute", &route.name));
    let mirror = step.set_mirror_route.as_ref().map(|route| ("setMirrorRoute", &route.name));
    let Some(routing) = routing.filter(|_| header.is_some() || mirror.is_some()) else {
        return causes;
    };
    let Some(managed) = &routing.managed_routes else {
        let detail = "Rollout has missing field 'spec.strategy.canary.trafficRouting.managedRoutes'";
        causes.push(strategy.child("trafficRouting").child("managedRoutes").required(detail));
        return causes;
    };
    for (field, name) in header.into_iter().chain(mirror) {
        if !managed.iter().any(|route| route.name == *name) {
            let detail =
                "Steps define a route that does not exist in spec.strategy.canary.trafficRouting.managedRoutes";
            causes.push(path.child(field).invalid(name.as_str(), detail));
        }
    }
    causes
}

fn validate_header_route(route: &SetHeaderRoute, path: &Path, routing: Option<&TrafficRouting>) -> Vec<Cause> {
    let capable =
        routing.filter(|r| r.istio.is_some() || r.alb.is_some() || r.apisix.is_some() || !r.plugins.is_empty());
    let Some(routing) = capable else {
        let detail = "SetHeaderRoute requires TrafficRouting, supports Istio and ALB and Apisix";
        return vec![invalid_value(path, "SetHeaderRoute", route, detail)];
    };
    let check = if routing.alb.is_some() { exact_match } else { single_match };
    let tests = route.matches.iter().enumerate();
    tests.filter_map(|(i, test)| check(test.header_value.as_ref(), &path.child("match").index(i))).collect()
}

fn validate_mirror_route(route: &SetMirrorRoute, path: &Path, routing: Option<&TrafficRouting>) -> Vec<Cause> {
    let mut causes = Vec::new();
    if routing.is_none_or(|r| r.istio.is_none() && r.plugins.is_empty()) {
        let detail = "SetMirrorRoute requires TrafficRouting, supports Istio and Plugins";
        causes.push(invalid_value(path, "SetMirrorRoute", route, detail));
    }
    for (i, test) in route.matches.iter().enumerate() {
        let at = path.child("match").index(i);
        // Upstream looks at the method twice.
        for value in [&test.method, &test.path, &test.method] {
            causes.extend(value.as_ref().and_then(|value| single_match(Some(value), &at)));
        }
    }
    causes
}

/// Exactly one of exact, regex and prefix.
fn single_match(value: Option<&StringMatch>, path: &Path) -> Option<Cause> {
    let count =
        value.map_or(0, |v| [&v.exact, &v.regex, &v.prefix].into_iter().filter(|text| !text.is_empty()).count());
    match count {
        0 => Some(invalid_value(path, "StringMatch", &value, NO_VALUE)),
        1 => None,
        _ => {
            let detail = "StringMatch match value must have exactly one of the following: exact, regex, prefix";
            Some(invalid_value(path, "StringMatch", &value, detail))
        }
    }
}

/// Exact and nothing else.
fn exact_match(value: Option<&StringMatch>, path: &Path) -> Option<Cause> {
    let Some(value) = value else {
        return Some(invalid_value(path, "StringMatch", &value, NO_VALUE));
    };
    let is_exact = !value.exact.is_empty() && value.regex.is_empty() && value.prefix.is_empty();
    let detail = "SetHeaderRoute match value invalid. ALB supports 'exact' value only";
    (!is_exact).then(|| invalid_value(path, "StringMatch", value, detail))
}
