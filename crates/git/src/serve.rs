//! Serving repositories over HTTP to plain `git`, for cloning and pushing.
//!
//! The conversation itself is the program `git` (`git http-backend`): `gix` has no server side. Who may come in is decided by
//! the caller, before.

use std::{
    io,
    path::Path,
    pin::Pin,
    process::Stdio,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader, ReadBuf},
    process::{Child, ChildStdin, ChildStdout, Command},
};

/// Bytes of an answer that are read at once.
const PART: usize = 64 * 1024;
/// Bytes of one push at most: 256 MiB.
const PUSH: &str = "268435456";
/// Lines of headers that the program may write.
const HEADERS: usize = 64;

/// Why a request of a git client cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The program is missing.
    #[error("the program `git` cannot be started; install it to serve repositories")]
    Start(#[source] io::Error),
    /// The folder of the repositories cannot be used.
    #[error("the folder of the repositories cannot be used")]
    Folder(#[source] io::Error),
    /// The address cannot be listened on.
    #[error("the address for Git cannot be listened on")]
    Listen(#[source] io::Error),
    /// The program ended without an answer.
    #[error("the program `git` gave no answer")]
    Answer(#[source] io::Error),
}

/// Makes sure that the program `git` is there.
///
/// # Errors
/// When it is missing.
pub async fn check() -> Result<(), ServeError> {
    done(git().arg("version")).await
}

/// Makes an empty repository that can be cloned and pushed to, with `main` as its first branch. One that exists stays.
///
/// # Errors
/// When the program `git` is missing or refuses.
pub async fn create(folder: &Path) -> Result<(), ServeError> {
    done(git().args(["init", "--bare", "--quiet", "--initial-branch=main", "--"]).arg(folder)).await
}

/// Gives a repository what a stream for `git fast-import` holds.
///
/// # Errors
/// When the program `git` is missing or refuses.
pub(crate) async fn import(folder: &Path, stream: &[u8]) -> Result<(), ServeError> {
    let mut command = git();
    command.arg("--git-dir").arg(folder).args(["fast-import", "--quiet", "--done"]).stdin(Stdio::piped());
    let mut child = command.spawn().map_err(ServeError::Start)?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(stream).await.map_err(ServeError::Answer)?;
    }
    ended(&child.wait_with_output().await.map_err(ServeError::Answer)?)
}

async fn done(command: &mut Command) -> Result<(), ServeError> {
    ended(&command.output().await.map_err(ServeError::Start)?)
}

fn ended(made: &std::process::Output) -> Result<(), ServeError> {
    if made.status.success() {
        return Ok(());
    }
    Err(ServeError::Answer(io::Error::other(String::from_utf8_lossy(&made.stderr).trim().to_owned())))
}

/// Answers one request about a repository below `root`; the path of the request is the path below it. A `user` may push,
/// nobody else may.
///
/// # Errors
/// When the program `git` is missing or gives no answer.
pub async fn answer<B>(root: &Path, request: Request<B>, user: Option<&str>) -> Result<Response<Output>, ServeError>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::error::Error + Send + Sync,
{
    let (parts, body) = request.into_parts();
    let mut child = program(root, &parts, user).spawn().map_err(ServeError::Start)?;
    let missing = || ServeError::Answer(io::ErrorKind::BrokenPipe.into());
    let input = child.stdin.take().ok_or_else(missing)?;
    let output = child.stdout.take().ok_or_else(missing)?;
    // A program that has heard enough ends; the rest of the question does not matter then.
    tokio::spawn(feed(body, input));
    let mut reader = BufReader::with_capacity(PART, output);
    let mut response = Response::new(());
    head(&mut reader, &mut response).await.map_err(ServeError::Answer)?;
    Ok(response.map(|()| Output { reader, _child: child }))
}

fn git() -> Command {
    let mut command = Command::new("git");
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The program with the environment of RFC 3875.
fn program(root: &Path, parts: &http::request::Parts, user: Option<&str>) -> Command {
    let mut command = git();
    let text = |name: HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    command.arg("http-backend").stdin(Stdio::piped()).stderr(Stdio::null());
    let limit = [("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "receive.maxInputSize"), ("GIT_CONFIG_VALUE_0", PUSH)];
    command.envs(limit);
    command.env("GIT_PROJECT_ROOT", root).env("GIT_HTTP_EXPORT_ALL", "1");
    command.env("REQUEST_METHOD", parts.method.as_str()).env("PATH_INFO", parts.uri.path());
    command.env("QUERY_STRING", parts.uri.query().unwrap_or_default());
    command.env("CONTENT_TYPE", text(header::CONTENT_TYPE));
    command.env("HTTP_CONTENT_ENCODING", text(header::CONTENT_ENCODING));
    command.env("GIT_PROTOCOL", text(HeaderName::from_static("git-protocol")));
    if let Some(length) = parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()) {
        command.env("CONTENT_LENGTH", length);
    }
    if let Some(user) = user {
        command.env("REMOTE_USER", user);
    }
    command
}

async fn feed<B>(mut body: B, mut input: ChildStdin)
where
    B: Body<Data = Bytes> + Unpin,
{
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(part) = frame.into_data()
            && input.write_all(&part).await.is_err()
        {
            return;
        }
    }
}

/// Reads the headers that the program writes, and its status.
async fn head(reader: &mut BufReader<ChildStdout>, response: &mut Response<()>) -> io::Result<()> {
    for _ in 0..HEADERS {
        let mut line = String::new();
        if reader.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        if line.is_empty() {
            return Ok(());
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.eq_ignore_ascii_case("status") {
            let code = value.split_whitespace().next().unwrap_or_default();
            *response.status_mut() = code.parse().unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        } else if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.trim()), HeaderValue::try_from(value.trim())) {
            response.headers_mut().insert(name, value);
        }
    }
    Err(io::Error::other("too many headers"))
}

/// What the program answers, as it is written. The program ends with it.
#[derive(Debug)]
pub struct Output {
    reader: BufReader<ChildStdout>,
    _child: Child,
}

impl Body for Output {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let mut part = BytesMut::zeroed(PART);
        let mut buffer = ReadBuf::new(&mut part);
        match Pin::new(&mut self.reader).poll_read(cx, &mut buffer) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Some(Err(error))),
            Poll::Ready(Ok(())) => {
                let length = buffer.filled().len();
                part.truncate(length);
                Poll::Ready((length > 0).then(|| Ok(Frame::data(part.freeze()))))
            }
        }
    }
}
