//! Apache SkyWalking by GraphQL.

use std::time::Duration;

use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};
use tiphys_api::{duration, types::SkyWalkingMetric};

use super::{Answer, Asked, Asking, Provider, ProviderError, Reading, Services};
use crate::{expr::Value, http::Request};

const TIMEOUT: Duration = Duration::from_secs(30);

pub(super) struct SkyWalking {
    url: String,
    query: String,
    window: SignedDuration,
    services: Services,
}

impl SkyWalking {
    pub(super) fn new(metric: &SkyWalkingMetric, services: &Services) -> Result<Self, ProviderError> {
        let window = duration::parse(&metric.interval).map_err(|error| ProviderError::Configure(error.to_string()))?;
        let url = format!("{}/graphql", metric.address);
        Ok(Self { url, query: metric.query.clone(), window, services: services.clone() })
    }

    fn request(&self, now: Timestamp) -> Result<Request, ProviderError> {
        // Whole minutes, in UTC: what is asked must not depend on where the process runs.
        let minute = |at: Timestamp| at.strftime("%Y-%m-%d %H%M").to_string();
        let start = now.checked_sub(self.window).unwrap_or(now);
        let duration = json!({"start": minute(start), "end": minute(now), "step": "MINUTE"});
        let body = json!({"query": self.query, "variables": {"duration": duration}}).to_string();
        let request = Request::new(Method::POST, &self.url)?.within(TIMEOUT);
        let request = request.header("accept", "application/json; charset=utf-8")?;
        Ok(request.body("application/json; charset=utf-8", body)?)
    }
}

impl Provider for SkyWalking {
    fn begin<'a>(&'a self, asked: Asked<'a>) -> Asking<'a> {
        Box::pin(async move {
            let response = self.services.fetch.fetch(self.request(asked.now)?).await?;
            let json: Json = match serde_json::from_slice(&response.body) {
                Ok(json) => json,
                Err(_) if !response.status.is_success() => {
                    let code = response.status.as_u16();
                    return Err(ProviderError::Answer(format!(
                        "graphql: server returned a non-200 status code: {code}"
                    )));
                }
                Err(error) => return Err(ProviderError::Decode(format!("decoding response: {error}"))),
            };
            if let Some(message) = json["errors"][0]["message"].as_str() {
                return Err(ProviderError::Answer(format!("graphql: {message}")));
            }
            if !response.status.is_success() {
                let code = response.status.as_u16();
                return Err(ProviderError::Answer(format!("graphql: server returned a non-200 status code: {code}")));
            }
            let data = &json["data"];
            if data.is_null() {
                return Ok(Answer::Reading(Reading::none("no results returned from SkyWalking query")));
            }
            Ok(Answer::Reading(Reading::new(Value::from_json(data), data.to_string())))
        })
    }
}
