//! A request and where it is sent.

use std::collections::BTreeMap;

use super::Name;

/// Where requests are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To a Service, from inside the cluster.
    Service(Name),
    /// To a host name, from outside: an Ingress, a route or a gateway takes it on.
    Host(String),
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Where it is sent.
    pub target: Target,
    /// Path, without query.
    pub path: String,
    /// Method.
    pub method: String,
    /// Headers by name in lower case.
    pub headers: BTreeMap<String, String>,
}

impl Request {
    /// Returns a `GET` of `/`.
    #[must_use]
    pub fn to(target: Target) -> Self {
        Self { target, path: "/".to_owned(), method: "GET".to_owned(), headers: BTreeMap::new() }
    }

    /// Returns the same request with one header more.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_ascii_lowercase(), value.to_owned());
        self
    }

    /// Returns the same request for another path.
    #[must_use]
    pub fn path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Returns the value of a header; names are compared without case.
    #[must_use]
    pub fn get(&self, header: &str) -> Option<&str> {
        self.headers.get(&header.to_ascii_lowercase()).map(String::as_str)
    }

    /// Returns the value of a cookie.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let pairs = self.get("cookie")?.split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next()
    }

    /// Returns the host name that it is sent to; that of a Service is the Service's.
    #[must_use]
    pub fn host(&self) -> String {
        match &self.target {
            Target::Service(service) => format!("{}.{}.svc.cluster.local", service.name, service.namespace),
            Target::Host(host) => host.clone(),
        }
    }
}

/// Returns whether a host fits a pattern: itself, `*.domain`, `*`, or nothing for every host.
#[must_use]
pub fn fits_host(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(domain) => host.ends_with(domain),
        None => pattern.is_empty() || pattern.eq_ignore_ascii_case(host),
    }
}

/// Returns whether a path is this prefix or lies below it, element by element.
#[must_use]
pub fn fits_prefix(prefix: &str, path: &str) -> bool {
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_paths_fit_by_their_parts() {
        for (pattern, host, want) in [
            ("a.io", "a.io", true),
            ("A.io", "a.io", true),
            ("a.io", "b.io", false),
            ("*.io", "a.io", true),
            ("*.a.io", "a.io", false),
            ("*", "a.io", true),
            ("", "a.io", true),
        ] {
            assert_eq!(fits_host(pattern, host), want, "{pattern} {host}");
        }
        for (prefix, path, want) in
            [("/", "/a", true), ("/a", "/a", true), ("/a/", "/a/b", true), ("/a", "/ab", false), ("/a", "/", false)]
        {
            assert_eq!(fits_prefix(prefix, path), want, "{prefix} {path}");
        }
    }

    #[test]
    fn cookies_are_found_by_name() {
        let request = Request::to(Target::Host("a".into())).header("Cookie", "x=1; canary=always");
        assert_eq!((request.cookie("canary"), request.cookie("y")), (Some("always"), None));
    }
}
