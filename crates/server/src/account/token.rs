//! JSON Web Tokens as Argo CD signs them: HS256 with `server.secretkey`.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use ring::hmac;
use serde::{Deserialize, Serialize};
use tiphys_access::claims::LOCAL_ISSUER;

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
/// No token of ours is longer.
const LENGTH_MAX: usize = 4096;

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// Who issued it.
    pub(crate) iss: String,
    /// `<account>:login`, `<account>:apiKey` or `proj:<project>:<role>`.
    pub(crate) sub: String,
    /// When it was issued, in seconds.
    pub(crate) iat: i64,
    /// From when it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nbf: Option<i64>,
    /// Until when it holds; for ever where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exp: Option<i64>,
    /// Its unique id.
    #[serde(default)]
    pub(crate) jti: String,
}

/// Why a token is not accepted. Never told to who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Invalid {
    #[error("it is no token")]
    Form,
    #[error("another algorithm")]
    Algorithm,
    #[error("the signature is wrong")]
    Signature,
    #[error("another issuer")]
    Issuer,
    #[error("it has expired or does not hold yet")]
    Time,
    #[error("it has no id")]
    Id,
    #[error("it was revoked")]
    Revoked,
    #[error("the account does not exist, is disabled or may not do this")]
    Account,
    #[error("the password was changed since")]
    Password,
}

/// Returns a signed token.
pub(crate) fn sign(claims: &Claims, key: &[u8]) -> String {
    let body = serde_json::to_vec(claims).unwrap_or_default();
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(body));
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Returns what a token says if its signature is ours and it holds now.
pub(crate) fn verify(token: &str, key: &[u8], now: Timestamp) -> Result<Claims, Invalid> {
    verify_of(LOCAL_ISSUER, token, key, now)
}

/// The same for a token with another purpose, which its issuer names.
pub(crate) fn verify_of(issuer: &str, token: &str, key: &[u8], now: Timestamp) -> Result<Claims, Invalid> {
    if key.is_empty() || token.len() > LENGTH_MAX {
        return Err(Invalid::Form);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(Invalid::Form)?;
    let (header, body) = signed.split_once('.').ok_or(Invalid::Form)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Invalid::Form);
    let header: serde_json::Value = serde_json::from_slice(&decode(header)?).map_err(|_| Invalid::Form)?;
    if header["alg"] != "HS256" {
        return Err(Invalid::Algorithm);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::verify(&key, signed.as_bytes(), &decode(signature)?).map_err(|_| Invalid::Signature)?;
    let claims: Claims = serde_json::from_slice(&decode(body)?).map_err(|_| Invalid::Form)?;
    let second = now.as_second();
    if claims.iss != issuer {
        return Err(Invalid::Issuer);
    }
    if claims.exp.is_some_and(|exp| exp <= second) || claims.nbf.is_some_and(|nbf| nbf > second) {
        return Err(Invalid::Time);
    }
    if claims.jti.is_empty() { Err(Invalid::Id) } else { Ok(claims) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn claims() -> Claims {
        Claims {
            iss: LOCAL_ISSUER.to_owned(),
            sub: "admin:login".to_owned(),
            iat: 1_000,
            nbf: Some(1_000),
            exp: Some(2_000),
            jti: "x".to_owned(),
        }
    }

    #[track_caller]
    fn check(token: &str, second: i64, expected: Result<(), Invalid>) {
        let found = verify(token, KEY, Timestamp::from_second(second).unwrap());
        assert_eq!(found.map(drop), expected, "{token}");
    }

    #[test]
    fn only_own_tokens_in_their_time_are_accepted() {
        let token = sign(&claims(), KEY);
        check(&token, 1_500, Ok(()));
        check(&token, 2_000, Err(Invalid::Time));
        check(&token, 999, Err(Invalid::Time));
        check(&sign(&claims(), b"another key"), 1_500, Err(Invalid::Signature));
        check(&sign(&Claims { iss: "https://sso".into(), ..claims() }, KEY), 1_500, Err(Invalid::Issuer));
        check(&sign(&Claims { jti: String::new(), ..claims() }, KEY), 1_500, Err(Invalid::Id));
        check(&sign(&Claims { exp: None, ..claims() }, KEY), 9_999_999, Ok(()));
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        let body = token.split('.').nth(1).unwrap();
        check(&format!("{none}.{body}."), 1_500, Err(Invalid::Algorithm));
        for broken in ["", ".", "..", "a.b.c", "no token"] {
            assert!(verify(broken, KEY, Timestamp::UNIX_EPOCH).is_err(), "{broken}");
        }
        assert_eq!(verify(&token, b"", Timestamp::from_second(1_500).unwrap()), Err(Invalid::Form));
    }
}
