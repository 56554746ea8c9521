//! The program `tiphys`: command line, wiring and printing.
//!
//! One file a command under `commands/`; only [`printer`] writes to the terminal; only [`error`] decides how a failure
//! looks and which exit code it gives.

#![cfg_attr(test, expect(clippy::needless_pass_by_value, reason = "rows of tables read better as values"))]

mod args;
mod cluster;
mod commands;
mod data;
mod demo;
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
    logging();
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

/// Logs to standard error: warnings, or what `RUST_LOG` asks for.
fn logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
