//! HorizontalPodAutoscalers: as many replicas as metrics ask for.
//!
//! Nothing really runs, so annotations say what is measured (see [`knobs`]). The target is scaled through its scale
//! subresource, whatever kind it is.

mod behavior;
mod knobs;
mod metrics;
mod replicas;
mod spec;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::Value;
use tiphys_machinery::error::ApiError;
use tiphys_machinery::meta;
use tiphys_machinery::resource::Resource;
use tiphys_machinery::selector::LabelSelector;
use tiphys_machinery::view;

use self::behavior::{Bounds, History};
use self::metrics::{Subject, Trouble};
use self::replicas::Tolerance;
use self::spec::{Autoscaler, Status};
use super::cache::{Cache, Marks, Update, key_of};
use super::conditions;
use super::context::{Context, Controller, Writer};
use super::recorder::{About, Note};
use super::view::{Condition, Key};
use crate::object::Object;
use crate::registry::{Registry, Subresource};
use crate::store::Change;
use crate::traffic::Traffic;

const AUTOSCALERS: (&str, &str) = ("autoscaling", "horizontalpodautoscalers");
const COMPONENT: &str = "horizontal-pod-autoscaler";
/// How often each autoscaler looks at its metrics.
const PERIOD: SignedDuration = SignedDuration::from_secs(15);
const ABLE: &str = "AbleToScale";
const ACTIVE: &str = "ScalingActive";
const LIMITED: &str = "ScalingLimited";

/// The controller of HorizontalPodAutoscalers.
#[derive(Debug)]
pub(crate) struct Autoscalers {
    traffic: Traffic,
    known: BTreeMap<Key, Known>,
}

impl Autoscalers {
    /// Returns the controller; this traffic tells how many requests pods get.
    pub(crate) fn new(traffic: &Traffic) -> Self {
        Self { traffic: traffic.clone(), known: BTreeMap::new() }
    }
}

/// What is remembered of one autoscaler.
#[derive(Debug, Default)]
struct Known {
    history: History,
    /// The selector of its target when it was last looked at.
    selector: Option<LabelSelector>,
}

impl Controller for Autoscalers {
    fn name(&self) -> &'static str {
        COMPONENT
    }

    fn on_change(&mut self, change: &Change, _: &Update, _: &Cache, marks: &mut Marks) {
        if change.resource.group_plural() != AUTOSCALERS {
            return;
        }
        let key = key_of(change.object());
        match (&change.prev, &change.new) {
            (_, None) => _ = self.known.remove(&key),
            // What it writes itself is its status; time tells when to look again.
            (Some(prev), Some(new)) if prev.value()["spec"] == new.value()["spec"] => {}
            _ => _ = marks.insert(key),
        }
    }

    fn reconcile(&mut self, key: &Key, context: &mut Context<'_>) -> Result<(), ApiError> {
        let resource = context.writer().resource(AUTOSCALERS.0, AUTOSCALERS.1)?;
        let Ok(object) = context.registry.get(&resource, &key.namespace, &key.name) else { return Ok(()) };
        context.wake(key, context.now + PERIOD);
        let Ok(autoscaler) = object.decode::<Autoscaler>() else { return Ok(()) };
        let status = autoscaler.status.clone();
        let about = About::new("autoscaling/v2", "HorizontalPodAutoscaler", key, &autoscaler.metadata.uid);
        let mut pass = Pass {
            key,
            whole: object.value(),
            autoscaler,
            status,
            about,
            known: &mut self.known,
            traffic: &self.traffic,
        };
        pass.run(context);
        let Pass { autoscaler, status, .. } = pass;
        if status == autoscaler.status { Ok(()) } else { context.writer().put_status(AUTOSCALERS, key, &status) }
    }
}

/// One look at an autoscaler. What it finds goes into the status.
struct Pass<'a> {
    key: &'a Key,
    whole: Value,
    autoscaler: Autoscaler,
    status: Status,
    about: About,
    known: &'a mut BTreeMap<Key, Known>,
    traffic: &'a Traffic,
}

/// What is to be done about the number of replicas.
struct Wish {
    replicas: i64,
    why: String,
}

impl Pass<'_> {
    fn run(&mut self, context: &mut Context<'_>) {
        let (resource, target) = match self.target(context) {
            Ok(found) => found,
            Err(error) => return self.fail_to_get_scale(&error, context),
        };
        let scale = match view::read_scale(&resource, &target.value()) {
            Ok(scale) => scale,
            Err(error) => return self.fail_to_get_scale(&error, context),
        };
        let message = "the HPA controller was able to get the target's current scale";
        self.set(ABLE, "True", "SucceededGetScale", message, context);
        let current = scale["spec"]["replicas"].as_i64().unwrap_or_default();
        self.known.entry(self.key.clone()).or_default().history.begin(current, context.now);
        self.status.current_replicas = current;
        let Some(wish) = self.wish(&target, &scale, context) else { return };
        if wish.replicas == current {
            self.status.desired_replicas = current;
            return;
        }
        self.rescale(&resource, current, &wish, context);
    }

    /// Returns the object to scale.
    fn target(&self, context: &Context<'_>) -> Result<(Arc<Resource>, Arc<Object>), ApiError> {
        let reference = &self.autoscaler.spec.scale_target_ref;
        let group = reference.api_version.split_once('/').map_or("", |(group, _)| group);
        let resource = of_kind(context.registry, group, &reference.kind).ok_or_else(|| {
            let message = format!("no matches for kind {:?} in group {group:?}", reference.kind);
            ApiError::new(404, "NotFound", message)
        })?;
        if resource.subresource("scale").is_none() {
            return Err(ApiError::new(404, "NotFound", "the server could not find the requested resource"));
        }
        let object = context.registry.get(&resource, &self.key.namespace, &reference.name)?;
        Ok((resource, object))
    }

    fn fail_to_get_scale(&mut self, error: &ApiError, context: &mut Context<'_>) {
        context.note(&self.about, &Note::warning(COMPONENT, "FailedGetScale", error.to_string()));
        let message = format!("the HPA controller was unable to get the target's current scale: {error}");
        self.set(ABLE, "False", "FailedGetScale", &message, context);
    }

    /// Returns the number that is wanted now; `None` where nothing may be changed.
    fn wish(&mut self, target: &Object, scale: &Value, context: &mut Context<'_>) -> Option<Wish> {
        let spec = &self.autoscaler.spec;
        let (min, max) = (spec.min_replicas.unwrap_or(1), spec.max_replicas);
        let current = self.status.current_replicas;
        self.status.current_metrics = Value::Null;
        if current == 0 && min != 0 {
            let message = "scaling is disabled since the replica count of the target is zero";
            self.set(ACTIVE, "False", "ScalingDisabled", message, context);
            self.status.desired_replicas = 0;
            return None;
        }
        if current > max {
            return Some(Wish { replicas: max, why: "Current number of replicas above Spec.MaxReplicas".into() });
        }
        if current < min {
            return Some(Wish { replicas: min, why: "Current number of replicas below Spec.MinReplicas".into() });
        }
        let (wanted, metric) = self.measure(target, scale, context)?;
        let why = match wanted.cmp(&current) {
            std::cmp::Ordering::Greater => format!("{metric} above target"),
            _ => "All metrics below target".to_owned(),
        };
        let bounds = Bounds { current, min, max };
        let behavior = self.autoscaler.spec.behavior.clone();
        let history = &mut self.known.entry(self.key.clone()).or_default().history;
        let decision = history.decide(behavior.as_ref(), bounds, wanted, context.now);
        self.set(ABLE, "True", decision.able.0, decision.able.1, context);
        let limited = if decision.is_limited { "True" } else { "False" };
        self.set(LIMITED, limited, decision.limited.0, decision.limited.1, context);
        Some(Wish { replicas: decision.replicas, why })
    }

    /// Returns the highest number that a metric asks for, and that metric's name.
    fn measure(&mut self, target: &Object, scale: &Value, context: &mut Context<'_>) -> Option<(i64, String)> {
        let subject = match self.subject(target, scale, context) {
            Ok(subject) => subject,
            Err(trouble) => {
                self.give_up(trouble.reason, &trouble.message, &trouble.told, context);
                return None;
            }
        };
        let (mut best, mut first_trouble, mut troubles): (Option<(i64, String)>, Option<Trouble>, usize) =
            (None, None, 0);
        let mut statuses = Vec::new();
        let metrics = self.autoscaler.spec.metrics.clone();
        for metric in &metrics {
            match subject.ask(metric, context) {
                Ok(answer) => {
                    statuses.push(answer.status);
                    if best.as_ref().is_none_or(|(most, _)| answer.proposal.replicas > *most) {
                        best = Some((answer.proposal.replicas, answer.name));
                    }
                }
                Err(trouble) => {
                    context.note(&self.about, &Note::warning(COMPONENT, trouble.reason, trouble.message.clone()));
                    statuses.push(serde_json::json!({"type": ""}));
                    troubles += 1;
                    first_trouble.get_or_insert(trouble);
                }
            }
        }
        self.status.current_metrics = Value::Array(statuses);
        if let Some(trouble) = first_trouble.filter(|_| best.as_ref().is_none_or(|(most, _)| *most < subject.current)) {
            let message = format!("the HPA was unable to compute the replica count: {}", trouble.message);
            let of = metrics.len();
            let told = format!("invalid metrics ({troubles} invalid out of {of}), first error is: {}", trouble.told);
            self.give_up(trouble.reason, &message, &told, context);
            return None;
        }
        let (wanted, name) = best?;
        let message = format!("the HPA was able to successfully calculate a replica count from {name}");
        self.set(ACTIVE, "True", "ValidMetricFound", &message, context);
        Some((wanted, name))
    }

    fn give_up(&mut self, reason: &str, message: &str, told: &str, context: &mut Context<'_>) {
        self.set(ACTIVE, "False", reason, message, context);
        context.note(&self.about, &Note::warning(COMPONENT, "FailedComputeMetricsReplicas", told));
    }

    /// Returns the target with its pods, unless its selector does not tell which they are.
    fn subject(&mut self, target: &Object, scale: &Value, context: &mut Context<'_>) -> Result<Subject, Trouble> {
        let text = scale["status"]["selector"].as_str().unwrap_or_default();
        let selector = self.selector(text, context)?;
        let pods = context.registry.resource("", "pods");
        let pods = pods.map(|pods| context.registry.list(&pods, Some(&self.key.namespace))).unwrap_or_default();
        let pods: Vec<Arc<Object>> = pods.into_iter().filter(|pod| selects(&selector, pod)).collect();
        self.known.entry(self.key.clone()).or_default().selector = Some(selector);
        self.check_unambiguous(text, &pods, context)?;
        let behavior = self.autoscaler.spec.behavior.as_ref();
        Ok(Subject {
            autoscaler: self.whole.clone(),
            namespace: self.key.namespace.to_string(),
            target: target.value(),
            pods,
            current: self.status.current_replicas,
            existing: scale["status"]["replicas"].as_i64().unwrap_or_default(),
            traffic: (self.traffic.clone(), context.now),
            tolerance: Tolerance {
                down: spec::tolerance(behavior.map(|behavior| &behavior.scale_down)),
                up: spec::tolerance(behavior.map(|behavior| &behavior.scale_up)),
            },
        })
    }

    fn selector(&self, text: &str, context: &mut Context<'_>) -> Result<LabelSelector, Trouble> {
        if text.is_empty() {
            let told = "selector is required";
            context.note(&self.about, &Note::warning(COMPONENT, "SelectorRequired", told));
            let message = "the HPA target's scale is missing a selector".to_owned();
            return Err(Trouble { reason: "InvalidSelector", message, told: told.to_owned() });
        }
        LabelSelector::parse(text).map_err(|error| {
            let told = format!("couldn't convert selector into a corresponding internal selector object: {}", error.0);
            context.note(&self.about, &Note::warning(COMPONENT, "InvalidSelector", told.clone()));
            Trouble { reason: "InvalidSelector", message: told.clone(), told }
        })
    }

    /// Refuses pods that another autoscaler scales too.
    fn check_unambiguous(&self, text: &str, pods: &[Arc<Object>], context: &mut Context<'_>) -> Result<(), Trouble> {
        let shares = |known: &Known| {
            known.selector.as_ref().is_some_and(|selector| pods.iter().any(|pod| selects(selector, pod)))
        };
        let own = |key: &Key| key.namespace == self.key.namespace;
        let all: Vec<&Key> =
            self.known.iter().filter(|(key, known)| own(key) && shares(known)).map(|(key, _)| key).collect();
        if all.len() < 2 {
            return Ok(());
        }
        let names: Vec<String> = all.iter().map(|key| format!("{{{} {}}}", key.namespace, key.name)).collect();
        let told = format!("pods by selector {text} are controlled by multiple HPAs: [{}]", names.join(" "));
        context.note(&self.about, &Note::warning(COMPONENT, "AmbiguousSelector", told.clone()));
        Err(Trouble { reason: "AmbiguousSelector", message: told.clone(), told })
    }

    fn rescale(&mut self, resource: &Resource, current: i64, wish: &Wish, context: &mut Context<'_>) {
        let Wish { replicas, why } = wish;
        let target = Key::new(self.key.namespace.clone(), self.autoscaler.spec.scale_target_ref.name.as_str());
        if let Err(error) = write_scale(context.writer(), resource, &target, *replicas) {
            let told = format!("New size: {replicas}; reason: {why}; error: {error}");
            context.note(&self.about, &Note::warning(COMPONENT, "FailedRescale", told));
            let message = format!("the HPA controller was unable to update the target scale: {error}");
            return self.set(ABLE, "False", "FailedUpdateScale", &message, context);
        }
        let message = format!("the HPA controller was able to update the target scale to {replicas}");
        self.set(ABLE, "True", "SucceededRescale", &message, context);
        let told = format!("New size: {replicas}; reason: {why}");
        context.note(&self.about, &Note::normal(COMPONENT, "SuccessfulRescale", told));
        let behavior = self.autoscaler.spec.behavior.as_ref();
        let known = self.known.entry(self.key.clone()).or_default();
        known.history.scaled(behavior, current, *replicas, context.now);
        self.status.desired_replicas = *replicas;
        self.status.last_scale_time = Some(conditions::to_seconds(context.now));
    }

    fn set(&mut self, r#type: &str, status: &str, reason: &str, message: &str, context: &Context<'_>) {
        let condition = Condition::new(r#type, status, reason, message, context.now).without_update_time();
        conditions::set_with_message(&mut self.status.conditions, condition);
    }
}

fn selects(selector: &LabelSelector, pod: &Object) -> bool {
    let labels: serde_json::Map<String, Value> =
        pod.labels().map(|(key, value)| (key.to_owned(), value.into())).collect();
    selector.matches(&Value::Object(labels))
}

/// Returns the preferred version of the resource of a kind.
fn of_kind(registry: &Registry, group: &str, kind: &str) -> Option<Arc<Resource>> {
    let resources = registry.resources();
    let mut preferred = resources.entries().filter_map(|entry| entry.versions.first());
    preferred.find(|resource| resource.gvk.group == group && resource.gvk.kind == kind).cloned()
}

/// Writes the number of replicas of an object through its scale.
fn write_scale(writer: Writer<'_>, resource: &Resource, key: &Key, replicas: i64) -> Result<(), ApiError> {
    writer.try_edit(resource, key, Subresource::Scale, |object| {
        let mut scale = view::scale_for_update(resource, object)?;
        scale["spec"]["replicas"] = replicas.into();
        let mut next = view::write_scale(resource, object, &scale)?;
        // The registry notes who owns the number.
        meta::take(&mut next["metadata"], &object["metadata"], "managedFields");
        *object = next;
        Ok(())
    })
}
