//! How numbers are written: as Go does, because checks put them into messages that people compare.

/// Returns a number as text: whole ones without a point, others with as few digits as tell them apart.
#[expect(clippy::cast_possible_truncation, reason = "only whole numbers that fit are cast")]
pub(super) fn text(number: f64) -> String {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    if number.fract() == 0.0 && number.abs() < LIMIT {
        return (number as i64).to_string();
    }
    let exponential = format!("{number:e}");
    let (digits, exponent) = exponential.split_once('e').unwrap_or((&exponential, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return number.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_go_does() {
        for (number, wanted) in [
            (3.0, "3"),
            (1.5, "1.5"),
            (0.1 + 0.2, "0.30000000000000004"),
            (9_007_199_254_740_992.0, "9007199254740992"),
            (1e21, "1e+21"),
            (1.234_567_890_123_456_7e19, "1.2345678901234567e+19"),
            (f64::INFINITY, "+Inf"),
            (f64::NAN, "NaN"),
            (1e-7, "1e-07"),
            (1_234_567.5, "1.2345675e+06"),
        ] {
            assert_eq!(text(number), wanted);
        }
    }
}
