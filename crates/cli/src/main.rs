//! The program `tiphys`: command line, wiring and printing.
//!
//! One file a command under `commands/`; only [`printer`] writes to the terminal; only [`error`] decides how a failure
//! looks and which exit code it gives.

#![cfg_attr(test, expect(clippy::needless_pass_by_value, reason = "rows of tables read better as values"))]

mod args;
mod cluster;
mod commands;
mod data;
mod error;
mod printer;
mod target;
mod view;
mod watching;
mod world;

use std::process::ExitCode;

use clap::Parser;

use crate::{args::Arguments, printer::Printer};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let printer = Printer::for_terminal(arguments.global.no_color);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(cause) => {
            return error::report(
                printer,
                &error::Failure::new("the asynchronous runtime did not start").caused_by(cause),
            );
        }
    };
    match runtime.block_on(commands::run(arguments, printer)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => error::report(printer, &failure),
    }
}
