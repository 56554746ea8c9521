//! Ingresses that a Rollout no longer names.

use serde_json::Value;
use tiphys_machinery::{meta, patch::create_merge_patch};

use super::{
    action::Action,
    backend, header,
    ownership::{OBSOLETE, Ownership},
};
use crate::{
    patch::bound,
    shape::{self, ShapeError},
};

/// Returns the patch that takes what Rollouts left behind off an Ingress; `None` where nothing is to be done or where the
/// record of ownership does not parse.
///
/// `is_referencing` tells of a Rollout by name whether it exists and names this Ingress: ask the API, not a filtered cache,
/// and do not come here if the question fails. The action of the weights becomes a forward to one Service, the named one or
/// else the stable one; header routes go with their conditions and paths.
#[must_use]
pub fn clean_alb_ingress(ingress: &Value, is_referencing: impl Fn(&str) -> bool) -> Option<Value> {
    let mut owned = Ownership::read(ingress).ok()?;
    let gone: Vec<String> = owned.rollouts().into_iter().filter(|rollout| !is_referencing(rollout)).collect();
    if gone.is_empty() {
        return None;
    }
    let mut after = ingress.clone();
    for rollout in &gone {
        let keys = owned.take(rollout);
        for key in &keys {
            clean(&mut after, key, &keys).ok()?;
        }
    }
    owned.write(&mut after).ok()?;
    shape::object_mut(&mut after, "metadata.annotations").ok()?.remove(OBSOLETE);
    Some(bound(create_merge_patch(ingress, &after), ingress))
}

fn clean(ingress: &mut Value, key: &str, keys: &[String]) -> Result<(), ShapeError> {
    if let Some((prefix, name)) = key.split_once("/actions.") {
        let is_header = keys.iter().any(|other| *other == format!("{prefix}/conditions.{name}"));
        if !is_header {
            return forward_to_one(ingress, key, name);
        }
        header::each_rule(ingress, |paths| paths.retain(|path| backend(path) != name))?;
    }
    shape::object_mut(ingress, "metadata.annotations")?.remove(key);
    Ok(())
}

/// Target groups are written as canary, experiments, stable: the last one is stable. What does not parse is not ours.
fn forward_to_one(ingress: &mut Value, key: &str, service: &str) -> Result<(), ShapeError> {
    let text = meta::annotation(ingress, key).unwrap_or_default();
    let Ok(action) = serde_json::from_str::<Action>(text) else { return Ok(()) };
    let groups = &action.forward_config.target_groups;
    let Some(group) = groups.iter().find(|group| group.service_name == service).or(groups.last()) else {
        return Ok(());
    };
    let mut group = group.clone();
    group.weight = 100;
    let stickiness = action.forward_config.target_group_stickiness_config.clone();
    let text = Action::forward(vec![group], stickiness).text();
    shape::object_mut(ingress, "metadata.annotations")?.insert(key.to_owned(), text.into());
    Ok(())
}
