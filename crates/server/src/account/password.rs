//! Passwords: bcrypt, in a thread that may block.

use crate::{Error, account::random};

/// The cost of new hashes, upstream's.
const COST: u32 = 10;
/// A hash of nothing that anybody knows: an unknown account costs the same time as a known one.
const NOBODY: &str = "$2a$10$7EqJtq98hPqEX7fNZaFWoOhi5BWX4mV9uEu0P1kQ3VZ6ZmPAQ3K4a";
/// bcrypt looks at no more bytes.
pub(crate) const LENGTH_MAX: usize = 72;

/// Returns a hash in the form that Argo CD reads.
pub(crate) fn hash(password: &str) -> Result<String, Error> {
    let salt = random::bytes::<16>()?;
    let parts = bcrypt::hash_with_salt(password, COST, salt).map_err(Error::Hash)?;
    Ok(parts.format_for_version(bcrypt::Version::TwoA))
}

/// Returns whether a password is right; takes as long where there is no hash.
pub(crate) async fn is_right(password: String, hash: Option<String>) -> bool {
    let is_known = hash.is_some();
    let hash = hash.unwrap_or_else(|| NOBODY.to_owned());
    let checked = tokio::task::spawn_blocking(move || bcrypt::verify(password, &hash).unwrap_or(false)).await;
    checked.unwrap_or(false) && is_known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_a_known_account_is_right() {
        let hash = hash("open sesame").unwrap();
        assert!(hash.starts_with("$2a$10$"));
        assert!(is_right("open sesame".into(), Some(hash.clone())).await);
        assert!(!is_right("open".into(), Some(hash)).await);
        assert!(!is_right("open sesame".into(), None).await);
        assert!(!is_right("open sesame".into(), Some("no hash".into())).await);
    }
}
