//! Copies of several kinds of one namespace that follow a watch.

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt, stream::BoxStream, stream::SelectAll};
use kube::{
    api::DynamicObject,
    runtime::watcher::{self, Event},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tiphys_api::decode;

use crate::{
    cluster::{Cluster, Kind, raw},
    error::Failure,
    view::release::Objects,
};

/// At most so often is a view drawn again.
const SETTLE: Duration = Duration::from_millis(200);
/// Failures in a row after which watching ends.
const MAX_FAILURES: u32 = 6;
/// Pause after a failure.
const BACKOFF: Duration = Duration::from_secs(1);

type Key = (String, String);
type Change = (Kind, Result<Event<DynamicObject>, watcher::Error>);

/// Which objects of a kind are watched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice<'a> {
    /// In all namespaces.
    pub(crate) everywhere: bool,
    /// Only those with these labels.
    pub(crate) labels: Option<&'a str>,
    /// Only the one with this name.
    pub(crate) name: Option<&'a str>,
}

/// Objects by kind, namespace and name.
pub(crate) struct Watching {
    changes: SelectAll<BoxStream<'static, Change>>,
    objects: BTreeMap<Kind, BTreeMap<Key, Value>>,
    pending: BTreeMap<Kind, BTreeMap<Key, Value>>,
    failures: u32,
}

impl Watching {
    /// Starts to watch `kinds` in the namespace of the cluster.
    pub(crate) fn namespace(cluster: &Cluster, kinds: &[Kind]) -> Self {
        Self::new(kinds.iter().map(|kind| (*kind, cluster.api(*kind))), &watcher::Config::default())
    }

    /// Starts to watch the objects of one kind that `labels` and `name` select, in the namespace or in all of them.
    pub(crate) fn chosen(cluster: &Cluster, kind: Kind, choice: &Choice<'_>) -> Self {
        let api = if choice.everywhere { cluster.api_everywhere(kind) } else { cluster.api(kind) };
        let config = watcher::Config {
            label_selector: choice.labels.map(str::to_owned),
            field_selector: choice.name.map(|name| format!("metadata.name={name}")),
            ..watcher::Config::default()
        };
        Self::new([(kind, api)].into_iter(), &config)
    }

    fn new(apis: impl Iterator<Item = (Kind, kube::Api<DynamicObject>)>, config: &watcher::Config) -> Self {
        let stream = |(kind, api)| watcher::watcher(api, config.clone()).map(move |event| (kind, event)).boxed();
        Self { changes: apis.map(stream).collect(), objects: BTreeMap::new(), pending: BTreeMap::new(), failures: 0 }
    }

    /// Waits for a change and a moment longer, so that changes that belong together come together.
    pub(crate) async fn changed(&mut self) -> Result<(), Failure> {
        self.one().await?;
        let settle = tokio::time::sleep(SETTLE);
        tokio::pin!(settle);
        loop {
            tokio::select! {
                () = &mut settle => return Ok(()),
                taken = self.one() => taken?,
            }
        }
    }

    async fn one(&mut self) -> Result<(), Failure> {
        let Some((kind, event)) = self.changes.next().await else {
            return Err(Failure::new("the watch has ended"));
        };
        match event {
            Ok(event) => {
                self.failures = 0;
                self.take(kind, event);
                Ok(())
            }
            Err(error) => self.failed(kind, error).await,
        }
    }

    /// A kind that is not installed has no objects; other failures are tried again some times.
    async fn failed(&mut self, kind: Kind, error: watcher::Error) -> Result<(), Failure> {
        let missing =
            matches!(&error, watcher::Error::InitialListFailed(kube::Error::Api(status)) if status.code == 404);
        if !missing || kind == Kind::Rollout {
            self.failures += 1;
        }
        if self.failures > MAX_FAILURES {
            return Err(Failure::new("the watch failed again and again").caused_by(error));
        }
        tokio::time::sleep(BACKOFF).await;
        Ok(())
    }

    fn take(&mut self, kind: Kind, event: Event<DynamicObject>) {
        let key = |object: &DynamicObject| {
            let metadata = &object.metadata;
            (metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default())
        };
        match event {
            Event::Apply(object) => {
                self.objects.entry(kind).or_default().insert(key(&object), raw(&object));
            }
            Event::Delete(object) => {
                self.objects.entry(kind).or_default().remove(&key(&object));
            }
            Event::Init => {
                self.pending.insert(kind, BTreeMap::new());
            }
            Event::InitApply(object) => {
                self.pending.entry(kind).or_default().insert(key(&object), raw(&object));
            }
            Event::InitDone => {
                self.objects.insert(kind, self.pending.remove(&kind).unwrap_or_default());
            }
        }
    }

    /// Returns whether the first list of a kind is complete.
    pub(crate) fn has_listed(&self, kind: Kind) -> bool {
        self.objects.contains_key(&kind)
    }

    /// Returns the JSON of all objects of a kind, sorted by namespace and name.
    pub(crate) fn all(&self, kind: Kind) -> impl Iterator<Item = &Value> {
        self.objects.get(&kind).into_iter().flat_map(BTreeMap::values)
    }

    /// Returns the JSON of the object of a kind with a name, in any watched namespace.
    pub(crate) fn named(&self, kind: Kind, name: &str) -> Option<&Value> {
        self.objects.get(&kind)?.iter().find(|((_, other), _)| other == name).map(|(_, value)| value)
    }

    /// Returns everything that may belong to a Rollout.
    pub(crate) fn objects(&self) -> Objects {
        Objects {
            replica_sets: self.typed(Kind::ReplicaSet),
            pods: self.typed(Kind::Pod),
            runs: self.typed(Kind::AnalysisRun),
            experiments: self.typed(Kind::Experiment),
        }
    }

    fn typed<T: DeserializeOwned + Default>(&self, kind: Kind) -> Vec<T> {
        self.all(kind).map(|value| decode(value.clone()).object).collect()
    }
}
