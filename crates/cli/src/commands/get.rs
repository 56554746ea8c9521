//! `get` and `watch`: a Rollout as a live tree.

use std::time::Duration;

use clap::Args;
use tiphys_api::Rollout;

use crate::{
    cluster::{Cluster, Kind, stored_rollout},
    error::Failure,
    printer::Printer,
    target,
    view::{
        release::Objects,
        tree::{self, Tree},
    },
    watching::Watching,
};

/// Ages move on this often.
const TICK: Duration = Duration::from_secs(1);
/// Width of the labels above the tree.
const LABEL: usize = 17;

/// Shows a Rollout as a tree of revisions, ReplicaSets and pods.
#[derive(Debug, Args)]
pub(crate) struct Get {
    /// The Rollout: `NAME`, `rollout NAME` or `deployment/NAME`
    #[arg(required = true, value_name = "ROLLOUT")]
    names: Vec<String>,
    /// Draw the tree again whenever something changes
    #[arg(short, long)]
    watch: bool,
    /// End watching after so many seconds; 0 is never
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    timeout_seconds: u64,
}

impl Get {
    /// Returns the same command with `-w`.
    pub(crate) fn watching(self) -> Self {
        Self { watch: true, ..self }
    }

    pub(crate) async fn run(self, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        let targets = target::parse(&self.names)?;
        let mut rollouts = Vec::new();
        for target in &targets {
            rollouts.push(cluster.resolve(target).await?.typed);
        }
        if !self.watch {
            return print_all(&rollouts, cluster, printer).await;
        }
        let [rollout] = rollouts.as_slice() else {
            return Err(Failure::usage("one Rollout can be watched at a time")
                .hint("`tiphys list -w` follows all Rollouts of a namespace"));
        };
        let name = rollout.metadata.name.clone().unwrap_or_default();
        if self.timeout_seconds == 0 {
            return watch(&name, cluster, printer).await;
        }
        let limit = Duration::from_secs(self.timeout_seconds);
        tokio::time::timeout(limit, watch(&name, cluster, printer)).await.unwrap_or(Ok(()))
    }
}

async fn print_all(rollouts: &[Rollout], cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
    let objects = objects(cluster).await?;
    for (index, rollout) in rollouts.iter().enumerate() {
        if index > 0 {
            printer.line("")?;
        }
        printer.text(&page(&tree::rollout(rollout, &objects, cluster.clock.now()), printer))?;
    }
    Ok(())
}

/// Reads what may belong to the Rollouts of a namespace.
pub(crate) async fn objects(cluster: &Cluster) -> Result<Objects, Failure> {
    let (replica_sets, pods, runs) =
        tokio::try_join!(cluster.all(Kind::ReplicaSet), cluster.all(Kind::Pod), cluster.all(Kind::AnalysisRun),)?;
    Ok(Objects { replica_sets, pods, runs })
}

async fn watch(name: &str, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
    let kinds = [Kind::Rollout, Kind::ReplicaSet, Kind::Pod, Kind::AnalysisRun];
    let mut watching = Watching::namespace(cluster, &kinds);
    let mut tick = tokio::time::interval(TICK);
    let mut last = String::new();
    loop {
        tokio::select! {
            changed = watching.changed() => changed?,
            _ = tick.tick() => {}
        }
        if !kinds[..3].iter().all(|kind| watching.has_listed(*kind)) {
            continue;
        }
        let Some(raw) = watching.named(Kind::Rollout, name) else {
            return Err(Failure::new(format!("rollout.argoproj.io \"{name}\" not found")).hint("it has been deleted"));
        };
        let rollout = stored_rollout(raw.clone()).typed;
        let page = page(&tree::rollout(&rollout, &watching.objects(), cluster.clock.now()), printer);
        if page != last {
            printer.page(&page)?;
            last = page;
        }
    }
}

fn page(tree: &Tree, printer: Printer) -> String {
    let mut page = String::new();
    for (label, value) in &tree.head {
        let line = format!("{label:<LABEL$}{}", printer.cell(value));
        page.push_str(line.trim_end());
        page.push('\n');
    }
    page.push('\n');
    page.push_str(&printer.table(&tree.rows));
    page
}
