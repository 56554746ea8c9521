//! Requests to providers of metrics.
//!
//! Guarantees: every request ends within its time; answers are bounded; a redirect never carries credentials, further headers
//! or a body to another host; addresses that only the machine itself or its cloud's metadata service uses (link-local) are
//! refused unless [`Settings::allows_link_local`].
//!
//! Whoever drives analyses with virtual time implements [`Fetch`] without a network.

mod client;
mod connect;
mod guard;
mod redirect;
mod trust;

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

pub use self::{
    client::{Client, Settings},
    guard::is_link_local,
};
use crate::Secret;

/// Bytes of an answer that are read at most.
pub const MAX_BODY: usize = 8 * 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address is none.
    #[error("{0} is not a valid URL")]
    Address(String),
    /// A header cannot be sent.
    #[error("header {0} cannot be sent")]
    Header(String),
    /// The address is one of the machine itself.
    #[error("{0} is a link-local address, which analyses must not ask")]
    LinkLocal(String),
    /// No connection, or it broke.
    #[error("{method} {host}: {reason}")]
    Connect {
        /// The method.
        method: Method,
        /// Host and port.
        host: String,
        /// What the connection said.
        reason: String,
    },
    /// No complete answer in time.
    #[error("{method} {host}: no answer within {after:?}")]
    Timeout {
        /// The method.
        method: Method,
        /// Host and port.
        host: String,
        /// The time that was given.
        after: Duration,
    },
    /// The answer is too long.
    #[error("the answer of {0} is longer than {MAX_BODY} bytes")]
    TooLong(String),
    /// A redirect that is not followed.
    #[error("{0}")]
    Redirect(String),
}

/// A request. `Debug` shows neither headers nor body nor query.
#[derive(Clone)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// Address.
    pub uri: Uri,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
    /// Time for everything, redirects and body included.
    pub timeout: Duration,
    /// Whether certificates go unchecked.
    pub is_insecure: bool,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.method, host(&self.uri), self.uri.path())
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl Response {
    /// Returns the body as text; what is no UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns `200 OK` and the like.
    #[must_use]
    pub fn status_line(&self) -> String {
        match self.status.canonical_reason() {
            Some(reason) => format!("{} {reason}", self.status.as_str()),
            None => self.status.as_str().to_owned(),
        }
    }
}

/// Whoever answers requests.
pub trait Fetch: Send + Sync {
    /// Sends a request and returns the answer, whatever its status.
    fn fetch(&self, request: Request) -> BoxFuture<'_, Result<Response, FetchError>>;
}

impl<F: Fetch + ?Sized> Fetch for Arc<F> {
    fn fetch(&self, request: Request) -> BoxFuture<'_, Result<Response, FetchError>> {
        (**self).fetch(request)
    }
}

impl Request {
    /// Returns a request without headers and body, to be answered within 30 seconds.
    ///
    /// # Errors
    /// Where `url` is no absolute URL.
    pub fn new(method: Method, url: &str) -> Result<Self, FetchError> {
        let invalid = || FetchError::Address(url.split('?').next().unwrap_or_default().to_owned());
        let uri: Uri = url.parse().map_err(|_| invalid())?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
            return Err(invalid());
        }
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        Ok(Self { method, uri, headers, body, timeout: Duration::from_secs(30), is_insecure: false })
    }

    /// Sets a header, in place of one of the same name.
    ///
    /// # Errors
    /// Where name or value cannot be sent.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, FetchError> {
        let parsed = HeaderName::try_from(name).ok().zip(HeaderValue::from_str(value).ok());
        let (name, value) = parsed.ok_or_else(|| FetchError::Header(name.to_owned()))?;
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Sets a header whose value is nobody's business.
    ///
    /// # Errors
    /// Where name or value cannot be sent.
    pub fn secret_header(self, name: &str, value: &Secret) -> Result<Self, FetchError> {
        let mut request = self.header(name, value.expose())?;
        if let Some(value) = HeaderName::try_from(name).ok().and_then(|name| request.headers.get_mut(name)) {
            value.set_sensitive(true);
        }
        Ok(request)
    }

    /// Sets the body and its type.
    ///
    /// # Errors
    /// Never for the types in use.
    pub fn body(self, content_type: &str, body: impl Into<Bytes>) -> Result<Self, FetchError> {
        let mut request = self.header("content-type", content_type)?;
        request.body = body.into();
        Ok(request)
    }

    /// Sets the time for everything.
    #[must_use]
    pub fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets whether certificates go unchecked.
    #[must_use]
    pub fn insecure(mut self, is_insecure: bool) -> Self {
        self.is_insecure = is_insecure;
        self
    }
}

/// Returns host and port of an address.
pub(crate) fn host(uri: &Uri) -> String {
    uri.authority()
        .map(|authority| {
            // Credentials in front of the host are nobody's business.
            let text = authority.as_str();
            text.rsplit('@').next().unwrap_or(text).to_owned()
        })
        .unwrap_or_default()
}

/// Returns `text` as it stands in a query.
#[must_use]
pub fn percent(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Returns pairs as a form or a query.
#[must_use]
pub fn form(pairs: &[(&str, &str)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(pairs);
    form.finish()
}
