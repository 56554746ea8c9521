//! From client-side to server-side apply: who applied before must not go on to own the fields.

use serde_json::json;
use tiphys_machinery::apply::{Entry, ManagedFields, ManagerId, Operation};

use super::{Applier, ApplyError, Place};
use crate::cluster::{MANAGER, PatchKind};

/// The managers of client-side apply: that of `kubectl`, and ours.
const FORMER: [&str; 2] = ["kubectl-client-side-apply", MANAGER];
const ATTEMPTS: u32 = 5;

impl Applier {
    /// Gives what client-side apply owns to server-side apply.
    pub(super) async fn migrate(&self, place: &Place) -> Result<(), ApplyError> {
        for _ in 0..ATTEMPTS {
            let Some(live) = self.rest.get(&place.object).await? else { return Ok(()) };
            let Some(managed) = migrated(&live) else { return Ok(()) };
            let patch = json!([
                {"op": "test", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]},
                {"op": "replace", "path": "/metadata/managedFields", "value": managed},
            ]);
            match self.rest.patch(&place.object, PatchKind::Json, &patch, "").await {
                Ok(_) => return Ok(()),
                // Somebody else wrote in between.
                Err(error) if matches!(error.code(), 409 | 422) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Returns the managed fields afterwards; `None` when there is nothing to do.
fn migrated(live: &serde_json::Value) -> Option<serde_json::Value> {
    let mut managed = ManagedFields::decode(&live["metadata"]["managedFields"]).ok()?;
    let is_former = |entry: &&Entry| {
        entry.id.operation == Operation::Update
            && entry.id.subresource.is_empty()
            && FORMER.contains(&entry.id.manager.as_str())
    };
    let former: Vec<Entry> = managed.entries().iter().filter(is_former).cloned().collect();
    let first = former.first()?;
    let id = ManagerId::new(MANAGER, Operation::Apply, &first.id.api_version, "");
    let own = managed.get(&id).map(Entry::set).unwrap_or_default();
    let all = former.iter().fold(own, |all, entry| all.union(&entry.set()));
    for entry in &former {
        managed.take(&entry.id);
    }
    managed.put(Entry::new(id, &first.id.api_version, all));
    managed.encode()
}
