//! The defaults that the API server writes into pod templates.

use serde_json::{Value, json};

use crate::{
    defaults::set::{Fields, items, number, pointer, text, within},
    quantity::Quantity,
};

/// Fills the defaults of `core/v1` into the pod template `template`.
///
/// What is set stays. Defaults that belong to pods but not to templates (requests taken from limits, service links) are
/// not filled in.
pub fn apply(template: &mut Value) {
    let Some(fields) = template.as_object_mut() else {
        return;
    };
    // Go has no template without a spec.
    let spec = fields.entry("spec").or_insert(Value::Null);
    if spec.is_null() {
        *spec = json!({});
    }
    let Some(spec) = spec.as_object_mut() else {
        return;
    };
    text(spec, "dnsPolicy", "ClusterFirst");
    text(spec, "restartPolicy", "Always");
    text(spec, "schedulerName", "default-scheduler");
    pointer(spec, "securityContext", json!({}));
    pointer(spec, "terminationGracePeriodSeconds", json!(30));
    items(spec, "volumes", volume);
    for containers in ["initContainers", "containers", "ephemeralContainers"] {
        items(spec, containers, container);
    }
    within(spec, "overhead", resource_list);
    within(spec, "resources", resources);
}

fn container(container: &mut Fields) {
    let image = container.get("image").and_then(Value::as_str).unwrap_or_default();
    let policy = pull_policy(image);
    text(container, "imagePullPolicy", policy);
    text(container, "terminationMessagePath", "/dev/termination-log");
    text(container, "terminationMessagePolicy", "File");
    items(container, "ports", |port| text(port, "protocol", "TCP"));
    items(container, "env", |variable| {
        within(variable, "valueFrom", |source| {
            within(source, "fieldRef", field_ref);
            within(source, "fileKeyRef", |key| pointer(key, "optional", json!(false)));
        });
    });
    within(container, "resources", resources);
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        within(container, name, probe);
    }
    within(container, "lifecycle", |lifecycle| {
        for name in ["postStart", "preStop"] {
            within(lifecycle, name, |handler| within(handler, "httpGet", http_get));
        }
    });
}

fn probe(probe: &mut Fields) {
    for (name, value) in
        [("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)]
    {
        number(probe, name, value);
    }
    within(probe, "httpGet", http_get);
    within(probe, "grpc", |grpc| pointer(grpc, "service", json!("")));
}

fn http_get(action: &mut Fields) {
    text(action, "path", "/");
    text(action, "scheme", "HTTP");
}

fn field_ref(reference: &mut Fields) {
    text(reference, "apiVersion", "v1");
}

fn resources(resources: &mut Fields) {
    within(resources, "limits", resource_list);
    within(resources, "requests", resource_list);
}

/// Rounds quantities up to thousandths.
fn resource_list(list: &mut Fields) {
    for value in list.values_mut() {
        if let Ok(quantity) = Quantity::from_json(value) {
            let rounded = Quantity::from_milli(quantity.milli());
            if rounded != quantity && quantity.milli() != i64::MAX {
                *value = json!(rounded.to_string());
            }
        }
    }
}

fn volume(volume: &mut Fields) {
    let has_source = volume.iter().any(|(name, source)| name != "name" && !source.is_null());
    if !has_source {
        volume.insert("emptyDir".to_owned(), json!({}));
    }
    within(volume, "hostPath", |source| pointer(source, "type", json!("")));
    for name in ["secret", "configMap", "downwardAPI", "projected"] {
        within(volume, name, |source| pointer(source, "defaultMode", json!(420)));
    }
    within(volume, "downwardAPI", downward_api);
    within(volume, "projected", |source| {
        items(source, "sources", |source| {
            within(source, "downwardAPI", downward_api);
            within(source, "serviceAccountToken", |token| pointer(token, "expirationSeconds", json!(3600)));
        });
    });
    within(volume, "image", |source| {
        let image = source.get("reference").and_then(Value::as_str).unwrap_or_default();
        let policy = pull_policy(image);
        text(source, "pullPolicy", policy);
    });
    within(volume, "ephemeral", |source| {
        within(source, "volumeClaimTemplate", |template| within(template, "spec", claim));
    });
    vendor_volume(volume);
}

fn downward_api(source: &mut Fields) {
    items(source, "items", |item| within(item, "fieldRef", field_ref));
}

fn claim(claim: &mut Fields) {
    pointer(claim, "volumeMode", json!("Filesystem"));
    within(claim, "resources", resources);
}

/// Defaults of volume sources that belong to one vendor or protocol.
fn vendor_volume(volume: &mut Fields) {
    within(volume, "iscsi", |source| text(source, "iscsiInterface", "default"));
    within(volume, "rbd", |source| {
        text(source, "pool", "rbd");
        text(source, "user", "admin");
        text(source, "keyring", "/etc/ceph/keyring");
    });
    within(volume, "azureDisk", |source| {
        pointer(source, "cachingMode", json!("ReadWrite"));
        pointer(source, "fsType", json!("ext4"));
        pointer(source, "readOnly", json!(false));
        pointer(source, "kind", json!("Shared"));
    });
    within(volume, "scaleIO", |source| {
        text(source, "storageMode", "ThinProvisioned");
        text(source, "fsType", "xfs");
    });
}

/// Always for the tag `latest` (which is also what no tag and no digest mean), otherwise only if missing.
fn pull_policy(image: &str) -> &'static str {
    let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    let (path, tag) = match name.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
        _ => (name, None),
    };
    // The host may have upper case letters, the rest may not.
    let repository = path.split_once('/').map_or(path, |(_, rest)| rest);
    let malformed = path.is_empty() || repository.chars().any(|c| c.is_ascii_uppercase() || c.is_whitespace());
    let latest = tag == Some("latest") || (tag.is_none() && digest.is_none());
    if latest && !malformed { "Always" } else { "IfNotPresent" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(mut template: Value, expected: &Value) {
        apply(&mut template);
        assert_eq!(&template, expected);
    }

    fn spec(containers: &Value) -> Value {
        json!({"spec": {
            "containers": containers, "dnsPolicy": "ClusterFirst", "restartPolicy": "Always",
            "schedulerName": "default-scheduler", "securityContext": {}, "terminationGracePeriodSeconds": 30,
        }})
    }

    #[test]
    fn a_container_gets_its_defaults() {
        check(
            json!({"spec": {"containers": [{
                "name": "a", "image": "nginx:1",
                "ports": [{"containerPort": 80}],
                "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
                "livenessProbe": {"httpGet": {"port": 80}, "periodSeconds": 5},
                "resources": {"limits": {"cpu": "0.0001", "memory": "1Gi"}},
            }]}}),
            &spec(&json!([{
                "name": "a", "image": "nginx:1", "imagePullPolicy": "IfNotPresent",
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                "ports": [{"containerPort": 80, "protocol": "TCP"}],
                "env": [{"name": "A", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}}],
                "livenessProbe": {
                    "httpGet": {"path": "/", "port": 80, "scheme": "HTTP"}, "timeoutSeconds": 1, "periodSeconds": 5,
                    "successThreshold": 1, "failureThreshold": 3,
                },
                "resources": {"limits": {"cpu": "1m", "memory": "1Gi"}},
            }])),
        );
    }

    #[test]
    fn applying_twice_changes_nothing() {
        let mut once = json!({"spec": {
            "containers": [{"image": "a", "readinessProbe": {"grpc": {"port": 1}}}],
            "volumes": [{"name": "a"}, {"name": "b", "configMap": {}}, {"name": "c", "projected": {"sources": []}}],
        }});
        apply(&mut once);
        let mut twice = once.clone();
        apply(&mut twice);
        assert_eq!(once, twice);
        assert_eq!(once["spec"]["volumes"][0]["emptyDir"], json!({}));
        assert_eq!(once["spec"]["volumes"][1]["configMap"]["defaultMode"], 420);
    }

    #[test]
    fn the_pull_policy_follows_the_tag() {
        for (image, policy) in [
            ("nginx", "Always"),
            ("nginx:latest", "Always"),
            ("nginx:1", "IfNotPresent"),
            ("host:5000/nginx", "Always"),
            ("host:5000/nginx:1", "IfNotPresent"),
            ("nginx@sha256:00", "IfNotPresent"),
            ("Bad Image", "IfNotPresent"),
            ("", "IfNotPresent"),
        ] {
            assert_eq!(pull_policy(image), policy, "{image}");
        }
    }
}
