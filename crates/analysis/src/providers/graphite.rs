//! Graphite's render API.

use std::time::Duration;

use http::Method;
use serde_json::Value as Json;
use tiphys_api::types::GraphiteMetric;

use super::{Answer, Asked, Asking, Provider, ProviderError, Reading, Services};
use crate::{expr::Value, http::Request};

const TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct Graphite {
    url: String,
    services: Services,
}

impl Graphite {
    pub(super) fn new(metric: &GraphiteMetric, services: &Services) -> Result<Self, ProviderError> {
        let address = metric.address.trim_end_matches('/');
        if Request::new(Method::GET, address).is_err() {
            let text = format!("Graphite address {} is not a valid URL", metric.address);
            return Err(ProviderError::Configure(text));
        }
        Ok(Self { url: format!("{address}/render?{}", query(&metric.query)), services: services.clone() })
    }
}

/// The fields of a query, sorted and written anew; white space means nothing.
fn query(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let fields = form_urlencoded::parse(text.as_bytes()).into_owned();
    let mut fields: Vec<(String, String)> = fields.filter(|(name, _)| name != "format").collect();
    fields.push(("format".to_owned(), "json".to_owned()));
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

impl Provider for Graphite {
    fn begin<'a>(&'a self, _asked: Asked<'a>) -> Asking<'a> {
        Box::pin(async move {
            let response = self.services.fetch.fetch(Request::new(Method::GET, &self.url)?.within(TIMEOUT)).await?;
            if response.status.as_u16() >= 400 {
                return Err(ProviderError::Answer(format!("error response: {}", response.text())));
            }
            let json: Json = serde_json::from_slice(&response.body)
                .map_err(|error| ProviderError::Decode(format!("Could not parse JSON body: {error}")))?;
            let points = json[0]["datapoints"].as_array().cloned().unwrap_or_default();
            let values = points.iter().map(value).collect::<Result<Vec<_>, _>>()?;
            if values.is_empty() {
                return Ok(Answer::Reading(Reading::none("no values found")));
            }
            let numbers: Vec<f64> = values.into_iter().flatten().collect();
            let text: Vec<_> = numbers.iter().map(|number| format!("{number:.6}")).collect();
            Ok(Answer::Reading(Reading::new(Value::floats(numbers), format!("[{}]", text.join(",")))))
        })
    }
}

/// A point is `[value or null or text, time]`.
fn value(point: &Json) -> Result<Option<f64>, ProviderError> {
    let wrong = || ProviderError::Decode(format!("error unmarshaling data point: {point}"));
    match point.as_array().map(Vec::as_slice) {
        Some([Json::Null, _]) => Ok(None),
        Some([Json::Number(number), _]) => Ok(number.as_f64()),
        Some([Json::String(text), _]) => text.parse().map(Some).map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}
