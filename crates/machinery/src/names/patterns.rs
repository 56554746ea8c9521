//! The patterns of names, each with the API's words for a text that does not fit.

use super::NamePart;

const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN: &str = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const QUALIFIED: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

/// Returns why `name` is no RFC 1123 subdomain.
#[must_use]
pub fn dns_subdomain(name: &str) -> Vec<String> {
    let mut errors = at_most(name, 253);
    if !is_subdomain(name) {
        let what = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and \
                    must start and end with an alphanumeric character";
        errors.push(pattern_error(what, SUBDOMAIN, &["example.com"]));
    }
    errors
}

/// Returns why `name` is no RFC 1123 label.
#[must_use]
pub fn dns_label(name: &str) -> Vec<String> {
    let mut errors = at_most(name, 63);
    if !is_label(name) {
        if is_subdomain(name) {
            errors.push("must not contain dots".to_owned());
        } else {
            let what = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
                        start and end with an alphanumeric character";
            errors.push(pattern_error(what, LABEL, &["my-name", "123-abc"]));
        }
    }
    errors
}

/// Returns why `name` is no RFC 1035 label, which begins with a letter.
#[must_use]
pub fn dns_label_1035(name: &str) -> Vec<String> {
    let mut errors = at_most(name, 63);
    if !is_label(name) || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        let what = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic \
                    character, and end with an alphanumeric character";
        errors.push(pattern_error(what, "[a-z]([-a-z0-9]*[a-z0-9])?", &["my-name", "abc-123"]));
    }
    errors
}

/// Returns why `name` is no subdomain that begins with `*.`.
#[must_use]
pub fn wildcard_subdomain(name: &str) -> Vec<String> {
    let mut errors = at_most(name, 253);
    if !name.strip_prefix("*.").is_some_and(is_subdomain) {
        let what = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must \
                    consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
        errors.push(pattern_error(what, &format!(r"\*\.{SUBDOMAIN}"), &["*.example.com"]));
    }
    errors
}

/// Returns why `name` cannot stand in a URL as one segment.
#[must_use]
pub fn path_segment(name: &str, part: NamePart) -> Vec<String> {
    if part == NamePart::Whole && matches!(name, "." | "..") {
        return vec![format!("may not be '{name}'")];
    }
    ["/", "%"].iter().filter(|c| name.contains(**c)).map(|c| format!("may not contain '{c}'")).collect()
}

/// Returns why `name` is no qualified name: an optional subdomain with a slash, and a name of up to 63 characters.
#[must_use]
pub fn qualified_name(name: &str) -> Vec<String> {
    let what = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric \
                character";
    let unfit = || pattern_error(what, QUALIFIED, &["MyName", "my.name", "123-abc"]);
    let mut errors = Vec::new();
    let own = match *name.split('/').collect::<Vec<_>>().as_slice() {
        [own] => own,
        [prefix, own] => {
            if prefix.is_empty() {
                errors.push("prefix part must be non-empty".to_owned());
            } else {
                errors.extend(dns_subdomain(prefix).into_iter().map(|e| format!("prefix part {e}")));
            }
            own
        }
        _ => {
            let suffix = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
            return vec![format!("a qualified name {} {suffix}", unfit())];
        }
    };
    if own.is_empty() {
        errors.push("name part must be non-empty".to_owned());
    }
    errors.extend(at_most(own, 63).into_iter().map(|e| format!("name part {e}")));
    if !is_qualified(own) {
        errors.push(format!("name part {}", unfit()));
    }
    errors
}

/// Returns why `value` is no label value.
#[must_use]
pub fn label_value(value: &str) -> Vec<String> {
    let mut errors = at_most(value, 63);
    if !value.is_empty() && !is_qualified(value) {
        let what = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and \
                    must start and end with an alphanumeric character";
        errors.push(pattern_error(what, &format!("({QUALIFIED})?"), &["MyValue", "my_value", "12345"]));
    }
    errors
}

/// Returns why `name` is no name of a port (IANA service name).
#[must_use]
pub fn port_name(name: &str) -> Vec<String> {
    let mut errors = at_most(name, 15);
    let mut add = |wrong: bool, text: &str| {
        if wrong {
            errors.push(text.to_owned());
        }
    };
    let fits = |c: u8| c == b'-' || c.is_ascii_lowercase() || c.is_ascii_digit();
    let all_fit = !name.is_empty() && name.bytes().all(fits);
    add(!all_fit, "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
    add(!name.bytes().any(|c| c.is_ascii_lowercase()), "must contain at least one letter (a-z)");
    add(name.contains("--"), "must not contain consecutive hyphens");
    add(name.starts_with('-') || name.ends_with('-'), "must not begin or end with a hyphen");
    errors
}

/// Returns why `key` is no key of a ConfigMap or Secret.
#[must_use]
pub fn config_map_key(key: &str) -> Vec<String> {
    let mut errors = at_most(key, 253);
    if key.is_empty() || !key.bytes().all(|c| c.is_ascii_alphanumeric() || b"-._".contains(&c)) {
        let what = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
        errors.push(pattern_error(what, "[-._a-zA-Z0-9]+", &["key.name", "KEY_NAME", "key-name"]));
    }
    errors.extend(directory_change(key));
    errors
}

/// Returns why `name` is no name of an environment variable (any printable ASCII but `=`).
#[must_use]
pub fn env_var_name(name: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if name.is_empty() {
        errors.push("environment variable name must be non-empty".to_owned());
    }
    if !name.bytes().all(|c| (b' '..=b'~').contains(&c) && c != b'=') {
        let what = "a valid environment variable name must consist only of printable ASCII characters other than '='";
        errors.push(what.to_owned());
    }
    errors
}

/// Returns why `text` is no percentage such as `25%`.
#[must_use]
pub fn percent(text: &str) -> Vec<String> {
    let digits = text.strip_suffix('%').unwrap_or_default();
    if !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit()) {
        return Vec::new();
    }
    let what = "a valid percent string must be a numeric string followed by an ending '%'";
    vec![pattern_error(what, "[0-9]+%", &["1%", "93%"])]
}

fn at_most(text: &str, limit: usize) -> Vec<String> {
    if text.len() > limit { vec![format!("must be no more than {limit} characters")] } else { Vec::new() }
}

fn directory_change(text: &str) -> Option<String> {
    match text {
        "." => Some("must not be '.'".to_owned()),
        ".." => Some("must not be '..'".to_owned()),
        text if text.starts_with("..") => Some("must not start with '..'".to_owned()),
        _ => None,
    }
}

/// Words a pattern that was not met, in the API's style (with its odd double space before `or`).
fn pattern_error(what: &str, pattern: &str, examples: &[&str]) -> String {
    let quoted: Vec<String> = examples.iter().map(|e| format!("'{e}', ")).collect();
    format!("{what} (e.g. {}regex used for validation is '{pattern}')", quoted.join(" or "))
}

fn is_label(text: &str) -> bool {
    let edge = |c: Option<u8>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let bytes = text.as_bytes();
    edge(bytes.first().copied())
        && edge(bytes.last().copied())
        && bytes.iter().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == b'-')
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_qualified(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(errors: &[String], expected: &[&str]) {
        assert_eq!(errors, expected);
    }

    #[test]
    fn good_names_pass() {
        check(&dns_subdomain("a.b-c.1"), &[]);
        check(&dns_label("1-a"), &[]);
        check(&dns_label_1035("a-1"), &[]);
        check(&wildcard_subdomain("*.example.com"), &[]);
        check(&path_segment("system:a.b", NamePart::Whole), &[]);
        check(&qualified_name("example.com/My_name.1"), &[]);
        check(&label_value(""), &[]);
        check(&label_value("A-b_c.1"), &[]);
        check(&port_name("http-2"), &[]);
        check(&config_map_key(".dot"), &[]);
        check(&env_var_name("my env"), &[]);
        check(&percent("25%"), &[]);
    }

    #[test]
    fn bad_names_are_refused_in_the_apis_words() {
        check(
            &dns_subdomain("A_b"),
            &[
                "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
            ],
        );
        check(
            &dns_label("a_b"),
            &[
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
            ],
        );
        check(&dns_label("a.b"), &["must not contain dots"]);
        check(
            &dns_label_1035("1a"),
            &[
                "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
            ],
        );
        check(&path_segment("a/b%", NamePart::Whole), &["may not contain '/'", "may not contain '%'"]);
        check(&path_segment("..", NamePart::Whole), &["may not be '..'"]);
        check(&port_name("a--b"), &["must not contain consecutive hyphens"]);
        check(&port_name("80"), &["must contain at least one letter (a-z)"]);
        check(&config_map_key("..a"), &["must not start with '..'"]);
        check(&dns_label(&"a".repeat(64)), &["must be no more than 63 characters"]);
        check(&qualified_name("/a"), &["prefix part must be non-empty"]);
        assert_eq!(qualified_name("").len(), 2);
        assert!(
            qualified_name("a/b/c")[0]
                .ends_with("with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')")
        );
    }
}
