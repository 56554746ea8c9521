//! Who asks: a session in a cookie, or a token.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use axum::http::{HeaderMap, header};
use jiff::Timestamp;
use tiphys_access::{Claims as Rights, Request};
use tiphys_runtime::cache::Key;
use tokio::sync::watch;

use super::State;
use crate::{
    Error,
    account::{
        random,
        settings::Settings,
        token::{self, Claims, Invalid},
    },
};

/// Name of the cookie, upstream's.
pub(crate) const COOKIE: &str = "argocd.token";
/// Name of the cookie that marks a browser which has logged in before.
pub(crate) const DEVICE: &str = "tiphys.device";
const DEVICE_ISSUER: &str = "tiphys-device";
/// How long a browser is remembered.
const DEVICE_SECONDS: i64 = 180 * 24 * 3600;

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Viewer {
    /// The account.
    pub(crate) name: String,
    /// The token, to be checked again while a stream is open.
    token: String,
    claims: Claims,
    rights: Rights,
}

impl Viewer {
    /// Returns whether the viewer may do this to a Rollout.
    pub(crate) fn may(&self, settings: &Settings, action: &str, key: &Key) -> bool {
        let object = format!("{}/{}", key.namespace, key.name);
        self.allowed(settings, "rollouts", action, &object)
    }

    /// Returns whether the viewer may do this.
    pub(crate) fn allowed(&self, settings: &Settings, resource: &str, action: &str, object: &str) -> bool {
        settings.access.allows(&self.rights, Request { resource, action, object })
    }

    /// Returns when the session ends.
    pub(crate) fn expires(&self) -> Option<Timestamp> {
        self.claims.exp.and_then(|second| Timestamp::from_second(second).ok())
    }
}

/// Tokens that were logged out, until they would expire.
#[derive(Debug)]
pub(crate) struct Revoked {
    ids: Mutex<BTreeMap<String, i64>>,
    told: watch::Sender<u64>,
}

impl Default for Revoked {
    fn default() -> Self {
        Self { ids: Mutex::default(), told: watch::Sender::new(0) }
    }
}

impl Revoked {
    fn add(&self, claims: &Claims, now: Timestamp) {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.retain(|_, expires| *expires > now.as_second());
        ids.insert(claims.jti.clone(), claims.exp.unwrap_or(i64::MAX));
        self.told.send_modify(|count| *count += 1);
    }

    fn contains(&self, id: &str) -> bool {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).contains_key(id)
    }

    /// Hears of revocations.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.told.subscribe()
    }
}

impl State {
    /// Returns who asks, by `Authorization: Bearer` or by the cookie.
    pub(crate) fn viewer(&self, headers: &HeaderMap) -> Result<Viewer, Invalid> {
        let token = bearer(headers).or_else(|| cookie(headers, COOKIE)).ok_or(Invalid::Form)?;
        self.verified(token)
    }

    /// Returns whether a viewer's token still holds.
    pub(crate) fn still_holds(&self, viewer: &Viewer) -> bool {
        self.verified(viewer.token.clone()).is_ok()
    }

    fn verified(&self, token: String) -> Result<Viewer, Invalid> {
        let settings = self.board.settings();
        let claims = token::verify(&token, &settings.key, self.board.clock.now())?;
        if self.revoked.contains(&claims.jti) {
            return Err(Invalid::Revoked);
        }
        let name = settings.account_of(&claims)?;
        let rights = Rights::new(serde_json::json!({"iss": claims.iss, "sub": name}));
        Ok(Viewer { name, token, claims, rights })
    }

    /// Returns a token for a session of an account.
    pub(crate) fn new_session(&self, account: &str) -> Result<String, Error> {
        let settings = self.board.settings();
        let now = self.board.clock.now().as_second();
        let lasts = i64::try_from(settings.session).ok().filter(|seconds| *seconds > 0);
        let claims = Claims {
            iss: tiphys_access::claims::LOCAL_ISSUER.to_owned(),
            sub: format!("{account}:login"),
            iat: now,
            nbf: Some(now),
            exp: lasts.map(|seconds| now.saturating_add(seconds)),
            jti: random::text()?,
        };
        Ok(token::sign(&claims, &settings.key))
    }

    /// Ends a session.
    pub(crate) fn revoke(&self, viewer: &Viewer) {
        self.revoked.add(&viewer.claims, self.board.clock.now());
    }

    /// Hears of ended sessions.
    pub(crate) fn revocations(&self) -> watch::Receiver<u64> {
        self.revoked.changes()
    }

    /// Returns the value of a cookie that marks a browser as one of an account.
    pub(crate) fn new_device(&self, account: &str) -> Result<String, Error> {
        let now = self.board.clock.now().as_second();
        let claims = Claims {
            iss: DEVICE_ISSUER.to_owned(),
            sub: account.to_owned(),
            iat: now,
            nbf: None,
            exp: Some(now + DEVICE_SECONDS),
            jti: random::text()?,
        };
        Ok(token::sign(&claims, &self.board.settings().key))
    }

    /// Returns the id of a browser that has logged in to this account before.
    pub(crate) fn device(&self, headers: &HeaderMap, account: &str) -> Option<String> {
        let cookie = cookie(headers, DEVICE)?;
        let settings = self.board.settings();
        let claims = token::verify_of(DEVICE_ISSUER, &cookie, &settings.key, self.board.clock.now()).ok()?;
        (claims.sub == account).then_some(claims.jti)
    }

    /// Returns a header that sets a cookie; an empty value takes it away.
    pub(crate) fn set_cookie(&self, name: &str, value: &str, lasts: Option<i64>) -> String {
        let secure = if self.config.is_secure { "; Secure" } else { "" };
        let lasts = if value.is_empty() { Some(0) } else { lasts };
        let age = lasts.map_or_else(String::new, |seconds| format!("; Max-Age={seconds}"));
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}")
    }

    /// Returns the headers that begin a session.
    pub(crate) fn session_cookies(&self, account: &str) -> Result<[(header::HeaderName, String); 2], Error> {
        let session = self.set_cookie(COOKIE, &self.new_session(account)?, None);
        let device = self.set_cookie(DEVICE, &self.new_device(account)?, Some(DEVICE_SECONDS));
        Ok([(header::SET_COOKIE, session), (header::SET_COOKIE, device)])
    }
}

/// Returns whether a request proves itself by a header that no page of another site can set.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<String> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ").map(|token| token.trim().to_owned())
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}
