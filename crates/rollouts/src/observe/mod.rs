//! What a plan is made from: a Rollout and everything that belongs to it, as plain sorted data.
//!
//! [`assemble`] makes an [`Observed`] from [`Parts`]. The controller takes the parts from its caches
//! ([`crate::controller`]), the command line fetches them ([`fetch()`]); both get the same picture and thus the same reasons.

mod analysis;
mod fetch;
mod pod;
mod replica_set;
mod trouble;
mod watched;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use k8s_openapi::api::{apps::v1::ReplicaSet, core::v1::Service, policy::v1::PodDisruptionBudget};
use serde_json::Value;
use tiphys_api::{
    Experiment, Rollout, Stored,
    constants::{annotations, labels},
    selector,
    types::{LabelSelector, ObjectRef as WorkloadRef},
    validation::{ServiceView, named_services},
};
use tiphys_runtime::{reason::ObjectRef, recorder::Note};
use tiphys_traffic::{Verified, Verify};

pub(crate) use self::analysis::has_analysis;
pub(crate) use self::fetch::{fetch_stable_record, workload_resource};
pub use self::{
    analysis::AnalysisView,
    fetch::{fetch, fetch_all},
    pod::PodView,
    replica_set::ReplicaSetView,
    trouble::{Trouble, TroubleKind},
    watched::{ContainerState, ContainerStatus, PodCondition, PodStatus, Terminated, Waiting, WatchedPod},
};
use crate::{
    names,
    plan::{PODS_DELETED_BY_HAND, RESTART_BLOCKED, RESTART_STARTED, block_of},
    router_plugin::Told,
    step_plugin::Answer,
};

/// Everything that a plan is made from. Lists are sorted.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The Rollout.
    pub rollout: Stored<Rollout>,
    /// ReplicaSets of the namespace that carry a pod template hash and are ours, or nobody's; by creation, then name.
    pub replica_sets: Vec<ReplicaSetView>,
    /// Pods of those ReplicaSets, by name.
    pub pods: Vec<PodView>,
    /// The Services that the Rollout names, as far as they exist.
    pub services: BTreeMap<String, ServiceView>,
    /// Disruption budgets of the namespace that select a pod of the Rollout, by name.
    pub budgets: Vec<BudgetView>,
    /// The referenced workload, if it exists.
    pub workload: Option<WorkloadView>,
    /// The recorded stable template, looked for only when the stable ReplicaSet is missing.
    pub stable_record: Option<StableRecord>,
    /// Objects of routers, as far as they were read.
    pub routing: tiphys_traffic::Objects,
    /// The Experiments that the Rollout owns, by name.
    pub experiments: BTreeMap<String, Experiment>,
    /// AnalysisRuns and the templates that they are made from.
    pub analysis: AnalysisView,
    /// What we know from our own acts and cannot see in the objects.
    pub recall: Recall,
    /// An object that is older in our view than our own last write of it: nothing may be decided yet.
    pub awaited: Option<ObjectRef>,
}

/// A PodDisruptionBudget.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetView {
    /// Name.
    pub name: String,
    /// Selects the pods.
    pub selector: Option<LabelSelector>,
    /// Disruptions that it allows now.
    pub allowed: i32,
    /// Healthy pods now.
    pub healthy: i32,
    /// Healthy pods that it asks for.
    pub wanted: i32,
    /// Since when it allows none.
    pub blocked_since: Option<Timestamp>,
    /// Whether pods that are not ready may always be evicted.
    pub frees_unready: bool,
    /// Whether its status is about its present spec.
    pub is_observed: bool,
}

/// A workload that a Rollout takes its pod template from.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkloadView {
    /// Unique id.
    pub uid: String,
    /// `metadata.generation`.
    pub generation: i64,
    /// Its pod template.
    pub template: Value,
    /// Its selector, if the kind has one.
    pub selector: Option<Value>,
    /// `spec.replicas`.
    pub replicas: Option<i32>,
}

/// The stable pod template of an update under way, as it was recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct StableRecord {
    /// The template, as the ReplicaSet had it.
    pub template: Value,
    /// The ReplicaSet's revision.
    pub revision: i64,
    /// When the ReplicaSet was created, as it is written.
    pub created: Option<String>,
}

/// What we did and cannot see in the objects. Lost with the process; everything in it is found out again.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recall {
    /// Pods by uid whose eviction was accepted, with the time.
    pub evicted: BTreeMap<String, Timestamp>,
    /// Pods by uid whose eviction was refused.
    pub refused: BTreeMap<String, Refusal>,
    /// Name of a ReplicaSet that could not be created because the name is taken.
    pub taken: Option<String>,
    /// Why the new ReplicaSet could not be created.
    pub create_error: Option<CreateError>,
    /// What blocks the restart under way, as far as it was told.
    pub told_block: Option<String>,
    /// Pods that went away without us, as far as it was seen.
    pub gone: Vec<Gone>,
    /// Answers of step plugins that are not in the status yet.
    pub answers: Vec<Answer>,
    /// What AWS last said about each Ingress.
    pub checked: Vec<Checked>,
    /// What each router plugin was last told.
    pub told: Vec<Told>,
    /// Names of AnalysisRuns that belong to somebody else.
    pub taken_names: BTreeSet<String>,
}

/// What AWS said about the weights of an Ingress.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// What was asked.
    pub ask: Verify,
    /// The answer.
    pub answer: Verified,
    /// When.
    pub at: Timestamp,
}

impl Recall {
    /// Takes in that these events were told.
    pub fn told(&mut self, events: &[Note]) {
        for event in events {
            match event.reason.as_str() {
                PODS_DELETED_BY_HAND => self.gone.clear(),
                RESTART_STARTED => self.told_block = None,
                RESTART_BLOCKED => self.told_block = Some(block_of(&event.message).to_owned()),
                _ => {}
            }
        }
    }
}

/// A refused eviction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What the server said.
    pub message: String,
    /// When.
    pub at: Timestamp,
}

/// A failed creation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateError {
    /// Name of the ReplicaSet.
    pub name: String,
    /// What the server said.
    pub message: String,
}

/// A pod that somebody deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// Name of the pod.
    pub pod: String,
    /// Its unique id.
    pub uid: String,
    /// When it was seen.
    pub at: Timestamp,
}

/// The objects that an [`Observed`] is made from, in any order and more than needed.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    /// The Rollout.
    pub rollout: Value,
    /// ReplicaSets of the namespace.
    pub replica_sets: Vec<Arc<ReplicaSet>>,
    /// Pods of the namespace; `None` if pods are not known.
    pub pods: Option<Vec<Arc<WatchedPod>>>,
    /// Services of the namespace.
    pub services: Vec<Arc<Service>>,
    /// Disruption budgets of the namespace.
    pub budgets: Vec<Arc<PodDisruptionBudget>>,
    /// The referenced workload.
    pub workload: Option<Value>,
    /// The recorded stable template.
    pub stable_record: Option<StableRecord>,
    /// Objects of routers.
    pub routing: tiphys_traffic::Objects,
    /// Experiments of the namespace.
    pub experiments: Vec<Value>,
    /// AnalysisRuns and the templates that they are made from.
    pub analysis: AnalysisView,
    /// What we know from our own acts.
    pub recall: Recall,
    /// An object whose last write of ours is not seen yet.
    pub awaited: Option<ObjectRef>,
}

/// Makes the picture of one Rollout.
#[must_use]
pub fn assemble(parts: Parts) -> Observed {
    let rollout: Stored<Rollout> = Stored::new(parts.rollout);
    let uid = rollout.typed.metadata.uid.clone().unwrap_or_default();
    let mut sets: Vec<_> = parts.replica_sets.into_iter().filter(|set| may_be_ours(set, &uid)).collect();
    sets.sort_by_key(|set| (set.metadata.creation_timestamp.clone(), set.metadata.name.clone()));
    let pods = parts.pods.map(|pods| views(&pods, &sets, &parts.recall));
    let replica_sets: Vec<_> = sets.into_iter().map(|set| view(set, pods.as_deref())).collect();
    let pods = pods.unwrap_or_default();
    Observed {
        services: services(&rollout.typed, &parts.services),
        budgets: budgets(&parts.budgets, &pods),
        workload: parts.workload.as_ref().and_then(workload),
        rollout,
        replica_sets,
        pods,
        stable_record: parts.stable_record,
        routing: parts.routing,
        experiments: experiments(&uid, parts.experiments),
        analysis: parts.analysis,
        recall: parts.recall,
        awaited: parts.awaited,
    }
}

fn experiments(uid: &str, all: Vec<Value>) -> BTreeMap<String, Experiment> {
    let all = all.into_iter().map(|object| tiphys_api::decode::<Experiment>(object).object);
    let owned = all.filter(|experiment| replica_set::controller_uid(&experiment.metadata).as_deref() == Some(uid));
    owned.map(|experiment| (experiment.metadata.name.clone().unwrap_or_default(), experiment)).collect()
}

/// Returns whether a Rollout has a step that is an Experiment, or has one recorded.
#[must_use]
pub(crate) fn has_experiment(rollout: &Rollout) -> bool {
    let canary = rollout.spec.strategy.canary.as_ref();
    canary.is_some_and(|canary| canary.steps.iter().any(|step| step.experiment.is_some()))
        || !rollout.status.canary.current_experiment.is_empty()
}

impl Observed {
    /// Returns the Experiment of the current step.
    #[must_use]
    pub fn current_experiment(&self) -> Option<&Experiment> {
        self.experiments.get(&self.rollout.typed.status.canary.current_experiment)
    }
}

fn may_be_ours(set: &ReplicaSet, uid: &str) -> bool {
    let is_hashed = set.metadata.labels.as_ref().is_some_and(|all| all.contains_key(labels::POD_TEMPLATE_HASH));
    is_hashed && replica_set::controller_uid(&set.metadata).is_none_or(|owner| owner == uid)
}

fn views(pods: &[Arc<WatchedPod>], sets: &[Arc<ReplicaSet>], recall: &Recall) -> Vec<PodView> {
    let owners: Vec<&str> = sets.iter().filter_map(|set| set.metadata.uid.as_deref()).collect();
    let is_evicted = |pod: &WatchedPod| pod.metadata.uid.as_ref().is_some_and(|uid| recall.evicted.contains_key(uid));
    let all = pods.iter().map(|pod| PodView::new(pod, is_evicted(pod)));
    let mut ours: Vec<PodView> =
        all.filter(|pod| pod.controller.as_deref().is_some_and(|owner| owners.contains(&owner))).collect();
    ours.sort_by(|a, b| a.name.cmp(&b.name));
    ours
}

fn view(set: Arc<ReplicaSet>, pods: Option<&[PodView]>) -> ReplicaSetView {
    let uid = set.metadata.uid.clone();
    let serving = pods.map(|pods| pods.iter().filter(|pod| pod.controller == uid && pod.is_serving()).count());
    ReplicaSetView::new(set, serving.and_then(|count| i32::try_from(count).ok()))
}

fn services(rollout: &Rollout, all: &[Arc<Service>]) -> BTreeMap<String, ServiceView> {
    let named = named_services(rollout);
    let is_named = |name: &str| named.iter().any(|service| service.name == name);
    let found = all.iter().filter_map(|service| {
        let name = service.metadata.name.clone().filter(|name| is_named(name))?;
        let selector = service.spec.as_ref().and_then(|spec| spec.selector.clone()).unwrap_or_default();
        let annotations = service.metadata.annotations.as_ref();
        let managed_by = annotations.and_then(|all| all.get(annotations::MANAGED_BY)).cloned();
        Some((name, ServiceView { selector, managed_by }))
    });
    found.collect()
}

fn budgets(all: &[Arc<PodDisruptionBudget>], pods: &[PodView]) -> Vec<BudgetView> {
    let views = all.iter().map(|budget| budget_view(budget));
    let mut ours: Vec<BudgetView> = views
        .filter(|budget| pods.iter().any(|pod| selector::selects(budget.selector.as_ref(), &pod.labels)))
        .collect();
    ours.sort_by(|a, b| a.name.cmp(&b.name));
    ours
}

fn budget_view(budget: &PodDisruptionBudget) -> BudgetView {
    let spec = budget.spec.as_ref();
    let status = budget.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let blocked =
        conditions.iter().find(|condition| condition.type_ == "DisruptionAllowed" && condition.status == "False");
    let generation = budget.metadata.generation.unwrap_or(0);
    BudgetView {
        name: budget.metadata.name.clone().unwrap_or_default(),
        selector: spec.and_then(|spec| spec.selector.clone()),
        allowed: status.map_or(0, |status| status.disruptions_allowed),
        healthy: status.map_or(0, |status| status.current_healthy),
        wanted: status.map_or(0, |status| status.desired_healthy),
        blocked_since: blocked.map(|condition| condition.last_transition_time.0),
        frees_unready: spec.and_then(|spec| spec.unhealthy_pod_eviction_policy.as_deref()) == Some("AlwaysAllow"),
        is_observed: status.and_then(|status| status.observed_generation).unwrap_or(0) >= generation,
    }
}

/// A `PodTemplate` keeps its template at the root, everything else below `spec`.
fn workload(object: &Value) -> Option<WorkloadView> {
    let at_root = object["template"].is_object();
    let holder = if at_root { object } else { &object["spec"] };
    Some(WorkloadView {
        uid: object["metadata"]["uid"].as_str().unwrap_or_default().to_owned(),
        generation: object["metadata"]["generation"].as_i64().unwrap_or(0),
        template: holder.get("template").cloned().unwrap_or_default(),
        selector: holder.get("selector").filter(|_| !at_root).cloned(),
        replicas: object["spec"]["replicas"].as_i64().and_then(|replicas| i32::try_from(replicas).ok()),
    })
    .filter(|view| !view.uid.is_empty())
}

/// A kind that a Rollout can take its pod template from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WorkloadKind {
    /// `apps/Deployment`.
    Deployment,
    /// `apps/ReplicaSet`.
    ReplicaSet,
    /// `v1/PodTemplate`.
    PodTemplate,
}

impl WorkloadKind {
    /// Returns the kind that a reference names, if it is one of the supported ones; any version of its group will do.
    #[must_use]
    pub fn of(reference: &WorkloadRef) -> Option<Self> {
        let group = reference.api_version.split_once('/').map_or("", |(group, _)| group);
        match (group, reference.kind.as_str()) {
            ("apps", "Deployment") => Some(Self::Deployment),
            ("apps", "ReplicaSet") => Some(Self::ReplicaSet),
            ("", "PodTemplate") => Some(Self::PodTemplate),
            _ => None,
        }
    }

    /// Returns plural and group, as error texts name them: `deployments.apps`.
    #[must_use]
    pub fn resource(self) -> &'static str {
        match self {
            Self::Deployment => "deployments.apps",
            Self::ReplicaSet => "replicasets.apps",
            Self::PodTemplate => "podtemplates",
        }
    }
}

/// Returns the hash of the stable ReplicaSet if it is missing in mid-update, so that its recorded template is needed.
#[must_use]
pub fn missing_stable<'a>(rollout: &'a Rollout, replica_sets: &[Arc<ReplicaSet>]) -> Option<&'a str> {
    let status = &rollout.status;
    let uid = rollout.metadata.uid.as_deref().unwrap_or_default();
    let is_there = replica_sets.iter().any(|set| {
        let hash = set.metadata.labels.as_ref().and_then(|all| all.get(labels::POD_TEMPLATE_HASH));
        may_be_ours(set, uid) && set.metadata.deletion_timestamp.is_none() && hash == Some(&status.stable_rs)
    });
    let is_under_way = !status.stable_rs.is_empty() && status.stable_rs != status.current_pod_hash;
    (is_under_way && !is_there).then_some(status.stable_rs.as_str())
}

/// Returns the recorded stable template in a ControllerRevision.
#[must_use]
pub fn stable_record(object: &Value) -> Option<StableRecord> {
    let template = object.get("data")?.get("template")?.clone();
    let created = object["data"]["created"].as_str().map(str::to_owned);
    Some(StableRecord { template, revision: object["revision"].as_i64().unwrap_or(0), created })
}

/// Returns the name under which the stable template of a Rollout is recorded.
#[must_use]
pub fn stable_record_name(rollout: &Rollout, hash: &str) -> String {
    names::stable_record(rollout.metadata.name.as_deref().unwrap_or_default(), hash)
}
