//! Certificates and tokens: made once, kept for as long as the sandbox's state is.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Why credentials could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// Making a key or a certificate failed.
    #[error("cannot make a certificate")]
    Certificate(#[source] rcgen::Error),
}

/// A certificate authority, a server certificate for the loopback addresses, and the key of all tokens.
#[derive(Clone)]
pub struct Credentials {
    ca_pem: String,
    ca_key_pem: String,
    server_der: Vec<u8>,
    server_key_der: Vec<u8>,
    admin_token: String,
    signing_key: [u8; 32],
}

/// The service account that a token was made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) uid: String,
}

const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

impl Credentials {
    /// Makes new credentials from the operating system's randomness.
    ///
    /// # Errors
    /// When that fails.
    pub fn generate() -> Result<Self, CredentialsError> {
        let key = KeyPair::generate().map_err(CredentialsError::Certificate)?;
        let ca = ca_params().self_signed(&key).map_err(CredentialsError::Certificate)?;
        Self::from_ca(ca.pem(), key)
    }

    /// Returns the credentials that come with a certificate authority: the same tokens, a new server certificate.
    ///
    /// # Errors
    /// When the text is no key.
    pub fn from_pem(ca_pem: &str, ca_key_pem: &str) -> Result<Self, CredentialsError> {
        let key = KeyPair::from_pem(ca_key_pem).map_err(CredentialsError::Certificate)?;
        Self::from_ca(ca_pem.to_owned(), key)
    }

    fn from_ca(ca_pem: String, ca_key: KeyPair) -> Result<Self, CredentialsError> {
        let (admin_token, signing_key) = (hex(&derive(&ca_key, "admin token")), derive(&ca_key, "signing key"));
        let ca_key_pem = ca_key.serialize_pem();
        let issuer = Issuer::new(ca_params(), ca_key);
        let key = KeyPair::generate().map_err(CredentialsError::Certificate)?;
        let server = server_params()
            .and_then(|params| params.signed_by(&key, &issuer))
            .map_err(CredentialsError::Certificate)?;
        Ok(Self {
            ca_pem,
            ca_key_pem,
            server_der: server.der().to_vec(),
            server_key_der: key.serialize_der(),
            admin_token,
            signing_key,
        })
    }

    /// Returns the certificate of the authority, which clients are to trust.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Returns the key of the authority: secret, from which the tokens follow.
    #[must_use]
    pub fn ca_key_pem(&self) -> &str {
        &self.ca_key_pem
    }

    /// Returns the token that may do everything: secret.
    #[must_use]
    pub fn admin_token(&self) -> &str {
        &self.admin_token
    }

    /// Returns the server's certificate and key, DER.
    pub(super) fn server(&self) -> (&[u8], &[u8]) {
        (&self.server_der, &self.server_key_der)
    }

    /// Returns whether a token is the admin's, in a time that does not depend on how much of it is right.
    pub(super) fn is_admin(&self, token: &str) -> bool {
        Sha256::digest(token) == Sha256::digest(&self.admin_token)
    }

    /// Returns a token for a service account.
    pub(super) fn mint(&self, account: &Account, audiences: &Value, now: Timestamp, expires: Timestamp) -> String {
        let header = BASE64.encode(json!({"alg": "HS256", "typ": "JWT"}).to_string());
        let claims = json!({
            "iss": ISSUER,
            "aud": audiences,
            "sub": format!("system:serviceaccount:{}:{}", account.namespace, account.name),
            "iat": now.as_second(),
            "nbf": now.as_second(),
            "exp": expires.as_second(),
            "kubernetes.io": {
                "namespace": account.namespace,
                "serviceaccount": {"name": account.name, "uid": account.uid},
            },
        });
        let signed = format!("{header}.{}", BASE64.encode(claims.to_string()));
        let signature = BASE64.encode(hmac(&self.signing_key, signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// Returns the account that a token was made for, unless it has expired or was not made here.
    pub(super) fn verify(&self, token: &str, now: Timestamp) -> Option<Account> {
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = BASE64.decode(signature).ok()?;
        // Hashed, so that the comparison takes the same time wherever they differ.
        if Sha256::digest(signature) != Sha256::digest(hmac(&self.signing_key, signed.as_bytes())) {
            return None;
        }
        let (_, claims) = signed.split_once('.')?;
        let claims: Value = serde_json::from_slice(&BASE64.decode(claims).ok()?).ok()?;
        if claims["exp"].as_i64()? <= now.as_second() {
            return None;
        }
        let kubernetes = &claims["kubernetes.io"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Some(Account {
            namespace: text(&kubernetes["namespace"])?,
            name: text(&kubernetes["serviceaccount"]["name"])?,
            uid: text(&kubernetes["serviceaccount"]["uid"])?,
        })
    }
}

/// The secrets are not printed.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

fn ca_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name("tiphys-sandbox-ca");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    params
}

fn server_params() -> Result<CertificateParams, rcgen::Error> {
    let names = ["127.0.0.1", "::1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
    let mut params = CertificateParams::new(names.map(str::to_owned))?;
    params.distinguished_name = name("tiphys-sandbox");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

/// Derives a secret for one purpose from a private key.
fn derive(key: &KeyPair, purpose: &str) -> [u8; 32] {
    hmac(&Sha256::digest(key.serialized_der()).into(), purpose.as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// HMAC-SHA256 (RFC 2104).
fn hmac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let pad = |with: u8| {
        let mut block = [with; 64];
        for (byte, key) in block.iter_mut().zip(key) {
            *byte ^= key;
        }
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_token_is_good_until_it_expires_and_only_untouched() {
        let credentials = Credentials::generate().unwrap();
        let account = Account { namespace: "ns".into(), name: "sa".into(), uid: "u".into() };
        let token = credentials.mint(&account, &json!([]), at(100), at(200));
        assert_eq!(credentials.verify(&token, at(199)), Some(account));
        assert_eq!(credentials.verify(&token, at(200)), None);
        assert_eq!(credentials.verify(&token.replacen('.', ".A", 1), at(150)), None);
        assert_eq!(Credentials::generate().unwrap().verify(&token, at(150)), None);
    }

    #[test]
    fn tokens_follow_from_the_authority() {
        let first = Credentials::generate().unwrap();
        let again = Credentials::from_pem(first.ca_pem(), first.ca_key_pem()).unwrap();
        assert!(again.is_admin(first.admin_token()));
        assert!(!again.is_admin(""));
    }

    #[test]
    fn hmac_agrees_with_the_standard() {
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex(&hmac(&key, b"what do ya want for nothing?")), expected);
    }
}
