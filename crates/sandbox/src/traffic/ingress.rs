//! Ingress as ingress-nginx reads it, with its canary annotations.

use jiff::Timestamp;
use regex::Regex;
use serde_json::Value;
use tiphys_machinery::time;

use super::{
    Name,
    request::{Request, fits_host, fits_prefix},
};

/// An Ingress.
#[derive(Debug, Clone)]
pub struct Ingress {
    /// Namespace and name.
    pub name: Name,
    created: Option<Timestamp>,
    canary: Option<Canary>,
    paths: Vec<PathRule>,
}

#[derive(Debug, Clone)]
struct PathRule {
    host: String,
    path: String,
    exact: bool,
    service: String,
    port: String,
}

/// Who goes to the canary.
#[derive(Debug, Clone, Default)]
struct Canary {
    header: Option<String>,
    header_value: Option<String>,
    header_pattern: Option<Regex>,
    cookie: Option<String>,
    weight: u32,
    total: u32,
}

/// The Service that an Ingress chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The Service.
    pub service: Name,
    /// The Ingress that decided, the main one also for its canary.
    pub ingress: Name,
    /// The Service of the main Ingress, which metrics name.
    pub main_service: String,
    /// How ingress-nginx names the canary backend; empty where the main one was chosen.
    pub canary: String,
}

impl Ingress {
    /// Reads an Ingress.
    #[must_use]
    pub fn read(value: &Value) -> Self {
        let metadata = &value["metadata"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut paths = Vec::new();
        for rule in value["spec"]["rules"].as_array().into_iter().flatten() {
            for path in rule["http"]["paths"].as_array().into_iter().flatten() {
                paths.push(PathRule {
                    host: text(&rule["host"]),
                    path: path["path"].as_str().unwrap_or("/").to_owned(),
                    exact: path["pathType"] == "Exact",
                    service: text(&path["backend"]["service"]["name"]),
                    port: port(&path["backend"]["service"]["port"]),
                });
            }
        }
        let default = &value["spec"]["defaultBackend"]["service"];
        if default.is_object() {
            let (service, port) = (text(&default["name"]), port(&default["port"]));
            paths.push(PathRule { host: String::new(), path: "/".to_owned(), exact: false, service, port });
        }
        Self {
            name: Name::new(&text(&metadata["namespace"]), &text(&metadata["name"])),
            created: time::parse(&metadata["creationTimestamp"]),
            canary: Canary::read(&metadata["annotations"]),
            paths,
        }
    }

    /// Returns host and path of the first rule.
    #[must_use]
    pub fn first(&self) -> Option<(&str, &str)> {
        self.paths.first().map(|rule| (rule.host.as_str(), rule.path.as_str()))
    }

    fn sees_before(&self, other: &Self) -> bool {
        (self.created, &self.name) < (other.created, &other.name)
    }
}

fn port(port: &Value) -> String {
    match &port["number"] {
        Value::Null => port["name"].as_str().unwrap_or_default().to_owned(),
        number => number.to_string(),
    }
}

impl Canary {
    /// Reads the annotations, whatever their prefix is: controllers can be told another one.
    fn read(annotations: &Value) -> Option<Self> {
        let map = annotations.as_object()?;
        let is_canary = |(key, value): &(&String, &Value)| key.ends_with("/canary") && *value == "true";
        let (prefix, _) = map.iter().find(is_canary)?.0.rsplit_once('/')?;
        let text = |name: &str| map.get(&format!("{prefix}/{name}")).and_then(Value::as_str);
        let number = |name: &str| text(name).and_then(|text| text.parse().ok());
        Some(Self {
            header: text("canary-by-header").map(ToOwned::to_owned),
            header_value: text("canary-by-header-value").map(ToOwned::to_owned),
            header_pattern: text("canary-by-header-pattern").and_then(|pattern| Regex::new(pattern).ok()),
            cookie: text("canary-by-cookie").map(ToOwned::to_owned),
            weight: number("canary-weight").unwrap_or(0),
            total: number("canary-weight-total").unwrap_or(100).max(1),
        })
    }

    /// Decides by header, then by cookie, then by weight.
    fn takes(&self, request: &Request, random: &mut fastrand::Rng) -> bool {
        if let Some(value) = self.header.as_deref().and_then(|header| request.get(header)) {
            match (&self.header_value, &self.header_pattern, value) {
                (Some(wanted), _, value) if value == wanted => return true,
                (None, Some(pattern), value) if pattern.is_match(value) => return true,
                (None, None, "always") => return true,
                (None, None, "never") => return false,
                _ => {}
            }
        }
        match self.cookie.as_deref().and_then(|cookie| request.cookie(cookie)) {
            Some("always") => true,
            Some("never") => false,
            _ => random.u32(0..self.total) < self.weight,
        }
    }
}

/// Returns the Service that takes a request on; `None` where no Ingress has its host and path.
#[must_use]
pub fn choose(ingresses: &[Ingress], request: &Request, random: &mut fastrand::Rng) -> Option<Chosen> {
    let host = request.host();
    let (main, rule) = main(ingresses, &host, &request.path)?;
    let chosen = |service: &str, canary: String| Chosen {
        service: Name::new(&main.name.namespace, service),
        ingress: main.name.clone(),
        main_service: rule.service.clone(),
        canary,
    };
    let Some((canary, alternative)) = alternative(ingresses, main, rule) else {
        return Some(chosen(&rule.service, String::new()));
    };
    if !canary.takes(request, random) {
        return Some(chosen(&rule.service, String::new()));
    }
    let name = format!("{}-{}-{}", main.name.namespace, alternative.service, alternative.port);
    Some(chosen(&alternative.service, name))
}

/// Returns the rule of a main Ingress: of the most specific host, an exact path before the longest prefix.
fn main<'a>(ingresses: &'a [Ingress], host: &str, path: &str) -> Option<(&'a Ingress, &'a PathRule)> {
    let fits = |rule: &PathRule| {
        fits_host(&rule.host, host) && if rule.exact { rule.path == path } else { fits_prefix(&rule.path, path) }
    };
    let rank = |rule: &PathRule| {
        (!rule.host.starts_with('*') && !rule.host.is_empty(), rule.host.len(), rule.exact, rule.path.len())
    };
    let mut best: Option<(&Ingress, &PathRule)> = None;
    for ingress in ingresses.iter().filter(|ingress| ingress.canary.is_none()) {
        for rule in ingress.paths.iter().filter(|rule| fits(rule)) {
            let better = best.is_none_or(|(owner, former)| {
                rank(rule) > rank(former) || (rank(rule) == rank(former) && ingress.sees_before(owner))
            });
            if better {
                best = Some((ingress, rule));
            }
        }
    }
    best
}

/// Returns the one canary of a rule: of the oldest Ingress with the same host and path.
fn alternative<'a>(ingresses: &'a [Ingress], main: &Ingress, rule: &PathRule) -> Option<(&'a Canary, &'a PathRule)> {
    let of = |ingress: &'a Ingress| {
        let canary = ingress.canary.as_ref().filter(|_| ingress.name.namespace == main.name.namespace)?;
        let same =
            |other: &&PathRule| other.host == rule.host && other.path == rule.path && other.service != rule.service;
        Some((ingress, canary, ingress.paths.iter().find(same)?))
    };
    let all = ingresses.iter().filter_map(of);
    let first = all.min_by(|(a, ..), (b, ..)| (a.created, &a.name).cmp(&(b.created, &b.name)));
    first.map(|(_, canary, rule)| (canary, rule))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::traffic::Target;

    fn ingress(
        name: &str,
        service: &str,
        annotations: &[(&str, &str)],
        (host, path, kind): (&str, &str, &str),
    ) -> Ingress {
        let annotations: serde_json::Map<String, Value> = annotations
            .iter()
            .map(|(key, value)| (format!("nginx.ingress.kubernetes.io/{key}"), json!(value)))
            .collect();
        let backend = json!({"service": {"name": service, "port": {"number": 80}}});
        Ingress::read(&json!({
            "metadata": {"name": name, "namespace": "n", "annotations": annotations},
            "spec": {"rules": [{"host": host, "http": {"paths": [{"path": path, "pathType": kind, "backend": backend}]}}]},
        }))
    }

    fn canary(annotations: &[(&str, &str)]) -> Vec<Ingress> {
        let place = ("a.io", "/", "Prefix");
        let all: Vec<_> = [("canary", "true")].into_iter().chain(annotations.iter().copied()).collect();
        vec![ingress("web", "stable", &[], place), ingress("web-canary", "canary", &all, place)]
    }

    /// Percent of requests that reach each Service.
    fn split(ingresses: &[Ingress], request: &Request) -> (u32, u32) {
        let mut random = fastrand::Rng::with_seed(1);
        let mut counts = (0, 0);
        for _ in 0..10_000 {
            match choose(ingresses, request, &mut random).unwrap().service.name.as_str() {
                "stable" => counts.0 += 1,
                _ => counts.1 += 1,
            }
        }
        ((counts.0 + 50) / 100, (counts.1 + 50) / 100)
    }

    #[test]
    fn canary_annotations_split_requests() {
        let plain = || Request::to(Target::Host("a.io".into()));
        let by_header = ("canary-by-header", "X-Canary");
        for (name, annotations, request, want) in [
            ("weight", &[("canary-weight", "20")][..], plain(), (80, 20)),
            ("no weight", &[], plain(), (100, 0)),
            ("all", &[("canary-weight", "100")], plain(), (0, 100)),
            ("total", &[("canary-weight", "100"), ("canary-weight-total", "1000")], plain(), (90, 10)),
            ("header always", &[by_header], plain().header("x-canary", "always"), (0, 100)),
            ("header never", &[by_header, ("canary-weight", "100")], plain().header("X-Canary", "never"), (100, 0)),
            ("another value", &[by_header, ("canary-weight", "20")], plain().header("x-canary", "maybe"), (80, 20)),
            ("a value", &[by_header, ("canary-by-header-value", "v2")], plain().header("x-canary", "v2"), (0, 100)),
            (
                "not that value",
                &[by_header, ("canary-by-header-value", "v2")],
                plain().header("x-canary", "always"),
                (100, 0),
            ),
            (
                "a pattern",
                &[by_header, ("canary-by-header-pattern", "^v[0-9]$")],
                plain().header("x-canary", "v7"),
                (0, 100),
            ),
            ("cookie", &[("canary-by-cookie", "c")], plain().header("cookie", "c=always"), (0, 100)),
            (
                "header before cookie",
                &[by_header, ("canary-by-cookie", "c")],
                plain().header("x-canary", "never").header("cookie", "c=always"),
                (100, 0),
            ),
        ] {
            assert_eq!(split(&canary(annotations), &request), want, "{name}");
        }
    }

    #[test]
    fn the_most_specific_rule_takes_a_request() {
        let all = [
            ingress("any", "any", &[], ("", "/", "Prefix")),
            ingress("wild", "wild", &[], ("*.io", "/", "Prefix")),
            ingress("host", "host", &[], ("a.io", "/", "Prefix")),
            ingress("deep", "deep", &[], ("a.io", "/api", "Prefix")),
            ingress("exact", "exact", &[], ("a.io", "/api", "Exact")),
        ];
        for (host, path, want) in [
            ("a.io", "/", "host"),
            ("a.io", "/api", "exact"),
            ("a.io", "/api/x", "deep"),
            ("a.io", "/apix", "host"),
            ("b.io", "/", "wild"),
            ("b.org", "/x", "any"),
        ] {
            let request = Request::to(Target::Host(host.into())).path(path);
            let chosen = choose(&all, &request, &mut fastrand::Rng::with_seed(1)).unwrap();
            assert_eq!(chosen.service.name, want, "{host}{path}");
        }
        let nowhere = Request::to(Target::Host("b.org".into()));
        assert_eq!(choose(&all[2..], &nowhere, &mut fastrand::Rng::with_seed(1)), None);
    }
}
