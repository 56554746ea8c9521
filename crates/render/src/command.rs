//! Command lines of the programs that render, before anything knows where a checkout lies on disk.

use crate::checkout::PathError;
use crate::kube_version::KubeVersionError;
use crate::yaml::YamlError;

/// A command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The program.
    pub program: &'static str,
    /// Its arguments.
    pub arguments: Vec<Argument>,
}

/// An argument of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// As it stands.
    Text(String),
    /// A path within a checkout, behind a text.
    Path {
        /// What stands before it.
        before: String,
        /// Name of the source that the checkout belongs to; none: the source that is rendered.
        reference: Option<String>,
        /// The path, relative to the checkout.
        path: String,
    },
    /// The file with the values that the application itself holds.
    InlineValues,
}

/// Why there is no command line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The version of Kubernetes cannot be read.
    #[error(transparent)]
    KubeVersion(#[from] KubeVersionError),
    /// A path cannot be followed.
    #[error("error resolving file path: {0}")]
    Path(#[from] PathError),
    /// A file somewhere else, by a way that is not permitted.
    #[error("error resolving file path: the URL scheme '{0}' is not allowed")]
    Scheme(String),
    /// A pattern without a match.
    #[error("values file glob \"{0}\" matched no files")]
    NoMatch(String),
    /// A version of Helm that nobody has.
    #[error("helm version '{0}' is not supported")]
    HelmVersion(String),
    /// A number of replicas that is none.
    #[error("expected integer value for count. Received: {0}")]
    Count(String),
    /// A value that the program would take for an option.
    #[error("'{0}' begins with a dash, and would be taken for an option")]
    Option(String),
    /// There is no kustomization to put patches in.
    #[error("kustomization file not found in the path")]
    NoKustomization,
    /// The kustomization cannot be read.
    #[error("kustomization: {0}")]
    Yaml(#[from] YamlError),
    /// The kustomization has another form than it must have.
    #[error("kustomization: {0} must be {1}")]
    Form(&'static str, &'static str),
}

impl Argument {
    /// Returns an argument that stands as it is.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Returns a path within the checkout of the source that is rendered.
    pub(crate) fn path(path: impl Into<String>) -> Self {
        Self::Path { before: String::new(), reference: None, path: path.into() }
    }
}
