//! Which endpoints a Service has.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::controllers::view::{Pod, Service, ServicePort};

/// Most endpoints in one slice.
pub(crate) const SLICE_MAX: usize = 100;

/// One pod behind a Service.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Endpoint {
    pub(crate) pod: Arc<Pod>,
    pub(crate) ready: bool,
    pub(crate) serving: bool,
}

/// Ports as a slice lists them: all endpoints of a slice share them.
pub(crate) type Ports = Vec<(String, String, u16, Option<String>)>;

/// Returns the endpoints of a Service by the ports they resolve to, each group in pod order. Pods without an address
/// and pods that ended are left out.
pub(crate) fn groups<'a>(
    service: &Service,
    pods: impl Iterator<Item = &'a Arc<Pod>>,
) -> BTreeMap<Ports, Vec<Endpoint>> {
    let mut groups: BTreeMap<Ports, Vec<Endpoint>> = BTreeMap::new();
    for pod in pods.filter(|pod| service.selector.matches(&pod.labels)) {
        if pod.ip.is_none() || pod.phase.is_terminal() {
            continue;
        }
        let serving = pod.is_ready() || service.publish_not_ready;
        let endpoint =
            Endpoint { pod: pod.clone(), ready: serving && (!pod.deleting || service.publish_not_ready), serving };
        groups.entry(ports(service, pod)).or_default().push(endpoint);
    }
    groups
}

fn ports(service: &Service, pod: &Pod) -> Ports {
    let resolved = service.ports.iter().filter_map(|port| {
        let protocol = if port.protocol.is_empty() { "TCP" } else { &port.protocol };
        Some((port.name.clone(), protocol.to_owned(), target(port, pod)?, port.app_protocol.clone()))
    });
    resolved.collect()
}

fn target(port: &ServicePort, pod: &Pod) -> Option<u16> {
    match &port.target_port {
        Value::Number(number) => u16::try_from(number.as_u64()?).ok().filter(|n| *n > 0).or(Some(port.port)),
        Value::String(name) => pod.named_ports.iter().find(|(known, _)| **known == **name).map(|(_, number)| *number),
        _ => Some(port.port),
    }
}

/// Returns the JSON form in an EndpointSlice.
pub(crate) fn slice_endpoint(endpoint: &Endpoint, zone: Option<&str>) -> Value {
    let pod = &endpoint.pod;
    let mut value = json!({
        "addresses": [pod.ip.as_deref().unwrap_or_default()],
        "conditions": {"ready": endpoint.ready, "serving": endpoint.serving, "terminating": pod.deleting},
        "targetRef": target_ref(pod),
    });
    if let Some(node) = &pod.node {
        value["nodeName"] = (**node).into();
    }
    if let Some(zone) = zone {
        value["zone"] = zone.into();
    }
    value
}

fn target_ref(pod: &Pod) -> Value {
    json!({"kind": "Pod", "namespace": &*pod.key.namespace, "name": &*pod.key.name, "uid": &*pod.uid})
}

/// Returns the JSON form of ports in an EndpointSlice.
pub(crate) fn slice_ports(ports: &Ports) -> Value {
    let one = |(name, protocol, port, app): &(String, String, u16, Option<String>)| {
        let mut value = json!({"name": name, "port": port, "protocol": protocol});
        if let Some(app) = app {
            value["appProtocol"] = app.as_str().into();
        }
        value
    };
    ports.iter().map(one).collect()
}

/// Returns the subsets of the Endpoints object; terminating pods are left out.
pub(crate) fn subsets(groups: &BTreeMap<Ports, Vec<Endpoint>>) -> Value {
    let subset = |(ports, endpoints): (&Ports, &Vec<Endpoint>)| {
        let mut subset = json!({});
        for (field, ready) in [("addresses", true), ("notReadyAddresses", false)] {
            let mut some: Vec<_> =
                endpoints.iter().filter(|e| e.ready == ready && (!e.pod.deleting || e.ready)).collect();
            some.sort_by_key(|e| e.pod.ip.as_deref().and_then(|ip| ip.parse::<std::net::IpAddr>().ok()));
            if !some.is_empty() {
                subset[field] = some.into_iter().map(|e| address(&e.pod)).collect();
            }
        }
        let has_any = subset.get("addresses").is_some() || subset.get("notReadyAddresses").is_some();
        if !ports.is_empty() {
            subset["ports"] = ports.iter().map(endpoints_port).collect();
        }
        has_any.then_some(subset)
    };
    groups.iter().filter_map(subset).collect()
}

fn endpoints_port((name, protocol, port, app): &(String, String, u16, Option<String>)) -> Value {
    let mut value = json!({"port": port, "protocol": protocol});
    if !name.is_empty() {
        value["name"] = name.as_str().into();
    }
    if let Some(app) = app {
        value["appProtocol"] = app.as_str().into();
    }
    value
}

fn address(pod: &Pod) -> Value {
    let mut value = json!({"ip": pod.ip.as_deref().unwrap_or_default(), "targetRef": target_ref(pod)});
    if let Some(node) = &pod.node {
        value["nodeName"] = (**node).into();
    }
    value
}

/// Puts endpoints into slices: each stays in the slice where it is, others fill gaps, then new slices. Returns the
/// lists in the order of the existing slices, followed by new ones.
pub(crate) fn distribute(existing: &[Vec<String>], wanted: &[Endpoint]) -> Vec<Vec<Endpoint>> {
    let mut left: BTreeMap<&str, &Endpoint> = wanted.iter().map(|e| (&*e.pod.uid, e)).collect();
    let mut lists: Vec<Vec<Endpoint>> = Vec::new();
    for slice in existing {
        lists.push(slice.iter().filter_map(|uid| left.remove(uid.as_str())).cloned().collect());
    }
    let mut rest = wanted.iter().filter(|e| left.contains_key(&*e.pod.uid)).cloned().peekable();
    for list in &mut lists {
        while list.len() < SLICE_MAX && rest.peek().is_some() {
            list.extend(rest.next());
        }
    }
    let rest: Vec<Endpoint> = rest.collect();
    lists.extend(rest.chunks(SLICE_MAX).map(<[Endpoint]>::to_vec));
    lists
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::fixtures::pod;

    #[expect(clippy::needless_pass_by_value, reason = "tables write their JSON in place")]
    fn service(ports: Value) -> Service {
        serde_json::from_value(json!({"metadata": {"name": "s"}, "spec": {"selector": {"app": "a"}, "ports": ports}}))
            .unwrap()
    }

    fn backend(name: &str, ip: &str) -> Pod {
        let labels = BTreeMap::from([("app".to_owned(), "a".to_owned())]).into();
        Pod { labels, ip: Some(ip.into()), named_ports: Box::new([("http".into(), 8080)]), ..pod(name) }
            .ready_at("2026-01-01T00:00:00Z")
    }

    #[test]
    fn pods_are_grouped_by_the_ports_they_resolve_to() {
        let other = Pod { named_ports: Box::new([("http".into(), 9090)]), ..backend("b", "10.0.0.2") };
        let unnamed = Pod { labels: Default::default(), ..backend("c", "10.0.0.3") };
        let pods = [backend("a", "10.0.0.1"), other, unnamed, Pod { ip: None, ..backend("d", "") }].map(Arc::new);
        let groups = groups(&service(json!([{"name": "web", "port": 80, "targetPort": "http"}])), pods.iter());
        let seen: Vec<_> = groups.iter().map(|(ports, e)| (ports[0].2, &*e[0].pod.key.name, e.len())).collect();
        assert_eq!(seen, [(8080, "a", 1), (9090, "b", 1)]);
    }

    #[test]
    fn a_terminating_pod_serves_but_is_not_ready() {
        let pods = [Arc::new(Pod { deleting: true, ..backend("a", "10.0.0.1") })];
        let groups = groups(&service(json!([{"port": 80}])), pods.iter());
        let endpoint = &groups.values().next().unwrap()[0];
        let value = slice_endpoint(endpoint, Some("z"));
        assert_eq!(value["conditions"], json!({"ready": false, "serving": true, "terminating": true}));
        assert_eq!(value["zone"], "z");
        assert_eq!(subsets(&groups), json!([]));
    }

    #[test]
    fn endpoints_stay_in_their_slice() {
        let all: Vec<Endpoint> = (0..150)
            .map(|n| Endpoint { pod: Arc::new(backend(&format!("p{n}"), "10.0.0.1")), ready: true, serving: true })
            .collect();
        let existing = vec![vec!["p149".to_owned(), "gone".to_owned()]];
        let lists = distribute(&existing, &all);
        assert_eq!(lists.iter().map(Vec::len).collect::<Vec<_>>(), [100, 50]);
        assert_eq!(&*lists[0][0].pod.uid, "p149");
        assert_eq!(&*lists[0][1].pod.uid, "p0");
    }
}
