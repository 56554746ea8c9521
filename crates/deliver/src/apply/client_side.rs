//! As `kubectl apply` does: the object notes what was applied, so that what Git no longer has can be taken away.

use serde_json::{Value, json};
use tiphys_machinery::{
    meta,
    patch::{merge, strategic},
};

use super::{Applier, ApplyError, Place, Request};
use crate::{
    cluster::PatchKind,
    diff::{LAST_APPLIED, client_type, gvk, last_applied},
};

type Done = (Value, &'static str);

impl Applier {
    pub(super) async fn apply_client_side(
        &self,
        place: &Place,
        target: &Value,
        request: &Request<'_>,
        query: &str,
    ) -> Result<Done, ApplyError> {
        let modified = noted(target);
        let live = match request.live {
            Some(live) if meta::name(live) == meta::name(target) => live.clone(),
            _ => match self.rest.create(&place.collection, &modified, query).await {
                Ok(created) => return Ok((created, "created")),
                // Somebody was faster, or the copy was older than we thought.
                Err(error) if error.code() == 409 => match self.rest.get(&place.object).await? {
                    Some(live) => live,
                    None => return Err(error.into()),
                },
                Err(error) => return Err(error.into()),
            },
        };
        if self.has_other_role(target, &live) {
            return Ok((self.recreate(place, &modified, request).await?, "reconciled"));
        }
        self.patch(place, &modified, live, query).await
    }

    async fn patch(&self, place: &Place, modified: &Value, live: Value, query: &str) -> Result<Done, ApplyError> {
        let (kind, patch) = three_way(modified, &live);
        if is_empty(&patch) {
            return Ok((live, "unchanged"));
        }
        match self.rest.patch(&place.object, kind, &patch, query).await {
            Ok(answer) => Ok((answer, "configured")),
            // It went away since it was seen.
            Err(error) if error.code() == 404 => {
                Ok((self.rest.create(&place.collection, modified, query).await?, "created"))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The role of a binding cannot be changed: the binding is made again.
    fn has_other_role(&self, target: &Value, live: &Value) -> bool {
        matches!(meta::kind(target), "RoleBinding" | "ClusterRoleBinding")
            && meta::api_version(target).starts_with("rbac.authorization.k8s.io/")
            && target["roleRef"]["name"] != live["roleRef"]["name"]
    }
}

/// Returns `target` with a note of itself.
pub(super) fn noted(target: &Value) -> Value {
    let mut modified = target.clone();
    meta::remove_annotation(&mut modified, LAST_APPLIED);
    let text = format!("{modified}\n");
    meta::set_annotation(&mut modified, LAST_APPLIED, &text);
    modified
}

fn three_way(modified: &Value, live: &Value) -> (PatchKind, Value) {
    let original = last_applied(live).unwrap_or_else(|| json!({}));
    match client_type(&gvk(modified)) {
        Some(schema) => (PatchKind::Strategic, strategic::create_three_way(&original, modified, live, &schema)),
        None => (PatchKind::Merge, merge::create_three_way(&original, modified, live)),
    }
}

/// A patch that only writes the note again, in another order of words, is none.
fn is_empty(patch: &Value) -> bool {
    patch.as_object().is_none_or(serde_json::Map::is_empty)
}
