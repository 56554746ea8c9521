//! What is measured, and what it asks for.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tiphys_machinery::{error::ApiError, quantity::Quantity, selector::LabelSelector, time};

use super::knobs;
use super::replicas::{self, Goal, Kind, Pod, Proposal, Tolerance};
use super::spec::{Metric, NamedMetric, Reference, ResourceMetric};
use crate::controllers::context::Context;
use crate::controllers::view::Phase;
use crate::object::Object;
use crate::traffic::Traffic;

/// The target of an autoscaler, and its pods.
pub(super) struct Subject {
    /// The autoscaler, whose annotations hold external metrics.
    pub(super) autoscaler: Value,
    pub(super) namespace: String,
    /// The object that is scaled.
    pub(super) target: Value,
    pub(super) pods: Vec<Arc<Object>>,
    pub(super) current: i64,
    /// Replicas that there are, as the scale says.
    pub(super) existing: i64,
    pub(super) tolerance: Tolerance,
    /// The requests that the pods get, and the present time.
    pub(super) traffic: (Traffic, Timestamp),
}

/// What one metric asks for.
pub(super) struct Answer {
    pub(super) proposal: Proposal,
    /// How it is named in conditions and events.
    pub(super) name: String,
    pub(super) status: Value,
}

/// Why a metric asks for nothing.
pub(super) struct Trouble {
    /// Reason of the condition and the event.
    pub(super) reason: &'static str,
    pub(super) message: String,
    /// The same with the metric named, as it is told for all metrics together.
    pub(super) told: String,
}

impl Subject {
    /// Returns what a metric asks for.
    pub(super) fn ask(&self, metric: &Metric, context: &Context<'_>) -> Result<Answer, Trouble> {
        match (metric.r#type.as_str(), metric) {
            ("Resource", Metric { resource: Some(resource), .. }) => self.resource(resource, context.now),
            ("ContainerResource", Metric { container_resource: Some(resource), .. }) => {
                self.container(resource, context.now)
            }
            ("Pods", Metric { pods: Some(pods), .. }) => self.each_pod(pods, context.now),
            ("Object", Metric { object: Some(object), .. }) => self.object(object, context),
            ("External", Metric { external: Some(external), .. }) => self.external(external),
            (other, _) => {
                let message = format!("unknown metric source type {other:?}");
                Err(Trouble { reason: "InvalidMetricSourceType", told: message.clone(), message })
            }
        }
    }

    fn resource(&self, metric: &ResourceMetric, now: Timestamp) -> Result<Answer, Trouble> {
        let trouble = |message: String| Trouble {
            reason: "FailedGetResourceMetric",
            told: format!("failed to get {} resource metric value: {message}", metric.name),
            message,
        };
        let (proposal, name, current) = self.usage(metric, "", now).map_err(trouble)?;
        let status = json!({"type": "Resource", "resource": {"name": metric.name, "current": current}});
        Ok(Answer { proposal, name, status })
    }

    fn container(&self, metric: &ResourceMetric, now: Timestamp) -> Result<Answer, Trouble> {
        let trouble = |message: String| Trouble {
            reason: "FailedGetContainerResourceMetric",
            told: format!("failed to get {} container metric value: {message}", metric.container),
            message,
        };
        let (proposal, name, current) = self.usage(metric, "container ", now).map_err(trouble)?;
        let own = json!({"name": metric.name, "container": metric.container, "current": current});
        Ok(Answer { proposal, name, status: json!({"type": "ContainerResource", "containerResource": own}) })
    }

    /// Returns what the usage of a resource asks for, how it is named, and its present value.
    fn usage(
        &self,
        metric: &ResourceMetric,
        source: &str,
        now: Timestamp,
    ) -> Result<(Proposal, String, Value), String> {
        let resource = metric.name.as_str();
        let kind = if resource == "cpu" { Kind::Cpu } else { Kind::Other };
        let what = if metric.target.average().is_some() { "usage" } else { "utilization" };
        let failed = |why: String| format!("failed to get {resource} {what}: {why}");
        let goal = match (metric.target.average(), metric.target.average_utilization) {
            (Some(average), _) => Goal::Average(average),
            (None, Some(percent)) => Goal::Utilization(percent),
            (None, None) => {
                return Err(
                    "invalid resource metric source: neither an average utilization target nor an average value \
                            (usage) target was set"
                        .to_owned(),
                );
            }
        };
        let pods = self.measured(|pod| knobs::resource(pod, resource));
        if pods.iter().all(|pod| pod.usage.is_none()) {
            let none = "no metrics returned from resource metrics API";
            return Err(failed(format!("unable to get metrics for resource {resource}: {none}")));
        }
        let pods = match goal {
            Goal::Utilization(_) => self.reserved(pods, resource, &metric.container).map_err(failed)?,
            Goal::Average(_) => pods,
        };
        let proposal = replicas::by_pods(&pods, self.current, (goal, kind), self.tolerance, now).map_err(failed)?;
        let average = quantity(resource, proposal.usage);
        Ok(match proposal.utilization {
            Some(percent) => (
                proposal,
                format!("{resource} {source}resource utilization (percentage of request)"),
                json!({"averageUtilization": percent, "averageValue": average}),
            ),
            None => (proposal, format!("{resource} resource"), json!({"averageValue": average})),
        })
    }

    fn each_pod(&self, metric: &NamedMetric, now: Timestamp) -> Result<Answer, Trouble> {
        let name = &metric.metric.name;
        let trouble = |message: String| Trouble {
            reason: "FailedGetPodsMetric",
            told: format!("failed to get pods metric value: {message}"),
            message,
        };
        let pods = self.measured(|pod| knobs::metric(pod, name));
        if pods.iter().all(|pod| pod.usage.is_none()) {
            let none = "no metrics returned from custom metrics API";
            return Err(trouble(format!("unable to get metric {name}: {none}")));
        }
        let goal = Goal::Average(metric.target.average().unwrap_or_default());
        let proposal = replicas::by_pods(&pods, self.current, (goal, Kind::Other), self.tolerance, now);
        let proposal = proposal.map_err(trouble)?;
        let current = json!({"averageValue": quantity("", proposal.usage)});
        let status = json!({"type": "Pods", "pods": {"metric": identifier(metric), "current": current}});
        Ok(Answer { proposal, name: format!("pods metric {name}"), status })
    }

    fn object(&self, metric: &NamedMetric, context: &Context<'_>) -> Result<Answer, Trouble> {
        let Reference { kind, name: object, .. } = &metric.described_object;
        let name = &metric.metric.name;
        let trouble = |message: String| Trouble {
            reason: "FailedGetObjectMetric",
            told: format!("failed to get object metric value: {message}"),
            message,
        };
        let namespace = &self.namespace;
        let value = described(&metric.described_object, namespace, context)
            .ok()
            .and_then(|described| knobs::metric(&described, name))
            .ok_or_else(|| {
                let none = "no metrics returned from custom metrics API";
                trouble(format!("unable to get metric {name}: {none} on {kind} {namespace}/{object}"))
            })?;
        let (proposal, field) = self.by_value(metric, value.amount()).ok_or_else(|| {
            trouble("invalid object metric source: neither a value target nor an average value target was set".into())
        })?;
        let current = json!({field: quantity("", proposal.usage)});
        let described = json!({"apiVersion": metric.described_object.api_version, "kind": kind, "name": object});
        let own = json!({"describedObject": described, "metric": identifier(metric), "current": current});
        let told = match field {
            "value" => format!("{kind} metric {name}"),
            _ => format!("external metric {name}({})", selector_text(&metric.metric.selector)),
        };
        Ok(Answer { proposal, name: told, status: json!({"type": "Object", "object": own}) })
    }

    fn external(&self, metric: &NamedMetric) -> Result<Answer, Trouble> {
        let name = &metric.metric.name;
        let trouble = |message: String| Trouble {
            reason: "FailedGetExternalMetric",
            told: format!("failed to get {name} external metric value: {message}"),
            message,
        };
        let selector = selector_text(&metric.metric.selector);
        let value = knobs::metric(&self.autoscaler, name).ok_or_else(|| {
            let none = "no metrics returned from external metrics API";
            let what = format!("{}/{name}/{selector}", self.namespace);
            trouble(format!("failed to get {name} external metric: unable to get external metric {what}: {none}"))
        })?;
        let (proposal, field) = self.by_value(metric, value.amount()).ok_or_else(|| {
            let message = "invalid external metric source: neither a value target nor an average value target was set";
            trouble(message.into())
        })?;
        let current = json!({field: quantity("", proposal.usage)});
        let status = json!({"type": "External", "external": {"metric": identifier(metric), "current": current}});
        Ok(Answer { proposal, name: format!("external metric {name}({selector})"), status })
    }

    /// Returns what one value for all pods asks for, and in which field it is told.
    fn by_value(&self, metric: &NamedMetric, usage: i64) -> Option<(Proposal, &'static str)> {
        if let Some(target) = metric.target.average() {
            return Some((replicas::by_share(usage, target, self.existing, self.tolerance), "averageValue"));
        }
        let ready = replicas::ready(&self.measured(|_| None));
        let target = metric.target.total()?;
        Some((replicas::by_total(usage, target, (self.current, ready), self.tolerance), "value"))
    }

    /// Returns the pods with what a knob of theirs, or one of the target, says.
    fn measured(&self, knob: impl Fn(&Value) -> Option<knobs::Knob>) -> Vec<Pod> {
        let common = knob(&self.target);
        let values: Vec<Value> = self.pods.iter().map(|pod| pod.value()).collect();
        let mut pods: Vec<Pod> = values.iter().map(facts).collect();
        let ready = replicas::ready(&pods);
        for (pod, value) in pods.iter_mut().zip(&values) {
            let measured = pod.phase == Phase::Running;
            let requests = || {
                let name = value["metadata"]["name"].as_str().unwrap_or_default();
                self.traffic.0.rate(&self.namespace, name, self.traffic.1)
            };
            pod.usage = knob(value).or(common).filter(|_| measured).map(|knob| knob.of_one(ready, requests()));
        }
        pods
    }

    /// Adds what the pods reserve.
    fn reserved(&self, mut pods: Vec<Pod>, resource: &str, container: &str) -> Result<Vec<Pod>, String> {
        for (pod, object) in pods.iter_mut().zip(&self.pods) {
            pod.request = request(&object.value(), resource, container)?;
        }
        Ok(pods)
    }
}

/// Returns the object of a reference in this namespace, or in none where its kind is in none.
pub(super) fn described(reference: &Reference, namespace: &str, context: &Context<'_>) -> Result<Value, ApiError> {
    let Reference { api_version, kind, name } = reference;
    let missing = || ApiError::new(404, "NotFound", format!("no matches for kind {kind:?} in version {api_version:?}"));
    let resource = context.registry.resource_for_kind(api_version, kind).ok_or_else(missing)?;
    let namespace = if resource.namespaced { namespace } else { "" };
    context.registry.get(&resource, namespace, name).map(|object| object.value())
}

fn identifier(metric: &NamedMetric) -> Value {
    let mut identifier = json!({"name": metric.metric.name});
    if !metric.metric.selector.is_null() {
        identifier["selector"] = metric.metric.selector.clone();
    }
    identifier
}

fn selector_text(selector: &Value) -> String {
    match LabelSelector::from_object(selector) {
        Ok(selector) if !selector.is_everything() && selector != LabelSelector::nothing() => selector.to_string(),
        _ => "nil".to_owned(),
    }
}

fn facts(pod: &Value) -> Pod {
    let status = &pod["status"];
    let mut conditions = status["conditions"].as_array().into_iter().flatten();
    let ready = conditions.find(|condition| condition["type"] == "Ready");
    Pod {
        deleting: !pod["metadata"]["deletionTimestamp"].is_null(),
        phase: Phase::deserialize(&status["phase"]).unwrap_or_default(),
        started_at: time::parse(&status["startTime"]).or_else(|| time::parse(&pod["metadata"]["creationTimestamp"])),
        ready: ready.and_then(|c| Some((c["status"] == "True", time::parse(&c["lastTransitionTime"])?))),
        usage: None,
        request: 0,
    }
}

/// Returns what a pod reserves, or one container of it, in thousandths.
fn request(pod: &Value, resource: &str, only: &str) -> Result<i64, String> {
    let mut sum: i64 = 0;
    for container in pod["spec"]["containers"].as_array().into_iter().flatten() {
        let name = container["name"].as_str().unwrap_or_default();
        if !only.is_empty() && only != name {
            continue;
        }
        let own = Quantity::from_json(&container["resources"]["requests"][resource]).map_err(|_| {
            let pod = pod["metadata"]["name"].as_str().unwrap_or_default();
            format!("missing request for {resource} in container {name} of Pod {pod}")
        })?;
        sum += own.milli();
    }
    Ok(sum)
}

/// Returns a quantity of so many thousandths; memory in powers of two.
fn quantity(resource: &str, milli: i64) -> String {
    if resource != "memory" {
        return Quantity::from_milli(milli).to_string();
    }
    let mut bytes = milli.saturating_add(999).div_euclid(1000);
    let mut suffix = "";
    for next in ["Ki", "Mi", "Gi", "Ti"] {
        if bytes == 0 || bytes % 1024 != 0 {
            break;
        }
        bytes /= 1024;
        suffix = next;
    }
    format!("{bytes}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_of_memory_are_powers_of_two() {
        for (resource, milli, want) in [
            ("cpu", 1500, "1500m"),
            ("cpu", 2000, "2"),
            ("memory", 20 * 1024 * 1024 * 1000, "20Mi"),
            ("memory", 1_025_000, "1025"),
            ("memory", 0, "0"),
        ] {
            assert_eq!(quantity(resource, milli), want, "{resource} {milli}");
        }
    }

    #[test]
    fn every_container_must_reserve_something() {
        let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [
            {"name": "a", "resources": {"requests": {"cpu": "250m"}}}, {"name": "b"}]}});
        assert_eq!(request(&pod, "cpu", "a"), Ok(250));
        assert_eq!(request(&pod, "cpu", ""), Err("missing request for cpu in container b of Pod p".to_owned()));
    }
}
