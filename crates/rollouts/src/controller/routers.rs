//! Objects of routers: read from caches of the kinds that some Rollout needs, and which Rollout a change is about.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use kube::{
    api::{ApiResource, DynamicObject},
    runtime::watcher,
};
use tiphys_api::Rollout;
use tiphys_runtime::{
    cache::{Cache, Change, Key},
    reason::ObjectRef,
};
use tiphys_traffic::{Need, ObjectId, Objects, Resource, needs};

use super::{Shared, released, watching};

/// Objects name others at most so many times in a row.
const ROUNDS_MAX: usize = 8;

/// Which Rollouts need which objects.
#[derive(Debug, Default)]
pub(super) struct Interests {
    all: Mutex<Index>,
}

#[derive(Debug, Default)]
struct Index {
    needs: BTreeMap<Key, Vec<Need>>,
    named: BTreeMap<ObjectId, BTreeSet<Key>>,
    labelled: BTreeMap<Resource, BTreeSet<Key>>,
}

impl Interests {
    /// Notes what a Rollout needs now.
    pub(super) fn set(&self, key: &Key, needs: Vec<Need>) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.needs.get(key).cloned().unwrap_or_default();
        if before == needs {
            return;
        }
        for need in &before {
            all.drop_term(need, key);
        }
        for need in &needs {
            match need {
                Need::Named(id) => all.named.entry(id.clone()).or_default().insert(key.clone()),
                Need::Labelled { resource, .. } => {
                    all.labelled.entry(resource.clone()).or_default().insert(key.clone())
                }
            };
        }
        if needs.is_empty() {
            all.needs.remove(key);
        } else {
            all.needs.insert(key.clone(), needs);
        }
    }

    /// Returns the Rollouts that need an object.
    fn of(&self, id: &ObjectId) -> Vec<Key> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let named = all.named.get(id).into_iter().flatten();
        let labelled = all.labelled.get(&id.resource).into_iter().flatten();
        named.chain(labelled).cloned().collect()
    }
}

impl Index {
    fn drop_term(&mut self, need: &Need, key: &Key) {
        match need {
            Need::Named(id) => {
                let keys = self.named.get_mut(id);
                if keys.is_some_and(|keys| keys.remove(key) && keys.is_empty()) {
                    self.named.remove(id);
                }
            }
            Need::Labelled { resource, .. } => {
                let keys = self.labelled.get_mut(resource);
                if keys.is_some_and(|keys| keys.remove(key) && keys.is_empty()) {
                    self.labelled.remove(resource);
                }
            }
        }
    }
}

/// Says how kinds of routers are followed. The closure holds the controller weakly, or neither would ever end.
pub(super) fn follow(shared: &Arc<Shared>) {
    let weak = Arc::downgrade(shared);
    let client = shared.client.clone();
    let namespace = shared.config.namespace.clone();
    let start = move |resource: Resource, cache: Cache<DynamicObject>| {
        let api = watching::dynamic(&client, namespace.as_deref(), &api_resource(&resource));
        let weak = weak.clone();
        let told = move |change: Change<DynamicObject>| {
            if let Some(shared) = weak.upgrade() {
                shared.router_object_changed(&resource, &change);
            }
        };
        tokio::spawn(cache.follow(api, watcher::Config::default(), watching::prune_dynamic, told)).abort_handle()
    };
    shared.caches.routers.start_with(Box::new(start));
}

/// Returns a kind of a router as the client names it.
#[must_use]
pub(crate) fn api_resource(resource: &Resource) -> ApiResource {
    ApiResource {
        group: resource.group.clone(),
        version: resource.version.clone(),
        api_version: resource.api_version(),
        kind: resource.kind.clone(),
        plural: resource.plural.clone(),
    }
}

impl Shared {
    /// What the caches hold of the objects that routers read; or, while a kind has not been listed yet, what is waited for.
    pub(super) fn routing(&self, rollout: &Rollout, key: &Key) -> (Objects, Option<ObjectRef>) {
        let mut objects = Objects::default();
        let mut awaited = None;
        let mut known: Vec<Need> = Vec::new();
        for _ in 0..ROUNDS_MAX {
            let all = needs(rollout, &objects, &self.config.settings.routers);
            let fresh: Vec<Need> = all.into_iter().filter(|need| !known.contains(need)).collect();
            if fresh.is_empty() {
                break;
            }
            for need in &fresh {
                awaited = awaited.or_else(|| self.read(need, &mut objects));
            }
            known.extend(fresh);
        }
        self.interests.set(key, known);
        (objects, awaited)
    }

    fn read(&self, need: &Need, objects: &mut Objects) -> Option<ObjectRef> {
        let resource = need.resource();
        let cache = self.caches.routers.get(resource);
        if !cache.is_ready() {
            match cache.trouble() {
                Some(why) => objects.set_unreadable(resource.clone(), why),
                None => return Some(ObjectRef::new(&resource.kind, "", &resource.plural)),
            }
            return None;
        }
        let found = match need {
            Need::Named(id) => cache.get(&Key::new(&id.namespace, &id.name)).into_iter().collect(),
            Need::Labelled { namespace, .. } => cache.list(Some(namespace)),
        };
        for object in found {
            let value = serde_json::to_value(&*object).unwrap_or_default();
            let key = Key::of(&*object);
            let is_wanted = match need {
                Need::Named(_) => true,
                Need::Labelled { selector, .. } => selector.matches(&value["metadata"]["labels"]),
            };
            if is_wanted {
                objects.insert(resource.named(&key.namespace, &key.name), value);
            }
        }
        None
    }

    /// An object of a router whose last write of ours has not come back through the watch yet.
    pub(super) fn awaited_route(&self, key: &Key) -> Option<ObjectRef> {
        let is_current =
            |id: &ObjectId| self.caches.routers.get(&id.resource).is_current(&Key::new(&id.namespace, &id.name));
        self.memories.first_unseen_route(key, is_current).map(|id| id.reference())
    }

    fn router_object_changed(&self, resource: &Resource, change: &Change<DynamicObject>) {
        let key = Key::of(&**change.object());
        let id = resource.named(&key.namespace, &key.name);
        for rollout in self.interests.of(&id) {
            self.queue.add(rollout);
        }
        if released::is_signed(change.object()) {
            self.leftovers.add(id);
        }
    }
}
