//! New Relic by NRQL.

use std::{collections::BTreeMap, time::Duration};

use http::{Method, StatusCode};
use serde_json::{Value as Json, json};
use tiphys_api::types::NewRelicMetric;

use super::{Answer, Asked, Asking, Provider, ProviderError, Reading, Services};
use crate::{
    Secret,
    expr::{Items, Value},
    http::{Request, Response},
};

const SECRET: &str = "newrelic";
const QUERY_TIMEOUT: i64 = 5;
const TIMEOUT: Duration = Duration::from_secs(30);
/// Retries after an answer that may get better.
const RETRIES: u32 = 3;
const NO_RESULTS: &str = "no results returned from NRQL query";
const AGENT: &str = concat!("tiphys/", env!("CARGO_PKG_VERSION"));
const QUERY: &str = "query($query: Nrql!, $accountId: Int!, $timeout: Seconds!) { actor { account(id: $accountId) { \
                     nrql(query: $query, timeout: $timeout) { results } } } }";

pub(super) struct NewRelic {
    metric: NewRelicMetric,
    key: Secret,
    account: i64,
    url: String,
    services: Services,
}

impl NewRelic {
    pub(super) async fn new(metric: &NewRelicMetric, services: &Services) -> Result<Self, ProviderError> {
        let name = if metric.profile.is_empty() { SECRET } else { &metric.profile };
        let secret = services.secret(&services.namespace, name).await?;
        let text = |key: &str| secret.get(key).map(|value| value.expose().to_owned());
        let missing = || ProviderError::Credentials("account ID or personal API key not found".to_owned());
        let (key, account) = secret.get("personal-api-key").zip(text("account-id")).ok_or_else(missing)?;
        let account = account.parse().map_err(|_| {
            let text = "could not parse account ID: it is no whole number";
            ProviderError::Credentials(text.to_owned())
        })?;
        let region = text("region").unwrap_or_default().to_ascii_lowercase();
        let url = text("base-url-nerdgraph").unwrap_or_else(|| match region.as_str() {
            "eu" => "https://api.eu.newrelic.com/graphql".to_owned(),
            "staging" => "https://staging-api.newrelic.com/graphql".to_owned(),
            _ => "https://api.newrelic.com/graphql".to_owned(),
        });
        Ok(Self { metric: metric.clone(), key: key.clone(), account, url, services: services.clone() })
    }

    async fn ask(&self) -> Result<Response, ProviderError> {
        let timeout = self.metric.timeout.unwrap_or(QUERY_TIMEOUT);
        if timeout < 0 {
            return Err(ProviderError::Configure("timeout value needs to be a positive value".to_owned()));
        }
        let variables = json!({"accountId": self.account, "query": self.metric.query, "timeout": timeout});
        let body = json!({"query": QUERY, "variables": variables}).to_string();
        let request = Request::new(Method::POST, &self.url)?.within(TIMEOUT).secret_header("api-key", &self.key)?;
        let request = request.header("user-agent", AGENT)?.body("application/json", body)?;
        let mut response = self.services.fetch.fetch(request.clone()).await?;
        for attempt in 0..RETRIES {
            let is_passing = response.status == StatusCode::TOO_MANY_REQUESTS || response.status.is_server_error();
            if !is_passing {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1 << attempt)).await;
            response = self.services.fetch.fetch(request.clone()).await?;
        }
        Ok(response)
    }
}

impl Provider for NewRelic {
    fn begin<'a>(&'a self, _asked: Asked<'a>) -> Asking<'a> {
        Box::pin(async move {
            let response = self.ask().await?;
            if !response.status.is_success() {
                return Err(ProviderError::Answer(format!("{} response returned", response.status.as_u16())));
            }
            let json: Json =
                serde_json::from_slice(&response.body).map_err(|error| ProviderError::Decode(error.to_string()))?;
            let errors: Vec<_> = json["errors"].as_array().into_iter().flatten().collect();
            if !errors.is_empty() {
                let messages: Vec<_> = errors.iter().filter_map(|error| error["message"].as_str()).collect();
                return Err(ProviderError::Answer(messages.join(", ")));
            }
            let results = json["data"]["actor"]["account"]["nrql"]["results"].as_array().cloned().unwrap_or_default();
            Ok(Answer::Reading(reading(&results)))
        })
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        let query = Some(self.metric.query.clone()).filter(|query| !query.is_empty());
        query.map(|query| ("ResolvedNewRelicQuery".to_owned(), query)).into_iter().collect()
    }
}

/// One row is a map, several are a list of maps.
fn reading(results: &[Json]) -> Reading {
    match results {
        [] => Reading::none(NO_RESULTS),
        [row] if row.as_object().is_none_or(serde_json::Map::is_empty) => Reading::none(NO_RESULTS),
        [row] => Reading::new(Value::from_json(row), row.to_string()),
        rows => {
            let items = rows.iter().map(Value::from_json).collect();
            Reading::new(Value::list_of(Items::Maps, items), Json::from(rows.to_vec()).to_string())
        }
    }
}
