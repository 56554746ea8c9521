//! Services, endpoints, ingresses, network policies.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Layout,
    column::{AGE, NAME, SELECTOR, text as column},
    format::{NONE, age, labels, list, name, number, plain, selector, shortened, text, text_or},
};

/// How many entries a cell lists.
const FEW: usize = 3;

pub(super) const SERVICE: Layout = Layout {
    columns: &[
        NAME,
        column("Type", ".spec.type"),
        column("Cluster-IP", ".spec.clusterIP"),
        column("External-IP", ".spec.externalIPs"),
        column("Port(s)", ".spec.ports"),
        AGE,
        SELECTOR.wide(),
    ],
    cells: |object, now| {
        vec![
            name(object),
            json!(text(object, "/spec/type")),
            json!(text_or(object, "/spec/clusterIPs/0", NONE)),
            json!(external_ip(object)),
            json!(service_ports(object)),
            age(object, now),
            labels(&object["spec"]["selector"]),
        ]
    },
};

fn external_ip(service: &Value) -> String {
    let mut addresses: Vec<String> = Vec::new();
    let otherwise = match text(service, "/spec/type") {
        "ExternalName" => return text(service, "/spec/externalName").to_owned(),
        "ClusterIP" | "NodePort" => NONE,
        "LoadBalancer" => {
            addresses.extend(load_balancer(service));
            "<pending>"
        }
        _ => return "<unknown>".to_owned(),
    };
    addresses.extend(list(service, "/spec/externalIPs").iter().filter_map(Value::as_str).map(str::to_owned));
    if addresses.is_empty() { otherwise.to_owned() } else { addresses.join(",") }
}

/// Addresses or names of the load balancer, sorted.
fn load_balancer(object: &Value) -> BTreeSet<String> {
    let ingress = list(object, "/status/loadBalancer/ingress").iter();
    ingress.map(|i| text_or(i, "/ip", text(i, "/hostname")).to_owned()).filter(|a| !a.is_empty()).collect()
}

fn service_ports(service: &Value) -> String {
    let ports = list(service, "/spec/ports").iter().map(|port| {
        let (number_, protocol) = (number(port, "/port"), text(port, "/protocol"));
        match number(port, "/nodePort") {
            0 => format!("{number_}/{protocol}"),
            node => format!("{number_}:{node}/{protocol}"),
        }
    });
    let ports = ports.collect::<Vec<_>>().join(",");
    if ports.is_empty() { NONE.to_owned() } else { ports }
}

pub(super) const ENDPOINTS: Layout = Layout {
    columns: &[NAME, column("Endpoints", ".subsets"), AGE],
    cells: |object, now| vec![name(object), json!(endpoints(object)), age(object, now)],
};

fn endpoints(object: &Value) -> String {
    let subsets = list(object, "/subsets");
    if subsets.is_empty() {
        return NONE.to_owned();
    }
    let mut all = Vec::new();
    for subset in subsets {
        let addresses: Vec<&str> = list(subset, "/addresses").iter().map(|a| text(a, "/ip")).collect();
        let ports = list(subset, "/ports");
        if ports.is_empty() {
            all.extend(addresses.iter().map(|a| (*a).to_owned()));
        }
        for port in ports.iter().map(|port| number(port, "/port")) {
            all.extend(addresses.iter().map(|address| host_and_port(address, port)));
        }
    }
    shortened(&all, FEW, ",")
}

fn host_and_port(host: &str, port: i64) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

pub(super) const ENDPOINT_SLICE: Layout = Layout {
    columns: &[
        NAME,
        column("AddressType", ".addressType"),
        column("Ports", ".ports"),
        column("Endpoints", ".endpoints"),
        AGE,
    ],
    cells: |object, now| {
        let ports = list(object, "/ports").iter().map(|port| match (port["port"].as_i64(), port["name"].as_str()) {
            (Some(number), _) => number.to_string(),
            (None, Some(name)) => name.to_owned(),
            (None, None) => "*".to_owned(),
        });
        let addresses = list(object, "/endpoints").iter().flat_map(|e| list(e, "/addresses"));
        let addresses = addresses.map(|a| a.as_str().unwrap_or_default().to_owned());
        vec![
            name(object),
            json!(text(object, "/addressType")),
            json!(few_or_unset(&ports.collect::<Vec<_>>())),
            json!(few_or_unset(&addresses.collect::<Vec<_>>())),
            age(object, now),
        ]
    },
};

fn few_or_unset(items: &[String]) -> String {
    let text = shortened(items, FEW, ",");
    if text.is_empty() { "<unset>".to_owned() } else { text }
}

pub(super) const INGRESS: Layout = Layout {
    columns: &[
        NAME,
        column("Class", ".spec.ingressClassName"),
        column("Hosts", "Hosts that requests must be for."),
        column("Address", "Where the load balancer listens."),
        column("Ports", "Ports that are open."),
        AGE,
    ],
    cells: |object, now| {
        let address = load_balancer(object).into_iter().collect::<Vec<_>>().join(",");
        let ports = if list(object, "/spec/tls").is_empty() { "80" } else { "80, 443" };
        vec![
            name(object),
            json!(text_or(object, "/spec/ingressClassName", NONE)),
            json!(hosts(object)),
            json!(address),
            json!(ports),
            age(object, now),
        ]
    },
};

/// The first hosts; the number of further ones counts rules, also those without a host.
fn hosts(ingress: &Value) -> String {
    let rules = list(ingress, "/spec/rules");
    let mut shown: Vec<&str> = Vec::new();
    let mut more = false;
    for rule in rules {
        more = more || shown.len() == FEW;
        if !more && !text(rule, "/host").is_empty() {
            shown.push(text(rule, "/host"));
        }
    }
    match (shown.is_empty(), more) {
        (true, _) => "*".to_owned(),
        (false, false) => shown.join(","),
        (false, true) => format!("{} + {} more...", shown.join(","), rules.len() - FEW),
    }
}

pub(super) const INGRESS_CLASS: Layout = Layout {
    columns: &[NAME, column("Controller", ".spec.controller"), column("Parameters", ".spec.parameters"), AGE],
    cells: |object, now| {
        let parameters = object.pointer("/spec/parameters").filter(|p| p.is_object()).map_or_else(
            || NONE.to_owned(),
            |p| {
                let group = p["apiGroup"].as_str().map_or_else(String::new, |group| format!(".{group}"));
                format!("{}{group}/{}", text(p, "/kind"), text(p, "/name"))
            },
        );
        vec![name(object), json!(text(object, "/spec/controller")), json!(parameters), age(object, now)]
    },
};

pub(super) const POLICY: Layout = Layout {
    columns: &[NAME, column("Pod-Selector", ".spec.podSelector"), AGE],
    cells: |object, now| vec![name(object), selector(&object["spec"]["podSelector"]), age(object, now)],
};

pub(super) const SERVICE_CIDR: Layout = Layout {
    columns: &[NAME, column("CIDRs", ".spec.cidrs"), AGE],
    cells: |object, now| {
        let cidrs = list(object, "/spec/cidrs").iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",");
        vec![name(object), json!(cidrs), age(object, now)]
    },
};

pub(super) const IP_ADDRESS: Layout =
    Layout { columns: &[NAME, column("ParentRef", ".spec.parentRef")], cells: ip_address };

fn ip_address(object: &Value, now: Timestamp) -> Vec<Value> {
    let parent = object.pointer("/spec/parentRef").filter(|p| p.is_object()).map_or_else(
        || NONE.to_owned(),
        |parent| {
            let resource = match text(parent, "/group") {
                "" => plain(parent.get("resource"), ""),
                group => format!("{}.{group}", text(parent, "/resource")),
            };
            let parts = [resource.to_lowercase(), plain(parent.get("namespace"), ""), plain(parent.get("name"), "")];
            parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
        },
    );
    vec![name(object), json!(parent), age(object, now)]
}
