//! What the API server warns of in a pod template that it accepts.

use std::collections::BTreeMap;

use serde_json::Value;

use super::validate::fields::{int, list, text};
use crate::{field::Path, meta, quantity::Quantity};

/// Returns the warnings about the pod or pod template at `path`: the empty path for a pod.
#[must_use]
pub fn warnings(template: &Value, path: &Path) -> Vec<String> {
    let (spec, at) = (&template["spec"], path.child("spec"));
    let mut found = spreads(spec, &at.child("topologySpreadConstraints"));
    found.extend(annotations(template, path));
    found.extend(repeated(spec, "hostAliases", "ip", &at));
    found.extend(repeated(spec, "imagePullSecrets", "name", &at));
    for (container, at) in containers(spec, &at) {
        found.extend(fractions(&container["resources"], &at.child("resources")));
        found.extend(environment(container, &at.child("env")));
    }
    found.extend(ports(spec, &at));
    found.extend(port_names(spec, &at));
    if spec["terminationGracePeriodSeconds"].as_i64().is_some_and(|seconds| seconds < 0) {
        let at = at.child("terminationGracePeriodSeconds");
        found.push(format!("{at}: must be >= 0; negative values are invalid and will be treated as 1"));
    }
    found
}

fn containers<'a>(spec: &'a Value, path: &Path) -> Vec<(&'a Value, Path)> {
    let fields = ["initContainers", "containers", "ephemeralContainers"];
    let of = |field: &&'static str| {
        let at = path.child(field);
        list(spec, field).iter().enumerate().map(move |(i, container)| (container, at.index(i))).collect::<Vec<_>>()
    };
    fields.iter().flat_map(of).collect()
}

fn spreads(spec: &Value, path: &Path) -> Vec<String> {
    let all = list(spec, "topologySpreadConstraints").iter().enumerate();
    all.filter(|(_, spread)| spread["labelSelector"].is_null())
        .map(|(i, _)| {
            format!("{}: a null labelSelector results in matching no pod", path.index(i).child("labelSelector"))
        })
        .collect()
}

/// Annotations that once meant something.
const DEAD: [(&str, &str); 4] = [
    (
        "scheduler.alpha.kubernetes.io/critical-pod",
        "non-functional in v1.16+; use the \"priorityClassName\" field instead",
    ),
    ("security.alpha.kubernetes.io/sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
    ("security.alpha.kubernetes.io/unsafe-sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
    ("seccomp.security.alpha.kubernetes.io/pod", "non-functional in v1.27+; use the \"seccompProfile\" field instead"),
];

fn annotations(template: &Value, path: &Path) -> Vec<String> {
    let at = path.child("metadata").child("annotations");
    let set = DEAD.iter().filter(|(key, _)| meta::annotation(template, key).is_some());
    set.map(|(key, message)| format!("{}: {message}", at.key(key))).collect()
}

/// Items of a list that name the same thing.
fn repeated(spec: &Value, field: &str, key: &str, path: &Path) -> Vec<String> {
    let items = list(spec, field);
    let again = items.iter().enumerate().filter(|(i, item)| items[..*i].iter().any(|other| other[key] == item[key]));
    again
        .map(|(i, item)| format!("{}: duplicate {key} {:?}", path.child(field).index(i).child(key), text(item, key)))
        .collect()
}

fn fractions(resources: &Value, path: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for name in ["memory", "ephemeral-storage"] {
        for field in ["limits", "requests"] {
            let amount = &resources[field][name];
            let broken = Quantity::from_json(amount).is_ok_and(|q| !amount.is_null() && q.to_string().ends_with('m'));
            if broken {
                let shown = amount.as_str().unwrap_or_default();
                let at = path.child(field).key(name);
                found.push(format!("{at}: fractional byte value {shown:?} is invalid, must be an integer"));
            }
        }
    }
    found
}

/// A later definition of a variable that does not build on the earlier one.
fn environment(container: &Value, path: &Path) -> Vec<String> {
    let all = list(container, "env");
    let mut found = Vec::new();
    for (i, variable) in all.iter().enumerate() {
        let name = text(variable, "name");
        if !all[..i].iter().any(|other| text(other, "name") == name) {
            continue;
        }
        let (value, reference) = (text(variable, "value"), format!("$({name})"));
        if variable["valueFrom"].is_object() || value == reference || !value.contains(&reference) {
            let at = path.index(i);
            found.push(format!("{at}: hides previous definition of {name:?}, which may be dropped when using apply"));
        }
    }
    found
}

fn ports(spec: &Value, path: &Path) -> Vec<String> {
    let mut seen: BTreeMap<(i64, String), Vec<(Path, &Value)>> = BTreeMap::new();
    let mut found = Vec::new();
    for (container, at) in containers(spec, path) {
        for (i, port) in list(container, "ports").iter().enumerate() {
            let place = at.child("ports").index(i);
            let key = (int(port, "containerPort"), text(port, "protocol").to_owned());
            let others = seen.entry(key).or_default();
            for (other_place, other) in others.iter() {
                let (host, other_host) = (int(port, "hostPort"), int(other, "hostPort"));
                let (ip, other_ip) = (text(port, "hostIP"), text(other, "hostIP"));
                let what = if (host, ip) == (other_host, other_ip) {
                    "duplicate"
                } else if host == 0 || other_host == 0 {
                    "overlapping"
                } else if host == other_host && ip.is_empty() != other_ip.is_empty() {
                    "dangerously ambiguous"
                } else {
                    continue;
                };
                found.push(format!("{place}: {what} port definition with {other_place}"));
            }
            others.push((place, port));
        }
    }
    found
}

fn port_names(spec: &Value, path: &Path) -> Vec<String> {
    let mut seen: BTreeMap<&str, Path> = BTreeMap::new();
    let mut found = Vec::new();
    for (container, at) in containers(spec, path) {
        for (i, port) in list(container, "ports").iter().enumerate() {
            let (name, place) = (text(port, "name"), at.child("ports").index(i));
            match seen.get(name) {
                _ if name.is_empty() => {}
                Some(first) => found.push(format!(
                    "{place}: duplicate port name {name:?} with {first}, services and probes that select ports by name \
                     will use {first}"
                )),
                None => {
                    seen.insert(name, place);
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn doubtful_parts_are_told() {
        let template = json!({"spec": {"terminationGracePeriodSeconds": -1, "containers": [
            {"name": "a", "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "$(A)2"}, {"name": "A"}],
                "ports": [{"containerPort": 80, "protocol": "TCP", "name": "x"}]},
            {"name": "b", "resources": {"limits": {"memory": "1500m"}},
                "ports": [{"containerPort": 80, "protocol": "TCP", "name": "x"}]},
        ]}});
        assert_eq!(
            warnings(&template, &Path::default()),
            [
                "spec.containers[0].env[2]: hides previous definition of \"A\", which may be dropped when using apply",
                "spec.containers[1].resources.limits[memory]: fractional byte value \"1500m\" is invalid, must be an integer",
                "spec.containers[1].ports[0]: duplicate port definition with spec.containers[0].ports[0]",
                "spec.containers[1].ports[0]: duplicate port name \"x\" with spec.containers[0].ports[0], services and probes that select ports by name will use spec.containers[0].ports[0]",
                "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1",
            ]
        );
        assert!(warnings(&json!({"spec": {"containers": [{"name": "a"}]}}), &Path::default()).is_empty());
    }
}
