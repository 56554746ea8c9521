//! Which URL stands for what (`spec/sandbox.md` section 1).

use super::call::decoded;

/// What a path addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// `/`: the list of paths.
    Index,
    /// `/version`.
    Version,
    /// `/healthz`, `/livez`, `/readyz`, and one part of them if it is named.
    Health(String, String),
    /// `/metrics`.
    Metrics,
    /// `/prometheus/…`, or below `/sandbox/v1`: the rest of the path.
    Prometheus(String),
    /// `/sandbox/v1/traffic`.
    Traffic,
    /// `/openapi/v2`.
    OpenApiV2,
    /// `/openapi/v3`.
    OpenApiV3Index,
    /// `/openapi/v3/PATH`.
    OpenApiV3(String),
    /// `/api`.
    CoreVersions,
    /// `/apis`.
    Groups,
    /// `/apis/G`.
    Group(String),
    /// `/api/v1` and `/apis/G/V`: group (empty for core) and version.
    GroupVersion(String, String),
    /// Objects.
    Resource(Place),
    /// Anything else.
    Unknown,
}

/// Objects, or one object, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Place {
    /// Empty for core.
    pub(super) group: String,
    pub(super) version: String,
    /// Absent for cluster-scoped resources and for lists across namespaces.
    pub(super) namespace: Option<String>,
    pub(super) plural: String,
    pub(super) name: Option<String>,
    pub(super) subresource: Option<String>,
    /// Whether the path has the old prefix `watch/`.
    pub(super) watch: bool,
}

impl Route {
    pub(super) fn of(path: &str) -> Self {
        let parts: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decode_segment).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match parts.as_slice() {
            [] => Self::Index,
            ["version"] => Self::Version,
            [check @ ("healthz" | "livez" | "readyz"), part @ ..] => Self::Health((*check).to_owned(), part.join("/")),
            ["metrics"] => Self::Metrics,
            ["prometheus", rest @ ..] | ["sandbox", "v1", "prometheus", rest @ ..] => Self::Prometheus(rest.join("/")),
            ["sandbox", "v1", "traffic"] => Self::Traffic,
            ["openapi", "v2"] => Self::OpenApiV2,
            ["openapi", "v3"] => Self::OpenApiV3Index,
            ["openapi", "v3", rest @ ..] => Self::OpenApiV3(rest.join("/")),
            ["api"] => Self::CoreVersions,
            ["apis"] => Self::Groups,
            ["apis", group] => Self::Group((*group).to_owned()),
            ["api", version] => Self::GroupVersion(String::new(), (*version).to_owned()),
            ["apis", group, version] => Self::GroupVersion((*group).to_owned(), (*version).to_owned()),
            ["api", version, rest @ ..] => Self::place("", version, rest),
            ["apis", group, version, rest @ ..] => Self::place(group, version, rest),
            _ => Self::Unknown,
        }
    }

    fn place(group: &str, version: &str, rest: &[&str]) -> Self {
        let (watch, rest) = match rest {
            ["watch", rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let mut place = Place { group: group.into(), version: version.into(), watch, ..Place::default() };
        let rest = match rest {
            // The namespace itself, not something in it.
            ["namespaces"] | ["namespaces", _] | ["namespaces", _, "status" | "finalize"] if group.is_empty() => rest,
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => {
                place.namespace = Some((*namespace).to_owned());
                rest
            }
            rest => rest,
        };
        let [plural, rest @ ..] = rest else { return Self::Unknown };
        place.plural = (*plural).to_owned();
        place.name = rest.first().map(|name| (*name).to_owned());
        place.subresource = rest.get(1).map(|name| (*name).to_owned());
        Self::Resource(place)
    }
}

/// In paths a plus sign is itself.
fn decode_segment(segment: &str) -> String {
    decoded(&segment.replace('+', "%2B"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: [&str; 6]) {
        let Route::Resource(place) = Route::of(path) else { panic!("{path} is no resource") };
        let text = |part: &Option<String>| part.clone().unwrap_or_default();
        let found = [
            place.group.clone(),
            place.version.clone(),
            text(&place.namespace),
            place.plural.clone(),
            text(&place.name),
            text(&place.subresource),
        ];
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn paths_of_objects_are_taken_apart() {
        check("/api/v1/pods", ["", "v1", "", "pods", "", ""]);
        check("/api/v1/namespaces/ns/pods/p/log", ["", "v1", "ns", "pods", "p", "log"]);
        check("/api/v1/namespaces/ns", ["", "v1", "", "namespaces", "ns", ""]);
        check("/api/v1/namespaces/ns/finalize", ["", "v1", "", "namespaces", "ns", "finalize"]);
        check("/apis/apps/v1/namespaces/ns/deployments/", ["apps", "v1", "ns", "deployments", "", ""]);
        check("/apis/a.io/v1/roll%2Bouts", ["a.io", "v1", "", "roll+outs", "", ""]);
        assert!(matches!(Route::of("/api/v1/watch/pods"), Route::Resource(place) if place.watch));
    }

    #[test]
    fn other_paths_have_their_own_routes() {
        let cases = [
            ("/", Route::Index),
            ("/apis/", Route::Groups),
            ("/readyz/ping", Route::Health("readyz".into(), "ping".into())),
            ("/openapi/v3/apis/apps/v1", Route::OpenApiV3("apis/apps/v1".into())),
            ("/apis/apps/v1", Route::GroupVersion("apps".into(), "v1".into())),
            ("/nowhere", Route::Unknown),
        ];
        for (path, expected) in cases {
            assert_eq!(Route::of(path), expected, "{path}");
        }
    }
}
