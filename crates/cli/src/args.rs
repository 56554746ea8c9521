//! The command line.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    abort::Abort, analyze::Analyze, app::App, completion::Completion, controller::Controller, crds::Crds,
    create::Create, elsewhere::Anything, get::Get, history::History, install::Install, lint::Lint, list::List,
    pause::Pause, pause::Resume, promote::Promote, restart::Restart, retry::Retry, sandbox::SandboxCommand,
    server::Server, set_image::SetImage, status::Status, terminate::Terminate, undo::Undo, up::Up, version::Version,
    why::Why,
};
use crate::connection::Connection;

/// Progressive delivery and GitOps for Kubernetes in one program.
#[derive(Debug, Parser)]
#[command(name = "tiphys", version, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// Reads the command line; `tiphys argo rollouts …` is the same as `tiphys …`.
    pub(crate) fn from_line(line: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut words: Vec<OsString> = line.into_iter().collect();
        if words.get(1).is_some_and(|word| word == "argo") && words.get(2).is_some_and(|word| word == "rollouts") {
            words.drain(1..3);
        }
        Self::try_parse_from(words)
    }
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
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a sandbox with the Rollouts controller and a demo
    Up(Up),
    /// Run the Rollouts controller for a cluster
    Controller(Box<Controller>),
    /// Serve the web pages and the API for a cluster
    Server(Server),
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
    /// List, show and sync Applications
    App(App),
    /// Play an analysis template against past data: would it have passed?
    Analyze(Analyze),
    /// Check manifests before they are applied
    Lint(Lint),
    /// Create Rollouts and other objects from files
    Create(Box<Create>),
    /// Print what a cluster needs to run the controller
    Install(Install),
    /// Print the CustomResourceDefinitions
    Crds(Crds),
    /// Print a completion script for a shell
    Completion(Completion),
    /// Print the version
    Version(Version),
    #[command(hide = true)]
    Dashboard(Anything),
    #[command(hide = true)]
    Notifications(Anything),
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

    fn read(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::from_line(line.split(' ').map(OsString::from))
    }

    #[test]
    fn words_of_other_programs_are_accepted() {
        for line in [
            "tiphys rollout restart web",
            "tiphys restart ro/web",
            "tiphys -n shop ro status web",
            "tiphys get ro web -w",
            "tiphys argo rollouts get rollout web -w --no-color --timeout-seconds 5",
            "kubectl-argo-rollouts list rollouts -A --timestamps",
            "tiphys list experiments -A",
            "tiphys get experiment ab",
            "tiphys promote web --full",
            "tiphys promote web -c",
            "tiphys status web --watch=false --timeout 60s",
            "tiphys status web -w -t 1m",
            "tiphys set image web app=web:2",
            "tiphys undo web --to-revision=3",
            "tiphys restart web -i 5m",
            "tiphys retry experiment ab",
            "tiphys terminate analysisrun rate",
            "tiphys lint -f web.yaml",
            "tiphys create -f web.yaml -w",
            "tiphys create analysisrun --from rate -a url=x --instance-id blue",
            "tiphys create ar --from-file rate.yaml --generate-name x-",
            "tiphys dashboard -p 3100 --root-path x",
            "tiphys notifications template get --config-map x",
            "tiphys version --short",
            "tiphys list --as jane --as-group ops --request-timeout 5s -s https://host:6443 --token t",
            "tiphys app create shop --repo https://x/y.git --path shop --dest-server https://kubernetes.default.svc \
             --dest-namespace shop --sync-policy auto --auto-prune --self-heal",
            "tiphys app set shop --sync-policy none -p a=b",
            "tiphys app diff shop --hard-refresh --exit-code=false",
            "tiphys app manifests argocd/shop --source live",
            "tiphys app why shop -o json",
            "tiphys controller --loglevel debug --logformat json --metricsPort 8090 --healthzPort 8080 --leader-elect=false --qps 40",
        ] {
            let parsed = read(line);
            assert!(parsed.is_ok(), "{line}: {parsed:?}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "tiphys",
            "tiphys create",
            "tiphys create analysisrun",
            "tiphys lint",
            "tiphys why web -A",
            "tiphys restart",
            "tiphys list pods",
            "tiphys list --as-group ops",
        ] {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
