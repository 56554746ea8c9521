//! `undo`: go back to an earlier revision.

use clap::Args;
use k8s_openapi::api::apps::v1::ReplicaSet;
use serde_json::Value;
use tiphys_api::{Rollout, Stored};
use tiphys_console::{Options, Subject, action::Refused};

use super::acting::{action, refused};
use crate::{
    cluster::{Cluster, Kind},
    error::Failure,
    printer::Printer,
    target,
};

/// Goes back to an earlier revision. That is a release like any other, except that going back to the stable version
/// takes no steps.
#[derive(Debug, Args)]
pub(crate) struct Undo {
    /// The Rollout
    #[arg(required = true, value_name = "ROLLOUT")]
    names: Vec<String>,
    /// Revision to go back to; 0 is the one before the newest
    #[arg(long, value_name = "REVISION", default_value_t = 0)]
    to_revision: i64,
}

impl Undo {
    pub(crate) async fn run(self, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        for target in target::parse(&self.names)? {
            let rollout = cluster.resolve(&target).await?;
            self.undo(&rollout, cluster, printer).await?;
        }
        Ok(())
    }

    async fn undo(&self, rollout: &Stored<Rollout>, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        let sets = owned(rollout, cluster).await?;
        let subject = Subject { rollout, sets: &sets, workload: None, budgets: &[] };
        let (name, options) = (subject.name(), Options { revision: self.to_revision, ..Options::default() });
        let undo = action("undo")?;
        let changes = match undo.changes(&subject, &options, cluster.clock.now()) {
            Ok(changes) => changes,
            Err(same @ Refused::Unchanged(_)) => return Ok(printer.line(same.to_string())?),
            Err(other @ Refused::NoRevision(_)) => {
                return Err(refused(&other).hint(format!("`tiphys history {name}` lists the revisions")));
            }
            Err(other) => return Err(refused(&other)),
        };
        printer.note(&format!("undo {name}: {}", undo.effect(&subject, &options)));
        cluster.perform(&changes).await?;
        printer.line(format!("rollout '{name}' undo"))?;
        Ok(())
    }
}

/// The ReplicaSets of a Rollout, as they are stored.
async fn owned(rollout: &Stored<Rollout>, cluster: &Cluster) -> Result<Vec<Value>, Failure> {
    let uid = rollout.typed.metadata.uid.as_deref();
    let mut sets: Vec<Value> = cluster.all(Kind::ReplicaSet).await?;
    sets.retain(|set| {
        let typed: ReplicaSet = tiphys_api::decode(set.clone()).object;
        crate::view::release::is_owned(&typed.metadata, uid)
    });
    Ok(sets)
}
