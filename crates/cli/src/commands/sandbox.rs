//! `sandbox`: the embedded Kubernetes API alone.

use std::path::Path;

use clap::Args;

use crate::{
    error::Failure,
    printer::Printer,
    world::{self, SandboxFlags},
};

/// Runs the embedded Kubernetes API alone. `--kubeconfig` names the file that is written for clients.
#[derive(Debug, Args)]
pub(crate) struct SandboxCommand {
    #[command(flatten)]
    flags: SandboxFlags,
}

impl SandboxCommand {
    pub(crate) async fn run(self, kubeconfig: Option<&Path>, printer: Printer) -> Result<(), Failure> {
        let world = self.flags.start(kubeconfig).await?;
        printer.line(format!("sandbox: Kubernetes API at {}", world.url()))?;
        printer.line(format!("sandbox: Prometheus API over the simulated requests at {}", world.prometheus()))?;
        printer.line(format!("export KUBECONFIG={}", world.kubeconfig.display()))?;
        printer.note(&world.farewell());
        world::ended().await?;
        world.stop().await
    }
}
