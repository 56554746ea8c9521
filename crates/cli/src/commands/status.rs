//! `status`: wait until a Rollout is healthy or degraded.

use std::time::Duration;

use clap::{ArgAction, Args};
use tiphys_api::phase;

use crate::{
    cluster::{Cluster, Kind, stored_rollout},
    error::Failure,
    printer::Printer,
    target,
    watching::Watching,
};

/// Waits until a Rollout is healthy or degraded; the exit code says which.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The Rollout
    #[arg(required = true, value_name = "ROLLOUT")]
    names: Vec<String>,
    /// Wait for the end
    #[arg(short, long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_missing_value = "true")]
    watch: bool,
    /// Wait at most so long, for instance `5m`; 0 is for ever
    #[arg(short, long, default_value = "0", value_parser = crate::commands::restart::duration)]
    timeout: jiff::SignedDuration,
}

impl Status {
    pub(crate) async fn run(self, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        for target in target::parse(&self.names)? {
            let rollout = cluster.resolve(&target).await?.typed;
            let name = rollout.metadata.name.clone().unwrap_or_default();
            if !self.watch {
                let (phase, message) = phase::shown(&rollout);
                printer.line(if matches!(phase.as_str(), "Healthy" | "Degraded") {
                    phase.clone()
                } else {
                    line(&phase, &message)
                })?;
                verdict(&phase, &message)?;
                continue;
            }
            let limit = Duration::try_from(self.timeout).unwrap_or_default();
            let end = wait(&name, cluster, printer);
            if limit.is_zero() {
                end.await?;
            } else {
                let late = |_| {
                    Failure::new("Rollout status watch exceeded timeout")
                        .hint(format!("`tiphys get {name}` shows what it waits for"))
                };
                tokio::time::timeout(limit, end).await.map_err(late)??;
            }
        }
        Ok(())
    }
}

async fn wait(name: &str, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
    let mut watching = Watching::namespace(cluster, &[Kind::Rollout]);
    let mut last = String::new();
    loop {
        watching.changed().await?;
        if !watching.has_listed(Kind::Rollout) {
            continue;
        }
        let Some(raw) = watching.named(Kind::Rollout, name) else {
            return Err(Failure::new(format!("rollout.argoproj.io \"{name}\" not found")).hint("it has been deleted"));
        };
        let (phase, message) = phase::shown(&stored_rollout(raw.clone()).typed);
        let line = line(&phase, &message);
        if line != last {
            printer.line(&line)?;
            last = line;
        }
        if matches!(phase.as_str(), "Healthy" | "Degraded") {
            return verdict(&phase, &message);
        }
    }
}

fn line(phase: &str, message: &str) -> String {
    if message.is_empty() { phase.to_owned() } else { format!("{phase} - {message}") }
}

fn verdict(phase: &str, message: &str) -> Result<(), Failure> {
    if phase != "Degraded" {
        return Ok(());
    }
    Err(Failure::new(format!("The rollout is in a degraded state with message: {message}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_degraded_is_a_failure() {
        for (phase, expected) in [("Healthy", true), ("Paused", true), ("Progressing", true), ("Degraded", false)] {
            assert_eq!(verdict(phase, "m").is_ok(), expected, "{phase}");
        }
        assert_eq!(line("Paused", "CanaryPauseStep"), "Paused - CanaryPauseStep");
        assert_eq!(line("Healthy", ""), "Healthy");
    }
}
