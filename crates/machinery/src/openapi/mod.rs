//! OpenAPI documents: what `kubectl explain`, client-side validation, dry-run detection and client-go's typed parsers
//! read.
//!
//! | function | endpoint |
//! | --- | --- |
//! | [`v3`], [`v3_path`], [`v3_index`], [`hash`] | `/openapi/v3` and below: a document for each group-version |
//! | [`v2`], [`to_protobuf`] | `/openapi/v2` as JSON and as gnostic's protobuf message, which client-go insists on |
//!
//! Every function makes its document anew: whoever serves them keeps them until the set of resources changes.

mod definitions;
mod gnostic;
mod node;
mod operations;
#[cfg(test)]
mod tests;
mod writer;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha512};

use self::definitions::Definitions;
pub use self::gnostic::to_protobuf;
use crate::resource::{Gvk, Resource};

/// Which OpenAPI is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// Swagger 2.0: no `oneOf`, `anyOf`, `not`, `nullable`; references cannot be wrapped.
    V2,
    /// OpenAPI 3.0.
    V3,
}

/// Returns the OpenAPI v3 document of one group-version; `resources` are those of that group-version.
#[must_use]
pub fn v3(resources: &[Arc<Resource>]) -> Value {
    let mut definitions = Definitions::new(Dialect::V3);
    let paths = operations::paths(resources, &mut definitions);
    json!({
        "openapi": "3.0.0",
        "info": INFO.to_value(),
        "paths": paths,
        "components": {
            "schemas": definitions.finish(resources),
            "securitySchemes": {"BearerToken": security()},
        },
    })
}

/// Returns where the document of a group-version is, below `/openapi/v3/`: `api/v1` or `apis/apps/v1`.
#[must_use]
pub fn v3_path(gvk: &Gvk) -> String {
    let prefix = if gvk.group.is_empty() { "api" } else { "apis" };
    format!("{prefix}/{}", gvk.api_version())
}

/// Returns the index of the v3 documents; `documents` maps each [`v3_path`] to the [`hash`] of the document there.
#[must_use]
pub fn v3_index(documents: &BTreeMap<String, String>) -> Value {
    let paths: Map<String, Value> = documents
        .iter()
        .map(|(path, hash)| (path.clone(), json!({"serverRelativeURL": format!("/openapi/v3/{path}?hash={hash}")})))
        .collect();
    json!({"paths": paths})
}

/// Returns the SHA-512 of a document in upper-case hexadecimal, as the hash in its URL and its `ETag`.
#[must_use]
pub fn hash(document: &[u8]) -> String {
    Sha512::digest(document).iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Returns the OpenAPI v2 document of everything that is served.
#[must_use]
pub fn v2(resources: &[Arc<Resource>]) -> Value {
    let mut definitions = Definitions::new(Dialect::V2);
    let paths = operations::paths(resources, &mut definitions);
    json!({
        "swagger": "2.0",
        "info": INFO.to_value(),
        "paths": paths,
        "definitions": definitions.finish(resources),
        "securityDefinitions": {"BearerToken": security()},
        "security": [{"BearerToken": []}],
    })
}

struct Info {
    title: &'static str,
    version: &'static str,
}

const INFO: Info = Info { title: "Kubernetes", version: "v1.34.4" };

impl Info {
    fn to_value(&self) -> Value {
        json!({"title": self.title, "version": self.version})
    }
}

fn security() -> Value {
    json!({"description": "Bearer Token authentication", "type": "apiKey", "name": "authorization", "in": "header"})
}

/// The name of a kind's definition: the Go type of a built-in kind, the reversed group of a custom resource
/// (`io.argoproj.v1alpha1.Rollout`).
fn definition_name(resource: &Resource) -> String {
    match &resource.schema.type_name {
        Some(name) => name.to_string(),
        None => {
            let group: Vec<&str> = resource.gvk.group.rsplit('.').collect();
            format!("{}.{}.{}", group.join("."), resource.gvk.version, resource.gvk.kind)
        }
    }
}

/// The extension by which clients find the definition or the operation of a kind.
const GVK: &str = "x-kubernetes-group-version-kind";

fn gvk_value(group: &str, version: &str, kind: &str) -> Value {
    json!({"group": group, "version": version, "kind": kind})
}
