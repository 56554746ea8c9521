//! Get and list.

use std::sync::Arc;

use tiphys_machinery::{error::ApiError, resource::Resource};

use super::{
    call::Call,
    negotiate,
    paging::{self, Page, State},
    render::{ListMeta, Renderer},
    reply::Reply,
    selection::Selection,
    service::Server,
};
use crate::{object::Object, store::Snapshot};

/// Answers with one object.
pub(super) async fn get(
    server: &Server,
    call: &Call,
    resource: &Resource,
    namespace: &str,
    name: &str,
) -> Result<Reply, ApiError> {
    let wanted = negotiate::wanted(call)?;
    paging::reached(&server.registry, paging::parse_single_revision(call.query.get("resourceVersion"))?).await?;
    let object = server.registry.get(resource, namespace, name)?;
    Ok(Renderer::new(resource, wanted, server.registry.clock()).one(200, &object))
}

/// Answers with a list.
pub(super) async fn list(
    server: &Server,
    call: &Call,
    resource: &Resource,
    namespace: Option<&str>,
) -> Result<Reply, ApiError> {
    let wanted = negotiate::wanted(call)?;
    let selection = Selection::of(&call.query, resource, namespace)?;
    let page = Page::of(&call.query)?;
    let snapshot = match snapshot(server, resource, namespace, &page).await {
        Err(error) if error.reason == "Expired" => return Ok(Reply::value(410, wanted.media, &page.expired(&error))),
        snapshot => snapshot?,
    };
    let (objects, meta) = cut(&snapshot, &selection, &page);
    Renderer::new(resource, wanted, server.registry.clock()).list(objects.iter().map(AsRef::as_ref), &meta)
}

async fn snapshot(
    server: &Server,
    resource: &Resource,
    namespace: Option<&str>,
    page: &Page,
) -> Result<Snapshot, ApiError> {
    let resources = server.registry.resources();
    let shard = &resources.require(resource)?.shard;
    let store = server.registry.store();
    match page.state {
        State::Present => Ok(store.list(shard, namespace)),
        State::NotOlderThan(revision) => {
            paging::reached(&server.registry, revision).await?;
            Ok(store.list(shard, namespace))
        }
        State::Exactly(revision) => {
            paging::reached(&server.registry, revision).await?;
            store
                .list_at(shard, namespace, revision)
                .map_err(|_| ApiError::expired("The resourceVersion for the provided list is too old."))
        }
    }
}

/// Returns the objects of one page, and what the list says beside them.
fn cut(snapshot: &Snapshot, selection: &Selection, page: &Page) -> (Vec<Arc<Object>>, ListMeta) {
    let start = match selection.namespace() {
        Some(namespace) if !page.start.is_empty() => format!("{namespace}/{}", page.start),
        _ => page.start.clone(),
    };
    let first = snapshot.objects.partition_point(|object| **object.key() < *start);
    let selected = snapshot.objects[first..].iter().filter(|object| selection.matches(object));
    let mut meta = ListMeta { revision: snapshot.revision, ..ListMeta::default() };
    if page.limit == 0 {
        return (selected.cloned().collect(), meta);
    }
    let mut selected = selected.peekable();
    let objects: Vec<Arc<Object>> = selected.by_ref().take(page.limit).cloned().collect();
    if let (Some(_), Some(last)) = (selected.peek(), objects.last()) {
        let key = match selection.namespace() {
            Some(_) => last.name(),
            None => last.key(),
        };
        meta.next = paging::next_token(i64::try_from(meta.revision).unwrap_or(i64::MAX), key);
        meta.remaining = selection.is_everything().then(|| selected.count());
    }
    (objects, meta)
}
