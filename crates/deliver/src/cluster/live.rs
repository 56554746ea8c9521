//! The state of a cluster: every object's metadata, and what is tracked whole; indexed by owner and application.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use tokio::sync::Notify;

use super::node::Node;
use crate::object::ResourceKey;

/// Group and kind.
pub(super) type GroupKind = (String, String);

/// How much a change concerns an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Touch {
    /// Something that its objects own changed.
    Descendant,
    /// One of its objects changed.
    Managed,
}

/// Who is told which application, by its instance name, is concerned by a change.
pub type Told = Arc<dyn Fn(&str, Touch) + Send + Sync>;

/// Whether a kind is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Listing {
    /// Its first list is under way.
    Loading,
    /// It was listed, and is watched.
    Complete,
    /// It cannot be listed.
    Trouble(String),
}

/// The copy. All clones are the same.
#[derive(Clone)]
pub(super) struct Live {
    state: Arc<Mutex<State>>,
    pub(super) changed: Arc<Notify>,
    told: Told,
}

#[derive(Default)]
struct State {
    nodes: BTreeMap<ResourceKey, Arc<Node>>,
    by_uid: BTreeMap<String, ResourceKey>,
    by_owner: BTreeMap<String, BTreeSet<ResourceKey>>,
    by_application: BTreeMap<String, BTreeSet<ResourceKey>>,
    listings: BTreeMap<GroupKind, Listing>,
}

impl Live {
    pub(super) fn new(told: Told) -> Self {
        Self { state: Arc::default(), changed: Arc::default(), told }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn listing(&self, kind: &GroupKind) -> Option<Listing> {
        self.state().listings.get(kind).cloned()
    }

    /// A kind that was listed once stays complete while its watch is in trouble: what is there is only older.
    pub(super) fn set_listing(&self, kind: &GroupKind, listing: Listing) {
        let mut state = self.state();
        if !(matches!(listing, Listing::Trouble(_)) && state.listings.get(kind) == Some(&Listing::Complete)) {
            state.listings.insert(kind.clone(), listing);
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// Returns a kind that is being listed for the first time.
    pub(super) fn loading(&self) -> Option<GroupKind> {
        let state = self.state();
        state.listings.iter().find(|(_, listing)| **listing == Listing::Loading).map(|(kind, _)| kind.clone())
    }

    /// Drops a kind that is not served any more.
    pub(super) fn forget(&self, kind: &GroupKind) {
        let keys: Vec<ResourceKey> = self.of_kind(kind);
        self.state().listings.remove(kind);
        for key in keys {
            self.remove(&key, None);
        }
    }

    pub(super) fn of_kind(&self, (group, kind): &GroupKind) -> Vec<ResourceKey> {
        let first = ResourceKey { group: group.clone(), kind: kind.clone(), ..ResourceKey::default() };
        let state = self.state();
        let range = state.nodes.range(first..);
        range.take_while(|(key, _)| key.group == *group && key.kind == *kind).map(|(key, _)| key.clone()).collect()
    }

    pub(super) fn get(&self, key: &ResourceKey) -> Option<Arc<Node>> {
        self.state().nodes.get(key).cloned()
    }

    /// Takes in a copy unless a newer one is here.
    pub(super) fn upsert(&self, node: Node) {
        let node = Arc::new(node);
        let mut state = self.state();
        let old = state.nodes.get(&node.key).cloned();
        if let Some(old) = &old {
            let number = |node: &Node| node.resource_version.parse::<u64>().ok();
            let is_older = old.uid == node.uid && number(&node).zip(number(old)).is_some_and(|(new, old)| new <= old);
            // What was known by its metadata alone may come again whole.
            if is_older && (old.object.is_some() || node.object.is_none()) && old.health == node.health {
                return;
            }
            state.unindex(old);
        }
        state.index(&node);
        let is_news = old.as_ref().is_none_or(|old| !old.is_as(&node));
        let touched = if is_news { state.touched(&[old.as_deref(), Some(&node)]) } else { BTreeMap::new() };
        drop(state);
        self.tell(touched);
    }

    /// Drops an object; of another uid than that given it stays.
    pub(super) fn remove(&self, key: &ResourceKey, uid: Option<&str>) {
        let mut state = self.state();
        let Some(old) = state.nodes.get(key).cloned() else { return };
        if uid.is_some_and(|uid| uid != old.uid) {
            return;
        }
        let touched = state.touched(&[Some(&old)]);
        state.unindex(&old);
        drop(state);
        self.tell(touched);
    }

    fn tell(&self, touched: BTreeMap<String, Touch>) {
        for (application, touch) in touched {
            (self.told)(&application, touch);
        }
    }

    /// Returns the objects of an application that no other object owns.
    pub(super) fn managed(&self, application: &str) -> Vec<Arc<Node>> {
        let state = self.state();
        let keys = state.by_application.get(application).into_iter().flatten();
        keys.filter_map(|key| state.nodes.get(key)).filter(|node| node.owners.is_empty()).cloned().collect()
    }

    /// Returns what an object owns.
    pub(super) fn children(&self, uid: &str) -> Vec<Arc<Node>> {
        let state = self.state();
        let keys = state.by_owner.get(uid).into_iter().flatten();
        keys.filter_map(|key| state.nodes.get(key)).cloned().collect()
    }

    /// Returns the objects of a namespace that nobody owns.
    pub(super) fn roots_in(&self, namespace: &str) -> Vec<Arc<Node>> {
        let state = self.state();
        let inside = state.nodes.values().filter(|node| node.key.namespace == namespace && node.owners.is_empty());
        inside.cloned().collect()
    }
}

impl State {
    fn index(&mut self, node: &Arc<Node>) {
        self.by_uid.insert(node.uid.clone(), node.key.clone());
        for owner in &node.owners {
            self.by_owner.entry(owner.uid.clone()).or_default().insert(node.key.clone());
        }
        if !node.application.is_empty() {
            self.by_application.entry(node.application.clone()).or_default().insert(node.key.clone());
        }
        self.nodes.insert(node.key.clone(), node.clone());
    }

    fn unindex(&mut self, node: &Node) {
        self.nodes.remove(&node.key);
        self.by_uid.remove(&node.uid);
        for owner in &node.owners {
            take(&mut self.by_owner, &owner.uid, &node.key);
        }
        take(&mut self.by_application, &node.application, &node.key);
    }

    /// The applications that a change concerns: those of the object, else of its owners.
    fn touched(&self, nodes: &[Option<&Node>]) -> BTreeMap<String, Touch> {
        let mut touched = BTreeMap::new();
        for node in nodes.iter().copied().flatten() {
            if !node.application.is_empty() && node.owners.is_empty() {
                touched.insert(node.application.clone(), Touch::Managed);
            } else if let Some(application) = self.root_application(node, 0) {
                touched.entry(application).or_insert(Touch::Descendant);
            }
        }
        touched
    }

    fn root_application(&self, node: &Node, depth: u8) -> Option<String> {
        // Owners may go round in circles.
        if depth > 16 {
            return None;
        }
        node.owners.iter().find_map(|owner| {
            let owner = self.nodes.get(self.by_uid.get(&owner.uid)?)?;
            if !owner.application.is_empty() && owner.owners.is_empty() {
                return Some(owner.application.clone());
            }
            self.root_application(owner, depth + 1)
        })
    }
}

fn take(index: &mut BTreeMap<String, BTreeSet<ResourceKey>>, term: &str, key: &ResourceKey) {
    if let Some(keys) = index.get_mut(term) {
        keys.remove(key);
        if keys.is_empty() {
            index.remove(term);
        }
    }
}

/// Returns `object` with the version and kind that lists leave out.
pub(super) fn with_type(mut object: Value, api_version: &str, kind: &str) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.entry("apiVersion").or_insert_with(|| api_version.into());
        fields.entry("kind").or_insert_with(|| kind.into());
    }
    object
}
