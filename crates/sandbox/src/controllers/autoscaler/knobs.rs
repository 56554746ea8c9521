//! Annotations that say what is measured, since nothing really runs.

use serde_json::Value;
use tiphys_machinery::quantity::Quantity;

use crate::kubelet::knobs::PREFIX;

/// Prefix of the annotations of metrics with a name of their own.
const METRIC: &str = "metric.sandbox.tiphys.dev/";

/// What an annotation says about a metric, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Knob {
    /// Each pod has so much.
    Each(i64),
    /// All ready pods share so much.
    Total(i64),
    /// Each pod has so much for each request a second that it gets.
    PerRequest(i64),
}

impl Knob {
    /// Returns what one of so many ready pods has that gets so many requests a second.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a measurement")]
    pub(super) fn of_one(self, ready: usize, requests: f64) -> i64 {
        match self {
            Self::PerRequest(amount) => (amount as f64 * requests) as i64,
            Self::Each(amount) => amount,
            Self::Total(amount) => amount / i64::try_from(ready).unwrap_or(i64::MAX).max(1),
        }
    }

    /// Returns the amount as it is written.
    pub(super) fn amount(self) -> i64 {
        match self {
            Self::Each(amount) | Self::Total(amount) | Self::PerRequest(amount) => amount,
        }
    }
}

/// Returns what `sandbox.tiphys.dev/cpu` or `/memory` says.
pub(super) fn resource(object: &Value, name: &str) -> Option<Knob> {
    parse(object["metadata"]["annotations"][format!("{PREFIX}{name}")].as_str()?)
}

/// Returns what `metric.sandbox.tiphys.dev/NAME` says.
pub(super) fn metric(object: &Value, name: &str) -> Option<Knob> {
    parse(object["metadata"]["annotations"][format!("{METRIC}{name}")].as_str()?)
}

fn parse(text: &str) -> Option<Knob> {
    let milli = |text: &str| text.trim().parse::<Quantity>().ok().map(|quantity| quantity.milli());
    match text.split_once(':') {
        Some(("total", amount)) => milli(amount).map(Knob::Total),
        Some(("per-rps", amount)) => milli(amount).map(Knob::PerRequest),
        Some(_) => None,
        None => milli(text).map(Knob::Each),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_for_each_pod_or_for_all() {
        for (text, want) in [
            ("250m", Some(Knob::Each(250))),
            ("total:2", Some(Knob::Total(2000))),
            ("1Mi", Some(Knob::Each(1_048_576_000))),
            ("per-rps:10m", Some(Knob::PerRequest(10))),
            ("much", None),
            ("all:1", None),
        ] {
            assert_eq!(parse(text), want, "{text}");
        }
        let of = |knob: Knob, ready| knob.of_one(ready, 20.0);
        assert_eq!((of(Knob::Total(900), 3), of(Knob::Each(900), 3), of(Knob::Total(900), 0)), (300, 900, 900));
        assert_eq!(of(Knob::PerRequest(10), 3), 200);
    }
}
