//! Services.

use std::{collections::BTreeSet, net::IpAddr};

use serde_json::{Value, json};

use super::{
    fields::{int, is_set, list, text},
    numbers::{port, port_or_name},
    one_of, required_one_of,
};
use crate::{error::Cause, field::Path, meta, names};

pub(super) fn service(object: &Value) -> Vec<Cause> {
    let (spec, path) = (&object["spec"], Path::new("spec"));
    let headless = is_headless(spec);
    // Addresses are looked at when they are given out, before all else.
    let mut causes = addresses(spec, &path);
    if !causes.is_empty() {
        return causes;
    }
    if list(spec, "ports").is_empty() && !headless && text(spec, "type") != "ExternalName" {
        causes.push(path.child("ports").required(""));
    }
    causes.extend(by_type(spec, headless, &path));
    causes.extend(ports(spec, &path.child("ports")));
    causes.extend(names::labels(&spec["selector"], &path.child("selector")));
    causes.extend(affinity(spec, &path));
    let types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    causes.extend(required_one_of(spec, "type", &types, &path));
    causes.extend(node_ports(spec, &path.child("ports")));
    causes.extend(load_balancer(spec, &path));
    causes.extend(traffic(spec, &path));
    causes
}

/// Returns what is wrong with the addresses of a load balancer.
pub(super) fn status(status: &Value) -> Vec<Cause> {
    let path = Path::new("status.loadBalancer.ingress");
    let mut causes = Vec::new();
    for (i, ingress) in list(&status["loadBalancer"], "ingress").iter().enumerate() {
        let (at, hostname) = (path.index(i), text(ingress, "hostname"));
        if !text(ingress, "ip").is_empty() {
            causes.extend(ip(&ingress["ip"], &at.child("ip")));
            causes.extend(one_of(ingress, "ipMode", &["Proxy", "VIP"], &at));
        } else if is_set(ingress, "ipMode") {
            causes.push(at.child("ipMode").forbidden("may not be specified when `ip` is not set"));
        }
        if !hostname.is_empty() {
            let at = at.child("hostname");
            causes.extend(names::dns_subdomain(hostname).iter().map(|why| at.invalid(hostname, why)));
            if hostname.parse::<IpAddr>().is_ok() {
                causes.push(at.invalid(hostname, "must be a DNS name, not an IP address"));
            }
        }
    }
    causes
}

fn is_headless(spec: &Value) -> bool {
    list(spec, "clusterIPs") == [json!("None")]
}

fn by_type(spec: &Value, headless: bool, path: &Path) -> Vec<Cause> {
    match text(spec, "type") {
        kind @ ("LoadBalancer" | "NodePort") if headless => {
            let detail = format!("may not be set to 'None' for {kind} services");
            vec![path.child("clusterIPs").index(0).invalid("None", &detail)]
        }
        "ExternalName" => external_name(spec, path),
        _ => Vec::new(),
    }
}

fn external_name(spec: &Value, path: &Path) -> Vec<Cause> {
    let detail = "may not be set for ExternalName services";
    let mut causes = Vec::new();
    for field in ["clusterIPs", "ipFamilies"] {
        if !list(spec, field).is_empty() {
            causes.push(path.child(field).forbidden(detail));
        }
    }
    if is_set(spec, "ipFamilyPolicy") {
        causes.push(path.child("ipFamilyPolicy").forbidden(detail));
    }
    let (name, at) = (text(spec, "externalName").trim_end_matches('.'), path.child("externalName"));
    if name.is_empty() {
        causes.push(at.required(""));
    } else {
        causes.extend(names::dns_subdomain(name).iter().map(|why| at.invalid(name, why)));
    }
    causes
}

fn ports(spec: &Value, path: &Path) -> Vec<Cause> {
    let ports = list(spec, "ports");
    let (mut causes, mut seen, mut pairs) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for (i, given) in ports.iter().enumerate() {
        let at = path.index(i);
        let name = text(given, "name");
        if name.is_empty() {
            causes.extend((ports.len() > 1).then(|| at.child("name").required("")));
        } else {
            causes.extend(names::dns_label(name).iter().map(|why| at.child("name").invalid(name, why)));
            if !seen.insert(name) {
                causes.push(at.child("name").duplicate(name));
            }
        }
        causes.extend(port(int(given, "port"), &at.child("port")));
        causes.extend(required_one_of(given, "protocol", &["SCTP", "TCP", "UDP"], &at));
        causes.extend(port_or_name(&given["targetPort"], &at.child("targetPort")));
        if let Some(protocol) = given["appProtocol"].as_str() {
            let at = at.child("appProtocol");
            causes.extend(names::qualified_name(protocol).iter().map(|why| at.invalid(protocol, why)));
        }
    }
    for (i, given) in ports.iter().enumerate() {
        if !pairs.insert((text(given, "protocol"), int(given, "port"))) {
            let key = json!({"port": given["port"], "protocol": given["protocol"]});
            causes.push(path.index(i).duplicate(key));
        }
    }
    causes
}

fn node_ports(spec: &Value, path: &Path) -> Vec<Cause> {
    let (mut causes, mut seen) = (Vec::new(), BTreeSet::new());
    let used = list(spec, "ports").iter().enumerate().filter(|(_, port)| int(port, "nodePort") != 0);
    for (i, given) in used {
        let (number, at) = (int(given, "nodePort"), path.index(i).child("nodePort"));
        if text(spec, "type") == "ClusterIP" {
            causes.push(at.forbidden("may not be used when `type` is 'ClusterIP'"));
        }
        if !seen.insert((text(given, "protocol"), number)) {
            causes.push(at.duplicate(number));
        }
    }
    causes
}

fn affinity(spec: &Value, path: &Path) -> Vec<Cause> {
    let mut causes: Vec<Cause> =
        required_one_of(spec, "sessionAffinity", &["ClientIP", "None"], path).into_iter().collect();
    if text(spec, "sessionAffinity") == "ClientIP" {
        let at = path.child("sessionAffinityConfig").child("clientIP").child("timeoutSeconds");
        match spec.pointer("/sessionAffinityConfig/clientIP/timeoutSeconds").and_then(Value::as_i64) {
            Some(1..=86_400) => {}
            Some(seconds) => {
                causes.push(at.invalid(seconds, "must be greater than 0 and less than 86400"));
            }
            None => causes.push(at.required("when session affinity type is ClientIP")),
        }
    }
    causes
}

fn addresses(spec: &Value, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    if text(spec, "type") != "ExternalName" {
        causes.extend(cluster_ips(spec, &path.child("clusterIPs")));
        for (i, family) in list(spec, "ipFamilies").iter().enumerate() {
            if !matches!(family.as_str(), Some("IPv4" | "IPv6")) {
                causes.push(path.child("ipFamilies").index(i).unsupported(family.clone(), &["IPv4", "IPv6"]));
            }
        }
        let policies = ["PreferDualStack", "RequireDualStack", "SingleStack"];
        causes.extend(one_of(spec, "ipFamilyPolicy", &policies, path));
    }
    for (i, address) in list(spec, "externalIPs").iter().enumerate() {
        causes.extend(ip(address, &path.child("externalIPs").index(i)));
    }
    causes
}

fn cluster_ips(spec: &Value, path: &Path) -> Vec<Cause> {
    let (one, all) = (text(spec, "clusterIP"), list(spec, "clusterIPs"));
    let mut causes = Vec::new();
    let whole = || spec["clusterIPs"].clone();
    match (one.is_empty(), all.first()) {
        (true, Some(_)) => causes.push(path.invalid(whole(), "must be empty when `clusterIP` is not specified")),
        (false, None) => causes.push(path.required("")),
        (false, Some(first)) if *first != one => {
            causes.push(path.invalid(whole(), "first value must match `clusterIP`"));
        }
        _ => {}
    }
    if all.first().is_some_and(|ip| ip == "None") {
        if all.len() > 1 {
            causes.push(path.invalid(whole(), "'None' must be the first and only value"));
        }
        return causes;
    }
    causes.extend(all.iter().enumerate().flat_map(|(i, address)| ip(address, &path.index(i))));
    if all.len() > 2 {
        causes.push(path.invalid(whole(), "may only hold up to 2 values"));
    }
    causes
}

/// Refuses what is no IP address.
pub(super) fn ip(address: &Value, path: &Path) -> Option<Cause> {
    let text = address.as_str().unwrap_or_default();
    let detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
    text.parse::<IpAddr>().is_err().then(|| path.invalid(text, detail))
}

fn load_balancer(spec: &Value, path: &Path) -> Vec<Cause> {
    let only = "may only be used when `type` is 'LoadBalancer'";
    let balanced = text(spec, "type") == "LoadBalancer";
    let mut causes = Vec::new();
    if !balanced && !list(spec, "loadBalancerSourceRanges").is_empty() {
        causes.push(path.child("LoadBalancerSourceRanges").forbidden(only));
    }
    for field in ["allocateLoadBalancerNodePorts", "loadBalancerClass"] {
        if !balanced && is_set(spec, field) {
            causes.push(path.child(field).forbidden(only));
        }
    }
    causes
}

fn traffic(spec: &Value, path: &Path) -> Vec<Cause> {
    let kind = text(spec, "type");
    let external =
        matches!(kind, "NodePort" | "LoadBalancer") || kind == "ClusterIP" && !list(spec, "externalIPs").is_empty();
    let mut causes = Vec::new();
    let (policy, at) = (text(spec, "externalTrafficPolicy"), path.child("externalTrafficPolicy"));
    if external {
        causes.extend(required_one_of(spec, "externalTrafficPolicy", &["Cluster", "Local"], path));
    } else if !policy.is_empty() {
        causes.push(at.invalid(policy, "may only be set for externally-accessible services"));
    }
    let health = int(spec, "healthCheckNodePort");
    if health != 0 && !(kind == "LoadBalancer" && policy == "Local") {
        let detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        causes.push(path.child("healthCheckNodePort").invalid(health, detail));
    }
    causes.extend(one_of(spec, "internalTrafficPolicy", &["Cluster", "Local"], path));
    let distributions = ["PreferClose", "PreferSameZone", "PreferSameNode"];
    causes.extend(one_of(spec, "trafficDistribution", &distributions, path));
    causes
}

/// The addresses given to a Service stay, unless it changes from or to `ExternalName`.
pub(super) fn update(new: &Value, old: &Value) -> Vec<Cause> {
    let (spec, before) = (&new["spec"], &old["spec"]);
    let (path, named) = (Path::new("spec"), |spec: &Value| text(spec, "type") == "ExternalName");
    if named(spec) || named(before) {
        return Vec::new();
    }
    let mut causes = Vec::new();
    if !(is_headless(spec) && is_headless(before)) {
        causes.extend(first_stays(spec, before, "clusterIPs", "primary clusterIP can not be unset", &path));
    }
    if !is_headless(spec) && !is_headless(before) {
        causes.extend(first_stays(spec, before, "ipFamilies", "primary ipFamily can not be unset", &path));
    }
    let balanced = |spec: &Value| text(spec, "type") == "LoadBalancer";
    if balanced(spec)
        && balanced(before)
        && !meta::equal(None, spec.get("loadBalancerClass"), before.get("loadBalancerClass"))
    {
        causes.push(
            path.child("loadBalancerClass").invalid(spec["loadBalancerClass"].clone(), "may not change once set"),
        );
    }
    let health = |spec: &Value| int(spec, "healthCheckNodePort");
    if health(before) != 0 && health(spec) != 0 && health(before) != health(spec) {
        causes.push(path.child("healthCheckNodePort").forbidden("field is immutable"));
    }
    causes
}

/// The first of two addresses or families stays; a second one may come and go.
fn first_stays(spec: &Value, before: &Value, field: &str, unset: &str, path: &Path) -> Option<Cause> {
    let detail = match (list(spec, field).first(), list(before, field).first()) {
        (None, Some(_)) => unset,
        (Some(new), Some(old)) if new != old => "may not change once set",
        _ => return None,
    };
    Some(path.child(field).index(0).invalid(spec[field].clone(), detail))
}
