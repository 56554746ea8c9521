//! Datadog, both versions of its query API.

mod answer;
mod credentials;

use std::{collections::BTreeMap, time::Duration};

use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};
use tiphys_api::{duration, types::DatadogMetric};

use super::{Answer, Asked, Asking, Provider, ProviderError, Services};
use crate::http::{Request, Response, form};
use credentials::Keys;

const INTERVAL: &str = "5m";
const TIMEOUT: &str = "10s";

pub(super) struct Datadog {
    metric: DatadogMetric,
    keys: Keys,
    window: SignedDuration,
    timeout: Duration,
    services: Services,
}

impl Datadog {
    pub(super) async fn new(
        metric: &DatadogMetric,
        namespace: &str,
        services: &Services,
    ) -> Result<Self, ProviderError> {
        let keys = credentials::find(metric, namespace, services).await?;
        let timeout = validate(metric).map_err(ProviderError::Configure)?;
        let interval = if metric.interval.is_empty() { INTERVAL } else { &metric.interval };
        let window = duration::parse(interval).map_err(|error| ProviderError::Configure(error.to_string()))?;
        Ok(Self { metric: metric.clone(), keys, window, timeout, services: services.clone() })
    }

    fn is_v1(&self) -> bool {
        is_v1(&self.metric)
    }

    fn request(&self, now: Timestamp) -> Result<Request, ProviderError> {
        let (to, from) = (now.as_second(), now.as_second() - self.window.as_secs());
        let base = self.keys.address.trim_end_matches('/');
        let request = if self.is_v1() {
            let (from, to) = (from.to_string(), to.to_string());
            let query = form(&[("from", &from), ("query", &self.metric.query), ("to", &to)]);
            Request::new(Method::GET, &format!("{base}/api/v1/query?{query}"))?
                .header("content-type", "application/json")?
        } else {
            let request = Request::new(Method::POST, &format!("{base}/api/v2/query/scalar"))?;
            request.body("application/json", self.body(from * 1000, to * 1000).to_string())?
        };
        let request = request.within(self.timeout).secret_header("dd-api-key", &self.keys.api)?;
        Ok(request.secret_header("dd-application-key", &self.keys.application)?)
    }

    fn body(&self, from: i64, to: i64) -> Json {
        let metric = &self.metric;
        let aggregator = if metric.aggregator.is_empty() { "last" } else { &metric.aggregator };
        let single = BTreeMap::from([("query".to_owned(), metric.query.clone())]);
        let queries = if metric.query.is_empty() { &metric.queries } else { &single };
        let queries: Vec<_> = queries
            .iter()
            .map(|(name, query)| {
                json!({"aggregator": aggregator, "data_source": "metrics", "name": name, "query": query})
            })
            .collect();
        let formulas: Vec<_> = Some(&metric.formula).filter(|formula| !formula.is_empty()).into_iter().collect();
        let formulas: Vec<_> = formulas.iter().map(|formula| json!({"formula": formula})).collect();
        let attributes = json!({"from": from, "to": to, "queries": queries, "formulas": formulas});
        json!({"data": {"attributes": attributes, "type": "scalar_request"}})
    }
}

impl Provider for Datadog {
    fn begin<'a>(&'a self, asked: Asked<'a>) -> Asking<'a> {
        Box::pin(async move {
            let response = self.services.fetch.fetch(self.request(asked.now)?).await?;
            let json = decoded(&response)?;
            let reading = if self.is_v1() { answer::v1(&json) } else { answer::v2(&json) };
            Ok(Answer::Reading(reading?))
        })
    }
}

fn decoded(response: &Response) -> Result<Json, ProviderError> {
    let code = response.status.as_u16();
    match code {
        200 => serde_json::from_slice(&response.body)
            .map_err(|error| ProviderError::Decode(format!("Could not parse JSON body: {error}"))),
        401 | 403 => {
            let text = format!("received authentication error response code: {code} {}", response.text());
            Err(ProviderError::Answer(text))
        }
        _ => Err(ProviderError::Answer(format!("received non 2xx response code: {code} {}", response.text()))),
    }
}

fn is_v1(metric: &DatadogMetric) -> bool {
    matches!(metric.api_version.as_str(), "" | "v1")
}

/// Checks what is asked; returns the time for the request.
fn validate(metric: &DatadogMetric) -> Result<Duration, String> {
    const REVIEW: &str = "Please review the Analysis Template.";
    let (has_query, has_queries) = (!metric.query.is_empty(), !metric.queries.is_empty());
    let is_v1 = is_v1(metric);
    if !has_query && !has_queries {
        return Err(format!("Must have either a query or queries. {REVIEW}"));
    }
    if has_query && has_queries {
        return Err(format!("Cannot have both a query and queries. {REVIEW}"));
    }
    if is_v1 && !has_query {
        return Err(
            "Query is empty. API Version v1 only supports using the query parameter in your Analysis Template."
                .to_owned(),
        );
    }
    if !metric.formula.is_empty() && !has_queries {
        return Err(format!("Formula are only valid when queries are set. {REVIEW}"));
    }
    if metric.formula.is_empty() && metric.queries.len() > 1 {
        return Err("When multiple queries are provided you must include a formula.".to_owned());
    }
    if is_v1 && !metric.aggregator.is_empty() {
        return Err(format!("Aggregator is not supported in v1. {REVIEW}"));
    }
    let timeout = if metric.request_timeout.is_empty() { TIMEOUT } else { &metric.request_timeout };
    let timeout =
        duration::parse(timeout).map_err(|error| format!("Could not parse the request timeout: {error}. {REVIEW}"))?;
    let timeout = Duration::try_from(timeout).ok().filter(|timeout| !timeout.is_zero());
    timeout.ok_or_else(|| format!("Request timeout must be a positive duration (e.g. 30s). {REVIEW}"))
}
