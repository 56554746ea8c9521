//! ControllerRevisions: the templates that a StatefulSet or DaemonSet had, as `kubectl rollout history` and `undo` read
//! them.

use jiff::Timestamp;
use serde_json::{Value, json};
use tiphys_machinery::error::ApiError;
use tiphys_machinery::time;

use super::cache::key_of;
use super::context::{Context, gone_is_fine};
use super::ownership::controller_ref;
use super::template;
use super::view::{Key, Meta};
use crate::registry::DeleteOptions;

const REVISIONS: (&str, &str) = ("apps", "controllerrevisions");
/// Longest part of the owner's name in that of a revision.
const PREFIX: usize = 223;

/// Whose revisions they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner<'a> {
    pub(crate) meta: &'a Meta,
    pub(crate) kind: &'static str,
    /// Label of a revision that holds its hash.
    pub(crate) hash_label: &'static str,
    /// The template that the owner has now.
    pub(crate) template: &'a Value,
    pub(crate) collisions: Option<i64>,
}

/// One revision.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Revision {
    pub(crate) name: String,
    pub(crate) number: i64,
    pub(crate) hash: String,
    pub(crate) template: Value,
    created: Option<Timestamp>,
}

/// What became of the revision of the present template.
pub(crate) enum Present {
    /// All revisions by number; the last one is that of the present template.
    Kept(Vec<Revision>),
    /// Another template has the name that its hash gives: count a collision and try again.
    Collides,
}

/// Returns the revisions of an owner, the one of its present template made or given the highest number.
///
/// # Errors
/// Whatever a write returned.
pub(crate) fn present(owner: Owner<'_>, context: &Context<'_>) -> Result<Present, ApiError> {
    let mut all = of(owner, context);
    let digest = template::digest(owner.template);
    let next = all.last().map_or(0, |revision| revision.number) + 1;
    let equal = all.iter().rposition(|revision| template::digest(&revision.template) == digest);
    match equal {
        Some(at) if at + 1 == all.len() => {}
        Some(at) => {
            let mut again = all.remove(at);
            again.number = next;
            let key = Key::new(owner.meta.namespace.as_str(), again.name.as_str());
            context.writer().modify(REVISIONS, &key, |object| object["revision"] = next.into())?;
            all.push(again);
        }
        None => match create(owner, next, context) {
            Err(error) if error.reason == "AlreadyExists" => return Ok(Present::Collides),
            made => all.push(made?),
        },
    }
    Ok(Present::Kept(all))
}

/// Counts a collision in the status of an owner, so that the next look tries another name.
///
/// # Errors
/// Whatever the write returned.
pub(crate) fn collide(of: (&str, &str), key: &Key, context: &Context<'_>) -> Result<(), ApiError> {
    gone_is_fine(context.writer().modify_status(of, key, |object| {
        let count = object["status"]["collisionCount"].as_i64().unwrap_or(0);
        object["status"]["collisionCount"] = (count + 1).into();
    }))
}

/// Deletes the oldest revisions that nothing lives by, but for as many as the limit says.
///
/// # Errors
/// Whatever a write returned.
pub(crate) fn truncate(
    owner: Owner<'_>,
    revisions: &[Revision],
    limit: i64,
    lives: impl Fn(&Revision) -> bool,
    context: &Context<'_>,
) -> Result<(), ApiError> {
    for revision in obsolete(revisions, limit, lives) {
        let key = Key::new(owner.meta.namespace.as_str(), revision.name.as_str());
        context.writer().delete(REVISIONS, &key, &DeleteOptions::background())?;
    }
    Ok(())
}

fn obsolete(revisions: &[Revision], limit: i64, lives: impl Fn(&Revision) -> bool) -> Vec<&Revision> {
    let idle: Vec<&Revision> = revisions.iter().filter(|revision| !lives(revision)).collect();
    let excess = idle.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
    idle.into_iter().take(excess).collect()
}

fn of(owner: Owner<'_>, context: &Context<'_>) -> Vec<Revision> {
    let dependents = context.registry.dependents(&owner.meta.uid).into_iter();
    let own = dependents.filter(|(resource, object)| {
        resource.group_plural() == REVISIONS
            && object.controller_uid() == Some(&owner.meta.uid)
            && !object.is_deleting()
    });
    let mut all: Vec<Revision> = own
        .map(|(_, object)| {
            let mut value = object.value();
            let mut template = value["data"]["spec"]["template"].take();
            template.as_object_mut().map(|template| template.remove("$patch"));
            Revision {
                name: key_of(&object).name.to_string(),
                number: value["revision"].as_i64().unwrap_or_default(),
                hash: object.label(owner.hash_label).unwrap_or_default().to_owned(),
                created: time::parse(&value["metadata"]["creationTimestamp"]),
                template,
            }
        })
        .collect();
    all.sort_by(|a, b| (a.number, a.created, &a.name).cmp(&(b.number, b.created, &b.name)));
    all
}

fn create(owner: Owner<'_>, number: i64, context: &Context<'_>) -> Result<Revision, ApiError> {
    let hash = template::name_hash(owner.template, owner.collisions);
    let prefix: String = owner.meta.name.chars().take(PREFIX).collect();
    let name = format!("{prefix}-{hash}");
    let mut labels = owner.template["metadata"]["labels"].clone();
    labels[owner.hash_label] = hash.as_str().into();
    // Applied as a strategic merge patch it brings the template back.
    let mut data = owner.template.clone();
    data["$patch"] = "replace".into();
    let object = json!({
        "apiVersion": "apps/v1", "kind": "ControllerRevision",
        "metadata": {
            "name": name, "labels": labels, "annotations": owner.meta.annotations,
            "ownerReferences": [controller_ref("apps/v1", owner.kind, owner.meta)],
        },
        "data": {"spec": {"template": data}}, "revision": number,
    });
    context.writer().create(REVISIONS, &owner.meta.namespace, object)?;
    Ok(Revision { name, number, hash, template: owner.template.clone(), created: Some(context.now) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_idle_revisions_go() {
        let revision = |number: i64| Revision {
            name: format!("r{number}"),
            number,
            hash: String::new(),
            template: Value::Null,
            created: None,
        };
        let all: Vec<Revision> = (1..=5).map(revision).collect();
        let names = |limit| {
            let found = obsolete(&all, limit, |revision| matches!(revision.number, 2 | 5));
            found.into_iter().map(|revision| revision.name.as_str()).collect::<Vec<_>>()
        };
        assert_eq!((names(1), names(0), names(3)), (vec!["r1", "r3"], vec!["r1", "r3", "r4"], vec![]));
    }
}
