//! Where the keys are.

use tiphys_api::types::DatadogMetric;

use super::super::{ProviderError, Services, services::Credentials};
use crate::Secret;

const ADDRESS: &str = "https://api.datadoghq.com";
const SECRET: &str = "datadog";

/// What it takes to ask.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    pub(super) address: String,
    pub(super) api: Secret,
    pub(super) application: Secret,
}

/// Returns the keys: those of the Secret that the metric names and no others; else those of the environment; else those of
/// the controller's Secret.
pub(super) async fn find(metric: &DatadogMetric, namespace: &str, services: &Services) -> Result<Keys, ProviderError> {
    let reference = &metric.secret_ref;
    if !reference.name.is_empty() {
        let namespace = if reference.namespaced { namespace } else { &services.namespace };
        return keys(&services.secret(namespace, &reference.name).await?);
    }
    if reference.namespaced {
        let text = "secret name is required for namespaced credentials";
        return Err(ProviderError::Credentials(text.to_owned()));
    }
    let variable = |name: &str| services.variable(name);
    if let (Some(api), Some(application), Some(address)) =
        (variable("DD_API_KEY"), variable("DD_APP_KEY"), variable("DD_ADDRESS"))
    {
        return Ok(Keys { address: address.to_owned(), api: Secret::new(api), application: Secret::new(application) });
    }
    keys(&services.secret(&services.namespace, SECRET).await?)
}

fn keys(secret: &Credentials) -> Result<Keys, ProviderError> {
    let missing =
        || ProviderError::Credentials("failed to find the credentials for datadog metrics provider".to_owned());
    let address = secret.get("address").map_or(ADDRESS, Secret::expose).to_owned();
    let (api, application) = secret.get("api-key").zip(secret.get("app-key")).ok_or_else(missing)?;
    Ok(Keys { address, api: api.clone(), application: application.clone() })
}
