//! `pause` and `resume`: hold a Rollout where it is.

use clap::Args;
use serde_json::json;
use tiphys_api::Rollout;

use crate::{
    cluster::{Cluster, Kind},
    error::Failure,
    printer::Printer,
    target,
};

/// Holds a Rollout where it is.
#[derive(Debug, Args)]
pub(crate) struct Pause {
    /// Rollouts
    #[arg(required = true, value_name = "ROLLOUT")]
    names: Vec<String>,
}

/// Lets a Rollout go on that was held by `pause`. Pauses that are steps stay; `promote` ends those too.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// Rollouts
    #[arg(required = true, value_name = "ROLLOUT")]
    names: Vec<String>,
}

impl Pause {
    pub(crate) async fn run(self, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        for target in target::parse(&self.names)? {
            let rollout = cluster.resolve(&target).await?.typed;
            let name = rollout.metadata.name.clone().unwrap_or_default();
            printer.note(&format!(
                "pause {name}: {}",
                if rollout.spec.paused {
                    "it is paused already; nothing changes".to_owned()
                } else {
                    format!(
                        "no step is taken and no new version is started until `tiphys resume {name}`; pods keep running"
                    )
                }
            ));
            cluster.merge(Kind::Rollout, &name, &json!({"spec": {"paused": true}})).await?;
            printer.line(format!("rollout '{name}' paused"))?;
        }
        Ok(())
    }
}

impl Resume {
    pub(crate) async fn run(self, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        for target in target::parse(&self.names)? {
            let rollout = cluster.resolve(&target).await?.typed;
            let name = rollout.metadata.name.clone().unwrap_or_default();
            printer.note(&format!("resume {name}: {}", resume_effect(&name, &rollout)));
            if rollout.spec.paused {
                cluster.merge(Kind::Rollout, &name, &json!({"spec": {"paused": false}})).await?;
            }
            printer.line(format!("rollout '{name}' resumed"))?;
        }
        Ok(())
    }
}

fn resume_effect(name: &str, rollout: &Rollout) -> String {
    match (rollout.spec.paused, rollout.status.pause_conditions.first()) {
        (true, None) => "it goes on where it was".to_owned(),
        (true, Some(pause)) => {
            format!(
                "ends the pause made by hand; the pause of the release ({}) stays: `tiphys promote {name}`",
                pause.reason
            )
        }
        (false, Some(pause)) => {
            format!("it was not paused by hand but by the release ({}); `tiphys promote {name}` goes on", pause.reason)
        }
        (false, None) => "it is not paused; nothing changes".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use tiphys_api::decode;

    use super::*;

    #[test]
    fn resume_tells_pauses_by_hand_from_those_of_the_release() {
        let pause = json!({"pauseConditions": [{"reason": "CanaryPauseStep"}]});
        for (rollout, expected) in [
            (json!({"spec": {"paused": true}}), "goes on where it was"),
            (json!({"spec": {"paused": true}, "status": pause}), "stays: `tiphys promote web`"),
            (json!({"status": pause}), "not paused by hand"),
            (json!({}), "nothing changes"),
        ] {
            let text = resume_effect("web", &decode(rollout.clone()).object);
            assert!(text.contains(expected), "{rollout}: {text}");
        }
    }
}
