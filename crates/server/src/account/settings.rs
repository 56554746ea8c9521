//! ConfigMaps `argocd-cm` and `argocd-rbac-cm` and Secret `argocd-secret`, compiled.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use tiphys_access::{Access, config::Config as Rbac};

use super::token::{Claims, Invalid};

/// How long a session lasts, upstream's default.
const SESSION: u64 = 24 * 3600;
/// The account that always exists.
pub(crate) const ADMIN: &str = "admin";

/// One account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// Whether it may be used.
    pub(crate) is_enabled: bool,
    /// Whether it may log in with a password.
    pub(crate) may_login: bool,
    /// Whether it may have tokens.
    pub(crate) may_have_tokens: bool,
    /// bcrypt.
    pub(crate) hash: Option<String>,
    /// Tokens issued before do not hold.
    pub(crate) password_changed: Option<Timestamp>,
    /// Ids of its tokens.
    pub(crate) tokens: Vec<String>,
}

/// Everything that decides who may do what.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Accounts by name.
    pub(crate) accounts: BTreeMap<String, Account>,
    /// What signs sessions; empty while it is not known.
    pub(crate) key: Vec<u8>,
    /// How long a session lasts, in seconds; for ever where it is 0.
    pub(crate) session: u64,
    /// Who may do what.
    pub(crate) access: Access,
    /// Why the policy in the ConfigMap is not the one that holds.
    pub(crate) policy_problem: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            accounts: BTreeMap::new(),
            key: Vec::new(),
            session: SESSION,
            access: Access::new(&Rbac::default(), &BTreeMap::new()),
            policy_problem: None,
        }
    }
}

/// Data of the three objects.
#[derive(Debug, Clone, Default)]
pub(crate) struct Source {
    pub(crate) cm: BTreeMap<String, String>,
    pub(crate) rbac: BTreeMap<String, String>,
    pub(crate) secret: BTreeMap<String, Vec<u8>>,
}

impl Settings {
    /// Compiles; a malformed policy leaves the former one.
    pub(crate) fn read(source: &Source, former: &Self) -> Self {
        let text = |key: &str| source.secret.get(key).and_then(|bytes| String::from_utf8(bytes.clone()).ok());
        let mut accounts = BTreeMap::from([(ADMIN.to_owned(), admin(source))]);
        for (key, capabilities) in &source.cm {
            let Some(name) = key.strip_prefix("accounts.").filter(|name| !name.contains('.') && !name.is_empty())
            else {
                continue;
            };
            let account = accounts.entry(name.to_owned()).or_default();
            let has = |word: &str| capabilities.split(',').any(|capability| capability.trim() == word);
            account.may_login |= has("login");
            account.may_have_tokens |= has("apiKey");
            if name != ADMIN {
                account.is_enabled = is_not_false(source.cm.get(&format!("accounts.{name}.enabled")));
                account.hash = text(&format!("accounts.{name}.password"));
                account.password_changed = time(text(&format!("accounts.{name}.passwordMtime")));
                account.tokens = tokens(text(&format!("accounts.{name}.tokens")));
            }
        }
        let (access, policy_problem) = match Rbac::read(&source.rbac) {
            Ok(rbac) => (Access::new(&rbac, &BTreeMap::new()), None),
            Err(error) => (former.access.clone(), Some(error.to_string())),
        };
        let key = source.secret.get("server.secretkey").cloned().unwrap_or_default();
        Self { accounts, key, session: session(source.cm.get("users.session.duration")), access, policy_problem }
    }

    /// Returns the account of a token that is signed and in time, if it may still use it.
    pub(crate) fn account_of(&self, claims: &Claims) -> Result<String, Invalid> {
        let (name, capability) = claims.sub.rsplit_once(':').unwrap_or((&claims.sub, "apiKey"));
        let account = self.accounts.get(name).filter(|account| account.is_enabled).ok_or(Invalid::Account)?;
        let may = match capability {
            "login" => account.may_login,
            "apiKey" => account.may_have_tokens && account.tokens.contains(&claims.jti),
            _ => false,
        };
        if !may {
            return Err(Invalid::Account);
        }
        match account.password_changed {
            Some(changed) if claims.iat < changed.as_second() => Err(Invalid::Password),
            _ => Ok(name.to_owned()),
        }
    }
}

fn admin(source: &Source) -> Account {
    let text = |key: &str| source.secret.get(key).and_then(|bytes| String::from_utf8(bytes.clone()).ok());
    Account {
        is_enabled: is_not_false(source.cm.get("admin.enabled")),
        may_login: true,
        may_have_tokens: false,
        hash: text("admin.password"),
        password_changed: time(text("admin.passwordMtime")),
        tokens: tokens(text("admin.tokens")),
    }
}

fn is_not_false(value: Option<&String>) -> bool {
    value.is_none_or(|text| matches!(text.trim(), "" | "true" | "True" | "TRUE" | "t" | "T" | "1"))
}

fn time(text: Option<String>) -> Option<Timestamp> {
    text?.trim().parse().ok()
}

/// Ids of the tokens that hold.
fn tokens(text: Option<String>) -> Vec<String> {
    #[derive(Deserialize)]
    struct Token {
        id: String,
    }
    let all: Vec<Token> = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    all.into_iter().map(|token| token.id).collect()
}

/// A Go duration, or days: `7d`.
fn session(text: Option<&String>) -> u64 {
    let Some(text) = text.map(|text| text.trim()) else { return SESSION };
    if let Some(days) = text.strip_suffix('d').and_then(|days| days.parse::<u64>().ok()) {
        return days * 24 * 3600;
    }
    let parsed = tiphys_machinery::go_duration::parse(text).ok();
    parsed.and_then(|duration| u64::try_from(duration.as_secs()).ok()).unwrap_or(SESSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(cm: &[(&str, &str)], secret: &[(&str, &str)]) -> Source {
        let text = |all: &[(&str, &str)]| all.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let bytes = secret.iter().map(|(k, v)| ((*k).to_owned(), v.as_bytes().to_vec())).collect();
        Source { cm: text(cm), rbac: BTreeMap::new(), secret: bytes }
    }

    fn token(sub: &str, jti: &str, iat: i64) -> Claims {
        Claims { iss: "argocd".into(), sub: sub.into(), iat, nbf: None, exp: None, jti: jti.into() }
    }

    #[test]
    fn accounts_are_read_and_tokens_belong_to_them() {
        let read = Settings::read(
            &source(
                &[
                    ("accounts.jane", "login, apiKey"),
                    ("accounts.robot", "apiKey"),
                    ("accounts.old", "login"),
                    ("accounts.old.enabled", "false"),
                    ("users.session.duration", "7d"),
                ],
                &[
                    ("accounts.robot.tokens", r#"[{"id":"t1","iat":5}]"#),
                    ("accounts.jane.passwordMtime", "1970-01-01T00:10:00Z"),
                ],
            ),
            &Settings::default(),
        );
        assert_eq!(read.session, 7 * 24 * 3600);
        for (name, sub, jti, iat, expected) in [
            ("admin", "admin:login", "x", 1, Ok("admin")),
            ("admin has no tokens", "admin:apiKey", "x", 1, Err(Invalid::Account)),
            ("login", "jane:login", "x", 600, Ok("jane")),
            ("password changed", "jane:login", "x", 599, Err(Invalid::Password)),
            ("listed token", "robot:apiKey", "t1", 1, Ok("robot")),
            ("no suffix", "robot", "t1", 1, Ok("robot")),
            ("deleted token", "robot:apiKey", "t2", 1, Err(Invalid::Account)),
            ("no login", "robot:login", "x", 1, Err(Invalid::Account)),
            ("disabled", "old:login", "x", 1, Err(Invalid::Account)),
            ("unknown", "nobody:login", "x", 1, Err(Invalid::Account)),
            ("project", "proj:a:b", "x", 1, Err(Invalid::Account)),
        ] {
            assert_eq!(read.account_of(&token(sub, jti, iat)), expected.map(str::to_owned), "{name}");
        }
    }

    #[test]
    fn malformed_policy_leaves_the_last_good_one() {
        let request = tiphys_access::Request { resource: "rollouts", action: "get", object: "shop/web" };
        let jane = tiphys_access::Claims::new(serde_json::json!({"iss": "argocd", "sub": "jane"}));
        let mut source = source(&[], &[]);
        source.rbac = BTreeMap::from([("policy.csv".to_owned(), "p, jane, rollouts, get, shop/*, allow".to_owned())]);
        let good = Settings::read(&source, &Settings::default());
        assert!(good.access.allows(&jane, request) && good.policy_problem.is_none());
        source.rbac = BTreeMap::from([("policy.csv".to_owned(), "p, jane".to_owned())]);
        let bad = Settings::read(&source, &good);
        assert!(bad.access.allows(&jane, request) && bad.policy_problem.is_some());
    }
}
