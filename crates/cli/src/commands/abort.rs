//! `abort`: stop an update and go back to the stable version.

use clap::Args;

use super::acting::act;
use crate::{cluster::Cluster, error::Failure, printer::Printer};

/// Stops an update. Users go back to the stable version; `spec.template` stays at the new one.
#[derive(Debug, Args)]
pub(crate) struct Abort {
    /// Rollouts
    #[arg(required = true, value_name = "ROLLOUT")]
    names: Vec<String>,
}

impl Abort {
    pub(crate) async fn run(self, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        act("abort", "aborted", &self.names, cluster, printer).await
    }
}
