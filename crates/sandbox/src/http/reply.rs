//! What handlers answer.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use serde_json::Value;
use tiphys_machinery::error::ApiError;

/// The body of every answer; that of a watch is a stream.
pub type ResponseBody = UnsyncBoxBody<Bytes, Infallible>;

/// In which text form an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Media {
    #[default]
    Json,
    PrettyJson,
    Yaml,
}

impl Media {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Json | Self::PrettyJson => "application/json",
            Self::Yaml => "application/yaml",
        }
    }

    /// Writes a value.
    pub(super) fn write(self, value: &Value) -> Vec<u8> {
        let text = match self {
            Self::Json => serde_json::to_vec(value),
            Self::PrettyJson => serde_json::to_vec_pretty(value),
            Self::Yaml => return serde_saphyr::to_string(value).unwrap_or_default().into_bytes(),
        };
        // A JSON value always serializes.
        let mut text = text.unwrap_or_default();
        text.push(b'\n');
        text
    }
}

/// An answer on its way out.
#[derive(Debug)]
pub(super) struct Reply {
    response: Response<ResponseBody>,
}

impl Reply {
    pub(super) fn bytes(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self::body(status, content_type, Full::new(body.into()).boxed_unsync())
    }

    pub(super) fn body(status: u16, content_type: &str, body: ResponseBody) -> Self {
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { response }.with(header::CONTENT_TYPE, content_type)
    }

    pub(super) fn text(status: u16, text: impl Into<String>) -> Self {
        Self::bytes(status, "text/plain; charset=utf-8", text.into())
    }

    pub(super) fn value(status: u16, media: Media, value: &Value) -> Self {
        Self::bytes(status, media.content_type(), media.write(value))
    }

    pub(super) fn error(media: Media, error: &ApiError) -> Self {
        let reply = Self::value(error.code, media, &error.to_status());
        match error.details["retryAfterSeconds"].as_i64() {
            Some(seconds) => reply.with(header::RETRY_AFTER, &seconds.to_string()),
            None if error.code == 429 => reply.with(header::RETRY_AFTER, "1"),
            None => reply,
        }
    }

    /// Sets a header; one that cannot be written is left out.
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.response.headers_mut().insert(name, value);
        }
        self
    }

    /// Adds `Warning` headers, each text once.
    pub(super) fn warn(mut self, warnings: &[String]) -> Self {
        for (position, text) in warnings.iter().enumerate() {
            if warnings[..position].contains(text) {
                continue;
            }
            let quoted = text.replace('\\', "\\\\").replace('"', "\\\"").replace(char::is_control, " ");
            if let Ok(value) = HeaderValue::from_bytes(format!("299 - \"{quoted}\"").as_bytes()) {
                self.response.headers_mut().append(header::WARNING, value);
            }
        }
        self
    }

    /// Sets a header unless the handler has.
    pub(super) fn default_header(mut self, name: HeaderName, value: &str) -> Self {
        if !self.response.headers().contains_key(&name) {
            self = self.with(name, value);
        }
        self
    }

    /// Drops the body: the answer to HEAD.
    pub(super) fn without_body(mut self) -> Self {
        *self.response.body_mut() = Full::default().boxed_unsync();
        self
    }

    pub(super) fn into_response(self) -> Response<ResponseBody> {
        self.response
    }
}
