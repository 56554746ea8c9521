//! Plugins of the controller.

use kube::Client;
use tiphys_outside::{download::Web, plugins};
use tiphys_rollouts::controller;
use tracing::{info, warn};

/// Lets a controller use the plugins that are configured in a namespace. Whatever is wrong with them is logged, and a reason
/// on the Rollouts that name them.
pub(crate) async fn host(config: &mut controller::Config, client: &Client, namespace: &str) {
    let folder = std::env::temp_dir().join(format!("tiphys-plugins-{}", std::process::id()));
    let web = match Web::new() {
        Ok(web) => web,
        Err(error) => return warn!(error = &error as &dyn std::error::Error, "no plugins: no certificate authorities"),
    };
    match plugins::load(client, namespace, &folder, &web).await {
        Ok(plugins) => {
            info!(steps = plugins.steps.len(), namespace, "plugins are read from {}", plugins::CONFIG_MAP);
            config.settings.step_plugins.clone_from(&plugins.steps);
            let plugins = std::sync::Arc::new(plugins);
            config.step_plugins = Some(plugins.clone());
            config.router_plugins = Some(plugins);
        }
        Err(error) => warn!(error = &error as &dyn std::error::Error, "no plugins"),
    }
}
