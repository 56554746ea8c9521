//! Which header and mirror routes exist: those of the steps so far. Derived anew in each pass, so that nothing loses them.

use tiphys_api::{
    Rollout,
    types::{CanaryStep, SetHeaderRoute, SetMirrorRoute},
};

use super::steps;

/// The routes that exist now, in the order of `managedRoutes`: first wins.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Routes<'a> {
    /// Header routes.
    pub headers: Vec<&'a SetHeaderRoute>,
    /// Mirror routes.
    pub mirrors: Vec<&'a SetMirrorRoute>,
}

/// Returns the routes of all steps up to and including the current one; after the last step those of all steps.
///
/// A later step of the same name replaces a route; one without matches removes it.
#[must_use]
pub fn live(rollout: &Rollout) -> Routes<'_> {
    let all = steps::all(rollout);
    let so_far = if steps::current(rollout).is_some() { steps::so_far(rollout) } else { all };
    let names = managed(rollout);
    let last = |is_named: &dyn Fn(&CanaryStep) -> bool| so_far.iter().rev().find(|step| is_named(step));
    let mut routes = Routes::default();
    for name in names {
        let header = last(&|step| step.set_header_route.as_ref().is_some_and(|route| route.name == name));
        routes.headers.extend(header.and_then(|step| step.set_header_route.as_ref()).filter(|r| !r.matches.is_empty()));
        let mirror = last(&|step| step.set_mirror_route.as_ref().is_some_and(|route| route.name == name));
        routes.mirrors.extend(mirror.and_then(|step| step.set_mirror_route.as_ref()).filter(|r| !r.matches.is_empty()));
    }
    routes
}

/// Returns the names of `managedRoutes`, in order.
#[must_use]
pub fn managed(rollout: &Rollout) -> Vec<&str> {
    let routing = rollout.spec.strategy.canary.as_ref().and_then(|canary| canary.traffic_routing.as_ref());
    let routes = routing.and_then(|routing| routing.managed_routes.as_deref()).unwrap_or_default();
    routes.iter().map(|route| route.name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tiphys_api::decode;

    use super::*;

    #[track_caller]
    fn check(name: &str, index: i32, expected: (&[&str], &[&str])) {
        let header = |name: &str, value: &str| json!({"setHeaderRoute": {"name": name, "match": [{"headerName": "x", "headerValue": {"exact": value}}]}});
        let rollout = decode(json!({"spec": {"strategy": {"canary": {
            "trafficRouting": {"managedRoutes": [{"name": "mirror"}, {"name": "second"}, {"name": "first"}]},
            "steps": [
                {"setCanaryScale": {"replicas": 1}},
                header("first", "a"),
                {"pause": {}},
                header("second", "b"),
                {"setMirrorRoute": {"name": "mirror", "match": [{"method": {"exact": "GET"}}]}},
                {"setHeaderRoute": {"name": "first"}},
                {"setMirrorRoute": {"name": "mirror"}},
            ],
        }}}, "status": {"currentStepIndex": index}}))
        .object;
        let routes = live(&rollout);
        let headers: Vec<&str> = routes.headers.iter().map(|route| route.name.as_str()).collect();
        let mirrors: Vec<&str> = routes.mirrors.iter().map(|route| route.name.as_str()).collect();
        assert_eq!((headers.as_slice(), mirrors.as_slice()), expected, "{name}");
    }

    #[test]
    fn routes_live_from_their_step_until_one_removes_them() {
        check("before any", 0, (&[], &[]));
        check("at its step", 1, (&["first"], &[]));
        check("after it", 2, (&["first"], &[]));
        check("in the order of managedRoutes", 3, (&["second", "first"], &[]));
        check("with a mirror", 4, (&["second", "first"], &["mirror"]));
        check("one is removed", 5, (&["second"], &["mirror"]));
        check("after the last step", 7, (&["second"], &[]));
    }
}
