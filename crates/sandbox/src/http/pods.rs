//! What only pods have: logs and eviction.

use bytes::Bytes;
use futures::stream;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tiphys_machinery::{decode, error::ApiError, resource::Subresource as Served, schema, time};

use super::{call::Call, negotiate, reply::Reply, service::Server, write};
use crate::{
    eviction,
    logs::{self, LogOptions},
    registry::Registry,
};

const TEXT: &str = "text/plain";

/// POST `eviction`.
pub(super) fn evict(server: &Server, call: &Call, served: &Served, at: (&str, &str)) -> Result<Reply, ApiError> {
    let media = negotiate::wanted(call)?.media;
    let schema = schema::builtin(&served.gvk.api_version(), &served.gvk.kind);
    let nothing = schema::Schema::any();
    let target = decode::Target { gvk: &served.gvk, schema: schema.as_deref().unwrap_or(&nothing), custom: false };
    let mut eviction = write::body(call, target, decode::FieldValidation::Ignore)?.object;
    if call.query.find("dryRun") == Some("All") {
        eviction["deleteOptions"]["dryRun"] = vec!["All"].into();
    }
    let status = eviction::evict(&server.registry, at.0, at.1, &eviction)?;
    Ok(Reply::value(201, media, &status))
}

/// GET `log`; with `follow` the answer goes on until the container ends.
pub(super) fn log(server: &Server, call: &Call, (namespace, name): (&str, &str)) -> Result<Reply, ApiError> {
    let options = options(call)?;
    let first = logs::logs(&server.registry, namespace, name, &options)?;
    if !call.query.flag("follow") {
        return Ok(Reply::bytes(200, TEXT, first.text));
    }
    let follower = Follower {
        registry: server.registry.clone(),
        pod: (namespace.to_owned(), name.to_owned()),
        options: LogOptions { tail_lines: None, since_seconds: None, since_time: None, ..options },
        next: Some(first),
    };
    let frames = stream::unfold(follower, |mut follower| async move {
        let text = follower.more().await?;
        Some((Ok(Frame::data(Bytes::from(text))), follower))
    });
    Ok(Reply::body(200, TEXT, StreamBody::new(frames).boxed_unsync()))
}

fn options(call: &Call) -> Result<LogOptions, ApiError> {
    let count = |name: &str| -> Result<Option<usize>, ApiError> {
        Ok(call.query.number(name)?.and_then(|number| usize::try_from(number).ok()))
    };
    let since_time = call.query.find("sinceTime").filter(|text| !text.is_empty());
    Ok(LogOptions {
        container: call.query.find("container").map(ToOwned::to_owned),
        previous: call.query.flag("previous"),
        since_seconds: call.query.number("sinceSeconds")?,
        since_time: since_time.and_then(|text| time::parse(&text.into())),
        after: None,
        timestamps: call.query.flag("timestamps"),
        tail_lines: count("tailLines")?,
        limit_bytes: count("limitBytes")?,
    })
}

/// A log that is read as it grows.
struct Follower {
    registry: Registry,
    pod: (String, String),
    options: LogOptions,
    /// What was read and is not sent yet.
    next: Option<logs::Logs>,
}

impl Follower {
    /// Returns the next lines; `None` at the end.
    async fn more(&mut self) -> Option<String> {
        loop {
            let read = self.next.take()?;
            if let Some(limit) = &mut self.options.limit_bytes {
                *limit -= read.text.len().min(*limit);
            }
            let full = self.options.limit_bytes == Some(0);
            if let Some(at) = read.next.filter(|_| !full) {
                if read.text.is_empty() {
                    self.registry.clock().sleep_until(at).await;
                }
                self.options.after = Some(read.until);
                self.next = logs::logs(&self.registry, &self.pod.0, &self.pod.1, &self.options).ok();
            }
            if !read.text.is_empty() {
                return Some(read.text);
            }
        }
    }
}
