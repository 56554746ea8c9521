//! Follows the three objects that say who may do what.

use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{
    Api, Resource,
    runtime::watcher::{self, Event, watcher},
};
use serde::de::DeserializeOwned;
use tokio::{sync::mpsc, task::JoinSet};

use super::Board;
use crate::account::settings::{Settings, Source};

/// A failed watch is tried again after so long.
const RETRY: std::time::Duration = std::time::Duration::from_secs(2);

enum Part {
    Cm(Option<ConfigMap>),
    Rbac(Option<ConfigMap>),
    Secret(Option<Secret>),
}

/// Starts to follow them.
pub(super) fn follow(board: &Board, namespace: &str, tasks: &mut JoinSet<()>) {
    let (send, mut parts) = mpsc::unbounded_channel();
    let maps = || Api::<ConfigMap>::namespaced(board.client().clone(), namespace);
    let secrets = Api::<Secret>::namespaced(board.client().clone(), namespace);
    tasks.spawn(one(maps(), "argocd-cm", Part::Cm, send.clone()));
    tasks.spawn(one(maps(), "argocd-rbac-cm", Part::Rbac, send.clone()));
    tasks.spawn(one(secrets, "argocd-secret", Part::Secret, send));
    let board = board.clone();
    tasks.spawn(async move {
        let mut source = Source::default();
        while let Some(part) = parts.recv().await {
            take(&mut source, part);
            let settings = Settings::read(&source, &board.settings());
            if let Some(problem) = &settings.policy_problem {
                tracing::warn!(problem, "argocd-rbac-cm is malformed: the last good policy holds");
            }
            board.settings.send_replace(Arc::new(settings));
        }
    });
}

fn take(source: &mut Source, part: Part) {
    match part {
        Part::Cm(map) => source.cm = map.and_then(|map| map.data).unwrap_or_default(),
        Part::Rbac(map) => source.rbac = map.and_then(|map| map.data).unwrap_or_default(),
        Part::Secret(secret) => {
            let data = secret.and_then(|secret| secret.data).unwrap_or_default();
            source.secret = data.into_iter().map(|(key, value)| (key, value.0)).collect();
        }
    }
}

async fn one<K>(api: Api<K>, name: &'static str, part: fn(Option<K>) -> Part, send: mpsc::UnboundedSender<Part>)
where
    K: Resource + Clone + std::fmt::Debug + DeserializeOwned + Send + 'static,
{
    let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let mut events = std::pin::pin!(watcher(api, config));
    let mut listed = None;
    while let Some(event) = events.next().await {
        let told = match event {
            Ok(Event::Init) => {
                listed = None;
                continue;
            }
            Ok(Event::InitApply(object)) => {
                listed = Some(object);
                continue;
            }
            Ok(Event::InitDone) => part(listed.take()),
            Ok(Event::Apply(object)) => part(Some(object)),
            Ok(Event::Delete(_)) => part(None),
            Err(error) => {
                tracing::warn!(name, %error, "it cannot be watched");
                tokio::time::sleep(RETRY).await;
                continue;
            }
        };
        if send.send(told).is_err() {
            return;
        }
    }
}
