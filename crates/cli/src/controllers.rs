//! The controllers that work side by side in one process.

use std::collections::BTreeMap;

use kube::Client;
use tiphys_analysis::{controller as analysis, http::Settings, providers::Services};
use tiphys_clock::Clock;
use tiphys_rollouts::controller::Controller;

use crate::error::Failure;

/// The variable that names the Prometheus of metrics that name none.
pub(crate) const PROMETHEUS: &str = "ARGO_ROLLOUTS_PROMETHEUS_ADDRESS";

/// Which AnalysisRuns are worked on.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    /// One namespace, or all of them.
    pub(crate) namespace: Option<String>,
    /// Only runs with this instance id.
    pub(crate) instance: Option<String>,
}

/// Returns the environment of this process, as far as it is text.
pub(crate) fn environment() -> BTreeMap<String, String> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text).collect()
}

/// Returns what providers of metrics need.
///
/// # Errors
/// Where TLS cannot be set up, or the cluster for jobs cannot be reached.
pub(crate) async fn services(
    client: Client,
    environment: BTreeMap<String, String>,
    settings: Settings,
) -> Result<Services, Failure> {
    let services = Services::new(client, environment, settings).await;
    services.map_err(|error| Failure::new("the providers of metrics cannot be set up").caused_by(error))
}

/// The work of the Rollout controller and of the one for AnalysisRuns; it ends when either does.
pub(crate) async fn work(rollouts: Controller, services: Services, clock: Clock, scope: Scope) {
    let config = analysis::Config { namespace: scope.namespace, instance: scope.instance, ..Default::default() };
    let analyses = analysis::Controller::new(services, clock, config);
    tokio::select! {
        () = rollouts.run() => {}
        () = analyses.run() => {}
    }
}
