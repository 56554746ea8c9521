//! The Gateway API: HTTPRoutes and GRPCRoutes, attached to gateways or to Services.

use jiff::Timestamp;
use regex::Regex;
use serde_json::Value;
use tiphys_machinery::time;

use super::{
    Name,
    request::{Request, Target, fits_host, fits_prefix},
};

/// An HTTPRoute or GRPCRoute.
#[derive(Debug, Clone)]
pub struct HttpRoute {
    /// Namespace and name.
    pub name: Name,
    created: Option<Timestamp>,
    hosts: Vec<String>,
    /// Services that it is attached to; calls to them go by it.
    parents: Vec<Name>,
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    name: String,
    matches: Vec<Match>,
    /// Weight and Service; `None` for a backend that is no Service.
    backends: Vec<(u32, Option<Name>)>,
    mirrors: Vec<(f64, Name)>,
}

#[derive(Debug, Clone, Default)]
struct Match {
    path: Path,
    method: Option<String>,
    headers: Vec<(String, Header)>,
}

#[derive(Debug, Clone, Default)]
enum Path {
    #[default]
    Any,
    Exact(String),
    Prefix(String),
    Regex(Regex),
}

#[derive(Debug, Clone)]
enum Header {
    Exact(String),
    Regex(Regex),
}

/// What a route chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The route.
    pub by: Name,
    /// Name of its rule, which may be empty.
    pub rule: String,
    /// The Service; `None` where no backend takes it.
    pub service: Option<Name>,
    /// Where copies go.
    pub mirrors: Vec<Name>,
}

/// How specific a match is: more comes first.
type Rank = (bool, usize, bool, usize);

impl HttpRoute {
    /// Reads a route.
    #[must_use]
    pub fn read(value: &Value) -> Self {
        let metadata = &value["metadata"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let namespace = text(&metadata["namespace"]);
        let spec = &value["spec"];
        let list = |field: &str| spec[field].as_array().into_iter().flatten();
        let parents = list("parentRefs").filter(|parent| parent["kind"] == "Service");
        Self {
            created: time::parse(&metadata["creationTimestamp"]),
            hosts: list("hostnames").map(text).collect(),
            parents: parents.map(|parent| reference(parent, &namespace)).collect(),
            rules: list("rules").map(|rule| Rule::read(rule, &namespace)).collect(),
            name: Name::new(&namespace, &text(&metadata["name"])),
        }
    }

    /// Returns the target of calls that go by it.
    #[must_use]
    pub fn target(&self) -> Option<Target> {
        if let Some(parent) = self.parents.first() {
            return Some(Target::Service(parent.clone()));
        }
        let host = self.hosts.first().map_or("sandbox.example", String::as_str);
        Some(Target::Host(host.trim_start_matches("*.").to_owned()))
    }

    fn takes(&self, request: &Request) -> bool {
        match &request.target {
            Target::Service(service) => self.parents.contains(service),
            Target::Host(host) => {
                self.parents.is_empty() && (self.hosts.is_empty() || self.hosts.iter().any(|h| fits_host(h, host)))
            }
        }
    }
}

fn reference(value: &Value, namespace: &str) -> Name {
    Name::new(value["namespace"].as_str().unwrap_or(namespace), value["name"].as_str().unwrap_or_default())
}

impl Rule {
    fn read(value: &Value, namespace: &str) -> Self {
        let list = |field: &str| value[field].as_array().into_iter().flatten();
        let is_service = |backend: &Value| matches!(backend["kind"].as_str(), None | Some("Service"));
        let backend = |backend: &Value| {
            let weight = backend["weight"].as_u64().and_then(|weight| u32::try_from(weight).ok()).unwrap_or(1);
            (weight, is_service(backend).then(|| reference(backend, namespace)))
        };
        let mirrors = list("filters").filter(|filter| filter["type"] == "RequestMirror");
        Self {
            name: value["name"].as_str().unwrap_or_default().to_owned(),
            matches: list("matches").map(Match::read).collect(),
            backends: list("backendRefs").map(backend).collect(),
            mirrors: mirrors.map(|filter| mirror(&filter["requestMirror"], namespace)).collect(),
        }
    }

    /// Returns how specific the best match of this rule is.
    fn rank(&self, request: &Request) -> Option<Rank> {
        if self.matches.is_empty() {
            return Some(Rank::default());
        }
        self.matches.iter().filter(|m| m.fits(request)).map(Match::rank).max()
    }
}

#[expect(clippy::cast_precision_loss, reason = "fractions are small")]
fn mirror(value: &Value, namespace: &str) -> (f64, Name) {
    let fraction = &value["fraction"];
    let part = fraction["numerator"]
        .as_u64()
        .map(|numerator| 100.0 * numerator as f64 / fraction["denominator"].as_u64().unwrap_or(100).max(1) as f64);
    let percent = value["percent"].as_f64().or(part).unwrap_or(100.0);
    (percent, reference(&value["backendRef"], namespace))
}

impl Match {
    fn read(value: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let whole = |text: &str| Regex::new(&format!("^(?:{text})$")).ok();
        let path = &value["path"];
        let place = path["value"].as_str().unwrap_or("/");
        let mut read = Self {
            path: match path["type"].as_str() {
                Some("Exact") => Path::Exact(place.to_owned()),
                Some("RegularExpression") => Regex::new(place).map_or(Path::Any, Path::Regex),
                _ if path.is_object() => Path::Prefix(place.to_owned()),
                _ => Path::Any,
            },
            method: value["method"].as_str().map(ToOwned::to_owned),
            headers: Vec::new(),
        };
        // A GRPCRoute names the service and the method of the call.
        if value["method"].is_object() {
            let (service, method) = (text(&value["method"]["service"]), text(&value["method"]["method"]));
            read.path = if method.is_empty() {
                Path::Prefix(format!("/{service}"))
            } else {
                Path::Exact(format!("/{service}/{method}"))
            };
        }
        for header in value["headers"].as_array().into_iter().flatten() {
            let (name, wanted) = (text(&header["name"]), text(&header["value"]));
            // Only the first of several for one name counts.
            if read.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
                continue;
            }
            let pattern = (header["type"] == "RegularExpression").then(|| whole(&wanted)).flatten();
            read.headers.push((name, pattern.map_or(Header::Exact(wanted), Header::Regex)));
        }
        read
    }

    fn fits(&self, request: &Request) -> bool {
        let path = match &self.path {
            Path::Any => true,
            Path::Exact(path) => request.path == *path,
            Path::Prefix(prefix) => fits_prefix(prefix, &request.path),
            Path::Regex(regex) => regex.is_match(&request.path),
        };
        let has = |(name, header): &(String, Header)| {
            request.get(name).is_some_and(|value| match header {
                Header::Exact(text) => value == text,
                Header::Regex(regex) => regex.is_match(value),
            })
        };
        path && self.method.as_ref().is_none_or(|method| *method == request.method) && self.headers.iter().all(has)
    }

    fn rank(&self) -> Rank {
        let (exact, length) = match &self.path {
            Path::Exact(path) => (true, path.len()),
            Path::Prefix(prefix) => (false, prefix.len()),
            Path::Any | Path::Regex(_) => (false, 0),
        };
        (exact, length, self.method.is_some(), self.headers.len())
    }
}

/// Returns what the most specific rule decides, the older route's and then the first of equals; `None` where no rule
/// takes the request.
#[must_use]
pub fn choose(routes: &[HttpRoute], request: &Request, random: &mut fastrand::Rng) -> Option<Chosen> {
    let mut taking: Vec<&HttpRoute> = routes.iter().filter(|route| route.takes(request)).collect();
    taking.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
    let mut best: Option<(Rank, &HttpRoute, &Rule)> = None;
    for route in taking {
        for rule in &route.rules {
            if let Some(rank) = rule.rank(request)
                && best.is_none_or(|(most, ..)| rank > most)
            {
                best = Some((rank, route, rule));
            }
        }
    }
    let (_, route, rule) = best?;
    let backends = rule.backends.iter().map(|(weight, service)| (*weight, service));
    let service = super::route::weighted(backends, random).cloned().flatten();
    let mirrors = rule.mirrors.iter().filter(|(percent, _)| random.f64() * 100.0 < *percent);
    let mirrors = mirrors.map(|(_, service)| service.clone()).collect();
    Some(Chosen { by: route.name.clone(), rule: rule.name.clone(), service, mirrors })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "tables write their JSON in place")]
    fn route(rules: Value) -> HttpRoute {
        HttpRoute::read(&json!({
            "metadata": {"name": "web", "namespace": "n"}, "spec": {"hostnames": ["a.io"], "rules": rules}}))
    }

    fn backend(name: &str, weight: u32) -> Value {
        json!({"name": name, "port": 80, "weight": weight})
    }

    /// Percent of requests that reach the canary, and of copies; `None` where none are answered.
    fn split(route: &HttpRoute, request: &Request) -> Option<(u32, u32)> {
        let mut random = fastrand::Rng::with_seed(1);
        let (mut canary, mut copies) = (0, 0);
        for _ in 0..10_000 {
            let chosen = choose(std::slice::from_ref(route), request, &mut random)?;
            canary += u32::from(chosen.service?.name == "canary");
            copies += u32::try_from(chosen.mirrors.len()).unwrap();
        }
        Some(((canary + 50) / 100, (copies + 50) / 100))
    }

    #[test]
    fn the_most_specific_rule_splits_by_weight() {
        let both = json!({"backendRefs": [backend("stable", 80), backend("canary", 20)]});
        let slash = json!({"path": {"type": "PathPrefix", "value": "/"}});
        let with = |m: Value, rule: &Value| {
            let mut rule = rule.clone();
            rule["matches"] = json!([m]);
            rule
        };
        let canary = json!({"backendRefs": [backend("canary", 1)]});
        let header =
            json!({"path": {"type": "PathPrefix", "value": "/"}, "headers": [{"name": "X-V", "value": "new"}]});
        let pattern = json!({"headers": [{"name": "x-v", "type": "RegularExpression", "value": "n.*"}]});
        let mirror = json!({"backendRefs": [backend("stable", 1)], "filters": [
            {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "canary"}, "percent": 30}}]});
        let plain = || Request::to(Target::Host("a.io".into()));
        for (name, rules, request, want) in [
            ("weights", json!([both]), plain(), Some((20, 0))),
            (
                "default weights",
                json!([{"backendRefs": [{"name": "stable"}, {"name": "canary"}]}]),
                plain(),
                Some((50, 0)),
            ),
            (
                "a header behind",
                json!([with(slash.clone(), &both), with(header.clone(), &canary)]),
                plain().header("x-v", "new"),
                Some((100, 0)),
            ),
            ("without it", json!([with(slash.clone(), &both), with(header, &canary)]), plain(), Some((20, 0))),
            ("a pattern", json!([both, with(pattern, &canary)]), plain().header("x-v", "new"), Some((100, 0))),
            (
                "a longer prefix",
                json!([with(slash, &both), with(json!({"path": {"type": "PathPrefix", "value": "/api"}}), &canary)]),
                plain().path("/api/x"),
                Some((100, 0)),
            ),
            ("a method", json!([both, with(json!({"method": "POST"}), &canary)]), plain(), Some((20, 0))),
            ("a mirror", json!([mirror]), plain(), Some((0, 30))),
            ("no weight at all", json!([{"backendRefs": [backend("stable", 0)]}]), plain(), None),
            ("another host", json!([both]), Request::to(Target::Host("b.io".into())), None),
        ] {
            assert_eq!(split(&route(rules), &request), want, "{name}");
        }
    }

    #[test]
    fn a_route_of_a_service_takes_calls_to_it() {
        let route = HttpRoute::read(&json!({"metadata": {"name": "r", "namespace": "n"}, "spec": {
            "parentRefs": [{"kind": "Service", "name": "web"}], "rules": [{"backendRefs": [{"name": "canary"}]}]}}));
        let mut random = fastrand::Rng::with_seed(1);
        let to = |target| Request::to(target);
        let inside = choose(std::slice::from_ref(&route), &to(Target::Service(Name::new("n", "web"))), &mut random);
        assert_eq!(inside.unwrap().service, Some(Name::new("n", "canary")));
        assert_eq!(choose(&[route], &to(Target::Host("web".into())), &mut random), None);
    }
}
