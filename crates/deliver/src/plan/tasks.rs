//! One task for each object and phase.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use tiphys_machinery::meta;

use super::{Pairs, sort};
use crate::{
    hook::{self, Phase},
    object::{ResourceKey, SYNC_OPTIONS, group, has_option, is_crd},
};

/// Something to be applied, or to be pruned when there is no target.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// When.
    pub phase: Phase,
    /// Wave within the phase, after every adjustment.
    pub wave: i64,
    /// What is to be there; its namespace is set even if the kind turns out to be cluster-scoped.
    pub target: Option<Value>,
    /// What is there.
    pub live: Option<Value>,
    /// The kind may not be known to the server yet: do not try the object out beforehand.
    pub skip_dry_run: bool,
    /// Why the task cannot be done.
    pub refused: Option<String>,
}

impl Task {
    fn new(phase: Phase, target: Option<Value>, live: Option<Value>) -> Self {
        let wave = target.as_ref().or(live.as_ref()).map_or(0, hook::wave);
        Self { phase, wave, target, live, skip_dry_run: false, refused: None }
    }

    /// Returns the target, else the live object.
    #[must_use]
    pub fn object(&self) -> &Value {
        self.target.as_ref().or(self.live.as_ref()).unwrap_or(&Value::Null)
    }

    /// Returns whether the task deletes.
    #[must_use]
    pub fn is_prune(&self) -> bool {
        self.target.is_none()
    }

    /// Returns whether the task runs a hook.
    #[must_use]
    pub fn is_hook(&self) -> bool {
        hook::is_hook(self.object())
    }
}

/// What the server and the project say about a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The object may be delivered.
    Permitted,
    /// The server does not know the kind; the text is its answer.
    UnknownKind(String),
    /// The object may not be delivered.
    Refused(String),
}

/// What tasks are made by.
#[derive(Debug, Clone, Copy)]
pub struct TaskOptions<'a> {
    /// The destination namespace.
    pub namespace: &'a str,
    /// The revision, for names of hooks that have none.
    pub revision: &'a str,
    /// Start of the operation, for the same.
    pub started_at: Timestamp,
    /// Whether no hook runs: a selective sync, or strategy `apply`.
    pub skip_hooks: bool,
    /// Whether everything is pruned after everything else.
    pub prune_last: bool,
    /// Whether kinds that the server does not know are no obstacle.
    pub skip_dry_run_on_missing_resource: bool,
}

/// Tasks in the order in which they run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tasks {
    /// The tasks.
    pub tasks: Vec<Task>,
    /// Whether every task can be done.
    pub valid: bool,
}

impl Tasks {
    /// Returns whether there is more than one phase or wave.
    #[must_use]
    pub fn is_multi_step(&self) -> bool {
        let step = |task: &Task| (task.phase, task.wave);
        self.tasks.first().map(step) != self.tasks.last().map(step)
    }
}

/// Makes the tasks of a sync.
///
/// `judge` is asked once for each task, with its object.
#[must_use]
pub fn tasks(pairs: &Pairs, options: TaskOptions<'_>, judge: impl Fn(&Value) -> Verdict) -> Tasks {
    let mut tasks = resource_tasks(pairs);
    if !options.skip_hooks {
        tasks.extend(pairs.hooks.iter().flat_map(|hook| hook_tasks(hook, options)));
    }
    for task in &mut tasks {
        set_namespace(task, options.namespace);
        find_live(task, pairs);
    }
    let crds = defined_kinds(pairs);
    let mut valid = true;
    for task in &mut tasks {
        valid &= judge_task(task, &judge(task.object()), &crds, options);
    }
    reverse_prune_waves(&mut tasks);
    prune_last(&mut tasks, options.prune_last);
    Tasks { tasks: sort(tasks), valid }
}

fn resource_tasks(pairs: &Pairs) -> Vec<Task> {
    let mut tasks = Vec::new();
    for pair in pairs.resources.values() {
        let Some(object) = pair.target.as_ref().or(pair.live.as_ref()) else { continue };
        // A live hook is not pruned: hooks come and go by their delete policies.
        if hook::is_hook(object) {
            continue;
        }
        let phases = hook::phases(object).into_iter();
        tasks.extend(phases.map(|phase| Task::new(phase, pair.target.clone(), pair.live.clone())));
    }
    tasks
}

fn hook_tasks(hook: &Value, options: TaskOptions<'_>) -> Vec<Task> {
    let phases = hook::phases(hook).into_iter();
    phases.map(|phase| Task::new(phase, Some(hook_target(hook, phase, options)), None)).collect()
}

/// The name of a hook without one is the same each time within an operation, so that it is found again.
fn hook_target(hook: &Value, phase: Phase, options: TaskOptions<'_>) -> Value {
    let mut target = hook.clone();
    if meta::name(hook).is_empty() {
        let revision = options.revision;
        let short = if revision.len() >= 8 { revision.get(..7).unwrap_or(revision) } else { revision };
        let suffix = format!("{short}-{}-{}", phase.name(), options.started_at.as_second()).to_lowercase();
        let prefix = hook["metadata"]["generateName"].as_str().unwrap_or_default();
        target["metadata"]["name"] = json!(format!("{prefix}{suffix}"));
    }
    meta::add_finalizer(&mut target, hook::FINALIZER);
    target
}

fn set_namespace(task: &mut Task, namespace: &str) {
    if let Some(target) = &mut task.target
        && meta::namespace(target).is_empty()
        && target["metadata"].is_object()
    {
        target["metadata"]["namespace"] = json!(namespace);
    }
}

/// Looks for the live object of a hook; cluster-scoped ones have no namespace, whatever the target says.
fn find_live(task: &mut Task, pairs: &Pairs) {
    let Some(target) = task.target.as_ref().filter(|_| task.live.is_none()) else { return };
    let key = ResourceKey::of(target);
    let cluster = ResourceKey { namespace: String::new(), ..key.clone() };
    let found = [key, cluster].iter().find_map(|key| pairs.resources.get(key)?.live.clone());
    task.live = found;
}

/// The kinds that the targets themselves define.
fn defined_kinds(pairs: &Pairs) -> Vec<(String, String)> {
    let targets = pairs.resources.values().filter_map(|pair| pair.target.as_ref()).chain(&pairs.hooks);
    targets.filter_map(defined_kind).collect()
}

pub(super) fn defined_kind(object: &Value) -> Option<(String, String)> {
    let spec = &object["spec"];
    is_crd(object)
        .then(|| Some((spec["group"].as_str()?.to_owned(), spec["names"]["kind"].as_str()?.to_owned())))
        .flatten()
}

fn judge_task(task: &mut Task, verdict: &Verdict, crds: &[(String, String)], options: TaskOptions<'_>) -> bool {
    match verdict {
        Verdict::Permitted => {}
        Verdict::UnknownKind(_) if may_be_missing(task, crds, options) => task.skip_dry_run = true,
        Verdict::UnknownKind(text) | Verdict::Refused(text) => task.refused = Some(text.clone()),
    }
    task.refused.is_none()
}

fn may_be_missing(task: &Task, crds: &[(String, String)], options: TaskOptions<'_>) -> bool {
    let object = task.object();
    options.skip_dry_run_on_missing_resource
        || task.target.as_ref().is_some_and(|t| has_option(t, SYNC_OPTIONS, "SkipDryRunOnMissingResource=true"))
        || crds.iter().any(|(g, k)| g == group(object) && k == meta::kind(object))
}

/// What was created last is pruned first: the waves of prunes change places, the lowest with the highest.
fn reverse_prune_waves(tasks: &mut [Task]) {
    let mut waves: Vec<i64> = tasks.iter().filter(|task| task.is_prune()).map(|task| task.wave).collect();
    waves.sort_unstable();
    waves.dedup();
    let swapped: BTreeMap<i64, i64> = waves.iter().copied().zip(waves.iter().rev().copied()).collect();
    for task in tasks.iter_mut().filter(|task| task.is_prune()) {
        task.wave = swapped.get(&task.wave).copied().unwrap_or(task.wave);
    }
}

fn prune_last(tasks: &mut [Task], all: bool) {
    let waves = tasks.iter().filter(|task| task.phase == Phase::Sync).map(|task| task.wave);
    let last = waves.max().unwrap_or_default().max(0) + 1;
    for task in tasks.iter_mut().filter(|task| task.is_prune()) {
        if all || task.live.as_ref().is_some_and(|live| has_option(live, SYNC_OPTIONS, "PruneLast=true")) {
            task.wave = last;
        }
    }
}
