//! The strategies.

use tiphys_machinery::{error::Cause, field::Path, names};

use super::{invalid_struct, steps};
use crate::{
    defaults,
    types::{AntiAffinity, BlueGreenStrategy, CanaryStrategy, IntOrString, PingPong, Rollout, TrafficRouting},
};

pub(super) fn validate(rollout: &Rollout, path: &Path) -> Vec<Cause> {
    let strategy = &rollout.spec.strategy;
    let at = path.child("strategy");
    match (&strategy.blue_green, &strategy.canary) {
        (None, None) => {
            let detail = "Rollout has missing field '.spec.strategy.canary or .spec.strategy.blueGreen'";
            vec![at.required(detail)]
        }
        (Some(_), Some(_)) => {
            vec![at.invalid("blueGreen: true canary: true", "Multiple Strategies can not be listed")]
        }
        (Some(blue_green), None) => validate_blue_green(rollout, blue_green, path),
        (None, Some(canary)) => validate_canary(rollout, canary, path),
    }
}

fn validate_blue_green(rollout: &Rollout, blue_green: &BlueGreenStrategy, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    if blue_green.active_service == blue_green.preview_service {
        let detail = "This rollout uses the same service for the active and preview services, but two different services \
                      are required.";
        causes.push(path.child("activeService").invalid(blue_green.active_service.as_str(), detail));
    }
    let limit = blue_green.scale_down_delay_revision_limit;
    if let Some(limit) = limit.filter(|limit| *limit > defaults::revision_history_limit(rollout)) {
        let detail = "This rollout's revision history limit can not be smaller than the rollout's scale down limit";
        causes.push(path.child("scaleDownDelayRevisionLimit").invalid(limit, detail));
    }
    causes.extend(validate_anti_affinity(blue_green.anti_affinity.as_ref(), &path.child("antiAffinity")));
    causes
}

fn validate_canary(rollout: &Rollout, canary: &CanaryStrategy, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    let surge = defaults::max_surge_as_written(rollout);
    if count_or_percent(&surge) == 0 && count_or_percent(&defaults::max_unavailable_as_written(rollout)) == 0 {
        let value = serde_json::to_value(&surge).unwrap_or_default();
        causes.push(path.child("maxSurge").invalid(value, "MaxSurge and MaxUnavailable both can not be zero"));
    }
    if !canary.stable_service.is_empty() && canary.canary_service == canary.stable_service {
        let detail = "This rollout uses the same service for the stable and canary services, but two different services \
                      are required.";
        causes.push(path.child("stableService").invalid(canary.stable_service.as_str(), detail));
    }
    if let Some(ping_pong) = &canary.ping_pong {
        causes.extend(validate_ping_pong(ping_pong, canary.traffic_routing.as_ref(), path));
    }
    if needs_services(canary) {
        for (field, service) in [("stableService", &canary.stable_service), ("canaryService", &canary.canary_service)] {
            if service.is_empty() {
                let detail = "Canary service and Stable service must to be set to use Traffic Routing";
                causes.push(path.child(field).invalid("", detail));
            }
        }
    }
    causes.extend(validate_routing_only_fields(canary, path));
    for (index, step) in canary.steps.iter().enumerate() {
        causes.extend(steps::validate(step, &path.child("steps").index(index), canary, path));
    }
    causes.extend(validate_anti_affinity(canary.anti_affinity.as_ref(), &path.child("antiAffinity")));
    causes
}

fn validate_ping_pong(ping_pong: &PingPong, routing: Option<&TrafficRouting>, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    let (ping, pong) = (ping_pong.ping_service.as_str(), ping_pong.pong_service.as_str());
    let services = path.child("pingPong");
    let alb_path = path.child("trafficRouting").child("alb");
    if routing.is_some_and(|r| r.alb.is_none() && r.istio.is_none() && r.plugins.is_empty()) {
        let detail = "Ping-pong feature works with the ALB, Istio, and plugin-based traffic routers only";
        causes.push(invalid_struct(&alb_path, "", &serde_json::Value::Null, detail));
    }
    for (field, service) in [("pingService", ping), ("pongService", pong)] {
        if service.is_empty() {
            let detail = "Ping service and Pong service must to be set to use Ping-Pong feature";
            causes.push(services.child(field).invalid("", detail));
        }
    }
    if ping == pong {
        let detail = "This rollout uses the same service for the ping and pong services, but two different services are \
                      required.";
        causes.push(services.child("pingService").invalid(ping, detail));
    }
    if routing.and_then(|r| r.alb.as_ref()).is_some_and(|alb| alb.root_service.is_empty()) {
        let detail = "Root service field is required for the configuration with ALB and ping-pong feature enabled";
        causes.push(alb_path.child("rootService").invalid("", detail));
    }
    causes
}

/// Whether the router needs both Services.
fn needs_services(canary: &CanaryStrategy) -> bool {
    let Some(routing) = &canary.traffic_routing else {
        return false;
    };
    let is_alone = canary.ping_pong.is_none();
    let is_split_by_host = routing.istio.as_ref().is_some_and(|istio| istio.destination_rule.is_none());
    (is_alone && (routing.alb.is_some() || is_split_by_host))
        || routing.smi.is_some()
        || routing.apisix.is_some()
        || routing.ambassador.is_some()
        || routing.nginx.is_some()
        || routing.app_mesh.is_some()
        || routing.traefik.is_some()
}

fn validate_routing_only_fields(canary: &CanaryStrategy, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    let dynamic = path.child("dynamicStableScale");
    let Some(routing) = &canary.traffic_routing else {
        if let Some(delay) = canary.scale_down_delay_seconds {
            let detail = "Canary scaleDownDelaySeconds can only be used with traffic routing";
            causes.push(path.child("scaleDownDelaySeconds").invalid(delay, detail));
        }
        if canary.dynamic_stable_scale {
            causes.push(dynamic.invalid(true, "Canary dynamicStableScale can only be used with traffic routing"));
        }
        return causes;
    };
    if canary.scale_down_delay_seconds.is_some() && canary.dynamic_stable_scale {
        causes.push(dynamic.invalid(true, "Canary dynamicStableScale cannot be used with scaleDownDelaySeconds"));
    }
    if let Some(weight) = routing.max_traffic_weight.filter(|_| routing.nginx.is_none() && routing.plugins.is_empty()) {
        let detail = "Canary maxTrafficWeight in traffic routing only supported in Nginx and Plugins";
        causes.push(path.child("trafficRouting").child("maxTrafficWeight").invalid(weight, detail));
    }
    causes
}

fn validate_anti_affinity(anti_affinity: Option<&AntiAffinity>, path: &Path) -> Vec<Cause> {
    let Some(anti_affinity) = anti_affinity else {
        return Vec::new();
    };
    let mut causes = Vec::new();
    let preferred = anti_affinity.preferred_during_scheduling_ignored_during_execution.as_ref();
    let required = anti_affinity.required_during_scheduling_ignored_during_execution.as_ref();
    if preferred.is_some() == required.is_some() {
        let value = format!(
            "antiAffinity.PreferredDuringSchedulingIgnoredDuringExecution: {} \
             antiAffinity.RequiredDuringSchedulingIgnoredDuringExecution: {}",
            preferred.is_some(),
            required.is_some()
        );
        causes.push(path.invalid(value, "AntiAffinity must have exactly one strategy listed"));
    }
    if let Some(preferred) = preferred.filter(|preferred| !(1..=100).contains(&preferred.weight)) {
        causes.push(path.child("weight").invalid(preferred.weight, "AntiAffinity weight must be between 1-100"));
    }
    causes
}

/// A number, the number before `%`, or what text without `%` says; 0 for anything else.
fn count_or_percent(value: &IntOrString) -> i32 {
    match value {
        IntOrString::String(text) if names::percent(text).is_empty() => {
            text.trim_end_matches('%').parse().unwrap_or(i32::MAX)
        }
        other => defaults::int_value(other),
    }
}
