//! `restart`: recreate the pods of Rollouts without a new release.

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use tiphys_api::{Rollout, Stored};
use tiphys_console::{Options, Subject};
use tiphys_machinery::{go_duration, time};

use super::acting::{action, changes};
use crate::{
    cluster::{Cluster, Kind},
    error::Failure,
    printer::Printer,
    target,
};

/// Recreates the pods of Rollouts, some at a time, without a new release.
#[derive(Debug, Args)]
pub(crate) struct Restart {
    /// Rollouts: `NAME`, `rollout/NAME` or `deployment/NAME`
    #[arg(value_name = "ROLLOUT", required_unless_present_any = ["selector", "all"], conflicts_with_all = ["selector", "all"])]
    names: Vec<String>,
    /// After so long, for instance `30s`, `5m` or `1h30m`
    #[arg(short = 'i', long = "in", value_name = "DURATION")]
    delay: Option<String>,
    /// At this time, for instance `2026-01-02T22:00:00Z`
    #[arg(long, value_name = "TIME", conflicts_with = "delay")]
    at: Option<Timestamp>,
    /// Start a new pod before an old one goes
    #[arg(long)]
    surge: bool,
    /// Take back a restart that is not over
    #[arg(long, conflicts_with_all = ["delay", "at", "surge"])]
    cancel: bool,
    /// Only say what would happen
    #[arg(long)]
    dry_run: bool,
    /// All Rollouts with these labels
    #[arg(short = 'l', long, value_name = "LABELS")]
    selector: Option<String>,
    /// All Rollouts of the namespace
    #[arg(long, conflicts_with = "selector")]
    all: bool,
}

impl Restart {
    pub(crate) async fn run(self, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        let now = cluster.clock.now();
        let at = self.due(now)?;
        let rollouts = self.rollouts(cluster).await?;
        if rollouts.is_empty() {
            printer.note("No resources found.");
        }
        let budgets: Vec<PodDisruptionBudget> = if self.cancel || rollouts.is_empty() {
            Vec::new()
        } else {
            cluster.all(Kind::PodDisruptionBudget).await?
        };
        for rollout in &rollouts {
            if self.cancel {
                self.cancel(rollout, cluster, printer).await?;
                continue;
            }
            let subject = Subject { rollout, sets: &[], workload: None, budgets: &budgets };
            let (name, options) = (subject.name(), self.options(at));
            let restart = action("restart")?;
            printer.note(&format!("restart {name}: {}", restart.effect(&subject, &options)));
            if at > now {
                printer.note(&format!(
                    "  begins at {}; `tiphys restart {name} --cancel` takes it back",
                    time::seconds(at)
                ));
            }
            let dry = if self.dry_run { " (dry run)" } else { "" };
            if !self.dry_run {
                cluster.perform(&changes(restart, &subject, &options, now)?).await?;
            }
            printer.line(format!("rollout '{name}' restarts in {}{dry}", self.wait(now, at)))?;
        }
        Ok(())
    }

    fn due(&self, now: Timestamp) -> Result<Timestamp, Failure> {
        if let Some(at) = self.at {
            return Ok(at);
        }
        let delay = self.delay.as_deref().map_or(Ok(SignedDuration::ZERO), duration);
        let delay = delay
            .map_err(|message| Failure::usage(format!("--in: {message}")).hint("write for instance `--in 1h30m`"))?;
        now.checked_add(delay).map_err(|error| Failure::usage("--in: the time is out of range").caused_by(error))
    }

    fn wait(&self, now: Timestamp, at: Timestamp) -> String {
        match (&self.delay, self.at) {
            (Some(text), _) => text.clone(),
            (None, Some(_)) => time::human(at.duration_since(now).max(SignedDuration::ZERO)),
            (None, None) => "0s".to_owned(),
        }
    }

    async fn rollouts(&self, cluster: &Cluster) -> Result<Vec<Stored<Rollout>>, Failure> {
        if self.all || self.selector.is_some() {
            return cluster.rollouts(self.selector.as_deref()).await;
        }
        let mut rollouts = Vec::new();
        for target in target::parse(&self.names)? {
            rollouts.push(cluster.resolve(&target).await?);
        }
        Ok(rollouts)
    }

    fn options(&self, at: Timestamp) -> Options {
        Options { surge: self.surge, at: Some(at), ..Options::default() }
    }

    async fn cancel(&self, rollout: &Stored<Rollout>, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        let subject = Subject { rollout, sets: &[], workload: None, budgets: &[] };
        let (name, options) = (subject.name(), Options::default());
        let action = action("cancel-restart")?;
        if !self.dry_run || action.obstacle(&subject).is_some() {
            printer.note(&format!("restart {name}: {}", action.effect(&subject, &options)));
        }
        if !self.dry_run {
            cluster.perform(&changes(action, &subject, &options, cluster.clock.now())?).await?;
        }
        printer.line(format!("rollout '{name}' restart cancelled{}", if self.dry_run { " (dry run)" } else { "" }))?;
        Ok(())
    }
}

/// Reads a duration as Go writes it.
pub(crate) fn duration(text: &str) -> Result<SignedDuration, String> {
    go_duration::parse(text).map_err(|error| error.to_string())
}
