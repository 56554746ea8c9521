//! `pause` and `resume`: hold a Rollout where it is.

use clap::Args;

use super::acting::act;
use crate::{cluster::Cluster, error::Failure, printer::Printer};

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
        act("pause", "paused", &self.names, cluster, printer).await
    }
}

impl Resume {
    pub(crate) async fn run(self, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        act("resume", "resumed", &self.names, cluster, printer).await
    }
}
