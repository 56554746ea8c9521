//! The file by which `kubectl` and others find the API.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde_json::json;

use super::credentials::Credentials;

/// Returns a kubeconfig (JSON is YAML) whose one context `context` is the admin at `server`, such as
/// `https://127.0.0.1:6443`. Holds the admin's token: secret.
#[must_use]
pub fn kubeconfig(credentials: &Credentials, server: &str, context: &str) -> String {
    let user = format!("{context}-admin");
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": context,
            "cluster": {"server": server, "certificate-authority-data": BASE64.encode(credentials.ca_pem())},
        }],
        "users": [{"name": user, "user": {"token": credentials.admin_token()}}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": user, "namespace": "default"}}],
        "current-context": context,
    });
    // A JSON value always serializes.
    let mut text = serde_json::to_string_pretty(&config).unwrap_or_default();
    text.push('\n');
    text
}
