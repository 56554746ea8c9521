//! JSON: what pages show and do, for programs; and the endpoints of the Rollouts dashboard.

pub(crate) mod dashboard;
mod info;
pub(crate) mod openapi;
pub(crate) mod releases;
pub(crate) mod session;

use axum::{http::StatusCode, response::Response};
use serde_json::json;

use crate::web::{Failure, json};

/// Answers with a failure, in the form of upstream's gateways.
pub(crate) fn failed(failure: &Failure) -> Response {
    let (status, code) = match failure {
        Failure::NotFound => (StatusCode::NOT_FOUND, 5),
        Failure::Forbidden(_) => (StatusCode::FORBIDDEN, 7),
        Failure::Impossible(_) => (StatusCode::CONFLICT, 9),
        Failure::Api(_) => (StatusCode::BAD_GATEWAY, 14),
    };
    refused(status, code, &failure.to_string())
}

/// Answers that a request was not understood.
pub(crate) fn bad(message: &str) -> Response {
    refused(StatusCode::BAD_REQUEST, 3, message)
}

/// `code` is gRPC's.
pub(crate) fn refused(status: StatusCode, code: u16, message: &str) -> Response {
    json(status, &json!({"error": message, "code": code, "message": message}))
}
