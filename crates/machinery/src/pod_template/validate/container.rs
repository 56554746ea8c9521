//! Containers and their security contexts.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Caller, environment,
    fields::{int, is_set, list, text},
    one_of, probe, resources, volume,
};
use crate::{error::Cause, field::Path, names};

/// What a container is checked against.
pub(super) struct Scope<'t> {
    pub(super) spec: &'t Value,
    pub(super) volumes: &'t BTreeSet<&'t str>,
    pub(super) caller: Caller,
}

impl Scope<'_> {
    fn grace_period(&self) -> Option<i64> {
        self.spec["terminationGracePeriodSeconds"].as_i64()
    }
}

pub(super) fn containers(scope: &Scope<'_>, path: &Path) -> Vec<Cause> {
    let containers = list(scope.spec, "containers");
    if containers.is_empty() {
        return vec![path.required("")];
    }
    let mut causes = Vec::new();
    let mut seen = BTreeSet::new();
    for (i, container) in containers.iter().enumerate() {
        let at = path.index(i);
        causes.extend(common(container, scope, &at));
        let name = text(container, "name");
        if !seen.insert(name) {
            causes.push(at.child("name").duplicate(name));
        }
        causes.extend(probe::lifecycle_and_probes(container, scope.grace_period(), &at));
        if is_set(container, "restartPolicy") && scope.caller == Caller::Rollouts {
            causes.push(at.child("restartPolicy").forbidden("may not be set for non-init containers"));
        }
    }
    causes.extend(host_ports(containers, path));
    causes
}

pub(super) fn init_containers(scope: &Scope<'_>, path: &Path) -> Vec<Cause> {
    let mut seen: BTreeSet<&str> = list(scope.spec, "containers").iter().map(|other| text(other, "name")).collect();
    let mut causes = Vec::new();
    for (i, container) in list(scope.spec, "initContainers").iter().enumerate() {
        let at = path.index(i);
        causes.extend(common(container, scope, &at));
        let policy = text(container, "restartPolicy");
        if is_set(container, "restartPolicy") && policy != "Always" {
            causes.push(at.child("restartPolicy").unsupported(policy, &["Always"]));
        }
        let name = text(container, "name");
        if !seen.insert(name) && !name.is_empty() {
            causes.push(at.child("name").duplicate(name));
        }
        causes.extend(host_ports(std::slice::from_ref(container), path));
        if policy == "Always" {
            causes.extend(probe::lifecycle_and_probes(container, scope.grace_period(), &at));
            continue;
        }
        for field in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
            if is_set(container, field) {
                let detail = "may not be set for init containers without restartPolicy=Always";
                causes.push(at.child(field).forbidden(detail));
            }
        }
    }
    causes
}

pub(super) fn ephemeral_containers(scope: &Scope<'_>, path: &Path) -> Vec<Cause> {
    let others = list(scope.spec, "containers").iter().chain(list(scope.spec, "initContainers"));
    let others: BTreeSet<&str> = others.map(|other| text(other, "name")).collect();
    let mut seen = others.clone();
    let mut causes = Vec::new();
    for (i, container) in list(scope.spec, "ephemeralContainers").iter().enumerate() {
        let at = path.index(i);
        causes.extend(common(container, scope, &at));
        let name = text(container, "name");
        if !seen.insert(name) {
            causes.push(at.child("name").duplicate(name));
        }
        let target = text(container, "targetContainerName");
        if !target.is_empty() && !others.contains(target) {
            causes.push(at.child("targetContainerName").not_found(target));
        }
    }
    causes
}

/// What holds for every kind of container.
fn common(container: &Value, scope: &Scope<'_>, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    let name = text(container, "name");
    if name.is_empty() {
        causes.push(path.child("name").required(""));
    } else {
        causes.extend(names::dns_label(name).iter().map(|why| path.child("name").invalid(name, why)));
    }
    if text(container, "image").is_empty() {
        causes.push(path.child("image").required(""));
    }
    causes.extend(one_of(container, "terminationMessagePolicy", &["File", "FallbackToLogsOnError"], path));
    causes.extend(ports(container, &path.child("ports")));
    causes.extend(environment::variables(container, scope.caller, &path.child("env")));
    causes.extend(environment::sources(container, scope.caller, &path.child("envFrom")));
    causes.extend(volume::mounts(container, scope.volumes, &path.child("volumeMounts")));
    causes.extend(one_of(container, "imagePullPolicy", &["Always", "IfNotPresent", "Never"], path));
    causes.extend(resources::requirements(&container["resources"], &path.child("resources")));
    causes.extend(security(&container["securityContext"], scope.caller, &path.child("securityContext")));
    causes
}

fn ports(container: &Value, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut seen = BTreeSet::new();
    for (i, port) in list(container, "ports").iter().enumerate() {
        let at = path.index(i);
        let name = text(port, "name");
        if !name.is_empty() {
            let reasons = names::port_name(name);
            causes.extend(reasons.iter().map(|why| at.child("name").invalid(name, why)));
            if reasons.is_empty() && !seen.insert(name) {
                causes.push(at.child("name").duplicate(name));
            }
        }
        match int(port, "containerPort") {
            0 => causes.push(at.child("containerPort").required("")),
            number => causes.extend(port_number(number, &at.child("containerPort"))),
        }
        if int(port, "hostPort") != 0 {
            causes.extend(port_number(int(port, "hostPort"), &at.child("hostPort")));
        }
        causes.extend(one_of(port, "protocol", &["SCTP", "TCP", "UDP"], &at));
    }
    causes
}

pub(super) fn port_number(number: i64, path: &Path) -> Option<Cause> {
    let fits = (1..=65535).contains(&number);
    (!fits).then(|| path.invalid(number, "must be between 1 and 65535, inclusive"))
}

/// Two containers cannot have the same port of the host.
fn host_ports(containers: &[Value], path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut seen = BTreeSet::new();
    for (i, container) in containers.iter().enumerate() {
        for (j, port) in list(container, "ports").iter().enumerate().filter(|(_, port)| int(port, "hostPort") != 0) {
            let key = format!("{}/{}/{}", text(port, "protocol"), text(port, "hostIP"), int(port, "hostPort"));
            if !seen.insert(key.clone()) {
                causes.push(path.index(i).child("ports").index(j).child("hostPort").duplicate(key));
            }
        }
    }
    causes
}

fn security(context: &Value, caller: Caller, path: &Path) -> Vec<Cause> {
    let mut causes = ids(context, &["runAsUser", "runAsGroup"], path);
    if context["allowPrivilegeEscalation"] == false {
        let without = "cannot set `allowPrivilegeEscalation` to false and";
        if context["privileged"] == true && caller == Caller::ApiServer {
            causes.push(path.invalid(context.clone(), &format!("{without} `privileged` to true")));
        }
        if list(&context["capabilities"], "add").iter().any(|capability| capability == "CAP_SYS_ADMIN") {
            causes.push(path.invalid(context.clone(), &format!("{without} `capabilities.Add` CAP_SYS_ADMIN")));
        }
    }
    causes
}

pub(super) fn pod_security(context: &Value, spec: &Value, path: &Path) -> Vec<Cause> {
    let mut causes = ids(context, &["fsGroup", "runAsUser", "runAsGroup"], path);
    for (i, group) in list(context, "supplementalGroups").iter().enumerate() {
        causes.extend(group.as_i64().and_then(|id| id_in_range(id, &path.child("supplementalGroups").index(i))));
    }
    if spec["shareProcessNamespace"] == true && spec["hostPID"] == true {
        let detail = "ShareProcessNamespace and HostPID cannot both be enabled";
        causes.push(path.child("shareProcessNamespace").invalid(true, detail));
    }
    if is_set(context, "fsGroupChangePolicy") {
        causes.extend(one_of(context, "fsGroupChangePolicy", &["Always", "OnRootMismatch"], path));
    }
    causes
}

fn ids(context: &Value, fields: &[&str], path: &Path) -> Vec<Cause> {
    fields.iter().filter_map(|field| id_in_range(context[*field].as_i64()?, &path.child(field))).collect()
}

fn id_in_range(id: i64, path: &Path) -> Option<Cause> {
    let fits = (0..=i64::from(i32::MAX)).contains(&id);
    (!fits).then(|| path.invalid(id, "must be between 0 and 2147483647, inclusive"))
}
