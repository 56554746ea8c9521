//! Why manifests cannot be made.

use crate::{checkout::PathError, command::CommandError, revision::RevisionError};

/// Why manifests cannot be made. Cheap to clone, because all who wait for one fetch get its error.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RenderError {
    /// The references of a repository cannot be listed.
    #[error("failed to list refs: {0}")]
    List(String),
    /// A commit cannot be fetched.
    #[error("failed to fetch {revision}: {cause}")]
    Fetch {
        /// The commit.
        revision: String,
        /// What was answered.
        cause: String,
    },
    /// The revision is none.
    #[error(transparent)]
    Revision(#[from] RevisionError),
    /// A shortened commit is none that a reference points to.
    #[error(
        "unable to resolve '{0}' to a commit SHA: a shortened one must be that of a branch or tag; give all 40 digits"
    )]
    Shortened(String),
    /// The folder of the application.
    #[error("{path}: app path {problem}")]
    AppPath {
        /// As it is written.
        path: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A link in what is read leads out of the repository.
    #[error("{what} contains out-of-bounds symlinks. file: {path}")]
    OutOfBounds {
        /// `repository` or `chart`.
        what: &'static str,
        /// The link.
        path: String,
    },
    /// A path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The options give no command.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// An overriding file.
    #[error("{file}: error while parsing source parameters: {cause}")]
    Overrides {
        /// Its name.
        file: String,
        /// What is wrong with it.
        cause: String,
    },
    /// The files of a folder.
    #[error("failed to get potentially valid manifests: {0}")]
    Manifests(String),
    /// A file that should hold manifests.
    #[error("{0}")]
    Unmarshal(String),
    /// A chart cannot be found or pulled.
    #[error("{0}")]
    Chart(String),
    /// The charts that a chart depends on cannot be brought.
    #[error("failed to execute helm dependency build command: {0}")]
    Dependencies(String),
    /// A program is missing.
    #[error("the program `{program}` was not found; {hint}")]
    Program {
        /// Its name.
        program: String,
        /// What helps.
        hint: String,
    },
    /// A program takes too long.
    #[error("the time of `{program}` exceeds the limit of {seconds} s")]
    Time {
        /// Its name.
        program: &'static str,
        /// How long it may take.
        seconds: f32,
    },
    /// A program, or what it was given, is at fault.
    #[error("{0}")]
    Tool(String),
    /// More than a limit permits.
    #[error("{what} exceeds the limit of {limit}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much may be, with its unit.
        limit: String,
    },
    /// A source that is told wrongly.
    #[error("{0}")]
    Spec(String),
    /// The place for fetched repositories cannot be used, or a task was lost.
    #[error("{0}")]
    Internal(String),
    /// One of several sources.
    #[error("failed to generate manifest for source {index} of {count}: {cause}")]
    Source {
        /// Which, from 1.
        index: usize,
        /// How many there are.
        count: usize,
        /// What is wrong.
        cause: Box<Self>,
    },
}

impl RenderError {
    /// Returns whether trying again may help although nothing changes in Git: the other side did not answer.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::List(_)
            | Self::Fetch { .. }
            | Self::Chart(_)
            | Self::Dependencies(_)
            | Self::Time { .. }
            | Self::Internal(_) => true,
            Self::Source { cause, .. } => cause.is_transient(),
            _ => false,
        }
    }

    /// Returns whether a program is missing, which somebody may install.
    pub(crate) fn is_missing_program(&self) -> bool {
        match self {
            Self::Program { .. } => true,
            Self::Source { cause, .. } => cause.is_missing_program(),
            _ => false,
        }
    }

    /// Returns the error as one of a source among `count`; alone it stays as it is.
    pub(crate) fn of_source(self, index: usize, count: usize) -> Self {
        if count < 2 { self } else { Self::Source { index: index + 1, count, cause: Box::new(self) } }
    }
}
