//! Functions over series.

use std::collections::BTreeMap;

use super::{LabelSet, QueryError, metrics::Sample};

/// One number for each series.
pub(super) type Vector = Vec<(LabelSet, f64)>;

/// A window of time: its ends in milliseconds; its start is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) start: i64,
    pub(super) end: i64,
}

/// Returns the value of a function over the samples of a window; `None` where there are too few.
///
/// # Errors
/// Where the function is not known.
pub(super) fn over(name: &str, samples: &[Sample], window: Window) -> Result<Option<f64>, QueryError> {
    let values = || samples.iter().map(|(_, value)| *value);
    #[expect(clippy::cast_precision_loss, reason = "a count")]
    let count = samples.len() as f64;
    let some = |value: f64| (!samples.is_empty()).then_some(value);
    Ok(match name {
        "rate" => extrapolated(samples, window, true).map(|increase| increase / seconds(window.end - window.start)),
        "increase" => extrapolated(samples, window, true),
        "delta" => extrapolated(samples, window, false),
        "irate" => instant(samples, true).map(|(increase, time)| increase / time),
        "idelta" => instant(samples, false).map(|(delta, _)| delta),
        "avg_over_time" => some(values().sum::<f64>() / count),
        "sum_over_time" => some(values().sum()),
        "count_over_time" => some(count),
        "min_over_time" => values().reduce(f64::min),
        "max_over_time" => values().reduce(f64::max),
        "last_over_time" => values().next_back(),
        _ => return Err(QueryError::NotSupported(format!("the function {name}"))),
    })
}

/// Functions over the samples of a window.
const OVER: [&str; 11] = [
    "rate",
    "increase",
    "delta",
    "irate",
    "idelta",
    "avg_over_time",
    "sum_over_time",
    "count_over_time",
    "min_over_time",
    "max_over_time",
    "last_over_time",
];

/// Returns whether a function takes a range of samples.
pub(super) fn takes_range(name: &str) -> bool {
    OVER.contains(&name)
}

/// Returns whether a function is known at all.
pub(super) fn is_known(name: &str) -> bool {
    takes_range(name)
        || matches!(name, "histogram_quantile" | "scalar" | "vector" | "absent" | "time")
        || of_value(name, 0.0, &[]).is_some()
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a window")]
fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

/// Returns the change over a window, extrapolated to its ends where samples come close to them.
fn extrapolated(samples: &[Sample], window: Window, counter: bool) -> Option<f64> {
    let ((first_at, first), (last_at, last)) = (*samples.first()?, *samples.last()?);
    if samples.len() < 2 {
        return None;
    }
    let mut change = last - first;
    if counter {
        // A counter that is lower than before began anew.
        change += samples.windows(2).filter(|pair| pair[1].1 < pair[0].1).map(|pair| pair[0].1).sum::<f64>();
    }
    let (first_at, last_at) = (first_at.as_millisecond(), last_at.as_millisecond());
    let sampled = seconds(last_at - first_at);
    #[expect(clippy::cast_precision_loss, reason = "a count")]
    let distance = sampled / (samples.len() - 1) as f64;
    let near = |gap: f64| if gap >= distance * 1.1 { distance / 2.0 } else { gap };
    let mut to_start = near(seconds(first_at - window.start));
    let to_end = near(seconds(window.end - last_at));
    if counter && change > 0.0 && first >= 0.0 {
        to_start = to_start.min(sampled * (first / change));
    }
    Some(change * (sampled + to_start + to_end) / sampled)
}

/// Returns the change between the last two samples, and their distance in seconds.
fn instant(samples: &[Sample], counter: bool) -> Option<(f64, f64)> {
    let [.., (before_at, before), (at, value)] = samples else { return None };
    let change = if counter && value < before { *value } else { value - before };
    Some((change, at.duration_since(*before_at).as_secs_f64()))
}

/// Returns the quantile of each histogram: series that differ in `le` only.
pub(super) fn histogram_quantile(quantile: f64, vector: Vector) -> Vector {
    let mut histograms: BTreeMap<LabelSet, Vec<(f64, f64)>> = BTreeMap::new();
    for (mut labels, value) in vector {
        labels.remove("__name__");
        let bound = match labels.remove("le").as_deref() {
            Some("+Inf") => f64::INFINITY,
            Some(text) => match text.parse() {
                Ok(bound) => bound,
                Err(_) => continue,
            },
            None => continue,
        };
        histograms.entry(labels).or_default().push((bound, value));
    }
    histograms.into_iter().map(|(labels, buckets)| (labels, quantile_of(quantile, buckets))).collect()
}

fn quantile_of(quantile: f64, mut buckets: Vec<(f64, f64)>) -> f64 {
    if quantile.is_nan() {
        return f64::NAN;
    }
    if !(0.0..=1.0).contains(&quantile) {
        return if quantile < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    let Some((bound, total)) = buckets.last().copied() else { return f64::NAN };
    if !bound.is_infinite() || buckets.len() < 2 || total == 0.0 || total.is_nan() {
        return f64::NAN;
    }
    let rank = quantile * total;
    let at = buckets.iter().position(|(_, count)| *count >= rank).unwrap_or(buckets.len() - 1);
    if at == buckets.len() - 1 {
        return buckets[at - 1].0;
    }
    let (end, count) = buckets[at];
    let (start, before) = match at.checked_sub(1) {
        None if end <= 0.0 => return end,
        None => (0.0, 0.0),
        Some(before) => buckets[before],
    };
    if count == before { end } else { start + (end - start) * ((rank - before) / (count - before)) }
}

/// Returns a number for each series, from its value and further numbers; `None` where the function is not known.
pub(super) fn of_value(name: &str, value: f64, arguments: &[f64]) -> Option<f64> {
    let argument = |at: usize, otherwise: f64| arguments.get(at).copied().unwrap_or(otherwise);
    Some(match name {
        "abs" => value.abs(),
        "ceil" => value.ceil(),
        "floor" => value.floor(),
        "round" => {
            let inverse = 1.0 / argument(0, 1.0);
            (value * inverse + 0.5).floor() / inverse
        }
        "sqrt" => value.sqrt(),
        "exp" => value.exp(),
        "ln" => value.ln(),
        "clamp_min" => value.max(argument(0, f64::NEG_INFINITY)),
        "clamp_max" => value.min(argument(0, f64::INFINITY)),
        "clamp" => value.max(argument(0, f64::NEG_INFINITY)).min(argument(1, f64::INFINITY)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn samples(pairs: &[(i64, f64)]) -> Vec<Sample> {
        pairs.iter().map(|(second, value)| (Timestamp::from_second(*second).unwrap(), *value)).collect()
    }

    #[track_caller]
    fn check(name: &str, pairs: &[(i64, f64)], want: Option<f64>) {
        let window = Window { start: 0, end: 60_000 };
        let found = over(name, &samples(pairs), window).unwrap();
        let same = match (found, want) {
            (Some(found), Some(want)) => (found - want).abs() < 1e-9,
            (found, want) => found.is_none() && want.is_none(),
        };
        assert!(same, "{name} {pairs:?}: {found:?} is not {want:?}");
    }

    #[test]
    fn changes_are_extrapolated_to_the_ends_of_the_window() {
        let full: Vec<_> = (1..=12).map(|n| (5 * n, 10.0 * f64::from(i32::try_from(n).unwrap()))).collect();
        check("increase", &full, Some(120.0));
        check("rate", &full, Some(2.0));
        check("irate", &full, Some(2.0));
        check("delta", &full, Some(120.0));
        check("rate", &full[..1], None);
        check("increase", &[(30, 100.0), (40, 200.0)], Some(200.0));
        check("increase", &[(10, 0.0), (20, 10.0), (50, 40.0)], Some(50.0));
        check("increase", &[(5, 100.0), (30, 10.0), (60, 20.0)], Some(20.0 * 60.0 / 55.0));
        check("irate", &[(5, 100.0), (10, 20.0)], Some(4.0));
        check("avg_over_time", &[(5, 1.0), (10, 3.0)], Some(2.0));
        check("max_over_time", &[], None);
    }

    #[test]
    fn quantiles_are_interpolated_in_their_bucket() {
        let of = |quantile: f64, counts: &[(f64, f64)]| quantile_of(quantile, counts.to_vec());
        let buckets = [(0.1, 50.0), (0.5, 90.0), (1.0, 100.0), (f64::INFINITY, 100.0)];
        assert!((of(0.5, &buckets) - 0.1).abs() < 1e-9);
        assert!((of(0.7, &buckets) - 0.3).abs() < 1e-9);
        assert!((of(0.95, &buckets) - 0.75).abs() < 1e-9);
        assert!((of(0.99, &[(0.1, 50.0), (f64::INFINITY, 100.0)]) - 0.1).abs() < 1e-9);
        assert!(of(0.5, &[(0.1, 0.0), (f64::INFINITY, 0.0)]).is_nan() && of(2.0, &buckets).is_infinite());
    }
}
