//! What is wrong with a VirtualService.

use super::selection::Protocol;
use crate::shape::ShapeError;

/// What is wrong with a VirtualService.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum RouteError {
    /// A field is of the wrong kind.
    #[error("{0}")]
    Shape(#[from] ShapeError),
    /// Nothing to route.
    #[error("Unable to get any of the HTTP, TCP or TLS routes for the Istio VirtualService")]
    NoRoutes,
    /// A named route is missing.
    #[error("HTTP Route '{0}' is not found in the defined Virtual Service.")]
    NotFound(String),
    /// No route has the port (and hosts).
    #[error("No matching {} routes found in the defined Virtual Service.", .0.title)]
    NoMatch(Protocol),
    /// Several routes, and none chosen.
    #[error(
        "spec.{}[] should be set in VirtualService and it must have exactly one route when omitting \
         spec.strategy.canary.trafficRouting.istio.virtualService.{}", .0.section, .0.field
    )]
    Ambiguous(Protocol),
    /// A destination is missing.
    #[error("{role} {what} '{name}' not found in route")]
    NoDestination {
        /// `Canary` or `Stable`.
        role: &'static str,
        /// `Service` or `DestinationRule subset`.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A destination that gets traffic, and is none of ours.
    #[error("{path}: destination '{name}' with weight {weight} is neither canary, stable nor an experiment")]
    Foreign {
        /// Where.
        path: String,
        /// Host, or host and subset.
        name: String,
        /// Its weight.
        weight: i64,
    },
}

impl RouteError {
    /// Returns what a person may do.
    pub(super) fn remedy(&self) -> String {
        match self {
            Self::Shape(error) => format!("correct {} in the VirtualService", error.path),
            Self::NoRoutes => "add a route with both Services to the VirtualService".to_owned(),
            Self::NotFound(_) | Self::NoMatch(_) | Self::Ambiguous(_) => {
                "name the routes in trafficRouting.istio of the Rollout, as the VirtualService has them".to_owned()
            }
            Self::NoDestination { name, .. } => format!("add a destination for {name} with weight 0 to the route"),
            Self::Foreign { path, .. } => format!(
                "set {path}.weight to 0 or remove it; a subset that keeps its weight belongs into \
                 destinationRule.additionalSubsetNames"
            ),
        }
    }
}
