//! Where the content of a source is.

use crate::{archive::Packed, remotes::Checked};

/// The content of a source at its revision.
#[derive(Debug, Clone)]
pub(crate) enum Located {
    /// A commit.
    Git(Box<Checked>),
    /// A chart of a repository of charts.
    Chart(Packed),
}

impl Located {
    /// Returns the revision: a commit, a version or a digest.
    pub(crate) fn revision(&self) -> String {
        match self {
            Self::Git(checked) => checked.commit.id.to_string(),
            Self::Chart(packed) => packed.revision.clone(),
        }
    }
}
