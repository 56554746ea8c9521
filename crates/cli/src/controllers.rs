//! The controllers that work side by side in one process.

use kube::Client;
use tiphys_analysis::{controller as analysis, http::Settings, providers::Services};
use tiphys_clock::Clock;
use tiphys_rollouts::controller::Controller;

use crate::error::Failure;

/// Which AnalysisRuns are worked on.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    /// One namespace, or all of them.
    pub(crate) namespace: Option<String>,
    /// Only runs with this instance id.
    pub(crate) instance: Option<String>,
}

/// Returns the work of the Rollout controller and of the one for AnalysisRuns; it ends when either does.
///
/// # Errors
/// Where the providers of metrics cannot be set up.
pub(crate) async fn work(
    rollouts: Controller,
    client: Client,
    clock: Clock,
    scope: Scope,
) -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    let environment =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let settings = Settings { allows_link_local: false, uses_proxies: true };
    let services = Services::new(client, environment.collect(), settings).await;
    let services =
        services.map_err(|error| Failure::new("the providers of metrics cannot be set up").caused_by(error))?;
    let config = analysis::Config { namespace: scope.namespace, instance: scope.instance, ..Default::default() };
    let analyses = analysis::Controller::new(services, clock, config);
    Ok(async move {
        tokio::select! {
            () = rollouts.run() => {}
            () = analyses.run() => {}
        }
    })
}
