//! Probes and lifecycle handlers.

use serde_json::Value;

use super::{
    container::port_number,
    fields::{int, is_set, list, text},
    nonnegative,
};
use crate::{error::Cause, field::Path, names};

type Check = fn(&Value, Option<i64>, &Path) -> Vec<Cause>;

pub(super) fn lifecycle_and_probes(container: &Value, grace_period: Option<i64>, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    for name in ["postStart", "preStop"] {
        let lifecycle = &container["lifecycle"];
        if is_set(lifecycle, name) {
            let handlers: [(&str, Check); 4] =
                [("exec", exec), ("httpGet", http), ("tcpSocket", tcp), ("sleep", sleep)];
            let at = path.child("lifecycle").child(name);
            causes.extend(handler(&lifecycle[name], &handlers, grace_period, &at));
        }
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if is_set(container, name) {
            causes.extend(probe(&container[name], name, grace_period, &path.child(name)));
        }
    }
    causes
}

fn probe(probe: &Value, name: &str, grace_period: Option<i64>, path: &Path) -> Vec<Cause> {
    let handlers: [(&str, Check); 4] = [("exec", exec), ("httpGet", http), ("tcpSocket", tcp), ("grpc", grpc)];
    let mut causes = handler(probe, &handlers, grace_period, path);
    for field in ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"] {
        causes.extend(nonnegative(probe, field, path));
    }
    if let Some(seconds) = probe["terminationGracePeriodSeconds"].as_i64() {
        let at = path.child("terminationGracePeriodSeconds");
        if seconds <= 0 {
            causes.push(at.invalid(seconds, "must be greater than 0"));
        }
        if name == "readinessProbe" {
            causes.push(at.invalid(seconds, "must not be set for readinessProbes"));
        }
    }
    if name != "readinessProbe" && int(probe, "successThreshold") != 1 {
        causes.push(path.child("successThreshold").invalid(int(probe, "successThreshold"), "must be 1"));
    }
    causes
}

/// Exactly one of `kinds` must be there.
fn handler(value: &Value, kinds: &[(&str, Check)], grace_period: Option<i64>, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut found = false;
    for (kind, check) in kinds.iter().filter(|(kind, _)| is_set(value, kind)) {
        if found {
            causes.push(path.child(kind).forbidden("may not specify more than 1 handler type"));
        } else {
            causes.extend(check(&value[*kind], grace_period, &path.child(kind)));
        }
        found = true;
    }
    if !found {
        causes.push(path.required("must specify a handler type"));
    }
    causes
}

fn exec(action: &Value, _: Option<i64>, path: &Path) -> Vec<Cause> {
    if list(action, "command").is_empty() { vec![path.child("command").required("")] } else { Vec::new() }
}

fn http(action: &Value, _: Option<i64>, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    if text(action, "path").is_empty() {
        causes.push(path.child("path").required(""));
    }
    causes.extend(port(action, path));
    let scheme = text(action, "scheme");
    if !["HTTP", "HTTPS"].contains(&scheme) {
        causes.push(path.child("scheme").unsupported(scheme, &["HTTP", "HTTPS"]));
    }
    for name in list(action, "httpHeaders").iter().map(|header| text(header, "name")) {
        if name.is_empty() || !name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-') {
            let what = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex \
                        used for validation is '[-A-Za-z0-9]+')";
            causes.push(path.child("httpHeaders").invalid(name, what));
        }
    }
    causes
}

fn tcp(action: &Value, _: Option<i64>, path: &Path) -> Vec<Cause> {
    port(action, path)
}

fn grpc(action: &Value, _: Option<i64>, path: &Path) -> Vec<Cause> {
    port_number(int(action, "port"), &path.child("port")).into_iter().collect()
}

fn sleep(action: &Value, grace_period: Option<i64>, path: &Path) -> Vec<Cause> {
    let seconds = int(action, "seconds");
    let limit = grace_period.filter(|limit| seconds < 0 || seconds > *limit);
    let cause = |limit| {
        let detail = format!("must be non-negative and less than terminationGracePeriodSeconds ({limit})");
        path.invalid(seconds, &detail)
    };
    limit.map(cause).into_iter().collect()
}

fn port(action: &Value, path: &Path) -> Vec<Cause> {
    let at = path.child("port");
    match action["port"].as_str() {
        Some(name) => names::port_name(name).iter().map(|why| at.invalid(name, why)).collect(),
        None => port_number(int(action, "port"), &at).into_iter().collect(),
    }
}
