//! One call at a time of gRPC over HTTP/2 over a Unix socket.

use std::{path::Path, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, Request, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::UnixStream;

/// A method of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method {
    service: &'static str,
    /// Its name such as `Route`.
    pub name: &'static str,
}

/// All methods.
#[derive(Debug)]
pub struct Methods {
    /// `Plugin.Describe`.
    pub describe: Method,
    /// `Traffic.Route`.
    pub route: Method,
    /// `Traffic.Verify`.
    pub verify: Method,
    /// `Metric.Run`.
    pub measure: Method,
    /// `Metric.Resume`.
    pub resume: Method,
    /// `Metric.Terminate`.
    pub terminate_measurement: Method,
    /// `Metric.GarbageCollect`.
    pub garbage_collect: Method,
    /// `Step.Run`.
    pub run_step: Method,
    /// `Step.Terminate`.
    pub terminate_step: Method,
    /// `Step.Abort`.
    pub abort_step: Method,
}

/// All methods.
pub const METHODS: Methods = Methods {
    describe: Method { service: "Plugin", name: "Describe" },
    route: Method { service: "Traffic", name: "Route" },
    verify: Method { service: "Traffic", name: "Verify" },
    measure: Method { service: "Metric", name: "Run" },
    resume: Method { service: "Metric", name: "Resume" },
    terminate_measurement: Method { service: "Metric", name: "Terminate" },
    garbage_collect: Method { service: "Metric", name: "GarbageCollect" },
    run_step: Method { service: "Step", name: "Run" },
    terminate_step: Method { service: "Step", name: "Terminate" },
    abort_step: Method { service: "Step", name: "Abort" },
};

impl Method {
    /// Returns the path of the method.
    #[must_use]
    pub fn path(self) -> String {
        format!("/tiphys.plugin.v1.{}/{}", self.service, self.name)
    }
}

/// A status code of gRPC other than OK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code(pub u32);

/// `UNIMPLEMENTED`: the plugin does not serve the method.
const UNIMPLEMENTED: Code = Code(12);

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrpcError {
    /// The plugin says so.
    #[error("{message}")]
    Status {
        /// Its code.
        code: Code,
        /// Its message.
        message: String,
    },
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Connection(String),
    /// The answer is none of gRPC or of the message's type.
    #[error("the answer is nonsense: {0}")]
    Nonsense(String),
    /// The answer is too large.
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
}

impl GrpcError {
    /// Returns whether the plugin does not serve the method.
    #[must_use]
    pub fn is_unimplemented(&self) -> bool {
        matches!(self, Self::Status { code, .. } if *code == UNIMPLEMENTED)
    }

    /// Returns whether the process that answered so can be trusted with further calls.
    pub(crate) fn is_status(&self) -> bool {
        matches!(self, Self::Status { .. })
    }
}

/// A connection. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Channel {
    sender: http2::SendRequest<Full<Bytes>>,
    max_message: usize,
}

impl Channel {
    /// Connects to a socket.
    pub(crate) async fn connect(socket: &Path, max_message: usize) -> Result<Self, GrpcError> {
        let broken = |error: &dyn std::error::Error| GrpcError::Connection(error.to_string());
        let stream = UnixStream::connect(socket).await.map_err(|error| broken(&error))?;
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
        tokio::spawn(connection);
        Ok(Self { sender, max_message })
    }

    /// Makes a call. Whoever calls limits the time; the plugin is told the limit too.
    pub(crate) async fn call<Q: Message, A: Message + Default>(
        &mut self,
        method: Method,
        request: &Q,
        limit: Duration,
    ) -> Result<A, GrpcError> {
        let broken = |error: hyper::Error| GrpcError::Connection(chain(&error));
        self.sender.ready().await.map_err(broken)?;
        let response = self.sender.send_request(framed(method, request, limit)?).await.map_err(broken)?;
        if response.status() != http::StatusCode::OK {
            return Err(GrpcError::Nonsense(format!("status {}", response.status())));
        }
        let headers = response.headers().clone();
        if !headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc")) {
            return Err(GrpcError::Nonsense("it is not gRPC".to_owned()));
        }
        let (body, trailers) = read(response.into_body(), self.max_message).await?;
        check(trailers.as_ref().unwrap_or(&headers))?;
        let message = unframed(&body)?;
        A::decode(message).map_err(|error| GrpcError::Nonsense(error.to_string()))
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

fn framed<Q: Message>(method: Method, request: &Q, limit: Duration) -> Result<Request<Full<Bytes>>, GrpcError> {
    let wrong = |error: &dyn std::error::Error| GrpcError::Connection(error.to_string());
    let mut body = BytesMut::with_capacity(request.encoded_len() + 5);
    body.put_u8(0);
    body.put_u32(u32::try_from(request.encoded_len()).map_err(|error| wrong(&error))?);
    request.encode(&mut body).map_err(|error| wrong(&error))?;
    let uri = Uri::builder().scheme("http").authority("plugin").path_and_query(method.path()).build();
    Request::post(uri.map_err(|error| wrong(&error))?)
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .header("grpc-timeout", format!("{}m", limit.as_millis()))
        .body(Full::new(body.freeze()))
        .map_err(|error| wrong(&error))
}

async fn read(mut body: Incoming, max: usize) -> Result<(Bytes, Option<HeaderMap>), GrpcError> {
    let mut all = BytesMut::new();
    let mut trailers = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| GrpcError::Connection(chain(&error)))?;
        match frame.into_data() {
            Ok(data) => {
                if all.len() + data.len() > max + 5 {
                    return Err(GrpcError::TooLarge(max));
                }
                all.extend_from_slice(&data);
            }
            Err(other) => trailers = other.into_trailers().ok(),
        }
    }
    Ok((all.freeze(), trailers))
}

fn check(trailers: &HeaderMap) -> Result<(), GrpcError> {
    let text = |name| trailers.get(name).and_then(|value| value.to_str().ok());
    let code: Option<u32> = text("grpc-status").and_then(|code| code.parse().ok());
    match code {
        Some(0) => Ok(()),
        Some(code) => Err(GrpcError::Status { code: Code(code), message: message(code, text("grpc-message")) }),
        None => Err(GrpcError::Nonsense("it has no grpc-status".to_owned())),
    }
}

/// Messages come with percent signs for what headers cannot carry.
fn message(code: u32, text: Option<&str>) -> String {
    let text = text.unwrap_or_default().as_bytes();
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let digits = text.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(decoded) if *byte == b'%' => {
                bytes.push(decoded);
                at += 3;
            }
            _ => {
                bytes.push(*byte);
                at += 1;
            }
        }
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if text.is_empty() { format!("status {code}") } else { text }
}

fn unframed(body: &Bytes) -> Result<Bytes, GrpcError> {
    let wrong = |why: &str| GrpcError::Nonsense(why.to_owned());
    let head = body.get(..5).ok_or_else(|| wrong("there is no message"))?;
    if head.first() != Some(&0) {
        return Err(wrong("the message is compressed"));
    }
    let length = head.iter().skip(1).fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
    let message = body.slice(5..);
    if message.len() == length { Ok(message) } else { Err(wrong("the message has another length than it says")) }
}
