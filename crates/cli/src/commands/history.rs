//! `history`: the revisions of a Rollout.

use clap::Args;
use k8s_openapi::api::apps::v1::ReplicaSet;
use tiphys_api::Rollout;
use tiphys_machinery::time;

use crate::{
    cluster::Cluster,
    commands::get,
    error::Failure,
    printer::{Cell, Printer},
    target,
    view::{images, release, revision},
};

const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";

/// Lists the revisions of a Rollout, the newest first.
#[derive(Debug, Args)]
pub(crate) struct History {
    /// The Rollout
    #[arg(required = true, value_name = "ROLLOUT")]
    names: Vec<String>,
}

impl History {
    pub(crate) async fn run(self, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        let objects = get::objects(cluster).await?;
        for target in target::parse(&self.names)? {
            let rollout = cluster.resolve(&target).await?.typed;
            let sets = release::replica_sets(&rollout, &objects);
            let head = ["REVISION", "REPLICASET", "PODS", "AGE", "ROLE", "IMAGES", "CHANGE-CAUSE"];
            let mut rows = vec![head.map(Cell::from).to_vec()];
            rows.extend(sets.iter().map(|set| row(&rollout, set, cluster.clock.now())));
            printer.text(&printer.table(&rows))?;
            let name = rollout.metadata.name.as_deref().unwrap_or_default();
            printer.note(&format!("`tiphys undo {name} --to-revision N` goes back to a revision"));
        }
        Ok(())
    }
}

fn row(rollout: &Rollout, set: &ReplicaSet, now: jiff::Timestamp) -> Vec<Cell> {
    let roles: Vec<&str> = release::roles(rollout, set).into_iter().map(release::Role::as_str).collect();
    let cause = set.metadata.annotations.as_ref().and_then(|map| map.get(CHANGE_CAUSE));
    let created = release::created(&set.metadata);
    [
        revision::of_replica_set(set).to_string(),
        set.metadata.name.clone().unwrap_or_default(),
        set.status.as_ref().map_or(0, |status| status.replicas).to_string(),
        created.map_or_else(|| "<unknown>".to_owned(), |at| time::human(now.duration_since(at))),
        if roles.is_empty() { "-".to_owned() } else { roles.join(",") },
        images::of(set).join(","),
        cause.cloned().unwrap_or_default(),
    ]
    .map(Cell::from)
    .to_vec()
}
