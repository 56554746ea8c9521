//! How many replicas a metric asks for.

use jiff::{SignedDuration, Timestamp};

use crate::controllers::view::Phase;

/// For so long after its start the usage of a pod counts only once it has been ready for a whole window.
const CPU_INITIALIZATION: SignedDuration = SignedDuration::from_mins(5);
/// A pod that was not ready so soon after its start has not been ready yet.
const INITIAL_READINESS: SignedDuration = SignedDuration::from_secs(30);
/// The time that one measurement covers.
const WINDOW: SignedDuration = SignedDuration::from_secs(30);

/// A selected pod, with what is measured of it.
#[derive(Debug, Clone)]
pub(super) struct Pod {
    pub(super) deleting: bool,
    pub(super) phase: Phase,
    pub(super) started_at: Option<Timestamp>,
    /// Whether it is ready, and since when; `None` where nothing is said.
    pub(super) ready: Option<(bool, Timestamp)>,
    /// In thousandths; `None` where nothing was measured.
    pub(super) usage: Option<i64>,
    /// What it reserves, in thousandths.
    pub(super) request: i64,
}

/// What a metric should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// So many percent of what is reserved.
    Utilization(i64),
    /// So many thousandths a pod.
    Average(i64),
}

/// Which rules decide whether a pod counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Starting pods use much of it and are left out.
    Cpu,
    /// Anything else.
    Other,
}

/// How far from 1 the ratio of usage and target may be without any change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tolerance {
    pub(super) down: f64,
    pub(super) up: f64,
}

impl Tolerance {
    fn covers(self, ratio: f64) -> bool {
        1.0 - self.down <= ratio && ratio <= 1.0 + self.up
    }
}

/// What a metric asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Proposal {
    pub(super) replicas: i64,
    /// Usage in percent of what is reserved.
    pub(super) utilization: Option<i64>,
    /// Usage in thousandths: a mean, or a total where the target is one.
    pub(super) usage: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Ignored,
    Unready,
    Missing,
    Counted,
}

fn group(pod: &Pod, kind: Kind, now: Timestamp) -> Group {
    if pod.deleting || pod.phase == Phase::Failed {
        return Group::Ignored;
    }
    if pod.phase == Phase::Pending {
        return Group::Unready;
    }
    if pod.usage.is_none() {
        return Group::Missing;
    }
    if kind == Kind::Other {
        return Group::Counted;
    }
    let unready = match (pod.ready, pod.started_at) {
        (Some((ready, since)), Some(started)) if started + CPU_INITIALIZATION > now => !ready || now < since + WINDOW,
        (Some((ready, since)), Some(started)) => !ready && started + INITIAL_READINESS > since,
        _ => true,
    };
    if unready { Group::Unready } else { Group::Counted }
}

/// Usage and reservation of one pod in the sum.
type Entry = (i64, i64);

struct Ratio {
    ratio: f64,
    utilization: Option<i64>,
    usage: i64,
}

#[expect(clippy::cast_precision_loss, reason = "upstream counts in floats too")]
fn ratio(entries: &[Entry], goal: Goal) -> Result<Ratio, String> {
    let total: i64 = entries.iter().map(|(usage, _)| usage).sum();
    let count = i64::try_from(entries.len()).unwrap_or(i64::MAX).max(1);
    match goal {
        Goal::Average(target) => {
            let usage = total / count;
            Ok(Ratio { ratio: usage as f64 / target as f64, utilization: None, usage })
        }
        Goal::Utilization(target) => {
            let reserved: i64 = entries.iter().map(|(_, request)| request).sum();
            if reserved == 0 {
                return Err("no metrics returned matched known pods".to_owned());
            }
            let percent = total.saturating_mul(100) / reserved;
            let ratio = percent as f64 / target as f64;
            Ok(Ratio { ratio, utilization: Some(percent), usage: total / count })
        }
    }
}

/// Returns what a metric of each pod asks for. Pods without a value count as idle when the others ask for more, and as
/// busy when they ask for less; pods that are not ready count as idle when the others ask for more.
///
/// With 4 pods of 150 % each and a target of 100 %, 6.
///
/// # Errors
/// The text of why nothing can be said.
pub(super) fn by_pods(
    pods: &[Pod],
    current: i64,
    (goal, kind): (Goal, Kind),
    tolerance: Tolerance,
    now: Timestamp,
) -> Result<Proposal, String> {
    if pods.is_empty() {
        return Err("no pods returned by selector while calculating replica count".to_owned());
    }
    let grouped: Vec<(&Pod, Group)> = pods.iter().map(|pod| (pod, group(pod, kind, now))).collect();
    let of = |wanted: Group| grouped.iter().filter(move |(_, group)| *group == wanted).map(|(pod, _)| *pod);
    let mut entries: Vec<Entry> = of(Group::Counted).filter_map(|pod| Some((pod.usage?, pod.request))).collect();
    if entries.is_empty() {
        return Err("did not receive metrics for targeted pods (pods might be unready)".to_owned());
    }
    let Ratio { ratio: first, utilization, usage } = ratio(&entries, goal)?;
    let proposal = |replicas| Proposal { replicas, utilization, usage };
    let with_unready = of(Group::Unready).next().is_some() && first > 1.0;
    if !with_unready && of(Group::Missing).next().is_none() {
        let replicas = if tolerance.covers(first) { current } else { ceil(first, entries.len()) };
        return Ok(proposal(replicas));
    }
    entries.extend(of(Group::Missing).filter_map(|pod| assumed(pod, first, goal)));
    if with_unready {
        entries.extend(of(Group::Unready).map(|pod| (0, pod.request)));
    }
    let second = ratio(&entries, goal)?.ratio;
    let turned = (first < 1.0 && second > 1.0) || (first > 1.0 && second < 1.0);
    let replicas = ceil(second, entries.len());
    let wrong_way = (second < 1.0 && replicas > current) || (second > 1.0 && replicas < current);
    Ok(proposal(if tolerance.covers(second) || turned || wrong_way { current } else { replicas }))
}

/// Returns what a pod without a value is taken to use; nothing when the ratio is exactly 1.
fn assumed(pod: &Pod, ratio: f64, goal: Goal) -> Option<Entry> {
    let busy = match goal {
        Goal::Utilization(target) => pod.request.saturating_mul(target.max(100)) / 100,
        Goal::Average(target) => target,
    };
    match ratio {
        ratio if ratio < 1.0 => Some((busy, pod.request)),
        ratio if ratio > 1.0 => Some((0, pod.request)),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "upstream counts in floats too")]
fn ceil(ratio: f64, count: usize) -> i64 {
    (ratio * count as f64).ceil().min(f64::from(i32::MAX)) as i64
}

/// Returns what one value for all pods asks for when it should be `target`: in proportion to the ready pods.
#[expect(clippy::cast_precision_loss, reason = "upstream counts in floats too")]
pub(super) fn by_total(usage: i64, target: i64, (current, ready): (i64, usize), tolerance: Tolerance) -> Proposal {
    let ratio = usage as f64 / target as f64;
    let replicas = match current {
        0 => ceil(ratio, 1),
        _ if tolerance.covers(ratio) => current,
        _ => ceil(ratio, ready),
    };
    Proposal { replicas, utilization: None, usage }
}

/// Returns what one value for all pods asks for when each should have `target` of it.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "upstream counts in floats too")]
pub(super) fn by_share(usage: i64, target: i64, replicas: i64, tolerance: Tolerance) -> Proposal {
    let ratio = usage as f64 / (target as f64 * replicas as f64);
    let wanted = if tolerance.covers(ratio) { replicas } else { ceil(usage as f64 / target as f64, 1) };
    let share = if replicas == 0 { 0.0 } else { (usage as f64 / replicas as f64).ceil() };
    Proposal { replicas: wanted, utilization: None, usage: share as i64 }
}

/// Returns how many pods run and are ready.
pub(super) fn ready(pods: &[Pod]) -> usize {
    pods.iter().filter(|pod| pod.phase == Phase::Running && pod.ready.is_some_and(|(ready, _)| ready)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-01-01T01:00:00Z";
    const TENTH: Tolerance = Tolerance { down: 0.1, up: 0.1 };

    fn pod(usage: Option<i64>) -> Pod {
        let long_ago = "2026-01-01T00:00:00Z".parse().unwrap();
        Pod {
            deleting: false,
            phase: Phase::Running,
            started_at: Some(long_ago),
            ready: Some((true, long_ago)),
            usage,
            request: 1000,
        }
    }

    fn each<const N: usize>(usages: [i64; N]) -> Vec<Pod> {
        usages.into_iter().map(|usage| pod(Some(usage))).collect()
    }

    fn with(mut pods: Vec<Pod>, more: Pod) -> Vec<Pod> {
        pods.push(more);
        pods
    }

    #[track_caller]
    fn check(name: &str, pods: &[Pod], goal: Goal, replicas: i64) {
        let current = i64::try_from(pods.len()).unwrap();
        let found = by_pods(pods, current, (goal, Kind::Cpu), TENTH, NOW.parse().unwrap()).unwrap();
        assert_eq!(found.replicas, replicas, "{name}: {found:?}");
    }

    #[test]
    fn usage_and_target_make_the_number_of_replicas() {
        let half = Goal::Utilization(50);
        let fresh = |ready| {
            let now: Timestamp = NOW.parse().unwrap();
            let started = now - SignedDuration::from_secs(20);
            Pod { started_at: Some(started), ready: Some((ready, started)), ..pod(Some(3000)) }
        };
        let broken = Pod { ready: Some((false, "2026-01-01T00:30:00Z".parse().unwrap())), ..pod(Some(1000)) };
        for (name, pods, goal, replicas) in [
            ("on target", each([500, 500]), half, 2),
            ("within the tolerance", each([540, 550]), half, 2),
            ("above", each([700, 800]), half, 3),
            ("far above", each([1000, 1000, 1000]), half, 6),
            ("below", each([100, 100, 100, 100]), half, 1),
            ("by value", each([1000, 3000]), Goal::Average(500), 8),
            ("a starting pod is idle on the way up", with(each([900, 900]), pod_pending()), half, 4),
            ("a starting pod does not hinder the way down", with(each([100, 100]), pod_pending()), half, 1),
            ("a missing value is idle on the way up", with(each([600, 600]), pod(None)), half, 3),
            ("a missing value is busy on the way down", with(each([100, 100]), pod(None)), half, 3),
            ("a failed pod is left out", with(each([500]), Pod { phase: Phase::Failed, ..pod(Some(9000)) }), half, 2),
            ("a leaving pod is left out", with(each([900]), Pod { deleting: true, ..pod(Some(9000)) }), half, 2),
            ("a pod just ready is idle on the way up", with(each([900, 900]), fresh(true)), half, 4),
            ("a pod not ready yet is idle on the way up", with(each([900, 900]), fresh(false)), half, 4),
            ("a pod that was ready long ago counts", with(each([500, 500]), broken), half, 4),
        ] {
            check(name, &pods, goal, replicas);
        }
    }

    fn pod_pending() -> Pod {
        Pod { phase: Phase::Pending, ..pod(None) }
    }

    #[test]
    fn nothing_is_said_without_pods_values_or_reservations() {
        let now = NOW.parse().unwrap();
        let ask = |pods: &[Pod], goal| by_pods(pods, 1, (goal, Kind::Other), TENTH, now).unwrap_err();
        let half = Goal::Utilization(50);
        assert_eq!(ask(&[], half), "no pods returned by selector while calculating replica count");
        assert_eq!(ask(&[pod(None)], half), "did not receive metrics for targeted pods (pods might be unready)");
        assert_eq!(ask(&[Pod { request: 0, ..pod(Some(1)) }], half), "no metrics returned matched known pods");
    }

    #[test]
    fn one_value_for_all_goes_by_the_ready_pods_or_by_its_share() {
        for (name, found, replicas, usage) in [
            ("double", by_total(200, 100, (3, 3), TENTH), 6, 200),
            ("some not ready", by_total(200, 100, (4, 2), TENTH), 4, 200),
            ("tolerated", by_total(105, 100, (3, 3), TENTH), 3, 105),
            ("from none", by_total(250, 100, (0, 0), TENTH), 3, 250),
            ("share above", by_share(1000, 100, 4, TENTH), 10, 250),
            ("share tolerated", by_share(410, 100, 4, TENTH), 4, 103),
            ("share below", by_share(90, 100, 4, TENTH), 1, 23),
        ] {
            assert_eq!((found.replicas, found.usage), (replicas, usage), "{name}");
        }
    }
}
