//! `get` and `watch`: a Rollout as a live tree.

use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use serde_json::Value;
use tiphys_api::decode;
use tiphys_rollouts::observe::{self, Observed};

use crate::{
    cluster::{Cluster, Kind, raw, stored_rollout},
    error::Failure,
    printer::Printer,
    target,
    view::{
        answer::Answer,
        experiment,
        release::Objects,
        tree::{self, Tree},
    },
    watching::Watching,
};

/// Ages move on this often.
const TICK: Duration = Duration::from_secs(1);
/// Width of the labels above the tree.
const LABEL: usize = 17;

/// Shows a Rollout, or an Experiment, as a tree of revisions, ReplicaSets and pods, and says why it is as it is.
#[derive(Debug, Args)]
pub(crate) struct Get {
    /// The Rollout: `NAME`, `rollout NAME` or `deployment/NAME`; or `experiment NAME`
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
    /// Returns the command that shows an object live.
    pub(crate) fn live(kind: &str, name: &str) -> Result<Self, Failure> {
        match kind {
            "Rollout" | "Experiment" => {
                Ok(Self { names: vec![kind.to_lowercase(), name.to_owned()], watch: true, timeout_seconds: 0 })
            }
            _ => Err(Failure::usage("Can only watch resources of type Rollout or Experiment")),
        }
    }

    /// Returns the same command with `-w`.
    pub(crate) fn watching(self) -> Self {
        Self { watch: true, ..self }
    }

    pub(crate) async fn run(self, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        let subjects = match target::experiments(&self.names) {
            Some(names) => names.into_iter().map(Subject::Experiment).collect(),
            None => {
                let mut subjects = Vec::new();
                for target in target::parse(&self.names)? {
                    let rollout = cluster.resolve(&target).await?.typed;
                    subjects.push(Subject::Rollout(rollout.metadata.name.unwrap_or_default()));
                }
                subjects
            }
        };
        if !self.watch {
            return print_all(&subjects, cluster, printer).await;
        }
        let [subject] = subjects.as_slice() else {
            return Err(Failure::usage("one object can be watched at a time")
                .hint("`tiphys list -w` follows all Rollouts of a namespace"));
        };
        if self.timeout_seconds == 0 {
            return watch(subject, cluster, printer).await;
        }
        let limit = Duration::from_secs(self.timeout_seconds);
        tokio::time::timeout(limit, watch(subject, cluster, printer)).await.unwrap_or(Ok(()))
    }
}

/// What is shown.
#[derive(Debug)]
enum Subject {
    Rollout(String),
    Experiment(String),
}

impl Subject {
    fn kind(&self) -> Kind {
        match self {
            Self::Rollout(_) => Kind::Rollout,
            Self::Experiment(_) => Kind::Experiment,
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Rollout(name) | Self::Experiment(name) => name,
        }
    }

    fn missing(&self) -> Failure {
        let kind = if self.kind() == Kind::Rollout { "rollout" } else { "experiment" };
        Failure::new(format!("{kind}.argoproj.io \"{}\" not found", self.name()))
    }

    /// Everything that reasons are made from; nothing for an Experiment.
    async fn seen(&self, cluster: &Cluster) -> Result<Option<Observed>, Failure> {
        match self {
            Self::Rollout(name) => Ok(observe::fetch(&cluster.client(), &cluster.namespace, name).await?),
            Self::Experiment(_) => Ok(None),
        }
    }

    fn tree(&self, raw: Value, objects: &Objects, seen: Option<&Observed>, now: Timestamp) -> Tree {
        match self {
            Self::Rollout(_) => {
                let why = seen.map(|seen| Answer::of(seen, now));
                tree::rollout(&stored_rollout(raw).typed, objects, why.as_ref(), now)
            }
            Self::Experiment(_) => experiment::tree(&decode(raw).object, objects, now),
        }
    }
}

async fn print_all(subjects: &[Subject], cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
    let objects = objects(cluster).await?;
    for (index, subject) in subjects.iter().enumerate() {
        if index > 0 {
            printer.line("")?;
        }
        let found = cluster.api(subject.kind()).get_opt(subject.name()).await?.ok_or_else(|| subject.missing())?;
        let seen = subject.seen(cluster).await?;
        printer.text(&page(&subject.tree(raw(&found), &objects, seen.as_ref(), cluster.clock.now()), printer))?;
    }
    Ok(())
}

/// Reads what may belong to the Rollouts of a namespace.
pub(crate) async fn objects(cluster: &Cluster) -> Result<Objects, Failure> {
    let (replica_sets, pods, runs, experiments) = tokio::try_join!(
        cluster.all(Kind::ReplicaSet),
        cluster.all(Kind::Pod),
        cluster.all(Kind::AnalysisRun),
        cluster.all(Kind::Experiment),
    )?;
    Ok(Objects { replica_sets, pods, runs, experiments })
}

async fn watch(subject: &Subject, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
    let other = if subject.kind() == Kind::Experiment { Kind::Rollout } else { Kind::Experiment };
    let kinds = [subject.kind(), Kind::ReplicaSet, Kind::Pod, Kind::AnalysisRun, other];
    let mut watching = Watching::namespace(cluster, &kinds);
    let mut tick = tokio::time::interval(TICK);
    let mut last = String::new();
    let mut seen = None;
    loop {
        let is_news = tokio::select! {
            changed = watching.changed() => changed.map(|()| true)?,
            _ = tick.tick() => false,
        };
        if !kinds[..3].iter().all(|kind| watching.has_listed(*kind)) {
            continue;
        }
        let Some(raw) = watching.named(subject.kind(), subject.name()).cloned() else {
            return Err(subject.missing().hint("it has been deleted"));
        };
        if is_news || seen.is_none() {
            seen = subject.seen(cluster).await?;
        }
        let tree = subject.tree(raw, &watching.objects(), seen.as_ref(), cluster.clock.now());
        let page = page(&tree, printer);
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
