//! Each router with its tables.

mod alb;
mod ambassador;
mod apisix;
mod app_mesh;
mod cleaning;
mod gateway_api;
mod istio_routes;
mod istio_rule;
mod istio_weights;
mod nginx;
mod smi;
mod traefik;
