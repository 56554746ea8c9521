//! Routes, headers, sessions and streams.

mod act;
mod guard;
mod live;
mod login;
mod pages;
mod session;

use std::sync::{Arc, atomic::AtomicUsize};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use kube::Client;
use tiphys_clock::Clock;
use tiphys_runtime::recorder::Recorder;
use tokio::{sync::Semaphore, task::JoinSet};

pub(crate) use self::{
    act::{Asked, Failure, act},
    live::stream_of,
    login::{Refused as LoginRefused, address},
    session::Viewer,
};
use crate::{
    Config, Error, Link,
    account::{bootstrap, limit::Limits},
    api,
    board::Board,
};

/// No body that anybody sends here is longer.
const BODY_MAX: usize = 64 * 1024;
/// Passwords that are checked at a time.
const LOGINS: usize = 4;
/// Who signs events.
const COMPONENT: &str = "tiphys-server";

/// The address of who asks, put into each request by who accepts connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) std::net::IpAddr);

/// What handlers share.
pub(crate) struct State {
    pub(crate) board: Board,
    pub(crate) config: Config,
    pub(crate) recorder: Recorder,
    limits: Limits,
    logins: Semaphore,
    link: Option<Link>,
    revoked: session::Revoked,
    streams: AtomicUsize,
}

/// The server: watches, and a router to serve.
pub struct Server {
    state: Arc<State>,
    // Ends the watches when it is dropped.
    _tasks: JoinSet<()>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("config", &self.state.config).finish_non_exhaustive()
    }
}

impl Server {
    /// Makes the accounts that are missing, and starts to watch. `link` lets one person in without a password.
    ///
    /// # Errors
    /// If the accounts cannot be set up.
    pub async fn start(client: Client, clock: Clock, config: Config, link: Option<Link>) -> Result<Self, Error> {
        bootstrap::run(&client, &config.namespace, clock.now()).await?;
        let (board, tasks) = Board::start(client.clone(), clock, &config);
        let state = State {
            board,
            config,
            recorder: Recorder::new(client, clock, COMPONENT),
            limits: Limits::default(),
            logins: Semaphore::new(LOGINS),
            link,
            revoked: session::Revoked::default(),
            streams: AtomicUsize::new(0),
        };
        Ok(Self { state: Arc::new(state), _tasks: tasks })
    }

    /// Waits until everything that pages show has been read once.
    pub async fn ready(&self) {
        self.state.board.ready().await;
    }

    /// Returns the service of everything.
    pub fn router(&self) -> Router {
        let state = self.state.clone();
        Router::new()
            .route("/login", get(login::page).post(login::password))
            .route("/login/link", get(login::link))
            .route("/logout", post(login::logout))
            .route("/live", get(live::page))
            .route("/assets/{file}", get(crate::page::assets::serve))
            .route("/healthz", get(async || "ok"))
            .route("/rollouts/{namespace}/{name}/actions/{action}", get(pages::sheet).post(pages::act))
            .route("/rollouts/{namespace}/{name}/pods/{pod}", get(pages::pod))
            .route("/restarts/new", get(pages::new_restart).post(pages::restart))
            .merge(api_routes())
            .fallback(pages::show)
            .layer(middleware::from_fn_with_state(state.clone(), guard::guard))
            .layer(DefaultBodyLimit::max(BODY_MAX))
            .with_state(state)
    }
}

fn api_routes() -> Router<Arc<State>> {
    let dashboard = "/api/v1/rollouts/{namespace}";
    Router::new()
        .route("/api/openapi.json", get(api::openapi::document))
        .route("/api/v1/session", post(api::session::create).delete(api::session::delete))
        .route("/api/v1/releases", get(api::releases::list))
        .route("/api/v1/releases/{namespace}/{name}", get(api::releases::one))
        .route("/api/v1/releases/{namespace}/{name}/actions", get(api::releases::actions))
        .route("/api/v1/releases/{namespace}/{name}/actions/{action}", post(api::releases::act))
        .route("/api/v1/namespace", get(api::dashboard::namespace))
        .route("/api/v1/version", get(api::dashboard::version))
        .route(&format!("{dashboard}/info"), get(api::dashboard::list))
        .route(&format!("{dashboard}/info/watch"), get(api::dashboard::watch_list))
        .route(&format!("{dashboard}/{{name}}/info"), get(api::dashboard::one))
        .route(&format!("{dashboard}/{{name}}/info/watch"), get(api::dashboard::watch_one))
        .route(&format!("{dashboard}/{{name}}/restart"), put(api::dashboard::restart))
        .route(&format!("{dashboard}/{{name}}/promote"), put(api::dashboard::promote))
        .route(&format!("{dashboard}/{{name}}/abort"), put(api::dashboard::abort))
        .route(&format!("{dashboard}/{{name}}/retry"), put(api::dashboard::retry))
        .route(&format!("{dashboard}/{{name}}/undo/{{revision}}"), put(api::dashboard::undo))
        .route(&format!("{dashboard}/{{name}}/set/{{container}}/{{*image}}"), put(api::dashboard::set_image))
}

/// Returns a JSON answer.
pub(crate) fn json(status: StatusCode, body: &serde_json::Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// Returns the value of a field in a form or a query.
pub(crate) fn field(form: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(form).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
