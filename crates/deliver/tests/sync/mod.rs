//! Whole syncs, against a cluster that is a map.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};
use tiphys_deliver::{
    health::{Health, Status},
    hook::FINALIZER,
    object::ResourceKey,
    plan::{
        Action, Code, Memory, Observed, Plan, Progress, Scope, Settings, Stage, TaskOptions, Tasks, Verdict, Way,
        after, begin, note, pair, tasks, terminate,
    },
};

#[derive(Default)]
struct Sync {
    targets: Vec<Value>,
    cluster: BTreeMap<ResourceKey, Value>,
    settings: Settings,
    memory: Memory,
    /// Names of objects that the server refuses, when tried out or when applied.
    refused: BTreeSet<&'static str>,
    refused_when_applied: BTreeSet<&'static str>,
    log: Vec<String>,
}

fn object(kind: &str, name: &str, annotations: &[(&str, &str)]) -> Value {
    let annotations: BTreeMap<String, &str> =
        annotations.iter().map(|(key, value)| (format!("argocd.argoproj.io/{key}"), *value)).collect();
    json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "ns", "annotations": annotations}})
}

fn health(object: &Value) -> Result<Option<Health>, String> {
    let status = object["health"].as_str().and_then(Status::of);
    Ok(status.map(|status| Health { status: Some(status), message: format!("is {}", status.name()) }))
}

impl Sync {
    fn new(targets: Vec<Value>) -> Self {
        let settings = Settings { namespace: "ns".to_owned(), ..Settings::default() };
        Self { targets, settings, ..Self::default() }
    }

    fn tasks(&self) -> Tasks {
        let pairs =
            pair(self.targets.clone(), self.cluster.values().cloned().collect(), "ns", |_, _| Scope::Namespaced);
        let options = TaskOptions {
            namespace: "ns",
            revision: "0123456789",
            started_at: Timestamp::UNIX_EPOCH,
            skip_hooks: false,
            prune_last: false,
            skip_dry_run_on_missing_resource: false,
        };
        tasks(&pairs, options, |_| Verdict::Permitted)
    }

    /// One poll, as a controller does it; nothing but the memory is kept until the next.
    fn poll(&mut self) -> (Progress, String) {
        self.run(begin)
    }

    fn terminate(&mut self) -> (Progress, String) {
        self.run(terminate)
    }

    fn run(&mut self, first: impl Fn(&Observed<'_>, Memory) -> Plan) -> (Progress, String) {
        let (tasks, settings) = (self.tasks(), self.settings.clone());
        let observed =
            Observed { tasks: &tasks, settings: &settings, health: &health, is_synced: &|_: &ResourceKey| false };
        let mut plan = first(&observed, self.memory.clone());
        loop {
            let failed = self.execute(&tasks, &mut plan);
            let done = plan.stage == Stage::Rest || plan.stage == Stage::Termination;
            plan = after(&observed, plan, failed);
            if done {
                self.memory = plan.memory;
                return (plan.progress, plan.message);
            }
        }
    }

    fn execute(&mut self, tasks: &Tasks, plan: &mut Plan) -> bool {
        let mut any = false;
        for group in plan.groups.clone() {
            let mut failed = false;
            for action in &group.actions {
                let outcome = self.act(tasks, action);
                failed |= outcome.is_err();
                let outcome = outcome.as_deref().map_err(String::as_str);
                note(&mut plan.memory, tasks, &self.settings, action, outcome);
            }
            any |= failed;
            if failed && group.needed {
                break;
            }
        }
        any
    }

    fn act(&mut self, tasks: &Tasks, action: &Action) -> Result<String, String> {
        let task = &tasks.tasks[action.task()];
        let object = task.object().clone();
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let key = ResourceKey::of(&object);
        match action {
            Action::Apply { try_out, .. } => {
                if self.refused.contains(name.as_str())
                    || (!try_out && self.refused_when_applied.contains(name.as_str()))
                {
                    return Err(format!("{name} refused"));
                }
                if !try_out {
                    self.log.push(format!("apply {name}"));
                    self.cluster.insert(key, object);
                }
            }
            Action::Prune { .. } => {
                self.log.push(format!("prune {name}"));
                self.cluster.remove(&key);
            }
            Action::DeleteHook { .. } => {
                self.log.push(format!("delete {name}"));
                self.cluster.remove(&key);
            }
            Action::RemoveFinalizer { .. } => {
                if let Some(live) = self.cluster.get_mut(&key) {
                    live["metadata"]["finalizers"] = json!([]);
                }
            }
            Action::Find { .. } => return self.cluster.get(&key).map(|_| String::new()).ok_or_else(String::new),
        }
        Ok(String::new())
    }

    fn becomes(&mut self, name: &str, health: &str) {
        let object = self.cluster.values_mut().find(|object| object["metadata"]["name"] == name).unwrap();
        object["health"] = health.into();
    }

    fn record(&self, name: &str) -> (Option<Code>, Progress) {
        let record = self.memory.records().iter().find(|record| record.key.name == name).unwrap();
        (record.code, record.progress)
    }
}

fn running(message: &str) -> (Progress, String) {
    (Progress::Running, message.to_owned())
}

#[test]
fn one_wave_without_hooks_waits_for_nothing() {
    let mut sync = Sync::new(vec![object("ConfigMap", "a", &[]), object("Secret", "b", &[])]);
    assert_eq!(sync.poll(), (Progress::Succeeded, "successfully synced (all tasks run)".to_owned()));
    assert_eq!(sync.log, ["apply b", "apply a"]);
    assert_eq!(sync.record("a"), (Some(Code::Synced), Progress::Running));
}

#[test]
fn phases_and_waves_wait_for_one_another() {
    let mut sync = Sync::new(vec![
        object("Job", "before", &[("hook", "PreSync")]),
        object("ConfigMap", "config", &[]),
        object("Pod", "web", &[("sync-wave", "1")]),
        object("Job", "behind", &[("hook", "PostSync"), ("hook-delete-policy", "HookSucceeded")]),
    ]);
    assert_eq!(sync.poll(), running("waiting for completion of hook /Job/before"));
    assert_eq!(sync.cluster.values().next().unwrap()["metadata"]["finalizers"], json!([FINALIZER]));
    sync.becomes("before", "Progressing");
    assert_eq!(sync.poll(), running("waiting for completion of hook /Job/before"));
    assert_eq!(sync.log, ["apply before"]);
    sync.becomes("before", "Healthy");
    assert_eq!(sync.poll(), running("waiting for healthy state of /ConfigMap/config"));
    assert_eq!(sync.cluster.values().next().unwrap()["metadata"]["finalizers"], json!(null), "config comes first");
    assert_eq!(sync.poll(), running("waiting for healthy state of /Pod/web"));
    sync.becomes("web", "Progressing");
    assert_eq!(sync.poll(), running("waiting for healthy state of /Pod/web"));
    sync.becomes("web", "Healthy");
    assert_eq!(sync.poll(), running("waiting for completion of hook /Job/behind"));
    sync.becomes("behind", "Healthy");
    assert_eq!(sync.poll(), (Progress::Succeeded, "successfully synced (no more tasks)".to_owned()));
    assert_eq!(sync.log, ["apply before", "apply config", "apply web", "apply behind", "delete behind"]);
}

#[test]
fn a_failed_hook_stops_everything_but_the_hooks_for_failures() {
    let mut sync = Sync::new(vec![
        object("Job", "before", &[("hook", "PreSync")]),
        object("ConfigMap", "config", &[]),
        object("Job", "rescue", &[("hook", "SyncFail")]),
    ]);
    sync.poll();
    sync.becomes("before", "Degraded");
    assert_eq!(sync.poll(), running("waiting for completion of hook /Job/rescue"));
    sync.becomes("rescue", "Healthy");
    let message = "one or more synchronization tasks completed unsuccessfully".to_owned();
    assert_eq!(sync.poll(), (Progress::Failed, message));
    assert_eq!(sync.log, ["apply before", "apply rescue"]);
}

#[test]
fn nothing_changes_when_trying_out_fails() {
    let mut sync = Sync::new(vec![object("ConfigMap", "a", &[]), object("ConfigMap", "b", &[])]);
    sync.refused.insert("b");
    assert_eq!(sync.poll(), (Progress::Failed, "one or more objects failed to apply (dry run)".to_owned()));
    assert!(sync.log.is_empty());
}

#[test]
fn a_refused_object_fails_the_sync_with_what_the_server_said() {
    let mut sync = Sync::new(vec![object("ConfigMap", "a", &[]), object("Pod", "b", &[])]);
    sync.refused_when_applied.insert("a");
    assert_eq!(sync.poll(), running("waiting for healthy state of /Pod/b"));
    assert_eq!(sync.log, ["apply b"], "kinds behind are applied all the same");
    let message = "one or more synchronization tasks completed unsuccessfully, reason: a refused".to_owned();
    assert_eq!(sync.poll(), (Progress::Failed, message));

    let mut sync = Sync::new(vec![object("ConfigMap", "a", &[])]);
    sync.refused_when_applied.insert("a");
    assert_eq!(sync.poll(), (Progress::Failed, "one or more objects failed to apply, reason: a refused".to_owned()));
}

#[test]
fn pruning_is_asked_for_and_agreed_to() {
    let live = [
        object("ConfigMap", "plain", &[]),
        object("ConfigMap", "kept", &[("sync-options", "Prune=false")]),
        object("ConfigMap", "asks", &[("sync-options", "Prune=confirm")]),
    ];
    let fresh = || {
        let mut sync = Sync::new(vec![]);
        sync.cluster = live.iter().map(|object| (ResourceKey::of(object), object.clone())).collect();
        sync
    };
    let mut sync = fresh();
    sync.settings.confirmed = true;
    sync.poll();
    assert_eq!(sync.record("plain"), (Some(Code::PruneSkipped), Progress::Succeeded));
    assert!(sync.log.is_empty());

    let mut sync = fresh();
    sync.settings.prune = true;
    assert_eq!(sync.poll(), running("waiting for pruning confirmation of /ConfigMap/asks"));
    assert!(sync.log.is_empty());
    sync.settings.confirmed = true;
    assert_eq!(sync.poll().0, Progress::Succeeded);
    assert_eq!(sync.log, ["prune asks", "prune plain"]);
    assert_eq!(sync.record("kept"), (Some(Code::PruneSkipped), Progress::Succeeded));
}

#[test]
fn a_hook_of_an_earlier_sync_goes_before_it_comes_again() {
    let hook = object("Job", "before", &[("hook", "PreSync")]);
    let mut sync = Sync::new(vec![hook.clone()]);
    sync.cluster.insert(ResourceKey::of(&hook), hook);
    assert_eq!(sync.poll(), running("waiting for deletion of hook /Job/before"));
    assert_eq!(sync.log, ["delete before"]);
    assert_eq!(sync.poll(), running("waiting for completion of hook /Job/before"));
    assert_eq!(sync.log, ["delete before", "apply before"]);
}

#[test]
fn what_vanishes_while_it_is_waited_for_is_an_error() {
    let mut sync = Sync::new(vec![object("Pod", "a", &[]), object("Pod", "b", &[("sync-wave", "1")])]);
    sync.poll();
    sync.cluster.clear();
    sync.poll();
    assert_eq!(sync.record("a"), (Some(Code::SyncFailed), Progress::Error));
    let (progress, message) = sync.poll();
    assert_eq!(progress, Progress::Failed);
    assert!(message.ends_with("Resource /Pod/a is missing, it might have been deleted"), "{message}");
}

#[test]
fn a_stopped_operation_deletes_its_running_hooks() {
    let mut sync = Sync::new(vec![
        object("Job", "first", &[("hook", "PreSync")]),
        object("Job", "second", &[("hook", "PreSync")]),
    ]);
    sync.poll();
    sync.becomes("first", "Healthy");
    sync.becomes("second", "Progressing");
    assert_eq!(sync.terminate(), (Progress::Failed, "Operation terminated".to_owned()));
    assert_eq!(sync.log.last().unwrap(), "delete second");
    assert_eq!(sync.record("first").1, Progress::Succeeded);
    assert_eq!(sync.record("second").1, Progress::Failed);
}

#[test]
fn a_dry_run_changes_nothing() {
    let mut sync = Sync::new(vec![object("Job", "hook", &[("hook", "PreSync")]), object("ConfigMap", "a", &[])]);
    let old = object("ConfigMap", "old", &[]);
    sync.cluster.insert(ResourceKey::of(&old), old);
    (sync.settings.dry_run, sync.settings.prune) = (true, true);
    assert_eq!(sync.poll(), (Progress::Succeeded, "successfully synced (no more tasks)".to_owned()));
    assert!(sync.log.is_empty());
    assert_eq!(sync.record("old"), (Some(Code::Pruned), Progress::Succeeded));
}

#[test]
fn options_say_how_an_object_is_brought_in() {
    let way = |kind: &str, options: &str, on_object: &str, live: bool| {
        let target = object(kind, "a", &[("sync-options", on_object)]);
        let mut sync = Sync::new(vec![target.clone(), object("Pod", "later", &[("sync-wave", "1")])]);
        sync.settings = sync.settings.clone().with_options(options.split(','));
        if live {
            sync.cluster.insert(ResourceKey::of(&target), target);
        }
        let (tasks, settings) = (sync.tasks(), sync.settings.clone());
        let observed =
            Observed { tasks: &tasks, settings: &settings, health: &health, is_synced: &|_: &ResourceKey| false };
        let plan = after(&observed, begin(&observed, Memory::default()), false);
        let Action::Apply { way, force, validate, .. } = plan.groups[0].actions[0] else { panic!("{plan:?}") };
        (way, force, validate)
    };
    assert_eq!(way("Pod", "", "", true), (Way::Apply, false, true));
    assert_eq!(way("Pod", "Replace=true", "Force=true", true), (Way::Replace, true, true));
    assert_eq!(way("Pod", "Replace=true,Validate=false", "", false), (Way::Create, false, false));
    assert_eq!(way("Pod", "", "ServerSideApply=true", false), (Way::ServerSideApply { migrate: false }, false, true));
    assert_eq!(way("Pod", "ServerSideApply=true", "", true).0, Way::ServerSideApply { migrate: true });
    assert_eq!(way("Pod", "ServerSideApply=true", "ServerSideApply=false", true).0, Way::Apply);
    assert_eq!(way("Pod", "", "Replace=true,ServerSideApply=true", true).0, Way::Replace);
}

#[test]
fn a_sync_ends_well_whenever_its_memory_is_lost() {
    for lost in 0..8 {
        let mut sync = Sync::new(vec![
            object("Job", "before", &[("hook", "PreSync")]),
            object("ConfigMap", "config", &[]),
            object("Pod", "web", &[("sync-wave", "1")]),
            object("Job", "behind", &[("hook", "PostSync")]),
        ]);
        let mut polls = 0;
        let message = loop {
            let (progress, message) = sync.poll();
            if progress != Progress::Running {
                assert_eq!(progress, Progress::Succeeded, "{message}");
                break message;
            }
            // The process ended after its calls, before it could store what it knew.
            if polls == lost {
                sync.memory = Memory::default();
            }
            polls += 1;
            assert!(polls < 30, "{message}: {:?}", sync.log);
            sync.cluster.values_mut().for_each(|object| object["health"] = "Healthy".into());
        };
        assert_eq!(message, "successfully synced (no more tasks)");
        assert_eq!(sync.cluster.len(), 4, "lost after poll {lost}: {:?}", sync.log);
    }
}

#[test]
fn the_namespace_comes_before_everything_is_tried_out() {
    let mut namespace = object("Namespace", "ns", &[]);
    namespace["metadata"].as_object_mut().unwrap().remove("namespace");
    let targets = vec![namespace, object("ConfigMap", "a", &[])];
    let mut sync = Sync::new(targets.clone());
    sync.refused.insert("a");
    assert_eq!(sync.poll(), (Progress::Failed, "one or more objects failed to apply (dry run)".to_owned()));
    assert_eq!(sync.log, ["apply ns"]);
    let mut sync = Sync::new(targets);
    sync.refused.insert("ns");
    assert_eq!(sync.poll(), (Progress::Failed, "the namespace failed to apply, reason: ns refused".to_owned()));
}
