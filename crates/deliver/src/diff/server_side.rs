//! What the server says that server-side apply would make of the live object.

use serde_json::Value;
use tiphys_machinery::{
    apply::{ManagedFields, Path, PathElement, Set, compare, from_value, merge, remove},
    meta,
    schema::Schema,
};

use super::{Diff, DiffError, DiffOptions, LAST_APPLIED, Webhooks, gvk, normal};

pub(super) fn diff(
    mut live: Value,
    dry_run: &Value,
    manager: &str,
    webhooks: Webhooks,
    options: &DiffOptions<'_>,
) -> Result<Diff, DiffError> {
    let mut predicted = match webhooks {
        Webhooks::Count => dry_run.clone(),
        Webhooks::Ignored => without_others(dry_run, &live, manager, options)?,
    };
    predicted = normal::typed(&predicted);
    for object in [&mut predicted, &mut live] {
        normal::normalize(object, options.ignore_aggregated_roles);
        (options.normalizer)(object);
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("managedFields");
            metadata.remove("resourceVersion");
            if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
                annotations.remove(LAST_APPLIED);
            }
        }
    }
    Ok(Diff::of(live, predicted))
}

/// Takes the answer of the dry run back to what `manager` itself changes.
fn without_others(dry_run: &Value, live: &Value, manager: &str, options: &DiffOptions<'_>) -> Result<Value, DiffError> {
    let managed = ManagedFields::decode(&dry_run["metadata"]["managedFields"]).unwrap_or_default();
    if managed.is_empty() {
        return Err(DiffError::NoManagedFields(format!("{}/{}", meta::kind(dry_run), meta::name(dry_run))));
    }
    let gvk = gvk(dry_run);
    let schema = (options.types)(&gvk)
        .ok_or_else(|| DiffError::ResolveType(meta::api_version(dry_run).to_owned(), gvk.kind.clone()))?;
    let own = managed.entries().iter().filter(|entry| entry.id.manager == manager);
    let own = own.fold(Set::new(), |all, entry| all.union(&entry.set()));
    if own.is_empty() {
        return Err(DiffError::NotManaged(manager.to_owned()));
    }
    Ok(taken_back(dry_run, live, &own, &schema))
}

fn taken_back(dry_run: &Value, live: &Value, own: &Set, schema: &Schema) -> Value {
    let others = keep(&from_value(schema, dry_run).difference(own), |path| !owns_below(own, path));
    let removed = compare(schema, live, dry_run).removed.difference(&others);
    let mut predicted = dry_run.clone();
    remove(schema, &mut predicted, &keep(&others, |path| !is_part_of_key(path)));
    let mut merged = live.clone();
    merge(schema, &mut merged, &predicted);
    remove(schema, &mut merged, &removed);
    merged
}

fn keep(set: &Set, is_kept: impl Fn(&Path) -> bool) -> Set {
    let mut kept = Set::new();
    for path in set.paths().iter().filter(|path| is_kept(path)) {
        kept.insert(path);
    }
    kept
}

/// Whether `own` has the path or something below it.
fn owns_below(own: &Set, path: &Path) -> bool {
    own.paths().iter().any(|owned| owned.len() >= path.len() && owned.starts_with(path))
}

/// Whether the field is part of a key of several fields: an item without one could not be merged.
fn is_part_of_key(path: &Path) -> bool {
    let Some((PathElement::Field(name), above)) = path.split_last() else { return false };
    above.iter().any(|element| {
        matches!(element, PathElement::Key(fields) if fields.len() > 1 && fields.iter().any(|(field, _)| field == name))
    })
}
