//! Istio: VirtualServices choose a Service and a subset of its pods, DestinationRules say what the subsets are.

use std::collections::BTreeMap;

use jiff::Timestamp;
use regex::Regex;
use serde_json::Value;
use tiphys_machinery::time;

use super::{
    Name,
    request::{Request, Target, fits_host},
};

/// A VirtualService.
#[derive(Debug, Clone)]
pub struct VirtualService {
    /// Namespace and name.
    pub name: Name,
    created: Option<Timestamp>,
    hosts: Vec<String>,
    /// Whether calls inside the mesh go by it, and whether calls through gateways do.
    mesh: bool,
    gateway: bool,
    routes: Vec<Route>,
}

#[derive(Debug, Clone)]
struct Route {
    name: String,
    /// Alternatives; none stands for every request.
    matches: Vec<Match>,
    destinations: Vec<(Option<u32>, Destination)>,
    mirrors: Vec<(f64, Destination)>,
}

#[derive(Debug, Clone, Default)]
struct Match {
    uri: Option<Text>,
    method: Option<Text>,
    authority: Option<Text>,
    headers: Vec<(String, Text)>,
    without: Vec<(String, Text)>,
}

/// How a text must be.
#[derive(Debug, Clone)]
enum Text {
    Exact(String),
    Prefix(String),
    Regex(Regex),
    Present,
}

/// A Service and a subset of its pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The Service.
    pub service: Name,
    /// Name of the subset; `None` for all pods.
    pub subset: Option<String>,
}

/// What a VirtualService chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The VirtualService.
    pub by: Name,
    /// Name of its route, which may be empty.
    pub route: String,
    /// Where the request goes; `None` where no route or no weight takes it.
    pub destination: Option<Destination>,
    /// Where copies go.
    pub mirrors: Vec<Destination>,
}

/// Labels of subsets, by Service and name of the subset.
pub type Subsets = BTreeMap<Name, BTreeMap<String, BTreeMap<String, String>>>;

/// Adds what a DestinationRule says.
pub fn read_subsets(rule: &Value, subsets: &mut Subsets) {
    let namespace = rule["metadata"]["namespace"].as_str().unwrap_or_default();
    let Some(host) = rule["spec"]["host"].as_str() else { return };
    let own = subsets.entry(service_of(host, namespace)).or_default();
    for subset in rule["spec"]["subsets"].as_array().into_iter().flatten() {
        let labels = subset["labels"].as_object().into_iter().flatten();
        let labels = labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
        own.insert(subset["name"].as_str().unwrap_or_default().to_owned(), labels.collect());
    }
}

/// Returns the Service that a host stands for: `name`, `name.namespace` or longer.
#[must_use]
pub fn service_of(host: &str, namespace: &str) -> Name {
    let mut parts = host.split('.');
    let name = parts.next().unwrap_or_default();
    Name::new(parts.next().unwrap_or(namespace), name)
}

impl VirtualService {
    /// Reads a VirtualService; `tcp` and `tls` routes count where there are no `http` ones.
    #[must_use]
    pub fn read(value: &Value) -> Self {
        let metadata = &value["metadata"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let namespace = text(&metadata["namespace"]);
        let spec = &value["spec"];
        let list = |field: &str| spec[field].as_array().into_iter().flatten();
        let gateways: Vec<String> = list("gateways").map(text).collect();
        let kind =
            ["http", "tls", "tcp"].into_iter().find(|kind| spec[*kind].as_array().is_some_and(|l| !l.is_empty()));
        let is_http = kind == Some("http");
        Self {
            created: time::parse(&metadata["creationTimestamp"]),
            hosts: list("hosts").map(text).collect(),
            mesh: gateways.is_empty() || gateways.iter().any(|gateway| gateway == "mesh"),
            gateway: gateways.iter().any(|gateway| gateway != "mesh"),
            routes: list(kind.unwrap_or("http")).map(|route| Route::read(route, &namespace, is_http)).collect(),
            name: Name::new(&namespace, &text(&metadata["name"])),
        }
    }

    /// Returns the target of calls to its first host: a Service inside the mesh, otherwise the host.
    #[must_use]
    pub fn target(&self) -> Option<Target> {
        let host = self.hosts.first()?;
        if self.gateway {
            return Some(Target::Host(host.clone()));
        }
        Some(Target::Service(service_of(host, &self.name.namespace)))
    }

    fn takes(&self, request: &Request) -> bool {
        match &request.target {
            Target::Service(service) => {
                let same = |host: &String| service_of(host, &self.name.namespace) == *service;
                self.mesh && self.hosts.iter().any(same)
            }
            Target::Host(host) => self.gateway && self.hosts.iter().any(|pattern| fits_host(pattern, host)),
        }
    }
}

impl Route {
    fn read(value: &Value, namespace: &str, is_http: bool) -> Self {
        let list = |field: &str| value[field].as_array().into_iter().flatten();
        let weight = |value: &Value| value["weight"].as_u64().and_then(|weight| u32::try_from(weight).ok());
        let percent = |value: &Value| value["value"].as_f64().unwrap_or(100.0);
        let mut mirrors: Vec<_> = list("mirrors")
            .map(|mirror| (percent(&mirror["percentage"]), Destination::read(&mirror["destination"], namespace)))
            .collect();
        if value["mirror"].is_object() {
            mirrors.push((percent(&value["mirrorPercentage"]), Destination::read(&value["mirror"], namespace)));
        }
        Self {
            name: value["name"].as_str().unwrap_or_default().to_owned(),
            matches: if is_http { list("match").map(Match::read).collect() } else { Vec::new() },
            destinations: list("route")
                .map(|route| (weight(route), Destination::read(&route["destination"], namespace)))
                .collect(),
            mirrors,
        }
    }

    /// Draws a destination by weight; without any weight the first one takes all.
    fn draw(&self, random: &mut fastrand::Rng) -> Option<&Destination> {
        if self.destinations.iter().all(|(weight, _)| weight.is_none()) {
            return self.destinations.first().map(|(_, destination)| destination);
        }
        let weighted = self.destinations.iter().map(|(weight, destination)| (weight.unwrap_or(0), destination));
        super::route::weighted(weighted, random)
    }
}

impl Destination {
    fn read(value: &Value, namespace: &str) -> Self {
        Self {
            service: service_of(value["host"].as_str().unwrap_or_default(), namespace),
            subset: value["subset"].as_str().filter(|subset| !subset.is_empty()).map(ToOwned::to_owned),
        }
    }
}

impl Match {
    fn read(value: &Value) -> Self {
        let headers = |field: &str| {
            let map = value[field].as_object().into_iter().flatten();
            map.map(|(name, text)| (name.clone(), Text::read(text).unwrap_or(Text::Present))).collect()
        };
        Self {
            uri: Text::read(&value["uri"]),
            method: Text::read(&value["method"]),
            authority: Text::read(&value["authority"]),
            headers: headers("headers"),
            without: headers("withoutHeaders"),
        }
    }

    fn fits(&self, request: &Request) -> bool {
        let fits = |text: &Option<Text>, value: &str| text.as_ref().is_none_or(|text| text.fits(value));
        let has = |(name, text): &(String, Text)| request.get(name).is_some_and(|value| text.fits(value));
        fits(&self.uri, &request.path)
            && fits(&self.method, &request.method)
            && fits(&self.authority, &request.host())
            && self.headers.iter().all(has)
            && !self.without.iter().any(has)
    }
}

impl Text {
    fn read(value: &Value) -> Option<Self> {
        let text = |field: &str| value[field].as_str();
        if let Some(exact) = text("exact") {
            return Some(Self::Exact(exact.to_owned()));
        }
        if let Some(prefix) = text("prefix") {
            return Some(Self::Prefix(prefix.to_owned()));
        }
        // The whole text must match.
        Regex::new(&format!("^(?:{})$", text("regex")?)).ok().map(Self::Regex)
    }

    fn fits(&self, value: &str) -> bool {
        match self {
            Self::Exact(text) => value == text,
            Self::Prefix(prefix) => value.starts_with(prefix.as_str()),
            Self::Regex(regex) => regex.is_match(value),
            Self::Present => true,
        }
    }
}

/// Returns what the oldest VirtualService for the request's target decides; `None` where there is none.
#[must_use]
pub fn choose(services: &[VirtualService], request: &Request, random: &mut fastrand::Rng) -> Option<Chosen> {
    let taking = services.iter().filter(|service| service.takes(request));
    let by = taking.min_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)))?;
    let fits = |route: &&Route| route.matches.is_empty() || route.matches.iter().any(|m| m.fits(request));
    let Some(route) = by.routes.iter().find(fits) else {
        return Some(Chosen { by: by.name.clone(), route: String::new(), destination: None, mirrors: Vec::new() });
    };
    let destination = route.draw(random).cloned();
    let mirrors = route.mirrors.iter().filter(|(percent, _)| random.f64() * 100.0 < *percent);
    let mirrors = mirrors.map(|(_, destination)| destination.clone()).collect();
    Some(Chosen { by: by.name.clone(), route: route.name.clone(), destination, mirrors })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "tables write their JSON in place")]
    fn web(http: Value) -> VirtualService {
        VirtualService::read(&json!({
            "metadata": {"name": "web", "namespace": "n"}, "spec": {"hosts": ["web"], "http": http}}))
    }

    fn to(subset: &str, weight: u32) -> Value {
        json!({"destination": {"host": "web", "subset": subset}, "weight": weight})
    }

    /// Percent of requests that reach the canary, and of copies.
    fn split(service: &VirtualService, request: &Request) -> (u32, u32) {
        let mut random = fastrand::Rng::with_seed(1);
        let (mut canary, mut copies) = (0, 0);
        for _ in 0..10_000 {
            let chosen = choose(std::slice::from_ref(service), request, &mut random).unwrap();
            canary += u32::from(chosen.destination.unwrap().subset.as_deref() == Some("canary"));
            copies += u32::try_from(chosen.mirrors.len()).unwrap();
        }
        ((canary + 50) / 100, (copies + 50) / 100)
    }

    #[test]
    fn the_first_route_that_fits_splits_by_weight() {
        let primary = json!({"name": "primary", "route": [to("stable", 80), to("canary", 20)]});
        let header =
            |how: Value| json!({"name": "h", "match": [{"headers": {"x-v": how}}], "route": [to("canary", 100)]});
        let mirror = json!({"name": "m", "match": [{"method": {"exact": "GET"}}], "route": [to("stable", 100)],
            "mirror": {"host": "web", "subset": "canary"}, "mirrorPercentage": {"value": 50}});
        let plain = || Request::to(Target::Service(Name::new("n", "web")));
        let v = |value: &str| plain().header("x-v", value);
        for (name, http, request, want) in [
            ("weights", json!([primary]), plain(), (20, 0)),
            ("a header", json!([header(json!({"exact": "new"})), primary]), v("new"), (100, 0)),
            ("another value", json!([header(json!({"exact": "new"})), primary]), v("old"), (20, 0)),
            ("a prefix", json!([header(json!({"prefix": "ne"})), primary]), v("new"), (100, 0)),
            ("a pattern for all of it", json!([header(json!({"regex": "ne"})), primary]), v("new"), (20, 0)),
            ("a pattern", json!([header(json!({"regex": "n.*"})), primary]), v("new"), (100, 0)),
            ("a mirror", json!([mirror, primary]), plain(), (0, 50)),
            (
                "no weight at all",
                json!([{"route": [{"destination": {"host": "web", "subset": "canary"}}]}]),
                plain(),
                (100, 0),
            ),
        ] {
            assert_eq!(split(&web(http), &request), want, "{name}");
        }
    }

    #[test]
    fn hosts_stand_for_services() {
        for (host, want) in [("web", "n/web"), ("web.other", "other/web"), ("web.other.svc.cluster.local", "other/web")]
        {
            assert_eq!(service_of(host, "n").to_string(), want);
        }
        let mut subsets = Subsets::new();
        read_subsets(
            &json!({"metadata": {"namespace": "n"}, "spec": {"host": "web", "subsets": [{"name": "s", "labels": {"v": "1"}}]}}),
            &mut subsets,
        );
        assert_eq!(subsets[&Name::new("n", "web")]["s"]["v"], "1");
    }

    #[test]
    fn nothing_fits_and_nothing_weighs_is_told_apart_from_nobody_deciding() {
        let mut random = fastrand::Rng::with_seed(1);
        let request = Request::to(Target::Service(Name::new("n", "web")));
        let none = web(json!([{"match": [{"uri": {"exact": "/x"}}], "route": [to("stable", 1)]}]));
        assert_eq!(choose(&[none], &request, &mut random).unwrap().destination, None);
        let zero = web(json!([{"route": [to("stable", 0), to("canary", 0)]}]));
        assert_eq!(choose(&[zero], &request, &mut random).unwrap().destination, None);
        let other = Request::to(Target::Service(Name::new("n", "other")));
        assert_eq!(choose(&[web(json!([]))], &other, &mut random), None);
        let outside = Request::to(Target::Host("web".into()));
        assert_eq!(choose(&[web(json!([]))], &outside, &mut random), None, "it is for the mesh only");
    }
}
