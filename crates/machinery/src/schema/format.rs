//! The `format`s of strings that validation knows.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::OnceLock,
};

use base64::Engine as _;
use regex::Regex;

/// Returns whether validation knows the format; others are ignored.
pub(super) fn is_known(format: &str) -> bool {
    let name = normal(format);
    CHECKED.iter().any(|(known, _)| *known == name) || UNCHECKED.contains(&name.as_str())
}

/// Returns whether `text` is of `format`; anything is of a format that is not known.
pub(super) fn check(format: &str, text: &str) -> bool {
    let name = normal(format);
    CHECKED.iter().find(|(known, _)| *known == name).is_none_or(|(_, check)| check(text))
}

/// Formats are compared without dashes.
fn normal(format: &str) -> String {
    format.replace('-', "")
}

/// A format without dashes and what tells its texts.
type Check = (&'static str, fn(&str) -> bool);

const CHECKED: [Check; 22] = [
    ("byte", is_base64),
    ("cidr", is_cidr),
    ("date", |t| matches(&DATE, r"^\d{4}-\d{2}-\d{2}$", t) && t.parse::<jiff::civil::Date>().is_ok()),
    ("datetime", is_date_time),
    ("duration", is_duration),
    ("email", is_email),
    ("hexcolor", |t| matches(&HEX_COLOR, "^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$", t)),
    ("hostname", is_hostname),
    ("ipv4", |t| t.parse::<Ipv4Addr>().is_ok()),
    ("ipv6", |t| t.parse::<Ipv6Addr>().is_ok()),
    ("isbn", |t| is_isbn10(t) || is_isbn13(t)),
    ("isbn10", is_isbn10),
    ("isbn13", is_isbn13),
    ("k8slongname", |t| t.len() <= 253 && t.split('.').all(is_short_name)),
    ("k8sshortname", |t| t.len() <= 63 && is_short_name(t)),
    ("mac", |t| matches(&MAC, "^([0-9a-fA-F]{2}[:-]){5}([0-9a-fA-F]{2}[:-]){0,14}[0-9a-fA-F]{2}$", t)),
    ("ssn", |t| matches(&SSN, r"^\d{3}[- ]?\d{2}[- ]?\d{4}$", t)),
    ("uri", is_uri),
    ("uuid", |t| is_uuid(t, None)),
    ("uuid3", |t| is_uuid(t, Some('3'))),
    ("uuid4", |t| is_uuid(t, Some('4'))),
    ("uuid5", |t| is_uuid(t, Some('5'))),
];

/// Known to upstream, which checks two of them by rules that no schema in the field relies on.
const UNCHECKED: [&str; 4] = ["bsonobjectid", "creditcard", "password", "rgbcolor"];

static DATE: OnceLock<Option<Regex>> = OnceLock::new();
static DATE_TIME: OnceLock<Option<Regex>> = OnceLock::new();
static DURATION: OnceLock<Option<Regex>> = OnceLock::new();
static HEX_COLOR: OnceLock<Option<Regex>> = OnceLock::new();
static HOSTNAME: OnceLock<Option<Regex>> = OnceLock::new();
static MAC: OnceLock<Option<Regex>> = OnceLock::new();
static SSN: OnceLock<Option<Regex>> = OnceLock::new();
static UUID: OnceLock<Option<Regex>> = OnceLock::new();

fn matches(cell: &OnceLock<Option<Regex>>, pattern: &str, text: &str) -> bool {
    cell.get_or_init(|| Regex::new(pattern).ok()).as_ref().is_some_and(|r| r.is_match(text))
}

fn is_date_time(text: &str) -> bool {
    const SHAPE: &str = r"^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:?\d{2})$";
    matches(&DATE_TIME, SHAPE, text) && text.parse::<jiff::Timestamp>().is_ok()
}

/// Go durations (`1h30m`, `-1.5s`) and the words of Scala's (`22 ns`, `3 days`).
fn is_duration(text: &str) -> bool {
    const SHAPE: &str = r"(?x)^\s*[+-]?(
        0 | ((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+
        | \d+\s*(ns|nano(second)?s?|us|µs|micro(second)?s?|ms|milli(second)?s?|s|sec(ond)?s?|m|min(ute)?s?|h|hr|hours?|d|days?|w|weeks?|wk)
        )\s*$";
    matches(&DURATION, SHAPE, text)
}

fn is_base64(text: &str) -> bool {
    !text.is_empty() && base64::engine::general_purpose::STANDARD.decode(text).is_ok()
}

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    let most = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.parse::<u8>().is_ok_and(|b| b <= most)
}

fn is_email(text: &str) -> bool {
    let address = match (text.rfind('<'), text.strip_suffix('>')) {
        (Some(start), Some(open)) => open.get(start + 1..).unwrap_or_default(),
        _ => text,
    };
    let fits = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with('.') && !part.contains("..");
    let legal =
        |part: &str| !part.contains(|c: char| c.is_whitespace() || c.is_control() || "()<>[]:;@\\,\"".contains(c));
    address.rsplit_once('@').is_some_and(|(local, domain)| fits(local) && fits(domain) && legal(local) && legal(domain))
}

fn is_hostname(text: &str) -> bool {
    const SHAPE: &str = r"^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.)){1,}([a-zA-Z\p{L}]){2,63})$";
    text.len() <= 255 && text.split('.').all(|part| part.len() <= 63) && matches(&HOSTNAME, SHAPE, text)
}

fn is_short_name(text: &str) -> bool {
    let legal = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    !text.is_empty() && text.bytes().all(legal) && !text.starts_with('-') && !text.ends_with('-')
}

/// A request URI: absolute, or a path from the root.
fn is_uri(text: &str) -> bool {
    let clean = !text.contains(|c: char| c.is_whitespace() || c.is_control());
    let scheme = text.split_once(':').is_some_and(|(scheme, rest)| {
        !rest.is_empty()
            && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    });
    clean && (text.starts_with('/') || scheme)
}

fn is_uuid(text: &str, version: Option<char>) -> bool {
    const SHAPE: &str = "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$";
    if !matches(&UUID, SHAPE, text) {
        return false;
    }
    let digits: Vec<char> = text.chars().filter(|c| *c != '-').collect();
    let variant = matches!(digits[16].to_ascii_lowercase(), '8' | '9' | 'a' | 'b');
    version.is_none_or(|v| digits[12] == v && (v == '3' || variant))
}

fn is_isbn10(text: &str) -> bool {
    let digits: Vec<u32> = text
        .chars()
        .filter(|c| !matches!(c, '-' | ' '))
        .map(|c| if matches!(c, 'x' | 'X') { 10 } else { c.to_digit(10).unwrap_or(99) })
        .collect();
    let legal = digits.len() == 10 && digits[..9].iter().all(|d| *d < 10) && digits[9] <= 10;
    legal && digits.iter().zip((1..=10).rev()).map(|(d, weight)| d * weight).sum::<u32>() % 11 == 0
}

fn is_isbn13(text: &str) -> bool {
    let digits: Vec<u32> =
        text.chars().filter(|c| !matches!(c, '-' | ' ')).map(|c| c.to_digit(10).unwrap_or(99)).collect();
    let legal = digits.len() == 13 && digits.iter().all(|d| *d < 10);
    legal && digits.iter().zip([1, 3].into_iter().cycle()).map(|(d, weight)| d * weight).sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_tell_good_from_bad() {
        for (format, good, bad) in [
            ("date-time", "2026-01-02T03:04:05Z", "2026-01-02"),
            ("date", "2026-01-02", "2026-13-02"),
            ("byte", "aGk=", "a?"),
            ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123"),
            ("uuid4", "f47ac10b-58cc-4372-a567-0e02b2c3d479", "123e4567-e89b-12d3-a456-426614174000"),
            ("ipv4", "10.0.0.1", "::1"),
            ("ipv6", "fe80::1", "10.0.0.1"),
            ("cidr", "10.0.0.0/8", "10.0.0.0/33"),
            ("uri", "https://a.example/x", "no scheme"),
            ("hostname", "a-b.example", "a_b"),
            ("email", "a@b.example", "a.b.example"),
            ("duration", "1h30m", "soon"),
            ("duration", "22 ns", "22 moons"),
            ("isbn13", "978-0321751041", "978-0321751042"),
            ("isbn10", "0321751043", "0321751044"),
            ("mac", "00:1b:44:11:3a:b7", "00:1b"),
            ("k8s-short-name", "a-b", "A"),
        ] {
            assert!(check(format, good), "{format} {good}");
            assert!(!check(format, bad), "{format} {bad}");
            assert!(is_known(format));
        }
        assert!(check("int-or-moon", "anything") && !is_known("int-or-moon"));
    }
}
