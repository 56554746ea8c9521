//! The HTTP API of Prometheus, as far as analysis and dashboards need it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::{
    super::{Traffic, tally::Tally},
    LabelSet, QueryError,
    eval::{Evaluation, Value},
    lex::duration,
    metrics,
    parse::parse,
};

/// Most points of a range query.
const MOST_POINTS: i64 = 11_000;

/// Status code and body.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// 200, 400 or 404.
    pub status: u16,
    /// JSON.
    pub body: Json,
}

/// Answers a request to `/api/v1/PATH`: `query`, `query_range`, `series`, `labels`, `label/NAME/values`,
/// `status/buildinfo`. `parameter` returns the values of a parameter, of the address or of a form.
pub fn answer(traffic: &Traffic, now: Timestamp, path: &str, parameter: &dyn Fn(&str) -> Vec<String>) -> Answer {
    let state = traffic.state();
    let one = |name: &str| parameter(name).into_iter().next();
    let ask = Ask { tally: &state.tally, now, one: &one };
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let result = match parts.as_slice() {
        ["query"] => ask.query(),
        ["query_range"] => ask.query_range(),
        ["series"] => ask.series(&parameter("match[]")),
        ["labels"] => Ok(json!(ask.label_names())),
        ["label", name, "values"] => Ok(json!(ask.label_values(name))),
        ["status", "buildinfo"] => Ok(json!({"version": "2.53.0", "revision": "", "branch": "", "goVersion": ""})),
        _ => {
            let error = format!("not supported by the sandbox: the path {path}");
            return Answer { status: 404, body: json!({"status": "error", "errorType": "not_found", "error": error}) };
        }
    };
    match result {
        Ok(data) => Answer { status: 200, body: json!({"status": "success", "data": data}) },
        Err(error) => Answer {
            status: 400,
            body: json!({"status": "error", "errorType": "bad_data", "error": error.to_string()}),
        },
    }
}

/// Returns the present values in the text form that Prometheus reads.
#[must_use]
pub fn exposition(traffic: &Traffic) -> String {
    let mut text = String::new();
    let mut all = metrics::present(&traffic.state().tally);
    all.sort_by(|(a, _), (b, _)| (a.get("__name__"), a).cmp(&(b.get("__name__"), b)));
    let mut last = String::new();
    for (labels, value) in all {
        let name = labels.get("__name__").map(String::as_str).unwrap_or_default();
        if name != last {
            let _ = writeln!(text, "# TYPE {name} counter");
            name.clone_into(&mut last);
        }
        let pairs: Vec<String> =
            labels.iter().filter(|(label, _)| *label != "__name__").map(|(l, v)| format!("{l}={v:?}")).collect();
        let _ = writeln!(text, "{name}{{{}}} {}", pairs.join(","), number(value));
    }
    text
}

struct Ask<'a> {
    tally: &'a Tally,
    now: Timestamp,
    one: &'a dyn Fn(&str) -> Option<String>,
}

impl Ask<'_> {
    fn query(&self) -> Result<Json, QueryError> {
        let expr = parse(&(self.one)("query").unwrap_or_default())?;
        let at = self.time("time")?.unwrap_or(self.now);
        Ok(match Evaluation::new(self.tally).at(&expr, at)? {
            Value::Scalar(value) => json!({"resultType": "scalar", "result": point(at, value)}),
            Value::Vector(mut vector) => {
                vector.sort_by(|(a, _), (b, _)| a.cmp(b));
                let series = vector.iter().map(|(labels, value)| json!({"metric": labels, "value": point(at, *value)}));
                json!({"resultType": "vector", "result": series.collect::<Vec<_>>()})
            }
        })
    }

    fn query_range(&self) -> Result<Json, QueryError> {
        let expr = parse(&(self.one)("query").unwrap_or_default())?;
        let missing = |name: &'static str| QueryError::Parameter { name, why: "it is required".to_owned() };
        let start = self.time("start")?.ok_or_else(|| missing("start"))?;
        let end = self.time("end")?.ok_or_else(|| missing("end"))?;
        let step = (self.one)("step").ok_or_else(|| missing("step"))?;
        let millis = step_millis(&step)
            .filter(|millis| *millis > 0)
            .ok_or_else(|| QueryError::Parameter { name: "step", why: format!("{step:?} is no positive duration") })?;
        if end < start {
            let why = "end timestamp must not be before start time".to_owned();
            return Err(QueryError::Parameter { name: "end", why });
        }
        let points = (end.as_millisecond() - start.as_millisecond()) / millis;
        if points > MOST_POINTS {
            let message = "exceeded maximum resolution of 11,000 points per timeseries";
            return Err(QueryError::Evaluate(message.to_owned()));
        }
        let mut series: std::collections::BTreeMap<LabelSet, Vec<Json>> = std::collections::BTreeMap::new();
        let mut evaluation = Evaluation::new(self.tally);
        for n in 0..=points {
            let at = Timestamp::from_millisecond(start.as_millisecond() + n * millis);
            let Ok(at) = at else { break };
            let vector = match evaluation.at(&expr, at)? {
                Value::Scalar(value) => vec![(LabelSet::new(), value)],
                Value::Vector(vector) => vector,
            };
            for (labels, value) in vector {
                series.entry(labels).or_default().push(point(at, value));
            }
        }
        let series = series.into_iter().map(|(labels, values)| json!({"metric": labels, "values": values}));
        Ok(json!({"resultType": "matrix", "result": series.collect::<Vec<_>>()}))
    }

    fn series(&self, selectors: &[String]) -> Result<Json, QueryError> {
        let mut found = BTreeSet::new();
        for text in selectors {
            let super::parse::Expr::Selector(selector) = parse(text)? else {
                return Err(QueryError::Parameter { name: "match[]", why: format!("{text:?} is no selector") });
            };
            found.extend(metrics::select(self.tally, &selector.matchers).into_iter().map(|series| series.labels));
        }
        Ok(json!(found))
    }

    fn label_names(&self) -> BTreeSet<String> {
        metrics::present(self.tally).into_iter().flat_map(|(labels, _)| labels.into_keys()).collect()
    }

    fn label_values(&self, name: &str) -> BTreeSet<String> {
        metrics::present(self.tally).into_iter().filter_map(|(mut labels, _)| labels.remove(name)).collect()
    }

    fn time(&self, name: &'static str) -> Result<Option<Timestamp>, QueryError> {
        let Some(text) = (self.one)(name).filter(|text| !text.is_empty()) else { return Ok(None) };
        let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite());
        #[expect(clippy::cast_possible_truncation, reason = "checked by the conversion that follows")]
        let at = seconds.and_then(|seconds| Timestamp::from_millisecond((seconds * 1000.0).round() as i64).ok());
        let at = at.or_else(|| text.parse().ok());
        at.map(Some).ok_or_else(|| QueryError::Parameter { name, why: format!("{text:?} is no time") })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a step of some seconds")]
fn step_millis(text: &str) -> Option<i64> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite());
    seconds.map(|seconds| (seconds * 1000.0) as i64).or_else(|| duration(text))
}

fn point(at: Timestamp, value: f64) -> Json {
    let millis = at.as_millisecond();
    #[expect(clippy::cast_precision_loss, reason = "a time in seconds")]
    let time = if millis % 1000 == 0 { json!(millis / 1000) } else { json!(millis as f64 / 1000.0) };
    json!([time, number(value)])
}

/// Returns a number as Prometheus writes it.
fn number(value: f64) -> String {
    match value {
        value if value.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        value => value.to_string(),
    }
}
