//! `abort`: stop an update and go back to the stable version.

use clap::Args;
use serde_json::json;
use tiphys_api::{Rollout, phase};

use crate::{cluster::Cluster, error::Failure, printer::Printer, target};

/// Stops an update. Users go back to the stable version; `spec.template` stays at the new one.
#[derive(Debug, Args)]
pub(crate) struct Abort {
    /// Rollouts
    #[arg(required = true, value_name = "ROLLOUT")]
    names: Vec<String>,
}

impl Abort {
    pub(crate) async fn run(self, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        for target in target::parse(&self.names)? {
            let rollout = cluster.resolve(&target).await?.typed;
            let name = rollout.metadata.name.clone().unwrap_or_default();
            printer.note(&effect(&name, &rollout));
            cluster.merge_status(&name, &json!({"status": {"abort": true}})).await?;
            printer.line(format!("rollout '{name}' aborted"))?;
        }
        Ok(())
    }
}

/// Says what an abort will do.
fn effect(name: &str, rollout: &Rollout) -> String {
    let status = &rollout.status;
    if phase::is_fully_promoted(rollout) {
        return format!("abort {name}: no update is under way; nothing changes");
    }
    if status.abort {
        return format!("abort {name}: the update is aborted already; nothing changes");
    }
    let what = if rollout.spec.strategy.blue_green.is_some() {
        "the active Service stays with, or goes back to, the stable version"
    } else {
        "the canary goes, the stable version gets everything back"
    };
    format!("abort {name}: {what}; the Rollout is Degraded until `tiphys retry {name}` or a changed template")
}

#[cfg(test)]
mod tests {
    use tiphys_api::decode;

    use super::*;

    #[test]
    fn effect_depends_on_what_is_under_way() {
        for (rollout, expected) in [
            (json!({"status": {"stableRS": "a", "currentPodHash": "a"}}), "nothing changes"),
            (json!({"status": {"stableRS": "a", "currentPodHash": "b", "abort": true}}), "aborted already"),
            (json!({"status": {"stableRS": "a", "currentPodHash": "b"}}), "the canary goes"),
            (
                json!({"spec": {"strategy": {"blueGreen": {}}}, "status": {"stableRS": "a", "currentPodHash": "b"}}),
                "active Service",
            ),
        ] {
            let text = effect("web", &decode(rollout.clone()).object);
            assert!(text.contains(expected), "{rollout}: {text}");
        }
    }
}
