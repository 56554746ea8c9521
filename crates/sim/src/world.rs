//! A sandbox, a controller that can be killed, the faults between them, and what people do.

use std::time::Duration;

use jiff::Timestamp;
use kube::{
    Api, Client,
    api::{DeleteParams, DynamicObject, Patch, PatchParams},
    core::GroupVersionKind,
    discovery::ApiResource,
};
use serde_json::{Value, json};
use tiphys_clock::Clock;
use tiphys_rollouts::{
    controller::{Config, Controller},
    plan,
};
use tiphys_runtime::cache::Key;
use tiphys_sandbox::{Sandbox, SandboxOptions, faults::Faults, nodes};
use tokio::task::JoinHandle;

use crate::{
    busy::Busy,
    crash::{Crash, Side},
    history::History,
    judge::Judge,
};

/// The namespace in which everything happens.
pub const NAMESPACE: &str = "default";
/// When every run begins.
pub const BEGINNING: &str = "2026-01-05T09:00:00Z";
/// How many nodes there are.
const NODES: usize = 4;

/// Why a run stopped.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The runtime could not be made.
    #[error("the runtime could not be made")]
    Runtime(#[source] std::io::Error),
    /// The sandbox did not start.
    #[error("the sandbox did not start")]
    Sandbox(#[source] tiphys_sandbox::StartError),
    /// Something could not be read.
    #[error("{what} cannot be read")]
    Read {
        /// What.
        what: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// What a person asked for was refused.
    #[error("a person may not {act}")]
    Refused {
        /// What was asked for.
        act: String,
        /// What the server said.
        #[source]
        source: Box<kube::Error>,
    },
    /// A promise was broken.
    #[error("{0}")]
    Broken(String),
}

impl Failed {
    /// Returns the error with its causes, on one line.
    #[must_use]
    pub fn tell(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }
}

/// Everything of one run.
pub struct World {
    sandbox: Sandbox,
    clock: Clock,
    busy: Busy,
    faults: Faults,
    person: Client,
    history: History,
    judge: Judge,
    running: Option<Running>,
}

struct Running {
    crash: Crash,
    controller: Controller,
    task: JoinHandle<()>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("now", &self.now()).field("changes", &self.changes()).finish_non_exhaustive()
    }
}

impl World {
    /// Starts a world of this seed without a controller. The tokio clock must be paused.
    ///
    /// # Errors
    /// When the sandbox or the definitions cannot be made.
    pub async fn start(seed: u64) -> Result<Self, Failed> {
        let clock = Clock::starting_at(BEGINNING.parse::<Timestamp>().unwrap_or(Timestamp::UNIX_EPOCH));
        let options = SandboxOptions { clock, seed, nodes: NODES, data: None };
        let sandbox = Sandbox::start(&options).map_err(Failed::Sandbox)?;
        let busy = Busy::default();
        let history = History::of(sandbox.registry(), clock, busy.clone());
        let person = Client::new(sandbox.service(), NAMESPACE);
        let (faults, judge) = (Faults::new(seed), Judge::default());
        let world = Self { sandbox, clock, busy, faults, person, history, judge, running: None };
        for definition in tiphys_api::crds::crds() {
            let definition = serde_json::to_value(definition)
                .map_err(|source| Failed::Read { what: "a definition".into(), source })?;
            world.apply(&definition).await?;
        }
        Ok(world)
    }

    /// Returns the faults between the controller and the API.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Returns who checks the promises.
    pub fn judge(&mut self) -> &mut Judge {
        &mut self.judge
    }

    /// Returns every write so far, one line each.
    #[must_use]
    pub fn history(&self) -> &[String] {
        self.history.lines()
    }

    /// Returns the present virtual time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns how many writes were checked so far, without the removal of old events.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.history.changes()
    }

    /// Starts a controller if none lives.
    pub fn revive(&mut self) {
        self.bury();
        if self.running.is_none() {
            let crash = Crash::default();
            let client =
                Client::new(self.busy.around(crash.around(self.faults.around(self.sandbox.service()))), NAMESPACE);
            let controller = Controller::new(client, self.clock, Config::default());
            let task = tokio::spawn(controller.clone().run());
            self.running = Some(Running { crash, controller, task });
        }
    }

    /// Kills the controller, wherever it is.
    pub fn kill(&mut self) {
        if let Some(running) = self.running.take() {
            running.task.abort();
        }
    }

    /// Lets the controller die at its `nth` write from now on, if one lives.
    pub fn kill_at(&self, nth: u64, side: Side) {
        if let Some(running) = &self.running {
            running.crash.at(nth, side);
        }
    }

    /// Lets the controller live on, if it was to die at one of its writes.
    pub fn spare(&self) {
        if let Some(running) = &self.running {
            running.crash.spare();
        }
    }

    /// Returns whether a controller lives.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.running.as_ref().is_some_and(|running| !running.crash.is_dead())
    }

    /// Returns how many writes the present controller has sent.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.running.as_ref().map_or(0, |running| running.crash.writes())
    }

    fn bury(&mut self) {
        if self.running.as_ref().is_some_and(|running| running.crash.is_dead()) {
            self.kill();
        }
    }

    /// Lets virtual time pass, then checks every write that was made meanwhile.
    ///
    /// # Errors
    /// The first promise that was broken; or that time does not pass, because somebody is busy for ever.
    pub async fn pass(&mut self, time: Duration) -> Result<(), Failed> {
        tokio::select! {
            biased;
            what = self.busy.over() => return Err(Failed::Broken(format!("{}: {what}", self.now()))),
            () = tokio::time::sleep(time) => {}
        }
        self.bury();
        for write in self.history.take() {
            self.judge.see(&write).map_err(Failed::Broken)?;
        }
        Ok(())
    }

    /// Returns what the controller would do next if it looked at a Rollout now; `None` if it does not know it.
    #[must_use]
    pub fn next_plan(&self, name: &str) -> Option<tiphys_rollouts::action::Plan> {
        let seen = self.running.as_ref()?.controller.observed(&Key::new(NAMESPACE, name))?;
        Some(plan::plan(&seen, self.now(), &plan::Settings::default()))
    }

    /// Applies an object as a person does (server-side apply).
    ///
    /// # Errors
    /// Whatever the API refuses.
    pub async fn apply(&self, object: &Value) -> Result<(), Failed> {
        let (kind, name) = (text(&object["kind"]), text(&object["metadata"]["name"]));
        let api = self.api_of(object);
        let params = PatchParams::apply("person").force();
        let applied = api.patch(name, &params, &Patch::Apply(object)).await;
        applied.map(drop).map_err(|source| refused(format!("apply {kind} {name}"), source))
    }

    /// Sends a merge patch; one that holds a status goes to the status.
    ///
    /// # Errors
    /// Whatever the API refuses.
    pub async fn patch(&mut self, kind: &str, name: &str, patch: &Value) -> Result<(), Failed> {
        let api = self.api(kind);
        let (params, merge) = (PatchParams::default(), Patch::Merge(patch));
        let has_subresource = !matches!(kind, "Experiment" | "AnalysisRun");
        let patched = if has_subresource && patch.get("status").is_some() {
            api.patch_status(name, &params, &merge).await
        } else {
            api.patch(name, &params, &merge).await
        };
        let object = patched.map_err(|source| refused(format!("patch {kind} {name}"), source))?;
        self.judge.by_person(object.metadata.resource_version.as_deref());
        Ok(())
    }

    /// Deletes an object as `kubectl delete` does.
    ///
    /// # Errors
    /// Whatever the API refuses.
    pub async fn delete(&mut self, kind: &str, name: &str) -> Result<(), Failed> {
        let uid = self.get(kind, name)["metadata"]["uid"].as_str().map(str::to_owned);
        self.judge.deleted_by_person(uid.as_deref());
        let deleted = self.api(kind).delete(name, &DeleteParams::background()).await;
        deleted.map(drop).map_err(|source| refused(format!("delete {kind} {name}"), source))
    }

    /// Loses a node, or brings it back.
    pub fn set_node(&self, number: usize, is_there: bool) {
        let name = format!("node-{number}");
        let registry = self.sandbox.registry();
        // The nodes are made at the start and never deleted.
        let _ = if is_there { nodes::recover(registry, &name) } else { nodes::fail(registry, &name) };
    }

    /// Lets a pod crash again and again, or lets it live.
    ///
    /// # Errors
    /// Whatever the API refuses.
    pub async fn set_crashing(&mut self, pod: &str, is_crashing: bool) -> Result<(), Failed> {
        let value = if is_crashing { json!("1@0s") } else { Value::Null };
        let patch = json!({"metadata": {"annotations": {"sandbox.tiphys.dev/crash-loop": value}}});
        match self.patch("Pod", pod, &patch).await {
            Err(Failed::Refused { source, .. }) if is_gone(&source) => Ok(()),
            done => done,
        }
    }

    /// Returns all objects of a kind, straight from the store.
    #[must_use]
    pub fn list(&self, kind: &str) -> Vec<Value> {
        let registry = self.sandbox.registry();
        let Some(resource) = registry.resource_for_kind(api_version(kind), kind) else { return Vec::new() };
        registry.list(&resource, Some(NAMESPACE)).iter().map(|object| object.value()).collect()
    }

    /// Returns one object, or null.
    #[must_use]
    pub fn get(&self, kind: &str, name: &str) -> Value {
        let registry = self.sandbox.registry();
        let Some(resource) = registry.resource_for_kind(api_version(kind), kind) else { return Value::Null };
        registry.get(&resource, NAMESPACE, name).map_or(Value::Null, |object| object.value())
    }

    fn api(&self, kind: &str) -> Api<DynamicObject> {
        self.api_of(&json!({"apiVersion": api_version(kind), "kind": kind}))
    }

    fn api_of(&self, object: &Value) -> Api<DynamicObject> {
        let version = text(&object["apiVersion"]);
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, text(&object["kind"])));
        if object["kind"] == "CustomResourceDefinition" {
            Api::all_with(self.person.clone(), &resource)
        } else {
            Api::namespaced_with(self.person.clone(), NAMESPACE, &resource)
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill();
    }
}

fn refused(act: String, source: kube::Error) -> Failed {
    Failed::Refused { act, source: Box::new(source) }
}

/// Returns whether an object was gone when it was to be changed.
fn is_gone(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The version in which a kind is used here.
fn api_version(kind: &str) -> &'static str {
    match kind {
        "Rollout" | "Experiment" | "AnalysisRun" => "argoproj.io/v1alpha1",
        "ReplicaSet" | "Deployment" | "ControllerRevision" => "apps/v1",
        "PodDisruptionBudget" => "policy/v1",
        _ => "v1",
    }
}
