//! What a process tells Prometheus: counters and histograms that grow, gauges that are read when somebody asks.
//!
//! Our own encoder of the text format (version 0.0.4), because that format is one page, and so that output is sorted, and the
//! series of an object that is gone can be dropped.

mod page;
pub mod process;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

pub use self::page::Page;
use crate::cache::Key;

/// The series of an object that is gone are kept for so long, so that their last values are scraped.
const KEPT: Duration = Duration::from_secs(65);

/// What kind of number a family holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// What is so now.
    Gauge,
    /// Values sorted into buckets by these upper bounds.
    Histogram(&'static [f64]),
}

/// A metric: its name, what it means, and the names of its labels.
#[derive(Debug)]
pub struct Family {
    /// Name.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// Kind of number.
    pub kind: Kind,
    /// Names of the labels. Those of series that belong to an object begin with `namespace`, `name`.
    pub labels: &'static [&'static str],
}

/// Everything that is counted. Cheap to clone; all clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    families: BTreeMap<&'static str, Series>,
    gone: BTreeMap<Key, Instant>,
}

#[derive(Debug)]
struct Series {
    family: &'static Family,
    values: BTreeMap<Vec<String>, Value>,
}

#[derive(Debug, Clone)]
enum Value {
    Number(f64),
    Histogram(Histogram),
}

/// Values sorted into buckets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    /// How many values fell into each bucket, not cumulated; values above the last bound are in none.
    buckets: Vec<u64>,
    sum: f64,
    count: u64,
}

impl Metrics {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds one.
    pub fn count(&self, family: &'static Family, labels: &[&str]) {
        self.change(family, labels, |value| {
            if let Value::Number(number) = value {
                *number += 1.0;
            }
        });
    }

    /// Sorts a value into its bucket.
    pub fn observe(&self, family: &'static Family, labels: &[&str], value: f64) {
        let Kind::Histogram(bounds) = family.kind else { return };
        self.change(family, labels, |held| {
            if let Value::Histogram(histogram) = held {
                histogram.add(bounds, value);
            }
        });
    }

    fn change(&self, family: &'static Family, labels: &[&str], change: impl FnOnce(&mut Value)) {
        debug_assert_eq!(family.labels.len(), labels.len(), "{}", family.name);
        let mut state = self.state();
        let series = state.families.entry(family.name).or_insert_with(|| Series { family, values: BTreeMap::new() });
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        let empty = || match family.kind {
            Kind::Histogram(_) => Value::Histogram(Histogram::default()),
            Kind::Counter | Kind::Gauge => Value::Number(0.0),
        };
        change(series.values.entry(labels).or_insert_with(empty));
    }

    /// Notes that an object is gone: its series are dropped after a while, unless it comes back.
    pub fn gone(&self, key: &Key) {
        let mut state = self.state();
        state.gone.insert(key.clone(), Instant::now() + KEPT);
        state.drop_due();
    }

    /// Notes that an object is there.
    pub fn here(&self, key: &Key) {
        self.state().gone.remove(key);
    }

    /// Writes everything that was counted.
    pub fn write(&self, page: &mut Page) {
        let mut state = self.state();
        state.drop_due();
        for series in state.families.values() {
            page.family(series.family);
            for (labels, value) in &series.values {
                let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
                match value {
                    Value::Number(number) => page.sample(series.family, &labels, *number),
                    Value::Histogram(histogram) => page.histogram(series.family, &labels, histogram),
                }
            }
        }
    }
}

impl State {
    fn drop_due(&mut self) {
        let now = Instant::now();
        let due: Vec<Key> = self.gone.iter().filter(|(_, at)| **at <= now).map(|(key, _)| key.clone()).collect();
        for key in due {
            self.gone.remove(&key);
            for series in
                self.families.values_mut().filter(|series| series.family.labels.starts_with(&["namespace", "name"]))
            {
                series.values.retain(|labels, _| labels[0] != key.namespace || labels[1] != key.name);
            }
        }
    }
}

impl Histogram {
    fn add(&mut self, bounds: &[f64], value: f64) {
        self.buckets.resize(bounds.len(), 0);
        if let Some(bucket) = bounds.iter().position(|bound| value <= *bound) {
            self.buckets[bucket] += 1;
        }
        self.sum += value;
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static EVENTS: Family = Family {
        name: "events_total",
        help: "Events \\ \"so far\"\nof all.",
        kind: Kind::Counter,
        labels: &["namespace", "name"],
    };
    static TIMES: Family =
        Family { name: "took", help: "How long.", kind: Kind::Histogram(&[0.5, 1.0]), labels: &["namespace", "name"] };

    fn text(metrics: &Metrics) -> String {
        let mut page = Page::default();
        metrics.write(&mut page);
        page.finish()
    }

    #[test]
    fn text_is_sorted_escaped_and_cumulative() {
        let metrics = Metrics::default();
        metrics.count(&EVENTS, &["shop", "b\"\\\n"]);
        metrics.count(&EVENTS, &["shop", "a"]);
        metrics.count(&EVENTS, &["shop", "a"]);
        for value in [0.25, 0.75, 3.0] {
            metrics.observe(&TIMES, &["shop", "a"], value);
        }
        let expected = r#"# HELP events_total Events \\ "so far"\nof all.
# TYPE events_total counter
events_total{namespace="shop",name="a"} 2
events_total{namespace="shop",name="b\"\\\n"} 1
# HELP took How long.
# TYPE took histogram
took_bucket{namespace="shop",name="a",le="0.5"} 1
took_bucket{namespace="shop",name="a",le="1"} 2
took_bucket{namespace="shop",name="a",le="+Inf"} 3
took_sum{namespace="shop",name="a"} 4
took_count{namespace="shop",name="a"} 3
"#;
        assert_eq!(text(&metrics), expected);
    }

    #[tokio::test(start_paused = true)]
    async fn series_of_an_object_that_is_gone_are_dropped_after_a_while() {
        let metrics = Metrics::default();
        let (a, b) = (Key::new("shop", "a"), Key::new("shop", "b"));
        metrics.count(&EVENTS, &["shop", "a"]);
        metrics.count(&EVENTS, &["shop", "b"]);
        metrics.gone(&a);
        metrics.gone(&b);
        metrics.here(&b);
        tokio::time::advance(Duration::from_secs(64)).await;
        assert!(text(&metrics).contains("name=\"a\""));
        tokio::time::advance(Duration::from_secs(2)).await;
        let text = text(&metrics);
        assert!(!text.contains("name=\"a\"") && text.contains("name=\"b\""), "{text}");
    }
}
