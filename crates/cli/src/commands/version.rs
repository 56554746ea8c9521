//! `version`: which version this is.

use clap::Args;

use crate::{error::Failure, printer::Printer};

/// Prints the version.
#[derive(Debug, Args)]
pub(crate) struct Version {
    /// Only the version
    #[arg(long)]
    short: bool,
}

impl Version {
    pub(crate) fn run(self, printer: Printer) -> Result<(), Failure> {
        printer.line(format!("tiphys: v{}", env!("CARGO_PKG_VERSION")))?;
        if !self.short {
            printer.line(format!("  Platform: {}/{}", std::env::consts::OS, std::env::consts::ARCH))?;
            printer.line("  Compatible with: Argo Rollouts v1.10 (argoproj.io/v1alpha1)")?;
        }
        Ok(())
    }
}
