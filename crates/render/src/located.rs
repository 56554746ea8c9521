//! Where the content of a source is.

use crate::remotes::Checked;

/// The content of a source at its revision.
#[derive(Debug, Clone)]
pub(crate) enum Located {
    /// A commit.
    Git(Checked),
}

impl Located {
    /// Returns the revision: a commit, a version or a digest.
    pub(crate) fn revision(&self) -> String {
        match self {
            Self::Git(checked) => checked.commit.id.to_string(),
        }
    }
}
