//! Fields that another manager owns: an autoscaler's number of replicas is its own business.

use serde_json::Value;
use tiphys_machinery::{
    apply::{ManagedFields, Set, compare, remove},
    schema::Schema,
};

/// Removes from both objects the fields that differ and that one of `managers` owns in `live`.
///
/// Objects whose managed fields cannot be read stay as they are.
pub fn drop_managed(live: &mut Value, config: &mut Value, managers: &[&str], schema: &Schema) {
    let Ok(managed) = ManagedFields::decode(&live["metadata"]["managedFields"]) else { return };
    let trusted = managed.entries().iter().filter(|entry| managers.contains(&entry.id.manager.as_str()));
    let owned = trusted.fold(Set::new(), |all, entry| all.union(&entry.set()));
    let gone = owned.intersection(&compare(schema, live, config).modified);
    remove(schema, live, &gone);
    remove(schema, config, &gone);
}
