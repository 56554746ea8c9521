//! The program `tiphys`: command line, wiring and printing.
//!
//! One file a command under `commands/`; only [`printer`] writes to the terminal; only [`error`] decides how a failure
//! looks and which exit code it gives.

#![cfg_attr(test, expect(clippy::needless_pass_by_value, reason = "rows of tables read better as values"))]

mod args;
mod cluster;
mod commands;
mod connection;
mod controllers;
mod data;
mod demo;
mod endpoint;
mod error;
mod gitops;
mod hosting;
mod lint;
mod printer;
mod repository;
mod serving;
mod target;
#[cfg(test)]
mod trial;
mod view;
mod watching;
mod world;

use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use crate::{
    args::{Arguments, Command},
    printer::Printer,
};

fn main() -> ExitCode {
    let arguments = match Arguments::from_line(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    logging(&arguments);
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

/// Logs to standard error: what `--loglevel` or `RUST_LOG` asks for; else warnings, and of a controller what it does.
fn logging(arguments: &Arguments) {
    let controller = match &arguments.command {
        Command::Controller(controller) => Some(controller),
        _ => None,
    };
    let usual = if controller.is_some() { "info" } else { "warn" };
    let level = arguments.global.connection.loglevel.as_deref();
    let filter = level.map_or_else(|| EnvFilter::try_from_default_env().ok(), |level| EnvFilter::try_new(level).ok());
    let filter = filter.unwrap_or_else(|| EnvFilter::new(usual));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if controller.is_some_and(|controller| controller.logs_json()) {
        subscriber.json().init();
    } else {
        subscriber.init();
    }
}
