//! Live pages: fragments that changed, by server-sent events.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{
    Extension,
    body::{Body, Bytes},
    extract::{RawQuery, State as Shared},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::stream;
use serde_json::json;
use tiphys_runtime::cache::Key;
use tokio::sync::{broadcast::error::RecvError, mpsc};

use super::{State, Viewer, field};
use crate::page::{Context, Page};

/// An idle stream says so often that it is alive.
const ALIVE: Duration = Duration::from_secs(15);
/// Streams that are open at a time.
const STREAMS_MAX: usize = 2_000;
/// Messages that a slow reader may be behind.
const BUFFER: usize = 8;

/// Streams the fragments of a page.
pub(super) async fn page(
    Shared(state): Shared<Arc<State>>,
    Extension(viewer): Extension<Viewer>,
    RawQuery(query): RawQuery,
) -> Response {
    let path = field(query.unwrap_or_default().as_bytes(), "page").unwrap_or_default();
    let (path, query) = path.split_once('?').unwrap_or((&path, ""));
    let Some(page) = Page::parse(path, query) else { return StatusCode::NOT_FOUND.into_response() };
    let mut sent: BTreeMap<&'static str, u64> = BTreeMap::new();
    let concerned = page.clone();
    stream_of(
        state,
        viewer,
        move |key| concerned.concerns(key),
        move |context| {
            let Some(rendered) = page.render(context) else { return Some(Vec::new()) };
            let mut messages = Vec::new();
            for (id, markup) in rendered.fragments {
                let html = markup.into_string();
                let print = fingerprint(&html);
                if sent.insert(id, print) != Some(print) {
                    messages.push(format!("event: fragment\ndata: {}\n\n", json!({"id": id, "html": html})));
                }
            }
            Some(messages)
        },
    )
}

/// Not cryptographic: only tells whether a fragment has changed.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Answers with a stream: what `draw` makes at first and whenever something that concerns it changes, until the session ends
/// or `draw` returns nothing.
pub(crate) fn stream_of(
    state: Arc<State>,
    viewer: Viewer,
    concerns: impl Fn(&Key) -> bool + Send + 'static,
    draw: impl FnMut(&Context<'_>) -> Option<Vec<String>> + Send + 'static,
) -> Response {
    if state.streams.fetch_add(1, Ordering::Relaxed) >= STREAMS_MAX {
        state.streams.fetch_sub(1, Ordering::Relaxed);
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let (send, receive) = mpsc::channel(BUFFER);
    tokio::spawn(async move {
        feed(&state, &viewer, concerns, draw, send).await;
        state.streams.fetch_sub(1, Ordering::Relaxed);
    });
    let messages = stream::unfold(receive, async |mut receive| {
        let text: String = receive.recv().await?;
        Some((Ok::<_, Infallible>(Bytes::from(text)), receive))
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(messages)).into_response()
}

async fn feed(
    state: &State,
    viewer: &Viewer,
    concerns: impl Fn(&Key) -> bool,
    mut draw: impl FnMut(&Context<'_>) -> Option<Vec<String>>,
    send: mpsc::Sender<String>,
) {
    let mut changes = state.board.changes();
    let mut settings = state.board.new_settings();
    let mut revoked = state.revocations();
    loop {
        if !state.still_holds(viewer) {
            // Nobody may read any more.
            let _ = send.send("event: end\ndata: session\n\n".to_owned()).await;
            return;
        }
        let context = Context::new(state, viewer);
        let Some(messages) = draw(&context) else { return };
        for message in messages {
            if send.send(message).await.is_err() {
                return;
            }
        }
        let ends = viewer.expires().map_or(ALIVE, |at| state.board.clock.until(at)).min(ALIVE);
        let quiet = tokio::time::sleep(ends);
        tokio::pin!(quiet);
        loop {
            tokio::select! {
                changed = changes.recv() => match changed {
                    Ok(key) if concerns(&key) => break,
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return,
                },
                _ = settings.changed() => break,
                _ = revoked.changed() => break,
                () = send.closed() => return,
                () = &mut quiet => {
                    if send.send(":\n\n".to_owned()).await.is_err() {
                        return;
                    }
                    break;
                }
            }
        }
    }
}
