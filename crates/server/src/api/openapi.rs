//! The OpenAPI document, made from the routes and the table of actions.

use axum::{http::StatusCode, response::Response};
use serde_json::{Map, Value, json};
use tiphys_console::action::TABLE;

use crate::web::json;

/// Method, path, what it does.
pub(crate) const ROUTES: &[(&str, &str, &str)] = &[
    ("get", "/api/openapi.json", "This document"),
    ("post", "/api/v1/session", "Logs in with name and password; answers with a token"),
    ("delete", "/api/v1/session", "Ends the session of the token"),
    ("get", "/api/v1/releases", "Lists the releases that may be seen, with their reasons"),
    ("get", "/api/v1/releases/{namespace}/{name}", "Returns one release with revisions and pods"),
    (
        "get",
        "/api/v1/releases/{namespace}/{name}/actions",
        "Lists what can be done, what it will do now, or why it may not",
    ),
    ("post", "/api/v1/releases/{namespace}/{name}/actions/{action}", "Does an action"),
    ("get", "/api/v1/namespace", "Lists the namespaces with Rollouts (Rollouts dashboard)"),
    ("get", "/api/v1/version", "Returns the version (Rollouts dashboard)"),
    ("get", "/api/v1/rollouts/{namespace}/info", "Lists Rollouts (Rollouts dashboard)"),
    ("get", "/api/v1/rollouts/{namespace}/info/watch", "Streams Rollouts (Rollouts dashboard)"),
    ("get", "/api/v1/rollouts/{namespace}/{name}/info", "Returns a Rollout (Rollouts dashboard)"),
    ("get", "/api/v1/rollouts/{namespace}/{name}/info/watch", "Streams a Rollout (Rollouts dashboard)"),
    ("put", "/api/v1/rollouts/{namespace}/{name}/restart", "Restarts (Rollouts dashboard)"),
    ("put", "/api/v1/rollouts/{namespace}/{name}/promote", "Promotes (Rollouts dashboard)"),
    ("put", "/api/v1/rollouts/{namespace}/{name}/abort", "Aborts (Rollouts dashboard)"),
    ("put", "/api/v1/rollouts/{namespace}/{name}/retry", "Retries (Rollouts dashboard)"),
    ("put", "/api/v1/rollouts/{namespace}/{name}/undo/{revision}", "Goes back (Rollouts dashboard)"),
    ("put", "/api/v1/rollouts/{namespace}/{name}/set/{container}/{image}", "Sets an image (Rollouts dashboard)"),
];

/// Returns the document.
pub(crate) async fn document() -> Response {
    json(StatusCode::OK, &of_routes())
}

fn of_routes() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for (method, path, summary) in ROUTES {
        paths.entry((*path).to_owned()).or_insert_with(|| json!({}))[*method] = operation(method, path, summary);
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Tiphys", "version": env!("CARGO_PKG_VERSION")},
        "security": [{"bearer": []}, {"cookie": []}],
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "argocd.token"},
            },
            "schemas": {"Options": options(), "Error": error()},
        },
        "paths": paths,
    })
}

fn operation(method: &str, path: &str, summary: &str) -> Value {
    let names = path.split(['{', '}']).skip(1).step_by(2);
    let parameters: Vec<Value> = names.map(parameter).collect();
    let failure = json!({"description": "Why not",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}});
    let mut operation = json!({
        "summary": summary, "parameters": parameters,
        "responses": {"200": {"description": "Done"}, "default": failure},
    });
    if path.ends_with("{action}") {
        operation["requestBody"] =
            json!({"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Options"}}}});
    } else if method != "get" {
        operation["requestBody"] = json!({"content": {"application/json": {"schema": {"type": "object"}}}});
    }
    operation
}

fn parameter(name: &str) -> Value {
    let mut schema = json!({"type": "string"});
    if name == "action" {
        schema["enum"] = TABLE.iter().map(|action| action.name).collect();
    }
    json!({"name": name, "in": "path", "required": true, "schema": schema})
}

fn options() -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": {
        "surge": {"type": "boolean", "description": "restart: start a new pod before an old one goes"},
        "at": {"type": "string", "format": "date-time", "description": "restart: when"},
        "revision": {"type": "integer", "description": "undo: which; 0 is the one before the newest"},
        "images": {"type": "array", "description": "set-image: pairs of container and image",
            "items": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}},
    }})
}

fn error() -> Value {
    json!({"type": "object", "properties": {
        "error": {"type": "string"}, "message": {"type": "string"}, "code": {"type": "integer"},
    }})
}
