//! What is wrong with metrics.

use std::collections::BTreeSet;

use tiphys_api::{
    defaults::int_value,
    duration::{self, GoDurationError},
    types::{IntOrString, Metric},
};

/// What is wrong with a list of metrics. The texts are upstream's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValidateError {
    /// There are none.
    #[error("no metrics specified")]
    Empty,
    /// A name comes twice.
    #[error("metrics[{index}]: duplicate name '{name}'")]
    Duplicate {
        /// Position of the second one.
        index: usize,
        /// The name.
        name: String,
    },
    /// One of them is wrong.
    #[error("metrics[{index}]: {message}")]
    Metric {
        /// Its position.
        index: usize,
        /// What is wrong.
        message: String,
    },
}

/// Checks metrics whose placeholders are replaced.
///
/// # Errors
/// The first thing that is wrong.
pub fn validate(metrics: &[Metric]) -> Result<(), ValidateError> {
    if metrics.is_empty() {
        return Err(ValidateError::Empty);
    }
    let mut names = BTreeSet::new();
    for (index, metric) in metrics.iter().enumerate() {
        if !names.insert(&metric.name) {
            return Err(ValidateError::Duplicate { index, name: metric.name.clone() });
        }
        validate_metric(metric).map_err(|message| ValidateError::Metric { index, message })?;
    }
    Ok(())
}

/// Returns how many measurements a metric wants: `None` for one that never ends.
#[must_use]
pub fn effective_count(metric: &Metric) -> Option<i32> {
    match metric.count.as_ref().map_or(0, int_value) {
        0 if metric.interval.is_empty() => Some(1),
        0 => None,
        count => Some(count),
    }
}

fn number(value: Option<&IntOrString>) -> i32 {
    value.map_or(0, int_value)
}

fn validate_metric(metric: &Metric) -> Result<(), String> {
    let count = number(metric.count.as_ref());
    limits(metric, count)?;
    if count > 1 && metric.interval.is_empty() {
        return Err("interval must be specified when count > 1".to_owned());
    }
    let check = |field: &str, text: &str| {
        let parsed: Result<_, GoDurationError> = if text.is_empty() { return Ok(()) } else { duration::parse(text) };
        parsed.map(drop).map_err(|error| format!("invalid {field} string: {error}"))
    };
    check("interval", &metric.interval)?;
    check("startDelay", &metric.initial_delay)?;
    match providers(metric) {
        0 => Err("no provider specified".to_owned()),
        1 => Ok(()),
        _ => Err("multiple providers specified".to_owned()),
    }
}

fn limits(metric: &Metric, count: i32) -> Result<(), String> {
    let failure = number(metric.failure_limit.as_ref());
    let success = number(metric.consecutive_success_limit.as_ref());
    let inconclusive = number(metric.inconclusive_limit.as_ref());
    let refused = |text: &str| Err(text.to_owned());
    if success < 0 {
        return refused("consecutiveSuccessLimit must be >= 0");
    }
    if failure < -1 {
        return refused("failureLimit must be >= 0, or -1 to be disabled");
    }
    if success == 0 && failure == -1 {
        return refused("failureLimit and consecutiveSuccessLimit cannot both be disabled");
    }
    if inconclusive < 0 {
        return refused("inconclusiveLimit must be >= 0");
    }
    if number(metric.consecutive_error_limit.as_ref()) < 0 {
        return refused("consecutiveErrorLimit must be >= 0");
    }
    if count <= 0 {
        return Ok(());
    }
    if failure >= 0 && count < failure.saturating_add(success) {
        return Err(format!(
            "count ({count}) must be >= failureLimit + consecutiveSuccessLimit ({failure} + {success}) if both >= 0"
        ));
    }
    if failure < 0 && count < success {
        return refused("count must be >= consecutiveSuccessLimit");
    }
    if count < inconclusive {
        return refused("count must be >= inconclusiveLimit");
    }
    Ok(())
}

fn providers(metric: &Metric) -> usize {
    let provider = &metric.provider;
    let given = [
        provider.prometheus.is_some(),
        provider.kayenta.is_some(),
        provider.web.is_some(),
        provider.datadog.is_some(),
        provider.wavefront.is_some(),
        provider.new_relic.is_some(),
        provider.job.is_some(),
        provider.cloud_watch.is_some(),
        provider.graphite.is_some(),
        provider.influxdb.is_some(),
        provider.skywalking.is_some(),
    ];
    given.into_iter().filter(|given| *given).count() + provider.plugin.len()
}
