//! The HTTP client of a conversation: `gix` asks it for requests and reads the answers as they arrive.
//!
//! Guarantees: credentials go to the host of the remote only, also after a redirect; a redirect never leads from https to
//! http; every wait ends within the remote's time-out; no more than the remote's limit of bytes is read.

use std::{
    any::Any,
    io::{self, BufRead, Cursor, Read, Write},
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::{Buf, Bytes};
use gix::protocol::transport::client::blocking_io::http::{
    GetResponse, Http as Transport, PostBodyDataKind, PostResponse,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::runtime::{Builder, Runtime};

use super::{Remote, RemoteError, address, trust};

/// Redirects in a row at most.
const REDIRECTS: usize = 5;
/// Bytes of a question at most: names of objects that we want and have.
const QUESTION: usize = 64 << 20;

/// The client of one conversation.
pub(super) struct Http {
    line: Arc<Line>,
    /// Where the repository really is, once a redirect has said so.
    moved: Option<String>,
}

struct Line {
    runtime: Runtime,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    /// Sent to this scheme and authority only.
    authorization: Option<(Uri, HeaderValue)>,
    timeout: Duration,
    left: Mutex<u64>,
}

impl Http {
    pub(super) fn new(remote: &Remote, url: &gix::Url) -> Result<Self, RemoteError> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(RemoteError::Scratch)?;
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(trust::config(remote)?).https_or_http().enable_http1();
        let client = Client::builder(TokioExecutor::new()).build(connector.build());
        let line = Line {
            runtime,
            client,
            authorization: authorization(remote, url)?,
            timeout: remote.timeout,
            left: Mutex::new(remote.max_bytes),
        };
        Ok(Self { line: Arc::new(line), moved: None })
    }
}

/// The header that logs in, and where it may go.
fn authorization(remote: &Remote, url: &gix::Url) -> Result<Option<(Uri, HeaderValue)>, RemoteError> {
    let wrong = |cause: String| RemoteError::Address { url: address::shown(&remote.url), cause };
    let in_url = url.user().map(|user| (user.to_owned(), url.password().unwrap_or_default().to_owned()));
    let value = match (&remote.credentials.bearer, remote.credentials.basic.clone().or(in_url)) {
        (Some(token), _) => format!("Bearer {token}"),
        (None, Some((user, password))) => format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))),
        (None, None) => return Ok(None),
    };
    let uri: Uri =
        address::shown(&remote.url).parse().map_err(|error: http::uri::InvalidUri| wrong(error.to_string()))?;
    let mut value = HeaderValue::try_from(value).map_err(|_| wrong("the credentials cannot be sent".to_owned()))?;
    value.set_sensitive(true);
    Ok(Some((uri, value)))
}

impl Transport for Http {
    type Headers = Headers;
    type ResponseBody = Body;
    type PostBody = Question;

    fn get(
        &mut self,
        url: &str,
        base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> gix::Result<GetResponse<Headers, Body>> {
        let answer = self.follow(url, base_url, &header_map(headers)).map_err(gix::Error::from_error)?;
        let exchange = Exchange::shared(&self.line, State::Answered(answer));
        Ok(GetResponse { headers: Headers::of(&exchange), body: Body::of(&exchange) })
    }

    fn post(
        &mut self,
        url: &str,
        _base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
        _body: PostBodyDataKind,
    ) -> gix::Result<PostResponse<Headers, Body, Question>> {
        let uri = url.parse::<Uri>().map_err(gix::Error::from_error)?;
        let exchange =
            Exchange::shared(&self.line, State::Asking { uri, headers: header_map(headers), text: Vec::new() });
        let (headers, body) = (Headers::of(&exchange), Body::of(&exchange));
        Ok(PostResponse { post_body: Question(exchange), headers, body })
    }

    fn configure(&mut self, _config: &dyn Any) -> gix::Result {
        Ok(())
    }

    fn redirected_base_url(&self) -> Option<String> {
        self.moved.clone()
    }
}

impl Http {
    /// Asks, and asks again where a redirect leads.
    fn follow(&mut self, url: &str, base_url: &str, headers: &HeaderMap) -> io::Result<Response<Incoming>> {
        let mut uri: Uri = url.parse().map_err(io::Error::other)?;
        for _ in 0..=REDIRECTS {
            let answer = self.line.send(Method::GET, &uri, headers, Bytes::new())?;
            let Some(next) = redirect(&uri, &answer)? else {
                let tail = url.strip_prefix(base_url).unwrap_or_default();
                self.moved = uri.to_string().strip_suffix(tail).filter(|base| *base != base_url).map(str::to_owned);
                return accepted(answer);
            };
            uri = next;
        }
        Err(io::Error::other(format!("stopped after {REDIRECTS} redirects")))
    }
}

fn header_map(lines: impl IntoIterator<Item = impl AsRef<str>>) -> HeaderMap {
    let pairs = lines.into_iter().filter_map(|line| {
        let (name, value) = line.as_ref().split_once(':')?;
        Some((HeaderName::try_from(name.trim()).ok()?, HeaderValue::try_from(value.trim()).ok()?))
    });
    pairs.collect()
}

/// Returns where a redirect leads, absolute.
fn redirect(from: &Uri, answer: &Response<Incoming>) -> io::Result<Option<Uri>> {
    if !answer.status().is_redirection() {
        return Ok(None);
    }
    let location = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    let location = location.ok_or_else(|| io::Error::other("a redirect that leads nowhere"))?;
    let (scheme, authority) = (from.scheme_str().unwrap_or("https"), from.authority().map_or("", |a| a.as_str()));
    let absolute = match location {
        _ if location.starts_with("//") => format!("{scheme}:{location}"),
        _ if location.starts_with('/') => format!("{scheme}://{authority}{location}"),
        _ => location.to_owned(),
    };
    let to: Uri = absolute.parse().map_err(io::Error::other)?;
    match (from.scheme_str(), to.scheme_str()) {
        (_, Some("https")) | (Some("http"), Some("http")) => Ok(Some(to)),
        _ => Err(io::Error::other("a redirect away from https is not followed")),
    }
}

/// Errors for answers that are none.
fn accepted(answer: Response<Incoming>) -> io::Result<Response<Incoming>> {
    let status = answer.status();
    match status {
        _ if status.is_success() => Ok(answer),
        StatusCode::UNAUTHORIZED => {
            Err(io::Error::new(io::ErrorKind::PermissionDenied, "authentication is required, or was refused (401)"))
        }
        StatusCode::FORBIDDEN => Err(io::Error::new(io::ErrorKind::PermissionDenied, "access is denied (403)")),
        StatusCode::NOT_FOUND => Err(io::Error::new(io::ErrorKind::NotFound, "there is no repository here (404)")),
        _ => Err(io::Error::other(format!("the server answered {status}"))),
    }
}

impl Line {
    fn send(&self, method: Method, uri: &Uri, headers: &HeaderMap, body: Bytes) -> io::Result<Response<Incoming>> {
        let mut request = http::Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers.clone();
        if let Some((home, value)) = &self.authorization
            && home.scheme() == uri.scheme()
            && home.authority() == uri.authority()
        {
            request.headers_mut().insert(header::AUTHORIZATION, value.clone());
        }
        let answered = async { tokio::time::timeout(self.timeout, self.client.request(request)).await };
        let answered = self.runtime.block_on(answered).map_err(|_| self.too_late())?;
        answered.map_err(|error| io::Error::other(deepest(&error)))
    }

    /// Returns the next part of an answer.
    fn part(&self, body: &mut Incoming) -> io::Result<Option<Bytes>> {
        loop {
            let frame = async { tokio::time::timeout(self.timeout, body.frame()).await };
            let Some(frame) = self.runtime.block_on(frame).map_err(|_| self.too_late())? else { return Ok(None) };
            let frame = frame.map_err(|error| io::Error::other(deepest(&error)))?;
            let Ok(part) = frame.into_data() else { continue };
            self.count(part.len())?;
            return Ok(Some(part));
        }
    }

    fn count(&self, bytes: usize) -> io::Result<()> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        *left = left.checked_sub(bytes as u64).ok_or_else(|| io::Error::other("the repository sends too much"))?;
        Ok(())
    }

    fn too_late(&self) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {:?}", self.timeout))
    }
}

/// What is at the bottom of an error says most.
fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

/// A question and its answer, shared by who writes the one and reads the other.
struct Exchange {
    line: Arc<Line>,
    state: State,
}

enum State {
    Asking {
        uri: Uri,
        headers: HeaderMap,
        text: Vec<u8>,
    },
    Answered(Response<Incoming>),
    /// It failed, and the failure was told.
    Over,
}

type Shared = Arc<Mutex<Exchange>>;

impl Exchange {
    fn shared(line: &Arc<Line>, state: State) -> Shared {
        Arc::new(Mutex::new(Self { line: Arc::clone(line), state }))
    }

    /// Returns the answer; asks first where that was not done.
    fn answer(&mut self) -> io::Result<&mut Response<Incoming>> {
        if let State::Asking { .. } = &self.state
            && let State::Asking { uri, headers, text } = mem::replace(&mut self.state, State::Over)
        {
            self.state = State::Answered(accepted(self.line.send(Method::POST, &uri, &headers, text.into())?)?);
        }
        match &mut self.state {
            State::Answered(answer) => Ok(answer),
            _ => Err(io::Error::other("the request failed before")),
        }
    }
}

/// Takes the question. It is sent when its answer is wanted.
pub(super) struct Question(Shared);

impl Write for Question {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut exchange = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut exchange.state {
            State::Asking { text, .. } if text.len() + bytes.len() <= QUESTION => text.extend_from_slice(bytes),
            State::Asking { .. } => return Err(io::Error::other("the question is too long")),
            _ => return Err(io::Error::other("the question was already sent")),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The headers of an answer, a line each.
pub(super) struct Headers {
    exchange: Shared,
    lines: Option<Cursor<Vec<u8>>>,
}

impl Headers {
    fn of(exchange: &Shared) -> Self {
        Self { exchange: Arc::clone(exchange), lines: None }
    }

    fn lines(&mut self) -> io::Result<&mut Cursor<Vec<u8>>> {
        if self.lines.is_none() {
            let mut exchange = self.exchange.lock().unwrap_or_else(PoisonError::into_inner);
            let mut lines = Vec::new();
            for (name, value) in exchange.answer()?.headers() {
                lines.extend_from_slice(name.as_str().as_bytes());
                lines.extend_from_slice(b": ");
                lines.extend_from_slice(value.as_bytes());
                lines.push(b'\n');
            }
            self.lines = Some(Cursor::new(lines));
        }
        Ok(self.lines.get_or_insert_default())
    }
}

impl Read for Headers {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.lines()?.read(into)
    }
}

impl BufRead for Headers {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.lines()?.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Some(lines) = &mut self.lines {
            lines.consume(amount);
        }
    }
}

/// The body of an answer, as it arrives.
pub(super) struct Body {
    exchange: Shared,
    part: Bytes,
}

impl Body {
    fn of(exchange: &Shared) -> Self {
        Self { exchange: Arc::clone(exchange), part: Bytes::new() }
    }
}

impl BufRead for Body {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.part.is_empty() {
            let mut exchange = self.exchange.lock().unwrap_or_else(PoisonError::into_inner);
            let line = Arc::clone(&exchange.line);
            let body = exchange.answer()?.body_mut();
            while self.part.is_empty() {
                let Some(part) = line.part(body)? else { break };
                self.part = part;
            }
        }
        Ok(&self.part)
    }

    fn consume(&mut self, amount: usize) {
        self.part.advance(amount);
    }
}

impl Read for Body {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let count = ready.len().min(into.len());
        into[..count].copy_from_slice(&ready[..count]);
        self.consume(count);
        Ok(count)
    }
}
