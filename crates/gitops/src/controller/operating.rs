//! One step of an operation.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tiphys_api::{
    Application,
    types::{ApplicationSource, OperationState, SyncOperation, SyncOperationResult},
};
use tiphys_deliver::{
    apply::Applier,
    cluster::{Cluster, Kinds},
    health::health,
    object::{ResourceKey, SYNC_OPTIONS, group, has_option, version},
    plan::{Memory, Observed, Pair, Pairs, Progress, Settings, TaskOptions, Tasks, Verdict, tasks},
    sync::{Journal, Means, Step, step},
};
use tiphys_machinery::{meta, time};
use tiphys_runtime::{cache::Key, recorder::Severity};
use tracing::info;

use super::{
    Shared,
    comparing::{Answer, Question},
    writing::{NotWritten, Writer},
};
use crate::{
    destination,
    plan::{
        self, Level, Next, Phase, Project, Refresh, Seen, failed_attempt, is_chosen, is_final, kind, next, trigger,
        violations, with_entry,
    },
    project::{Cluster as NamedCluster, Scope, permits_destination, permits_kind},
    sync_window,
};

/// Pause between two waves.
const WAVE_DELAY: Duration = Duration::from_secs(2);
/// A sync under way is looked at again after this time, even if nothing changed.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
const SOON: Duration = Duration::from_millis(100);
const APPROVED: &str = "argocd.argoproj.io/deletion-approved";

type Again = Result<Option<Duration>, NotWritten>;

/// Stores the memory of a sync in the Application.
struct Kept<'a, 'w> {
    writer: &'a mut Writer<'w>,
    state: OperationState,
    tasks: &'a Tasks,
    failed: Option<NotWritten>,
}

impl Journal for Kept<'_, '_> {
    async fn keep(&mut self, memory: &Memory, message: &str) -> bool {
        remember(&mut self.state, memory, self.tasks);
        message.clone_into(&mut self.state.message);
        match self.writer.operation_state(&self.state, json!({})).await {
            Ok(()) => true,
            Err(error) => {
                self.failed = Some(error);
                false
            }
        }
    }
}

fn remember(state: &mut OperationState, memory: &Memory, tasks: &Tasks) {
    let result = state.sync_result.get_or_insert_default();
    result.resources = plan::results(memory, &tasks.tasks, &result.resources);
}

impl Shared {
    pub(super) async fn operate(&self, key: &Key, writer: &mut Writer<'_>, project: Option<&Project>) -> Again {
        let now = self.clock.now();
        let Some(operation) = writer.app.operation.clone() else { return Ok(None) };
        let terminates = match next(&writer.app, &operation, now) {
            Next::Begin(state) | Next::Retry(state) => {
                writer.operation_state(&state, json!({})).await?;
                false
            }
            Next::Continue => false,
            Next::Terminate => true,
            Next::Wait(left) => return Ok(Duration::try_from(left).ok()),
            Next::Fail(why) => {
                let state = writer.app.status.operation_state.clone().unwrap_or_default();
                return self.end(key, writer, state, Phase::Error, &why).await;
            }
        };
        let pause = self.memories().get(key).and_then(|memory| memory.not_before);
        if let Some(until) = pause.filter(|until| *until > now && !terminates) {
            return Ok(Some(self.clock.until(until)));
        }
        let state = writer.app.status.operation_state.clone().unwrap_or_default();
        let Some(sync) = state.operation.sync.clone() else {
            let why = "Invalid operation request: no operation specified";
            return self.end(key, writer, state, Phase::Error, why).await;
        };
        let Some(project) = project else {
            let why = format!("Failed to load application project: {} not found", writer.app.spec.project);
            return self.end(key, writer, state, Phase::Error, &why).await;
        };
        if !terminates && let Some(why) = self.blocked(&writer.app, project, &state) {
            return self.stay(writer, state, &why).await;
        }
        self.sync(key, writer, project, state, &sync, terminates).await
    }

    /// Returns why no sync may run now.
    fn blocked(&self, app: &Application, project: &Project, state: &OperationState) -> Option<String> {
        let name = app.metadata.name.as_deref().unwrap_or_default();
        let windows = sync_window::matching(&project.spec.sync_windows, name, &app.spec.destination);
        let started = state.started_at.as_ref().map(|at| at.0);
        match sync_window::may_sync(&windows, trigger(&state.operation), self.clock.now(), started) {
            Ok(true) => None,
            Ok(false) => Some("Sync operation blocked by sync window".to_owned()),
            Err(error) => Some(format!("Sync operation blocked by sync window: {error}")),
        }
    }

    async fn stay(&self, writer: &mut Writer<'_>, mut state: OperationState, why: &str) -> Again {
        why.clone_into(&mut state.message);
        writer.operation_state(&state, json!({})).await?;
        Ok(Some(LOOK_AGAIN))
    }

    async fn sync(
        &self,
        key: &Key,
        writer: &mut Writer<'_>,
        project: &Project,
        mut state: OperationState,
        sync: &SyncOperation,
        terminates: bool,
    ) -> Again {
        let app = writer.app.clone();
        let clusters = self.clusters();
        let wrong = violations(&app, Some(project), &clusters, &self.config.namespace);
        let found = destination::find(&app.spec.destination, &clusters).ok().and_then(|c| self.cluster(c));
        let Some(cluster) = found.filter(|_| wrong.is_empty()) else {
            let texts: Vec<String> = wrong.iter().map(|(kind, text)| format!("{kind}: {text}")).collect();
            return self.end(key, writer, state, Phase::Error, &texts.join(";")).await;
        };
        let question = question(&app, project, cluster, sync, &state);
        let seen = match self.compare(&question).await {
            Answer::Later => return Ok(Some(SOON)),
            Answer::Seen(seen) => seen,
        };
        let errors = seen.conditions.iter().filter(|(name, _)| matches!(*name, kind::COMPARISON | kind::INVALID_SPEC));
        let errors: Vec<String> = errors.map(|(name, text)| format!("{name}: {text}")).collect();
        let (Some(kinds), true) = (cluster.kinds(), errors.is_empty()) else {
            return self.end(key, writer, state, Phase::Error, &errors.join(";")).await;
        };
        let result = state.sync_result.get_or_insert_default();
        fill(result, &question, &seen, &app);
        let work = Work { app: &app, project, cluster, kinds: &kinds, sync };
        let Some(done) = self.step(writer, &work, &mut state, &seen, terminates).await? else { return Ok(Some(SOON)) };
        self.take_in(key, writer, state, done).await
    }

    async fn step(
        &self,
        writer: &mut Writer<'_>,
        work: &Work<'_>,
        state: &mut OperationState,
        seen: &Seen,
        terminates: bool,
    ) -> Result<Option<Step>, NotWritten> {
        let started = state.started_at.as_ref().map_or(Timestamp::UNIX_EPOCH, |at| at.0);
        let comparison = seen.comparison.clone().unwrap_or_default();
        let synced: std::collections::BTreeSet<ResourceKey> = comparison
            .found
            .iter()
            .filter(|found| found.code == Some(tiphys_deliver::compare::SyncCode::Synced))
            .map(|found| found.key.clone())
            .collect();
        let tasks = work.tasks(comparison.pairs, state, started);
        let settings = work.settings(started);
        let live = self.settings();
        let now = self.clock.now();
        let health_of = |object: &Value| health(object, &live.live.scripts, now).map_err(|error| error.to_string());
        let observed =
            Observed { tasks: &tasks, settings: &settings, health: &health_of, is_synced: &|key| synced.contains(key) };
        let results = state.sync_result.as_ref().map(|result| result.resources.as_slice()).unwrap_or_default();
        let memory = plan::memory(results);
        let attempt = format!("{}/{}", time::seconds(started), state.retry_count);
        let applier = Applier::new(work.cluster.clone(), None);
        let instance = self.instance(work.app);
        let means = Means { applier: &applier, application: &instance, attempt: &attempt, terminates };
        let mut journal = Kept { writer, state: state.clone(), tasks: &tasks, failed: None };
        let done = step(&observed, memory, &means, &mut journal).await;
        if let Some(error) = journal.failed {
            return Err(error);
        }
        if let Some(done) = &done {
            remember(state, &done.memory, &tasks);
        }
        Ok(done)
    }

    async fn take_in(&self, key: &Key, writer: &mut Writer<'_>, mut state: OperationState, done: Step) -> Again {
        match done.progress {
            Progress::Running => {
                done.message.clone_into(&mut state.message);
                writer.operation_state(&state, json!({})).await?;
                let until = done.pauses.then(|| self.clock.now() + WAVE_DELAY);
                self.change_memory(key, |memory| memory.not_before = until);
                Ok(Some(if done.pauses { WAVE_DELAY } else { LOOK_AGAIN }))
            }
            Progress::Succeeded => self.end(key, writer, state, Phase::Succeeded, &done.message).await,
            Progress::Failed => self.end(key, writer, state, Phase::Failed, &done.message).await,
            Progress::Error => self.end(key, writer, state, Phase::Error, &done.message).await,
        }
    }

    /// Ends an attempt, and the operation unless there is another one.
    async fn end(
        &self,
        key: &Key,
        writer: &mut Writer<'_>,
        mut state: OperationState,
        phase: Phase,
        message: &str,
    ) -> Again {
        let now = self.clock.now();
        if phase == Phase::Succeeded {
            phase.name().clone_into(&mut state.phase);
            state.message = if state.retry_count > 0 {
                format!("{message} (retried {} times).", state.retry_count)
            } else {
                message.to_owned()
            };
            state.finished_at = Some(plan::whole(now));
        } else {
            state = failed_attempt(&state, phase, message, now);
        }
        let mut status = writer.app.status.clone();
        let sync = state.operation.sync.clone().unwrap_or_default();
        if phase == Phase::Succeeded && !sync.dry_run && sync.resources.is_empty() {
            status.history = with_entry(&status.history, &state, writer.app.spec.history_limit(), now);
        }
        let is_over = is_final(&state.phase);
        status.operation_state = Some(state.clone());
        writer.status(status, if is_over { json!({"operation": null}) } else { json!({}) }).await?;
        self.change_memory(key, |memory| memory.not_before = None);
        if !is_over {
            return Ok(Some(SOON));
        }
        self.tell_end(writer, &state).await;
        if !sync.dry_run {
            let level = if state.operation.initiated_by.automated { Level::Latest } else { Level::ForceResolve };
            self.request(key, level);
        }
        Ok(None)
    }

    async fn tell_end(&self, writer: &Writer<'_>, state: &OperationState) {
        let sync = state.operation.sync.clone().unwrap_or_default();
        let what = if sync.resources.is_empty() { "Sync operation" } else { "Partial sync operation" };
        let to = match &state.sync_result {
            Some(result) if !result.revisions.is_empty() => format!(" to {}", result.revisions.join(", ")),
            Some(result) => format!(" to {}", result.revision),
            None => String::new(),
        };
        let (severity, text) = if state.phase == Phase::Succeeded.name() {
            (Severity::Normal, format!("{what}{to} succeeded"))
        } else {
            (Severity::Warning, format!("{what}{to} failed: {}", state.message))
        };
        info!(phase = state.phase, message = state.message, "the operation is over");
        self.event(&writer.app, severity, "OperationCompleted", text).await;
    }
}

/// What a sync works with.
struct Work<'a> {
    app: &'a Application,
    project: &'a Project,
    cluster: &'a Cluster,
    kinds: &'a Kinds,
    sync: &'a SyncOperation,
}

fn question<'a>(
    app: &'a Application,
    project: &'a Project,
    cluster: &'a Cluster,
    sync: &SyncOperation,
    state: &OperationState,
) -> Question<'a> {
    let sources: Vec<ApplicationSource> = if !sync.sources.is_empty() {
        sync.sources.clone()
    } else if let Some(source) = &sync.source {
        vec![source.clone()]
    } else {
        app.spec.effective_sources()
    };
    let known = state.sync_result.as_ref().map(|result| (result.revision.clone(), result.revisions.clone()));
    let (one, several) = known.unwrap_or_else(|| (sync.revision.clone(), sync.revisions.clone()));
    let manifests = sync.manifests.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
    Question {
        app,
        project,
        cluster,
        revisions: if several.is_empty() { vec![one] } else { several },
        sources,
        refresh: Refresh {
            level: if state.sync_result.is_some() { Level::Recent } else { Level::ForceResolve },
            hard: false,
        },
        sync_options: sync.sync_options.clone(),
        manifests,
    }
}

fn fill(result: &mut SyncOperationResult, question: &Question<'_>, seen: &Seen, app: &Application) {
    if question.app.spec.has_multiple_sources() {
        result.sources.clone_from(&question.sources);
        result.revisions.clone_from(&seen.revisions);
    } else {
        result.source = question.sources.first().cloned();
        result.revision = seen.revisions.first().cloned().unwrap_or_default();
    }
    let policy = app.spec.sync_policy.as_ref();
    result.managed_namespace_metadata = policy.and_then(|policy| policy.managed_namespace_metadata.clone());
}

impl Work<'_> {
    fn has(&self, option: &str) -> bool {
        self.sync.sync_options.iter().any(|one| one == option)
    }

    fn tasks(&self, mut pairs: Pairs, state: &OperationState, started_at: Timestamp) -> Tasks {
        let chosen = &self.sync.resources;
        pairs.resources.retain(|key, _| is_chosen(chosen, key));
        let namespace = self.app.spec.destination.namespace.as_str();
        if self.has("CreateNamespace=true") {
            self.add_namespace(&mut pairs, namespace);
        }
        let only_applies = self.sync.sync_strategy.as_ref().is_some_and(|strategy| strategy.apply.is_some());
        let revision = state.sync_result.as_ref().map_or("", |result| result.revision.as_str());
        let options = TaskOptions {
            namespace,
            revision,
            started_at,
            skip_hooks: only_applies || !chosen.is_empty(),
            prune_last: self.has("PruneLast=true"),
            skip_dry_run_on_missing_resource: self.has("SkipDryRunOnMissingResource=true"),
        };
        tasks(&pairs, options, |object| self.verdict(object))
    }

    /// The namespace is made where no target defines it; one that is there stays as it is.
    fn add_namespace(&self, pairs: &mut Pairs, name: &str) {
        let key = ResourceKey { kind: "Namespace".to_owned(), name: name.to_owned(), ..ResourceKey::default() };
        if name.is_empty()
            || pairs.resources.contains_key(&key)
            || pairs.hooks.iter().any(|h| ResourceKey::of(h) == key)
        {
            return;
        }
        let managed = self.app.spec.sync_policy.as_ref().and_then(|policy| policy.managed_namespace_metadata.as_ref());
        let is_there = self.cluster.node(&key).is_some();
        if is_there && managed.is_none() {
            return;
        }
        let mut target = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        if let Some(managed) = managed {
            target["metadata"]["labels"] = json!(managed.labels);
            target["metadata"]["annotations"] = json!(managed.annotations);
            meta::set_annotation(&mut target, SYNC_OPTIONS, "ServerSideApply=true");
        }
        let live = is_there.then(|| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}));
        pairs.resources.insert(key, Pair { target: Some(target), live });
    }

    fn verdict(&self, object: &Value) -> Verdict {
        let (group, name) = (group(object), meta::kind(object));
        let known = self.kinds.get(group, name);
        let Some(info) = known.filter(|info| info.versions.iter().any(|v| v == version(object))) else {
            let (namespace, object_name) = (meta::namespace(object), meta::name(object));
            let what = if known.is_some() { format!("version \"{}\" of ", version(object)) } else { String::new() };
            return Verdict::UnknownKind(format!(
                "The Kubernetes API could not find {what}{group}/{name} for requested resource {namespace}/{object_name}. \
                 Make sure the \"{name}\" CRD is installed on the destination cluster."
            ));
        };
        let scope = if info.namespaced { Scope::Namespaced } else { Scope::Cluster };
        if !permits_kind(&self.project.spec, group, name, meta::name(object), scope) {
            let project = &self.project.name;
            return Verdict::Refused(format!("resource {group}:{name} is not permitted in project {project}"));
        }
        self.namespace_verdict(object, scope)
    }

    fn namespace_verdict(&self, object: &Value, scope: Scope) -> Verdict {
        let namespace = meta::namespace(object);
        let is_managed = meta::kind(object) == "Namespace" && has_option(object, SYNC_OPTIONS, "ServerSideApply=true");
        let here = destination::in_cluster();
        let named = NamedCluster { name: &here.name, server: &here.server };
        if scope == Scope::Namespaced && !is_managed && !permits_destination(&self.project.spec, named, namespace, &[])
        {
            let project = &self.project.name;
            return Verdict::Refused(format!("namespace {namespace} is not permitted in project '{project}'"));
        }
        Verdict::Permitted
    }

    fn settings(&self, started_at: Timestamp) -> Settings {
        let strategy = self.sync.sync_strategy.as_ref();
        let force = strategy
            .is_some_and(|strategy| [&strategy.apply, &strategy.hook].into_iter().flatten().any(|one| one.force));
        let approved = self.app.metadata.annotations.as_ref().and_then(|all| all.get(APPROVED));
        let approved = approved.and_then(|text| text.parse::<Timestamp>().ok());
        let settings = Settings {
            namespace: self.app.spec.destination.namespace.clone(),
            prune: self.sync.prune,
            dry_run: self.sync.dry_run,
            force,
            confirmed: approved.is_some_and(|at| at >= started_at),
            ..Settings::default()
        };
        settings.with_options(self.sync.sync_options.iter().map(String::as_str))
    }
}
