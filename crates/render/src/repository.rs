//! When two URLs are one repository, whose credentials it gets, which webhooks concern it.

mod url;

use regex::{Regex, RegexBuilder, escape};

use self::url::Url;

/// The user name of an SSH URL; what it may look like in a webhook's counterpart.
const USER: &str = r"[\w.][\w.-]{0,30}[\w.$-]?";

/// A URL that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to parse URL '{0}'")]
pub struct ParseUrlError(String);

/// Returns `repository` in the form in which repositories are compared: trimmed, in small letters, without one `.git`
/// and without `ssh://`; empty when it is no URL.
#[must_use]
pub fn normalize(repository: &str) -> String {
    let mut text = repository.trim().to_lowercase();
    if ssh_user(&text).is_some() && !text.starts_with("ssh://") {
        // The colon before the path would be taken for that before a port.
        text = format!("ssh://{}", text.replacen(':', "/", 1));
    }
    let text = text.strip_suffix(".git").unwrap_or(&text);
    let normal = Url::parse(text).map_or_else(|_| String::new(), |url| url.to_string());
    normal.strip_prefix("ssh://").map(str::to_owned).unwrap_or(normal)
}

/// Returns the normal form, or `repository` as it is when it has none.
#[must_use]
pub fn normalize_or_keep(repository: &str) -> String {
    let normal = normalize(repository);
    if normal.is_empty() { repository.to_owned() } else { normal }
}

/// Returns the scheme of a URL, in small letters; none for a path.
#[must_use]
pub fn scheme(text: &str) -> Option<String> {
    Url::parse(text).ok().map(|url| url.scheme().to_owned()).filter(|scheme| !scheme.is_empty())
}

/// Returns whether two URLs are the same repository.
#[must_use]
pub fn is_same(left: &str, right: &str) -> bool {
    let (left, right) = (normalize_or_keep(left), normalize_or_keep(right));
    !left.is_empty() && left == right
}

/// Returns the user name of an SSH URL (possibly empty), `None` for others.
#[must_use]
pub fn ssh_user(repository: &str) -> Option<&str> {
    let (user, rest) = repository.strip_prefix("ssh://").unwrap_or(repository).split_once('@')?;
    (!user.contains(['/', ':']) && !rest.is_empty() && !rest.contains(['@', '\n'])).then_some(user)
}

/// Returns whether the URL is one of HTTPS.
#[must_use]
pub fn is_https(repository: &str) -> bool {
    repository.starts_with("https://")
}

/// Returns whether the URL is one of HTTP without TLS.
#[must_use]
pub fn is_http(repository: &str) -> bool {
    repository.starts_with("http://")
}

/// Returns `host:port` of an SSH URL as files of known hosts have it, empty for others; the port is 22 unless said.
#[must_use]
pub fn ssh_host_port(repository: &str) -> String {
    if ssh_user(repository).is_none() {
        return String::new();
    }
    let (host, port) = if repository.contains("://") {
        match Url::parse(repository) {
            Ok(url) => (url.host_name().to_owned(), url.port().to_owned()),
            Err(_) => return String::new(),
        }
    } else {
        let after = repository.rsplit_once('@').map_or(repository, |(_, after)| after);
        let host = after.split(':').next().unwrap_or_default();
        (host.trim_start_matches('[').trim_end_matches(']').to_owned(), String::new())
    };
    let port = if port.is_empty() { "22" } else { &port };
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Returns `repository` without user name and password, to be shown.
#[must_use]
pub fn without_credentials(repository: &str) -> String {
    let without = Url::parse(repository).ok().and_then(Url::without_user);
    without.map_or_else(|| repository.to_owned(), |url| url.to_string())
}

/// Returns which of several credential templates, given by their URLs, a repository gets: the longest prefix, the first
/// of equals.
#[must_use]
pub fn credential_template<'t>(repository: &str, templates: impl IntoIterator<Item = &'t str>) -> Option<usize> {
    let repository = normalize(repository);
    let mut best = (0, None);
    for (index, template) in templates.into_iter().enumerate() {
        let template = normalize(template);
        if repository.starts_with(&template) && template.len() > best.0 {
            best = (template.len(), Some(index));
        }
    }
    best.1
}

/// Returns whether `repository` is the one whose web page a webhook names.
///
/// # Errors
/// When `web_url` is no URL.
pub fn matches_web_url(web_url: &str, repository: &str) -> Result<bool, ParseUrlError> {
    let (host, path) = host_and_path(web_url)?;
    let pattern = format!(r"^((https?|ssh)://)?({USER}@)?((alt)?ssh\.)?{host}(:\d+)?[:/]{path}(\.git)?$");
    Ok(pattern_of(&pattern).is_some_and(|pattern| pattern.is_match(repository)))
}

/// Returns whether `url` is the server whose API a webhook names.
///
/// # Errors
/// When `api_url` is no URL.
pub fn matches_api_url(api_url: &str, url: &str) -> Result<bool, ParseUrlError> {
    let (host, _) = host_and_path(api_url)?;
    let pattern = format!(r"^(https?://)?({USER}@)?{host}(:\d+)?/?$");
    Ok(pattern_of(&pattern).is_some_and(|pattern| pattern.is_match(url)))
}

fn host_and_path(url: &str) -> Result<(String, String), ParseUrlError> {
    let parsed = Url::parse(url).map_err(|_| ParseUrlError(url.to_owned()))?;
    let path = parsed.escaped_path();
    Ok((escape(parsed.host_name()), escape(path.strip_prefix('/').unwrap_or(&path))))
}

fn pattern_of(text: &str) -> Option<Regex> {
    RegexBuilder::new(text).case_insensitive(true).build().ok()
}
