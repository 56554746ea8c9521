//! Addresses and ports of Services.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tiphys_machinery::{
    error::{ApiError, Cause},
    resource::Resource,
};

use super::Registry;

/// Ports that a node offers for Services.
const NODE_PORTS: std::ops::RangeInclusive<i64> = 30000..=32767;

impl Registry {
    /// Gives a Service what it has not yet of a cluster address and node ports (10.96.0.0/16 and 30000–32767).
    pub(super) fn allocate(&self, resource: &Resource, service: &mut Value) -> Result<(), ApiError> {
        if !(resource.gvk.group.is_empty() && resource.plural == "services") {
            return Ok(());
        }
        let kind = service["spec"]["type"].as_str().unwrap_or("ClusterIP").to_owned();
        if kind == "ExternalName" {
            return Ok(());
        }
        fill_families(&mut service["spec"]);
        let uid = service["metadata"]["uid"].as_str().unwrap_or_default();
        let others = self.list(resource, None);
        let others = others.iter().filter(|other| **other.uid() != *uid);
        let others: Vec<Value> = others.map(|object| object.value()).collect();
        if service["spec"]["clusterIP"].as_str().unwrap_or_default().is_empty() {
            let taken: BTreeSet<&str> = others.iter().filter_map(|other| other["spec"]["clusterIP"].as_str()).collect();
            let address = self.free_address(&taken)?;
            service["spec"]["clusterIP"] = address.clone().into();
            service["spec"]["clusterIPs"] = json!([address]);
        }
        if matches!(kind.as_str(), "NodePort" | "LoadBalancer") {
            self.allocate_node_ports(service, &others)?;
        }
        Ok(())
    }

    fn free_address(&self, taken: &BTreeSet<&str>) -> Result<String, ApiError> {
        // .0.x is left to well-known addresses.
        let start = self.random(|random| random.u32(256..65_000));
        (0..65_000_u32)
            .map(|step| 256 + (start - 256 + step) % 64_744)
            .map(|number| format!("10.96.{}.{}", number / 256, number % 256))
            .find(|address| !taken.contains(address.as_str()))
            .ok_or_else(|| ApiError::internal("failed to allocate IP: range is full"))
    }

    fn allocate_node_ports(&self, service: &mut Value, others: &[Value]) -> Result<(), ApiError> {
        let ports = others.iter().filter_map(|other| other["spec"]["ports"].as_array()).flatten();
        let mut taken: BTreeSet<i64> = ports.filter_map(|port| port["nodePort"].as_i64()).collect();
        let name = service["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let Some(list) = service["spec"]["ports"].as_array_mut() else { return Ok(()) };
        for (index, port) in list.iter_mut().enumerate() {
            match port["nodePort"].as_i64().filter(|port| *port > 0) {
                Some(wanted) if taken.contains(&wanted) => {
                    let cause = Cause {
                        reason: "FieldValueInvalid",
                        message: format!("Invalid value: {wanted}: provided port is already allocated"),
                        field: format!("spec.ports[{index}].nodePort"),
                    };
                    return Err(ApiError::invalid("", "Service", &name, &[cause]));
                }
                Some(wanted) => {
                    taken.insert(wanted);
                }
                None => {
                    let free = NODE_PORTS.clone().find(|candidate| !taken.contains(candidate));
                    let free =
                        free.ok_or_else(|| ApiError::internal("failed to allocate a nodePort: range is full"))?;
                    taken.insert(free);
                    port["nodePort"] = free.into();
                }
            }
        }
        Ok(())
    }
}

/// Fills in the address families, on a cluster that gives out IPv4 addresses only.
fn fill_families(spec: &mut Value) {
    let absent = |value: &Value| value.as_array().is_none_or(Vec::is_empty);
    let selects = spec["selector"].as_object().is_some_and(|labels| !labels.is_empty());
    let open = spec["clusterIP"] == "None" && !selects;
    if spec["ipFamilyPolicy"].is_null() {
        spec["ipFamilyPolicy"] = if open { "RequireDualStack" } else { "SingleStack" }.into();
    }
    if absent(&spec["ipFamilies"]) {
        let single = !open || spec["ipFamilyPolicy"] == "SingleStack";
        spec["ipFamilies"] = if single { json!(["IPv4"]) } else { json!(["IPv4", "IPv6"]) };
    }
}
