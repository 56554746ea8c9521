//! Plugins of upstream's kind: processes of their own.

use super::ProviderError;

/// Returns why a metric of a plugin is not measured.
pub(super) fn unsupported(name: &str) -> ProviderError {
    ProviderError::Unsupported(format!("metric plugin {name}"))
}
