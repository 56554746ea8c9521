//! `completion`: scripts for shells.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::{args::Arguments, error::Failure, printer::Printer};

/// Prints a completion script, for instance `source <(tiphys completion bash)`.
#[derive(Debug, Args)]
pub(crate) struct Completion {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completion {
    pub(crate) fn run(self, printer: Printer) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "tiphys", &mut script);
        Ok(printer.text(&String::from_utf8_lossy(&script))?)
    }
}
