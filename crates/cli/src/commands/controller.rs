//! `controller`: the Rollouts controller for a cluster.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use clap::{ArgAction, Args};
use tiphys_analysis::http::Settings;
use tiphys_rollouts::controller;
use tiphys_runtime::{
    leader::{Config, Election},
    metrics::Metrics,
};

use super::upstream_flags::Accepted;
use crate::{
    cluster::Cluster,
    controllers::{self, Scope},
    endpoint::{self, Told},
    error::Failure,
    hosting, world,
};

/// Name of the Lease, the same as upstream's: the two never work at the same time.
const LEASE: &str = "argo-rollouts-controller-lock";
/// Namespace of the Lease outside a cluster.
const LEASE_NAMESPACE: &str = "argo-rollouts";
/// Ports of upstream's controller.
const METRICS_PORT: u16 = 8090;
const HEALTH_PORT: u16 = 8080;
const SERVICE_ACCOUNT_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// Runs the Rollouts controller for a cluster.
#[derive(Debug, Args)]
pub(crate) struct Controller {
    /// Look after the Rollouts with this instance label only [default: those without the label]
    #[arg(long, value_name = "ID", default_value = "")]
    instance_id: String,
    /// Look after one namespace only: that of `--namespace`
    #[arg(long)]
    namespaced: bool,
    /// Work only while holding the Lease
    #[arg(long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_missing_value = "true")]
    leader_elect: bool,
    /// How many Rollouts are worked on at a time
    #[arg(long, visible_alias = "rollout-threads", value_name = "N", default_value_t = 10)]
    workers: usize,
    /// How the log is written
    #[arg(long, value_name = "FORMAT", default_value = "", value_parser = ["", "text", "json"], hide_possible_values = true)]
    logformat: String,
    /// Serve /metrics (and /healthz, /readyz) here [default: 0.0.0.0:8090 in a pod, else nowhere]
    #[arg(long, value_name = "ADDR")]
    metrics: Option<SocketAddr>,
    /// Serve /healthz and /readyz (and /metrics) here [default: 0.0.0.0:8080 in a pod, else nowhere]
    #[arg(long, value_name = "ADDR")]
    health: Option<SocketAddr>,
    /// The same as `--metrics 0.0.0.0:PORT`, as upstream's controller calls it
    #[arg(
        long = "metricsPort",
        alias = "metricsport",
        hide_short_help = true,
        value_name = "PORT",
        conflicts_with = "metrics"
    )]
    metrics_port: Option<u16>,
    /// The same as `--health 0.0.0.0:PORT`
    #[arg(long = "healthzPort", hide_short_help = true, value_name = "PORT", conflicts_with = "health")]
    health_port: Option<u16>,
    /// Let metrics ask link-local addresses and metadata services of clouds, for instance 169.254.169.254
    #[arg(long)]
    analysis_allow_link_local: bool,
    #[command(flatten)]
    election: ElectionFlags,
    #[command(flatten)]
    accepted: Accepted,
}

/// Times of the election, as Go durations.
#[derive(Debug, Args)]
struct ElectionFlags {
    #[arg(long, hide = true, default_value = "15s", value_parser = duration)]
    leader_election_lease_duration: Duration,
    #[arg(long, hide = true, default_value = "10s", value_parser = duration)]
    leader_election_renew_deadline: Duration,
    #[arg(long, hide = true, default_value = "2s", value_parser = duration)]
    leader_election_retry_period: Duration,
}

impl Controller {
    /// Returns whether the log is JSON.
    pub(crate) fn logs_json(&self) -> bool {
        self.logformat == "json"
    }

    pub(crate) async fn run(self, cluster: &Cluster) -> Result<(), Failure> {
        self.accepted.explain();
        let mut config = self.config(&cluster.namespace);
        let namespace = config.namespace.clone();
        let scope = namespace.clone();
        let metrics = Metrics::default();
        let client = cluster.telling_client(tiphys_rollouts::metrics::requests(&metrics))?;
        hosting::host(&mut config, &client, &own_namespace()).await;
        let controller = controller::Controller::counted(client.clone(), cluster.clock, config, metrics.clone());
        let told = Told::new(metrics, controller.clone());
        told.stand_by(self.leader_elect);
        let (bound, mut machines) = endpoint::start(self.addresses(), &told).await?;
        for address in &bound {
            tracing::info!(%address, "serving /metrics, /healthz and /readyz");
        }
        if !bound.is_empty() {
            machines.spawn(told.objects.clone().follow(client, namespace));
        }
        let scope = Scope { namespace: scope, instance: Some(self.instance_id.clone()).filter(|id| !id.is_empty()) };
        let settings = Settings { allows_link_local: self.analysis_allow_link_local, uses_proxies: true };
        let services = controllers::services(cluster.client(), controllers::environment(), settings).await?;
        let work = controllers::work(controller, services, cluster.clock, scope);
        if !self.leader_elect {
            return until_ended(work).await;
        }
        let mut election = Election::new(cluster.client(), cluster.clock, self.lease()?);
        tokio::select! {
            ended = world::ended() => return ended,
            () = election.acquire() => told.stand_by(false),
        }
        tokio::select! {
            ended = until_ended(work) => ended,
            () = election.hold() => Err(Failure::new("the lease is lost; another controller works on")),
        }
    }

    /// Where machines ask; in a pod on every address, because that is where probes and scrapes come from.
    fn addresses(&self) -> Vec<SocketAddr> {
        let everywhere = |port: u16| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        let is_pod = std::env::var_os("KUBERNETES_SERVICE_HOST").is_some();
        let in_pod = |port: u16| is_pod.then(|| everywhere(port));
        let metrics = self.metrics.or(self.metrics_port.map(everywhere)).or(in_pod(METRICS_PORT));
        let health = self.health.or(self.health_port.map(everywhere)).or(in_pod(HEALTH_PORT));
        metrics.into_iter().chain(health).collect()
    }

    fn config(&self, namespace: &str) -> controller::Config {
        controller::Config {
            namespace: self.namespaced.then(|| namespace.to_owned()),
            instance: Some(self.instance_id.clone()).filter(|id| !id.is_empty()),
            workers: self.workers,
            ..controller::Config::default()
        }
    }

    fn lease(&self) -> Result<Config, Failure> {
        let name = if self.instance_id.is_empty() { LEASE.to_owned() } else { format!("{LEASE}-{}", self.instance_id) };
        Ok(Config {
            namespace: own_namespace(),
            name,
            identity: identity()?,
            lease_duration: self.election.leader_election_lease_duration,
            renew_deadline: self.election.leader_election_renew_deadline,
            retry_period: self.election.leader_election_retry_period,
        })
    }
}

async fn until_ended(work: impl Future<Output = ()>) -> Result<(), Failure> {
    tokio::select! {
        ended = world::ended() => ended,
        () = work => Err(Failure::new("the Rollouts controller has ended")),
    }
}

/// The namespace that this controller runs in; outside a cluster upstream's.
fn own_namespace() -> String {
    let inside = || std::fs::read_to_string(SERVICE_ACCOUNT_NAMESPACE).ok().map(|text| text.trim().to_owned());
    let namespace = std::env::var("POD_NAMESPACE").ok().or_else(inside).filter(|namespace| !namespace.is_empty());
    namespace.unwrap_or_else(|| LEASE_NAMESPACE.to_owned())
}

/// Host and process, which no other running controller has.
fn identity() -> Result<String, Failure> {
    let host = std::env::var("HOSTNAME").or_else(|_| std::fs::read_to_string("/etc/hostname"));
    let host = host.map_err(|error| Failure::new("the name of this host cannot be read").caused_by(error))?;
    Ok(format!("{}_{}", host.trim(), std::process::id()))
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed = super::restart::duration(text)?;
    Duration::try_from(parsed).map_err(|error| error.to_string())
}
