//! One file a command.

pub(crate) mod abort;
pub(crate) mod acting;
pub(crate) mod analyze;
pub(crate) mod app;
pub(crate) mod completion;
pub(crate) mod controller;
pub(crate) mod crds;
pub(crate) mod create;
pub(crate) mod elsewhere;
pub(crate) mod get;
pub(crate) mod history;
pub(crate) mod install;
pub(crate) mod lint;
pub(crate) mod list;
pub(crate) mod pause;
pub(crate) mod promote;
pub(crate) mod restart;
pub(crate) mod retry;
pub(crate) mod sandbox;
pub(crate) mod server;
pub(crate) mod set_image;
pub(crate) mod status;
pub(crate) mod terminate;
pub(crate) mod undo;
pub(crate) mod up;
pub(crate) mod upstream_flags;
pub(crate) mod version;
pub(crate) mod why;

use crate::{
    args::{Arguments, Command, Set, Verb},
    cluster::Cluster,
    error::Failure,
    printer::Printer,
};

/// Runs the command.
pub(crate) async fn run(arguments: Arguments, printer: Printer) -> Result<(), Failure> {
    let global = arguments.global;
    let command = match arguments.command {
        Command::Lint(lint) => return lint.run(&global, printer).await,
        Command::Install(install) => return install.run(global.namespace.as_deref(), printer),
        Command::Version(version) => return version.run(printer),
        Command::Dashboard(_) => return Err(elsewhere::dashboard()),
        Command::Notifications(_) => return Err(elsewhere::notifications()),
        Command::Crds(crds) => return crds.run(printer),
        Command::Completion(completion) => return completion.run(printer),
        Command::Sandbox(sandbox) => return sandbox.run(global.kubeconfig.as_deref(), printer).await,
        Command::Up(up) => return up.run(global.kubeconfig.as_deref(), printer).await,
        command => command,
    };
    let cluster = Cluster::connect(&global, printer).await?;
    match command {
        Command::Controller(controller) => controller.run(&cluster).await,
        Command::Server(server) => server.run(&cluster, printer).await,
        Command::Get(get) => get.run(&cluster, printer).await,
        Command::Watch(get) => get.watching().run(&cluster, printer).await,
        Command::Why(why) => why.run(&cluster, printer).await,
        Command::List(list) => list.run(&cluster, printer).await,
        Command::Promote(promote) => promote.run(&cluster, printer).await,
        Command::Abort(abort) => abort.run(&cluster, printer).await,
        Command::Retry(retry) => retry.run(&cluster, printer).await,
        Command::Terminate(terminate) => terminate.run(&cluster, printer).await,
        Command::Set(Set::Image(image)) => image.run(&cluster, printer).await,
        Command::Verb(verb) | Command::Rollout(verb) => run_verb(verb, &cluster, printer).await,
        Command::Create(create) => create.run(&cluster, printer).await,
        Command::Analyze(analyze) => analyze.run(&cluster, printer).await,
        Command::App(app) => app.run(&cluster, printer).await,
        Command::Lint(_)
        | Command::Crds(_)
        | Command::Completion(_)
        | Command::Sandbox(_)
        | Command::Up(_)
        | Command::Install(_)
        | Command::Version(_)
        | Command::Dashboard(_)
        | Command::Notifications(_) => Ok(()),
    }
}

async fn run_verb(verb: Verb, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
    match verb {
        Verb::Restart(restart) => restart.run(cluster, printer).await,
        Verb::Status(status) => status.run(cluster, printer).await,
        Verb::Undo(undo) => undo.run(cluster, printer).await,
        Verb::History(history) => history.run(cluster, printer).await,
        Verb::Pause(pause) => pause.run(cluster, printer).await,
        Verb::Resume(resume) => resume.run(cluster, printer).await,
    }
}
