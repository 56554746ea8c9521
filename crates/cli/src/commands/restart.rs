//! `restart`: recreate the pods of Rollouts without a new release.

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::{Value, json};
use tiphys_api::{Rollout, constants::annotations, defaults, selector};
use tiphys_machinery::{go_duration, time};

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
            let name = rollout.metadata.name.as_deref().unwrap_or_default();
            if self.cancel {
                self.cancel(name, rollout, cluster, printer).await?;
                continue;
            }
            printer.note(&effect(name, rollout, &budgets, self.mode(rollout)));
            if at > now {
                printer.note(&format!(
                    "  begins at {}; `tiphys restart {name} --cancel` takes it back",
                    time::seconds(at)
                ));
            }
            let dry = if self.dry_run { " (dry run)" } else { "" };
            if !self.dry_run {
                cluster.merge(Kind::Rollout, name, &self.patch(at)).await?;
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

    async fn rollouts(&self, cluster: &Cluster) -> Result<Vec<Rollout>, Failure> {
        if self.all || self.selector.is_some() {
            let all = cluster.rollouts(self.selector.as_deref()).await?;
            return Ok(all.into_iter().map(|stored| stored.typed).collect());
        }
        let mut rollouts = Vec::new();
        for target in target::parse(&self.names)? {
            rollouts.push(cluster.resolve(&target).await?.typed);
        }
        Ok(rollouts)
    }

    fn mode(&self, rollout: &Rollout) -> Mode {
        let annotation = rollout.metadata.annotations.as_ref().and_then(|map| map.get(annotations::RESTART_MODE));
        let surges = self.surge || annotation.is_some_and(|mode| mode == annotations::RESTART_MODE_SURGE);
        if surges { Mode::Surge } else { Mode::Replace }
    }

    fn patch(&self, at: Timestamp) -> Value {
        let mut patch = json!({"spec": {"restartAt": time::seconds(at)}});
        if self.surge {
            patch["metadata"] = json!({"annotations": {annotations::RESTART_MODE: annotations::RESTART_MODE_SURGE}});
        }
        patch
    }

    async fn cancel(&self, name: &str, rollout: &Rollout, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        let pending = rollout.spec.restart_at.is_some() && rollout.spec.restart_at != rollout.status.restarted_at;
        if !pending {
            printer.note(&format!("restart {name}: no restart is wanted or under way; nothing changes"));
        } else if !self.dry_run {
            printer.note(&format!("restart {name}: no further pod is recreated; those recreated so far stay"));
            let patch = json!({"spec": {"restartAt": rollout.status.restarted_at}});
            cluster.merge(Kind::Rollout, name, &patch).await?;
        }
        printer.line(format!("rollout '{name}' restart cancelled{}", if self.dry_run { " (dry run)" } else { "" }))?;
        Ok(())
    }
}

/// Reads a duration as Go writes it.
pub(crate) fn duration(text: &str) -> Result<SignedDuration, String> {
    go_duration::parse(text).map_err(|error| error.to_string())
}

/// Whether the old pod goes first or the new pod comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Replace,
    Surge,
}

/// Says what a restart will do.
fn effect(name: &str, rollout: &Rollout, budgets: &[PodDisruptionBudget], mode: Mode) -> String {
    let pods = rollout.status.replicas.max(0);
    let wanted = defaults::replicas(rollout);
    let mut text = format!("restart {name}: recreates {}", count(pods));
    match mode {
        Mode::Surge => {
            let extra = defaults::max_surge(rollout).max(1);
            text.push_str(&format!(", a new pod is ready before an old one goes, at most {extra} more than {wanted}"));
        }
        Mode::Replace => {
            // Upstream never lets a restart stand still: at least one pod may go.
            let at_once = defaults::max_unavailable(rollout).max(1);
            text.push_str(&format!(", at most {at_once} at a time"));
            if wanted == 1 {
                text.push_str("; 1 replica: the service will be down until the new pod is ready; --surge avoids that");
            }
        }
    }
    if rollout.spec.paused {
        text.push_str("; it is paused: the restart begins once it is resumed");
    }
    for budget in budgets.iter().filter(|budget| covers(budget, rollout)) {
        let allowed = budget.status.as_ref().map_or(0, |status| status.disruptions_allowed);
        let budget = budget.metadata.name.as_deref().unwrap_or_default();
        text.push_str(&format!(
            "; PodDisruptionBudget {budget} allows {allowed} disruption{} now",
            if allowed == 1 { "" } else { "s" }
        ));
    }
    text
}

fn count(pods: i32) -> String {
    if pods == 1 { "1 pod".to_owned() } else { format!("{pods} pods") }
}

/// Whether a budget selects the pods of a Rollout.
fn covers(budget: &PodDisruptionBudget, rollout: &Rollout) -> bool {
    let metadata = rollout.spec.template.metadata.as_ref();
    let labels = metadata.and_then(|metadata| metadata.labels.clone());
    let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    labels.is_some_and(|labels| selector::selects(selector, &labels))
}

#[cfg(test)]
mod tests {
    use tiphys_api::decode;

    use super::*;

    fn rollout(replicas: i32, paused: bool) -> Rollout {
        let template = json!({"metadata": {"labels": {"app": "web"}}});
        let spec = json!({"replicas": replicas, "paused": paused, "strategy": {"canary": {}}, "template": template});
        decode(json!({"spec": spec, "status": {"replicas": replicas}})).object
    }

    #[test]
    fn effect_warns_of_downtime_and_names_budgets() {
        let spec = json!({"selector": {"matchLabels": {"app": "web"}}});
        let budget = |spec: &Value| -> PodDisruptionBudget {
            decode(json!({"metadata": {"name": "b"}, "spec": spec, "status": {"disruptionsAllowed": 2}})).object
        };
        let budgets = [budget(&spec), budget(&json!({"selector": {"matchLabels": {"app": "other"}}}))];
        for (name, replicas, mode, budgets, expected) in [
            ("many", 8, Mode::Replace, &[][..], "restart web: recreates 8 pods, at most 2 at a time"),
            (
                "one",
                1,
                Mode::Replace,
                &[][..],
                "restart web: recreates 1 pod, at most 1 at a time; 1 replica: the service will be down until the new \
                 pod is ready; --surge avoids that",
            ),
            (
                "surge",
                1,
                Mode::Surge,
                &[][..],
                "restart web: recreates 1 pod, a new pod is ready before an old one goes, at most 1 more than 1",
            ),
            (
                "budget",
                8,
                Mode::Replace,
                &budgets[..],
                "restart web: recreates 8 pods, at most 2 at a time; PodDisruptionBudget b allows 2 disruptions now",
            ),
        ] {
            assert_eq!(effect("web", &rollout(replicas, false), budgets, mode), expected, "{name}");
        }
        assert!(effect("web", &rollout(8, true), &[], Mode::Replace).contains("it is paused"));
    }
}
