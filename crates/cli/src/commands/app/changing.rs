//! `app sync`, `app rollback`, `app refresh`, `app delete`, `app terminate-op`.

use clap::Args;
use kube::api::DeleteParams;
use serde_json::{Value, json};
use tiphys_api::Application;

use super::{Apps, Named, showing, waiting};
use crate::error::Failure;

const REFRESH: &str = "argocd.argoproj.io/refresh";
const CASCADE: &str = "resources-finalizer.argocd.argoproj.io";

/// Brings an Application to what Git has.
#[derive(Debug, Args)]
pub(super) struct Sync {
    /// `NAME` or `NAMESPACE/NAME`
    #[arg(required = true, value_name = "APP")]
    names: Vec<String>,
    /// Commit, branch or tag [default: that of the spec]
    #[arg(long, value_name = "REVISION", default_value = "")]
    revision: String,
    /// Delete what Git does not have
    #[arg(long)]
    prune: bool,
    /// Change nothing
    #[arg(long)]
    dry_run: bool,
    /// Delete and create again what cannot be changed
    #[arg(long)]
    force: bool,
    /// `apply` runs no hooks
    #[arg(long, value_name = "STRATEGY", value_parser = ["apply", "hook"], default_value = "hook")]
    strategy: String,
    /// Only these objects: `GROUP:KIND:NAME` or `GROUP:KIND:NAMESPACE/NAME`
    #[arg(long, value_name = "OBJECT")]
    resource: Vec<String>,
    /// Let the server merge
    #[arg(long)]
    server_side: bool,
    /// Do not wait for the end
    #[arg(long = "async")]
    asynchronous: bool,
    /// Wait at most so many seconds; 0 is for ever
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    timeout: u64,
}

impl Sync {
    pub(super) async fn run(self, apps: &Apps<'_>) -> Result<(), Failure> {
        for name in &self.names {
            let app = apps.find(name).await?;
            if app.operation.is_some() {
                return Err(Failure::new("another operation is already in progress")
                    .hint(format!("`tiphys app terminate-op {name}` stops it")));
            }
            let resources = self.resource.iter().map(|text| resource(text)).collect::<Result<Vec<_>, _>>()?;
            apps.printer.note(&self.effect(name, &app));
            let mut options =
                app.spec.sync_policy.as_ref().map(|policy| policy.sync_options.clone()).unwrap_or_default();
            options.extend(self.server_side.then(|| "ServerSideApply=true".to_owned()));
            let mut sync = json!({
                "prune": self.prune, "dryRun": self.dry_run, "syncOptions": options,
                "syncStrategy": {&self.strategy: {"force": self.force}},
            });
            if !self.revision.is_empty() {
                sync["revision"] = json!(self.revision);
            }
            if !resources.is_empty() {
                sync["resources"] = json!(resources);
            }
            start(apps, name, &sync, self.asynchronous, self.timeout).await?;
        }
        Ok(())
    }

    fn effect(&self, name: &str, app: &Application) -> String {
        let count = |is: &dyn Fn(&tiphys_api::types::ResourceStatus) -> bool| {
            app.status.resources.iter().filter(|resource| is(resource)).count()
        };
        let extra = count(&|resource| resource.requires_pruning);
        let differ = count(&|resource| resource.status == "OutOfSync") - extra.min(count(&|r| r.status == "OutOfSync"));
        let prune = match (extra, self.prune) {
            (0, _) => String::new(),
            (extra, true) => format!(", deletes {extra} that Git does not have"),
            (extra, false) => format!(", leaves {extra} that Git does not have (--prune deletes them)"),
        };
        let dry = if self.dry_run { "would sync" } else { "sync" };
        format!("{dry} {name}: applies {} objects, of which {differ} differ{prune}", app.status.resources.len() - extra)
    }
}

fn resource(text: &str) -> Result<Value, Failure> {
    let parts: Vec<&str> = text.splitn(3, ':').collect();
    let [group, kind, name] = parts.as_slice() else {
        return Err(Failure::usage(format!("`{text}` names no object"))
            .hint("write `GROUP:KIND:NAME`, for instance `apps:Deployment:web` or `:Service:web`"));
    };
    let (namespace, name) = name.split_once('/').unwrap_or(("", name));
    Ok(json!({"group": group, "kind": kind, "name": name, "namespace": namespace}))
}

async fn start(apps: &Apps<'_>, name: &str, sync: &Value, asynchronous: bool, timeout: u64) -> Result<(), Failure> {
    let operation = json!({"sync": sync, "initiatedBy": {"username": "tiphys"}});
    apps.patch(name, &json!({"operation": operation, "status": {"operationState": null}})).await?;
    if asynchronous {
        return Ok(());
    }
    let is_over = |app: &Application| app.operation.is_none() && app.status.operation_state.is_some();
    let app = waiting::until(apps, name, timeout, &is_over).await?;
    apps.printer.text(&apps.printer.table(&showing::objects(&app)))?;
    let state = app.status.operation_state.unwrap_or_default();
    if state.phase == "Succeeded" {
        return Ok(());
    }
    Err(Failure::new(format!("Operation has completed with phase: {}", state.phase)).hint(state.message))
}

/// Delivers an earlier entry of the history again.
#[derive(Debug, Args)]
pub(super) struct Rollback {
    /// `NAME` or `NAMESPACE/NAME`
    #[arg(value_name = "APP")]
    name: String,
    /// Number of the entry [default: the one before the last]
    #[arg(value_name = "ID")]
    id: Option<i64>,
    /// Delete what that revision does not have
    #[arg(long)]
    prune: bool,
    /// Wait at most so many seconds; 0 is for ever
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    timeout: u64,
}

impl Rollback {
    pub(super) async fn run(self, apps: &Apps<'_>) -> Result<(), Failure> {
        let app = apps.find(&self.name).await?;
        let policy = app.spec.sync_policy.clone().unwrap_or_default();
        if policy.automated.is_some_and(|automated| automated.is_enabled()) {
            return Err(Failure::new("rollback cannot be initiated when auto-sync is enabled")
                .hint("the next comparison would undo it: revert the commit, or switch automated syncs off first"));
        }
        let history = &app.status.history;
        let entry = match self.id {
            Some(id) => history.iter().find(|entry| entry.id == id),
            None => history.iter().rev().nth(1),
        };
        let Some(entry) = entry else {
            return Err(Failure::new("the history has no such entry")
                .hint(format!("`tiphys app history {}` shows what there is", self.name)));
        };
        apps.printer.note(&format!(
            "rollback {}: delivers {} again, as entry {} did; runs no hooks",
            self.name, entry.revision, entry.id
        ));
        let mut sync = json!({
            "revision": entry.revision, "prune": self.prune, "syncOptions": policy.sync_options,
            "syncStrategy": {"apply": {}},
        });
        if entry.sources.is_empty() {
            sync["source"] = json!(entry.source);
        } else {
            sync["sources"] = json!(entry.sources);
            sync["revisions"] = json!(entry.revisions);
        }
        start(apps, &self.name, &sync, false, self.timeout).await
    }
}

/// Compares an Application with Git now.
#[derive(Debug, Args)]
pub(super) struct Refresh {
    /// `NAME` or `NAMESPACE/NAME`
    #[arg(value_name = "APP")]
    name: String,
    /// Make manifests again, too
    #[arg(long)]
    hard: bool,
}

impl Refresh {
    pub(super) async fn run(self, apps: &Apps<'_>) -> Result<(), Failure> {
        refresh(&self.name, self.hard, apps).await?;
        let app = apps.find(&self.name).await?;
        let status = &app.status;
        Ok(apps.printer.line(format!(
            "app '{}' is {} and {} ({})",
            self.name, status.sync.status, status.health.status, status.sync.revision
        ))?)
    }
}

/// Asks for a comparison, and waits until it was made.
pub(super) async fn refresh(name: &str, hard: bool, apps: &Apps<'_>) -> Result<(), Failure> {
    const LIMIT: u64 = 60;
    let word = if hard { "hard" } else { "normal" };
    apps.patch(name, &json!({"metadata": {"annotations": {REFRESH: word}}})).await?;
    let is_done = |app: &Application| app.metadata.annotations.as_ref().is_none_or(|all| !all.contains_key(REFRESH));
    waiting::until(apps, name, LIMIT, &is_done).await.map(drop)
}

/// Deletes an Application.
#[derive(Debug, Args)]
pub(super) struct Delete {
    /// `NAME` or `NAMESPACE/NAME`
    #[arg(required = true, value_name = "APP")]
    names: Vec<String>,
    /// Delete what it has delivered, too
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_missing_value = "true")]
    cascade: bool,
}

impl Delete {
    pub(super) async fn run(self, apps: &Apps<'_>) -> Result<(), Failure> {
        for name in &self.names {
            let app = apps.find(name).await?;
            let count = app.status.resources.len();
            let mut finalizers = app.metadata.finalizers.clone().unwrap_or_default();
            finalizers.retain(|finalizer| !finalizer.starts_with(CASCADE));
            if self.cascade {
                finalizers.push(CASCADE.to_owned());
                apps.printer.note(&format!("delete {name}: its {count} objects are deleted, then the Application"));
            } else {
                apps.printer.note(&format!("delete {name}: its {count} objects stay"));
            }
            apps.patch(name, &json!({"metadata": {"finalizers": finalizers}})).await?;
            let (namespace, object) = apps.place(name);
            apps.api(namespace).delete(object, &DeleteParams::default()).await?;
            apps.printer.line(format!("application '{object}' deleted"))?;
        }
        Ok(())
    }
}

pub(super) async fn terminate(named: &Named, apps: &Apps<'_>) -> Result<(), Failure> {
    let app = apps.find(&named.name).await?;
    if app.operation.is_none() || app.status.operation_state.is_none() {
        return Err(Failure::new("Unable to terminate operation. No operation is in progress"));
    }
    apps.printer.note(&format!("terminate-op {}: hooks that run are deleted; what was applied stays", named.name));
    apps.patch(&named.name, &json!({"status": {"operationState": {"phase": "Terminating"}}})).await?;
    Ok(apps.printer.line(format!("Application '{}' operation terminating", named.name))?)
}
