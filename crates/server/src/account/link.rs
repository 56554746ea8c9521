//! The one-time link of a sandbox.

use std::sync::{Arc, Mutex, PoisonError};

use super::random;
use crate::Error;

/// A secret that lets one person in, once. Cheap to clone; all clones are the same link.
#[derive(Clone)]
pub struct Link {
    token: String,
    unused: Arc<Mutex<Option<String>>>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

impl Link {
    /// Returns a new link.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn new() -> Result<Self, Error> {
        let token = random::text()?;
        Ok(Self { unused: Arc::new(Mutex::new(Some(token.clone()))), token })
    }

    /// Returns the path and query to open.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/login/link?token={}", self.token)
    }

    /// Uses the link up; returns whether it was the right one and not used before.
    pub(crate) fn redeem(&self, token: &str) -> bool {
        let mut unused = self.unused.lock().unwrap_or_else(PoisonError::into_inner);
        let is_right = unused.as_deref().is_some_and(|wanted| is_same(wanted, token));
        if is_right {
            *unused = None;
        }
        is_right
    }
}

/// Takes as long wherever the texts differ.
fn is_same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_lets_in_once() {
        let link = Link::new().unwrap();
        let token = link.path().split_once('=').unwrap().1.to_owned();
        assert!(!link.redeem("wrong") && !link.redeem(""));
        assert!(link.redeem(&token));
        assert!(!link.clone().redeem(&token), "it is used up");
        assert!(!format!("{link:?}").contains(&token));
    }
}
