use serde_json::{Value, json};
use tiphys_clock::Clock;
use tiphys_machinery::resource;

use super::*;

fn registry() -> Registry {
    let clock = Clock::starting_at("2026-01-02T03:04:05Z".parse().unwrap());
    let options = RegistryOptions { clock, seed: 1, history: HistoryLimits::default() };
    let registry = Registry::in_memory(&options, resource::builtin().into_iter().map(Arc::new).collect());
    create(&registry, "", "namespaces", "", json!({"metadata": {"name": "ns"}})).unwrap();
    registry
}

fn create(registry: &Registry, group: &str, plural: &str, ns: &str, value: Value) -> Result<Value, ApiError> {
    let resource = registry.resource(group, plural).unwrap();
    let mut value = value;
    value["apiVersion"] = resource.gvk.api_version().into();
    value["kind"] = resource.gvk.kind.clone().into();
    registry.create(&resource, ns, value, &WriteOptions::by("tester")).map(|object| object.value())
}

fn get(registry: &Registry, group: &str, plural: &str, ns: &str, name: &str) -> Result<Value, ApiError> {
    let resource = registry.resource(group, plural).unwrap();
    registry.get(&resource, ns, name).map(|object| object.value())
}

fn widgets() -> Value {
    json!({
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {"size": {"type": "integer", "default": 3}}},
                    "status": {"type": "object", "properties": {"seen": {"type": "integer"}}},
                }}},
            }],
        },
    })
}

#[tokio::test]
async fn a_created_object_has_what_the_server_decides() {
    let registry = registry();
    let template = json!({
        "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "web:1"}]},
    });
    let spec = json!({"selector": {"matchLabels": {"app": "web"}}, "template": template});
    let made =
        create(&registry, "apps", "replicasets", "ns", json!({"metadata": {"name": "web"}, "spec": spec})).unwrap();
    assert_eq!(made["metadata"]["generation"], 1);
    assert_eq!(made["metadata"]["creationTimestamp"], "2026-01-02T03:04:05Z");
    assert_eq!(made["spec"]["replicas"], 1, "the default");
    assert_eq!(made["metadata"]["managedFields"][0]["manager"], "tester");
}

#[tokio::test]
async fn a_write_that_changes_nothing_leaves_the_revision() {
    let registry = registry();
    create(&registry, "", "configmaps", "ns", json!({"metadata": {"name": "c"}, "data": {"a": "1"}})).unwrap();
    let resource = registry.resource("", "configmaps").unwrap();
    let before = registry.revision();
    let write = |value: &str| {
        let options = WriteOptions::by("other");
        registry.modify(&resource, "ns", "c", Subresource::Main, &options, |c| c["data"]["a"] = value.into()).unwrap();
        registry.revision()
    };
    assert_eq!(write("1"), before);
    assert_eq!(write("2"), before + 1);
}

#[tokio::test]
async fn a_definition_serves_its_kind_at_once_and_takes_its_objects_along() {
    let registry = registry();
    let crds = registry.resource("apiextensions.k8s.io", "customresourcedefinitions").unwrap();
    create(&registry, "apiextensions.k8s.io", "customresourcedefinitions", "", widgets()).unwrap();
    let made =
        create(&registry, "example.com", "widgets", "ns", json!({"metadata": {"name": "w"}, "spec": {}})).unwrap();
    assert_eq!(made["spec"]["size"], 3, "the default of the schema");
    let refused =
        create(&registry, "example.com", "widgets", "ns", json!({"metadata": {"name": "x"}, "spec": {"size": "big"}}));
    assert_eq!(refused.unwrap_err().code, 422);

    registry.delete(&crds, "", "widgets.example.com", &DeleteOptions::background()).unwrap();
    assert!(registry.resource("example.com", "widgets").is_none());
    assert_eq!(
        get(&registry, "apiextensions.k8s.io", "customresourcedefinitions", "", "widgets.example.com")
            .unwrap_err()
            .code,
        404
    );
}

#[tokio::test]
async fn status_moves_apart_from_the_rest() {
    let registry = registry();
    create(&registry, "apiextensions.k8s.io", "customresourcedefinitions", "", widgets()).unwrap();
    create(&registry, "example.com", "widgets", "ns", json!({"metadata": {"name": "w"}, "spec": {"size": 1}})).unwrap();
    let resource = registry.resource("example.com", "widgets").unwrap();
    let write = |part: Subresource| {
        let change = |w: &mut Value| {
            w["spec"]["size"] = 9.into();
            w["status"] = json!({"seen": 4});
        };
        registry.modify(&resource, "ns", "w", part, &WriteOptions::by("t"), change).unwrap().value()
    };
    let status = write(Subresource::Status);
    assert_eq!(
        (&status["spec"]["size"], &status["status"]["seen"], &status["metadata"]["generation"]),
        (&json!(1), &json!(4), &json!(1))
    );
    let main = write(Subresource::Main);
    assert_eq!((&main["spec"]["size"], &main["metadata"]["generation"]), (&json!(9), &json!(2)));
}

#[tokio::test]
async fn apply_creates_conflicts_and_takes_by_force() {
    let registry = registry();
    let resource = registry.resource("", "configmaps").unwrap();
    let apply = |manager: &'static str, value: &str, force: bool| {
        let config = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": value}});
        let options = WriteOptions { force, ..WriteOptions::by(manager) };
        registry.patch(&resource, ("ns", "c"), Subresource::Main, (PatchKind::Apply, &config), &options)
    };
    assert!(apply("one", "1", false).unwrap().0.created);
    assert_eq!(apply("two", "2", false).unwrap_err().reason, "Conflict");
    let taken = apply("two", "2", true).unwrap().0.object.value();
    assert_eq!(taken["data"]["a"], "2");
    assert_eq!(registry.list(&resource, Some("ns")).len(), 1);
}

#[tokio::test]
async fn what_the_server_sets_belongs_to_nobody() {
    let registry = registry();
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let made = create(&registry, "", "pods", "ns", pod).unwrap();
    assert_eq!(made["spec"]["priority"], 0, "admission has set it");
    let owned = &made["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"];
    assert!(owned.get("f:restartPolicy").is_some() && owned.get("f:priority").is_none(), "{owned}");
}

#[tokio::test]
async fn the_namespaces_of_every_cluster_stay() {
    let registry = registry();
    let namespaces = registry.resource("", "namespaces").unwrap();
    create(&registry, "", "namespaces", "", json!({"metadata": {"name": "default"}})).unwrap();
    let error = registry.delete(&namespaces, "", "default", &DeleteOptions::background()).unwrap_err();
    assert_eq!(
        (error.code, error.message.as_str()),
        (403, "namespaces \"default\" is forbidden: this namespace may not be deleted")
    );
    assert!(registry.delete(&namespaces, "", "ns", &DeleteOptions::background()).is_ok());
}

#[tokio::test]
async fn what_goes_by_an_update_is_shown_as_it_was() {
    let registry = registry();
    let held = json!({"metadata": {"name": "c", "finalizers": ["example.com/a"]}});
    create(&registry, "", "configmaps", "ns", held).unwrap();
    let resource = registry.resource("", "configmaps").unwrap();
    let marked = registry.delete(&resource, "ns", "c", &DeleteOptions::background()).unwrap();
    assert!(!marked.removed);
    let options = WriteOptions::by("t");
    let let_go = |c: &mut Value| c["metadata"]["finalizers"] = json!([]);
    let gone = registry.modify(&resource, "ns", "c", Subresource::Main, &options, let_go).unwrap();
    assert_eq!(gone.revision(), marked.object.revision());
    assert!(registry.revision() > gone.revision());
}

#[tokio::test]
async fn another_uid_is_another_object() {
    let registry = registry();
    let mut made =
        create(&registry, "", "services", "ns", json!({"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}))
            .unwrap();
    let resource = registry.resource("", "services").unwrap();
    made["metadata"]["uid"] = "other".into();
    let error = registry.update(&resource, "ns", "s", Subresource::Main, &made, &WriteOptions::by("t")).unwrap_err();
    assert!(error.message.contains("Key: /registry/services/specs/ns/s, ResourceVersion: 0"), "{error}");
}

#[tokio::test]
async fn a_namespace_must_exist() {
    let registry = registry();
    let error = create(&registry, "", "configmaps", "none", json!({"metadata": {"name": "c"}})).unwrap_err();
    assert_eq!(error.message, "namespaces \"none\" not found");
}

#[tokio::test]
async fn services_get_different_addresses() {
    let registry = registry();
    let make = |name: &str| {
        let spec = json!({"ports": [{"port": 80}], "selector": {"app": "web"}});
        let made = create(&registry, "", "services", "ns", json!({"metadata": {"name": name}, "spec": spec})).unwrap();
        made["spec"]["clusterIP"].as_str().unwrap_or_default().to_owned()
    };
    let (a, b) = (make("a"), make("b"));
    assert!(a.starts_with("10.96.") && b.starts_with("10.96.") && a != b, "{a} {b}");
}
