//! Sessions, as the `argocd` command begins them.

use std::sync::Arc;

use axum::{
    Extension,
    body::Bytes,
    extract::State as Shared,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde::Deserialize;
use serde_json::json;

use super::{bad, refused};
use crate::web::{LoginRefused, Peer, State, Viewer, address, json};

#[derive(Deserialize)]
struct Login {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
}

/// Checks a password; answers with a token.
pub(crate) async fn create(
    Shared(state): Shared<Arc<State>>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Ok(login) = serde_json::from_slice::<Login>(&body) else { return bad("no credentials supplied") };
    match state.log_in(&login.username, login.password, address(peer), &headers).await {
        Ok(()) => match state.new_session(&login.username) {
            Ok(token) => json(StatusCode::OK, &json!({"token": token})),
            Err(_) => refused(StatusCode::INTERNAL_SERVER_ERROR, 13, "no session can be made"),
        },
        Err(LoginRefused::Wrong) => refused(StatusCode::UNAUTHORIZED, 16, "Invalid username or password"),
        Err(LoginRefused::Later(wait)) => {
            refused(StatusCode::TOO_MANY_REQUESTS, 8, &format!("too many attempts; try again in {wait}"))
        }
    }
}

/// Ends the session of the token that was sent.
pub(crate) async fn delete(Shared(state): Shared<Arc<State>>, viewer: Option<Extension<Viewer>>) -> Response {
    if let Some(Extension(viewer)) = viewer {
        state.revoke(&viewer);
    }
    json(StatusCode::OK, &json!({}))
}
