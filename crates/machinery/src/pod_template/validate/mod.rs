//! What the API server refuses in a pod template, in its words and order.
//!
//! Covered: metadata, names, containers, ports, environment, mounts, probes, lifecycle, resources, security contexts,
//! volumes, scheduling, host names and policies. Not covered: restart rules of single containers, resource claims,
//! pod-level resources, Windows, sysctls, seccomp and AppArmor profiles, and the details of volume sources that belong to
//! one vendor. The template must have its defaults (see [`super::apply_defaults`]).

mod container;
mod environment;
pub(crate) mod fields;
mod probe;
mod resources;
mod scheduling;
mod volume;

use serde_json::Value;

use self::fields::{int, is_set, list, text};
use crate::{error::Cause, field::Path, names};

pub use self::scheduling::label_selector;

/// Whose rules hold where programs differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// The API server.
    ApiServer,
    /// The controller of Argo Rollouts: names of environment variables are strict, `privileged` is not looked at.
    Rollouts,
}

/// Whether a selector selects the pods of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// It does.
    Selected,
    /// It does not.
    NotSelected,
}

/// Returns what is wrong with the template of a ReplicaSet at `path`.
#[must_use]
pub fn validate_for_replica_set(template: &Value, selection: Selection, path: &Path, caller: Caller) -> Vec<Cause> {
    let mut causes = Vec::new();
    if selection == Selection::NotSelected {
        let labels = template["metadata"].get("labels").cloned().unwrap_or_default();
        let at = path.child("metadata").child("labels");
        causes.push(at.invalid(labels, "`selector` does not match template `labels`"));
    }
    causes.extend(validate(template, path, caller));
    let (spec, at) = (&template["spec"], path.child("spec"));
    if text(spec, "restartPolicy") != "Always" {
        causes.push(at.child("restartPolicy").unsupported(text(spec, "restartPolicy"), &["Always"]));
    }
    if is_set(spec, "activeDeadlineSeconds") {
        causes
            .push(at.child("activeDeadlineSeconds").forbidden("activeDeadlineSeconds in ReplicaSet is not Supported"));
    }
    causes
}

/// Returns what is wrong with a pod template at `path`.
#[must_use]
pub fn validate(template: &Value, path: &Path, caller: Caller) -> Vec<Cause> {
    let (metadata, spec) = (&template["metadata"], &template["spec"]);
    let mut causes = names::labels(&metadata["labels"], &path.child("labels"));
    causes.extend(names::annotations(&metadata["annotations"], &path.child("annotations")));
    causes.extend(validate_spec(spec, &path.child("spec"), caller));
    if !list(spec, "ephemeralContainers").is_empty() {
        let at = path.child("spec").child("ephemeralContainers");
        causes.push(at.forbidden("ephemeral containers not allowed in pod template"));
    }
    causes
}

/// Returns what is wrong with the spec of a pod or pod template at `path`.
#[must_use]
pub fn validate_spec(spec: &Value, path: &Path, caller: Caller) -> Vec<Cause> {
    let (mut causes, volumes) = volume::volumes(spec, &path.child("volumes"));
    let scope = container::Scope { spec, volumes: &volumes, caller };
    causes.extend(container::containers(&scope, &path.child("containers")));
    causes.extend(container::init_containers(&scope, &path.child("initContainers")));
    causes.extend(container::ephemeral_containers(&scope, &path.child("ephemeralContainers")));
    causes.extend(host_network(spec, path));
    let policies = ["Always", "OnFailure", "Never"];
    causes.extend(one_of(spec, "restartPolicy", &policies, path));
    let dns = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    causes.extend(one_of(spec, "dnsPolicy", &dns, path));
    causes.extend(names::labels(&spec["nodeSelector"], &path.child("nodeSelector")));
    causes.extend(container::pod_security(&spec["securityContext"], spec, &path.child("securityContext")));
    causes.extend(scheduling::affinity(&spec["affinity"], &path.child("affinity")));
    causes.extend(dns_config(spec, &path.child("dnsConfig")));
    causes.extend(conditions(spec, "readinessGates", "conditionType", path));
    causes.extend(conditions(spec, "schedulingGates", "name", path));
    causes.extend(scheduling::spread(spec, &path.child("topologySpreadConstraints")));
    causes.extend(spec_names(spec, path));
    causes.extend(scheduling::tolerations(spec, &path.child("tolerations")));
    causes.extend(host_aliases(spec, &path.child("hostAliases")));
    causes.extend(late_names(spec, path));
    causes
}

fn spec_names(spec: &Value, path: &Path) -> Vec<Cause> {
    let mut causes = named(spec, "serviceAccountName", names::dns_subdomain, path);
    causes.extend(named(spec, "nodeName", names::dns_subdomain, path));
    let deadline = spec["activeDeadlineSeconds"].as_i64();
    if let Some(seconds) = deadline.filter(|seconds| !(1..=i64::from(i32::MAX)).contains(seconds)) {
        let detail = "must be between 1 and 2147483647, inclusive";
        causes.push(path.child("activeDeadlineSeconds").invalid(seconds, detail));
    }
    causes.extend(named(spec, "hostname", names::dns_label, path));
    causes.extend(named(spec, "subdomain", names::dns_label, path));
    causes
}

fn late_names(spec: &Value, path: &Path) -> Vec<Cause> {
    let mut causes = named(spec, "priorityClassName", names::dns_subdomain, path);
    if is_set(spec, "runtimeClassName") {
        let name = text(spec, "runtimeClassName");
        causes.extend(names::dns_subdomain(name).iter().map(|why| path.child("runtimeClassName").invalid(name, why)));
    }
    if is_set(spec, "preemptionPolicy") {
        causes.extend(one_of(spec, "preemptionPolicy", &["PreemptLowerPriority", "Never"], path));
    }
    causes
}

/// Checks an optional name against a rule.
fn named(value: &Value, field: &str, rule: fn(&str) -> Vec<String>, path: &Path) -> Vec<Cause> {
    let name = text(value, field);
    let reasons = if name.is_empty() { Vec::new() } else { rule(name) };
    reasons.iter().map(|why| path.child(field).invalid(name, why)).collect()
}

/// Checks a required word against the words that exist.
fn one_of(value: &Value, field: &str, words: &[&str], path: &Path) -> Option<Cause> {
    match text(value, field) {
        "" => Some(path.child(field).required("")),
        word if words.contains(&word) => None,
        word => Some(path.child(field).unsupported(word, words)),
    }
}

fn nonnegative(value: &Value, field: &str, path: &Path) -> Option<Cause> {
    let number = int(value, field);
    (number < 0).then(|| path.child(field).invalid(number, "must be greater than or equal to 0"))
}

/// With the host's network a port of the host can only be the container's own.
fn host_network(spec: &Value, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    if spec["hostNetwork"] != true {
        return causes;
    }
    for (i, container) in list(spec, "containers").iter().enumerate() {
        for (j, port) in list(container, "ports").iter().enumerate() {
            let (host, own) = (int(port, "hostPort"), int(port, "containerPort"));
            if host != 0 && host != own {
                let at = path.child("containers").index(i).child("ports").index(j).child("hostPort");
                causes.push(at.invalid(host, "must match `containerPort` when `hostNetwork` is true"));
            }
        }
    }
    causes
}

fn conditions(spec: &Value, field: &str, name: &str, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (i, gate) in list(spec, field).iter().enumerate() {
        let at = path.child(field).index(i).child(name);
        let value = text(gate, name);
        causes.extend(names::qualified_name(value).iter().map(|why| at.invalid(value, why)));
    }
    causes
}

fn dns_config(spec: &Value, path: &Path) -> Vec<Cause> {
    let config = &spec["dnsConfig"];
    if text(spec, "dnsPolicy") == "None" {
        if config.is_null() {
            return vec![path.required("must provide `dnsConfig` when `dnsPolicy` is None")];
        }
        if list(config, "nameservers").is_empty() {
            let detail = "must provide at least one DNS nameserver when `dnsPolicy` is None";
            return vec![path.child("nameservers").required(detail)];
        }
    }
    let mut causes = Vec::new();
    for (field, limit, what) in [("nameservers", 3, "nameservers"), ("searches", 32, "search paths")] {
        if list(config, field).len() > limit {
            let detail = format!("must not have more than {limit} {what}");
            causes.push(path.child(field).invalid(config[field].clone(), &detail));
        }
    }
    for (i, option) in list(config, "options").iter().enumerate() {
        if text(option, "name").is_empty() {
            causes.push(path.child("options").index(i).required("must not be empty"));
        }
    }
    causes
}

fn host_aliases(spec: &Value, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (i, alias) in list(spec, "hostAliases").iter().enumerate() {
        let address = text(alias, "ip");
        if address.parse::<std::net::IpAddr>().is_err() {
            let detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
            causes.push(path.index(i).child("ip").invalid(address, detail));
        }
        for (j, name) in list(alias, "hostnames").iter().filter_map(Value::as_str).enumerate() {
            let at = path.index(i).child("hostnames").index(j);
            causes.extend(names::dns_subdomain(name).iter().map(|why| at.invalid(name, why)));
        }
    }
    causes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(spec: &Value, expected: &[&str]) {
        let mut template = json!({"spec": spec});
        super::super::apply_defaults(&mut template);
        let causes = validate(&template, &Path::new("template"), Caller::ApiServer);
        let found: Vec<String> = causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_plain_template_is_fine() {
        check(&json!({"containers": [{"name": "a", "image": "b"}]}), &[]);
    }

    #[test]
    fn containers_are_needed_with_name_and_image() {
        check(&json!({}), &["template.spec.containers: Required value"]);
        check(
            &json!({"containers": [{}]}),
            &["template.spec.containers[0].name: Required value", "template.spec.containers[0].image: Required value"],
        );
    }

    #[test]
    fn mounts_need_volumes_and_ports_of_the_host_are_unique() {
        check(
            &json!({
                "volumes": [{"name": "v"}],
                "containers": [
                    {"name": "a", "image": "b", "volumeMounts": [{"name": "v", "mountPath": "/x", "subPath": "../y"}],
                     "ports": [{"containerPort": 80, "hostPort": 80}]},
                    {"name": "c", "image": "b", "volumeMounts": [{"name": "w", "mountPath": "/x"}],
                     "ports": [{"containerPort": 81, "hostPort": 80}]},
                ],
            }),
            &[
                "template.spec.containers[0].volumeMounts.subPath: Invalid value: \"../y\": must not contain '..'",
                "template.spec.containers[1].volumeMounts[0].name: Not found: \"w\"",
                "template.spec.containers[1].ports[0].hostPort: Duplicate value: \"TCP//80\"",
            ],
        );
    }

    #[test]
    fn the_host_network_and_policies_are_checked() {
        check(
            &json!({
                "hostNetwork": true, "dnsPolicy": "None", "preemptionPolicy": "Sometimes",
                "hostAliases": [{"ip": "x", "hostnames": ["ok.example"]}],
                "containers": [{"name": "a", "image": "b", "ports": [{"containerPort": 80, "hostPort": 81}]}],
            }),
            &[
                "template.spec.containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` when \
                 `hostNetwork` is true",
                "template.spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None",
                "template.spec.hostAliases[0].ip: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 or \
                 2001:db8::ffff)",
                "template.spec.preemptionPolicy: Unsupported value: \"Sometimes\": supported values: \
                 \"PreemptLowerPriority\", \"Never\"",
            ],
        );
    }
}
