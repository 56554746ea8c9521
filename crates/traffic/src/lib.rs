//! Traffic routers: how a weight, a header route or a mirror becomes a change to the router's objects.
//!
//! ```text
//! Rollout ── needs() ──> which objects to read ── the caller reads them ──> Objects
//! Rollout, Wanted, Objects ── route() ──> Outcome { changes, faults, verification, plugin calls }
//! ```
//!
//! [`Wanted`] is the whole desired state of routing, derived anew at every pass, so that drift is repaired and nothing
//! depends on which call came first. Each router is a pure function from the objects as they are to the objects as they
//! should be; `patch` turns the difference into a merge patch that holds for the version that was read, or into nothing.
//! One router that fails does not stop the others.
//!
//! | module | router |
//! | --- | --- |
//! | `istio` | Istio: VirtualServices, a DestinationRule |
//! | `nginx` | ingress-nginx: a second Ingress |
//! | `alb` | AWS load balancer controller: annotations of Ingresses |
//! | `smi` | Service Mesh Interface: a TrafficSplit |
//! | `ambassador` | Ambassador, Emissary: a second Mapping |
//! | `app_mesh` | AWS App Mesh: VirtualRouter, VirtualNodes |
//! | `traefik` | Traefik: a weighted TraefikService |
//! | `apisix` | Apache APISIX: ApisixRoutes |
//! | `gateway_api` | Gateway API: HTTPRoutes, GRPCRoutes, TCPRoutes, TLSRoutes |
//!
//! [`aws`] asks AWS whether a load balancer has the weights; [`cleaning`] takes off what a Rollout leaves behind.
//!
//! Deliberately absent: deciding weights (that is planning), reading and writing objects, the network.

mod alb;
mod ambassador;
mod apisix;
mod app_mesh;
pub mod aws;
pub mod cleaning;
mod fault;
mod gateway_api;
mod istio;
mod need;
mod nginx;
mod objects;
mod outcome;
mod owner;
mod patch;
mod route;
mod settings;
mod shape;
mod smi;
mod traefik;
mod view;
mod wanted;

pub use fault::{Fault, Router};
pub use need::{Need, needs};
pub use objects::{ObjectId, Objects, Resource};
pub use outcome::{Act, Aspect, Change, Failure, Outcome, PluginCall, Verification, Verified, Verify};
pub use route::route;
pub use settings::{IngressApi, Settings};
pub use shape::ShapeError;
pub use wanted::{Order, Wanted};
