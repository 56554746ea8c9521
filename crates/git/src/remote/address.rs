//! URLs that may be used: nothing that git would take for an option or a command.

use gix::{Url, bstr::ByteSlice, url::Scheme};

use super::{Remote, RemoteError};

/// Reads the URL of a remote.
pub(super) fn parse(remote: &Remote) -> Result<Url, RemoteError> {
    let wrong = |cause: &str| RemoteError::Address { url: shown(&remote.url), cause: cause.to_owned() };
    let text = remote.url.as_str();
    if text.is_empty() || text.chars().any(|found| found.is_control() || found.is_whitespace()) {
        return Err(wrong("it is empty, or holds spaces or control characters"));
    }
    if text.starts_with('-') || text.contains("::") {
        return Err(wrong("it starts with a dash or names a helper program"));
    }
    let url = gix::url::parse(text.as_bytes().as_bstr()).map_err(|error| wrong(&error.to_string()))?;
    match url.scheme {
        Scheme::Http | Scheme::Https => {}
        Scheme::Ssh => refuse_dashes(&url).map_err(|()| wrong("user, host or path starts with a dash"))?,
        Scheme::File if url.path.starts_with(b"/") => {}
        Scheme::File => return Err(wrong("a local path must be absolute")),
        _ => return Err(wrong("use https, http, ssh, file or user@host:path")),
    }
    Ok(url)
}

fn refuse_dashes(url: &Url) -> Result<(), ()> {
    let dashed = |text: Option<&str>| text.is_some_and(|text| text.starts_with('-'));
    let path = url.path.to_str().ok().map(|path| path.trim_start_matches('/'));
    if dashed(url.user()) || dashed(url.host()) || dashed(path) { Err(()) } else { Ok(()) }
}

/// A URL without user and password, for messages.
pub(crate) fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_name_options_or_programs_are_refused() {
        for url in [
            "",
            "-oProxyCommand=x",
            "ext::sh -c x",
            "ext::sh",
            "https://a\nb",
            "ssh://-oProxyCommand=x/y",
            "ssh://-x@host/y",
            "git@host:-x",
            "relative/path",
            "git://host/x",
            "ftp://host/x",
        ] {
            assert!(parse(&Remote::new(url)).is_err(), "{url}");
        }
    }

    #[test]
    fn usual_urls_are_taken() {
        for url in ["https://h/a.git", "http://h:8080/a", "ssh://git@h:22/a", "git@h:org/a.git", "file:///a", "/a/b"] {
            assert!(parse(&Remote::new(url)).is_ok(), "{url}");
        }
    }

    #[test]
    fn credentials_of_a_url_are_not_shown() {
        assert_eq!(shown("https://u:p@h/a@b"), "https://h/a@b");
        assert_eq!(shown("https://h"), "https://h");
    }
}
