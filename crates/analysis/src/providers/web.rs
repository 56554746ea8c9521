//! Any HTTP endpoint.

use std::time::Duration;

use http::Method;
use serde_json::Value as Json;
use tiphys_api::types::WebMetric;
use tiphys_machinery::json_path::JsonPath;

use super::{Answer, Asked, Asking, Provider, ProviderError, Reading, Services, authentication::Login};
use crate::{expr::Value, http::Request};

const TIMEOUT: u64 = 10;

pub(super) struct Web {
    metric: WebMetric,
    path: JsonPath,
    login: Login,
}

impl Web {
    pub(super) fn new(metric: &WebMetric, services: &Services) -> Result<Self, ProviderError> {
        let path = if metric.json_path.is_empty() { "{$}" } else { &metric.json_path };
        let path = JsonPath::parse(path).map_err(|error| ProviderError::Configure(error.to_string()))?;
        let login = Login::new(&metric.authentication, &metric.headers, metric.insecure, services)?;
        Ok(Self { metric: metric.clone(), path, login })
    }

    fn nothing_found(&self) -> ProviderError {
        let path = &self.metric.json_path;
        let may_find_none = path.contains(['*', '?', ':']) || path.contains("..");
        ProviderError::Decode(if may_find_none {
            "result of web metric produced no value".to_owned()
        } else {
            format!("Could not find JSONPath in body: {path} is not found")
        })
    }

    fn request(&self) -> Result<Request, ProviderError> {
        let metric = &self.metric;
        let refused = |text: &str| Err(ProviderError::Configure(text.to_owned()));
        let method = if metric.method.is_empty() { "GET" } else { &metric.method };
        let has_body = !metric.body.is_empty() || metric.json_body.is_some();
        if !metric.body.is_empty() && metric.json_body.is_some() {
            return refused("use either Body or JSONBody; both cannot exists for WebMetric payload");
        }
        if has_body && method == "GET" {
            return refused("Body/JSONBody can only be used with POST or PUT WebMetric Method types");
        }
        let parsed = Method::from_bytes(method.as_bytes());
        let method = parsed.map_err(|_| ProviderError::Configure(format!("net/http: invalid method {method:?}")))?;
        let seconds = u64::try_from(metric.timeout_seconds).ok().filter(|seconds| *seconds > 0).unwrap_or(TIMEOUT);
        let mut request = Request::new(method, &metric.url)?.within(Duration::from_secs(seconds));
        request.body = match &metric.json_body {
            Some(json) => json.to_string().into(),
            None => metric.body.clone().into(),
        };
        Ok(request)
    }
}

impl Provider for Web {
    fn begin<'a>(&'a self, asked: Asked<'a>) -> Asking<'a> {
        Box::pin(async move {
            let mut request = self.request()?;
            if self.metric.json_body.is_some() {
                request = request.header("content-type", "application/json")?;
            }
            let response = self.login.send(request, asked.now).await?;
            if !response.status.is_success() {
                let text = format!("received non 2xx response code: {}", response.status.as_u16());
                return Err(ProviderError::Answer(text));
            }
            let Ok(json) = serde_json::from_slice::<Json>(&response.body) else {
                let text = response.text();
                return Ok(Answer::Reading(Reading::new(Value::text(&text), text)));
            };
            let first = self.path.first(&json).ok_or_else(|| self.nothing_found())?;
            Ok(Answer::Reading(Reading::new(Value::from_json(first), first.to_string())))
        })
    }
}
