//! `app tree`: what an Application delivered, and what that owns.

use std::collections::BTreeMap;

use clap::Args;
use jiff::Timestamp;
use serde_json::Value;
use tiphys_api::Application;
use tiphys_deliver::health::health;
use tiphys_machinery::meta;

use super::{
    Apps,
    showing::coloured,
    sources::{Look, key},
};
use crate::{error::Failure, printer::Cell};

/// Kinds that others make and own.
const OWNED: [(&str, &str); 8] = [
    ("", "PersistentVolumeClaim"),
    ("", "Pod"),
    ("apps", "ControllerRevision"),
    ("apps", "ReplicaSet"),
    ("argoproj.io", "AnalysisRun"),
    ("argoproj.io", "Experiment"),
    ("batch", "Job"),
    ("discovery.k8s.io", "EndpointSlice"),
];
/// Owners may go round in circles.
const DEPTH: usize = 16;

/// Shows what an Application delivered, and what that owns.
#[derive(Debug, Args)]
pub(super) struct Tree {
    /// The Application
    #[arg(value_name = "NAME")]
    name: String,
}

impl Tree {
    pub(super) async fn run(self, apps: &Apps<'_>) -> Result<(), Failure> {
        print(apps, &apps.find(&self.name).await?).await
    }
}

struct Owned {
    by_owner: BTreeMap<String, Vec<Value>>,
    now: Timestamp,
}

/// Prints the tree of an Application.
pub(super) async fn print(apps: &Apps<'_>, app: &Application) -> Result<(), Failure> {
    let look = Look::at(apps, app).await?;
    let mut namespaces: Vec<&str> = app.status.resources.iter().map(|one| one.namespace.as_str()).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    let mut owned = Owned { by_owner: BTreeMap::new(), now: apps.cluster.clock.now() };
    for namespace in namespaces.into_iter().filter(|namespace| !namespace.is_empty()) {
        owned.read(&look, namespace).await?;
    }
    let name = app.metadata.name.as_deref().unwrap_or_default();
    let mut rows = vec![["KIND/NAME", "STATUS", "HEALTH", "MESSAGE"].map(Cell::from).to_vec()];
    let top =
        [format!("Application/{name}").into(), coloured(&app.status.sync.status), coloured(&app.status.health.status)];
    rows.push([top.to_vec(), vec![app.status.health.message.as_str().into()]].concat());
    let count = app.status.resources.len();
    for (index, one) in app.status.resources.iter().enumerate() {
        let (branch, below) = if index + 1 == count { ("└──", "   ") } else { ("├──", "│  ") };
        let health = one.health.clone().unwrap_or_default();
        rows.push(vec![
            format!("{branch}{}/{}", one.kind, one.name).into(),
            coloured(&one.status),
            coloured(&health.status),
            health.message.into(),
        ]);
        if let Some(live) = look.live(&key(one), &one.version).await? {
            owned.draw(meta::uid(&live), below, 0, &mut rows);
        }
    }
    Ok(apps.printer.text(&apps.printer.table(&rows))?)
}

impl Owned {
    async fn read(&mut self, look: &Look, namespace: &str) -> Result<(), Failure> {
        for (group, kind) in OWNED {
            let Some(info) = look.kinds.get(group, kind) else { continue };
            let path = info.path("", namespace, "");
            let list = look
                .rest
                .get(&path)
                .await
                .map_err(|error| Failure::new(format!("{kind} cannot be listed")).caused_by(error))?;
            for item in list.unwrap_or_default()["items"].as_array().into_iter().flatten() {
                let mut object = item.clone();
                object["apiVersion"] = info.api_version().into();
                object["kind"] = kind.into();
                for owner in meta::owners(item) {
                    let uid = owner["uid"].as_str().unwrap_or_default().to_owned();
                    self.by_owner.entry(uid).or_default().push(object.clone());
                }
            }
        }
        Ok(())
    }

    fn draw(&self, uid: &str, prefix: &str, depth: usize, rows: &mut Vec<Vec<Cell>>) {
        let children = self.by_owner.get(uid).map(Vec::as_slice).unwrap_or_default();
        for (index, child) in children.iter().enumerate().filter(|_| depth < DEPTH) {
            let (branch, below) =
                if index + 1 == children.len() { ("└──", "   ") } else { ("├──", "│  ") };
            let health = health(child, &[], self.now).ok().flatten();
            let status = health.as_ref().and_then(|health| health.status).map_or("", |status| status.name());
            let message = health.as_ref().map_or("", |health| health.message.as_str());
            rows.push(vec![
                format!("{prefix}{branch}{}/{}", meta::kind(child), meta::name(child)).into(),
                "".into(),
                coloured(status),
                message.into(),
            ]);
            self.draw(meta::uid(child), &format!("{prefix}{below}"), depth + 1, rows);
        }
    }
}
