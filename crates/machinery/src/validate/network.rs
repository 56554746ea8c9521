//! Endpoints, their slices, and network policies.

use std::{collections::BTreeSet, net::IpAddr};

use serde_json::Value;

use super::{
    fields::{int, is_set, list, text},
    numbers::port,
    one_of, required_one_of, service,
};
use crate::{error::Cause, field::Path, names, pod_template::label_selector};

pub(super) fn endpoints(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (i, subset) in list(object, "subsets").iter().enumerate() {
        let path = Path::new("subsets").index(i);
        let (ready, not_ready) = (list(subset, "addresses"), list(subset, "notReadyAddresses"));
        if ready.is_empty() && not_ready.is_empty() {
            causes.push(path.required("must specify `addresses` or `notReadyAddresses`"));
        }
        for (field, addresses) in [("addresses", ready), ("notReadyAddresses", not_ready)] {
            for (j, address) in addresses.iter().enumerate() {
                let at = path.child(field).index(j);
                causes.extend(service::ip(&address["ip"], &at.child("ip")));
                causes.extend(special(text(address, "ip"), &at.child("ip")));
            }
        }
        let ports = list(subset, "ports");
        for (j, given) in ports.iter().enumerate() {
            let at = path.child("ports").index(j);
            let name = text(given, "name");
            if name.is_empty() {
                causes.extend((ports.len() > 1).then(|| at.child("name").required("")));
            } else {
                causes.extend(names::dns_label(name).iter().map(|why| at.child("name").invalid(name, why)));
            }
            causes.extend(port(int(given, "port"), &at.child("port")));
            causes.extend(required_one_of(given, "protocol", &["SCTP", "TCP", "UDP"], &at));
        }
    }
    causes
}

/// Addresses that no endpoint can have.
fn special(address: &str, path: &Path) -> Option<Cause> {
    let address_ = address.parse::<IpAddr>().ok()?;
    let detail = match address_ {
        ip if ip.is_unspecified() => format!("may not be unspecified ({address})"),
        ip if ip.is_loopback() => "may not be in the loopback range (127.0.0.0/8, ::1/128)".to_owned(),
        IpAddr::V4(ip) if ip.is_link_local() => {
            "may not be in the link-local range (169.254.0.0/16, fe80::/10)".to_owned()
        }
        IpAddr::V4(ip) if ip.octets()[0] == 224 && ip.octets()[1..3] == [0, 0] => {
            "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)".to_owned()
        }
        _ => return None,
    };
    Some(path.invalid(address, &detail))
}

const MOST_ENDPOINTS: usize = 1000;
const MOST_ADDRESSES: usize = 100;
const MOST_PORTS: usize = 20_000;

pub(super) fn endpoint_slice(object: &Value) -> Vec<Cause> {
    let root = Path::default();
    let mut causes: Vec<Cause> =
        required_one_of(object, "addressType", &["FQDN", "IPv4", "IPv6"], &root).into_iter().collect();
    causes.extend(slice_ports(object, &root.child("ports")));
    let (endpoints, path) = (list(object, "endpoints"), root.child("endpoints"));
    if endpoints.len() > MOST_ENDPOINTS {
        causes.push(path.too_many(endpoints.len(), MOST_ENDPOINTS));
        return causes;
    }
    for (i, endpoint) in endpoints.iter().enumerate() {
        causes.extend(one_endpoint(endpoint, text(object, "addressType"), &path.index(i)));
    }
    causes
}

fn slice_ports(object: &Value, path: &Path) -> Vec<Cause> {
    let ports = list(object, "ports");
    if ports.len() > MOST_PORTS {
        return vec![path.too_many(ports.len(), MOST_PORTS)];
    }
    let (mut causes, mut seen) = (Vec::new(), BTreeSet::new());
    for (i, given) in ports.iter().enumerate() {
        let (at, name) = (path.index(i), text(given, "name"));
        if !name.is_empty() {
            causes.extend(names::dns_label(name).iter().map(|why| at.child("name").invalid(name, why)));
        }
        if !seen.insert(name) {
            causes.push(at.child("name").duplicate(name));
        }
        causes.extend(required_one_of(given, "protocol", &["SCTP", "TCP", "UDP"], &at));
    }
    causes
}

fn one_endpoint(endpoint: &Value, kind: &str, path: &Path) -> Vec<Cause> {
    let (addresses, at) = (list(endpoint, "addresses"), path.child("addresses"));
    let mut causes = Vec::new();
    if addresses.is_empty() {
        causes.push(at.required("must contain at least 1 address"));
    } else if addresses.len() > MOST_ADDRESSES {
        causes.push(at.too_many(addresses.len(), MOST_ADDRESSES));
    }
    for (i, address) in addresses.iter().filter(|_| kind != "FQDN").enumerate() {
        let (given, place) = (address.as_str().unwrap_or_default(), at.index(i));
        match (given.parse::<IpAddr>(), kind) {
            (Err(_), _) => causes.extend(service::ip(address, &place)),
            (Ok(IpAddr::V6(_)), "IPv4") => causes.push(at.invalid(given, "must be an IPv4 address")),
            (Ok(IpAddr::V4(_)), "IPv6") => causes.push(at.invalid(given, "must be an IPv6 address")),
            (Ok(_), _) => causes.extend(special(given, &place)),
        }
    }
    for (field, rule) in [("nodeName", names::dns_subdomain as fn(&str) -> Vec<String>), ("hostname", names::dns_label)]
    {
        if let Some(name) = endpoint[field].as_str() {
            causes.extend(rule(name).iter().map(|why| path.child(field).invalid(name, why)));
        }
    }
    causes
}

pub(super) fn policy(object: &Value) -> Vec<Cause> {
    let (spec, path) = (&object["spec"], Path::new("spec"));
    let mut causes = label_selector(&spec["podSelector"], &path.child("podSelector"));
    for (rules, peers) in [("ingress", "from"), ("egress", "to")] {
        for (i, rule) in list(spec, rules).iter().enumerate() {
            let at = path.child(rules).index(i);
            for (j, port) in list(rule, "ports").iter().enumerate() {
                causes.extend(policy_port(port, &at.child("ports").index(j)));
            }
            for (j, given) in list(rule, peers).iter().enumerate() {
                causes.extend(peer(given, &at.child(peers).index(j)));
            }
        }
    }
    let types = list(spec, "policyTypes");
    if types.len() > 2 {
        let at = path.child("policyTypes");
        causes.push(at.invalid(spec["policyTypes"].clone(), "may not specify more than two policyTypes"));
        return causes;
    }
    for (i, given) in types.iter().enumerate().filter(|(_, t)| !matches!(t.as_str(), Some("Ingress" | "Egress"))) {
        causes.push(path.child("policyTypes").index(i).unsupported(given.clone(), &["Ingress", "Egress"]));
    }
    causes
}

fn policy_port(given: &Value, path: &Path) -> Vec<Cause> {
    let mut causes: Vec<Cause> = one_of(given, "protocol", &["TCP", "UDP", "SCTP"], path).into_iter().collect();
    let (end, at) = (given["endPort"].as_i64(), path.child("endPort"));
    match &given["port"] {
        Value::Null => {
            causes.extend(end.map(|end| at.invalid(end, "may not be specified when `port` is not specified")));
        }
        Value::String(name) => {
            causes.extend(end.map(|end| at.invalid(end, "may not be specified when `port` is non-numeric")));
            causes.extend(names::port_name(name).iter().map(|why| path.child("port").invalid(name.as_str(), why)));
        }
        number => {
            let number = number.as_i64().unwrap_or_default();
            causes.extend(port(number, &path.child("port")));
            if let Some(end) = end {
                if end < number {
                    causes.push(at.invalid(number, "must be greater than or equal to `port`"));
                }
                causes.extend(port(end, &at));
            }
        }
    }
    causes
}

fn peer(peer: &Value, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    for field in ["podSelector", "namespaceSelector"] {
        causes.extend(label_selector(&peer[field], &path.child(field)));
    }
    let selected = is_set(peer, "podSelector") || is_set(peer, "namespaceSelector");
    if is_set(peer, "ipBlock") {
        let (block, at) = (&peer["ipBlock"], path.child("ipBlock"));
        causes.extend(cidr(&block["cidr"], &at.child("cidr")));
        let excepted = list(block, "except").iter().enumerate();
        causes.extend(excepted.flat_map(|(i, except)| cidr(except, &at.child("except").index(i))));
        if selected {
            causes.push(path.forbidden("may not specify both ipBlock and another peer"));
        }
    } else if !selected {
        causes.push(path.required("must specify a peer"));
    }
    causes
}

fn cidr(value: &Value, path: &Path) -> Option<Cause> {
    let text = value.as_str().unwrap_or_default();
    if text.is_empty() {
        return Some(path.required(""));
    }
    let valid = text.split_once('/').is_some_and(|(address, length)| {
        let most = match address.parse::<IpAddr>() {
            Ok(IpAddr::V4(_)) => 32,
            Ok(IpAddr::V6(_)) => 128,
            Err(_) => return false,
        };
        length.parse::<u32>().is_ok_and(|length| length <= most)
    });
    let detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
    (!valid).then(|| path.invalid(text, detail))
}
