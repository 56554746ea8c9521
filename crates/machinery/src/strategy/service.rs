//! The addresses and ports of a Service: kept when an update leaves them out, dropped when its type has none.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::meta;

/// Lets the two fields for cluster addresses agree on create.
pub(super) fn fill_plural(service: &mut Value) {
    let spec = &mut service["spec"];
    if !text(spec, "clusterIP").is_empty() && is_empty(spec, "clusterIPs") {
        spec["clusterIPs"] = json!([spec["clusterIP"]]);
    }
}

/// Keeps what was given out and drops what the new type does not have.
pub(super) fn prepare_update(new: &mut Value, old: &Value) {
    let Some(spec) = new.get_mut("spec").filter(|spec| spec.is_object()) else { return };
    keep_allocated(spec, &old["spec"]);
    agree_on_cluster_ips(spec, &old["spec"]);
    drop_by_type(spec, &old["spec"]);
    if text(&new["spec"], "type") != "LoadBalancer" {
        new["status"]["loadBalancer"] = json!({});
    }
}

fn has_cluster_ip(spec: &Value) -> bool {
    text(spec, "type") != "ExternalName"
}

fn has_node_ports(spec: &Value) -> bool {
    matches!(text(spec, "type"), "NodePort" | "LoadBalancer")
}

fn allocates_node_ports(spec: &Value) -> bool {
    has_node_ports(spec) && (text(spec, "type") == "NodePort" || spec["allocateLoadBalancerNodePorts"] != false)
}

fn has_health_port(spec: &Value) -> bool {
    text(spec, "type") == "LoadBalancer" && text(spec, "externalTrafficPolicy") == "Local"
}

fn is_external(spec: &Value) -> bool {
    has_node_ports(spec) || text(spec, "type") == "ClusterIP" && !is_empty(spec, "externalIPs")
}

fn keep_allocated(new: &mut Value, old: &Value) {
    if has_cluster_ip(old) && has_cluster_ip(new) {
        if text(new, "clusterIP").is_empty() {
            meta::take(new, old, "clusterIP");
        }
        for list in ["clusterIPs", "ipFamilies"] {
            if is_empty(new, list) {
                meta::take(new, old, list);
            }
        }
        if text(new, "ipFamilyPolicy").is_empty() {
            meta::take(new, old, "ipFamilyPolicy");
        }
    }
    if allocates_node_ports(old) && allocates_node_ports(new) {
        keep_node_ports(new, old);
    }
    if has_health_port(old) && has_health_port(new) && number(new, "healthCheckNodePort") == 0 {
        meta::take(new, old, "healthCheckNodePort");
    }
}

/// Node ports are kept by the port's name, unless the update gives them to another port.
fn keep_node_ports(new: &mut Value, old: &Value) {
    let taken: BTreeSet<i64> = node_ports(new).intersection(&node_ports(old)).copied().collect();
    let before = old["ports"].as_array().cloned().unwrap_or_default();
    for port in new["ports"].as_array_mut().into_iter().flatten().filter(|port| number(port, "nodePort") == 0) {
        let same = before.iter().rfind(|other| text(other, "name") == text(port, "name"));
        let kept = same.map_or(0, |other| number(other, "nodePort"));
        if kept != 0 && !taken.contains(&kept) {
            port["nodePort"] = json!(kept);
        }
    }
}

fn node_ports(spec: &Value) -> BTreeSet<i64> {
    let ports = spec["ports"].as_array().into_iter().flatten();
    ports.map(|port| number(port, "nodePort")).filter(|port| *port != 0).collect()
}

/// A client that knows only the singular field speaks for both.
fn agree_on_cluster_ips(new: &mut Value, old: &Value) {
    if text(old, "clusterIP") == text(new, "clusterIP") {
        if is_empty(new, "clusterIPs") {
            meta::take(new, old, "clusterIPs");
        }
    } else if new.get("clusterIPs") == old.get("clusterIPs") {
        if text(new, "clusterIP").is_empty() {
            remove(new, "clusterIPs");
        } else {
            new["clusterIPs"] = json!([new["clusterIP"]]);
        }
    }
}

fn drop_by_type(new: &mut Value, old: &Value) {
    if has_cluster_ip(old) && !has_cluster_ip(new) {
        if same(new, old, "clusterIP") && same(new, old, "clusterIPs") {
            remove(new, "clusterIP");
            remove(new, "clusterIPs");
        }
        for field in ["ipFamilies", "ipFamilyPolicy"] {
            drop_if_same(new, old, field);
        }
    }
    if has_node_ports(old) && !has_node_ports(new) && node_ports(old).is_superset(&node_ports(new)) {
        for port in new["ports"].as_array_mut().into_iter().flatten() {
            remove(port, "nodePort");
        }
    }
    if has_health_port(old) && !has_health_port(new) {
        drop_if_same(new, old, "healthCheckNodePort");
    }
    if text(old, "type") == "LoadBalancer" && text(new, "type") != "LoadBalancer" {
        for field in ["allocateLoadBalancerNodePorts", "loadBalancerClass"] {
            drop_if_same(new, old, field);
        }
    }
    if is_external(old) && !is_external(new) {
        drop_if_same(new, old, "externalTrafficPolicy");
    }
}

fn drop_if_same(new: &mut Value, old: &Value, field: &str) {
    if same(new, old, field) {
        remove(new, field);
    }
}

fn same(new: &Value, old: &Value, field: &str) -> bool {
    new.get(field) == old.get(field)
}

fn remove(object: &mut Value, field: &str) {
    if let Some(fields) = object.as_object_mut() {
        fields.remove(field);
    }
}

fn text<'v>(object: &'v Value, field: &str) -> &'v str {
    object[field].as_str().unwrap_or_default()
}

fn number(object: &Value, field: &str) -> i64 {
    object[field].as_i64().unwrap_or_default()
}

fn is_empty(object: &Value, list: &str) -> bool {
    object[list].as_array().is_none_or(Vec::is_empty)
}
