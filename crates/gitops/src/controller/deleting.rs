//! An Application that is being deleted.

use std::time::Duration;

use serde_json::{Value, json};
use tiphys_deliver::{
    apply::Applier,
    cluster::Cluster,
    hook,
    object::{ResourceKey, SYNC_OPTIONS, is_crd, option_value},
    plan::Propagation,
};
use tiphys_machinery::meta;
use tiphys_runtime::recorder::Severity;

use super::{
    Shared,
    writing::{NotWritten, Writer},
};
use crate::{
    destination,
    plan::{kind, set_conditions},
};

/// Finalizers that ask for the deletion of what was delivered.
const FOREGROUND: [&str; 2] =
    ["resources-finalizer.argocd.argoproj.io", "resources-finalizer.argocd.argoproj.io/foreground"];
const BACKGROUND: &str = "resources-finalizer.argocd.argoproj.io/background";
const LOOK_AGAIN: Duration = Duration::from_secs(5);
const SOON: Duration = Duration::from_millis(100);

impl Shared {
    pub(super) async fn delete(&self, writer: &mut Writer<'_>) -> Result<Option<Duration>, NotWritten> {
        let finalizers = writer.app.metadata.finalizers.clone().unwrap_or_default();
        let is_ours = |one: &String| one == BACKGROUND || FOREGROUND.contains(&one.as_str());
        if !finalizers.iter().any(is_ours) {
            return Ok(None);
        }
        let clusters = self.clusters();
        let found = destination::find(&writer.app.spec.destination, &clusters).ok().and_then(|c| self.cluster(c));
        if let Some(cluster) = found {
            let instance = self.instance(&writer.app);
            let lives = match cluster.view(&instance, &[]).await {
                Ok(lives) => lives,
                // What is there is not known: nothing is taken for gone.
                Err(_) => return Ok(Some(SOON)),
            };
            let propagation = if finalizers.iter().any(|f| f == BACKGROUND) {
                Propagation::Background
            } else {
                Propagation::Foreground
            };
            let app = Deletion { instance: &instance, options: self.options(writer), own: own_key(writer) };
            match app.go_on(cluster, &lives, propagation).await {
                Ok(true) => {}
                Ok(false) => return Ok(Some(LOOK_AGAIN)),
                Err(why) => {
                    self.tell_failure(writer, &why).await?;
                    return Ok(Some(LOOK_AGAIN));
                }
            }
        }
        let left: Vec<String> = finalizers.into_iter().filter(|one| !is_ours(one)).collect();
        writer.patch(json!({"metadata": {"finalizers": left}})).await?;
        Ok(None)
    }

    fn options(&self, writer: &Writer<'_>) -> Vec<String> {
        writer.app.spec.sync_policy.as_ref().map(|policy| policy.sync_options.clone()).unwrap_or_default()
    }

    async fn tell_failure(&self, writer: &mut Writer<'_>, why: &str) -> Result<(), NotWritten> {
        let mut status = writer.app.status.clone();
        let condition = [(kind::DELETION, why.to_owned())];
        status.conditions = set_conditions(&status.conditions, &condition, &[kind::DELETION], self.clock.now());
        writer.status(status, json!({})).await?;
        let text = format!("Unable to delete application resources: {why}");
        self.event(&writer.app, Severity::Warning, "StatusRefreshed", text).await;
        Ok(())
    }
}

fn own_key(writer: &Writer<'_>) -> ResourceKey {
    ResourceKey {
        group: "argoproj.io".to_owned(),
        kind: "Application".to_owned(),
        namespace: writer.app.metadata.namespace.clone().unwrap_or_default(),
        name: writer.app.metadata.name.clone().unwrap_or_default(),
    }
}

struct Deletion<'a> {
    instance: &'a str,
    options: Vec<String>,
    own: ResourceKey,
}

impl Deletion<'_> {
    /// Deletes the last wave that is there; returns whether nothing is left.
    async fn go_on(&self, cluster: &Cluster, lives: &[Value], propagation: Propagation) -> Result<bool, String> {
        let candidates: Vec<&Value> = lives.iter().filter(|live| self.goes(live)).collect();
        if candidates.is_empty() {
            return Ok(true);
        }
        if candidates.iter().any(|live| meta::is_deleting(live)) {
            return Ok(false);
        }
        let last = candidates.iter().map(|live| hook::wave(live)).max().unwrap_or_default();
        let applier = Applier::new(cluster.clone(), None);
        for live in candidates.iter().filter(|live| hook::wave(live) == last) {
            applier.prune(live, self.instance, propagation).await.map_err(|error| error.to_string())?;
        }
        Ok(false)
    }

    fn goes(&self, live: &Value) -> bool {
        let default = self.options.iter().rev().find_map(|option| option.strip_prefix("Delete="));
        let says = option_value(live, SYNC_OPTIONS, "Delete").or(default);
        !is_crd(live)
            && ResourceKey::of(live) != self.own
            && says != Some("false")
            && meta::annotation(live, "helm.sh/resource-policy") != Some("keep")
    }
}
