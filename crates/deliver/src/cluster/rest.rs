//! Requests with whole objects.

use kube::Client;
use serde_json::Value;

/// Who writes, as managed fields record it: upstream's name, so that either can take over from the other.
pub const MANAGER: &str = "argocd-controller";

/// Why a request did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// The server refused; its words.
    #[error("{message}")]
    Refused {
        /// HTTP code.
        code: u16,
        /// Reason such as `AlreadyExists`.
        reason: String,
        /// Message.
        message: String,
    },
    /// There was no answer.
    #[error("{0}")]
    Unreachable(String, #[source] Box<kube::Error>),
    /// The request could not be made.
    #[error("the request cannot be made: {0}")]
    Build(#[source] http::Error),
}

impl RestError {
    /// Returns the HTTP code of a refusal; 0 when there was no answer.
    #[must_use]
    pub fn code(&self) -> u16 {
        match self {
            Self::Refused { code, .. } => *code,
            Self::Unreachable(..) | Self::Build(_) => 0,
        }
    }

    fn of(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => {
                Self::Refused { code: status.code, reason: status.reason.clone(), message: status.message.clone() }
            }
            error => Self::Unreachable(error.to_string(), Box::new(error)),
        }
    }
}

/// How a body changes an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchKind {
    /// RFC 7386.
    Merge,
    /// RFC 6902.
    Json,
    /// With the rules of built-in types.
    Strategic,
    /// Server-side apply.
    Apply,
}

/// Makes requests, in the name of somebody if told so.
#[derive(Clone)]
pub struct Rest {
    client: Client,
    user: Option<String>,
}

impl Rest {
    /// Returns requests by a client.
    #[must_use]
    pub fn new(client: Client, user: Option<String>) -> Self {
        Self { client, user }
    }

    async fn send(&self, method: &str, uri: &str, content: &str, body: Vec<u8>) -> Result<Value, RestError> {
        let mut request = http::Request::builder().method(method).uri(uri);
        if !body.is_empty() {
            request = request.header(http::header::CONTENT_TYPE, content);
        }
        if let Some(user) = &self.user {
            request = request.header("Impersonate-User", user);
        }
        let request = request.body(body).map_err(RestError::Build)?;
        self.client.request::<Value>(request).await.map_err(RestError::of)
    }

    /// Returns an object; `None` when it is not there.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn get(&self, path: &str) -> Result<Option<Value>, RestError> {
        match self.send("GET", path, "", Vec::new()).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.code() == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates an object in a collection.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn create(&self, path: &str, object: &Value, query: &str) -> Result<Value, RestError> {
        let uri = format!("{path}?fieldManager={MANAGER}{query}");
        self.send("POST", &uri, "application/json", object.to_string().into_bytes()).await
    }

    /// Puts an object in the place of the one that is there.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn replace(&self, path: &str, object: &Value, query: &str) -> Result<Value, RestError> {
        let uri = format!("{path}?fieldManager={MANAGER}{query}");
        self.send("PUT", &uri, "application/json", object.to_string().into_bytes()).await
    }

    /// Patches an object.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn patch(&self, path: &str, kind: PatchKind, patch: &Value, query: &str) -> Result<Value, RestError> {
        let content = match kind {
            PatchKind::Merge => "application/merge-patch+json",
            PatchKind::Json => "application/json-patch+json",
            PatchKind::Strategic => "application/strategic-merge-patch+json",
            PatchKind::Apply => "application/apply-patch+yaml",
        };
        let uri = format!("{path}?fieldManager={MANAGER}{query}");
        self.send("PATCH", &uri, content, patch.to_string().into_bytes()).await
    }

    /// Deletes an object; returns what is left of it, `None` when it was gone already.
    ///
    /// # Errors
    /// When the server refuses or does not answer.
    pub async fn delete(&self, path: &str, options: &Value) -> Result<Option<Value>, RestError> {
        match self.send("DELETE", path, "application/json", options.to_string().into_bytes()).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.code() == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }
}
