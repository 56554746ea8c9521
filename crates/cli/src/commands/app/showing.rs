//! `app list`, `app get`, `app history`.

use clap::Args;
use kube::api::ListParams;
use serde_json::json;
use tiphys_api::{Application, types::ApplicationSource};
use tiphys_machinery::time;

use super::{Apps, typed};
use crate::{
    cluster::raw,
    commands::list::{Output, print_data},
    error::Failure,
    printer::{Cell, Colour},
};

/// Lists Applications.
#[derive(Debug, Args)]
pub(super) struct List {
    /// Only those with these labels
    #[arg(short = 'l', long, value_name = "LABELS")]
    selector: Option<String>,
    /// Only those of these projects
    #[arg(short = 'p', long, value_name = "NAME")]
    project: Vec<String>,
    /// Print all of it
    #[arg(short, long, value_enum)]
    output: Option<Output>,
}

impl List {
    pub(super) async fn run(self, apps: &Apps<'_>) -> Result<(), Failure> {
        let params = ListParams { label_selector: self.selector.clone(), ..ListParams::default() };
        let list = apps.everywhere().list(&params).await?;
        let mut all: Vec<(serde_json::Value, Application)> =
            list.items.iter().map(|object| (raw(object), typed(raw(object)))).collect();
        all.retain(|(_, app)| self.project.is_empty() || self.project.contains(&app.spec.project));
        if let Some(output) = self.output {
            let items: Vec<&serde_json::Value> = all.iter().map(|(raw, _)| raw).collect();
            return print_data(&json!({"items": items}), output, apps.printer);
        }
        let heads = [
            "NAME",
            "CLUSTER",
            "NAMESPACE",
            "PROJECT",
            "STATUS",
            "HEALTH",
            "SYNCPOLICY",
            "CONDITIONS",
            "REPO",
            "PATH",
            "TARGET",
        ];
        let mut rows: Vec<Vec<Cell>> = vec![heads.iter().map(|head| Cell::from(*head)).collect()];
        rows.extend(all.iter().map(|(_, app)| row(app)));
        Ok(apps.printer.text(&apps.printer.table(&rows))?)
    }
}

fn row(app: &Application) -> Vec<Cell> {
    let or_none = |text: &str| if text.is_empty() { "<none>".to_owned() } else { text.to_owned() };
    let to = &app.spec.destination;
    let source = app.spec.effective_sources().into_iter().next().unwrap_or_default();
    let conditions: Vec<&str> = app.status.conditions.iter().map(|c| c.condition_type.as_str()).collect();
    vec![
        qualified(app).into(),
        if to.name.is_empty() { to.server.clone() } else { to.name.clone() }.into(),
        to.namespace.clone().into(),
        app.spec.project.clone().into(),
        coloured(&app.status.sync.status),
        coloured(&app.status.health.status),
        policy(app).into(),
        or_none(&conditions.join(",")).into(),
        source.repo_url.clone().into(),
        place(&source).into(),
        source.target_revision.into(),
    ]
}

fn place(source: &ApplicationSource) -> String {
    if source.chart.is_empty() { source.path.clone() } else { source.chart.clone() }
}

pub(super) fn qualified(app: &Application) -> String {
    let (namespace, name) = (app.metadata.namespace.as_deref(), app.metadata.name.as_deref());
    format!("{}/{}", namespace.unwrap_or_default(), name.unwrap_or_default())
}

fn policy(app: &Application) -> String {
    let automated = app.spec.sync_policy.as_ref().and_then(|policy| policy.automated.as_ref());
    match automated.filter(|automated| automated.is_enabled()) {
        None => "Manual".to_owned(),
        Some(automated) if automated.prune => "Auto-Prune".to_owned(),
        Some(_) => "Auto".to_owned(),
    }
}

pub(super) fn coloured(status: &str) -> Cell {
    let colour = match status {
        "Synced" | "Healthy" | "Succeeded" => Colour::Green,
        "Progressing" | "Running" => Colour::Blue,
        "OutOfSync" | "Suspended" | "Missing" => Colour::Yellow,
        "Degraded" | "Failed" | "Error" | "SyncFailed" => Colour::Red,
        _ => return status.into(),
    };
    Cell::new(status, colour)
}

/// Shows an Application and its objects.
#[derive(Debug, Args)]
pub(super) struct Get {
    /// `NAME` or `NAMESPACE/NAME`
    #[arg(value_name = "APP")]
    name: String,
    /// Compare with Git first
    #[arg(long)]
    refresh: bool,
    /// Compare with Git first, and make manifests again
    #[arg(long)]
    hard_refresh: bool,
    /// Print all of it
    #[arg(short, long, value_enum)]
    output: Option<Output>,
}

impl Get {
    pub(super) async fn run(self, apps: &Apps<'_>) -> Result<(), Failure> {
        if self.refresh || self.hard_refresh {
            super::changing::refresh(&self.name, self.hard_refresh, apps).await?;
        }
        let app = apps.find(&self.name).await?;
        if let Some(output) = self.output {
            let (namespace, name) = apps.place(&self.name);
            let object = apps.api(namespace).get(name).await?;
            return print_data(&raw(&object), output, apps.printer);
        }
        for (head, cell) in facts(&app) {
            apps.printer.line(format!("{:<19} {}", format!("{head}:"), apps.printer.cell(&cell)))?;
        }
        for condition in &app.status.conditions {
            apps.printer.line(format!("\n{}: {}", condition.condition_type, condition.message))?;
        }
        apps.printer.line("")?;
        Ok(apps.printer.text(&apps.printer.table(&objects(&app)))?)
    }
}

fn facts(app: &Application) -> Vec<(&'static str, Cell)> {
    let source = app.spec.effective_sources().into_iter().next().unwrap_or_default();
    let to = &app.spec.destination;
    let revision = app.status.sync.revision.get(..7).unwrap_or(&app.status.sync.revision);
    let target = if source.target_revision.is_empty() { "HEAD" } else { &source.target_revision };
    let word = if app.status.sync.status == "Synced" { "to" } else { "from" };
    let sync = coloured(&app.status.sync.status);
    let sync = Cell { text: format!("{} {word} {target} ({revision})", sync.text), ..sync };
    let mut facts = vec![
        ("Name", qualified(app).into()),
        ("Project", app.spec.project.clone().into()),
        ("Server", if to.name.is_empty() { to.server.clone() } else { to.name.clone() }.into()),
        ("Namespace", to.namespace.clone().into()),
        ("Repo", source.repo_url.clone().into()),
        ("Target", source.target_revision.clone().into()),
        ("Path", place(&source).into()),
        ("Sync Policy", policy(app).into()),
        ("Sync Status", sync),
        ("Health Status", coloured(&app.status.health.status)),
    ];
    if !app.status.health.message.is_empty() {
        facts.push(("Health Message", app.status.health.message.clone().into()));
    }
    if let Some(state) = &app.status.operation_state {
        facts.push(("Operation", coloured(&state.phase)));
        facts.push(("Message", state.message.clone().into()));
    }
    facts
}

/// The objects, with what the last operation said about each.
pub(super) fn objects(app: &Application) -> Vec<Vec<Cell>> {
    let heads = ["GROUP", "KIND", "NAMESPACE", "NAME", "STATUS", "HEALTH", "HOOK", "MESSAGE"];
    let mut rows: Vec<Vec<Cell>> = vec![heads.iter().map(|head| Cell::from(*head)).collect()];
    let results = app.status.operation_state.as_ref().and_then(|state| state.sync_result.as_ref());
    let results = results.map(|result| result.resources.as_slice()).unwrap_or_default();
    for resource in &app.status.resources {
        let said = results.iter().find(|result| {
            result.kind == resource.kind && result.name == resource.name && result.namespace == resource.namespace
        });
        rows.push(vec![
            resource.group.clone().into(),
            resource.kind.clone().into(),
            resource.namespace.clone().into(),
            resource.name.clone().into(),
            coloured(&resource.status),
            coloured(resource.health.as_ref().map_or("", |health| &health.status)),
            said.map_or("", |said| said.hook_type.as_str()).into(),
            said.map_or("", |said| said.message.as_str()).into(),
        ]);
    }
    rows
}

/// Lists what was delivered.
#[derive(Debug, Args)]
pub(super) struct History {
    /// `NAME` or `NAMESPACE/NAME`
    #[arg(value_name = "APP")]
    name: String,
}

impl History {
    pub(super) async fn run(self, apps: &Apps<'_>) -> Result<(), Failure> {
        let app = apps.find(&self.name).await?;
        let mut rows: Vec<Vec<Cell>> = vec![vec!["ID".into(), "DATE".into(), "REVISION".into()]];
        for entry in &app.status.history {
            let at = entry.deployed_at.as_ref().map_or_else(String::new, |at| time::seconds(at.0));
            let revisions = if entry.revisions.is_empty() { entry.revision.clone() } else { entry.revisions.join(",") };
            rows.push(vec![entry.id.to_string().into(), at.into(), revisions.into()]);
        }
        Ok(apps.printer.text(&apps.printer.table(&rows))?)
    }
}
