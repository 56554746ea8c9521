//! What client-side apply would make of the live object.

use serde_json::Value;
use tiphys_machinery::{meta, patch, resource::Gvk, schema::Schema};

use super::{
    Diff, DiffOptions, LAST_APPLIED,
    client::{client_type, scheme_defaults},
    gvk, normal,
    remove_fields::kept,
};
use crate::object::group;

/// Compares three ways where `live` tells what was applied, else two ways: then fields that only `live` has never
/// differ.
pub(super) fn diff(target: Value, live: Value, options: &DiffOptions<'_>) -> Diff {
    let applied = last_applied(&live).map(|mut applied| {
        normal::normalize(&mut applied, options.ignore_aggregated_roles);
        (options.normalizer)(&mut applied);
        applied
    });
    applied
        .and_then(|applied| compare(&applied, &target, &live))
        .or_else(|| compare(&target, &target, &live))
        .unwrap_or_else(|| Diff::of(live, target))
}

/// Returns what client-side apply noted down on the live object.
pub(crate) fn last_applied(live: &Value) -> Option<Value> {
    let text = meta::annotation(live, LAST_APPLIED)?;
    let applied: Value = serde_json::from_str(text).ok()?;
    (!meta::kind(&applied).is_empty()).then_some(applied)
}

/// `None` when the patch cannot be made or applied.
fn compare(applied: &Value, target: &Value, live: &Value) -> Option<Diff> {
    let (applied, target) = (without_namespace(applied), without_namespace(target));
    let gvk = gvk(&applied);
    match client_type(&gvk) {
        Some(schema) => compare_built_in(&applied, &target, live, &gvk, &schema),
        None => {
            let known = kept(&applied, live.clone());
            let patch = patch::merge::create_three_way(&applied, &target, &known);
            let predicted = patch::merge::apply(live.clone(), &patch).ok()?;
            Some(Diff::of(live.clone(), predicted))
        }
    }
}

fn compare_built_in(applied: &Value, target: &Value, live: &Value, gvk: &Gvk, schema: &Schema) -> Option<Diff> {
    let known = if matches!(group(applied), "apps" | "extensions") && gvk.kind == "StatefulSet" {
        without_claim_defaults(applied, live)
    } else {
        live.clone()
    };
    let patch = patch::strategic::create_three_way(applied, target, &known, schema);
    let mut predicted = patch::strategic::apply(live.clone(), patch, schema).ok()?;
    let mut live = live.clone();
    // What its type does not take has no defaults.
    let _refused = (scheme_defaults(&mut predicted), scheme_defaults(&mut live));
    Some(Diff::of(live, predicted))
}

/// The namespace is where an object is, not what it is like; an empty map of annotations is none.
fn without_namespace(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("namespace");
        let annotations = metadata.get("annotations");
        if annotations.is_some_and(|map| map.is_null() || map.as_object().is_some_and(serde_json::Map::is_empty)) {
            metadata.remove("annotations");
        }
    }
    object
}

/// The server fills in claims of a StatefulSet, which cannot be changed afterwards: what it filled in does not count.
fn without_claim_defaults(applied: &Value, live: &Value) -> Value {
    let mut live = live.clone();
    let wanted = &applied["spec"]["volumeClaimTemplates"];
    if wanted.is_array()
        && let Some(claims) = live.pointer_mut("/spec/volumeClaimTemplates").filter(|claims| claims.is_array())
    {
        *claims = kept(wanted, claims.take());
    }
    live
}
