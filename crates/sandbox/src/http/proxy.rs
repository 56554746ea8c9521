//! `services/NAME/proxy/PATH` and `pods/NAME/proxy/PATH`: one simulated request, and what became of it.

use serde_json::json;
use tiphys_machinery::{error::ApiError, resource::Resource};

use super::{
    call::Call,
    reply::{Media, Reply},
    service::Server,
};
use crate::traffic::{
    Lost, Name, Request, Target,
    once::{send, send_to_pod},
};

/// Answers with the status code of the request and, as JSON, who decided and who answered.
///
/// # Errors
/// 404 for a pod that does not exist, 501 for other kinds.
pub(super) fn handle(
    server: &Server,
    call: &Call,
    resource: &Resource,
    (namespace, name): (&str, &str),
) -> Result<Reply, ApiError> {
    // The name may be `scheme:name:port`.
    let parts: Vec<&str> = name.split(':').collect();
    let name = if parts.len() > 2 { parts[1] } else { parts[0] };
    let of = Name::new(namespace, name);
    let (route, outcome) = match resource.plural.as_str() {
        "services" => {
            let path = call.path.split_once("/proxy").map_or("/", |(_, path)| path);
            let mut request = Request::to(Target::Service(of)).path(if path.is_empty() { "/" } else { path });
            call.method.as_str().clone_into(&mut request.method);
            for (header, value) in &call.headers {
                request = request.header(header.as_str(), value.to_str().unwrap_or_default());
            }
            let (way, outcome) = send(&server.registry, &request);
            (way.route, outcome)
        }
        "pods" => {
            server.registry.get(resource, namespace, name)?;
            (format!("pod/{of}"), send_to_pod(&server.registry, &of))
        }
        plural => return Err(super::subresource::unsupported(&format!("proxy of {plural}"))),
    };
    let body = json!({
        "route": route, "pod": outcome.pod, "version": outcome.version, "lost": outcome.lost.map(Lost::name),
        "milliseconds": u64::try_from(outcome.latency.as_millis()).unwrap_or_default(),
    });
    Ok(Reply::value(outcome.code, Media::Json, &body))
}
