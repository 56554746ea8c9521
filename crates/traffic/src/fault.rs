//! Why a router could not do its part.

use std::fmt;

use tiphys_runtime::{
    reason::{ObjectRef, Reason, Urgency},
    recorder::Note,
};

use crate::{objects::ObjectId, shape::ShapeError};

/// What a router returns for one object.
pub(crate) type Routed<T> = Result<T, Box<Fault>>;

/// A traffic router, in the order in which they are looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Router {
    /// Istio.
    Istio,
    /// ingress-nginx.
    Nginx,
    /// AWS load balancer controller.
    Alb,
    /// Service Mesh Interface.
    Smi,
    /// Ambassador, Emissary.
    Ambassador,
    /// AWS App Mesh.
    AppMesh,
    /// Traefik.
    Traefik,
    /// Apache APISIX.
    Apisix,
    /// Gateway API.
    GatewayApi,
    /// A plugin by name.
    Plugin(String),
}

impl fmt::Display for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Istio => "Istio",
            Self::Nginx => "Nginx",
            Self::Alb => "ALB",
            Self::Smi => "SMI",
            Self::Ambassador => "Ambassador",
            Self::AppMesh => "AppMesh",
            Self::Traefik => "Traefik",
            Self::Apisix => "Apisix",
            Self::GatewayApi => "GatewayAPI",
            Self::Plugin(name) => name,
        })
    }
}

/// Why a router could not do its part. The others go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which router.
    pub router: Router,
    /// The object that is missing or wrong.
    pub object: Option<ObjectRef>,
    /// What is wrong, in upstream's words where it has any.
    pub message: String,
    /// What a person may do; one sentence without full stop.
    pub remedy: Option<String>,
    /// Events about it.
    pub events: Vec<Note>,
    /// Whether it passes by itself, as waiting for pods does.
    pub is_passing: bool,
}

impl Fault {
    /// Returns a fault that a person has to repair, told by event `TrafficRoutingError`.
    #[must_use]
    pub fn new(router: Router, message: impl Into<String>) -> Box<Self> {
        let message = message.into();
        let events = vec![Note::warning("TrafficRoutingError", message.clone())];
        Box::new(Self { router, object: None, message, remedy: None, events, is_passing: false })
    }

    /// Returns a fault that passes by itself, without an event.
    #[must_use]
    pub(crate) fn passing(router: Router, message: impl Into<String>) -> Box<Self> {
        let message = message.into();
        Box::new(Self { router, object: None, message, remedy: None, events: Vec::new(), is_passing: true })
    }

    /// Names the object.
    #[must_use]
    pub(crate) fn on(mut self: Box<Self>, id: &ObjectId) -> Box<Self> {
        self.object = Some(id.reference());
        self
    }

    /// Says what a person may do.
    #[must_use]
    pub(crate) fn fix(mut self: Box<Self>, remedy: impl Into<String>) -> Box<Self> {
        self.remedy = Some(remedy.into());
        self
    }

    /// Adds an event, told before the general one.
    #[must_use]
    pub(crate) fn told(mut self: Box<Self>, reason: &str, message: impl Into<String>) -> Box<Self> {
        self.events.insert(0, Note::warning(reason, message));
        self
    }

    /// Returns the fault of an object whose shape is wrong.
    #[must_use]
    pub(crate) fn shape(router: Router, id: &ObjectId, error: &ShapeError) -> Box<Self> {
        Self::new(router, format!("{id}: {error}")).on(id).fix(format!("correct {} in the object", error.path))
    }

    /// Returns the fault as a link in the chain of reasons.
    pub fn reason(&self) -> Reason {
        let urgency = if self.is_passing { Urgency::Moving } else { Urgency::Broken };
        let mut reason = Reason::new("TrafficRoutingError", urgency, format!("{}: {}", self.router, self.message));
        reason.object.clone_from(&self.object);
        reason.next.clone_from(&self.remedy);
        reason
    }
}
