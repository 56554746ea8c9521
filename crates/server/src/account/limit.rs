//! How often logging in may be tried, without locking anybody else out.
//!
//! Failures are counted per address and account, and for a browser that has logged in to the account before, which shows by
//! a signed cookie, on their own. So who guesses from elsewhere, or behind the same proxy, locks out only strangers.

use std::{collections::BTreeMap, sync::Mutex, sync::PoisonError};

use jiff::{SignedDuration, Timestamp};

/// Failures after which a bucket is closed for a while.
const FAILURES_MAX: u32 = 5;
/// For so long after the last failure.
const WINDOW: SignedDuration = SignedDuration::from_secs(300);
/// Buckets that are remembered.
const BUCKETS_MAX: usize = 10_000;

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Timestamp,
}

/// Failures by bucket.
#[derive(Debug, Default)]
pub(crate) struct Limits(Mutex<BTreeMap<String, Failures>>);

impl Limits {
    /// Returns when it may be tried again; `None` if now.
    pub(crate) fn closed_until(&self, bucket: &str, now: Timestamp) -> Option<Timestamp> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = all.get(bucket).filter(|failures| failures.count >= FAILURES_MAX)?;
        let until = failures.last.saturating_add(WINDOW).unwrap_or(Timestamp::MAX);
        (until > now).then_some(until)
    }

    /// Counts a failure.
    pub(crate) fn failed(&self, bucket: &str, now: Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= BUCKETS_MAX && !all.contains_key(bucket) {
            all.retain(|_, failures| now.duration_since(failures.last) < WINDOW);
        }
        while all.len() >= BUCKETS_MAX && !all.contains_key(bucket) {
            let oldest = all.iter().min_by_key(|(_, failures)| failures.last).map(|(bucket, _)| bucket.clone());
            let Some(oldest) = oldest else { break };
            all.remove(&oldest);
        }
        let failures = all.entry(bucket.to_owned()).or_insert(Failures { count: 0, last: now });
        let is_stale = now.duration_since(failures.last) >= WINDOW;
        *failures = Failures { count: if is_stale { 1 } else { failures.count + 1 }, last: now };
    }

    /// Forgets failures.
    pub(crate) fn succeeded(&self, bucket: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(bucket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_closes_after_failures_and_opens_again() {
        let limits = Limits::default();
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        for _ in 0..FAILURES_MAX {
            assert_eq!(limits.closed_until("a", now), None);
            limits.failed("a", now);
        }
        assert_eq!(limits.closed_until("a", now), Some(now + WINDOW));
        assert_eq!(limits.closed_until("b", now), None, "others are not locked out");
        assert_eq!(limits.closed_until("a", now + WINDOW), None);
        limits.failed("a", now + WINDOW);
        assert_eq!(limits.closed_until("a", now + WINDOW), None, "it counts anew");
        limits.succeeded("a");
        for index in 0..BUCKETS_MAX + 5 {
            limits.failed(&format!("{index}"), now);
        }
        assert!(limits.0.lock().unwrap().len() <= BUCKETS_MAX);
    }
}
