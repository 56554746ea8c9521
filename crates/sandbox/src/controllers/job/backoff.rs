//! How long a Job waits before it replaces failed pods.

use jiff::{SignedDuration, Timestamp};

use super::plan::{JobPod, has_failed};
use crate::controllers::view::{Job, Phase};

const FIRST_SECS: i64 = 10;
const LONGEST_SECS: i64 = 600;

/// Returns when the next pod may start: the last failure plus 10 s, doubled with every failure since the last
/// success, at most 10 min. `None` if no failure stands. Told by the pods alone, so it survives a restart.
pub(crate) fn next_start(job: &Job, pods: &[JobPod]) -> Option<Timestamp> {
    let ended = |failed: bool| {
        pods.iter().filter(move |p| if failed { has_failed(job, &p.pod) } else { p.pod.phase == Phase::Succeeded })
    };
    let end = |p: &JobPod| p.pod.finished_at.unwrap_or(p.pod.created);
    let success = ended(false).map(end).max();
    let failures: Vec<Timestamp> = ended(true).map(end).filter(|at| success.is_none_or(|s| *at > s)).collect();
    let last = failures.iter().copied().max()?;
    Some(last + delay(failures.len()))
}

fn delay(failures: usize) -> SignedDuration {
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX).min(10);
    SignedDuration::from_secs((FIRST_SECS << doublings).min(LONGEST_SECS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_up_to_ten_minutes() {
        let seconds: Vec<i64> = [1, 2, 3, 6, 7, 100].iter().map(|n| delay(*n).as_secs()).collect();
        assert_eq!(seconds, [10, 20, 40, 320, 600, 600]);
    }
}
