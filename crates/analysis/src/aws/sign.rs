//! Signature version 4.

use http::Method;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::Keys;
use crate::{
    Secret,
    http::{FetchError, Request, host, percent},
};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Returns the request with its signature.
///
/// # Errors
/// Where a header cannot be sent.
pub(crate) fn sign(
    request: Request,
    service: &str,
    region: &str,
    keys: &Keys,
    now: Timestamp,
) -> Result<Request, FetchError> {
    let time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let day = &time[..8];
    let mut request = request.header("x-amz-date", &time)?;
    if let Some(session) = &keys.session {
        request = request.secret_header("x-amz-security-token", session)?;
    }
    let mut headers = vec![("host".to_owned(), host(&request.uri))];
    for name in ["content-type", "x-amz-date", "x-amz-security-token", "x-amz-target"] {
        if let Some(value) = request.headers.get(name).and_then(|value| value.to_str().ok()) {
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }
    headers.sort();
    let names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(";");
    let canonical = canonical(&request, &headers, &names);
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let text = format!("{ALGORITHM}\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let signature = hex(&hmac(&signing_key(keys, day, region, service), text.as_bytes()));
    let value = format!("{ALGORITHM} Credential={}/{scope}, SignedHeaders={names}, Signature={signature}", keys.id);
    request.secret_header("authorization", &Secret::new(value))
}

fn canonical(request: &Request, headers: &[(String, String)], names: &str) -> String {
    let method: &Method = &request.method;
    let path = encode(request.uri.path(), "/");
    let mut pairs: Vec<(String, String)> = form_urlencoded::parse(request.uri.query().unwrap_or_default().as_bytes())
        .map(|(name, value)| (encode(&name, ""), encode(&value, "")))
        .collect();
    pairs.sort();
    let query: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    format!("{method}\n{path}\n{}\n{lines}\n{names}\n{}", query.join("&"), hex(&Sha256::digest(&request.body)))
}

fn encode(text: &str, kept: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || "-_.~".contains(c) || kept.contains(c) {
            out.push(c);
        } else if c == ' ' {
            out.push_str("%20");
        } else if c == '*' {
            // Kept by the encoding of forms.
            out.push_str("%2A");
        } else {
            out.push_str(&percent(&c.to_string()));
        }
    }
    out
}

fn signing_key(keys: &Keys, day: &str, region: &str, service: &str) -> [u8; 32] {
    let first = format!("AWS4{}", keys.secret.expose());
    [day, region, service, "aws4_request"]
        .iter()
        .fold(None, |key: Option<[u8; 32]>, part| {
            let key = key.as_ref().map_or(first.as_bytes(), |key| key.as_slice());
            Some(hmac(key, part.as_bytes()))
        })
        .unwrap_or_default()
}

/// HMAC with SHA-256.
fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut block = [0u8; 64];
    if key.len() > block.len() {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let pad = |byte: u8| block.map(|b| b ^ byte);
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Amazon's own documentation of the signing process.
    #[test]
    fn signature_is_that_of_the_documented_example() {
        let url = "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08";
        let request = Request::new(Method::GET, url).unwrap();
        let request = request.header("content-type", "application/x-www-form-urlencoded; charset=utf-8").unwrap();
        let secret = Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
        let keys = Keys { id: "AKIDEXAMPLE".to_owned(), secret, session: None };
        let signed = sign(request, "iam", "us-east-1", &keys, "2015-08-30T12:36:00Z".parse().unwrap()).unwrap();
        let value = signed.headers["authorization"].to_str().unwrap();
        assert_eq!(
            value,
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, \
             Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        );
    }

    #[test]
    fn hmac_is_that_of_rfc_4231() {
        assert_eq!(
            hex(&hmac(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
