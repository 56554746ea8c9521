//! What holds for every request: headers, same origin, content types, and a login for everything that is not public.

use std::sync::Arc;

use axum::{
    extract::{Request, State as Shared},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use serde_json::json;

use super::{State, json, session};

/// Nothing but our own files; no page may frame ours.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
const HEADERS: [(HeaderName, &str); 8] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Not `no-referrer`: browsers would then say nothing of the origin of a form.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
    (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
];

/// Admits a request, or not, and adds the headers to every answer.
pub(super) async fn guard(Shared(state): Shared<Arc<State>>, mut request: Request, next: Next) -> Response {
    let mut response = match admit(&state, &mut request) {
        Ok(()) => next.run(request).await,
        Err(refused) => *refused,
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if state.config.is_secure {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    response
}

fn admit(state: &State, request: &mut Request) -> Result<(), Box<Response>> {
    let path = request.uri().path().to_owned();
    let is_api = path.starts_with("/api/");
    if !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        if !is_same_origin(request.headers(), is_api) {
            return Err(refuse(is_api, StatusCode::FORBIDDEN, "this request does not come from a page of this server"));
        }
        if !has_content_type(request.headers(), is_api) {
            return Err(refuse(is_api, StatusCode::UNSUPPORTED_MEDIA_TYPE, "Invalid content type"));
        }
    }
    match state.viewer(request.headers()) {
        Ok(viewer) => {
            request.extensions_mut().insert(viewer);
            Ok(())
        }
        Err(_) if is_public(&path) => Ok(()),
        Err(why) => {
            tracing::debug!(%why, path, "not logged in");
            Err(Box::new(ask_to_log_in(request.method(), request.uri(), is_api)))
        }
    }
}

fn is_public(path: &str) -> bool {
    matches!(path, "/login" | "/login/link" | "/healthz" | "/api/v1/session") || path.starts_with("/assets/")
}

/// A person is sent to the login and back; a program gets 401.
fn ask_to_log_in(method: &Method, uri: &Uri, is_api: bool) -> Response {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    if is_api || path.starts_with("/live") {
        return json(
            StatusCode::UNAUTHORIZED,
            &json!({"error": "log in first", "code": 16, "message": "log in first"}),
        );
    }
    if *method != Method::GET || path == "/" {
        return Redirect::to("/login").into_response();
    }
    let next: String = form_urlencoded::byte_serialize(path.as_bytes()).collect();
    Redirect::to(&format!("/login?next={next}")).into_response()
}

/// By what browsers say of where a request comes from. Programs say nothing: they must then bring a token that no page of
/// another site can send, or have none at all (to log in with JSON).
fn is_same_origin(headers: &HeaderMap, is_api: bool) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin";
    }
    if let Some(origin) = text("origin") {
        let host = origin.split_once("://").map(|(_, host)| host);
        return host.is_some() && host == text("host");
    }
    session::bearer(headers).is_some() || (is_api && !headers.contains_key(header::COOKIE))
}

fn has_content_type(headers: &HeaderMap, is_api: bool) -> bool {
    let wanted = if is_api { "application/json" } else { "application/x-www-form-urlencoded" };
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted))
}

fn refuse(is_api: bool, status: StatusCode, why: &str) -> Box<Response> {
    let response = if is_api {
        json(status, &json!({"error": why, "message": why}))
    } else {
        (status, crate::page::error::plain("This was not done", why)).into_response()
    };
    Box::new(response)
}
