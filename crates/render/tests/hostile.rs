//! Repositories that mean harm: what their users see, and that nothing else happens.

use std::os::unix::fs::symlink;

use tiphys_api::types::{ApplicationSource, ApplicationSourceDirectory, ApplicationSourceHelm, HelmFileParameter};
use tiphys_render::Limits;

use crate::place::{Place, commit, map};

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";

const LOCK: &str = "dependencies: []\ndigest: sha256:x\ngenerated: \"2020-01-01T00:00:00Z\"\n";

/// Nine lines that unfold to a thousand million words.
fn aliases() -> String {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let above = format!("*a{}, ", level - 1).repeat(10);
        text.push_str(&format!("a{level}: &a{level} [{}]\n", above.trim_end_matches(", ")));
    }
    text
}

fn link(place: &Place, target: &str, path: &str) {
    let path = place.work().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    symlink(target, path).unwrap();
}

fn values(place: &Place, file: &str) -> ApplicationSource {
    let helm = ApplicationSourceHelm { value_files: vec![file.to_owned()], ..Default::default() };
    ApplicationSource { helm: Some(helm), ..place.source("web") }
}

#[tokio::test]
async fn value_files_never_come_from_outside() {
    let Some(place) = Place::where_there_is(&["helm"]) else { return };
    place.commit(&[("web/Chart.yaml", CHART), ("shared/a.yaml", "a: 1")]);
    let outside = place.folder.path().join("outside.yaml");
    std::fs::write(&outside, "secret: fleece\n").unwrap();
    // What a chart has inside is refused as a whole, so these are beside it.
    link(&place, &outside.display().to_string(), "links/file.yaml");
    link(&place, "../../outside.yaml", "links/relative.yaml");
    link(&place, "../..", "links/folder");
    link(&place, "chain2.yaml", "links/chain.yaml");
    link(&place, "relative.yaml", "links/chain2.yaml");
    link(&place, "loop.yaml", "links/loop.yaml");
    link(&place, "none.yaml", "links/dangling.yaml");
    commit(&place.work(), &[]);
    let left = |path: &str| format!("error resolving file path: file '{path}' resolved to outside repository root");
    for (path, expected) in [
        ("../../outside.yaml", left("../../outside.yaml")),
        ("/../outside.yaml", left("/../outside.yaml")),
        ("/links/file.yaml", left("/links/file.yaml")),
        ("../links/relative.yaml", left("../links/relative.yaml")),
        ("/links/folder/outside.yaml", left("/links/folder/outside.yaml")),
        ("/links/chain.yaml", left("/links/chain.yaml")),
        ("/links/r*.yaml", left("links/relative.yaml")),
        (
            "/links/loop.yaml",
            "error resolving file path: file '/links/loop.yaml' leads through too many links".to_owned(),
        ),
        ("file:///etc/passwd", "error resolving file path: the URL scheme 'file' is not allowed".to_owned()),
    ] {
        assert_eq!(place.refused(values(&place, path)).await, expected);
    }
    for path in ["/etc/passwd", "/links/dangling.yaml", &outside.display().to_string()] {
        let refused = place.refused(values(&place, path)).await;
        assert!(
            refused.contains("open <path to cached source>/"),
            "an absolute path is one of the repository: {refused}"
        );
    }
    let helm = ApplicationSourceHelm {
        file_parameters: vec![HelmFileParameter { name: "x".to_owned(), path: "/links/file.yaml".to_owned() }],
        ..Default::default()
    };
    let source = ApplicationSource { helm: Some(helm), ..place.source("web") };
    assert_eq!(place.refused(source).await, left("/links/file.yaml"));
}

#[tokio::test]
async fn links_in_a_chart_lead_nowhere_else() {
    let Some(place) = Place::where_there_is(&["helm"]) else { return };
    let victim = place.folder.path().join("victim");
    std::fs::write(&victim, "untouched").unwrap();
    for name in ["Chart.lock", "templates/a.yaml", "values.yaml", "charts"] {
        let _ = std::fs::remove_dir_all(place.work().join("web"));
        commit(&place.work(), &[("web/Chart.yaml", CHART), ("web/templates/b.yaml", map("b"))]);
        link(&place, &victim.display().to_string(), &format!("web/{name}"));
        commit(&place.work(), &[]);
        let refused = place.refused(place.source("web")).await;
        assert_eq!(refused, format!("repository contains out-of-bounds symlinks. file: web/{name}"));
    }
    let _ = std::fs::remove_dir_all(place.work().join("web"));
    let dependency = format!("{CHART}dependencies: [{{name: other, version: 1.0.0, repository: 'file://../other'}}]\n");
    commit(
        &place.work(),
        &[
            ("web/Chart.yaml", &dependency),
            ("other/Chart.yaml", "apiVersion: v2\nname: other\nversion: 1.0.0\n"),
            ("other/templates/b.yaml", map("b")),
            ("victim.lock", LOCK),
        ],
    );
    link(&place, "../victim.lock", "web/Chart.lock");
    link(&place, ".", "web/round");
    let sha = commit(&place.work(), &[]);
    let refused = place.refused(place.source("web")).await;
    assert!(refused.starts_with("failed to execute helm dependency build command: "), "{refused}");
    assert_eq!(std::fs::read_to_string(victim).unwrap(), "untouched");
    assert_eq!(crate::place::git(&place.work(), &["show", &format!("{sha}:victim.lock")]), LOCK.trim());
}

#[tokio::test]
async fn dependencies_and_schemas_stay_in_the_repository() {
    let Some(place) = Place::where_there_is(&["helm"]) else { return };
    let outside = place.folder.path().join("outside");
    std::fs::create_dir_all(&outside).unwrap();
    std::fs::write(outside.join("Chart.yaml"), "apiVersion: v2\nname: outside\nversion: 1.0.0\n").unwrap();
    for (file, head) in [("Chart.yaml", CHART), ("requirements.yaml", "")] {
        let path = outside.display();
        let text = format!("{head}dependencies: [{{name: outside, version: 1.0.0, repository: 'file://{path}'}}]\n");
        let _ = std::fs::remove_dir_all(place.work().join("web"));
        place.commit(&[("web/Chart.yaml", &CHART.replace("v2", "v1")), (&format!("web/{file}"), &text)]);
        let refused = place.refused(place.source("web")).await;
        assert_eq!(refused, format!("file '{path}' resolved to outside repository root"));
    }
    let _ = std::fs::remove_dir_all(place.work().join("web"));
    place.commit(&[("web/Chart.yaml", CHART), ("web/values.schema.json", r#"{"$ref": "file:///etc/passwd"}"#)]);
    assert_eq!(
        place.refused(place.source("web")).await,
        "values.schema.json: $ref \"file:///etc/passwd\" leads out of the schema, and is not followed"
    );
}

#[tokio::test]
async fn charts_have_names_that_are_no_paths() {
    let place = Place::new();
    for name in [".", "..", "../../x", "a/b"] {
        let chart = CHART.replace("web", &format!("'{name}'"));
        place.commit(&[("web/Chart.yaml", &chart)]);
        assert_eq!(
            place.refused(place.source("web")).await,
            format!("web/Chart.yaml: {name:?} cannot be the name of a chart")
        );
    }
}

#[tokio::test]
async fn bombs_of_aliases_do_not_go_off() {
    let place = Place::new();
    let bomb = format!("{}apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\n", aliases());
    place.commit(&[("app/a.yaml", &bomb), ("over/a.yaml", map("a")), ("over/.argocd-source.yaml", &aliases())]);
    let refused = place.refused(place.source("app")).await;
    assert!(refused.starts_with("Failed to unmarshal \"a.yaml\": "), "{refused}");
    let refused = place.refused(place.source("over")).await;
    assert!(refused.starts_with(".argocd-source.yaml: error while parsing source parameters: "), "{refused}");
    let Some(place) = Place::where_there_is(&["helm", "kustomize"]) else { return };
    place.commit(&[
        ("web/Chart.yaml", CHART),
        ("web/values.yaml", &aliases()),
        ("web/templates/a.yaml", "{{ toYaml .Values }}"),
        ("kust/kustomization.yaml", &format!("resources: [a.yaml]\nx: {{{}}}", aliases().replace('\n', ", "))),
        ("kust/a.yaml", map("a")),
    ]);
    for (path, expected) in [("web", "failed exit status 1"), ("kust", "kust/kustomization.yaml: yaml: ")] {
        let refused = place.refused(place.source(path)).await;
        assert!(refused.contains(expected), "{path}: {refused}");
    }
}

#[tokio::test]
async fn huge_and_deep_files_end_with_a_reason() {
    let place = Place::with(|config| {
        config.limits = Limits { checkout_bytes: 10_000, checkout_files: 50, ..Limits::default() };
    });
    let deep = format!("kind: A\nx: {}{}", "[".repeat(100_000), "]".repeat(100_000));
    let json = format!(r#"{{"kind": "A", "x": {}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let many: Vec<String> = (0..60).map(|number| format!("many/templates/{number}.yaml")).collect();
    let mut files = vec![
        ("deep/a.yaml", format!("{deep}\n---\n# apiVersion: kind: metadata:\n")),
        ("json/a.json", json),
        ("large/Chart.yaml", CHART.to_owned()),
        ("large/data", "x".repeat(20_000)),
        ("many/Chart.yaml", CHART.to_owned()),
    ];
    files.extend(many.iter().map(|path| (path.as_str(), String::new())));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    place.commit(&files);
    for (path, expected) in [
        ("deep", "Failed to unmarshal \"a.yaml\": "),
        ("json", "Failed to unmarshal \"a.json\": recursion limit exceeded"),
        ("large", "the size of all files exceeds the limit of 10000 bytes"),
        ("many", "the number of files exceeds the limit of 50"),
    ] {
        let refused = place.refused(place.source(path)).await;
        assert!(refused.starts_with(expected), "{path}: {refused}");
    }
    let folders = format!("{}a.yaml", "d/".repeat(200));
    place.commit(&[(&folders, map("a"))]);
    let recurse = ApplicationSourceDirectory { recurse: true, ..Default::default() };
    let source = ApplicationSource { directory: Some(recurse), ..place.source("d") };
    assert_eq!(place.refused(source).await, "the depth of folders exceeds the limit of 64");
}

#[tokio::test]
async fn urls_and_revisions_are_never_options_or_programs() {
    let place = Place::new();
    place.commit(&[("app/a.yaml", map("a"))]);
    let marker = place.folder.path().join("marker");
    let touch = format!("touch {}", marker.display());
    for url in [
        format!("--upload-pack={touch}"),
        format!("ext::sh -c {touch}"),
        format!("ext::sh%20-c%20{}", touch.replace(' ', "%20")),
        format!("ssh://-oProxyCommand={}/x", touch.replace(' ', "${IFS}")),
        "https://h/a\n--upload-pack=x".to_owned(),
        "fd::17".to_owned(),
        "../relative".to_owned(),
    ] {
        let refused = place.refused(ApplicationSource { repo_url: url.clone(), ..place.source("app") }).await;
        assert!(refused.starts_with("failed to list refs: ") && refused.contains("cannot be used"), "{url}: {refused}");
    }
    for revision in ["--upload-pack=x", "main\nx", "refs/heads/../main", "main:app", "-"] {
        let source = ApplicationSource { target_revision: revision.to_owned(), ..place.source("app") };
        let refused = place.refused(source).await;
        assert_eq!(refused, format!("unable to resolve '{revision}' to a commit SHA: revision not found"));
    }
    let secret =
        ApplicationSource { repo_url: "http://jason:fleece@127.0.0.1:1/x.git".to_owned(), ..place.source("app") };
    let refused = place.refused(secret).await;
    assert!(!refused.contains("fleece") && refused.contains("http://127.0.0.1:1/x.git"), "{refused}");
    assert!(!marker.exists(), "no program was started");
}

#[tokio::test]
async fn kustomizations_that_name_each_other_end() {
    let Some(place) = Place::where_there_is(&["kustomize"]) else { return };
    place.commit(&[("a/kustomization.yaml", "resources: [../b]\n"), ("b/kustomization.yaml", "resources: [../a]\n")]);
    let refused = place.refused(place.source("a")).await;
    assert!(refused.contains("cycle detected"), "{refused}");
}
