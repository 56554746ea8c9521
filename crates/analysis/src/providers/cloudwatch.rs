//! Amazon CloudWatch.

use std::sync::Arc;

use http::Method;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Map, Value as Json, json};
use tiphys_api::{
    defaults::int_value,
    duration,
    types::{CloudWatchMetric, CloudWatchMetricDataQuery, CloudWatchMetricStat},
};

use super::{Answer, Asked, Asking, Provider, ProviderError, Reading, Services};
use crate::{
    aws,
    expr::{Items, Key, Keys, Moment, Value},
    http::Request,
};

const WINDOW: SignedDuration = SignedDuration::from_mins(5);
const TARGET: &str = "GraniteServiceVersion20100801.GetMetricData";

pub(super) struct CloudWatch {
    metric: CloudWatchMetric,
    services: Services,
}

impl CloudWatch {
    pub(super) fn new(metric: &CloudWatchMetric, services: &Services) -> Self {
        Self { metric: metric.clone(), services: services.clone() }
    }

    async fn ask(&self, now: Timestamp) -> Result<Json, ProviderError> {
        let window = match self.metric.interval.as_str() {
            "" => WINDOW,
            text => duration::parse(text).map_err(|error| ProviderError::Configure(error.to_string()))?,
        };
        let identity = aws::Identity::default();
        let region = aws::region(&identity, &self.services);
        let keys = aws::credentials(&identity, &self.services, now).await?;
        let given =
            self.services.variable("AWS_ENDPOINT_URL_CLOUDWATCH").or(self.services.variable("AWS_ENDPOINT_URL"));
        let url = given.map_or_else(|| format!("https://monitoring.{region}.amazonaws.com/"), str::to_owned);
        let queries: Vec<_> = self.metric.metric_data_queries.iter().map(query).collect();
        let (start, end) = (now.as_second() - window.as_secs(), now.as_second());
        let body = json!({"StartTime": start, "EndTime": end, "MetricDataQueries": queries}).to_string();
        let request = Request::new(Method::POST, &url)?.header("x-amz-target", TARGET)?;
        let request = request.body("application/x-amz-json-1.0", body)?;
        let response = self.services.fetch.fetch(aws::sign(request, "monitoring", &region, &keys, now)?).await?;
        let json: Json = serde_json::from_slice(&response.body).unwrap_or_default();
        if !response.status.is_success() {
            let kind = json["__type"].as_str().unwrap_or_default();
            let kind = kind.rsplit('#').next().unwrap_or_default();
            let message = json["message"].as_str().or(json["Message"].as_str()).unwrap_or_default();
            let text =
                format!("operation error CloudWatch: GetMetricData, {}, {kind}: {message}", response.status_line());
            return Err(ProviderError::Answer(text));
        }
        Ok(json)
    }
}

impl Provider for CloudWatch {
    fn begin<'a>(&'a self, asked: Asked<'a>) -> Asking<'a> {
        Box::pin(async move {
            let json = self.ask(asked.now).await?;
            let results = json["MetricDataResults"].as_array().cloned().unwrap_or_default();
            let text: Vec<_> = results.iter().map(|result| Value::floats(numbers(result)).to_string()).collect();
            let value = Value::list(results.iter().map(row).collect());
            let mut reading = Reading::new(value, format!("[{}]", text.join(" ")));
            if let Some(messages) = json["Messages"].as_array().filter(|messages| !messages.is_empty()) {
                reading.metadata.insert("messages".to_owned(), Json::from(messages.clone()).to_string());
            }
            Ok(Answer::Reading(reading))
        })
    }
}

fn query(query: &CloudWatchMetricDataQuery) -> Json {
    let mut fields = Map::new();
    fields.insert("Id".to_owned(), json!(query.id));
    let mut set = |name: &str, value: Option<Json>| {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value);
        }
    };
    set("Expression", query.expression.as_ref().map(|text| json!(text)));
    set("Label", query.label.as_ref().map(|text| json!(text)));
    set("MetricStat", query.metric_stat.as_ref().map(stat));
    set("Period", query.period.as_ref().map(|period| json!(int_value(period))));
    set("ReturnData", query.return_data.map(|returned| json!(returned)));
    Json::Object(fields)
}

fn stat(stat: &CloudWatchMetricStat) -> Json {
    let metric = &stat.metric;
    let dimensions: Vec<_> = metric.dimensions.iter().map(|d| json!({"Name": d.name, "Value": d.value})).collect();
    let mut named = json!({"MetricName": metric.metric_name, "Dimensions": dimensions});
    if let Some(namespace) = &metric.namespace {
        named["Namespace"] = json!(namespace);
    }
    let mut fields = json!({"Metric": named, "Period": int_value(&stat.period), "Stat": stat.stat});
    if !stat.unit.is_empty() {
        fields["Unit"] = json!(stat.unit);
    }
    fields
}

fn numbers(result: &Json) -> Vec<f64> {
    result["Values"].as_array().into_iter().flatten().filter_map(Json::as_f64).collect()
}

/// A result as conditions see it, under the names that upstream's library gives to its fields.
fn row(result: &Json) -> Value {
    let moments = result["Timestamps"].as_array().into_iter().flatten().filter_map(Json::as_f64).filter_map(|at| {
        #[expect(clippy::cast_possible_truncation, reason = "seconds are far smaller")]
        let at = Timestamp::from_second(at as i64).ok()?;
        Some(Value::Time(Moment { at, zone: TimeZone::UTC }))
    });
    let entries = [
        ("Id", Value::from_json(&result["Id"])),
        ("Label", Value::from_json(&result["Label"])),
        ("Messages", Value::from_json(&result["Messages"])),
        ("StatusCode", Value::from_json(&result["StatusCode"])),
        ("Timestamps", Value::list_of(Items::Any, moments.collect())),
        ("Values", Value::floats(numbers(result))),
    ];
    let entries = entries.into_iter().map(|(name, value)| (Key::Text(name.into()), value)).collect();
    Value::Map(crate::expr::Map { of: Keys::Text, entries: Arc::new(entries) })
}
