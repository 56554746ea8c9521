//! The series that can be asked for: names that canary queries use, their labels and their samples.

use jiff::Timestamp;

use super::{
    super::tally::{BOUNDS_MS, Labels, Series, Sum, Tally},
    LabelSet,
    parse::Matcher,
};

/// A time and a value.
pub(super) type Sample = (Timestamp, f64);

/// What a metric is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// Every request, as the pod's own metrics say.
    Plain,
    /// What came through an Ingress.
    Nginx,
    /// Every request, as the sidecar of the sender or of the receiver says.
    Istio(&'static str),
}

/// Which number of the tally.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Number {
    Requests,
    /// Answers that took no longer than the bound of this place; all at the end.
    Bucket(usize),
    /// Time of all answers, in so many parts of a second.
    Time(f64),
}

const NAMES: [(&str, Source); 4] = [
    ("http_requests_total", Source::Plain),
    ("nginx_ingress_controller_requests", Source::Nginx),
    ("istio_requests_total", Source::Istio("destination")),
    ("istio_requests_total", Source::Istio("source")),
];

/// Name, source, and how many of the metric's units a second has.
const HISTOGRAMS: [(&str, Source, f64); 4] = [
    ("http_request_duration_seconds", Source::Plain, 1.0),
    ("nginx_ingress_controller_request_duration_seconds", Source::Nginx, 1.0),
    ("istio_request_duration_milliseconds", Source::Istio("destination"), 1000.0),
    ("istio_request_duration_milliseconds", Source::Istio("source"), 1000.0),
];

/// A series that fits.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) labels: LabelSet,
    number: Number,
    series: &'a Series,
}

impl Found<'_> {
    /// Returns the samples after `start` and until `end`, both in milliseconds.
    pub(super) fn samples(&self, start: i64, end: i64) -> impl DoubleEndedIterator<Item = Sample> {
        let samples = &self.series.samples;
        let upto = |bound: i64| samples.partition_point(|(at, _)| at.as_millisecond() <= bound);
        let (from, to) = (upto(start), upto(end));
        samples.range(from..to.max(from)).map(|(at, sum)| (*at, self.number.of(sum)))
    }
}

/// Returns the series that fit.
pub(super) fn select<'a>(tally: &'a Tally, matchers: &[Matcher]) -> Vec<Found<'a>> {
    let mut found = Vec::new();
    each(tally, matchers, |labels, number, series| found.push(Found { labels, number, series }));
    found
}

/// Returns the present value of every series.
pub(super) fn present(tally: &Tally) -> Vec<(LabelSet, f64)> {
    let mut found = Vec::new();
    each(tally, &[], |labels, number, series| found.push((labels, number.of(&series.sum))));
    found
}

fn each<'a>(tally: &'a Tally, matchers: &[Matcher], mut take: impl FnMut(LabelSet, Number, &'a Series)) {
    let named = |name: &str| matchers.iter().filter(|m| m.label == "__name__").all(|m| m.fits(name));
    let fits = |labels: &LabelSet| {
        let value = |label: &str| labels.get(label).map(String::as_str).unwrap_or_default();
        matchers.iter().all(|matcher| matcher.fits(value(&matcher.label)))
    };
    for (name, source, bound, number) in all_names() {
        if !named(&name) {
            continue;
        }
        for (key, series) in tally.series() {
            let Some(mut labels) = source.labels(key) else { continue };
            labels.insert("__name__".to_owned(), name.clone());
            if let Some(bound) = &bound {
                labels.insert("le".to_owned(), bound.clone());
            }
            if fits(&labels) {
                take(labels, number, series);
            }
        }
    }
}

/// Returns every name with its source, the `le` of a bucket, and the number that it is.
fn all_names() -> Vec<(String, Source, Option<String>, Number)> {
    let mut all: Vec<_> =
        NAMES.iter().map(|(name, source)| ((*name).to_owned(), *source, None, Number::Requests)).collect();
    for (name, source, parts) in HISTOGRAMS {
        for at in 0..=BOUNDS_MS.len() {
            let bound = BOUNDS_MS.get(at).map_or("+Inf".to_owned(), |ms| (f64::from(*ms) * parts / 1000.0).to_string());
            all.push((format!("{name}_bucket"), source, Some(bound), Number::Bucket(at)));
        }
        all.push((format!("{name}_sum"), source, None, Number::Time(parts)));
        all.push((format!("{name}_count"), source, None, Number::Requests));
    }
    all
}

impl Number {
    #[expect(clippy::cast_precision_loss, reason = "Prometheus counts in floats")]
    fn of(self, sum: &Sum) -> f64 {
        match self {
            Self::Requests => sum.requests as f64,
            Self::Bucket(at) => sum.buckets[..=at].iter().sum::<u64>() as f64,
            Self::Time(parts) => sum.micros as f64 / 1e6 * parts,
        }
    }
}

impl Source {
    /// Returns the labels that a source gives a series; `None` where it knows nothing of it.
    fn labels(self, key: &Labels) -> Option<LabelSet> {
        let code = key.code.to_string();
        let class = format!("{}xx", key.code / 100);
        let pairs: Vec<(&str, &str)> = match (self, &key.ingress) {
            (Self::Plain, _) => vec![
                ("namespace", &key.namespace),
                ("service", &key.service),
                ("pod", &key.pod),
                ("version", &key.version),
                ("workload", &key.workload),
                ("code", &code),
                ("status", &code),
                ("method", &key.method),
                ("host", &key.host),
                ("path", &key.path),
                ("route", &key.route),
                ("lost", key.lost),
                ("job", &key.service),
            ],
            (Self::Nginx, None) => return None,
            (Self::Nginx, Some((ingress, service, canary))) => vec![
                ("namespace", &key.namespace),
                ("exported_namespace", &key.namespace),
                ("ingress", ingress),
                ("service", service),
                ("exported_service", service),
                ("canary", canary),
                ("status", &code),
                ("host", &key.host),
                ("method", &key.method),
                ("path", &key.path),
                ("pod", &key.pod),
                ("version", &key.version),
                ("lost", key.lost),
            ],
            (Self::Istio(reporter), _) => return Some(istio(reporter, key, &code, &class)),
        };
        let set = pairs.into_iter().filter(|(_, value)| !value.is_empty());
        Some(set.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

fn istio(reporter: &str, key: &Labels, code: &str, class: &str) -> LabelSet {
    let host = if key.service.is_empty() {
        key.host.clone()
    } else {
        format!("{}.{}.svc.cluster.local", key.service, key.namespace)
    };
    let or_unknown = |text: &str| if text.is_empty() { "unknown".to_owned() } else { text.to_owned() };
    let flags = if key.lost.is_empty() { "-" } else { "UH" };
    [
        ("reporter", reporter.to_owned()),
        ("destination_service", host),
        ("destination_service_name", or_unknown(&key.service)),
        ("destination_service_namespace", or_unknown(&key.namespace)),
        ("destination_workload", or_unknown(&key.workload)),
        ("destination_workload_namespace", or_unknown(&key.namespace)),
        ("destination_version", or_unknown(&key.version)),
        ("destination_canonical_revision", or_unknown(&key.version)),
        ("pod", key.pod.clone()),
        ("request_protocol", "http".to_owned()),
        ("response_code", code.to_owned()),
        ("response_code_class", class.to_owned()),
        ("response_flags", flags.to_owned()),
        ("route", key.route.clone()),
        ("host", key.host.clone()),
        ("path", key.path.clone()),
        ("method", key.method.clone()),
        ("lost", key.lost.to_owned()),
        ("ingress", key.ingress.as_ref().map(|(name, ..)| name.clone()).unwrap_or_default()),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}
