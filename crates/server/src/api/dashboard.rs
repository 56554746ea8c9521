//! The endpoints of the Rollouts dashboard, with their paths and JSON, behind the login.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Extension,
    body::Bytes,
    extract::{Path, State as Shared},
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use serde_json::{Value, json};
use tiphys_console::{Action, Options};
use tiphys_runtime::cache::Key;

use super::{bad, failed, info};
use crate::{
    page::Context,
    web::{Asked, Failure, State, Viewer, act, json, stream_of},
};

/// Lists the Rollouts of a namespace.
pub(crate) async fn list(
    Shared(state): Shared<Arc<State>>,
    Extension(viewer): Extension<Viewer>,
    Path(namespace): Path<String>,
) -> Response {
    let context = Context::new(&state, &viewer);
    let all = context.releases().into_iter().filter(|release| release.key.namespace == namespace);
    let rollouts: Vec<Value> = all.map(|release| info::rollout(&context, &release, info::Depth::List)).collect();
    json(StatusCode::OK, &json!({"rollouts": rollouts}))
}

/// Returns one Rollout.
pub(crate) async fn one(
    Shared(state): Shared<Arc<State>>,
    Extension(viewer): Extension<Viewer>,
    Path((namespace, name)): Path<(String, String)>,
) -> Response {
    let context = Context::new(&state, &viewer);
    match context.release(&Key::new(namespace, name)) {
        Some(release) => json(StatusCode::OK, &info::rollout(&context, &release, info::Depth::Full)),
        None => failed(&Failure::NotFound),
    }
}

/// One message, framed as the client asked.
fn framed(message: &Value, is_event: bool) -> String {
    if is_event { format!("data: {message} \n\n") } else { format!("{message}\n") }
}

fn wants_events(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/event-stream"))
}

/// Streams the Rollouts of a namespace; unlike upstream also those that are new and those that go.
pub(crate) async fn watch_list(
    Shared(state): Shared<Arc<State>>,
    Extension(viewer): Extension<Viewer>,
    headers: HeaderMap,
    Path(namespace): Path<String>,
) -> Response {
    let is_event = wants_events(&headers);
    let mut sent: std::collections::BTreeMap<Key, Value> = std::collections::BTreeMap::new();
    let own = namespace.clone();
    stream_of(
        state,
        viewer,
        move |key| key.namespace == own,
        move |context| {
            let mut messages = Vec::new();
            let mut seen = BTreeSet::new();
            for release in context.releases().into_iter().filter(|release| release.key.namespace == namespace) {
                let now = info::rollout(context, &release, info::Depth::List);
                seen.insert(release.key.clone());
                let before = sent.insert(release.key.clone(), now.clone());
                if before.as_ref() != Some(&now) {
                    let kind = if before.is_some() { "Updated" } else { "Added" };
                    messages.push(framed(&json!({"result": {"type": kind, "rolloutInfo": now}}), is_event));
                }
            }
            sent.retain(|key, last| {
                if !seen.contains(key) {
                    messages.push(framed(&json!({"result": {"type": "Deleted", "rolloutInfo": last}}), is_event));
                }
                seen.contains(key)
            });
            Some(messages)
        },
    )
}

/// Streams one Rollout.
pub(crate) async fn watch_one(
    Shared(state): Shared<Arc<State>>,
    Extension(viewer): Extension<Viewer>,
    headers: HeaderMap,
    Path((namespace, name)): Path<(String, String)>,
) -> Response {
    let is_event = wants_events(&headers);
    let key = Key::new(namespace, name);
    if Context::new(&state, &viewer).release(&key).is_none() {
        return failed(&Failure::NotFound);
    }
    let own = key.clone();
    let mut sent = Value::Null;
    stream_of(
        state,
        viewer,
        move |changed| *changed == own,
        move |context| {
            let now = info::rollout(context, &*context.release(&key)?, info::Depth::Full);
            if now == sent {
                return Some(Vec::new());
            }
            sent = now.clone();
            Some(vec![framed(&json!({"result": now}), is_event)])
        },
    )
}

/// Lists the namespaces with Rollouts that may be seen.
pub(crate) async fn namespace(Shared(state): Shared<Arc<State>>, Extension(viewer): Extension<Viewer>) -> Response {
    let context = Context::new(&state, &viewer);
    let all: BTreeSet<String> = context.releases().iter().map(|release| release.key.namespace.clone()).collect();
    let own = all.first().cloned().unwrap_or_else(|| "default".to_owned());
    json(StatusCode::OK, &json!({"namespace": own, "availableNamespaces": all}))
}

/// Returns the version.
pub(crate) async fn version() -> Response {
    json(StatusCode::OK, &json!({"rolloutsVersion": concat!("v", env!("CARGO_PKG_VERSION"))}))
}

async fn run(state: &State, viewer: &Viewer, key: &Key, name: &str, options: &Options) -> Response {
    let Some(action) = Action::named(name) else { return failed(&Failure::NotFound) };
    // As upstream's: whether it makes sense is not asked.
    match act(state, viewer, &Asked { key, action, options, is_strict: false }).await {
        Ok(done) => json(StatusCode::OK, &done.object),
        Err(failure) => failed(&failure),
    }
}

type Named = Path<(String, String)>;

/// `restart`.
pub(crate) async fn restart(
    Shared(state): Shared<Arc<State>>,
    viewer: Extension<Viewer>,
    Path((ns, name)): Named,
) -> Response {
    run(&state, &viewer, &Key::new(ns, name), "restart", &Options::default()).await
}

/// `promote`, with `{"full": true}` fully.
pub(crate) async fn promote(
    Shared(state): Shared<Arc<State>>,
    viewer: Extension<Viewer>,
    Path((ns, name)): Named,
    body: Bytes,
) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let action = if body["full"] == true { "promote-full" } else { "promote" };
    run(&state, &viewer, &Key::new(ns, name), action, &Options::default()).await
}

/// `abort`.
pub(crate) async fn abort(
    Shared(state): Shared<Arc<State>>,
    viewer: Extension<Viewer>,
    Path((ns, name)): Named,
) -> Response {
    run(&state, &viewer, &Key::new(ns, name), "abort", &Options::default()).await
}

/// `retry`.
pub(crate) async fn retry(
    Shared(state): Shared<Arc<State>>,
    viewer: Extension<Viewer>,
    Path((ns, name)): Named,
) -> Response {
    run(&state, &viewer, &Key::new(ns, name), "retry", &Options::default()).await
}

/// `undo`.
pub(crate) async fn undo(
    Shared(state): Shared<Arc<State>>,
    viewer: Extension<Viewer>,
    Path((ns, name, revision)): Path<(String, String, String)>,
) -> Response {
    let Ok(revision) = revision.parse() else { return bad("the revision is no number") };
    run(&state, &viewer, &Key::new(ns, name), "undo", &Options { revision, ..Options::default() }).await
}

/// `set image`: the last part of the path is the tag.
pub(crate) async fn set_image(
    Shared(state): Shared<Arc<State>>,
    viewer: Extension<Viewer>,
    Path((ns, name, container, image)): Path<(String, String, String, String)>,
) -> Response {
    let Some((image, tag)) = image.rsplit_once('/') else { return bad("image and tag are needed") };
    let options = Options { images: vec![(container, format!("{image}:{tag}"))], ..Options::default() };
    run(&state, &viewer, &Key::new(ns, name), "set-image", &options).await
}
