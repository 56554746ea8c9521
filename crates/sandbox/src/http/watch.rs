//! Watch: the changes of a resource as they happen (`spec/sandbox.md` section 9.3).
//!
//! A watcher reads the store's history at its own pace, so that a slow one holds nobody up; one that falls behind
//! further than the history reaches is told so and closed.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::stream;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tiphys_machinery::{error::ApiError, field::Path, resource::Resource};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::{
    call::{Call, Query},
    negotiate, paging,
    render::{self, Renderer},
    reply::Reply,
    selection::Selection,
    service::Server,
};
use crate::{
    object::Object,
    registry::Registry,
    store::{Change, ShardId},
};

/// How often an idle watcher is told how far it has come.
const BOOKMARK_PERIOD: Duration = Duration::from_secs(60);
/// Most changes written in one go.
const BATCH: usize = 256;
/// Bounds of the time after which a watch ends that did not say, in seconds.
const DEFAULT_TIMEOUT: std::ops::Range<u64> = 1_800..3_600;

/// What a watch begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Start {
    /// The present objects first, then a marked bookmark.
    initial: bool,
    /// Changes after this revision; 0: after the present one.
    after: u64,
}

/// A watch under way.
struct Watcher {
    registry: Registry,
    resource: Arc<Resource>,
    shard: ShardId,
    wake: Arc<Notify>,
    selection: Selection,
    renderer: Renderer,
    bookmarks: bool,
    /// Initial objects that are yet to be sent.
    initial: Option<Vec<Arc<Object>>>,
    /// Everything up to here was sent.
    told: u64,
    next_bookmark: Instant,
    end: Instant,
    done: bool,
}

/// Answers with a stream of events.
pub(super) async fn watch(
    server: &Server,
    call: &Call,
    resource: &Arc<Resource>,
    selection: Selection,
) -> Result<Reply, ApiError> {
    let wanted = negotiate::wanted(call)?;
    let start = start_of(&call.query)?;
    let resources = server.registry.resources();
    let shard = resources.require(resource)?.shard.clone();
    let store = server.registry.store();
    if start.initial {
        paging::reached(&server.registry, start.after).await?;
    }
    let (initial, told) = match start {
        Start { initial: false, after: 0 } => (None, store.revision()),
        Start { initial: false, after } => (None, after),
        Start { initial: true, .. } => {
            let snapshot = store.list(&shard, selection.namespace());
            (Some(snapshot.objects), snapshot.revision)
        }
    };
    let now = Instant::now();
    let watcher = Watcher {
        wake: store.wake(&shard),
        registry: server.registry.clone(),
        resource: resource.clone(),
        renderer: Renderer::new(resource, wanted, server.registry.clock()),
        bookmarks: call.query.flag("allowWatchBookmarks"),
        end: now + timeout_of(server, &call.query)?,
        next_bookmark: now + BOOKMARK_PERIOD,
        shard,
        selection,
        initial,
        told,
        done: false,
    };
    let frames = stream::unfold(watcher, |mut watcher| async move {
        let bytes = watcher.next().await?;
        Some((Ok(Frame::data(Bytes::from(bytes))), watcher))
    });
    Ok(Reply::body(200, "application/json", StreamBody::new(frames).boxed_unsync()))
}

fn timeout_of(server: &Server, query: &Query) -> Result<Duration, ApiError> {
    let given = query.number("timeoutSeconds")?.and_then(|seconds| u64::try_from(seconds).ok());
    let seconds = given.filter(|seconds| *seconds > 0);
    Ok(Duration::from_secs(seconds.unwrap_or_else(|| server.registry.random(|random| random.u64(DEFAULT_TIMEOUT)))))
}

fn start_of(query: &Query) -> Result<Start, ApiError> {
    let after = paging::parse_single_revision(query.get("resourceVersion"))?;
    let matching = query.get("resourceVersionMatch");
    let asked = query.find("sendInitialEvents").is_some();
    let path = Path::new("resourceVersionMatch");
    let mut causes = Vec::new();
    if !asked && !matching.is_empty() {
        let detail = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
        causes.push(path.forbidden(detail));
    }
    if asked && matching != "NotOlderThan" {
        let detail = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        causes.push(path.forbidden(detail));
    }
    if !matches!(matching, "" | "NotOlderThan") {
        causes.push(path.unsupported(matching, &["NotOlderThan"]));
    }
    if !causes.is_empty() {
        return Err(ApiError::invalid("meta.k8s.io", "ListOptions", "", &causes));
    }
    if !asked {
        return Ok(Start { initial: after == 0, after });
    }
    Ok(Start { initial: query.flag("sendInitialEvents"), after })
}

impl Watcher {
    /// Returns the next bytes to send; `None` at the end.
    async fn next(&mut self) -> Option<Vec<u8>> {
        if self.done {
            return None;
        }
        if let Some(initial) = self.initial.take() {
            let bytes = self.initial_events(&initial);
            if !bytes.is_empty() {
                return Some(bytes);
            }
        }
        loop {
            let wake = self.wake.clone();
            let mut woken = std::pin::pin!(wake.notified());
            // Registered before looking, so that no change is missed in between.
            woken.as_mut().enable();
            let bytes = self.changes();
            if !bytes.is_empty() {
                return Some(bytes);
            }
            tokio::select! {
                biased;
                () = woken => {}
                () = sleep_until(self.end) => {
                    self.done = true;
                    return self.bookmarks.then(|| self.bookmark(false));
                }
                () = sleep_until(self.next_bookmark) => {
                    self.next_bookmark += BOOKMARK_PERIOD;
                    if self.registry.resources().require(&self.resource).is_err() {
                        return None;
                    }
                    if self.bookmarks {
                        return Some(self.bookmark(false));
                    }
                }
            }
        }
    }

    fn initial_events(&mut self, objects: &[Arc<Object>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for object in objects.iter().filter(|object| self.selection.matches(object)) {
            self.renderer.event("ADDED", object, &mut bytes);
        }
        if self.bookmarks {
            bytes.extend(self.bookmark(true));
        }
        bytes
    }

    /// Returns the events since the last call: none if nothing concerns this watcher.
    fn changes(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.is_empty() && !self.done {
            let Ok((changes, told)) = self.registry.store().changes_after(&self.shard, self.told, BATCH) else {
                self.expire(&mut bytes);
                break;
            };
            // A watch from a revision that is yet to come waits for it.
            self.told = self.told.max(told);
            for change in &changes {
                self.write(change, &mut bytes);
            }
            if changes.len() < BATCH {
                break;
            }
        }
        bytes
    }

    /// Writes a change as the event that it is for the selection.
    fn write(&mut self, change: &Change, bytes: &mut Vec<u8>) {
        let selected =
            |object: &Option<Arc<Object>>| object.as_ref().filter(|object| self.selection.matches(object)).cloned();
        match (selected(&change.prev), selected(&change.new)) {
            (None, Some(new)) => self.renderer.event("ADDED", &new, bytes),
            (Some(_), Some(new)) => self.renderer.event("MODIFIED", &new, bytes),
            (Some(prev), None) => self.renderer.event("DELETED", &prev.at_revision(change.revision), bytes),
            (None, None) => {}
        }
    }

    fn bookmark(&mut self, initial_end: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.renderer.bookmark(self.told, initial_end, &mut bytes);
        bytes
    }

    fn expire(&mut self, bytes: &mut Vec<u8>) {
        self.done = true;
        let message = format!("too old resource version: {} ({})", self.told, self.registry.revision());
        let mut error = ApiError::expired(message);
        error.details = serde_json::Value::Null;
        let status = error.to_status();
        render::frame("ERROR", &status, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_begins_as_its_parameters_say() {
        let some = |initial, after| Some(Start { initial, after });
        let cases = [
            ("", some(true, 0)),
            ("resourceVersion=0", some(true, 0)),
            ("resourceVersion=5", some(false, 5)),
            ("resourceVersion=5&sendInitialEvents=true&resourceVersionMatch=NotOlderThan", some(true, 5)),
            ("sendInitialEvents=false&resourceVersionMatch=NotOlderThan", some(false, 0)),
            ("sendInitialEvents=true", None),
            ("resourceVersionMatch=NotOlderThan", None),
        ];
        for (query, expected) in cases {
            assert_eq!(start_of(&Query::parse(query)).ok(), expected, "{query}");
        }
    }
}
