//! Charts of Helm repositories and registries.

use std::process::Command;

use sha2::{Digest, Sha256};
use tiphys_api::types::{ApplicationSource, ApplicationSourceHelm};
use tiphys_render::{Limits, Refresh, Repositories, SourceType};

use crate::{
    place::{Place, commit, programs},
    web::{Page, Web},
};

const LOGIN: &str = "Basic amFzb246ZmxlZWNl"; // jason:fleece

/// Packs a chart that shows its version and values.
fn packed(place: &Place, version: &str, more: &str) -> Vec<u8> {
    let folder = place.folder.path().join(format!("chart-{version}/web"));
    std::fs::create_dir_all(folder.join("templates")).unwrap();
    let chart = format!("apiVersion: v2\nname: web\nversion: {version}\n{more}");
    std::fs::write(folder.join("Chart.yaml"), chart).unwrap();
    std::fs::write(folder.join("prod.yaml"), "env: prod\n").unwrap();
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {version: {{ .Chart.Version }}, env: {{ .Values.env | quote }}}\n";
    std::fs::write(folder.join("templates/map.yaml"), template).unwrap();
    let helm = programs(&["helm"]).unwrap().find("helm").unwrap();
    let done = Command::new(helm).arg("package").arg(&folder).current_dir(place.folder.path()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    std::fs::read(place.folder.path().join(format!("web-{version}.tgz"))).unwrap()
}

fn index(base: &str, versions: &[&str]) -> Page {
    let mut text = "apiVersion: v1\nentries:\n  web:\n".to_owned();
    for version in versions {
        text.push_str(&format!(
            "  - apiVersion: v2\n    name: web\n    version: {version}\n    urls: ['{base}/web-{version}.tgz']\n"
        ));
    }
    Page::Content("text/yaml", text.into_bytes())
}

/// Tells the renderer of repositories.
fn configure(place: &Place, secrets: &[&[(&str, &str)]]) {
    let mut repositories = Repositories::default();
    for secret in secrets {
        let data = secret.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned()));
        repositories.add("repository", data).unwrap();
    }
    place.renderer.use_repositories(repositories);
}

fn chart(url: &str, version: &str) -> ApplicationSource {
    ApplicationSource {
        repo_url: url.to_owned(),
        chart: "web".to_owned(),
        target_revision: version.to_owned(),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_chart_of_a_repository_is_pulled_once_and_with_a_login() {
    let Some(place) = Place::where_there_is(&["helm"]) else { return };
    let web = Web { wants: Some(LOGIN), ..Web::default() };
    let url = format!("http://{}", web.start());
    web.put("/index.yaml", index(&url, &["1.0.0", "1.1.0", "2.0.0-rc1"]));
    for version in ["1.0.0", "1.1.0"] {
        web.put(&format!("/web-{version}.tgz"), Page::Content("application/gzip", packed(&place, version, "")));
    }
    configure(&place, &[&[("url", &url), ("type", "helm"), ("username", "jason"), ("password", "fleece")]]);
    for (asked, expected) in [("1.0.0", "1.0.0"), ("1.*", "1.1.0"), (">=1.0.0 <1.1.0", "1.0.0"), ("*", "1.1.0")] {
        let wanted = place.wanted([chart(&url, asked)]);
        assert_eq!(place.renderer.resolve(&wanted).await.unwrap(), [expected], "{asked}");
        let rendered = place.renderer.render(&wanted).await.unwrap();
        assert_eq!(rendered.source_types, [Some(SourceType::Helm)]);
        assert_eq!(rendered.revisions[0].sha, expected);
        assert_eq!(rendered.manifests[0]["data"]["version"], expected, "{asked}");
    }
    assert_eq!(place.renderer.renders(), 2, "two charts");
    let pulls = |web: &Web| web.seen.lock().unwrap().iter().filter(|line| line.contains(".tgz")).count();
    assert_eq!(pulls(&web), 2);
    let mut hard = place.wanted([chart(&url, "1.0.0")]);
    hard.refresh = Refresh::Hard;
    place.renderer.render(&hard).await.unwrap();
    assert_eq!(pulls(&web), 3, "a hard refresh pulls again");
    let values = ApplicationSourceHelm { value_files: vec!["prod.yaml".to_owned()], ..Default::default() };
    let source = ApplicationSource { helm: Some(values), ..chart(&url, "1.0.0") };
    assert_eq!(place.render(source).await.unwrap().manifests[0]["data"]["env"], "prod");
    let refused = place.refused(chart(&url, "3.*")).await;
    assert!(refused.starts_with("invalid revision: version matching constraint not found"), "{refused}");
    let missing = ApplicationSource { chart: "none".to_owned(), ..chart(&url, "1.*") };
    assert_eq!(place.refused(missing).await, "chart 'none' not found in index");
}

#[tokio::test]
async fn a_wrong_login_is_told_without_the_password() {
    let Some(place) = Place::where_there_is(&["helm"]) else { return };
    let web = Web { wants: Some(LOGIN), ..Web::default() };
    let url = format!("http://{}", web.start());
    configure(&place, &[&[("url", &url), ("type", "helm"), ("username", "jason"), ("password", "wool-of-colchis")]]);
    let error = place.render(chart(&url, "1.0.0")).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("401") && !text.contains("wool-of-colchis"), "{text}");
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_login_stays_with_its_host_unless_told_otherwise() {
    let Some(place) = Place::where_there_is(&["helm"]) else { return };
    let other = Web::default();
    // The same machine by another name is another host.
    let elsewhere = format!("http://localhost:{}", other.start().port());
    other.put("/web-1.0.0.tgz", Page::Content("application/gzip", packed(&place, "1.0.0", "")));
    other.put("/web-1.1.0.tgz", Page::Content("application/gzip", packed(&place, "1.1.0", "")));
    let web = Web { wants: Some(LOGIN), ..Web::default() };
    let url = format!("http://{}", web.start());
    web.put("/index.yaml", index(&elsewhere, &["1.0.0"]));
    configure(&place, &[&[("url", &url), ("type", "helm"), ("username", "jason"), ("password", "fleece")]]);
    place.render(chart(&url, "1.0.0")).await.unwrap();
    web.put("/index.yaml", index(&url, &["1.1.0"]));
    web.put("/web-1.1.0.tgz", Page::Moved(format!("{elsewhere}/web-1.1.0.tgz")));
    place.render(chart(&url, "1.1.0")).await.unwrap();
    let seen = other.seen.lock().unwrap().clone();
    assert!(seen.len() >= 2 && seen.iter().all(|line| !line.contains("Basic")), "{seen:?}");
    web.put("/index.yaml", index(&elsewhere, &["1.0.0"]));
    let passes = ApplicationSourceHelm { pass_credentials: true, ..Default::default() };
    let mut wanted = place.wanted([ApplicationSource { helm: Some(passes), ..chart(&url, "1.0.0") }]);
    wanted.refresh = Refresh::Hard;
    place.renderer.render(&wanted).await.unwrap();
    assert!(other.seen.lock().unwrap().iter().any(|line| line.contains(LOGIN)), "passCredentials was asked for");
}

/// Puts a chart into a registry.
fn push(web: &Web, version: &str, content: &[u8]) {
    let digest = |bytes: &[u8]| {
        let hash: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256:{hash}")
    };
    let config = format!(r#"{{"name":"web","version":"{version}","apiVersion":"v2"}}"#).into_bytes();
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "config": {"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": digest(&config), "size": config.len()},
        "layers": [{
            "mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
            "digest": digest(content),
            "size": content.len(),
        }],
    });
    let manifest = manifest.to_string().into_bytes();
    let blob = "application/octet-stream";
    web.put(&format!("/v2/charts/web/blobs/{}", digest(&config)), Page::Content(blob, config));
    web.put(&format!("/v2/charts/web/blobs/{}", digest(content)), Page::Content(blob, content.to_vec()));
    let kind = "application/vnd.oci.image.manifest.v1+json";
    for name in [version.to_owned(), digest(&manifest)] {
        web.put(&format!("/v2/charts/web/manifests/{name}"), Page::Content(kind, manifest.clone()));
    }
}

#[tokio::test]
async fn a_chart_of_a_registry_is_pulled() {
    let Some(place) = Place::where_there_is(&["helm"]) else { return };
    let web = Web { wants: Some(LOGIN), ..Web::default() };
    let url = format!("{}/charts", web.start());
    for version in ["1.0.0", "1.1.0"] {
        push(&web, version, &packed(&place, version, ""));
    }
    let tags = br#"{"name":"charts/web","tags":["1.0.0","1.1.0"]}"#.to_vec();
    web.put("/v2/charts/web/tags/list", Page::Content("application/json", tags));
    web.put("/v2/", Page::Content("application/json", b"{}".to_vec()));
    let secret = [
        ("url", url.as_str()),
        ("type", "helm"),
        ("enableOCI", "true"),
        ("insecureOCIForceHttp", "true"),
        ("username", "jason"),
        ("password", "fleece"),
    ];
    configure(&place, &[&secret]);
    for (asked, expected) in [("1.0.0", "1.0.0"), ("^1.0.0", "1.1.0")] {
        let rendered = place.render(chart(&url, asked)).await.unwrap();
        assert_eq!(rendered.revisions[0].sha, expected);
        assert_eq!(rendered.manifests[0]["data"]["version"], expected, "{asked}");
    }
}

#[tokio::test]
async fn dependencies_are_pulled_with_the_login_of_their_repository() {
    let Some(place) = Place::where_there_is(&["helm"]) else { return };
    let web = Web { wants: Some(LOGIN), ..Web::default() };
    let url = format!("http://{}", web.start());
    web.put("/index.yaml", index(&url, &["1.0.0"]));
    web.put("/web-1.0.0.tgz", Page::Content("application/gzip", packed(&place, "1.0.0", "")));
    for repository in [url.clone(), "\"@charts\"".to_owned()] {
        let metadata = format!(
            "apiVersion: v2\nname: all\nversion: 1.0.0\ndependencies:\n- {{name: web, version: 1.0.0, repository: {repository}}}\n"
        );
        commit(&place.work(), &[("all/Chart.yaml", &metadata), ("all/values.yaml", "x: 1")]);
        configure(
            &place,
            &[&[("url", &url), ("name", "charts"), ("type", "helm"), ("username", "jason"), ("password", "fleece")]],
        );
        let rendered = place.render(place.source("all")).await.unwrap();
        assert_eq!(rendered.manifests[0]["data"]["version"], "1.0.0", "{repository}");
    }
    let mut wanted = place.wanted([place.source("all")]);
    wanted.source_repos = vec!["https://elsewhere/*".to_owned()];
    let error = place.renderer.render(&wanted).await.unwrap_err().to_string();
    assert!(!error.contains("fleece"), "{error}");
}

#[tokio::test]
async fn names_that_are_none_are_refused() {
    let place = Place::new();
    for (url, name, version, expected) in [
        ("https://h", "../x", "1.0.0", "\"../x\" cannot be the name of a chart"),
        ("https://h", "--x", "1.0.0", "\"--x\" cannot be the name of a chart"),
        ("https://h", "a\nb", "1.0.0", "\"a\\nb\" cannot be the name of a chart"),
        ("--repo", "x", "1.0.0", "\"--repo\" cannot be the repository of a chart"),
        ("file:///etc", "x", "1.0.0", "\"file:///etc\" cannot be the repository of a chart"),
        ("https://h", "x", "--version", "\"--version\" cannot be the version of a chart"),
        ("https://h", "x", "", "spec.source.targetRevision is required if the manifest source is a helm chart"),
    ] {
        let source = ApplicationSource { chart: name.to_owned(), ..chart(url, version) };
        assert_eq!(place.refused(source).await, expected);
    }
}

#[tokio::test]
async fn huge_indexes_and_charts_end_with_a_reason() {
    let Some(programs) = programs(&["helm"]) else { return };
    for (index_bytes, chart_bytes, asked, expected) in [
        (100, 1 << 20, "1.*", "the size of the index exceeds the limit of 100 bytes"),
        (1 << 20, 100, "1.0.0", "the size of the chart exceeds the limit of 100 bytes"),
        (1 << 20, 100_000, "2.0.0", "the size of the chart exceeds the limit of 100000 bytes"),
    ] {
        let place = Place::with(|config| {
            config.programs = programs.clone();
            config.limits = Limits { index_bytes, chart_bytes, ..Limits::default() };
        });
        let web = Web::default();
        let url = format!("http://{}", web.start());
        web.put("/index.yaml", index(&url, &["1.0.0", "2.0.0"]));
        web.put("/web-1.0.0.tgz", Page::Content("application/gzip", packed(&place, "1.0.0", "")));
        let bomb = format!("description: {}\n", "x".repeat(3_000_000));
        web.put("/web-2.0.0.tgz", Page::Content("application/gzip", packed(&place, "2.0.0", &bomb)));
        assert_eq!(place.refused(chart(&url, asked)).await, expected);
    }
}
