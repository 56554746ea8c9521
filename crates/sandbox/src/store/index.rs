//! Who owns whom, and which object has which uid.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use super::ShardId;
use crate::object::Object;

type Place = (ShardId, Arc<str>);

/// Indexes across all resources. The hash maps are only looked up, never iterated.
#[derive(Debug, Default)]
pub(super) struct Indexes {
    by_uid: HashMap<Arc<str>, Place>,
    dependents: HashMap<Arc<str>, BTreeSet<Place>>,
}

impl Indexes {
    pub(super) fn place(&self, uid: &str) -> Option<&Place> {
        self.by_uid.get(uid)
    }

    pub(super) fn dependents(&self, uid: &str) -> impl Iterator<Item = &Place> {
        self.dependents.get(uid).into_iter().flatten()
    }

    pub(super) fn update(&mut self, id: &ShardId, key: &Arc<str>, prev: Option<&Object>, new: Option<&Object>) {
        let uid = |object: Option<&Object>| object.map(Object::uid).cloned();
        if uid(prev) != uid(new) {
            uid(prev).map(|uid| self.by_uid.remove(&uid));
            uid(new).map(|uid| self.by_uid.insert(uid, (id.clone(), key.clone())));
        }
        let owners = |object: Option<&Object>| object.map(|o| o.owners().to_vec()).unwrap_or_default();
        let (prev, new) = (owners(prev), owners(new));
        if prev == new {
            return;
        }
        for owner in prev {
            if let Some(places) = self.dependents.get_mut(&owner.uid) {
                places.remove(&(id.clone(), key.clone()));
                if places.is_empty() {
                    self.dependents.remove(&owner.uid);
                }
            }
        }
        for owner in new {
            self.dependents.entry(owner.uid).or_default().insert((id.clone(), key.clone()));
        }
    }
}
