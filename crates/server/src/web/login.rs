//! Logging in and out.

use std::{net::IpAddr, sync::Arc};

use axum::{
    Extension,
    body::Bytes,
    extract::{RawQuery, State as Shared},
    http::{HeaderMap, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Redirect, Response},
};
use tiphys_machinery::time;

use super::{Peer, State, Viewer, field, session};
use crate::{
    account::{password, settings::ADMIN},
    page::login::{Form, form},
};

/// Names are no longer, upstream's limit.
const NAME_MAX: usize = 32;
const WRONG: &str = "That name and password do not belong together.";
const USED: &str = "This link was used already, or is not of this server. Each start of the sandbox prints a new one.";

/// Shows the form; who is logged in goes on.
pub(super) async fn page(
    Shared(state): Shared<Arc<State>>,
    viewer: Option<Extension<Viewer>>,
    RawQuery(query): RawQuery,
) -> Response {
    let next = place(query.as_deref().unwrap_or_default().as_bytes());
    if viewer.is_some() {
        return Redirect::to(&next).into_response();
    }
    let told = Form { next: &next, namespace: &state.config.namespace, ..Form::default() };
    (StatusCode::OK, form(&told)).into_response()
}

/// Checks a password.
pub(super) async fn password(
    Shared(state): Shared<Arc<State>>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (name, secret) = (field(&body, "name").unwrap_or_default(), field(&body, "password").unwrap_or_default());
    let next = place(&body);
    let told = Form { name: &name, next: &next, namespace: &state.config.namespace, ..Form::default() };
    match state.log_in(&name, secret, address(peer), &headers).await {
        Ok(()) => begin(&state, &name, &next),
        Err(Refused::Wrong) => (StatusCode::UNAUTHORIZED, form(&Form { problem: WRONG, ..told })).into_response(),
        Err(Refused::Later(wait)) => {
            let text = format!("Too many attempts from here. Try again in {wait}; others are not affected.");
            (StatusCode::TOO_MANY_REQUESTS, form(&Form { problem: &text, ..told })).into_response()
        }
    }
}

/// Lets in who has the one-time link.
pub(super) async fn link(Shared(state): Shared<Arc<State>>, RawQuery(query): RawQuery) -> Response {
    let token = field(query.unwrap_or_default().as_bytes(), "token").unwrap_or_default();
    if state.link.as_ref().is_some_and(|link| link.redeem(&token)) {
        return begin(&state, ADMIN, "/");
    }
    let told = Form { next: "/", problem: USED, namespace: &state.config.namespace, ..Form::default() };
    (StatusCode::UNAUTHORIZED, form(&told)).into_response()
}

/// Ends the session, also its open streams.
pub(super) async fn logout(Shared(state): Shared<Arc<State>>, viewer: Extension<Viewer>) -> Response {
    state.revoke(&viewer);
    let gone = state.set_cookie(session::COOKIE, "", None);
    (AppendHeaders([(header::SET_COOKIE, gone)]), Redirect::to("/login")).into_response()
}

fn begin(state: &State, name: &str, next: &str) -> Response {
    match state.session_cookies(name) {
        Ok(cookies) => (AppendHeaders(cookies), Redirect::to(next)).into_response(),
        Err(error) => {
            tracing::error!(%error, "no session can be made");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Why nobody is let in.
pub(crate) enum Refused {
    /// Whatever is wrong: nobody learns which.
    Wrong,
    /// Too many failures; how long to wait.
    Later(String),
}

impl State {
    /// Checks a name and a password.
    pub(crate) async fn log_in(
        &self,
        name: &str,
        secret: String,
        address: Option<IpAddr>,
        headers: &HeaderMap,
    ) -> Result<(), Refused> {
        if name.len() > NAME_MAX || secret.is_empty() || secret.len() > password::LENGTH_MAX {
            return Err(Refused::Wrong);
        }
        let known = self.device(headers, name).map(|id| format!("device {id}"));
        let bucket =
            known.unwrap_or_else(|| format!("{} {name}", address.map_or_else(String::new, |ip| ip.to_string())));
        let now = self.board.clock.now();
        if let Some(until) = self.limits.closed_until(&bucket, now) {
            return Err(Refused::Later(time::human(until.duration_since(now))));
        }
        let settings = self.board.settings();
        let account = settings.accounts.get(name).filter(|account| account.is_enabled && account.may_login);
        // It never closes.
        let _turn = self.logins.acquire().await.ok();
        if password::is_right(secret, account.and_then(|account| account.hash.clone())).await {
            self.limits.succeeded(&bucket);
            return Ok(());
        }
        self.limits.failed(&bucket, now);
        Err(Refused::Wrong)
    }
}

/// Returns the address of who asks.
pub(crate) fn address(peer: Option<Extension<Peer>>) -> Option<IpAddr> {
    peer.map(|Extension(Peer(address))| address)
}

/// Where to go on: a path of this server, nothing else.
fn place(form: &[u8]) -> String {
    let is_path = |path: &String| {
        let follows = path.strip_prefix('/');
        follows.is_some_and(|rest| !rest.starts_with(['/', '\\'])) && !path.contains(char::is_control)
    };
    field(form, "next").filter(is_path).filter(|path| path.is_ascii()).unwrap_or_else(|| "/".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn login_leads_to_no_other_site() {
        for (next, expected) in [
            ("%2Frollouts%2Fshop%2Fweb", "/rollouts/shop/web"),
            ("https%3A%2F%2Fevil", "/"),
            ("%2F%2Fevil", "/"),
            ("%2F%5Cevil", "/"),
            ("%2Fa%0D%0Ab", "/"),
            ("javascript%3Aalert(1)", "/"),
            ("", "/"),
        ] {
            assert_eq!(place(format!("next={next}").as_bytes()), expected, "{next}");
        }
    }
}
