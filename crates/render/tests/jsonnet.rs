//! Jsonnet.

use std::{os::unix::fs::symlink, time::Duration};

use serde_json::json;
use tiphys_api::types::{ApplicationSource, ApplicationSourceDirectory, ApplicationSourceJsonnet, JsonnetVar};
use tiphys_render::Limits;

use crate::place::{Place, commit, names, programs};

fn with(source: ApplicationSource, jsonnet: ApplicationSourceJsonnet) -> ApplicationSource {
    ApplicationSource { directory: Some(ApplicationSourceDirectory { jsonnet, ..Default::default() }), ..source }
}

fn variable(name: &str, value: &str, code: bool) -> JsonnetVar {
    JsonnetVar { name: name.to_owned(), value: value.to_owned(), code }
}

#[tokio::test]
async fn variables_arguments_and_libraries_are_given() {
    let Some(place) = Place::where_there_is(&["jsonnet"]) else { return };
    place.commit(&[
        (
            "app/main.jsonnet",
            "local lib = import 'lib.libsonnet';\nlocal own = import './own/a.libsonnet';\nfunction(count) [lib.map(std.extVar('name') + own + i) for i in std.range(1, count)]",
        ),
        ("app/own/a.libsonnet", "(import 'b.libsonnet') + '-'"),
        ("app/own/b.libsonnet", "'b'"),
        ("libs/lib.libsonnet", "{map(name): {apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: name}, data: {text: importstr 'text.txt'}}}"),
        ("libs/text.txt", "hello"),
        ("libs/unused.libsonnet", "{}"),
    ]);
    let options = ApplicationSourceJsonnet {
        ext_vars: vec![variable("name", "$ARGOCD_APP_NAME-", false)],
        tlas: vec![variable("count", "1 + 1", true)],
        libs: vec!["libs".to_owned()],
    };
    let rendered = place.render(with(place.source("app"), options.clone())).await.unwrap();
    assert_eq!(names(&rendered), ["web-b-1", "web-b-2"]);
    assert_eq!(rendered.manifests[0]["data"], json!({"text": "hello"}));
    for (path, text, expected) in
        [("libs/unused.libsonnet", "{a: 1}", 0), ("libs/text.txt", "bye", 1), ("app/own/b.libsonnet", "'c'", 1)]
    {
        let before = place.renderer.renders();
        place.commit(&[(path, text)]);
        place.render(with(place.source("app"), options.clone())).await.unwrap();
        assert_eq!(place.renderer.renders() - before, expected, "{path}");
    }
    let outside = ApplicationSourceJsonnet { libs: vec!["../x".to_owned()], ..options };
    let refused = place.refused(with(place.source("app"), outside)).await;
    assert_eq!(refused, "file '../x' resolved to outside repository root");
}

#[tokio::test]
async fn programs_without_end_are_ended() {
    let Some(programs) = programs(&["jsonnet"]) else { return };
    let limits = Limits { output_bytes: 64 << 10, program_memory_bytes: 256 << 20, ..Limits::default() };
    let place = Place::with(|config| {
        config.programs = programs;
        config.limits = limits;
    });
    for (name, text, expected) in [
        ("recursion", "local f(x) = f(x + 1) + 1; f(0)", "max stack frames exceeded"),
        (
            "output",
            "[{kind: 'A', x: std.repeat('x', 100000)}]",
            "the output of a program exceeds the limit of 65536 bytes",
        ),
        (
            "memory",
            "std.length(std.foldl(function(a, i) a + a, std.range(1, 40), 'xxxxxxxx'))",
            "failed exit status 2: ",
        ),
        ("import of itself", "import 'a.jsonnet'", "Failed to evaluate jsonnet \"a.jsonnet\""),
        (
            "import from outside",
            "{kind: importstr '../../../../../../../../../../../../etc/hostname'}",
            "file '../../../../../../../../../../../../etc/hostname' resolved to outside repository root",
        ),
        (
            "import from the root",
            "{kind: importstr /* no */ '/etc/hostname'}",
            "file '/etc/hostname' resolved to outside repository root",
        ),
        ("import in disguise", "{kind: importstr '\\u002fetc/hostname'}", "has a quote or a backslash in its path"),
        ("no object", "[1]", "Failed to unmarshal generated json \"a.jsonnet\""),
    ] {
        place.commit(&[("app/a.jsonnet", text)]);
        let refused = place.refused(place.source("app")).await;
        assert!(refused.contains(expected), "{name}: {refused}");
    }
}

#[tokio::test]
async fn links_of_imports_stay_within_the_repository() {
    let Some(place) = Place::where_there_is(&["jsonnet"]) else { return };
    place.commit(&[("app/a.jsonnet", "{kind: 'A', metadata: {name: importstr 'link'}}"), ("x/text", "linked")]);
    symlink("../x/text", place.work().join("app/link")).unwrap();
    commit(&place.work(), &[]);
    assert_eq!(names(&place.render(place.source("app")).await.unwrap()), ["linked"]);
    std::fs::remove_file(place.work().join("app/link")).unwrap();
    symlink("/etc/hostname", place.work().join("app/link")).unwrap();
    commit(&place.work(), &[]);
    let refused = place.refused(place.source("app")).await;
    assert_eq!(refused, "file 'link' resolved to outside repository root");
}

#[tokio::test]
async fn code_in_variables_imports_from_the_repository_only() {
    let Some(place) = Place::where_there_is(&["jsonnet"]) else { return };
    place.commit(&[("app/a.jsonnet", "{kind: 'A', metadata: {name: std.extVar('x')}}"), ("lib/x", "'own'")]);
    let options = |code: &str| ApplicationSourceJsonnet {
        ext_vars: vec![variable("x", code, true)],
        libs: vec!["lib".to_owned()],
        ..Default::default()
    };
    let rendered = place.render(with(place.source("app"), options("import 'x'"))).await.unwrap();
    assert_eq!(names(&rendered), ["own"]);
    let refused = place.refused(with(place.source("app"), options("importstr '/etc/hostname'"))).await;
    assert_eq!(refused, "file '/etc/hostname' resolved to outside repository root");
}

#[tokio::test]
async fn programs_that_take_too_long_are_ended() {
    let Some(programs) = programs(&["jsonnet"]) else { return };
    let place = Place::with(|config| {
        config.programs = programs;
        config.limits.program_time = Duration::from_secs(1);
    });
    let loops = "local n(f, m) = std.foldl(f, std.range(1, m), 0); n(function(a, i) n(function(b, j) (b + j) % 7, 3000), 1000000)";
    place.commit(&[("app/a.jsonnet", loops)]);
    let error = place.render(place.source("app")).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert_eq!(error.to_string(), "the time of `jsonnet` exceeds the limit of 1 s");
}
