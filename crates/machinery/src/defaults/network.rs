//! Services, endpoints, network policies.

use serde_json::{Value, json};

use super::set::{Fields, get, has, items, made, pointer, text, within};

pub(super) fn service(object: &mut Fields) {
    super::spec(object, |spec| {
        text(spec, "sessionAffinity", "None");
        session_affinity(spec);
        text(spec, "type", "ClusterIP");
        items(spec, "ports", service_port);
        let kind = get(spec, "type").to_owned();
        let external_addresses = spec.get("externalIPs").and_then(Value::as_array).is_some_and(|ips| !ips.is_empty());
        if matches!(kind.as_str(), "NodePort" | "LoadBalancer") || kind == "ClusterIP" && external_addresses {
            text(spec, "externalTrafficPolicy", "Cluster");
        }
        if matches!(kind.as_str(), "NodePort" | "LoadBalancer" | "ClusterIP") {
            pointer(spec, "internalTrafficPolicy", "Cluster");
        }
        if kind == "LoadBalancer" {
            pointer(spec, "allocateLoadBalancerNodePorts", true);
        }
    });
    if object.get("spec").is_some_and(|spec| spec["type"] == "LoadBalancer") {
        within(object, "status", |status| {
            within(status, "loadBalancer", |balancer| {
                items(balancer, "ingress", |ingress| {
                    if !get(ingress, "ip").is_empty() {
                        pointer(ingress, "ipMode", "VIP");
                    }
                });
            })
        });
    }
}

fn session_affinity(spec: &mut Fields) {
    if get(spec, "sessionAffinity") == "None" {
        spec.remove("sessionAffinityConfig");
    } else if get(spec, "sessionAffinity") == "ClientIP" {
        made(spec, "sessionAffinityConfig", |config| {
            made(config, "clientIP", |client| pointer(client, "timeoutSeconds", 10_800));
        });
    }
}

fn service_port(port: &mut Fields) {
    text(port, "protocol", "TCP");
    let target_missing = match port.get("targetPort") {
        None | Some(Value::Null) => true,
        Some(target) => target.as_str() == Some("") || target.as_i64() == Some(0),
    };
    if target_missing {
        let number = port.get("port").cloned().unwrap_or_else(|| json!(0));
        port.insert("targetPort".to_owned(), number);
    }
}

pub(super) fn endpoints(object: &mut Fields) {
    items(object, "subsets", |subset| items(subset, "ports", |port| text(port, "protocol", "TCP")));
}

pub(super) fn endpoint_slice(object: &mut Fields) {
    items(object, "ports", |port| {
        pointer(port, "name", "");
        pointer(port, "protocol", "TCP");
    });
}

pub(super) fn policy(object: &mut Fields) {
    super::spec(object, |spec| {
        for list in ["ingress", "egress"] {
            items(spec, list, |rule| items(rule, "ports", |port| pointer(port, "protocol", "TCP")));
        }
        let filled = |name: &str| spec.get(name).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
        if !filled("policyTypes") {
            let types = if filled("egress") { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
            spec.insert("policyTypes".to_owned(), types);
        }
    });
}

pub(super) fn ingress_class(object: &mut Fields) {
    super::spec(object, |spec| {
        if has(spec, "parameters") {
            within(spec, "parameters", |parameters| pointer(parameters, "scope", "Cluster"));
        }
    });
}
