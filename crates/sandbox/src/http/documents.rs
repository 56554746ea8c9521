//! The OpenAPI documents, kept until the served resources change.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use http::header;
use tiphys_machinery::{openapi, resource::Resource};

use super::{
    call::{Call, Query},
    discovery,
    reply::{Media, Reply},
    service::{Server, page_not_found},
};

const V2_PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// The documents made so far.
#[derive(Debug, Default)]
pub(super) struct Documents {
    made: Mutex<Made>,
}

#[derive(Debug, Default)]
struct Made {
    /// The catalog's generation that `v2` and the keys of `v3` follow.
    generation: Option<u64>,
    v3: BTreeMap<String, Document>,
    v2: Option<V2>,
}

/// The v3 document of one group-version.
#[derive(Debug, Clone)]
struct Document {
    resources: Vec<Arc<Resource>>,
    body: Bytes,
    hash: String,
}

#[derive(Debug, Clone)]
struct V2 {
    json: Bytes,
    protobuf: Bytes,
    hash: String,
}

impl Documents {
    /// `/openapi/v3`.
    pub(super) fn v3_index(&self, server: &Server) -> Reply {
        let made = self.current(server);
        let hashes = made.v3.iter().map(|(path, document)| (path.clone(), document.hash.clone())).collect();
        Reply::value(200, Media::Json, &openapi::v3_index(&hashes))
    }

    /// `/openapi/v3/PATH`.
    pub(super) fn v3(&self, server: &Server, call: &Call, path: &str) -> Reply {
        let Some(document) = self.current(server).v3.get(path).cloned() else { return page_not_found() };
        match wrong_hash(&call.query, &document.hash) {
            Some(true) => {
                let place = format!("/openapi/v3/{path}?hash={}", document.hash);
                Reply::text(301, "").with(header::LOCATION, &place)
            }
            Some(false) => tagged(call, "application/json", &document.body, &document.hash)
                .with(header::CACHE_CONTROL, "public, immutable"),
            None => tagged(call, "application/json", &document.body, &document.hash),
        }
    }

    /// `/openapi/v2`.
    pub(super) fn v2(&self, server: &Server, call: &Call) -> Reply {
        let mut made = self.current(server);
        let v2 = made.v2.get_or_insert_with(|| make_v2(server)).clone();
        drop(made);
        if call.header(header::ACCEPT).contains("proto-openapi") {
            return tagged(call, V2_PROTOBUF, &v2.protobuf, &v2.hash);
        }
        tagged(call, "application/json", &v2.json, &v2.hash)
    }

    /// Returns the documents of the present catalog.
    fn current(&self, server: &Server) -> MutexGuard<'_, Made> {
        let generation = server.registry.resources().generation();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.generation != Some(generation) {
            let old = std::mem::take(&mut made.v3);
            made.v3 = make_v3(server, &old);
            made.v2 = None;
            made.generation = Some(generation);
        }
        made
    }
}

/// Returns whether the hash in the query is not that of the document; `None` without one.
fn wrong_hash(query: &Query, hash: &str) -> Option<bool> {
    query.find("hash").map(|given| given != hash)
}

fn make_v3(server: &Server, old: &BTreeMap<String, Document>) -> BTreeMap<String, Document> {
    let groups = discovery::served(server);
    let versions = groups.into_iter().flat_map(|group| group.versions);
    let documents = versions.filter_map(|version| {
        let path = openapi::v3_path(&version.resources.first()?.gvk);
        let document = match old.get(&path) {
            Some(document) if same(&document.resources, &version.resources) => document.clone(),
            _ => Document::of(version.resources),
        };
        Some((path, document))
    });
    documents.collect()
}

fn same(old: &[Arc<Resource>], new: &[Arc<Resource>]) -> bool {
    old.len() == new.len() && old.iter().zip(new).all(|(old, new)| Arc::ptr_eq(old, new))
}

impl Document {
    fn of(resources: Vec<Arc<Resource>>) -> Self {
        let body = Media::Json.write(&openapi::v3(&resources));
        let hash = openapi::hash(&body);
        Self { resources, body: body.into(), hash }
    }
}

fn make_v2(server: &Server) -> V2 {
    let groups = discovery::served(server);
    let resources: Vec<Arc<Resource>> =
        groups.into_iter().flat_map(|group| group.versions).flat_map(|version| version.resources).collect();
    let document = openapi::v2(&resources);
    let json = Media::Json.write(&document);
    let hash = openapi::hash(&json);
    V2 { protobuf: openapi::to_protobuf(&document).into(), json: json.into(), hash }
}

fn tagged(call: &Call, content_type: &str, body: &Bytes, hash: &str) -> Reply {
    let tag = format!("\"{hash}\"");
    let known = call.header(header::IF_NONE_MATCH).contains(&tag);
    let reply = if known {
        Reply::bytes(304, content_type, Bytes::new())
    } else {
        Reply::bytes(200, content_type, body.clone())
    };
    reply.with(header::ETAG, &tag).with(header::VARY, "Accept")
}
