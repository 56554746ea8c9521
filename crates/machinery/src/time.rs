//! Times as the API writes them and ages as `kubectl` shows them.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// Returns `at` as `metav1.Time` writes it: RFC 3339, UTC, whole seconds (`2026-01-02T03:04:05Z`).
#[must_use]
pub fn seconds(at: Timestamp) -> String {
    // Truncation toward the past: a second is shown once it has been reached.
    let whole = Timestamp::from_second(at.as_second() - i64::from(at.subsec_nanosecond() < 0)).unwrap_or(at);
    whole.to_string()
}

/// Returns `at` as `metav1.MicroTime` writes it: RFC 3339, UTC, six digits (`2026-01-02T03:04:05.000000Z`).
#[must_use]
pub fn micros(at: Timestamp) -> String {
    format!("{at:.6}")
}

/// Returns the time that a JSON string holds; `None` for anything else, such as `null`.
#[must_use]
pub fn parse(value: &Value) -> Option<Timestamp> {
    value.as_str().and_then(|text| text.parse().ok())
}

/// Returns how long before `now` the time in `value` is, as `kubectl` shows it; `<unknown>` without a time.
#[must_use]
pub fn age(value: &Value, now: Timestamp) -> String {
    parse(value).map_or_else(|| "<unknown>".to_owned(), |at| human(now.duration_since(at)))
}

/// Returns `duration` in two or three significant figures: `5s`, `2m30s`, `3h`, `5d4h`, `2y10d`.
///
/// Up to two seconds below zero count as now (clock skew); more is `<invalid>`. Mirrors `duration.HumanDuration`.
#[must_use]
pub fn human(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    if seconds < -1 {
        return "<invalid>".to_owned();
    }
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        ..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => pair(minutes, 'm', seconds % 60, 's'),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => pair(hours, 'h', minutes % 60, 'm'),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => pair(days, 'd', hours % 24, 'h'),
        _ if days < 730 => format!("{days}d"),
        _ if days < 2920 => pair(days / 365, 'y', days % 365, 'd'),
        _ => format!("{}y", days / 365),
    }
}

fn pair(large: i64, large_unit: char, small: i64, small_unit: char) -> String {
    if small == 0 { format!("{large}{large_unit}") } else { format!("{large}{large_unit}{small}{small_unit}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(seconds: i64, text: &str) {
        assert_eq!(human(SignedDuration::from_secs(seconds)), text, "{seconds}");
    }

    #[test]
    fn human_durations_have_few_figures() {
        const H: i64 = 3600;
        const D: i64 = 24 * H;
        check(-2, "<invalid>");
        check(-1, "0s");
        check(0, "0s");
        check(119, "119s");
        check(120, "2m");
        check(150, "2m30s");
        check(599, "9m59s");
        check(600, "10m");
        check(3 * H - 1, "179m");
        check(3 * H, "3h");
        check(3 * H + 60, "3h1m");
        check(8 * H - 1, "7h59m");
        check(8 * H, "8h");
        check(48 * H - 1, "47h");
        check(2 * D, "2d");
        check(2 * D + H, "2d1h");
        check(8 * D - 1, "7d23h");
        check(8 * D, "8d");
        check(730 * D - 1, "729d");
        check(730 * D, "2y");
        check(731 * D, "2y1d");
        check(8 * 365 * D, "8y");
    }

    #[test]
    fn times_print_with_the_digits_of_their_type() {
        let at: Timestamp = "2026-01-02T03:04:05.6789Z".parse().unwrap();
        assert_eq!(seconds(at), "2026-01-02T03:04:05Z");
        assert_eq!(micros(at), "2026-01-02T03:04:05.678900Z");
        assert_eq!(age(&json!("2026-01-02T03:04:00+00:00"), at), "5s");
        assert_eq!(age(&Value::Null, at), "<unknown>");
    }
}
