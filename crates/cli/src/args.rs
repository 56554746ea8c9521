//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    abort::Abort, completion::Completion, controller::Controller, crds::Crds, get::Get, history::History, lint::Lint,
    list::List, pause::Pause, pause::Resume, promote::Promote, restart::Restart, retry::Retry, sandbox::SandboxCommand,
    set_image::SetImage, status::Status, terminate::Terminate, undo::Undo, up::Up, why::Why,
};

/// Progressive delivery and GitOps for Kubernetes in one program.
#[derive(Debug, Parser)]
#[command(name = "tiphys", version, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which cluster, which namespace.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Where")]
pub(crate) struct Global {
    /// Kubeconfig to use [default: $KUBECONFIG, else that of a running `tiphys up`, else ~/.kube/config]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Namespace [default: the context's]
    #[arg(short, long, global = true, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// Do not colour the output
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a sandbox with the Rollouts controller and a demo
    Up(Up),
    /// Run the Rollouts controller for a cluster
    Controller(Box<Controller>),
    /// Run the embedded Kubernetes API alone
    Sandbox(SandboxCommand),
    /// Say why a Rollout is not out yet, and what would help
    Why(Why),
    /// Show a Rollout as a live tree of revisions, ReplicaSets and pods
    Get(Get),
    /// Show a Rollout as a live tree until you stop it (`get -w`)
    Watch(Get),
    /// List Rollouts
    List(List),
    /// Let a paused Rollout go on
    Promote(Promote),
    /// Stop an update and go back to the stable version
    Abort(Abort),
    /// Try an aborted update again
    Retry(Retry),
    #[command(flatten)]
    Verb(Verb),
    /// Change a part of a Rollout
    #[command(subcommand)]
    Set(Set),
    /// End an AnalysisRun or an Experiment early
    Terminate(Terminate),
    /// Check manifests without a cluster
    Lint(Lint),
    /// Print the CustomResourceDefinitions
    Crds(Crds),
    /// Print a completion script for a shell
    Completion(Completion),
    /// The verbs of `kubectl rollout`, for Rollouts: `tiphys rollout restart NAME`
    #[command(subcommand, visible_alias = "ro")]
    Rollout(Verb),
}

/// Verbs that `kubectl rollout` has too.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Recreate the pods of Rollouts without a new release
    Restart(Restart),
    /// Wait until a Rollout is healthy or degraded
    Status(Status),
    /// Go back to an earlier revision
    Undo(Undo),
    /// List the revisions of a Rollout
    History(History),
    /// Hold a Rollout where it is
    Pause(Pause),
    /// Let a Rollout go on that was held by `pause`
    Resume(Resume),
}

/// Parts that can be changed.
#[derive(Debug, Subcommand)]
pub(crate) enum Set {
    /// Change the image of a container: a new release
    Image(SetImage),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn words_of_kubectl_rollout_are_accepted() {
        for line in [
            "tiphys rollout restart web",
            "tiphys restart ro/web",
            "tiphys -n shop ro status web",
            "tiphys get ro web -w",
        ] {
            let parsed = Arguments::try_parse_from(line.split(' '));
            assert!(parsed.is_ok(), "{line}: {parsed:?}");
        }
    }
}
