//! Whether the pods of a Service are registered in its target groups.

use std::collections::BTreeSet;

use serde_json::Value;
use tiphys_machinery::meta;
use tiphys_runtime::recorder::Note;

use super::{ElasticLoadBalancing, api};
use crate::outcome::Verified;

/// A target group with the pods that should be in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetGroup {
    /// Its ARN.
    pub arn: String,
    /// The Service.
    pub service: String,
    /// Address and port of each pod.
    pub targets: BTreeSet<(String, i64)>,
}

/// Returns the target groups that the TargetGroupBindings of a namespace bind to a Service, of target type `ip` only.
///
/// `port` is the port of the Service that counts; none: all of them. Without bindings there is nothing to verify.
#[must_use]
pub fn target_groups(bindings: &[&Value], service: &Value, endpoints: &Value, port: Option<i64>) -> Vec<TargetGroup> {
    let ports = service["spec"]["ports"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ports: Vec<&Value> =
        ports.iter().filter(|one| port.is_none_or(|port| one["port"].as_i64() == Some(port))).collect();
    let mut all: Vec<TargetGroup> = Vec::new();
    for binding in bindings {
        let spec = &binding["spec"];
        let reference = &spec["serviceRef"];
        if spec["targetType"] != "ip" || reference["name"] != meta::name(service) {
            continue;
        }
        let bound = ports.iter().find(|port| reference["port"] == port["port"] || reference["port"] == port["name"]);
        if let (Some(bound), Some(arn)) = (bound, spec["targetGroupARN"].as_str()) {
            let targets = targets(endpoints, bound);
            all.push(TargetGroup { arn: arn.to_owned(), service: meta::name(service).to_owned(), targets });
        }
    }
    all
}

/// The port number of the pods is what Endpoints say for the port's name, which covers named target ports.
fn targets(endpoints: &Value, port: &Value) -> BTreeSet<(String, i64)> {
    let name = port["name"].as_str().unwrap_or_default();
    let mut all = BTreeSet::new();
    for subset in endpoints["subsets"].as_array().into_iter().flatten() {
        let ports = subset["ports"].as_array().into_iter().flatten();
        let numbers: Vec<i64> = ports
            .filter(|one| one["name"].as_str().unwrap_or_default() == name)
            .filter_map(|one| one["port"].as_i64())
            .collect();
        let addresses = subset["addresses"].as_array().into_iter().flatten().filter_map(|one| one["ip"].as_str());
        for address in addresses {
            all.extend(numbers.iter().map(|number| (address.to_owned(), *number)));
        }
    }
    all
}

/// Asks whether all pods are registered; their health does not count.
pub async fn verify_targets(aws: &dyn ElasticLoadBalancing, groups: &[TargetGroup]) -> Verified {
    let mut answer = Verified { is_verified: true, why: None, status: None, events: Vec::new() };
    for group in groups {
        let subject = format!("Service {} (TargetGroup {})", group.service, group.arn);
        let (message, reason) = match api::registered(aws, &group.arn).await {
            Ok(found) if group.targets.is_subset(&found) => {
                let message = format!("{subject} verified: {} endpoints registered", group.targets.len());
                answer.events.push(Note::normal("TargetGroupVerified", message));
                continue;
            }
            Ok(found) => {
                let there = group.targets.intersection(&found).count();
                let wanted = group.targets.len();
                (format!("{subject} not verified: {there}/{wanted} endpoints registered"), "TargetGroupUnverified")
            }
            Err(error) => (format!("Failed to verify {subject}: {error}"), "TargetGroupVerifyError"),
        };
        answer.is_verified = false;
        answer.why.get_or_insert_with(|| message.clone());
        answer.events.push(Note::warning(reason, message));
    }
    answer
}
