//! One pass over one Application.

use std::time::Duration;

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::ObjectReference;
use serde_json::{Value, json};
use tiphys_api::{Application, types::ApplicationStatus};
use tiphys_runtime::{
    cache::Key,
    recorder::{Note, Severity},
};
use tracing::{info, warn};

use super::{
    Shared,
    comparing::{Answer, Question},
    watching::stored,
    writing::{NotWritten, Writer},
};
use crate::{
    destination,
    plan::{
        self, AutoSync, Compared, Level, Project, REFRESH, Refresh, Seen, auto_sync, kind, needed, next_poll,
        set_conditions, violations,
    },
    sync_window::{self, Trigger},
};

/// How soon to come again when something is not known yet.
const SOON: Duration = Duration::from_millis(100);
/// Errors of a repository are not shown before, where there is something else to show.
const GRACE: SignedDuration = SignedDuration::from_secs(180);
const SKIP: &str = "argocd.argoproj.io/skip-reconcile";

impl Shared {
    pub(super) async fn reconcile(&self, key: &Key) {
        let Some(object) = self.applications.get(key) else {
            self.queue.forget(key);
            return;
        };
        // The change that we wrote will come, and with it the next pass.
        if !self.applications.is_current(key) {
            return self.queue.add_after(key.clone(), SOON);
        }
        let app = stored::<Application>(&object).typed;
        let skips = app.metadata.annotations.as_ref().and_then(|all| all.get(SKIP));
        if skips.is_some_and(|value| matches!(value.as_str(), "true" | "TRUE" | "True" | "t" | "T" | "1")) {
            return;
        }
        let mut writer = Writer::new(self, key, app);
        let done = self.pass(key, &mut writer).await;
        match done {
            Ok(Some(delay)) => self.queue.add_after(key.clone(), delay),
            Ok(None) => self.queue.forget(key),
            Err(error) => {
                let delay = self.queue.add_failed(key.clone());
                warn!(error = &error as &dyn std::error::Error, ?delay, "the pass ended early");
            }
        }
    }

    /// Returns when to come again, if nothing changes before.
    async fn pass(&self, key: &Key, writer: &mut Writer<'_>) -> Result<Option<Duration>, NotWritten> {
        if writer.app.metadata.deletion_timestamp.is_some() {
            return self.delete(writer).await;
        }
        let project = self.project(&writer.app);
        if writer.app.operation.is_some() {
            return self.operate(key, writer, project.as_ref()).await;
        }
        let memory = self.memories().get(key).cloned().unwrap_or_default();
        let (settings, now) = (self.settings(), self.clock.now());
        let Some(refresh) = needed(&writer.app, now, settings.timeout, memory.compared_at, memory.requested) else {
            let wait = next_poll(&key.name, settings.timeout, settings.jitter);
            let last = memory.compared_at.max(writer.app.status.reconciled_at.as_ref().map(|at| at.0));
            let due = wait.zip(last).and_then(|(wait, last)| last.checked_add(wait).ok());
            return Ok(due.map(|due| self.clock.until(due).max(SOON)));
        };
        self.change_memory(key, |memory| memory.requested = None);
        self.refresh(key, writer, project.as_ref(), refresh).await
    }

    async fn refresh(
        &self,
        key: &Key,
        writer: &mut Writer<'_>,
        project: Option<&Project>,
        refresh: Refresh,
    ) -> Result<Option<Duration>, NotWritten> {
        if refresh.level == Level::Tree && !writer.app.status.sync.status.is_empty() {
            return self.look_at_images(key, writer).await;
        }
        let clusters = self.clusters();
        let wrong = violations(&writer.app, project, &clusters, &self.config.namespace);
        let found = destination::find(&writer.app.spec.destination, &clusters).ok().and_then(|c| self.cluster(c));
        let (project, cluster) = match (project, found) {
            (Some(project), Some(cluster)) if wrong.is_empty() => (project, cluster),
            _ => {
                let seen = Seen { conditions: wrong, ..Seen::default() };
                return self.tell(key, writer, &seen, None).await;
            }
        };
        let app = &writer.app;
        let revisions = match refresh.level {
            Level::Recent => recent(&app.status),
            _ => Vec::new(),
        };
        let policy = app.spec.sync_policy.clone().unwrap_or_default();
        let question = Question {
            app,
            project,
            cluster,
            sources: app.spec.effective_sources(),
            revisions,
            refresh,
            sync_options: policy.sync_options,
            manifests: Vec::new(),
        };
        let seen = match self.compare(&question).await {
            Answer::Seen(seen) => seen,
            Answer::Later => {
                self.change_memory(key, |memory| memory.requested = memory.requested.max(Some(refresh.level)));
                return Ok(Some(SOON));
            }
        };
        if self.is_in_grace(key, &writer.app, &seen, refresh) {
            self.change_memory(key, |memory| memory.requested = memory.requested.max(Some(Level::Latest)));
            return Ok(Some(Duration::from_secs(10)));
        }
        self.tell(key, writer, &seen, Some(project)).await
    }

    /// A repository that does not answer for a moment changes nothing.
    fn is_in_grace(&self, key: &Key, app: &Application, seen: &Seen, refresh: Refresh) -> bool {
        let failed = seen.conditions.iter().any(|(_, text)| text.starts_with("Failed to load target state"));
        let now = self.clock.now();
        if !failed {
            self.change_memory(key, |memory| memory.failed_since = None);
            return false;
        }
        let mut since = now;
        self.change_memory(key, |memory| since = *memory.failed_since.get_or_insert(now));
        refresh.level != Level::ForceResolve
            && matches!(app.status.sync.status.as_str(), "Synced" | "OutOfSync")
            && now.duration_since(since) < GRACE
    }

    async fn look_at_images(&self, key: &Key, writer: &mut Writer<'_>) -> Result<Option<Duration>, NotWritten> {
        let mut status = writer.app.status.clone();
        let images = self.in_cluster.images(&self.instance(&writer.app));
        status.summary.images = images;
        writer.status(status, json!({})).await?;
        self.queue.forget(key);
        Ok(Some(SOON))
    }

    /// Writes what was seen, and begins a sync where the spec wants it.
    async fn tell(
        &self,
        key: &Key,
        writer: &mut Writer<'_>,
        seen: &Seen,
        project: Option<&Project>,
    ) -> Result<Option<Duration>, NotWritten> {
        let now = self.clock.now();
        let old = writer.app.clone();
        let mut status = plan::status(&old, seen, &self.config.namespace, now);
        let (mut more, mut wait) = (consumed(&old), None);
        let mut started = None;
        if project.is_some_and(|project| self.may_sync_now(&old, project)) {
            let compared =
                Compared { code: &status.sync.status, revisions: &seen.revisions, resources: &status.resources };
            let decided = auto_sync(&old, compared, now);
            let refused = match &decided {
                AutoSync::Refuse(why) => vec![(kind::SYNC, why.clone())],
                _ => Vec::new(),
            };
            status.conditions = set_conditions(&status.conditions, &refused, &[kind::SYNC], now);
            match decided {
                AutoSync::Start(operation) => {
                    more["operation"] = serde_json::to_value(&*operation).unwrap_or_default();
                    status.operation_state = None;
                    started = Some(seen.revisions.join(", "));
                }
                AutoSync::Wait(left) => wait = Duration::try_from(left).ok(),
                AutoSync::Nothing | AutoSync::Refuse(_) => {}
            }
        }
        self.change_memory(key, |memory| memory.compared_at = Some(now));
        if is_the_same(&old.status, &status) && more.as_object().is_none_or(serde_json::Map::is_empty) {
            return Ok(self.again(key, wait));
        }
        writer.status(status, more).await?;
        self.tell_events(&old, &writer.app.status, started).await;
        Ok(self.again(key, wait))
    }

    fn again(&self, key: &Key, wait: Option<Duration>) -> Option<Duration> {
        if wait.is_some() {
            self.change_memory(key, |memory| memory.requested = memory.requested.max(Some(Level::Recent)));
        }
        let settings = self.settings();
        let poll =
            next_poll(&key.name, settings.timeout, settings.jitter).and_then(|poll| Duration::try_from(poll).ok());
        wait.or(poll)
    }

    fn may_sync_now(&self, app: &Application, project: &Project) -> bool {
        let name = app.metadata.name.as_deref().unwrap_or_default();
        let windows = sync_window::matching(&project.spec.sync_windows, name, &app.spec.destination);
        sync_window::may_sync(&windows, Trigger::Automatic, self.clock.now(), None).unwrap_or(false)
    }

    async fn tell_events(&self, old: &Application, new: &ApplicationStatus, started: Option<String>) {
        let shown = |text: &str| if text.is_empty() { "Unknown".to_owned() } else { text.to_owned() };
        if old.status.sync.status != new.sync.status {
            let text = format!("Updated sync status: {} -> {}", shown(&old.status.sync.status), new.sync.status);
            self.event(old, Severity::Normal, "ResourceUpdated", text).await;
        }
        if old.status.health.status != new.health.status {
            let why = if new.health.message.is_empty() { String::new() } else { format!(" ({})", new.health.message) };
            let text =
                format!("Updated health status: {} -> {}{why}", shown(&old.status.health.status), new.health.status);
            self.event(old, Severity::Normal, "ResourceUpdated", text).await;
        }
        if let Some(revisions) = started {
            info!(revisions, "a sync begins by itself");
            let text = format!("Initiated automated sync to '{revisions}'");
            self.event(old, Severity::Normal, "OperationStarted", text).await;
        }
    }

    pub(super) async fn event(&self, app: &Application, severity: Severity, reason: &str, message: String) {
        let about = ObjectReference {
            api_version: Some(tiphys_api::types::API_VERSION.to_owned()),
            kind: Some("Application".to_owned()),
            namespace: app.metadata.namespace.clone(),
            name: app.metadata.name.clone(),
            uid: app.metadata.uid.clone(),
            ..ObjectReference::default()
        };
        self.recorder.tell(&about, &Note { severity, reason: reason.to_owned(), message }).await;
    }
}

fn recent(status: &ApplicationStatus) -> Vec<String> {
    if status.sync.revisions.is_empty() { vec![status.sync.revision.clone()] } else { status.sync.revisions.clone() }
}

/// What takes back the request for a comparison.
fn consumed(app: &Application) -> Value {
    let asked = app.metadata.annotations.as_ref().is_some_and(|all| all.contains_key(REFRESH));
    if asked { json!({"metadata": {"annotations": {REFRESH: null}}}) } else { json!({}) }
}

/// The time of the comparison alone is no news.
fn is_the_same(old: &ApplicationStatus, new: &ApplicationStatus) -> bool {
    old.reconciled_at.is_some()
        && ApplicationStatus { reconciled_at: None, ..old.clone() }
            == ApplicationStatus { reconciled_at: None, ..new.clone() }
}
