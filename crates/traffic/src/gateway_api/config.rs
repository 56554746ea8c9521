//! The plugin's own configuration, as users of that plugin have it.

use serde::Deserialize;
use serde_json::Value;
use tiphys_machinery::selector::{LabelSelector, SelectorError};

/// Label of a route that a Rollout is shifting.
const IN_PROGRESS_KEY: &str = "rollouts.argoproj.io/gatewayapi-canary";
const IN_PROGRESS_VALUE: &str = "in-progress";

/// `trafficRouting.plugins["argoproj-labs/gatewayAPI"]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Config {
    namespace: Option<String>,
    disable_in_progress_label: Option<bool>,
    in_progress_label_key: Option<String>,
    in_progress_label_value: Option<String>,
    http_route: Option<String>,
    http_routes: Option<Vec<Listed>>,
    http_route_selector: Option<Value>,
    grpc_route: Option<String>,
    grpc_routes: Option<Vec<Listed>>,
    grpc_route_selector: Option<Value>,
    tcp_route: Option<String>,
    tcp_routes: Option<Vec<Listed>>,
    tcp_route_selector: Option<Value>,
    tls_route: Option<String>,
    tls_routes: Option<Vec<Listed>>,
    tls_route_selector: Option<Value>,
}

/// A route by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Listed {
    pub(super) name: String,
    /// Whether header routes go into it.
    pub(super) use_header_routes: bool,
}

/// A kind of route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Http,
    Grpc,
    Tcp,
    Tls,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Http, Self::Grpc, Self::Tcp, Self::Tls];
}

impl Config {
    /// Returns the namespace of the routes, if it is not the Rollout's.
    pub(super) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref().filter(|namespace| !namespace.is_empty())
    }

    /// Returns the label of routes in progress, unless it is disabled.
    pub(super) fn label(&self) -> Option<(&str, &str)> {
        if self.disable_in_progress_label == Some(true) {
            return None;
        }
        let key = self.in_progress_label_key.as_deref().filter(|text| !text.is_empty());
        let value = self.in_progress_label_value.as_deref().filter(|text| !text.is_empty());
        Some((key.unwrap_or(IN_PROGRESS_KEY), value.unwrap_or(IN_PROGRESS_VALUE)))
    }

    /// Returns the routes of a kind that are named, each once. The single field allows header routes.
    pub(super) fn listed(&self, kind: Kind) -> Vec<Listed> {
        let (one, many, _) = self.fields(kind);
        let one = one.as_ref().map(|name| Listed { name: name.clone(), use_header_routes: true });
        let mut all: Vec<Listed> = Vec::new();
        for listed in many.iter().flatten().cloned().chain(one).filter(|listed| !listed.name.is_empty()) {
            match all.iter_mut().find(|other| other.name == listed.name) {
                Some(other) => other.use_header_routes |= listed.use_header_routes,
                None => all.push(listed),
            }
        }
        all
    }

    /// Returns the selector of a kind, if there is one.
    ///
    /// # Errors
    /// If it is no label selector.
    pub(super) fn selector(&self, kind: Kind) -> Result<Option<LabelSelector>, SelectorError> {
        self.fields(kind).2.as_ref().filter(|value| !value.is_null()).map(LabelSelector::from_object).transpose()
    }

    /// Returns whether any route is asked for.
    pub(super) fn is_empty(&self) -> bool {
        Kind::ALL.iter().all(|kind| self.listed(*kind).is_empty() && self.fields(*kind).2.is_none())
    }

    fn fields(&self, kind: Kind) -> (&Option<String>, &Option<Vec<Listed>>, &Option<Value>) {
        match kind {
            Kind::Http => (&self.http_route, &self.http_routes, &self.http_route_selector),
            Kind::Grpc => (&self.grpc_route, &self.grpc_routes, &self.grpc_route_selector),
            Kind::Tcp => (&self.tcp_route, &self.tcp_routes, &self.tcp_route_selector),
            Kind::Tls => (&self.tls_route, &self.tls_routes, &self.tls_route_selector),
        }
    }
}
