//! Durations: Go's texts, and the pause step's own rule.

use jiff::SignedDuration;
pub use tiphys_machinery::go_duration::{GoDurationError, format, parse};

use crate::types::{IntOrString, RolloutPause};

/// Returns the seconds of a pause: 0 without a duration (which means until a person resumes), -1 for text that is no
/// duration.
///
/// A number, or text of digits alone, is seconds. Other text is a Go duration such as `1h30m`, cut to whole seconds.
#[must_use]
pub fn pause_seconds(pause: &RolloutPause) -> i32 {
    match &pause.duration {
        None => 0,
        Some(IntOrString::Int(seconds)) => *seconds,
        Some(IntOrString::String(text)) => text.parse().unwrap_or_else(|_| whole_seconds(text)),
    }
}

fn whole_seconds(text: &str) -> i32 {
    // What does not fit into 32 bits comes out as the least number, as upstream's conversion does.
    parse(text).map_or(-1, |duration| i32::try_from(duration.as_secs()).unwrap_or(i32::MIN))
}

/// Returns the duration of a pause that ends by itself; `None` for one that waits for a person.
#[must_use]
pub fn pause(pause: &RolloutPause) -> Option<SignedDuration> {
    pause.duration.as_ref().map(|_| SignedDuration::from_secs(pause_seconds(pause).into()))
}
