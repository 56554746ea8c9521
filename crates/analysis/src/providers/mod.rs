//! Metric providers: one module each behind one trait.
//!
//! A provider is built for one measurement from the metric with every placeholder replaced. Most answer at once with a value
//! that the metric's conditions judge ([`Answer::Reading`]); jobs and Kayenta begin something and are asked again.

mod authentication;
mod cloudwatch;
mod datadog;
mod graphite;
mod influxdb;
mod job;
mod kayenta;
mod measure;
mod newrelic;
mod plugin;
mod prometheus;
mod services;
mod skywalking;
mod wavefront;
mod web;

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use jiff::Timestamp;
use tiphys_api::{
    AnalysisRun,
    types::{Measurement, Metric},
};

pub use self::{
    job::{JOB_NAME, JOB_NAMESPACE, METRIC_ANNOTATION, NAME_ANNOTATION, NAMESPACE_ANNOTATION, UID_LABEL},
    measure::{NO_DATA_OUTCOME, OUTCOME, Taking, take},
    prometheus::range_values,
    services::{JobCluster, Services, ServicesError},
};
use crate::{expr::Value, http::FetchError};

/// Why there is no measurement. The texts are upstream's where upstream has one.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The metric asks for what cannot be.
    #[error("{0}")]
    Configure(String),
    /// Credentials are missing.
    #[error("{0}")]
    Credentials(String),
    /// The cluster did not answer as needed.
    #[error("{0}")]
    Cluster(String),
    /// There is no answer.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The answer says that something is wrong.
    #[error("{0}")]
    Answer(String),
    /// The answer is not what it should be.
    #[error("{0}")]
    Decode(String),
    /// The provider is not built.
    #[error("not yet supported by tiphys: {0}")]
    Unsupported(String),
}

impl From<kube::Error> for ProviderError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::Cluster(status.message),
            other => Self::Cluster(other.to_string()),
        }
    }
}

/// What a measurement is about.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The run.
    pub run: &'a AnalysisRun,
    /// The metric, placeholders replaced.
    pub metric: &'a Metric,
    /// The present time.
    pub now: Timestamp,
}

/// What a provider says.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A value, to be judged by the conditions.
    Reading(Reading),
    /// It goes on; ask again at the time given.
    Pending {
        /// What to remember.
        metadata: BTreeMap<String, String>,
        /// When to ask again.
        resume_at: Timestamp,
    },
    /// The provider has judged itself.
    Verdict {
        /// One of the phases.
        phase: &'static str,
        /// Why.
        message: String,
        /// The value as text.
        value: String,
    },
    /// Nothing changes.
    Unchanged,
}

/// A measured value.
#[derive(Debug, Clone)]
pub struct Reading {
    /// What conditions see as `result`.
    pub result: Value,
    /// The value as text.
    pub text: String,
    /// Facts about the measurement.
    pub metadata: BTreeMap<String, String>,
    /// What to say if there is no data and no condition takes care of that; `None` if the conditions' own words do.
    pub no_data: Option<&'static str>,
}

impl Reading {
    /// Returns a value without facts.
    #[must_use]
    pub fn new(result: Value, text: impl Into<String>) -> Self {
        Self { result, text: text.into(), metadata: BTreeMap::new(), no_data: None }
    }

    /// Returns the lack of data as an empty list, with what to say about it.
    #[must_use]
    pub fn none(said: &'static str) -> Self {
        Self { result: Value::list(Vec::new()), text: String::new(), metadata: BTreeMap::new(), no_data: Some(said) }
    }
}

type Asking<'a> = BoxFuture<'a, Result<Answer, ProviderError>>;

/// Who measures.
pub trait Provider: Send + Sync {
    /// Begins a measurement.
    fn begin<'a>(&'a self, asked: Asked<'a>) -> Asking<'a>;

    /// Looks at a measurement that goes on.
    fn resume<'a>(&'a self, _asked: Asked<'a>, _last: &'a Measurement) -> Asking<'a> {
        Box::pin(async { Ok(Answer::Unchanged) })
    }

    /// Stops a measurement that goes on.
    fn terminate<'a>(&'a self, _asked: Asked<'a>, _last: &'a Measurement) -> Asking<'a> {
        Box::pin(async { Ok(Answer::Unchanged) })
    }

    /// Removes what older measurements left behind, all but the newest `keep`.
    fn clean_up<'a>(&'a self, _asked: Asked<'a>, _keep: usize) -> BoxFuture<'a, Result<(), ProviderError>> {
        Box::pin(async { Ok(()) })
    }

    /// Returns facts about the metric, shown with its first result.
    fn metadata(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }
}

/// Returns the provider of a metric.
///
/// # Errors
/// Where the metric asks for what cannot be, or credentials are missing.
pub async fn provider(
    metric: &Metric,
    namespace: &str,
    services: &Services,
) -> Result<Box<dyn Provider>, ProviderError> {
    let given = &metric.provider;
    if let Some(prometheus) = &given.prometheus {
        return Ok(Box::new(prometheus::Prometheus::new(prometheus, services)?));
    }
    if let Some(job) = &given.job {
        return Ok(Box::new(job::Job::new(job, services)));
    }
    if let Some(kayenta) = &given.kayenta {
        return Ok(Box::new(kayenta::Kayenta::new(kayenta, services)));
    }
    if let Some(web) = &given.web {
        return Ok(Box::new(web::Web::new(web, services)?));
    }
    if let Some(datadog) = &given.datadog {
        return Ok(Box::new(datadog::Datadog::new(datadog, namespace, services).await?));
    }
    if let Some(wavefront) = &given.wavefront {
        return Ok(Box::new(wavefront::Wavefront::new(wavefront, services).await?));
    }
    if let Some(new_relic) = &given.new_relic {
        return Ok(Box::new(newrelic::NewRelic::new(new_relic, services).await?));
    }
    if let Some(graphite) = &given.graphite {
        return Ok(Box::new(graphite::Graphite::new(graphite, services)?));
    }
    if let Some(cloud_watch) = &given.cloud_watch {
        return Ok(Box::new(cloudwatch::CloudWatch::new(cloud_watch, services)));
    }
    if let Some(influxdb) = &given.influxdb {
        return Ok(Box::new(influxdb::Influxdb::new(influxdb, services).await?));
    }
    if let Some(skywalking) = &given.skywalking {
        return Ok(Box::new(skywalking::SkyWalking::new(skywalking, services)?));
    }
    match given.plugin.keys().next() {
        Some(name) => Err(plugin::unsupported(name)),
        None => Err(ProviderError::Configure(format!("no valid provider in metric '{}'", metric.name))),
    }
}
