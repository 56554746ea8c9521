//! A small host of repositories: plain `git` clones and pushes over HTTP, with a token, and whoever watches hears of a push
//! at once.
//!
//! ```text
//!   git push ──HTTP──> Hosting ──> git http-backend ──> repositories in a folder
//!                         └──after it: references──> watch channel
//! ```

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io::{self, Read, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use gix::ObjectId;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{
    body::{Body, Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    task::JoinHandle,
};

use crate::serve::{self, Output, ServeError};

/// Connections that are served at a time; more wait.
const CONNECTIONS: usize = 32;
/// Time for a client to say what it wants.
const HEADERS: Duration = Duration::from_secs(10);
/// The name that commits of the host itself have.
const AUTHOR: &str = "Tiphys <tiphys@localhost>";

/// The references of every repository, by its name: what each branch and tag is.
pub type References = BTreeMap<String, BTreeMap<String, ObjectId>>;

/// A host that serves until it is dropped.
#[derive(Debug)]
pub struct Hosting {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    token: String,
    references: watch::Sender<References>,
}

impl Drop for Hosting {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Returns a new token: 48 digits that nobody can guess.
///
/// # Errors
/// When the machine gives no random numbers.
pub fn new_token() -> io::Result<String> {
    let mut bytes = [0; 24];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Hosting {
    /// Serves the repositories of a folder; port 0 takes a free one. Only who knows the token may read or write.
    ///
    /// # Errors
    /// When the program `git` is missing, or the address is taken.
    pub async fn start(address: SocketAddr, root: PathBuf, token: String) -> Result<Self, ServeError> {
        serve::check().await?;
        std::fs::create_dir_all(&root).map_err(ServeError::Folder)?;
        let listener = TcpListener::bind(address).await.map_err(ServeError::Listen)?;
        let address = listener.local_addr().map_err(ServeError::Listen)?;
        let (references, _) = watch::channel(References::new());
        let shared = Arc::new(Shared { root, token, references });
        shared.notice_all();
        let task = tokio::spawn(listen(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, task })
    }

    /// Returns where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of a repository, without the token.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}.git", self.address)
    }

    /// Returns the URL of a repository with which `git` needs to be told nothing more.
    #[must_use]
    pub fn url_with_token(&self, name: &str) -> String {
        format!("http://tiphys:{}@{}/{name}.git", self.shared.token, self.address)
    }

    /// Returns a channel that always holds the references of all repositories; a push changes it before `git push` ends.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<References> {
        self.shared.references.subscribe()
    }

    /// Makes a repository, with a first commit of these files at `seconds` since 1970, unless it is there already.
    ///
    /// # Errors
    /// When the program `git` refuses.
    pub async fn create(&self, name: &str, files: &[(&str, &str)], seconds: i64) -> Result<(), ServeError> {
        let folder = self.shared.root.join(format!("{name}.git"));
        if folder.join("HEAD").exists() {
            return Ok(());
        }
        serve::create(&folder).await?;
        let imported = serve::import(&folder, &first_commit(files, seconds)).await;
        if imported.is_err() {
            // Half of one would stay without its files for ever.
            std::fs::remove_dir_all(&folder).map_err(ServeError::Folder)?;
        }
        self.shared.notice(name);
        imported
    }
}

/// Returns what `git fast-import` reads.
fn first_commit(files: &[(&str, &str)], seconds: i64) -> Vec<u8> {
    let message = "Say what should run\n";
    let mut text = Vec::new();
    let mut line = |parts: &[u8]| {
        // Writing to memory does not fail.
        let _ = text.write_all(parts);
    };
    line(format!("commit refs/heads/main\ncommitter {AUTHOR} {seconds} +0000\n").as_bytes());
    line(format!("data {}\n{message}\n", message.len()).as_bytes());
    for (path, content) in files {
        line(format!("M 100644 inline {path}\ndata {}\n{content}\n", content.len()).as_bytes());
    }
    line(b"done\n");
    text
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // No more files may be open; some will be closed.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let shared = Arc::clone(&shared);
                async move { Ok::<_, Infallible>(answer(&shared, request).await) }
            });
            let mut connection = http1::Builder::new();
            connection.timer(TokioTimer::new()).header_read_timeout(HEADERS);
            // A client that goes away is no failure.
            let _ = connection.serve_connection(TokioIo::new(stream), service).await;
            drop(place);
        });
    }
}

type Answer = Response<UnsyncBoxBody<Bytes, io::Error>>;

async fn answer(shared: &Arc<Shared>, request: Request<Incoming>) -> Answer {
    if !is_known(request.headers(), &shared.token) {
        let mut refusal = short(StatusCode::UNAUTHORIZED, "a token is needed, as the password of any user\n");
        let realm = HeaderValue::from_static("Basic realm=\"tiphys\"");
        refusal.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
        return refusal;
    }
    let Some(name) = repository_of(request.uri().path()).map(str::to_owned) else {
        return short(StatusCode::NOT_FOUND, "there is no such repository\n");
    };
    let pushes = request.uri().path().ends_with("/git-receive-pack");
    match serve::answer(&shared.root, request, Some("tiphys")).await {
        Ok(response) => response.map(|output| {
            let shared = pushes.then(|| Arc::clone(shared));
            Noticed { output, name, shared }.boxed_unsync()
        }),
        Err(error) => short(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error}\n")),
    }
}

fn short(status: StatusCode, text: &str) -> Answer {
    let body = Full::new(Bytes::from(text.to_owned())).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

/// Returns the name of the repository that a path is in.
fn repository_of(path: &str) -> Option<&str> {
    let (folder, _) = path.strip_prefix('/')?.split_once('/')?;
    let name = folder.strip_suffix(".git")?;
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (!name.is_empty() && name.bytes().all(is_plain)).then_some(name)
}

fn is_known(headers: &HeaderMap, token: &str) -> bool {
    let Some(value) = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) else { return false };
    if let Some(given) = value.strip_prefix("Bearer ") {
        return is_same(given.as_bytes(), token.as_bytes());
    }
    let Some(decoded) = value.strip_prefix("Basic ").and_then(|login| STANDARD.decode(login).ok()) else {
        return false;
    };
    let password = decoded.iter().position(|b| *b == b':').map(|at| &decoded[at + 1..]);
    password.is_some_and(|given| is_same(given, token.as_bytes()))
}

/// Takes the same time wherever they differ.
fn is_same(given: &[u8], wanted: &[u8]) -> bool {
    given.len() == wanted.len() && given.iter().zip(wanted).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

/// The answer to a push: when all of it was written, or nobody listens any more, the references are looked at.
struct Noticed {
    output: Output,
    name: String,
    shared: Option<Arc<Shared>>,
}

impl Noticed {
    fn notice(&mut self) {
        if let Some(shared) = self.shared.take() {
            shared.notice(&self.name);
        }
    }
}

impl Drop for Noticed {
    fn drop(&mut self) {
        self.notice();
    }
}

impl Body for Noticed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let polled = Pin::new(&mut self.output).poll_frame(cx);
        if matches!(polled, Poll::Ready(None)) {
            self.notice();
        }
        polled
    }
}

impl Shared {
    fn notice_all(&self) {
        let names = std::fs::read_dir(&self.root).into_iter().flatten().filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            name.strip_suffix(".git").map(str::to_owned)
        });
        for name in names {
            self.notice(&name);
        }
    }

    /// Tells what the references of a repository are, if that has changed.
    fn notice(&self, name: &str) {
        let found = references(&self.root.join(format!("{name}.git")));
        self.references.send_if_modified(|all| {
            let is_new = all.get(name) != Some(&found);
            if is_new {
                all.insert(name.to_owned(), found);
            }
            is_new
        });
    }
}

/// Returns the references of a repository on disk; none that cannot be read.
fn references(folder: &Path) -> BTreeMap<String, ObjectId> {
    let options = gix::open::Options::isolated();
    let Ok(repository) = gix::open_opts(folder, options) else { return BTreeMap::new() };
    let Ok(platform) = repository.references() else { return BTreeMap::new() };
    let Ok(all) = platform.all() else { return BTreeMap::new() };
    let read = all.filter_map(|reference| {
        let reference = reference.ok()?;
        let name = reference.name().as_bstr().to_string();
        Some((name, reference.try_id()?.detach()))
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_repositories_are_served() {
        for (path, expected) in [
            ("/demo.git/info/refs", Some("demo")),
            ("/demo.git", None),
            ("/demo/info/refs", None),
            ("/../demo.git/info/refs", None),
            ("/a%2fb.git/info/refs", None),
            ("/.git/config", None),
        ] {
            assert_eq!(repository_of(path), expected, "{path}");
        }
    }

    #[test]
    fn a_token_is_a_password_or_a_bearer() {
        let check = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            is_known(&headers, "secret")
        };
        assert!(check("Bearer secret") && check(&format!("Basic {}", STANDARD.encode("anyone:secret"))));
        let wrong = ["Bearer secre".to_owned(), "Bearer ".to_owned(), format!("Basic {}", STANDARD.encode("secret"))];
        assert!(!wrong.iter().any(|value| check(value)) && !is_known(&HeaderMap::new(), "secret"));
    }
}
