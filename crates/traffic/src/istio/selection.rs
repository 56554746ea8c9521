//! Which routes of a VirtualService carry the weights.

use std::collections::BTreeSet;

use serde_json::Value;
use tiphys_api::types::{IstioVirtualService, TlsRoute};

use super::error::RouteError;
use crate::{
    shape,
    shape::ShapeError,
    view::{View, managed_names},
};

/// A section of a VirtualService.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Protocol {
    /// Field below `spec`.
    pub(super) section: &'static str,
    /// Field of the Rollout that names routes.
    pub(super) field: &'static str,
    /// The name in messages.
    pub(super) title: &'static str,
}

pub(super) const HTTP: Protocol = Protocol { section: "http", field: "routes", title: "HTTP" };
pub(super) const TLS: Protocol = Protocol { section: "tls", field: "tlsRoutes", title: "TLS" };
pub(super) const TCP: Protocol = Protocol { section: "tcp", field: "tcpRoutes", title: "TCP" };

/// Which routes of one section carry the weights.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Selected {
    /// These must.
    Chosen(Vec<usize>),
    /// The only route does if it has both destinations, although other sections are named in the Rollout and not this.
    Perhaps(usize),
}

/// Returns the HTTP routes that carry the weights: the named ones, or the only one that the controller does not own.
pub(super) fn http(view: &View<'_>, reference: &IstioVirtualService, routes: &[Value]) -> Result<Selected, RouteError> {
    let name = |route: &'_ Value| route["name"].as_str().unwrap_or_default().to_owned();
    if reference.routes.is_empty() {
        let managed = managed_names(view.rollout);
        let own: Vec<usize> =
            (0..routes.len()).filter(|index| !managed.contains(&name(&routes[*index]).as_str())).collect();
        return only(HTTP, own.len(), own.first().copied(), !names_others(reference, HTTP));
    }
    let find = |wanted: &String| {
        let found = routes.iter().position(|route| route["name"] == **wanted);
        found.ok_or_else(|| RouteError::NotFound(wanted.clone()))
    };
    let base = reference.routes.iter().filter(|wanted| !view.is_managed(wanted));
    Ok(Selected::Chosen(base.map(find).collect::<Result<_, _>>()?))
}

/// Returns the TLS routes that carry the weights.
pub(super) fn tls(reference: &IstioVirtualService, routes: &[Value]) -> Result<Selected, RouteError> {
    if reference.tls_routes.is_empty() {
        return only(TLS, routes.len(), Some(0), !names_others(reference, TLS));
    }
    let is_wanted = |route: &Value, index: usize| {
        let found = (ports(TLS, route, index)?, sni_hosts(route, index)?);
        Ok(reference.tls_routes.iter().any(|wanted| has_port(&found.0, wanted.port) && has_hosts(&found.1, wanted)))
    };
    matching(TLS, routes, is_wanted)
}

/// Returns the TCP routes that carry the weights.
pub(super) fn tcp(reference: &IstioVirtualService, routes: &[Value]) -> Result<Selected, RouteError> {
    if reference.tcp_routes.is_empty() {
        return only(TCP, routes.len(), Some(0), !names_others(reference, TCP));
    }
    let is_wanted = |route: &Value, index: usize| {
        let found = ports(TCP, route, index)?;
        Ok(reference.tcp_routes.iter().any(|wanted| has_port(&found, wanted.port)))
    };
    matching(TCP, routes, is_wanted)
}

fn only(protocol: Protocol, count: usize, first: Option<usize>, is_required: bool) -> Result<Selected, RouteError> {
    match first {
        Some(index) if count == 1 && is_required => Ok(Selected::Chosen(vec![index])),
        Some(index) if count == 1 => Ok(Selected::Perhaps(index)),
        _ if is_required => Err(RouteError::Ambiguous(protocol)),
        _ => Ok(Selected::Chosen(Vec::new())),
    }
}

/// Whether the Rollout names routes of another section.
fn names_others(reference: &IstioVirtualService, protocol: Protocol) -> bool {
    let named = [
        (HTTP, reference.routes.is_empty()),
        (TLS, reference.tls_routes.is_empty()),
        (TCP, reference.tcp_routes.is_empty()),
    ];
    named.iter().any(|(other, is_empty)| *other != protocol && !is_empty)
}

fn matching(
    protocol: Protocol,
    routes: &[Value],
    is_wanted: impl Fn(&Value, usize) -> Result<bool, ShapeError>,
) -> Result<Selected, RouteError> {
    let mut found = Vec::new();
    for (index, route) in routes.iter().enumerate() {
        if is_wanted(route, index)? {
            found.push(index);
        }
    }
    if found.is_empty() { Err(RouteError::NoMatch(protocol)) } else { Ok(Selected::Chosen(found)) }
}

fn has_port(found: &BTreeSet<i64>, wanted: i64) -> bool {
    found.len() <= 1 && found.first().copied().unwrap_or(0) == wanted
}

fn has_hosts(found: &BTreeSet<&str>, wanted: &TlsRoute) -> bool {
    found.iter().copied().eq(wanted.sni_hosts.iter().map(String::as_str).collect::<BTreeSet<_>>())
}

fn ports(protocol: Protocol, route: &Value, index: usize) -> Result<BTreeSet<i64>, ShapeError> {
    let blocks = shape::list(route, "match").map_err(|error| error.below(&path(protocol, index)))?;
    Ok(blocks.iter().filter_map(|block| block["port"].as_i64()).filter(|port| *port != 0).collect())
}

fn sni_hosts(route: &Value, index: usize) -> Result<BTreeSet<&str>, ShapeError> {
    let mut hosts = BTreeSet::new();
    let blocks = shape::list(route, "match").map_err(|error| error.below(&path(TLS, index)))?;
    for (block_index, block) in blocks.iter().enumerate() {
        let parent = format!("{}.match[{block_index}]", path(TLS, index));
        let listed = shape::list(block, "sniHosts").map_err(|error| error.below(&parent))?;
        hosts.extend(listed.iter().filter_map(Value::as_str));
    }
    Ok(hosts)
}

/// Returns the path of a route.
pub(super) fn path(protocol: Protocol, index: usize) -> String {
    format!("spec.{}[{index}]", protocol.section)
}
