//! Kustomizations.

use std::os::unix::fs::symlink;

use serde_json::json;
use tiphys_api::types::{
    ApplicationSource, ApplicationSourceKustomize, IntOrString, KustomizeCount, KustomizePatch, KustomizeReplica,
    KustomizeSelector,
};
use tiphys_render::SourceType;

use crate::place::{Place, commit, map, names};

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web:1}]}
";

fn with(source: ApplicationSource, kustomize: ApplicationSourceKustomize) -> ApplicationSource {
    ApplicationSource { kustomize: Some(kustomize), ..source }
}

fn base(place: &Place) {
    place.commit(&[
        (
            "base/kustomization.yaml",
            "resources: [deployment.yaml]\nconfigMapGenerator:\n- name: files\n  files: [key=file.txt]\n",
        ),
        ("base/deployment.yaml", DEPLOYMENT),
        ("base/file.txt", "content"),
        ("prod/kustomization.yaml", "resources:\n- ../base\npatches:\n- path: patch.yaml\n"),
        ("prod/patch.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3}\n"),
    ]);
}

#[tokio::test]
async fn a_base_is_read_and_nothing_else() {
    let Some(place) = Place::where_there_is(&["kustomize"]) else { return };
    base(&place);
    let rendered = place.render(place.source("prod")).await.unwrap();
    assert_eq!(rendered.source_types, [Some(SourceType::Kustomize)]);
    let deployment = rendered.manifests.iter().find(|object| object["kind"] == "Deployment").unwrap();
    assert_eq!(deployment["spec"]["replicas"], 3);
    for (path, text, expected) in [
        ("other/a.yaml", "a", 0),
        ("base/readme.md", "a", 0),
        ("base/file.txt", "changed", 1),
        ("prod/patch.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 4}\n", 1),
    ] {
        let before = place.renderer.renders();
        place.commit(&[(path, text)]);
        place.render(place.source("prod")).await.unwrap();
        assert_eq!(place.renderer.renders() - before, expected, "{path}");
    }
}

#[tokio::test]
async fn options_are_applied_to_a_copy() {
    let Some(place) = Place::where_there_is(&["kustomize"]) else { return };
    base(&place);
    place.commit(&[(
        "parts/label/kustomization.yaml",
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncommonAnnotations: {part: x}\n",
    )]);
    let text = |text: &str| text.to_owned();
    let patch = KustomizePatch {
        patch: text("- {op: add, path: /spec/paused, value: true}"),
        target: Some(KustomizeSelector { kind: text("Deployment"), ..Default::default() }),
        ..Default::default()
    };
    let options = ApplicationSourceKustomize {
        name_prefix: text("my-"),
        name_suffix: text("-x"),
        namespace: text("there"),
        images: vec![text("web=registry/web:$ARGOCD_APP_NAME")],
        replicas: vec![KustomizeReplica { name: text("web"), count: KustomizeCount(IntOrString::String(text("5"))) }],
        common_labels: [(text("team"), text("$ARGOCD_APP_NAME"))].into(),
        common_annotations: [(text("note"), text("$X"))].into(),
        components: vec![text("../parts/label"), text("../parts/none")],
        ignore_missing_components: true,
        patches: vec![patch],
        ..Default::default()
    };
    let rendered = place.render(with(place.source("prod"), options)).await.unwrap();
    let deployment = rendered.manifests.iter().find(|object| object["kind"] == "Deployment").unwrap();
    let found = json!([
        deployment["metadata"]["name"],
        deployment["metadata"]["namespace"],
        deployment["metadata"]["labels"]["team"],
        deployment["metadata"]["annotations"],
        deployment["spec"]["replicas"],
        deployment["spec"]["paused"],
        deployment["spec"]["template"]["spec"]["containers"][0]["image"],
    ]);
    let expected = json!(["my-web-x", "there", "web", {"note": "$X", "part": "x"}, 5, true, "registry/web:web"]);
    assert_eq!(found, expected);
    let plain = place.render(place.source("prod")).await.unwrap();
    assert!(names(&plain).contains(&"web"), "nothing of the options is left");
}

#[tokio::test]
async fn links_are_followed_within_the_repository_only() {
    let Some(place) = Place::where_there_is(&["kustomize"]) else { return };
    place.commit(&[("app/kustomization.yaml", "resources: [a.yaml]\n"), ("shared/a.yaml", map("a"))]);
    symlink("../shared/a.yaml", place.work().join("app/a.yaml")).unwrap();
    commit(&place.work(), &[]);
    assert_eq!(names(&place.render(place.source("app")).await.unwrap()), ["a"]);
    std::fs::remove_file(place.work().join("app/a.yaml")).unwrap();
    symlink("/etc/hostname", place.work().join("app/a.yaml")).unwrap();
    commit(&place.work(), &[]);
    let refused = place.refused(place.source("app")).await;
    assert_eq!(refused, "repository contains out-of-bounds symlinks. file: app/a.yaml");
}

#[tokio::test]
async fn resources_outside_and_elsewhere_are_refused() {
    let Some(place) = Place::where_there_is(&["kustomize"]) else { return };
    for (resource, expected) in [
        ("../../../../../../../../../etc", "file '../../../../../../../../../etc' resolved to outside repository root"),
        ("/etc/hostname", "file '/etc/hostname' resolved to outside repository root"),
        ("x://../../../../../../etc", "file 'x://../../../../../../etc' resolved to outside repository root"),
        ("file:///etc", "file 'file:///etc' resolved to outside repository root"),
        ("../other.yaml", "`kustomize build "),
    ] {
        place
            .commit(&[("other.yaml", map("other")), ("app/kustomization.yaml", &format!("resources: [{resource}]\n"))]);
        let refused = place.refused(place.source("app")).await;
        assert!(refused.starts_with(expected), "{resource}: {refused}");
    }
    place.commit(&[("app/kustomization.yaml", "resources: ['ext::sh -c touch% /tmp/x']\n")]);
    assert!(place.refused(place.source("app")).await.starts_with("`kustomize build "));
}
