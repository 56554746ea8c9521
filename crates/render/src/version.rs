//! Versions and ranges of them, as loosely as Go's `semver` reads them.

mod constraint;

use std::cmp::Ordering;

pub use self::constraint::{Constraint, ConstraintError};

/// A version; `1` is `1.0.0`, a leading `v` does not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    major: u64,
    minor: u64,
    patch: u64,
    pre_release: String,
    original: String,
}

/// A text that is no version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid semantic version")]
pub struct VersionError;

impl Version {
    /// Reads a version.
    ///
    /// # Errors
    /// When the text is none.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let rest = text.strip_prefix('v').unwrap_or(text);
        let (rest, build) = match rest.split_once('+') {
            Some((rest, build)) => (rest, Some(build)),
            None => (rest, None),
        };
        let (numbers, pre_release) = match rest.split_once('-') {
            Some((numbers, pre_release)) => (numbers, Some(pre_release)),
            None => (rest, None),
        };
        let parts: Vec<&str> = numbers.split('.').collect();
        let number = |at: usize| parts.get(at).map_or(Ok(0), |part| whole(part));
        let tails = [build, pre_release];
        if parts.len() > 3 || !tails.into_iter().flatten().all(are_identifiers) || pre_release.is_some_and(has_zeros) {
            return Err(VersionError);
        }
        Ok(Self {
            major: number(0)?,
            minor: number(1)?,
            patch: number(2)?,
            pre_release: pre_release.unwrap_or_default().to_owned(),
            original: text.to_owned(),
        })
    }

    /// Returns the text it was read from.
    #[must_use]
    pub fn original(&self) -> &str {
        &self.original
    }

    fn numbers(&self) -> (u64, u64, u64) {
        (self.major, self.minor, self.patch)
    }

    /// Compares by precedence: what follows `+` does not count.
    #[must_use]
    pub fn precedence(&self, other: &Self) -> Ordering {
        self.numbers().cmp(&other.numbers()).then_with(|| pre_releases(&self.pre_release, &other.pre_release))
    }
}

fn whole(text: &str) -> Result<u64, VersionError> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(VersionError);
    }
    text.parse().map_err(|_| VersionError)
}

fn are_identifiers(text: &str) -> bool {
    text.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
}

/// A number in a pre-release must not begin with 0.
fn has_zeros(text: &str) -> bool {
    text.split('.').any(|part| part.len() > 1 && part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit()))
}

fn pre_releases(left: &str, right: &str) -> Ordering {
    match (left.is_empty(), right.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(left), Some(right)) => identifiers(left, right),
        };
        if order.is_ne() {
            return order;
        }
    }
}

fn identifiers(left: &str, right: &str) -> Ordering {
    match (left.parse::<u64>(), right.parse::<u64>()) {
        (Ok(left), Ok(right)) => left.cmp(&right),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => left.cmp(right),
    }
}
