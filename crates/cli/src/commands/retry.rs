//! `retry`: try an aborted update again.

use clap::Args;
use serde_json::{Value, json};

use super::acting::act;
use crate::{
    cluster::{Cluster, Kind},
    error::Failure,
    printer::Printer,
    target,
};

/// Tries an aborted update again, from its first step.
#[derive(Debug, Args)]
pub(crate) struct Retry {
    /// Rollouts; or `experiment` and Experiments
    #[arg(required = true, value_name = "ROLLOUT")]
    names: Vec<String>,
}

impl Retry {
    pub(crate) async fn run(self, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        if let Some(names) = target::experiments(&self.names) {
            return retry_experiments(&names, cluster, printer).await;
        }
        act("retry", "retried", &self.names, cluster, printer).await
    }
}

async fn retry_experiments(names: &[String], cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
    for name in names {
        printer.note(&format!("retry experiment {name}: its status is cleared and it runs from the start"));
        cluster.merge(Kind::Experiment, name, &json!({"status": Value::Null})).await?;
        printer.line(format!("experiment '{name}' retried"))?;
    }
    Ok(())
}
