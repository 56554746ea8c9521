//! `app`: Applications, with the words of `argocd app`.

mod changing;
mod create;
mod diff;
mod manifests;
mod showing;
mod sources;
mod spec_flags;
mod tree;
mod waiting;
mod why;

use clap::{Args, Subcommand};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, Patch},
};
use serde_json::Value;
use tiphys_api::{Application, Stored};

use self::{
    changing::{Delete, Refresh, Rollback, Sync},
    showing::{Get, History, List},
    waiting::Wait,
};
use crate::{
    cluster::{Cluster, raw, writer},
    error::Failure,
    gitops,
    printer::Printer,
};

/// What to do with Applications.
#[derive(Debug, Args)]
pub(crate) struct App {
    /// Namespace of the Application [default: argocd]
    #[arg(short = 'N', long, global = true, value_name = "NAME")]
    app_namespace: Option<String>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List Applications
    List(List),
    /// Show an Application and its objects
    Get(Get),
    /// Say why an Application is not delivered yet: from the commit to the pods
    Why(why::Why),
    /// Show what a sync would change
    Diff(diff::Diff),
    /// Print the manifests of an Application
    Manifests(manifests::Manifests),
    /// Show what an Application delivered, and what that owns
    Tree(tree::Tree),
    /// Create an Application
    Create(Box<create::Create>),
    /// Change the spec of an Application
    Set(Box<create::Set>),
    /// Bring an Application to what Git has
    Sync(Sync),
    /// Wait until an Application is synced and healthy
    Wait(Wait),
    /// List what was delivered
    History(History),
    /// Deliver an earlier entry of the history again
    Rollback(Rollback),
    /// Compare an Application with Git now
    Refresh(Refresh),
    /// Delete an Application
    Delete(Delete),
    /// Stop the operation that runs
    TerminateOp(Named),
}

/// One Application.
#[derive(Debug, Args)]
struct Named {
    /// `NAME` or `NAMESPACE/NAME`
    #[arg(value_name = "APP")]
    name: String,
}

/// Applications of a cluster.
struct Apps<'c> {
    cluster: &'c Cluster,
    namespace: String,
    printer: Printer,
}

impl App {
    pub(crate) async fn run(self, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        let namespace = self.app_namespace.unwrap_or_else(|| gitops::NAMESPACE.to_owned());
        let apps = Apps { cluster, namespace, printer };
        match self.verb {
            Verb::List(list) => list.run(&apps).await,
            Verb::Get(get) => get.run(&apps).await,
            Verb::Why(why) => why.run(&apps).await,
            Verb::Diff(diff) => diff.run(&apps).await,
            Verb::Manifests(manifests) => manifests.run(&apps).await,
            Verb::Tree(tree) => tree.run(&apps).await,
            Verb::Create(create) => create.run(&apps).await,
            Verb::Set(set) => set.run(&apps).await,
            Verb::Sync(sync) => sync.run(&apps).await,
            Verb::Wait(wait) => wait.run(&apps).await,
            Verb::History(history) => history.run(&apps).await,
            Verb::Rollback(rollback) => rollback.run(&apps).await,
            Verb::Refresh(refresh) => refresh.run(&apps).await,
            Verb::Delete(delete) => delete.run(&apps).await,
            Verb::TerminateOp(named) => changing::terminate(&named, &apps).await,
        }
    }
}

impl Apps<'_> {
    fn api(&self, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.cluster.client(), namespace, &ApiResource::erase::<Application>(&()))
    }

    fn everywhere(&self) -> Api<DynamicObject> {
        Api::all_with(self.cluster.client(), &ApiResource::erase::<Application>(&()))
    }

    /// Namespace and name of what a person means.
    fn place<'a>(&'a self, name: &'a str) -> (&'a str, &'a str) {
        let name = name.strip_prefix("app/").unwrap_or(name);
        name.split_once('/').unwrap_or((&self.namespace, name))
    }

    async fn find(&self, text: &str) -> Result<Application, Failure> {
        let (namespace, name) = self.place(text);
        match self.api(namespace).get_opt(name).await? {
            Some(object) => Ok(typed(raw(&object))),
            None => Err(Failure::new(format!("applications.argoproj.io \"{name}\" not found"))
                .hint("`tiphys app list` shows the Applications there are")),
        }
    }

    async fn patch(&self, text: &str, patch: &Value) -> Result<(), Failure> {
        let (namespace, name) = self.place(text);
        self.api(namespace).patch(name, &writer(), &Patch::Merge(patch)).await?;
        Ok(())
    }
}

fn typed(raw: Value) -> Application {
    Stored::new(raw).typed
}
