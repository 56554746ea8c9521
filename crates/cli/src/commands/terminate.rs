//! `terminate`: end an AnalysisRun or an Experiment early.

use clap::Args;
use serde_json::json;

use crate::{
    cluster::{Cluster, Kind},
    error::Failure,
    printer::Printer,
};

/// Ends an AnalysisRun or an Experiment early.
#[derive(Debug, Args)]
pub(crate) struct Terminate {
    /// `analysisrun` or `experiment`
    #[arg(value_parser = ["analysisrun", "analysisruns", "ar", "experiment", "experiments", "exp"], hide_possible_values = true)]
    kind: String,
    /// Names
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

impl Terminate {
    pub(crate) async fn run(self, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        let experiment = self.kind.starts_with("exp");
        for name in &self.names {
            let (kind, effect) = if experiment {
                (Kind::Experiment, "its ReplicaSets are scaled down and its analyses end")
            } else {
                (Kind::AnalysisRun, "no further measurement is made; those made so far decide")
            };
            printer.note(&format!("terminate {} {name}: {effect}", self.kind));
            cluster.merge(kind, name, &json!({"spec": {"terminate": true}})).await?;
            let word = if experiment { "experiment" } else { "analysisRun" };
            printer.line(format!("{word} '{name}' terminated"))?;
        }
        Ok(())
    }
}
