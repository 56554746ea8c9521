//! A folder with repositories, and a server of them.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tiphys_git::{ObjectId, serve};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A repository to work in, and its bare twin that is served.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        git(place.folder.path(), &["init", "--quiet", "--initial-branch=main", "work"]);
        git(place.folder.path(), &["init", "--quiet", "--bare", "--initial-branch=main", "app.git"]);
        git(&place.work(), &["remote", "add", "origin", "../app.git"]);
        place
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    pub(crate) fn served(&self) -> PathBuf {
        self.folder.path().join("app.git")
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.work().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Commits everything, pushes it with all tags, and returns the commit.
    pub(crate) fn push(&self, message: &str) -> ObjectId {
        git(&self.work(), &["add", "--all"]);
        git(&self.work(), &["commit", "--quiet", "--allow-empty", "--message", message]);
        git(&self.work(), &["push", "--quiet", "--tags", "origin", "HEAD:main"]);
        git(&self.work(), &["rev-parse", "HEAD"]).parse().unwrap()
    }
}

/// Runs git in a folder, as somebody whose name and time are always the same.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let who = ["AUTHOR", "COMMITTER"].into_iter().flat_map(|role| {
        let values = [("NAME", "Medea"), ("EMAIL", "medea@example.com"), ("DATE", "2026-01-05T09:00:00Z")];
        values.map(|(key, value)| (format!("GIT_{role}_{key}"), value))
    });
    let mut command = Command::new("git");
    command.current_dir(folder).args(arguments).envs(who).env("GIT_CONFIG_GLOBAL", "/dev/null");
    let done = command.env("GIT_TERMINAL_PROMPT", "0").output().unwrap();
    assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

/// What a server does with requests.
#[derive(Clone, Default)]
pub(crate) struct Manners {
    /// User and password that it asks for.
    pub(crate) wants: Option<(&'static str, &'static str)>,
    /// Where it sends everybody.
    pub(crate) moved_to: Option<String>,
    /// Headers of the requests that came.
    pub(crate) seen: Arc<Mutex<Vec<HeaderMap>>>,
}

/// Serves the repositories of a folder until the runtime ends.
pub(crate) async fn start(root: PathBuf, manners: Manners) -> SocketAddr {
    start_with(root, manners, None).await
}

/// Serves with TLS.
pub(crate) async fn start_with(root: PathBuf, manners: Manners, tls: Option<TlsAcceptor>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (root, manners) = (root.clone(), manners.clone());
            let service = service_fn(move |request| {
                let (root, manners) = (root.clone(), manners.clone());
                async move { Ok::<_, std::io::Error>(answer(&root, request, &manners).await) }
            });
            let tls = tls.clone();
            tokio::spawn(async move {
                let connection = http1::Builder::new();
                // Clients that are refused, or go away, are no failure of the server.
                let _ = match tls {
                    None => connection.serve_connection(TokioIo::new(stream), service).await,
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => connection.serve_connection(TokioIo::new(stream), service).await,
                        Err(_) => return,
                    },
                };
            });
        }
    });
    address
}

type Answer = Response<BoxBody<Bytes, std::io::Error>>;

async fn answer(root: &Path, request: Request<Incoming>, manners: &Manners) -> Answer {
    manners.seen.lock().unwrap().push(request.headers().clone());
    if let Some(host) = &manners.moved_to {
        let location = format!("http://{host}{}", request.uri().path_and_query().unwrap());
        return short(StatusCode::MOVED_PERMANENTLY, header::LOCATION, &location);
    }
    if let Some((user, password)) = manners.wants {
        let wanted = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        if request.headers().get(header::AUTHORIZATION).is_none_or(|found| found.as_bytes() != wanted.as_bytes()) {
            return short(StatusCode::UNAUTHORIZED, header::WWW_AUTHENTICATE, "Basic");
        }
    }
    let user = manners.wants.map(|(user, _)| user);
    serve::answer(root, request, user).await.unwrap().map(BodyExt::boxed)
}

fn short(status: StatusCode, name: header::HeaderName, value: &str) -> Answer {
    let body = Full::new(Bytes::new()).map_err(|never| match never {}).boxed();
    Response::builder().status(status).header(name, value).body(body).unwrap()
}
