//! Resource quantities (`500m`, `1.5Gi`, `2e3`): parsing, canonical text, comparison, sums.

use std::{cmp::Ordering, fmt, str::FromStr};

use serde_json::{Number, Value};

/// Digits that every mantissa keeps within, so that scaling by a power of ten below stays inside `i128`.
const MAX_DIGITS: u32 = 37;
/// Smallest exponent kept: nano. Finer values are rounded away from zero.
const NANO: i32 = -9;
/// Binary quantities are capped here, as upstream does.
const BINARY_CAP: i128 = i64::MAX as i128;

/// A fixed-point number `mantissa · 10^exponent` with the notation it was written in.
///
/// Equality and order compare the value only: `1` equals `1000m`.
#[derive(Debug, Clone)]
pub struct Quantity {
    mantissa: i128,
    exponent: i32,
    format: Format,
    /// The text as written, where upstream takes it for canonical already and repeats it (`1.500` stays `1.500`).
    text: Option<String>,
}

/// The family of suffixes that a quantity is printed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// `Ki`, `Mi`, `Gi`, …
    BinarySi,
    /// `n`, `u`, `m`, none, `k`, `M`, …
    #[default]
    DecimalSi,
    /// `e3`, `E-3`, …
    DecimalExponent,
}

/// Why a text is no quantity; the texts are those of the Kubernetes API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseQuantityError {
    /// Not of the form number and suffix.
    #[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    Format,
    /// The number itself is malformed or has more digits than can be kept.
    #[error("unable to parse numeric part of quantity")]
    Number,
    /// No such suffix.
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

impl Quantity {
    /// Returns the quantity of a JSON string or number.
    ///
    /// # Errors
    /// Fails for other JSON types and for text that is no quantity.
    pub fn from_json(value: &Value) -> Result<Self, ParseQuantityError> {
        match value {
            Value::String(text) => text.trim().parse(),
            Value::Number(number) => match number.as_f64() {
                Some(float) if number.is_f64() && float % 1000.0 == 0.0 => Self::from_whole_float(float),
                _ => number_text(number).parse(),
            },
            _ => Err(ParseQuantityError::Format),
        }
    }

    /// A JSON number that is whole but no integer was written with an exponent (`1e9`), which upstream keeps.
    fn from_whole_float(float: f64) -> Result<Self, ParseQuantityError> {
        let quantity: Self = format!("{float:e}").parse()?;
        Ok(Self { text: None, format: Format::DecimalExponent, ..quantity })
    }

    /// Returns the whole number `value`.
    #[must_use]
    pub fn from_integer(value: i64) -> Self {
        Self::new(i128::from(value), 0, Format::DecimalSi)
    }

    /// Returns `value` thousandths.
    #[must_use]
    pub fn from_milli(value: i64) -> Self {
        Self::new(i128::from(value), -3, Format::DecimalSi)
    }

    /// Returns the value rounded up to whole units, saturating.
    #[must_use]
    pub fn ceil(&self) -> i64 {
        self.scaled_up(0)
    }

    /// Returns the value in thousandths rounded up, saturating.
    #[must_use]
    pub fn milli(&self) -> i64 {
        self.scaled_up(-3)
    }

    /// Returns -1, 0 or 1.
    #[must_use]
    pub fn signum(&self) -> i32 {
        self.mantissa.signum() as i32
    }

    /// Returns the sum; its notation is that of `self`, or of `other` where `self` is zero.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        self.combine(other, i128::saturating_add)
    }

    /// Returns the difference; its notation is that of `self`, or of `other` where `self` is zero.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        self.combine(other, i128::saturating_sub)
    }

    /// Returns the value in one notation for all: the same text for equal quantities, another one for others.
    #[must_use]
    pub fn value_text(&self) -> String {
        format!("{}e{}", self.mantissa, self.exponent)
    }

    fn new(mantissa: i128, exponent: i32, format: Format) -> Self {
        Self { mantissa, exponent, format, text: None }.normalized()
    }

    /// Moves factors of ten into the exponent and rounds what is finer than nano away from zero.
    fn normalized(mut self) -> Self {
        while self.mantissa != 0 && self.mantissa % 10 == 0 {
            self.mantissa /= 10;
            self.exponent += 1;
        }
        if self.mantissa == 0 {
            self.exponent = 0;
        }
        if self.exponent < NANO {
            self.mantissa = divide_up(self.mantissa, NANO.abs_diff(self.exponent));
            self.exponent = NANO;
            return self.normalized();
        }
        self
    }

    fn combine(&self, other: &Self, op: fn(i128, i128) -> i128) -> Self {
        let exponent = self.exponent.min(other.exponent);
        let format = if self.mantissa == 0 { other.format } else { self.format };
        Self::new(op(self.at(exponent), other.at(exponent)), exponent, format)
    }

    /// Returns the mantissa for the smaller exponent `exponent`, saturating.
    fn at(&self, exponent: i32) -> i128 {
        self.mantissa.saturating_mul(power_of_ten(self.exponent.abs_diff(exponent)))
    }

    fn scaled_up(&self, exponent: i32) -> i64 {
        let scaled = if self.exponent >= exponent {
            self.at(exponent)
        } else {
            divide_up(self.mantissa, exponent.abs_diff(self.exponent))
        };
        i64::try_from(scaled).unwrap_or(if scaled < 0 { i64::MIN } else { i64::MAX })
    }

    /// Returns the value if it is whole.
    fn whole(&self) -> Option<i128> {
        (self.exponent >= 0).then(|| self.at(0))
    }

    /// Returns the text that upstream writes: no fraction, the largest suffix that loses nothing.
    fn canonical(&self) -> String {
        if self.mantissa == 0 {
            return "0".to_owned();
        }
        match (self.format, self.whole()) {
            (Format::BinarySi, Some(whole)) if whole.abs() >= 1024 => binary_text(whole),
            (Format::DecimalExponent, _) => {
                let (mantissa, exponent) = self.in_thousands();
                if exponent == 0 { mantissa.to_string() } else { format!("{mantissa}e{exponent}") }
            }
            _ => {
                let (mantissa, exponent) = self.in_thousands();
                format!("{mantissa}{}", decimal_suffix(exponent))
            }
        }
    }

    /// Returns mantissa and exponent with an exponent that is a multiple of three.
    fn in_thousands(&self) -> (i128, i32) {
        let shift = self.exponent.rem_euclid(3);
        (self.at(self.exponent - shift), self.exponent - shift)
    }
}

impl Default for Quantity {
    fn default() -> Self {
        Self::from_integer(0)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => f.write_str(text),
            None => f.write_str(&self.canonical()),
        }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        let exponent = self.exponent.min(other.exponent);
        self.at(exponent).cmp(&other.at(exponent))
    }
}

impl FromStr for Quantity {
    type Err = ParseQuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(ParseQuantityError::Format);
        }
        let parts = Parts::split(text)?;
        let suffix = Suffix::parse(parts.suffix).ok_or(ParseQuantityError::Suffix)?;
        let digits = parts.digits();
        let number: i128 = if digits.trim_start_matches('0').len() > MAX_DIGITS as usize {
            return Err(ParseQuantityError::Number);
        } else {
            digits.parse().map_err(|_| ParseQuantityError::Number)?
        };
        let exponent = suffix.ten.saturating_sub(i32::try_from(parts.fraction.len()).unwrap_or(i32::MAX));
        // Without digits only the slow path complains.
        if !text.contains(|c: char| c.is_ascii_digit()) && !parts.is_short(&suffix, exponent) {
            return Err(ParseQuantityError::Number);
        }
        let text = parts.is_taken_as_canonical(&suffix, &digits, number, exponent).then(|| text.to_owned());
        let (mut mantissa, mut exponent) = (number, exponent);
        while mantissa.checked_mul(1_i128 << suffix.two).is_none() {
            mantissa = divide_up(mantissa, 1);
            exponent += 1;
        }
        mantissa <<= suffix.two;
        let mut format = suffix.format;
        if format == Format::BinarySi {
            let one = power_of_ten(exponent.unsigned_abs());
            mantissa = mantissa.min(BINARY_CAP.saturating_mul(one));
            if mantissa > 0 && mantissa < one {
                format = Format::DecimalSi;
            }
        }
        let sign = if parts.negative { -1 } else { 1 };
        Ok(Self { text, ..Self::new(sign * mantissa, exponent, format) })
    }
}

/// A quantity's text taken apart; `whole` has no leading zeros.
struct Parts<'t> {
    negative: bool,
    whole: &'t str,
    fraction: &'t str,
    suffix: &'t str,
}

impl<'t> Parts<'t> {
    fn split(text: &'t str) -> Result<Self, ParseQuantityError> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (whole, mut rest) = split_digits(unsigned);
        let mut fraction = "";
        if let Some(after) = rest.strip_prefix('.').filter(|_| !unsigned.is_empty()) {
            (fraction, rest) = split_digits(after);
        }
        let letters = rest.trim_start_matches(|c| "eEinumkKMGTP".contains(c));
        let exponent = letters.strip_prefix(['+', '-']).unwrap_or(letters);
        if !split_digits(exponent).1.is_empty() {
            return Err(ParseQuantityError::Format);
        }
        Ok(Self { negative: text.starts_with('-'), whole: whole.trim_start_matches('0'), fraction, suffix: rest })
    }

    fn digits(&self) -> String {
        format!("{}{}", if self.whole.is_empty() { "0" } else { self.whole }, self.fraction)
    }

    /// Whether upstream reads the number on its fast path, which is for short ones.
    fn is_short(&self, suffix: &Suffix, exponent: i32) -> bool {
        let length = i32::try_from(self.digits().len()).unwrap_or(i32::MAX);
        match suffix.format {
            Format::BinarySi => {
                let bits = i32::try_from(suffix.two).unwrap_or(i32::MAX);
                self.fraction.is_empty() && length < 15 - bits * 3 / 10
            }
            _ => length <= 18 && exponent >= NANO,
        }
    }

    /// Whether upstream keeps the text as it was written instead of printing the canonical form.
    ///
    /// That happens for short numbers only, on a rule that lets some texts through which are not canonical (`1.500`, `+5`,
    /// `05m`). Pod template hashes depend on it.
    fn is_taken_as_canonical(&self, suffix: &Suffix, digits: &str, number: i128, exponent: i32) -> bool {
        let looks_canonical = match suffix.format {
            Format::BinarySi => number & 7 != 0,
            _ => exponent % 3 == 0 && !digits.ends_with("000") && !digits.starts_with('0'),
        };
        looks_canonical && self.is_short(suffix, exponent)
    }
}

/// What a suffix multiplies with: `2^two · 10^ten`.
struct Suffix {
    two: u32,
    ten: i32,
    format: Format,
}

impl Suffix {
    fn parse(text: &str) -> Option<Self> {
        let binary = |two| Some(Self { two, ten: 0, format: Format::BinarySi });
        let decimal = |ten| Some(Self { two: 0, ten, format: Format::DecimalSi });
        match text {
            "Ki" => binary(10),
            "Mi" => binary(20),
            "Gi" => binary(30),
            "Ti" => binary(40),
            "Pi" => binary(50),
            "Ei" => binary(60),
            "n" => decimal(-9),
            "u" => decimal(-6),
            "m" => decimal(-3),
            "" => decimal(0),
            "k" => decimal(3),
            "M" => decimal(6),
            "G" => decimal(9),
            "T" => decimal(12),
            "P" => decimal(15),
            "E" => decimal(18),
            _ => {
                let ten = text.strip_prefix(['e', 'E'])?.parse().ok()?;
                Some(Self { two: 0, ten, format: Format::DecimalExponent })
            }
        }
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn decimal_suffix(exponent: i32) -> &'static str {
    match exponent {
        -9 => "n",
        -6 => "u",
        -3 => "m",
        3 => "k",
        6 => "M",
        9 => "G",
        12 => "T",
        15 => "P",
        18 => "E",
        // Upstream prints no suffix where it has none.
        _ => "",
    }
}

fn binary_text(whole: i128) -> String {
    let (mut value, mut power) = (whole, 0);
    while value % 1024 == 0 {
        value /= 1024;
        power += 1;
    }
    let suffix = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].get(power).copied().unwrap_or("");
    format!("{value}{suffix}")
}

/// Divides by `10^power`, rounding away from zero.
fn divide_up(value: i128, power: u32) -> i128 {
    let divisor = power_of_ten(power);
    value / divisor + if value % divisor == 0 { 0 } else { value.signum() }
}

fn power_of_ten(power: u32) -> i128 {
    10_i128.checked_pow(power).unwrap_or(i128::MAX)
}

/// Returns the text of a JSON number as Go writes it: plain up to 21 digits, with an exponent beyond.
#[must_use]
pub fn number_text(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if !number.is_i64() && !number.is_u64() => {
            let magnitude = float.abs();
            if magnitude >= 1e21 {
                format!("{float:e}").replace('e', "e+")
            } else if magnitude != 0.0 && magnitude < 1e-6 {
                format!("{float:e}")
            } else {
                float.to_string()
            }
        }
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, canonical: &str) {
        assert_eq!(text.parse::<Quantity>().map(|q| q.to_string()), Ok(canonical.to_owned()), "{text}");
    }

    #[test]
    fn canonical_text_is_upstreams() {
        for (text, canonical) in [
            ("1000m", "1"),
            ("0.5", "500m"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("100m", "100m"),
            ("0", "0"),
            ("0Ki", "0"),
            ("-0", "0"),
            ("512Ki", "512Ki"),
            ("1000Ki", "1000Ki"),
            ("0.5Ki", "512"),
            ("0.1Ki", "102400m"),
            ("1e3", "1e3"),
            ("1000e3", "1e6"),
            ("0.0001", "100u"),
            ("0.0000000001", "1n"),
            ("12345678901234567890", "12345678901234567890"),
            ("8Ei", "9223372036854775807"),
            ("1.500", "1.500"),
            ("+5", "+5"),
            ("05m", "05m"),
            ("5.", "5."),
            ("1500", "1500"),
            ("2000", "2k"),
            ("-1500m", "-1500m"),
            ("-2000m", "-2"),
            ("80800.00010851263108233272Ei", "9223372036854775807"),
            ("m", "0"),
            ("50000E", "50"),
        ] {
            check(text, canonical);
        }
    }

    #[test]
    fn malformed_text_is_refused_with_upstreams_words() {
        for (text, error) in [
            ("", ParseQuantityError::Format),
            ("1 Gi", ParseQuantityError::Format),
            ("abc", ParseQuantityError::Format),
            ("1Kii", ParseQuantityError::Suffix),
            ("1K", ParseQuantityError::Suffix),
            ("1e", ParseQuantityError::Suffix),
            ("-Ei", ParseQuantityError::Number),
        ] {
            assert_eq!(text.parse::<Quantity>().err(), Some(error), "{text}");
        }
    }

    #[test]
    fn json_numbers_are_quantities() {
        for (json, canonical) in [
            ("1", "1"),
            ("1000", "1k"),
            ("0.25", "250m"),
            ("2.0", "2"),
            ("1e3", "1e3"),
            ("15e8", "1500e6"),
            ("1e22", "10e21"),
        ] {
            let value = serde_json::from_str(json).unwrap();
            assert_eq!(Quantity::from_json(&value).unwrap().to_string(), canonical, "{json}");
        }
    }

    #[test]
    fn values_compare_and_add_whatever_the_notation() {
        let quantity = |text: &str| text.parse::<Quantity>().unwrap();
        assert_eq!(quantity("1"), quantity("1000m"));
        assert!(quantity("1Gi") > quantity("1G"));
        assert_eq!(quantity("1500m").plus(&quantity("1.5")).to_string(), "3");
        assert_eq!(quantity("0").plus(&quantity("512Mi")).plus(&quantity("512Mi")).to_string(), "1Gi");
        assert_eq!(quantity("1").minus(&quantity("1500m")).to_string(), "-500m");
        assert_eq!((quantity("1500m").ceil(), quantity("1.0001").milli()), (2, 1001));
    }
}
