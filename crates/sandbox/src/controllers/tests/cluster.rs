//! A registry with running controllers and one node that starts whatever it is given.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tiphys_clock::Clock;
use tiphys_machinery::error::ApiError;
use tiphys_machinery::{resource, time};

use crate::controllers::cache::{Cache, Marks, Update};
use crate::controllers::context::{Context, Controller};
use crate::controllers::{Key, Manager, control_plane};
use crate::registry::{DeleteOptions, Propagation, Registry, RegistryOptions, Subresource, WriteOptions};
use crate::store::{Change, HistoryLimits, Subscription};
use crate::traffic::Traffic;

/// How long a pod takes to be ready, and to stop.
const START: SignedDuration = SignedDuration::from_millis(150);
const STOP: SignedDuration = SignedDuration::from_millis(100);

pub(super) struct Cluster {
    pub(super) registry: Registry,
    history: Subscription,
}

impl Cluster {
    pub(super) async fn start(seed: u64) -> Self {
        let clock = Clock::starting_at("2026-01-02T03:04:05Z".parse().unwrap());
        let options = RegistryOptions { clock, seed, history: HistoryLimits::default() };
        let registry = Registry::in_memory(&options, resource::builtin().into_iter().map(Arc::new).collect());
        let history = registry.subscribe();
        let mut controllers = control_plane(&Traffic::new(0));
        controllers.push(Box::new(TestNode::default()));
        tokio::spawn(Manager::with_controllers(&registry, controllers).run());
        let cluster = Self { registry, history };
        cluster.create("", "namespaces", json!({"metadata": {"name": "ns"}}));
        cluster.pass(1).await;
        cluster
    }

    /// Lets so many seconds pass.
    pub(super) async fn pass(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    #[track_caller]
    pub(super) fn create(&self, group: &str, plural: &str, mut value: Value) -> Value {
        let resource = self.registry.resource(group, plural).unwrap();
        value["apiVersion"] = resource.gvk.api_version().into();
        value["kind"] = resource.gvk.kind.clone().into();
        let own = value["metadata"]["namespace"].as_str().unwrap_or("ns").to_owned();
        let namespace = if resource.namespaced { own } else { String::new() };
        self.registry.create(&resource, &namespace, value, &WriteOptions::by("tester")).unwrap().value()
    }

    pub(super) fn get(&self, group: &str, plural: &str, name: &str) -> Option<Value> {
        let resource = self.registry.resource(group, plural).unwrap();
        let namespace = if resource.namespaced { "ns" } else { "" };
        self.registry.get(&resource, namespace, name).ok().map(|object| object.value())
    }

    pub(super) fn list(&self, group: &str, plural: &str) -> Vec<Value> {
        let resource = self.registry.resource(group, plural).unwrap();
        self.registry.list(&resource, Some("ns")).iter().map(|object| object.value()).collect()
    }

    #[track_caller]
    pub(super) fn modify(&self, group: &str, plural: &str, name: &str, change: impl FnMut(&mut Value)) {
        let resource = self.registry.resource(group, plural).unwrap();
        let options = WriteOptions::by("tester");
        self.registry.modify(&resource, "ns", name, Subresource::Main, &options, change).unwrap();
    }

    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "tests write their JSON in place")]
    pub(super) fn status(&self, group: &str, plural: &str, name: &str, status: Value) {
        let resource = self.registry.resource(group, plural).unwrap();
        let options = WriteOptions::by("tester");
        let edit = |object: &mut Value| object["status"] = status.clone();
        self.registry.modify(&resource, "ns", name, Subresource::Status, &options, edit).unwrap();
    }

    #[track_caller]
    pub(super) fn delete(&self, group: &str, plural: &str, name: &str, propagation: Propagation) {
        let resource = self.registry.resource(group, plural).unwrap();
        let namespace = if resource.namespaced { "ns" } else { "" };
        let options = DeleteOptions { propagation: Some(propagation), ..DeleteOptions::default() };
        self.registry.delete(&resource, namespace, name, &options).unwrap();
    }

    pub(super) fn events(&self, reason: &str) -> Vec<String> {
        let mut events = self.list("", "events");
        events.retain(|event| event["reason"] == reason);
        events.sort_by_key(|event| event["metadata"]["resourceVersion"].as_str().map(|rv| rv.parse::<u64>().unwrap()));
        events.iter().map(|event| event["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Everything that happened since the last call: what changed, and to which content.
    pub(super) fn history(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.history.try_next())
            .map(|change| {
                let gone = change.new.is_none();
                format!("{} {} {gone} {}", change.revision, change.resource.plural, change.object().value())
            })
            .collect()
    }

    /// Every state that one object went through since the last call.
    pub(super) fn states(&mut self, plural: &str) -> Vec<Value> {
        std::iter::from_fn(|| self.history.try_next())
            .filter(|change| change.resource.plural == plural && change.new.is_some())
            .map(|change| change.object().value())
            .collect()
    }
}

pub(super) fn replica_set(name: &str, replicas: i64) -> Value {
    json!({"metadata": {"name": name}, "spec": {
        "replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template(name, "image:1"),
    }})
}

#[expect(clippy::needless_pass_by_value, reason = "tables write their JSON in place")]
pub(super) fn deployment(name: &str, replicas: i64, image: &str, strategy: Value) -> Value {
    json!({"metadata": {"name": name}, "spec": {
        "replicas": replicas, "selector": {"matchLabels": {"app": name}}, "strategy": strategy,
        "template": template(name, image),
    }})
}

pub(super) fn template(app: &str, image: &str) -> Value {
    json!({"metadata": {"labels": {"app": app}}, "spec": {"containers": [{"name": "main", "image": image}]}})
}

/// Binds, starts and stops pods; a pod whose label `exit` is set ends after a second with that code.
#[derive(Default)]
struct TestNode {
    since: BTreeMap<Key, Timestamp>,
}

impl Controller for TestNode {
    fn name(&self) -> &'static str {
        "test-node"
    }

    fn on_change(&mut self, change: &Change, update: &Update, _: &Cache, marks: &mut Marks) {
        if let Update::Pod(_) = update {
            let object = change.object();
            marks.insert(Key::new(object.namespace(), object.name()));
        }
    }

    fn reconcile(&mut self, key: &Key, context: &mut Context<'_>) -> Result<(), ApiError> {
        let pods = context.writer().resource("", "pods")?;
        let Ok(object) = context.registry.get(&pods, &key.namespace, &key.name) else {
            self.since.remove(key);
            return Ok(());
        };
        let pod = object.value();
        let phase = pod["status"]["phase"].as_str().unwrap_or("Pending").to_owned();
        if object.is_deleting() {
            return self.stop(key, &pod, context);
        }
        if pod["spec"]["nodeName"].is_null() {
            context.writer().edit(("", "pods"), key, Subresource::Binding, |pod| {
                pod["spec"]["nodeName"] = "node-0".into();
            })?;
            self.since.insert(key.clone(), context.now);
            return Ok(());
        }
        let since = self.since.get(key).copied().unwrap_or(context.now);
        let exit = pod["metadata"]["labels"]["exit"].as_str().and_then(|code| code.parse::<i64>().ok());
        match (phase.as_str(), exit) {
            ("Pending", _) => self.later(key, since + START, context, |context| ready(key, context)),
            ("Running", Some(code)) => {
                self.later(key, since + SignedDuration::from_secs(1), context, |context| end(key, code, context))
            }
            _ => Ok(()),
        }
    }
}

impl TestNode {
    fn later(
        &mut self,
        key: &Key,
        at: Timestamp,
        context: &mut Context<'_>,
        act: impl FnOnce(&Context<'_>) -> Result<(), ApiError>,
    ) -> Result<(), ApiError> {
        if at > context.now {
            context.wake(key, at);
            return Ok(());
        }
        act(context)
    }

    fn stop(&mut self, key: &Key, pod: &Value, context: &mut Context<'_>) -> Result<(), ApiError> {
        if pod["metadata"]["deletionGracePeriodSeconds"] == 0 {
            return Ok(());
        }
        let since = *self.since.entry(Key::new("stop", key.to_string())).or_insert(context.now);
        self.later(key, since + STOP, context, |context| {
            context.writer().delete(("", "pods"), key, &DeleteOptions::background().grace(0))
        })
    }
}

fn ready(key: &Key, context: &Context<'_>) -> Result<(), ApiError> {
    let now = time::seconds(context.now);
    let number = key.name.bytes().fold(0_u8, u8::wrapping_add);
    context.writer().modify_status(("", "pods"), key, |pod| {
        pod["status"]["phase"] = "Running".into();
        pod["status"]["podIP"] = format!("10.244.0.{number}").into();
        pod["status"]["conditions"] = json!([{"type": "Ready", "status": "True", "lastTransitionTime": now}]);
    })?;
    Ok(())
}

fn end(key: &Key, code: i64, context: &Context<'_>) -> Result<(), ApiError> {
    let now = time::seconds(context.now);
    context.writer().modify_status(("", "pods"), key, |pod| {
        pod["status"]["phase"] = if code == 0 { "Succeeded" } else { "Failed" }.into();
        pod["status"]["conditions"] = json!([{"type": "Ready", "status": "False", "lastTransitionTime": now}]);
        pod["status"]["containerStatuses"] = json!([{
            "name": "main", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"terminated": {"exitCode": code, "finishedAt": now}},
        }]);
    })?;
    Ok(())
}
