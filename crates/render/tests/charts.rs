//! Charts in Git.

use std::os::unix::fs::symlink;

use serde_json::json;
use tiphys_api::types::{ApplicationSource, ApplicationSourceHelm, HelmFileParameter, HelmParameter};
use tiphys_render::{Programs, SourceType};

use crate::place::{Place, commit, names};

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";
const TEMPLATE: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
  namespace: {{ .Release.Namespace }}
data:
{{- range $key, $value := .Values }}
  {{ $key }}: {{ $value | quote }}
{{- end }}
";

fn with(source: ApplicationSource, helm: ApplicationSourceHelm) -> ApplicationSource {
    ApplicationSource { helm: Some(helm), ..source }
}

fn chart(place: &Place, path: &str) {
    place.commit(&[
        (&format!("{path}/Chart.yaml"), CHART),
        (&format!("{path}/templates/map.yaml"), TEMPLATE),
        (&format!("{path}/values.yaml"), "from: chart\nchart: 'yes'\n"),
    ]);
}

#[tokio::test]
async fn values_come_from_everywhere_in_their_order() {
    let Some(place) = Place::where_there_is(&["helm"]) else { return };
    chart(&place, "web");
    place.commit(&[
        ("web/prod.yaml", "from: file\nfile: 'yes'\n"),
        ("shared/all.yaml", "shared: 'yes'\n"),
        ("web/text", "a,b"),
    ]);
    let parameter = |name: &str, value: &str, force_string| HelmParameter {
        name: name.to_owned(),
        value: value.to_owned(),
        force_string,
    };
    let helm = ApplicationSourceHelm {
        value_files: ["prod.yaml", "/shared/*.yaml", "missing.yaml"].map(str::to_owned).to_vec(),
        ignore_missing_value_files: true,
        values: "from: never".to_owned(),
        values_object: Some(json!({"from": "object", "object": "yes"})),
        parameters: vec![parameter("from", "parameter", false), parameter("app", "$ARGOCD_APP_NAME", true)],
        file_parameters: vec![HelmFileParameter { name: "text".to_owned(), path: "text".to_owned() }],
        release_name: "shop".to_owned(),
        ..Default::default()
    };
    let rendered = place.render(with(place.source("web"), helm)).await.unwrap();
    assert_eq!(rendered.source_types, [Some(SourceType::Helm)]);
    assert_eq!(rendered.manifests[0]["metadata"], json!({"name": "shop", "namespace": "shop"}));
    let expected = json!({
        "from": "parameter", "chart": "yes", "file": "yes", "shared": "yes", "object": "yes", "app": "web", "text": "a,b",
    });
    assert_eq!(rendered.manifests[0]["data"], expected);
}

#[tokio::test]
async fn a_chart_is_rendered_again_only_for_what_it_read() {
    let Some(place) = Place::where_there_is(&["helm"]) else { return };
    chart(&place, "web");
    place.commit(&[("shared/all.yaml", "shared: '1'\n"), ("shared/other.yaml", "a: 1")]);
    let helm = ApplicationSourceHelm { value_files: vec!["/shared/all.yaml".to_owned()], ..Default::default() };
    let source = || with(place.source("web"), helm.clone());
    let mut renders = Vec::new();
    for (path, text) in [
        ("shared/other.yaml", "a: 2"),
        ("elsewhere/a.yaml", "a: 2"),
        ("shared/all.yaml", "shared: '2'\n"),
        ("web/values.yaml", "new: '1'\n"),
        ("web/templates/NOTES.txt", "hello"),
    ] {
        place.render(source()).await.unwrap();
        let before = place.renderer.renders();
        place.commit(&[(path, text)]);
        place.render(source()).await.unwrap();
        renders.push((path, place.renderer.renders() - before));
    }
    let expected = [
        ("shared/other.yaml", 0),
        ("elsewhere/a.yaml", 0),
        ("shared/all.yaml", 1),
        ("web/values.yaml", 1),
        ("web/templates/NOTES.txt", 1),
    ];
    assert_eq!(renders, expected);
}

#[tokio::test]
async fn a_new_kind_in_the_cluster_renders_only_charts_that_ask() {
    let Some(place) = Place::where_there_is(&["helm"]) else { return };
    chart(&place, "web");
    chart(&place, "asks");
    place.commit(&[("asks/templates/kinds.yaml", "{{ if .Capabilities.APIVersions.Has \"x.io/v1\" }}\n{{ end }}")]);
    for (path, expected) in [("web", 0), ("asks", 1)] {
        let mut wanted = place.wanted([place.source(path)]);
        place.renderer.render(&wanted).await.unwrap();
        let before = place.renderer.renders();
        wanted.api_versions.push("x.io/v1".to_owned());
        place.renderer.render(&wanted).await.unwrap();
        assert_eq!(place.renderer.renders() - before, expected, "{path}");
    }
}

#[tokio::test]
async fn values_may_be_in_another_repository() {
    let Some(place) = Place::where_there_is(&["helm"]) else { return };
    chart(&place, "web");
    let other = place.repository("other");
    commit(&other, &[("env/eu.yaml", "from: other\n"), ("secret", "x")]);
    symlink("../../work/web/values.yaml", other.join("env/outside.yaml")).unwrap();
    commit(&other, &[]);
    let values = ApplicationSource {
        repo_url: other.display().to_string(),
        reference: "values".to_owned(),
        ..Default::default()
    };
    let with_file = |file: &str| {
        let helm = ApplicationSourceHelm { value_files: vec![file.to_owned()], ..Default::default() };
        place.wanted([with(place.source("web"), helm), values.clone()])
    };
    let rendered = place.renderer.render(&with_file("$values/env/eu.yaml")).await.unwrap();
    assert_eq!(rendered.manifests[0]["data"]["from"], "other");
    assert_eq!(rendered.source_types, [Some(SourceType::Helm), None]);
    commit(&other, &[("unrelated", "x")]);
    place.renderer.render(&with_file("$values/env/eu.yaml")).await.unwrap();
    assert_eq!(place.renderer.renders(), 1);
    let prefix = "failed to generate manifest for source 1 of 2: ";
    for (file, expected) in [
        ("$values/../secret", "error resolving file path: file '../secret' resolved to outside repository root"),
        (
            "$values/env/outside.yaml",
            "error resolving file path: file 'env/outside.yaml' resolved to outside repository root",
        ),
        ("$other/x.yaml", "source referenced \"$other\", which is not one of the available sources ($values)"),
    ] {
        let error = place.renderer.render(&with_file(file)).await.unwrap_err().to_string();
        assert_eq!(error, format!("{prefix}{expected}"));
    }
}

#[tokio::test]
async fn charts_of_the_same_repository_are_dependencies() {
    let Some(place) = Place::where_there_is(&["helm"]) else { return };
    chart(&place, "charts/common");
    chart(&place, "apps/web");
    let dependencies =
        "dependencies:\n- name: web\n  alias: common\n  version: 1.0.0\n  repository: file://../../charts/common\n";
    place.commit(&[("apps/web/Chart.yaml", &format!("{CHART}{dependencies}"))]);
    let rendered = place.render(place.source("apps/web")).await.unwrap();
    assert_eq!(rendered.manifests.len(), 2);
    let before = place.renderer.renders();
    place.commit(&[("charts/common/values.yaml", "new: '1'\n")]);
    place.render(place.source("apps/web")).await.unwrap();
    assert_eq!(place.renderer.renders(), before + 1, "the other chart was read");
    place.commit(&[("apps/web/Chart.yaml", &format!("{CHART}{}", dependencies.replace("../../charts", "../../../x")))]);
    let refused = place.refused(place.source("apps/web")).await;
    assert_eq!(refused, "file '../../../x/common' resolved to outside repository root");
}

#[tokio::test]
async fn definitions_tests_and_schemas_can_stay_out() {
    let Some(place) = Place::where_there_is(&["helm"]) else { return };
    chart(&place, "web");
    place.commit(&[
        (
            "web/crds/a.yaml",
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: crd}\n",
        ),
        (
            "web/templates/test.yaml",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: test, annotations: {helm.sh/hook: test}}\n",
        ),
        ("web/values.schema.json", r#"{"properties": {"from": {"type": "number"}}}"#),
    ]);
    let all = ApplicationSourceHelm { skip_schema_validation: true, ..Default::default() };
    let none = ApplicationSourceHelm { skip_crds: true, skip_tests: true, ..all.clone() };
    assert_eq!(names(&place.render(with(place.source("web"), all)).await.unwrap()), ["crd", "web", "test"]);
    assert_eq!(names(&place.render(with(place.source("web"), none)).await.unwrap()), ["web"]);
    let refused = place.refused(place.source("web")).await;
    assert!(refused.contains("values don't meet the specifications of the schema"), "{refused}");
}

#[tokio::test]
async fn what_helm_says_is_told_without_places_on_disk() {
    let Some(place) = Place::where_there_is(&["helm"]) else { return };
    chart(&place, "web");
    place.commit(&[("web/templates/bad.yaml", "{{ fail \"no image\" }}")]);
    let refused = place.refused(place.source("web")).await;
    assert!(
        refused.starts_with("failed to execute helm template command: `helm template . --name-template web"),
        "{refused}"
    );
    assert!(refused.contains("no image") && refused.contains("<api versions removed>"), "{refused}");
    let folder = place.folder.path().display().to_string();
    assert!(!refused.contains(&folder), "{refused}");
    let helm = ApplicationSourceHelm { value_files: vec!["none.yaml".to_owned()], ..Default::default() };
    let refused = place.refused(with(place.source("web"), helm)).await;
    assert!(refused.contains("open <path to cached source>/web/none.yaml: no such file"), "{refused}");
}

#[tokio::test]
async fn a_missing_program_is_named_with_what_helps() {
    let place = Place::with(|config| {
        config.programs = Programs { paths: Default::default(), search: "/nowhere".into() };
    });
    chart(&place, "web");
    assert_eq!(
        place.refused(place.source("web")).await,
        "the program `helm` was not found; install it from https://helm.sh/docs/intro/install, or name it with TIPHYS_HELM"
    );
}
