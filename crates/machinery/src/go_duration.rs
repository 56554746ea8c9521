//! Durations as Go writes them: `1h30m`, `500ms`, `-1.5s`.

use jiff::SignedDuration;

/// Why a text is not a Go duration. The texts are Go's own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GoDurationError {
    /// Not a duration at all, or too large.
    #[error("time: invalid duration {0}")]
    Invalid(String),
    /// A number without a unit.
    #[error("time: missing unit in duration {0}")]
    MissingUnit(String),
    /// A unit that does not exist.
    #[error("time: unknown unit {unit} in duration {text}")]
    UnknownUnit {
        /// The unit, quoted.
        unit: String,
        /// The whole text, quoted.
        text: String,
    },
}

/// Returns the duration that `text` stands for, as Go's `time.ParseDuration`.
///
/// # Errors
/// Where Go refuses the text, with Go's words.
pub fn parse(text: &str) -> Result<SignedDuration, GoDurationError> {
    let invalid = || GoDurationError::Invalid(quoted(text));
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut nanos: u64 = 0;
    while !rest.is_empty() {
        let (term, tail) = parse_term(rest, text)?;
        nanos = nanos.checked_add(term).filter(|n| *n <= 1 << 63).ok_or_else(invalid)?;
        rest = tail;
    }
    match (negative, i64::try_from(nanos)) {
        (true, Ok(n)) => Ok(SignedDuration::from_nanos(-n)),
        (true, Err(_)) => Ok(SignedDuration::from_nanos(i64::MIN)),
        (false, Ok(n)) => Ok(SignedDuration::from_nanos(n)),
        (false, Err(_)) => Err(invalid()),
    }
}

/// Quotes as package `time` does: whatever is not plain ASCII comes byte by byte.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b' '..=0x7f => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}

/// Parses one number with its unit; returns nanoseconds and what follows.
fn parse_term<'a>(rest: &'a str, text: &str) -> Result<(u64, &'a str), GoDurationError> {
    let invalid = || GoDurationError::Invalid(quoted(text));
    let digits = |s: &str| s.bytes().take_while(u8::is_ascii_digit).count();
    let whole_len = digits(rest);
    let (whole, mut tail) = rest.split_at(whole_len);
    let mut fraction = "";
    if let Some(after) = tail.strip_prefix('.') {
        let len = digits(after);
        (fraction, tail) = after.split_at(len);
    }
    if whole.is_empty() && fraction.is_empty() {
        return Err(invalid());
    }
    let unit_len = tail.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(tail.len());
    let (unit, after) = tail.split_at(unit_len);
    if unit.is_empty() {
        return Err(GoDurationError::MissingUnit(quoted(text)));
    }
    let scale =
        unit_nanos(unit).ok_or_else(|| GoDurationError::UnknownUnit { unit: quoted(unit), text: quoted(text) })?;
    let number: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
    let nanos = number.checked_mul(scale).filter(|n| *n <= 1 << 63).ok_or_else(invalid)?;
    Ok((nanos + fraction_nanos(fraction, scale), after))
}

fn unit_nanos(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// Nanoseconds of the digits after the point; digits beyond what counts are dropped, as in Go.
fn fraction_nanos(digits: &str, scale: u64) -> u64 {
    let (mut value, mut divisor) = (0u128, 1u128);
    for digit in digits.bytes().take(18) {
        value = value * 10 + u128::from(digit - b'0');
        divisor *= 10;
    }
    u64::try_from(value * u128::from(scale) / divisor).unwrap_or(0)
}

/// Returns `duration` as Go's `Duration.String` prints it, for instance `1h0m5s`, `1.5s`, `10ms`, `0s`.
#[must_use]
pub fn format(duration: SignedDuration) -> String {
    let nanos = duration.as_nanos();
    let (sign, nanos) = (if nanos < 0 { "-" } else { "" }, nanos.unsigned_abs());
    if nanos == 0 {
        return "0s".to_owned();
    }
    if nanos < 1_000_000_000 {
        let (scale, unit) = match nanos {
            0..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "\u{b5}s"),
            _ => (1_000_000, "ms"),
        };
        return format!("{sign}{}{unit}", decimal(nanos, scale));
    }
    let (hours, minutes) = (nanos / 3_600_000_000_000, nanos / 60_000_000_000 % 60);
    let seconds = decimal(nanos % 60_000_000_000, 1_000_000_000);
    match (hours, minutes) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, m) => format!("{sign}{m}m{seconds}s"),
        (h, m) => format!("{sign}{h}h{m}m{seconds}s"),
    }
}

/// `value / scale` without trailing zeros.
fn decimal(value: u128, scale: u128) -> String {
    let (whole, rest) = (value / scale, value % scale);
    if rest == 0 {
        return whole.to_string();
    }
    let width = scale.ilog10() as usize;
    format!("{whole}.{}", format!("{rest:0width$}").trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, nanos: i64, printed: &str) {
        let parsed = parse(text).unwrap();
        assert_eq!(parsed.as_nanos(), i128::from(nanos), "{text}");
        assert_eq!(format(parsed), printed);
    }

    #[test]
    fn durations_read_and_print_as_go() {
        check("0", 0, "0s");
        check("-0", 0, "0s");
        check("1h30m", 5_400_000_000_000, "1h30m0s");
        check("90s", 90_000_000_000, "1m30s");
        check("1.5s", 1_500_000_000, "1.5s");
        check(".5m", 30_000_000_000, "30s");
        check("-1.5h", -5_400_000_000_000, "-1h30m0s");
        check("100ms", 100_000_000, "100ms");
        check("1us", 1_000, "\u{b5}s".replace('\u{b5}', "1\u{b5}").as_str());
        check("3ns", 3, "3ns");
        check("1m0.000000001s", 60_000_000_001, "1m0.000000001s");
        check("2540400h10m10.000000000s", 9_145_440_610_000_000_000, "2540400h10m10s");
    }

    #[test]
    fn refusals_use_gos_words() {
        let refuse = |text: &str| parse(text).unwrap_err().to_string();
        assert_eq!(refuse(""), "time: invalid duration \"\"");
        assert_eq!(refuse("abc"), "time: invalid duration \"abc\"");
        assert_eq!(refuse("1"), "time: missing unit in duration \"1\"");
        assert_eq!(refuse("1d"), "time: unknown unit \"d\" in duration \"1d\"");
        assert_eq!(refuse("."), "time: invalid duration \".\"");
        assert_eq!(refuse("\t5s"), "time: invalid duration \"\\x095s\"");
        assert_eq!(refuse("1µ"), "time: unknown unit \"\\xc2\\xb5\" in duration \"1\\xc2\\xb5\"");
        assert_eq!(refuse("3000000h"), "time: invalid duration \"3000000h\"");
    }
}
