//! When a failed sync is tried again.

use jiff::SignedDuration;
use tiphys_api::types::Backoff;
use tiphys_machinery::go_duration;

const DURATION: SignedDuration = SignedDuration::from_secs(5);
const FACTOR: i64 = 2;
const MAX_DURATION: SignedDuration = SignedDuration::from_mins(3);

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unable to parse {0} as a duration")]
pub struct DurationError(String);

/// Returns how long to wait after attempt `retries`: `duration * factor^retries`, at most `maxDuration` if that is more
/// than 0. By default 5 s, 10 s, 20 s and so on up to 3 min.
///
/// # Errors
/// When one of the durations is none.
#[expect(clippy::cast_precision_loss, reason = "what upstream computes with as well")]
pub fn wait(backoff: Option<&Backoff>, retries: i64) -> Result<SignedDuration, DurationError> {
    let text = |field: fn(&Backoff) -> &String| backoff.map_or("", |backoff| field(backoff).as_str());
    let duration = duration_or(text(|b| &b.duration), DURATION)?;
    let max = duration_or(text(|b| &b.max_duration), MAX_DURATION)?;
    let factor = backoff.and_then(|backoff| backoff.factor).unwrap_or(FACTOR);
    let mut nanos = duration.as_nanos() as f64 * (factor as f64).powf(retries as f64);
    if max.is_positive() {
        nanos = nanos.min(max.as_nanos() as f64);
    }
    Ok(from_nanos(nanos))
}

#[expect(clippy::cast_possible_truncation, reason = "a cast of a float stops at the largest and smallest integer")]
fn from_nanos(nanos: f64) -> SignedDuration {
    SignedDuration::from_nanos(nanos as i64)
}

/// A number alone is one of seconds.
fn duration_or(text: &str, default: SignedDuration) -> Result<SignedDuration, DurationError> {
    if text.is_empty() {
        return Ok(default);
    }
    match text.parse() {
        Ok(seconds) => Ok(SignedDuration::from_secs(seconds)),
        Err(_) => go_duration::parse(text).map_err(|_| DurationError(text.to_owned())),
    }
}
