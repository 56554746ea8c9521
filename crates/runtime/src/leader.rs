//! Leader election by a Lease, compatible with client-go's: who holds the Lease works, the others watch it.
//!
//! Guarantees: two candidates with clocks that run at the same speed never both lead, since a leader stops before a
//! follower may take over (`renew_deadline` < `lease_duration`), and a follower counts the time from when *it* saw the
//! Lease change, never from the time stamps in it.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{Api, Client, api::PostParams};
use tiphys_clock::Clock;
use tokio::time::Instant;
use tracing::{debug, info, warn};

/// Which Lease, and how fast.
#[derive(Debug, Clone)]
pub struct Config {
    /// Namespace of the Lease.
    pub namespace: String,
    /// Name of the Lease.
    pub name: String,
    /// Who we are; unique to this process.
    pub identity: String,
    /// How long followers wait for a silent leader (upstream: 15 s).
    pub lease_duration: Duration,
    /// How long a leader tries to renew before it gives up (upstream: 10 s).
    pub renew_deadline: Duration,
    /// Pause between tries (upstream: 2 s).
    pub retry_period: Duration,
}

/// A candidate.
pub struct Election {
    leases: Api<Lease>,
    clock: Clock,
    config: Config,
    seen: Option<(String, Instant)>,
}

impl std::fmt::Debug for Election {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Election").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Election {
    /// Returns a candidate that has not asked yet.
    #[must_use]
    pub fn new(client: Client, clock: Clock, config: Config) -> Self {
        Self { leases: Api::namespaced(client, &config.namespace), clock, config, seen: None }
    }

    /// Waits until we lead.
    pub async fn acquire(&mut self) {
        loop {
            match self.attempt().await {
                Ok(true) => {
                    info!(lease = self.config.name, identity = self.config.identity, "leading");
                    return;
                }
                Ok(false) => debug!(lease = self.config.name, "another one leads"),
                Err(error) => warn!(lease = self.config.name, error = &error as &dyn std::error::Error, "no lease"),
            }
            tokio::time::sleep(self.config.retry_period).await;
        }
    }

    /// Keeps the Lease; returns when it is lost or could not be renewed in time. The caller must then stop all work.
    pub async fn hold(&mut self) {
        let mut renewed = Instant::now();
        loop {
            tokio::time::sleep(self.config.retry_period).await;
            let left = self.config.renew_deadline.saturating_sub(renewed.elapsed());
            match tokio::time::timeout(left, self.attempt()).await {
                Ok(Ok(true)) => renewed = Instant::now(),
                Ok(Ok(false)) => break,
                Ok(Err(error)) => {
                    warn!(lease = self.config.name, error = &error as &dyn std::error::Error, "lease not renewed");
                }
                Err(_) => break,
            }
        }
        warn!(lease = self.config.name, identity = self.config.identity, "no longer leading");
    }

    /// Takes or renews the Lease if we may; returns whether we hold it.
    async fn attempt(&mut self) -> kube::Result<bool> {
        let now = self.clock.now();
        let Some(lease) = self.leases.get_opt(&self.config.name).await? else {
            let lease = Lease {
                metadata: ObjectMeta { name: Some(self.config.name.clone()), ..Default::default() },
                spec: Some(self.spec(None, now)),
            };
            return won(self.leases.create(&PostParams::default(), &lease).await);
        };
        let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.clone()).unwrap_or_default();
        if holder != self.config.identity && !holder.is_empty() && !self.expired(&lease) {
            return Ok(false);
        }
        let spec = self.spec(lease.spec.as_ref(), now);
        won(self.leases.replace(&self.config.name, &PostParams::default(), &Lease { spec: Some(spec), ..lease }).await)
    }

    fn expired(&mut self, lease: &Lease) -> bool {
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        match &self.seen {
            Some((known, since)) if *known == version => {
                // The holder's own duration counts: another version may run with another setting.
                let stated = lease.spec.as_ref().and_then(|s| s.lease_duration_seconds).unwrap_or_default();
                let stated = Duration::from_secs(u64::try_from(stated).unwrap_or_default());
                since.elapsed() > stated.max(self.config.lease_duration)
            }
            _ => {
                self.seen = Some((version, Instant::now()));
                false
            }
        }
    }

    fn spec(&self, old: Option<&LeaseSpec>, now: Timestamp) -> LeaseSpec {
        let same = old.filter(|spec| spec.holder_identity.as_deref() == Some(&self.config.identity));
        let transitions = old.and_then(|spec| spec.lease_transitions).unwrap_or_default();
        LeaseSpec {
            holder_identity: Some(self.config.identity.clone()),
            lease_duration_seconds: i32::try_from(self.config.lease_duration.as_secs()).ok(),
            acquire_time: same.and_then(|spec| spec.acquire_time.clone()).or(Some(MicroTime(now))),
            renew_time: Some(MicroTime(now)),
            lease_transitions: Some(if old.is_some() && same.is_none() { transitions + 1 } else { transitions }),
            ..Default::default()
        }
    }
}

/// A conflict means that another one was faster, which is no error.
fn won(result: kube::Result<Lease>) -> kube::Result<bool> {
    match result {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
        Err(error) => Err(error),
    }
}
