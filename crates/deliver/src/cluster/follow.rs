//! One watch a kind.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
    time::Duration,
};

use futures::{Stream, StreamExt, stream::BoxStream};
use kube::{
    Api,
    api::{ApiResource, DynamicObject},
    core::{GroupVersionKind, PartialObjectMeta},
    runtime::watcher::{self, Event, watcher},
};
use serde_json::Value;
use tokio::task::{AbortHandle, JoinSet};
use tracing::{debug, warn};

use super::{
    KindInfo, Kinds, Shared,
    live::{GroupKind, Listing, with_type},
};
use crate::{object::ResourceKey, tracking::Tracking};

/// Pause after a failed discovery.
const RETRY: Duration = Duration::from_secs(5);
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_MAX: Duration = Duration::from_secs(30);
/// Definitions that come together are discovered together.
const SETTLE: Duration = Duration::from_millis(50);
/// A new definition is served a little later than it is there.
const LATER: Duration = Duration::from_secs(1);

/// Kinds that change all the time, or hold nothing.
const EXCLUDED: [(&str, &str); 10] = [
    ("", "Event"),
    ("", "Endpoints"),
    ("events.k8s.io", "*"),
    ("metrics.k8s.io", "*"),
    ("coordination.k8s.io", "Lease"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("authentication.k8s.io", "*"),
    ("authorization.k8s.io", "*"),
    ("certificates.k8s.io", "CertificateSigningRequest"),
    ("cilium.io", "*"),
];

/// Returns whether nothing of a kind is delivered or shown.
pub(super) fn is_excluded(group: &str, kind: &str) -> bool {
    EXCLUDED.iter().any(|(g, k)| *g == group && (*k == "*" || *k == kind))
}

struct Following {
    task: AbortHandle,
    whole: bool,
    /// Which restart it is of.
    restart: u64,
}

pub(super) async fn run(shared: &Arc<Shared>) {
    let mut tasks = JoinSet::new();
    let mut following: BTreeMap<GroupKind, Following> = BTreeMap::new();
    loop {
        match Kinds::discover(&shared.client).await {
            Ok(kinds) => {
                shared.set_trouble(None);
                learn_version(shared).await;
                adapt(shared, &Arc::new(kinds), &mut following, &mut tasks);
            }
            Err(error) => {
                shared.set_trouble(Some(error.to_string()));
                warn!(error = &error as &dyn std::error::Error, "the kinds of the cluster are not known");
                tokio::time::sleep(RETRY).await;
                continue;
            }
        }
        shared.rediscover.notified().await;
        tokio::time::sleep(SETTLE).await;
        while tasks.try_join_next().is_some() {}
    }
}

async fn learn_version(shared: &Shared) {
    let is_known = |version: &std::sync::Mutex<String>| {
        !version.lock().unwrap_or_else(std::sync::PoisonError::into_inner).is_empty()
    };
    if is_known(&shared.version) {
        return;
    }
    if let Ok(info) = shared.client.apiserver_version().await {
        let version = info.git_version.trim_start_matches('v').to_owned();
        *shared.version.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = version;
    }
}

/// Starts and stops watches so that they are those of `kinds`.
fn adapt(
    shared: &Arc<Shared>,
    kinds: &Arc<Kinds>,
    following: &mut BTreeMap<GroupKind, Following>,
    tasks: &mut JoinSet<()>,
) {
    let wanted: BTreeMap<GroupKind, &KindInfo> = kinds
        .all()
        .filter(|info| info.watchable && !is_excluded(&info.group, &info.kind))
        .map(|info| ((info.group.clone(), info.kind.clone()), info))
        .collect();
    let restart = shared.restarts.load(std::sync::atomic::Ordering::Relaxed);
    following.retain(|kind, follows| {
        let is_same = follows.whole == shared.is_whole(kind) && follows.restart == restart;
        let stays = wanted.contains_key(kind) && is_same;
        if !stays {
            follows.task.abort();
            if !wanted.contains_key(kind) {
                shared.live.forget(kind);
            }
        }
        stays
    });
    for (kind, info) in wanted {
        if let Entry::Vacant(vacant) = following.entry(kind) {
            let whole = shared.is_whole(vacant.key());
            shared.live.set_listing(vacant.key(), Listing::Loading);
            let task = tasks.spawn(follow(shared.clone(), info.clone(), whole));
            vacant.insert(Following { task, whole, restart });
        }
    }
    *shared.kinds.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(kinds.clone());
}

type Events = BoxStream<'static, Result<Event<Value>, watcher::Error>>;

fn events(shared: &Shared, info: &KindInfo, whole: bool) -> Events {
    let version = info.versions.first().map(String::as_str).unwrap_or_default();
    let gvk = GroupVersionKind::gvk(&info.group, version, &info.kind);
    let resource = ApiResource::from_gvk_with_plural(&gvk, &info.plural);
    let (api_version, kind) = (info.api_version(), info.kind.clone());
    if whole {
        let typed = move |object: DynamicObject| {
            with_type(serde_json::to_value(object).unwrap_or_default(), &api_version, &kind)
        };
        let api: Api<DynamicObject> = Api::all_with(shared.client.clone(), &resource);
        return values(watcher(api, watcher::Config::default()), typed);
    }
    let typed = move |object: PartialObjectMeta<DynamicObject>| {
        let metadata = serde_json::to_value(object.metadata).unwrap_or_default();
        serde_json::json!({"apiVersion": api_version, "kind": kind, "metadata": metadata})
    };
    let api: Api<PartialObjectMeta<DynamicObject>> = Api::all_with(shared.client.clone(), &resource);
    values(watcher(api, watcher::Config::default()), typed)
}

fn values<T: Send + 'static>(
    events: impl Stream<Item = Result<Event<T>, watcher::Error>> + Send + 'static,
    typed: impl Fn(T) -> Value + Send + 'static,
) -> Events {
    let value = move |event: Event<T>| match event {
        Event::Apply(object) => Event::Apply(typed(object)),
        Event::Delete(object) => Event::Delete(typed(object)),
        Event::Init => Event::Init,
        Event::InitApply(object) => Event::InitApply(typed(object)),
        Event::InitDone => Event::InitDone,
    };
    events.map(move |event| event.map(&value)).boxed()
}

async fn follow(shared: Arc<Shared>, info: KindInfo, whole: bool) {
    let kind: GroupKind = (info.group.clone(), info.kind.clone());
    let mut events = events(&shared, &info, whole);
    let mut seen: Vec<ResourceKey> = Vec::new();
    let mut delay = RETRY_FIRST;
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                delay = RETRY_FIRST;
                take_in(&shared, &kind, event, &mut seen, whole);
            }
            Err(error) => {
                let why = trouble(&error);
                debug!(kind = info.kind, group = info.group, why, "the watch failed");
                shared.live.set_listing(&kind, Listing::Trouble(why));
                tokio::time::sleep(delay).await;
                delay = (delay * 2).min(RETRY_MAX);
            }
        }
    }
}

fn trouble(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => status.message.clone(),
        other => other.to_string(),
    }
}

fn take_in(shared: &Arc<Shared>, kind: &GroupKind, event: Event<Value>, seen: &mut Vec<ResourceKey>, whole: bool) {
    match event {
        Event::Init => seen.clear(),
        Event::InitApply(object) => {
            seen.push(ResourceKey::of(&object));
            apply(shared, kind, object, whole);
        }
        Event::InitDone => {
            seen.sort();
            for key in shared.live.of_kind(kind).iter().filter(|key| seen.binary_search(key).is_err()) {
                shared.live.remove(key, None);
            }
            seen.clear();
            // A kind that turned out to be tracked is listed again, whole.
            if whole || !shared.is_whole(kind) {
                shared.live.set_listing(kind, Listing::Complete);
            }
        }
        Event::Apply(object) => {
            note_definition(shared, kind);
            apply(shared, kind, object, whole);
        }
        Event::Delete(object) => {
            note_definition(shared, kind);
            let uid = object["metadata"]["uid"].as_str().map(str::to_owned);
            shared.live.remove(&ResourceKey::of(&object), uid.as_deref());
        }
    }
}

/// Which kinds there are is looked at again when definitions change.
fn note_definition(shared: &Arc<Shared>, (_, kind): &GroupKind) {
    if matches!(kind.as_str(), "CustomResourceDefinition" | "APIService") {
        shared.rediscover.notify_one();
        let weak = Arc::downgrade(shared);
        tokio::spawn(async move {
            tokio::time::sleep(LATER).await;
            if let Some(shared) = weak.upgrade() {
                shared.rediscover.notify_one();
            }
        });
    }
}

fn apply(shared: &Shared, kind: &GroupKind, object: Value, whole: bool) {
    if !whole {
        let settings = shared.settings();
        let tracking: Tracking<'_> = settings.tracking();
        if !tracking.application(&object).is_empty() && tiphys_machinery::meta::owners(&object).is_empty() {
            shared.want_whole(kind);
        }
        let known = shared.live.get(&ResourceKey::of(&object));
        // Metadata alone say nothing about health and images.
        if known.is_some_and(|node| node.object.is_some()) {
            return;
        }
        let mut node = super::Node::of(object, &tracking, &[], shared.clock.now());
        (node.object, node.health) = (None, None);
        return shared.live.upsert(node);
    }
    shared.take_in(object);
}
