//! Nodes, namespaces, configuration, events, storage, and every kind without a layout of its own.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Layout,
    column::{AGE, Column, NAME, boolean, date, integer, text as column},
    format::{NONE, age, count, list, name, number, plain, text, text_or},
};
use crate::{meta, time};

const UNSET: &str = "<unset>";
const UNKNOWN: &str = "<unknown>";

/// Name and time of creation: what any object has.
pub(super) const OTHER: Layout = Layout {
    columns: &[NAME, date("Created At", ".metadata.creationTimestamp")],
    cells: |object, _| vec![name(object), json!(text(object, "/metadata/creationTimestamp"))],
};

pub(super) const NODE: Layout = Layout {
    columns: &[
        NAME,
        column("Status", "Whether the node is ready and takes pods."),
        column("Roles", "What the node is for."),
        AGE,
        column("Version", ".status.nodeInfo.kubeletVersion"),
        column("Internal-IP", ".status.addresses").wide(),
        column("External-IP", ".status.addresses").wide(),
        column("OS-Image", ".status.nodeInfo.osImage").wide(),
        column("Kernel-Version", ".status.nodeInfo.kernelVersion").wide(),
        column("Container-Runtime", ".status.nodeInfo.containerRuntimeVersion").wide(),
    ],
    cells: node,
};

fn node(object: &Value, now: Timestamp) -> Vec<Value> {
    let address = |kind: &str| {
        let found = list(object, "/status/addresses").iter().find(|a| a["type"] == kind);
        json!(found.map_or(NONE, |a| text(a, "/address")))
    };
    let info = |field: &str| json!(text_or(object, &format!("/status/nodeInfo/{field}"), UNKNOWN));
    vec![
        name(object),
        json!(node_status(object)),
        json!(node_roles(object)),
        age(object, now),
        json!(text(object, "/status/nodeInfo/kubeletVersion")),
        address("InternalIP"),
        address("ExternalIP"),
        info("osImage"),
        info("kernelVersion"),
        info("containerRuntimeVersion"),
    ]
}

fn node_status(node: &Value) -> String {
    let ready = match meta::condition_status(node, "Ready") {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    if node["spec"]["unschedulable"] == true { format!("{ready},SchedulingDisabled") } else { ready.to_owned() }
}

fn node_roles(node: &Value) -> String {
    let labels = node["metadata"]["labels"].as_object().into_iter().flatten();
    let roles: BTreeSet<&str> = labels
        .filter_map(|(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
            Some(role) => Some(role),
            None if key == "kubernetes.io/role" => value.as_str(),
            None => None,
        })
        .filter(|role| !role.is_empty())
        .collect();
    if roles.is_empty() { NONE.to_owned() } else { roles.into_iter().collect::<Vec<_>>().join(",") }
}

pub(super) const NAMESPACE: Layout = Layout {
    columns: &[NAME, column("Status", ".status.phase"), AGE],
    cells: |object, now| vec![name(object), json!(text(object, "/status/phase")), age(object, now)],
};

pub(super) const CONFIG_MAP: Layout = Layout {
    columns: &[NAME, column("Data", ".data"), AGE],
    cells: |object, now| {
        let entries = count(object, "/data") + count(object, "/binaryData");
        vec![name(object), json!(entries), age(object, now)]
    },
};

pub(super) const SECRET: Layout = Layout {
    columns: &[NAME, column("Type", ".type"), column("Data", ".data"), AGE],
    cells: |object, now| {
        vec![name(object), json!(text(object, "/type")), json!(count(object, "/data")), age(object, now)]
    },
};

pub(super) const SERVICE_ACCOUNT: Layout = Layout {
    columns: &[NAME, column("Secrets", ".secrets"), AGE],
    cells: |object, now| vec![name(object), json!(count(object, "/secrets")), age(object, now)],
};

pub(super) const LEASE: Layout = Layout {
    columns: &[NAME, column("Holder", ".spec.holderIdentity"), AGE],
    cells: |object, now| vec![name(object), json!(text(object, "/spec/holderIdentity")), age(object, now)],
};

const EVENT_NAME: Column = NAME.wide();

pub(super) const EVENT: Layout = Layout {
    columns: &[
        column("Last Seen", ".lastTimestamp"),
        column("Type", ".type"),
        column("Reason", ".reason"),
        column("Object", ".involvedObject"),
        column("Subobject", ".involvedObject.fieldPath").wide(),
        column("Source", ".source").wide(),
        column("Message", ".message"),
        column("First Seen", ".firstTimestamp").wide(),
        column("Count", ".count").wide(),
        EVENT_NAME,
    ],
    cells: event,
};

fn event(object: &Value, now: Timestamp) -> Vec<Value> {
    let is_time = |at: &&Value| at.is_string();
    let first = [&object["firstTimestamp"], &object["eventTime"]].into_iter().find(is_time).unwrap_or(&Value::Null);
    let series = object["series"].is_object();
    let last = [&object["series"]["lastObservedTime"], &object["lastTimestamp"], first];
    let last = last.into_iter().skip(usize::from(!series)).find(is_time).unwrap_or(&Value::Null);
    let times = if series { number(object, "/series/count") } else { number(object, "/count").max(1) };
    let involved = &object["involvedObject"];
    let target = match (text(involved, "/kind").to_lowercase(), text(involved, "/name")) {
        (kind, "") => kind,
        (kind, name) => format!("{kind}/{name}"),
    };
    let component = text_or(object, "/source/component", text(object, "/reportingComponent"));
    let instance = text_or(object, "/source/host", text(object, "/reportingInstance"));
    let source = if instance.is_empty() { component.to_owned() } else { format!("{component}, {instance}") };
    vec![
        json!(time::age(last, now)),
        json!(text(object, "/type")),
        json!(text(object, "/reason")),
        json!(target),
        json!(text(involved, "/fieldPath")),
        json!(source),
        json!(text(object, "/message").trim()),
        json!(time::age(first, now)),
        json!(times),
        name(object),
    ]
}

pub(super) const QUOTA: Layout = Layout {
    columns: &[
        NAME,
        column("Request", "What is used and allowed of counted resources."),
        column("Limit", "What is used and allowed of limits."),
        AGE,
    ],
    cells: |object, now| {
        let hard = object["status"]["hard"].as_object().into_iter().flatten();
        let (mut requests, mut limits) = (Vec::new(), Vec::new());
        for (resource, hard) in hard {
            let used = plain(object["status"]["used"].get(resource), "0");
            let list = if resource.starts_with("limits.") { &mut limits } else { &mut requests };
            list.push(format!("{resource}: {used}/{}", plain(Some(hard), "0")));
        }
        vec![name(object), json!(requests.join(", ")), json!(limits.join(", ")), age(object, now)]
    },
};

pub(super) const VOLUME: Layout = Layout {
    columns: &[
        NAME,
        column("Capacity", ".spec.capacity"),
        column("Access Modes", ".spec.accessModes"),
        column("Reclaim Policy", ".spec.persistentVolumeReclaimPolicy"),
        column("Status", ".status.phase"),
        column("Claim", ".spec.claimRef"),
        column("StorageClass", ".spec.storageClassName"),
        column("VolumeAttributesClass", ".spec.volumeAttributesClassName"),
        column("Reason", ".status.reason"),
        AGE,
        column("VolumeMode", ".spec.volumeMode").wide(),
    ],
    cells: |object, now| {
        let claim = &object["spec"]["claimRef"];
        let claim = if claim.is_object() {
            format!("{}/{}", text(claim, "/namespace"), text(claim, "/name"))
        } else {
            String::new()
        };
        vec![
            name(object),
            json!(plain(object.pointer("/spec/capacity/storage"), "0")),
            json!(access_modes(list(object, "/spec/accessModes"))),
            json!(text(object, "/spec/persistentVolumeReclaimPolicy")),
            json!(phase(object)),
            json!(claim),
            json!(storage_class(object)),
            json!(text_or(object, "/spec/volumeAttributesClassName", UNSET)),
            json!(text(object, "/status/reason")),
            age(object, now),
            json!(text_or(object, "/spec/volumeMode", UNSET)),
        ]
    },
};

pub(super) const CLAIM: Layout = Layout {
    columns: &[
        NAME,
        column("Status", ".status.phase"),
        column("Volume", ".spec.volumeName"),
        column("Capacity", ".status.capacity"),
        column("Access Modes", ".status.accessModes"),
        column("StorageClass", ".spec.storageClassName"),
        column("VolumeAttributesClass", ".spec.volumeAttributesClassName"),
        AGE,
        column("VolumeMode", ".spec.volumeMode").wide(),
    ],
    cells: |object, now| {
        let bound = !text(object, "/spec/volumeName").is_empty();
        let capacity = plain(object.pointer("/status/capacity/storage"), "0");
        vec![
            name(object),
            json!(phase(object)),
            json!(text(object, "/spec/volumeName")),
            json!(if bound { capacity.as_str() } else { "" }),
            json!(if bound { access_modes(list(object, "/status/accessModes")) } else { String::new() }),
            json!(storage_class(object)),
            json!(text_or(object, "/spec/volumeAttributesClassName", UNSET)),
            age(object, now),
            json!(text_or(object, "/spec/volumeMode", UNSET)),
        ]
    },
};

fn phase(object: &Value) -> &str {
    if meta::is_deleting(object) { "Terminating" } else { text(object, "/status/phase") }
}

fn storage_class(object: &Value) -> &str {
    let annotated = meta::annotation(object, "volume.beta.kubernetes.io/storage-class");
    annotated.unwrap_or_else(|| text(object, "/spec/storageClassName"))
}

fn access_modes(modes: &[Value]) -> String {
    let short =
        [("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP")];
    let given = short.iter().filter(|(mode, _)| modes.iter().any(|m| m == mode)).map(|(_, short)| *short);
    given.collect::<Vec<_>>().join(",")
}

pub(super) const STORAGE_CLASS: Layout = Layout {
    columns: &[
        NAME,
        column("Provisioner", ".provisioner"),
        column("ReclaimPolicy", ".reclaimPolicy"),
        column("VolumeBindingMode", ".volumeBindingMode"),
        column("AllowVolumeExpansion", ".allowVolumeExpansion"),
        AGE,
    ],
    cells: |object, now| {
        let default = meta::annotation(object, "storageclass.kubernetes.io/is-default-class") == Some("true");
        let suffix = if default { " (default)" } else { "" };
        vec![
            json!(format!("{}{suffix}", meta::name(object))),
            json!(text(object, "/provisioner")),
            json!(text_or(object, "/reclaimPolicy", "Delete")),
            json!(text_or(object, "/volumeBindingMode", "Immediate")),
            json!(object["allowVolumeExpansion"] == true),
            age(object, now),
        ]
    },
};

pub(super) const CSI_NODE: Layout = Layout {
    columns: &[NAME, integer("Drivers", "How many drivers the node has."), AGE],
    cells: |object, now| vec![name(object), json!(count(object, "/spec/drivers")), age(object, now)],
};

pub(super) const CSI_DRIVER: Layout = Layout {
    columns: &[
        NAME,
        boolean("AttachRequired", ".spec.attachRequired"),
        boolean("PodInfoOnMount", ".spec.podInfoOnMount"),
        boolean("StorageCapacity", ".spec.storageCapacity"),
        column("TokenRequests", ".spec.tokenRequests"),
        boolean("RequiresRepublish", ".spec.requiresRepublish"),
        column("Modes", ".spec.volumeLifecycleModes"),
        AGE,
    ],
    cells: |object, now| {
        let spec = &object["spec"];
        let modes = list(spec, "/volumeLifecycleModes").iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",");
        let requests = if spec["tokenRequests"].is_array() {
            super::format::joined(list(spec, "/tokenRequests"), "audience")
        } else {
            UNSET.to_owned()
        };
        vec![
            name(object),
            json!(spec["attachRequired"] != false),
            json!(spec["podInfoOnMount"] == true),
            json!(spec["storageCapacity"] == true),
            json!(requests),
            json!(spec["requiresRepublish"] == true),
            json!(if modes.is_empty() { NONE } else { &modes }),
            age(object, now),
        ]
    },
};

pub(super) const ATTACHMENT: Layout = Layout {
    columns: &[
        NAME,
        column("Attacher", ".spec.attacher").of_name(),
        column("PV", ".spec.source.persistentVolumeName"),
        column("Node", ".spec.nodeName"),
        boolean("Attached", ".status.attached"),
        AGE,
    ],
    cells: |object, now| {
        let texts = ["/spec/attacher", "/spec/source/persistentVolumeName", "/spec/nodeName"];
        let mut cells = vec![name(object)];
        cells.extend(texts.map(|path| json!(text(object, path))));
        cells.extend([json!(object["status"]["attached"] == true), age(object, now)]);
        cells
    },
};

pub(super) const COMPONENT: Layout = Layout {
    columns: &[
        NAME,
        column("Status", "Whether the component is healthy."),
        column("Message", "What it says."),
        column("Error", "What is wrong."),
    ],
    cells: |object, _| {
        let healthy = list(object, "/conditions").iter().find(|c| c["type"] == "Healthy");
        let status = match healthy.map(|c| c["status"] == "True") {
            Some(true) => "Healthy",
            Some(false) => "Unhealthy",
            None => "Unknown",
        };
        let said = |field: &str| json!(healthy.map_or("", |c| text(c, field)));
        vec![name(object), json!(status), said("/message"), said("/error")]
    },
};
