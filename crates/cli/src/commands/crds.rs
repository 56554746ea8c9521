//! `crds`: the CustomResourceDefinitions.

use clap::Args;

use crate::{commands::list::yaml, error::Failure, printer::Printer};

/// Prints the CustomResourceDefinitions as YAML, for `kubectl apply -f -`.
#[derive(Debug, Args)]
pub(crate) struct Crds {}

impl Crds {
    pub(crate) fn run(self, printer: Printer) -> Result<(), Failure> {
        for definition in tiphys_api::crds::crds() {
            printer.line("---")?;
            printer.text(&yaml(&definition)?)?;
        }
        Ok(())
    }
}
