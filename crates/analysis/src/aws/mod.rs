//! Amazon: signed requests, and where credentials come from.

mod chain;
mod profile;
mod sign;
mod sts;

use std::fmt;

use jiff::Timestamp;

pub(crate) use self::sign::sign;
use crate::{
    Secret,
    providers::{ProviderError, Services},
};

/// Who asks, as a metric says it; empty parts come from the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Region.
    pub(crate) region: String,
    /// Profile of the configuration files.
    pub(crate) profile: String,
    /// Role to take.
    pub(crate) role: String,
}

/// Keys.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) id: String,
    pub(crate) secret: Secret,
    pub(crate) session: Option<Secret>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

/// Returns the region of an identity: its own, the environment's, its profile's.
pub(crate) fn region(identity: &Identity, services: &Services) -> String {
    let given = Some(identity.region.clone()).filter(|region| !region.is_empty());
    let variable = || services.variable("AWS_REGION").or(services.variable("AWS_DEFAULT_REGION")).map(str::to_owned);
    let profile = || profile::read(identity, services).get("region").cloned();
    given.or_else(variable).or_else(profile).unwrap_or_else(|| "us-east-1".to_owned())
}

/// Returns the keys of an identity, with its role taken if it names one.
///
/// # Errors
/// Where no source has keys, or the role cannot be taken.
pub(crate) async fn credentials(
    identity: &Identity,
    services: &Services,
    now: Timestamp,
) -> Result<Keys, ProviderError> {
    let keys = chain::find(identity, services).await?;
    if identity.role.is_empty() {
        return Ok(keys);
    }
    sts::assume_role(&identity.role, &region(identity, services), &keys, services, now).await
}
