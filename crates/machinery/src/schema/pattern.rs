//! Regular expressions in schemas.

use std::{fmt, sync::OnceLock};

use regex::Regex;

/// A `pattern`, compiled when first used. Matching takes time linear in the text, so that no pattern can hang a request.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    regex: OnceLock<Result<Regex, String>>,
}

impl Pattern {
    /// Takes the pattern as written.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), regex: OnceLock::new() }
    }

    /// Returns the pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether the pattern occurs in `text`.
    ///
    /// # Errors
    /// Says why the pattern is no regular expression.
    pub fn matches(&self, text: &str) -> Result<bool, &str> {
        let compiled = self.regex.get_or_init(|| Regex::new(&self.text).map_err(|e| e.to_string()));
        compiled.as_ref().map(|r| r.is_match(text)).map_err(String::as_str)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
