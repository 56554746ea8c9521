//! Prometheus, and whatever speaks its query API.

use std::{collections::BTreeMap, time::Duration};

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value as Json;
use tiphys_api::{duration, types::PrometheusMetric};

use super::{Answer, Asked, Asking, Provider, ProviderError, Reading, Services, authentication::Login};
use crate::{
    aws,
    condition::moment,
    expr::Value,
    http::{Request, Response, form},
};

const ADDRESS_VARIABLE: &str = "ARGO_ROLLOUTS_PROMETHEUS_ADDRESS";
const TIMEOUT: i64 = 30;

pub(super) struct Prometheus {
    metric: PrometheusMetric,
    address: String,
    timeout: Duration,
    login: Login,
}

/// The envelope of every answer.
#[derive(Deserialize, Default)]
struct Envelope {
    #[serde(default)]
    status: String,
    #[serde(default)]
    data: Data,
    #[serde(default, rename = "errorType")]
    error_type: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Deserialize, Default)]
struct Data {
    #[serde(default, rename = "resultType")]
    kind: String,
    #[serde(default)]
    result: Json,
}

impl Prometheus {
    pub(super) fn new(metric: &PrometheusMetric, services: &Services) -> Result<Self, ProviderError> {
        let configure = |text: &str| ProviderError::Configure(text.to_owned());
        let timeout = metric.timeout.unwrap_or(TIMEOUT);
        let timeout = u64::try_from(timeout).map_err(|_| configure("prometheus timeout should not be negative"))?;
        let given = Some(metric.address.as_str()).filter(|address| !address.is_empty());
        let address = given.or_else(|| services.variable(ADDRESS_VARIABLE));
        let address = address.ok_or_else(|| configure("prometheus address is not configured"))?;
        if Request::new(Method::GET, address).is_err() {
            return Err(configure("prometheus address is not is url format"));
        }
        let mut login = Login::new(&metric.authentication, &metric.headers, metric.insecure, services)?;
        let sigv4 = &metric.authentication.sigv4;
        if address.contains("aps-workspaces") && *sigv4 != Default::default() {
            login = login.signed(aws::Identity {
                region: sigv4.region.clone(),
                profile: sigv4.profile.clone(),
                role: sigv4.role_arn.clone(),
            });
        }
        let address = address.trim_end_matches('/').to_owned();
        Ok(Self { metric: metric.clone(), address, timeout: Duration::from_secs(timeout), login })
    }

    async fn query(&self, now: Timestamp) -> Result<Envelope, ProviderError> {
        let query = self.metric.query.as_str();
        let Some(range) = &self.metric.range_query else {
            let time = seconds(now);
            return self.ask("query", &[("query", query), ("time", &time)], now).await;
        };
        let time = |field: &str, text: &str| {
            moment(text, now).map(seconds).map_err(|error| {
                ProviderError::Configure(format!("failed to parse rangeQuery.{field} as time: {error}"))
            })
        };
        let (start, end) = (time("start", &range.start)?, time("end", &range.end)?);
        let step = duration::parse(&range.step).map_err(|error| {
            ProviderError::Configure(format!("failed to parse rangeQuery.step as duration: {error}"))
        })?;
        let step = plain(step.as_secs_f64());
        self.ask("query_range", &[("query", query), ("start", &start), ("end", &end), ("step", &step)], now).await
    }

    /// Posts, and where that is not allowed gets.
    async fn ask(&self, path: &str, fields: &[(&str, &str)], now: Timestamp) -> Result<Envelope, ProviderError> {
        let url = format!("{}/api/v1/{path}", self.address);
        let post = Request::new(Method::POST, &url)?.within(self.timeout);
        let post = post.body("application/x-www-form-urlencoded", form(fields))?;
        let mut response = self.login.send(post, now).await?;
        let is_refused = [StatusCode::FORBIDDEN, StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_IMPLEMENTED];
        if is_refused.contains(&response.status) {
            let get = Request::new(Method::GET, &format!("{url}?{}", form(fields)))?.within(self.timeout);
            response = self.login.send(get, now).await?;
        }
        envelope(&response)
    }
}

fn envelope(response: &Response) -> Result<Envelope, ProviderError> {
    let code = response.status.as_u16();
    let said = |text: String| Err(ProviderError::Answer(text));
    let is_explained = matches!(code, 400 | 422);
    if !response.status.is_success() && !is_explained {
        return match code / 100 {
            4 => said(format!("client_error: client error: {code}")),
            5 => said(format!("server_error: server error: {code}")),
            _ => said(format!("bad_response: bad response code {code}")),
        };
    }
    let envelope: Envelope = match serde_json::from_slice(&response.body) {
        Ok(envelope) => envelope,
        Err(error) => return said(format!("bad_response: {error}")),
    };
    if envelope.status == "error" {
        return said(format!("{}: {}", envelope.error_type, envelope.error));
    }
    if is_explained {
        return said("bad_response: inconsistent body for response code".to_owned());
    }
    Ok(envelope)
}

impl Provider for Prometheus {
    fn begin<'a>(&'a self, asked: Asked<'a>) -> Asking<'a> {
        Box::pin(async move {
            let envelope = self.query(asked.now).await?;
            let mut reading = reading(&envelope.data)?;
            if !envelope.warnings.is_empty() {
                let quoted: Vec<_> = envelope.warnings.iter().map(|warning| format!("\"{warning}\"")).collect();
                reading.metadata.insert("warnings".to_owned(), quoted.join(", "));
            }
            Ok(Answer::Reading(reading))
        })
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        let query = Some(self.metric.query.clone()).filter(|query| !query.is_empty());
        query.map(|query| ("ResolvedPrometheusQuery".to_owned(), query)).into_iter().collect()
    }
}

fn reading(data: &Data) -> Result<Reading, ProviderError> {
    let items = || data.result.as_array().into_iter().flatten();
    let numbers: Vec<f64> = match data.kind.as_str() {
        "scalar" => {
            let number = sample(&data.result)?;
            return Ok(Reading::new(Value::Float(number), plain(number)));
        }
        "vector" => items().map(|series| sample(&series["value"])).collect::<Result<_, _>>()?,
        "matrix" => {
            let samples = items().flat_map(|series| series["values"].as_array().into_iter().flatten());
            samples.map(sample).collect::<Result<_, _>>()?
        }
        _ => return Err(ProviderError::Decode("Prometheus metric type not supported".to_owned())),
    };
    let text: Vec<_> = numbers.iter().map(|number| plain(*number)).collect();
    Ok(Reading::new(Value::floats(numbers), format!("[{}]", text.join(","))))
}

/// Returns time and value of every sample of a range query's answer, for plays against past data.
///
/// # Errors
/// Where the answer is none.
pub fn range_values(body: &[u8]) -> Result<Vec<(Timestamp, f64)>, ProviderError> {
    let envelope: Envelope =
        serde_json::from_slice(body).map_err(|error| ProviderError::Decode(format!("bad_response: {error}")))?;
    let series = envelope.data.result.as_array().cloned().unwrap_or_default();
    let samples = series.iter().flat_map(|series| series["values"].as_array().into_iter().flatten());
    samples
        .map(|point| {
            let at = point[0].as_f64().and_then(|at| Timestamp::from_nanosecond(nanoseconds(at)).ok());
            let at = at.ok_or_else(|| ProviderError::Decode("bad_response: sample without time".to_owned()))?;
            Ok((at, sample(point)?))
        })
        .collect()
}

#[expect(clippy::cast_possible_truncation, reason = "times are far smaller")]
fn nanoseconds(seconds: f64) -> i128 {
    (seconds * 1000.0).round() as i128 * 1_000_000
}

/// A sample is `[time, "value"]`.
fn sample(point: &Json) -> Result<f64, ProviderError> {
    let text = point[1].as_str();
    let number = text.and_then(|text| match text {
        "NaN" => Some(f64::NAN),
        "+Inf" | "Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        text => text.parse().ok(),
    });
    number.ok_or_else(|| ProviderError::Decode(format!("bad_response: sample {point} has no value")))
}

/// Shortest decimal without exponent.
pub(super) fn plain(number: f64) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
    } else {
        number.to_string()
    }
}

/// Seconds since the epoch with their fraction.
fn seconds(at: Timestamp) -> String {
    let millis = at.as_millisecond();
    format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))
}
