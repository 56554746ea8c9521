//! Tables: how the server lays out objects for `kubectl get`.
//!
//! Tables are made from objects in their stored form; what a row carries is shown in the version that was asked for.

mod access;
mod cluster;
mod column;
mod custom;
mod format;
mod network;
mod pod;
mod scaling;
mod workload;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use self::column::Column;
use crate::{resource::Resource, view};

/// What a row carries of its object: the query parameter `includeObject`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IncludeObject {
    /// Nothing.
    None,
    /// Its metadata, as a `PartialObjectMetadata`.
    #[default]
    Metadata,
    /// All of it.
    Object,
}

impl IncludeObject {
    /// Returns the value of the query parameter; `None` for anything unknown.
    #[must_use]
    pub fn from_query(text: &str) -> Option<Self> {
        match text {
            "None" => Some(Self::None),
            "" | "Metadata" => Some(Self::Metadata),
            "Object" => Some(Self::Object),
            _ => None,
        }
    }
}

/// Whether a table says what its columns are; in a watch only the first does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Headers {
    /// It does.
    #[default]
    Columns,
    /// `columnDefinitions` is `null`.
    Absent,
}

/// How to make a table.
#[derive(Debug, Clone, Copy)]
pub struct TableOptions {
    /// What rows carry.
    pub include: IncludeObject,
    /// Whether columns are defined.
    pub headers: Headers,
    /// Version of the group `meta.k8s.io` that was asked for: `v1` or `v1beta1`.
    pub version: &'static str,
    /// Present time, for ages.
    pub now: Timestamp,
}

/// How the objects of one kind are laid out.
struct Layout {
    columns: &'static [Column],
    cells: fn(&Value, Timestamp) -> Vec<Value>,
}

/// Returns the table of a list. `metadata` is the list's own.
pub fn of_list<'v>(
    resource: &Resource,
    metadata: &Value,
    objects: impl IntoIterator<Item = &'v Value>,
    options: TableOptions,
) -> Value {
    let rows = objects.into_iter().map(|object| row(resource, object, options)).collect();
    assemble(resource, metadata.clone(), rows, options)
}

/// Returns the table of one object, as answered to a get and in each event of a watch (bookmarks too).
#[must_use]
pub fn of_object(resource: &Resource, object: &Value, options: TableOptions) -> Value {
    let version = &object["metadata"]["resourceVersion"];
    let metadata = if version.is_null() { json!({}) } else { json!({"resourceVersion": version}) };
    assemble(resource, metadata, vec![row(resource, object, options)], options)
}

/// Returns `columnDefinitions`.
#[must_use]
pub fn columns(resource: &Resource) -> Value {
    if resource.custom {
        return custom::columns(resource);
    }
    layout(resource).columns.iter().map(|column| column.definition(resource)).collect()
}

/// Returns the cells of one object; `object` is in its stored form.
#[must_use]
pub fn cells(resource: &Resource, object: &Value, now: Timestamp) -> Vec<Value> {
    if resource.custom { custom::cells(resource, object, now) } else { (layout(resource).cells)(object, now) }
}

/// Returns the table of a `Scale`.
#[must_use]
pub fn of_scale(scale: &Value, options: TableOptions) -> Value {
    let gvk = crate::resource::Gvk::new("autoscaling", "v1", "Scale");
    of_object(&Resource::new(gvk, "scales"), scale, options)
}

fn assemble(resource: &Resource, metadata: Value, rows: Vec<Value>, options: TableOptions) -> Value {
    let columns = match options.headers {
        Headers::Columns => columns(resource),
        Headers::Absent => Value::Null,
    };
    Value::Object(Map::from_iter([
        ("kind".to_owned(), json!("Table")),
        ("apiVersion".to_owned(), json!(format!("meta.k8s.io/{}", options.version))),
        ("metadata".to_owned(), metadata),
        ("columnDefinitions".to_owned(), columns),
        ("rows".to_owned(), Value::Array(rows)),
    ]))
}

fn row(resource: &Resource, object: &Value, options: TableOptions) -> Value {
    let mut row = Map::new();
    row.insert("cells".to_owned(), Value::Array(cells(resource, object, options.now)));
    if resource.stored.kind == "Pod"
        && let Some(condition) = pod::row_condition(object)
    {
        row.insert("conditions".to_owned(), json!([condition]));
    }
    let shown = match options.include {
        IncludeObject::None => Value::Null,
        IncludeObject::Metadata => view::partial(object, options.version),
        IncludeObject::Object => view::in_version(resource, object),
    };
    row.insert("object".to_owned(), shown);
    Value::Object(row)
}

fn layout(resource: &Resource) -> &'static Layout {
    match (resource.stored.group.as_str(), resource.stored.kind.as_str()) {
        ("", "Pod") => &pod::POD,
        ("", "PodTemplate") => &workload::POD_TEMPLATE,
        ("", "ReplicationController") => &workload::REPLICATION_CONTROLLER,
        ("apps", "ReplicaSet") => &workload::REPLICA_SET,
        ("apps", "Deployment") => &workload::DEPLOYMENT,
        ("apps", "StatefulSet") => &workload::STATEFUL_SET,
        ("apps", "DaemonSet") => &workload::DAEMON_SET,
        ("apps", "ControllerRevision") => &workload::CONTROLLER_REVISION,
        ("batch", "Job") => &workload::JOB,
        ("batch", "CronJob") => &workload::CRON_JOB,
        ("", "Service") => &network::SERVICE,
        ("", "Endpoints") => &network::ENDPOINTS,
        ("discovery.k8s.io", "EndpointSlice") => &network::ENDPOINT_SLICE,
        ("networking.k8s.io", "Ingress") => &network::INGRESS,
        ("networking.k8s.io", "IngressClass") => &network::INGRESS_CLASS,
        ("networking.k8s.io", "NetworkPolicy") => &network::POLICY,
        ("networking.k8s.io", "ServiceCIDR") => &network::SERVICE_CIDR,
        ("networking.k8s.io", "IPAddress") => &network::IP_ADDRESS,
        ("autoscaling", "HorizontalPodAutoscaler") => &scaling::HORIZONTAL,
        ("autoscaling", "Scale") => &scaling::SCALE,
        ("policy", "PodDisruptionBudget") => &scaling::DISRUPTION_BUDGET,
        ("scheduling.k8s.io", "PriorityClass") => &scaling::PRIORITY_CLASS,
        ("", "Node") => &cluster::NODE,
        ("", "Namespace") => &cluster::NAMESPACE,
        ("", "ConfigMap") => &cluster::CONFIG_MAP,
        ("", "Secret") => &cluster::SECRET,
        ("", "ServiceAccount") => &cluster::SERVICE_ACCOUNT,
        ("", "Event") => &cluster::EVENT,
        ("", "ResourceQuota") => &cluster::QUOTA,
        ("", "PersistentVolume") => &cluster::VOLUME,
        ("", "PersistentVolumeClaim") => &cluster::CLAIM,
        ("", "ComponentStatus") => &cluster::COMPONENT,
        ("coordination.k8s.io", "Lease") => &cluster::LEASE,
        ("storage.k8s.io", "StorageClass") => &cluster::STORAGE_CLASS,
        ("storage.k8s.io", "CSINode") => &cluster::CSI_NODE,
        ("storage.k8s.io", "CSIDriver") => &cluster::CSI_DRIVER,
        ("storage.k8s.io", "VolumeAttachment") => &cluster::ATTACHMENT,
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => &access::ROLE_BINDING,
        ("apiregistration.k8s.io", "APIService") => &access::API_SERVICE,
        ("admissionregistration.k8s.io", kind) => access::admission(kind),
        _ => &cluster::OTHER,
    }
}

#[cfg(test)]
mod tests;
