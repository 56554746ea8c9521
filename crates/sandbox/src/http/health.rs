//! Version, health, metrics, and the list of paths.

use std::fmt::Write as _;

use serde_json::json;

use super::{
    call::Call,
    discovery,
    reply::{Media, Reply},
    service::{Server, page_not_found},
};

/// `/`.
pub(super) fn index(server: &Server) -> Reply {
    let mut paths: Vec<String> =
        ["/api", "/apis", "/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3", "/readyz", "/version"]
            .map(str::to_owned)
            .to_vec();
    for group in discovery::served(server) {
        let prefix = if group.name.is_empty() { "/api".to_owned() } else { format!("/apis/{}", group.name) };
        paths.extend(group.versions.iter().map(|version| format!("{prefix}/{}", version.name)));
        paths.push(prefix);
    }
    paths.sort_unstable();
    paths.dedup();
    Reply::value(200, Media::PrettyJson, &json!({"paths": paths}))
}

/// `/version`.
pub(super) fn version(server: &Server) -> Reply {
    let version = &server.options.git_version;
    let mut numbers = version.trim_start_matches('v').split('.');
    let (major, minor) = (numbers.next().unwrap_or("1"), numbers.next().unwrap_or("34"));
    let info = json!({
        "major": major,
        "minor": minor,
        "gitVersion": version,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "rustc",
        "platform": "linux/amd64",
    });
    Reply::value(200, Media::PrettyJson, &info)
}

/// `/healthz`, `/livez`, `/readyz`.
pub(super) fn check(name: &str, part: &str, call: &Call) -> Reply {
    if !matches!(part, "" | "ping") {
        return page_not_found();
    }
    if call.query.find("verbose").is_some() {
        return Reply::text(200, format!("[+]ping ok\n{name} check passed\n"));
    }
    Reply::text(200, "ok")
}

/// `/metrics`: how many objects of each resource are stored.
pub(super) fn metrics(server: &Server) -> Reply {
    let mut text = String::from(
        "# HELP apiserver_storage_objects Number of stored objects by kind.\n# TYPE apiserver_storage_objects gauge\n",
    );
    for (shard, count) in server.registry.store().populated() {
        let (group, plural) = &*shard;
        let name = if group.is_empty() { plural.clone() } else { format!("{plural}.{group}") };
        let _ = writeln!(text, "apiserver_storage_objects{{resource=\"{name}\"}} {count}");
    }
    Reply::text(200, text)
}
