//! What a server is told at its start.

/// How a server works.
#[derive(Debug, Clone)]
pub struct Config {
    /// Namespace of `argocd-cm`, `argocd-secret` and `argocd-rbac-cm`.
    pub namespace: String,
    /// One namespace whose Rollouts are shown, or all of them.
    pub scope: Option<String>,
    /// Whether browsers reach it by TLS, so that cookies are for TLS only.
    pub is_secure: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { namespace: "argocd".to_owned(), scope: None, is_secure: false }
    }
}
