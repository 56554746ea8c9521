//! Text that cannot be printed.

use std::fmt;

/// What a secret shows where upstream shows it masked.
pub const MASK: &str = "*****";

/// Confidential text. Neither `Debug` nor anything else prints it; whoever needs it says so with [`Secret::expose`].
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Secret(String);

impl Secret {
    /// Returns a secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text, for the one place that has to send it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns whether there is nothing to hide.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// Masks every secret in texts.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    /// The longest first, so that a secret that contains another one leaves nothing behind.
    secrets: Vec<Secret>,
}

impl Redactor {
    /// Returns a redactor of `secrets`, also in the forms in which URLs and JSON carry them.
    #[must_use]
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        let mut all: Vec<Secret> = secrets.into_iter().flat_map(|secret| forms(&secret)).collect();
        all.retain(|secret| !secret.is_empty());
        all.sort_by(|a, b| (b.0.len(), &a.0).cmp(&(a.0.len(), &b.0)));
        all.dedup();
        Self { secrets: all }
    }

    /// Returns `text` with every secret masked.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| {
            if text.contains(&secret.0) { text.replace(&secret.0, MASK) } else { text }
        })
    }
}

fn forms(secret: &Secret) -> Vec<Secret> {
    let quoted = serde_json::Value::from(secret.expose()).to_string();
    let inner = quoted.trim_matches('"').to_owned();
    let percent: String = form_urlencoded::byte_serialize(secret.expose().as_bytes()).collect();
    [secret.expose().to_owned(), inner, percent].map(Secret).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_never_print() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "***** Some(*****)");
    }

    #[test]
    fn secrets_are_masked_in_every_form() {
        let redactor = Redactor::new(["a\"b c", "a", ""].map(Secret::new));
        assert_eq!(redactor.redact("x a\"b c y a\\\"b c z a%22b+c"), "x ***** y ***** z *****");
    }
}
