//! Wavefront.

use std::{collections::BTreeMap, time::Duration};

use http::Method;
use jiff::Timestamp;
use serde_json::Value as Json;
use tiphys_api::types::WavefrontMetric;

use super::{Answer, Asked, Asking, Provider, ProviderError, Reading, Services};
use crate::{
    Secret,
    expr::Value,
    http::{Request, form},
};

const SECRET: &str = "wavefront-api-tokens";
/// Upstream waits for ever.
const TIMEOUT: Duration = Duration::from_secs(60);

pub(super) struct Wavefront {
    metric: WavefrontMetric,
    token: Secret,
    services: Services,
}

/// The point of a series that is nearest to the measurement.
struct Nearest {
    value: f64,
    at: i64,
    drift: i64,
}

impl Wavefront {
    pub(super) async fn new(metric: &WavefrontMetric, services: &Services) -> Result<Self, ProviderError> {
        let secret = services.secret(&services.namespace, SECRET).await?;
        let missing = || ProviderError::Credentials("API token not found".to_owned());
        let token = secret.get(&metric.address).ok_or_else(missing)?;
        let token = Secret::new(format!("Bearer {}", token.expose().trim()));
        Ok(Self { metric: metric.clone(), token, services: services.clone() })
    }

    fn request(&self, now: Timestamp) -> Result<Request, ProviderError> {
        let millis = (now.as_second() * 1000).to_string();
        let fields = [
            ("q", self.metric.query.as_str()),
            ("s", &millis),
            ("e", &millis),
            ("p", "1"),
            ("g", "s"),
            ("i", "true"),
            ("autoEvents", "false"),
            ("listMode", "false"),
            ("strict", "false"),
            ("includeObsoleteMetrics", "false"),
        ];
        // The address is a host without scheme; with one it is taken as it is.
        let address = self.metric.address.trim_end_matches('/');
        let base = if address.contains("://") { address.to_owned() } else { format!("https://{address}") };
        let request = Request::new(Method::GET, &format!("{base}/api/v2/chart/api?{}", form(&fields)))?;
        let request = request.within(TIMEOUT).secret_header("authorization", &self.token)?;
        Ok(request.header("accept", "application/json")?)
    }
}

impl Provider for Wavefront {
    fn begin<'a>(&'a self, asked: Asked<'a>) -> Asking<'a> {
        Box::pin(async move {
            let response = self.services.fetch.fetch(self.request(asked.now)?).await?;
            if response.status.as_u16() != 200 {
                let text = format!("server returned {}\n{}\n", response.status_line(), response.text());
                return Err(ProviderError::Answer(text));
            }
            let json: Json =
                serde_json::from_slice(&response.body).map_err(|error| ProviderError::Decode(error.to_string()))?;
            let mut reading = reading(&json, asked.now);
            if let Some(warnings) = json["warnings"].as_str().filter(|warnings| !warnings.is_empty()) {
                reading.metadata.insert("warnings".to_owned(), warnings.to_owned());
            }
            Ok(Answer::Reading(reading))
        })
    }
}

fn reading(json: &Json, now: Timestamp) -> Reading {
    let series: Vec<_> = json["timeseries"].as_array().into_iter().flatten().map(|s| nearest(s, now)).collect();
    let joined = |text: Vec<String>| match text.as_slice() {
        [one] => one.clone(),
        several => format!("[{}]", several.join(",")),
    };
    if series.is_empty() {
        return Reading::none("No TimeSeries found in response from Wavefront");
    }
    let result = match series.as_slice() {
        [one] => Value::Float(one.value),
        several => Value::floats(several.iter().map(|point| point.value)),
    };
    let mut reading = Reading::new(result, joined(series.iter().map(|point| format!("{:.2}", point.value)).collect()));
    reading.metadata = BTreeMap::from([
        ("timestamps".to_owned(), joined(series.iter().map(|point| point.at.to_string()).collect())),
        ("drift".to_owned(), joined(series.iter().map(|point| point.drift.to_string()).collect())),
    ]);
    reading
}

/// Points are `[epoch seconds, value]`.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "seconds are far smaller")]
fn nearest(series: &Json, now: Timestamp) -> Nearest {
    let wanted = now.as_second() as f64;
    let mut best = Nearest { value: 0.0, at: 0, drift: 0 };
    let mut least = f64::INFINITY;
    for point in series["data"].as_array().into_iter().flatten() {
        let (Some(at), Some(value)) = (point[0].as_f64(), point[1].as_f64()) else { continue };
        let drift = at - wanted;
        if drift.abs() < least {
            least = drift.abs();
            best = Nearest { value, at: at as i64, drift: drift as i64 };
        }
    }
    best
}
