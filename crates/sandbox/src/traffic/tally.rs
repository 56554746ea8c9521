//! What became of requests: totals for ever, and series with a bounded past for queries.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::{
    request::Request,
    route::Way,
    serve::{Lost, Outcome},
};

/// Upper bounds of the latency buckets, in milliseconds; the last bucket has none.
pub(super) const BOUNDS_MS: [u32; 13] = [5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 10_000];
/// How often the series are sampled.
pub(super) const SCRAPE: SignedDuration = SignedDuration::from_secs(5);
/// How far back samples go.
pub(super) const RETENTION: SignedDuration = SignedDuration::from_mins(30);
/// Most series; those that had no request for the longest time go first.
const MAX_SERIES: usize = 500;

/// How many requests had the same fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// What decided their way: `service/NAMESPACE/NAME`, `ingress/…`, `virtualservice/…`, `httproute/…`.
    pub route: String,
    /// Service that they came to, as `NAMESPACE/NAME`; empty if to none.
    pub service: String,
    /// Version of the pod that they came to; empty if to none.
    pub version: String,
    /// Status code.
    pub code: u16,
    /// Why no pod answered them.
    pub lost: Option<Lost>,
    /// Whether they are copies, whose answers nobody gets.
    pub mirrored: bool,
    /// How many.
    pub requests: u64,
}

type Fate = (String, String, String, u16, Option<Lost>, bool);

/// What tells series apart.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Labels {
    pub(super) namespace: String,
    pub(super) service: String,
    pub(super) pod: String,
    pub(super) version: String,
    pub(super) workload: String,
    pub(super) code: u16,
    pub(super) lost: &'static str,
    pub(super) method: String,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) route: String,
    /// Ingress, main Service and canary backend, as ingress-nginx names them.
    pub(super) ingress: Option<(String, String, String)>,
}

/// What was counted up to some time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) requests: u64,
    /// Time that all answers took, in microseconds.
    pub(super) micros: u64,
    /// Answers by the bucket of their time; not cumulative.
    pub(super) buckets: [u64; BOUNDS_MS.len() + 1],
}

#[derive(Debug, Clone, Default)]
pub(super) struct Series {
    pub(super) sum: Sum,
    pub(super) samples: VecDeque<(Timestamp, Sum)>,
    last: Timestamp,
}

/// The counts.
#[derive(Debug, Default)]
pub struct Tally {
    totals: BTreeMap<Fate, u64>,
    series: BTreeMap<Labels, Series>,
    scraped: Option<Timestamp>,
}

/// Whether a request is a client's, or a copy whose answer nobody gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Original,
    Copy,
}

impl Tally {
    /// Returns how many requests had which fate.
    #[must_use]
    pub fn counts(&self) -> Vec<Count> {
        let count = |(fate, requests): (&Fate, &u64)| {
            let (route, service, version, code, lost, mirrored) = fate.clone();
            Count { route, service, version, code, lost, mirrored, requests: *requests }
        };
        self.totals.iter().map(count).collect()
    }

    /// Counts one request; `service` is the one that it came to.
    pub(super) fn add(
        &mut self,
        (request, way, kind): (&Request, &Way, Kind),
        service: Option<&super::Name>,
        outcome: Outcome,
        now: Timestamp,
    ) {
        let named = service.map(ToString::to_string).unwrap_or_default();
        let mirrored = kind == Kind::Copy;
        let fate = (way.route.clone(), named, outcome.version.clone(), outcome.code, outcome.lost, mirrored);
        *self.totals.entry(fate).or_default() += 1;
        let ingress = way.ingress.as_ref().filter(|_| !mirrored);
        let labels = Labels {
            namespace: service.map(|service| service.namespace.clone()).unwrap_or_default(),
            service: service.map(|service| service.name.clone()).unwrap_or_default(),
            pod: outcome.pod,
            version: outcome.version,
            workload: outcome.workload,
            code: outcome.code,
            lost: outcome.lost.map(Lost::name).unwrap_or_default(),
            method: request.method.clone(),
            host: request.host(),
            path: request.path.clone(),
            route: way.route.clone(),
            ingress: ingress.map(|i| (i.ingress.name.clone(), i.main_service.clone(), i.canary.clone())),
        };
        self.make_room(&labels);
        let series = self.series.entry(labels).or_default();
        series.sum.add(outcome.latency);
        series.last = now;
    }

    fn make_room(&mut self, labels: &Labels) {
        if self.series.len() < MAX_SERIES || self.series.contains_key(labels) {
            return;
        }
        let oldest = self.series.iter().min_by_key(|(_, series)| series.last).map(|(labels, _)| labels.clone());
        if let Some(oldest) = oldest {
            self.series.remove(&oldest);
        }
    }

    /// Takes a sample of every series if it is time to.
    pub(super) fn scrape(&mut self, now: Timestamp) {
        if self.scraped.is_some_and(|last| last + SCRAPE > now) {
            return;
        }
        self.scraped = Some(now);
        let since = now - RETENTION;
        for series in self.series.values_mut() {
            series.samples.push_back((now, series.sum));
            while series.samples.front().is_some_and(|(at, _)| *at < since) {
                series.samples.pop_front();
            }
        }
        self.series.retain(|_, series| series.last >= since);
    }

    /// Returns the series in order.
    pub(super) fn series(&self) -> impl Iterator<Item = (&Labels, &Series)> {
        self.series.iter()
    }

    /// Returns how many requests a pod gets each second, over the last half minute.
    pub(super) fn rate(&self, namespace: &str, pod: &str, now: Timestamp) -> f64 {
        const WINDOW: SignedDuration = SignedDuration::from_secs(30);
        let own = |(labels, _): &(&Labels, &Series)| labels.namespace == namespace && labels.pod == pod;
        let increase = |series: &Series| {
            let before = series.samples.iter().rev().find(|(at, _)| *at <= now - WINDOW);
            series.sum.requests - before.map_or(0, |(_, sum)| sum.requests)
        };
        let requests: u64 = self.series.iter().filter(own).map(|(_, series)| increase(series)).sum();
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let rate = requests as f64 / WINDOW.as_secs_f64();
        rate
    }
}

impl Sum {
    fn add(&mut self, latency: SignedDuration) {
        let millis = latency.as_secs_f64() * 1000.0;
        let at = BOUNDS_MS.iter().position(|bound| millis <= f64::from(*bound)).unwrap_or(BOUNDS_MS.len());
        self.requests += 1;
        self.micros += u64::try_from(latency.as_micros()).unwrap_or(0);
        self.buckets[at] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::{Name, Target, plane::Plane, route};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn answered(tally: &mut Tally, pod: &str, second: i64) {
        let web = Name::new("n", "web");
        let request = Request::to(Target::Service(web.clone()));
        let way = route::way(&Plane::default(), &request, &mut fastrand::Rng::with_seed(1));
        let outcome = Outcome {
            pod: pod.to_owned(),
            version: "1".to_owned(),
            code: 200,
            lost: None,
            latency: SignedDuration::from_millis(30),
            ..Outcome::lost(Lost::Gone)
        };
        tally.add((&request, &way, Kind::Original), Some(&web), outcome, at(second));
    }

    #[test]
    fn samples_are_taken_in_turn_and_forgotten() {
        let mut tally = Tally::default();
        for second in 0..7200 {
            answered(&mut tally, "a", second);
            tally.scrape(at(second));
        }
        let (_, series) = tally.series().next().unwrap();
        assert_eq!((series.sum.requests, series.sum.buckets[3], series.samples.len()), (7200, 7200, 361));
        assert!((tally.rate("n", "a", at(7199)) - 1.0).abs() < 0.2);
        assert_eq!(tally.counts()[0].requests, 7200);
        answered(&mut tally, "b", 9100);
        tally.scrape(at(9100));
        assert_eq!(tally.series().map(|(labels, _)| labels.pod.as_str()).collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn there_are_never_too_many_series() {
        let mut tally = Tally::default();
        for n in 0..2000 {
            answered(&mut tally, &n.to_string(), n);
        }
        assert_eq!(tally.series().count(), MAX_SERIES);
        assert!(tally.series().any(|(labels, _)| labels.pod == "1999"));
    }
}
