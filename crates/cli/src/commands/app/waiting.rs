//! `app wait`, and waiting for the end of an operation.

use std::{collections::BTreeMap, time::Duration};

use clap::Args;
use tiphys_api::Application;

use super::{Apps, showing};
use crate::error::Failure;

const POLL: Duration = Duration::from_millis(300);

/// Waits until an Application is synced and healthy.
#[derive(Debug, Args)]
pub(super) struct Wait {
    /// `NAME` or `NAMESPACE/NAME`
    #[arg(value_name = "APP")]
    names: Vec<String>,
    /// Wait for health
    #[arg(long)]
    health: bool,
    /// Wait until it is synced
    #[arg(long)]
    sync: bool,
    /// Wait until no operation runs
    #[arg(long)]
    operation: bool,
    /// Wait at most so many seconds; 0 is for ever
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    timeout: u64,
}

impl Wait {
    pub(super) async fn run(self, apps: &Apps<'_>) -> Result<(), Failure> {
        let everything = !self.health && !self.sync && !self.operation;
        let is_done = |app: &Application| {
            let healthy = app.status.health.status == "Healthy";
            let synced = app.status.sync.status == "Synced";
            (healthy || !(everything || self.health))
                && (synced || !(everything || self.sync))
                && (app.operation.is_none() || !(everything || self.operation))
        };
        for name in &self.names {
            until(apps, name, self.timeout, &is_done).await?;
        }
        Ok(())
    }
}

/// Waits, and tells what changes, object by object.
pub(super) async fn until(
    apps: &Apps<'_>,
    name: &str,
    seconds: u64,
    is_done: &(dyn Fn(&Application) -> bool + Sync),
) -> Result<Application, Failure> {
    let waiting = async {
        let mut told = BTreeMap::new();
        loop {
            let app = apps.find(name).await?;
            tell(apps, &app, &mut told)?;
            if is_done(&app) {
                return Ok(app);
            }
            tokio::time::sleep(POLL).await;
        }
    };
    if seconds == 0 {
        return waiting.await;
    }
    let late = |_| {
        Failure::new(format!("timed out ({seconds}s) waiting for app \"{name}\""))
            .hint(format!("`tiphys app get {name}` shows what it waits for"))
    };
    tokio::time::timeout(Duration::from_secs(seconds), waiting).await.map_err(late)?
}

fn tell(apps: &Apps<'_>, app: &Application, told: &mut BTreeMap<String, String>) -> Result<(), Failure> {
    let mut lines: Vec<(String, String)> = Vec::new();
    if let Some(state) = &app.status.operation_state {
        for result in state.sync_result.iter().flat_map(|result| &result.resources) {
            let what = format!("{} {}/{}", result.sync_phase, result.kind, result.name);
            lines.push((what, format!("{} {} {}", result.status, result.hook_phase, result.message)));
        }
        lines.push(("operation".to_owned(), format!("{}: {}", state.phase, state.message)));
    }
    lines.push(("sync".to_owned(), app.status.sync.status.clone()));
    lines.push(("health".to_owned(), format!("{} {}", app.status.health.status, app.status.health.message)));
    for (what, how) in lines {
        if told.get(&what) != Some(&how) {
            apps.printer.note(&format!("{:<40} {}", format!("{} {what}", showing::qualified(app)), how.trim()));
            told.insert(what, how);
        }
    }
    Ok(())
}
