//! Which live object is which target.

use std::collections::BTreeMap;

use serde_json::Value;
use tiphys_machinery::meta;

use crate::{
    hook,
    object::{ResourceKey, group},
};

/// Whether objects of a kind live in namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// They do.
    Namespaced,
    /// They do not.
    Cluster,
    /// The server does not know the kind.
    Unknown,
}

/// A target and its live object; one of them may be missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// What Git has.
    pub target: Option<Value>,
    /// What the cluster has.
    pub live: Option<Value>,
}

impl Pair {
    /// Returns the key of the target, else of the live object.
    #[must_use]
    pub fn key(&self) -> ResourceKey {
        self.target.as_ref().or(self.live.as_ref()).map(ResourceKey::of).unwrap_or_default()
    }
}

/// Everything that belongs to one delivery.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pairs {
    /// Pairs by key; a live object without target is there too.
    pub resources: BTreeMap<ResourceKey, Pair>,
    /// Hooks of a known type, as Git has them.
    pub hooks: Vec<Value>,
}

/// Pairs targets with live objects.
///
/// A target without namespace is looked for in `namespace`; where the scope of its kind is not known, among
/// cluster-scoped objects as well, so that nothing is taken for missing that is there. Live objects that are the same
/// object under several groups are kept once, preferably under the group that Git uses.
#[must_use]
pub fn pair(targets: Vec<Value>, lives: Vec<Value>, namespace: &str, scope: impl Fn(&str, &str) -> Scope) -> Pairs {
    let mut pairs = Pairs::default();
    let mut wanted = Vec::new();
    for target in targets.into_iter().filter(|target| !hook::is_ignored(target)) {
        if hook::is_hook(&target) {
            pairs.hooks.push(target);
        } else {
            wanted.push(target);
        }
    }
    let mut lives: BTreeMap<_, _> = lives.into_iter().map(|live| (ResourceKey::of(&live), live)).collect();
    drop_duplicates(&wanted, &mut lives);
    for target in wanted {
        let live = take(&target, &mut lives, namespace, &scope);
        let pair = Pair { target: Some(target), live };
        pairs.resources.insert(pair.key(), pair);
    }
    for (key, live) in lives {
        pairs.resources.entry(key).or_insert(Pair { target: None, live: Some(live) });
    }
    pairs
}

fn take(
    target: &Value,
    lives: &mut BTreeMap<ResourceKey, Value>,
    namespace: &str,
    scope: impl Fn(&str, &str) -> Scope,
) -> Option<Value> {
    let mut key = ResourceKey::of(target);
    if key.namespace.is_empty() {
        namespace.clone_into(&mut key.namespace);
    }
    let scope = scope(group(target), meta::kind(target));
    if scope != Scope::Cluster
        && let Some(live) = lives.remove(&key)
    {
        return Some(live);
    }
    if scope == Scope::Namespaced {
        return None;
    }
    key.namespace.clear();
    lives.remove(&key)
}

fn drop_duplicates(targets: &[Value], lives: &mut BTreeMap<ResourceKey, Value>) {
    let wanted: Vec<ResourceKey> = targets.iter().map(ResourceKey::of).collect();
    let mut by_uid: BTreeMap<String, Vec<ResourceKey>> = BTreeMap::new();
    for (key, live) in lives.iter().filter(|(_, live)| !meta::uid(live).is_empty()) {
        by_uid.entry(meta::uid(live).to_owned()).or_default().push(key.clone());
    }
    for keys in by_uid.into_values().filter(|keys| keys.len() > 1) {
        let spare = keys.iter().filter(|key| !wanted.contains(key));
        for key in spare.take(keys.len() - 1) {
            lives.remove(key);
        }
    }
}
