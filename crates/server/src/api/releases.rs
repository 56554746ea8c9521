//! Releases with their reasons, and the table of actions.

use std::sync::Arc;

use axum::{
    Extension,
    body::Bytes,
    extract::{Path, State as Shared},
    http::StatusCode,
    response::Response,
};
use serde_json::{Value, json};
use tiphys_api::defaults;
use tiphys_console::{
    Action, Options,
    action::TABLE,
    view::{step, weight},
};
use tiphys_runtime::cache::Key;

use super::{bad, failed};
use crate::{
    board::Release,
    page::{Context, menu::Look},
    web::{Asked, Failure, State, Viewer, act as perform, json},
};

/// Lists the releases that may be seen.
pub(crate) async fn list(Shared(state): Shared<Arc<State>>, Extension(viewer): Extension<Viewer>) -> Response {
    let context = Context::new(&state, &viewer);
    let items: Vec<Value> = context.releases().iter().map(|release| summary(&context, release)).collect();
    json(StatusCode::OK, &json!({"items": items}))
}

/// Returns one release.
pub(crate) async fn one(
    Shared(state): Shared<Arc<State>>,
    Extension(viewer): Extension<Viewer>,
    Path((namespace, name)): Path<(String, String)>,
) -> Response {
    let context = Context::new(&state, &viewer);
    match context.release(&Key::new(namespace, name)) {
        Some(release) => {
            let mut body = summary(&context, &release);
            body["info"] = super::info::rollout(&context, &release, super::info::Depth::Full);
            json(StatusCode::OK, &body)
        }
        None => failed(&Failure::NotFound),
    }
}

/// Lists the actions on a release: what each will do now, or why it may not be done.
pub(crate) async fn actions(
    Shared(state): Shared<Arc<State>>,
    Extension(viewer): Extension<Viewer>,
    Path((namespace, name)): Path<(String, String)>,
) -> Response {
    let context = Context::new(&state, &viewer);
    let Some(release) = context.release(&Key::new(namespace, name)) else { return failed(&Failure::NotFound) };
    let look = Look::new(&context, &release);
    let subject = look.subject();
    let options = Options::default();
    let items = TABLE.iter().map(|action| {
        let obstacle = look.obstacle(action);
        json!({
            "name": action.name, "label": action.label, "effect": action.effect(&subject, &options),
            "command": action.command(&subject, &options), "possible": obstacle.is_none(), "obstacle": obstacle,
        })
    });
    json(StatusCode::OK, &json!({"items": items.collect::<Vec<_>>()}))
}

/// Does an action.
pub(crate) async fn act(
    Shared(state): Shared<Arc<State>>,
    Extension(viewer): Extension<Viewer>,
    Path((namespace, name, action)): Path<(String, String, String)>,
    body: Bytes,
) -> Response {
    let body: &[u8] = if body.is_empty() { b"{}" } else { &body };
    let options: Options = match serde_json::from_slice(body) {
        Ok(options) => options,
        Err(error) => return bad(&error.to_string()),
    };
    let Some(action) = Action::named(&action) else { return failed(&Failure::NotFound) };
    let key = Key::new(namespace, name);
    let asked = Asked { key: &key, action, options: &options, is_strict: true };
    match perform(&state, &viewer, &asked).await {
        Ok(done) => json(StatusCode::OK, &json!({"done": action.done, "effect": done.effect})),
        Err(failure) => failed(&failure),
    }
}

fn summary(context: &Context<'_>, release: &Release) -> Value {
    let rollout = &release.stored.typed;
    let mut body = release.answer(context.now).data();
    body["strategy"] = if rollout.spec.strategy.blue_green.is_some() { "BlueGreen" } else { "Canary" }.into();
    body["step"] = json!(step::position(rollout));
    body["weight"] = json!(weight::wanted(rollout));
    body["ready"] = json!(rollout.status.ready_replicas);
    body["desired"] = json!(defaults::replicas(rollout));
    body
}
