use serde_json::json;

use super::*;
use crate::schema::{ListType, Type};

#[test]
fn an_applier_owns_what_it_mentions_and_prunes_what_it_drops() {
    Object::builtin("v1", "ConfigMap")
        .apply("a", &json!({"data": {"x": "1", "y": "1"}}))
        .owned(&[("a", "Apply", 1, r#"{"f:data":{"f:x":{},"f:y":{}}}"#)])
        .apply("a", &json!({"data": {"x": "2"}}))
        .is(&json!({"data": {"x": "2"}}))
        .owned(&[("a", "Apply", 2, r#"{"f:data":{"f:x":{}}}"#)]);
}

#[test]
fn fields_of_others_with_another_value_conflict() {
    let mut object = Object::builtin("v1", "ConfigMap");
    object.update("kube-controller-manager", &json!({"data": {"ca.crt": "1", "b": "1"}}));
    let error = object.try_apply("me", &json!({"data": {"ca.crt": "2"}}), OnConflict::Refuse).unwrap_err();
    assert_eq!((error.code, error.reason), (409, "Conflict"));
    assert_eq!(
        error.message,
        "Apply failed with 1 conflict: conflict with \"kube-controller-manager\" using v1: .data.ca.crt"
    );
    assert_eq!(
        error.details,
        json!({"causes": [{
            "reason": "FieldManagerConflict",
            "message": "conflict with \"kube-controller-manager\" using v1",
            "field": ".data.ca.crt"
        }]})
    );
    object.force("b", &json!({"data": {"b": "3"}}));
    let error = object.try_apply("me", &json!({"data": {"ca.crt": "2", "b": "2"}}), OnConflict::Refuse).unwrap_err();
    assert_eq!(
        error.message,
        "Apply failed with 2 conflicts: conflicts with \"b\":\n- .data.b\nconflicts with \"kube-controller-manager\" \
         using v1:\n- .data.ca.crt"
    );
    object.force("me", &json!({"data": {"ca.crt": "2", "b": "2"}})).owned(&[
        ("me", "Apply", 5, r#"{"f:data":{"f:b":{},"f:ca.crt":{}}}"#),
        ("kube-controller-manager", "Update", 1, r#"{"f:data":{}}"#),
    ]);
}

#[test]
fn equal_values_are_shared_and_survive_until_the_last_owner_drops_them() {
    let both = json!({"data": {"x": "1"}});
    Object::builtin("v1", "ConfigMap")
        .apply("a", &both)
        .apply("b", &both)
        .apply("a", &json!({}))
        .is(&both)
        .owned(&[("b", "Apply", -1, r#"{"f:data":{"f:x":{}}}"#)])
        .apply("b", &json!({}))
        .owned(&[]);
}

#[test]
fn applying_the_same_again_changes_nothing() {
    let config = json!({"data": {"x": "1"}, "metadata": {"labels": {"a": "b"}, "finalizers": ["a/b"]}});
    let mut object = Object::builtin("v1", "ConfigMap");
    object.apply("a", &config);
    let before = object.live.clone();
    assert_eq!(object.try_apply("a", &config, OnConflict::Refuse), Ok(false));
    assert_eq!(object.live, before);
}

#[test]
fn items_of_list_maps_are_owned_one_by_one_with_default_keys() {
    let mut object = Object::builtin("v1", "Service");
    object
        .apply("a", &json!({"spec": {"ports": [{"port": 80}]}}))
        .owned(&[(
            "a",
            "Apply",
            1,
            r#"{"f:spec":{"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:port":{}}}}}"#,
        )])
        .apply("b", &json!({"spec": {"ports": [{"port": 443, "name": "s"}]}}))
        .is(&json!({"spec": {"ports": [{"port": 80}, {"port": 443, "name": "s"}]}}))
        .apply("a", &json!({"spec": {"type": "ClusterIP"}}))
        .is(&json!({"spec": {"type": "ClusterIP", "ports": [{"port": 443, "name": "s"}]}}));
}

#[test]
fn what_is_there_before_the_first_apply_has_an_owner() {
    let mut object = Object::builtin("v1", "ConfigMap");
    object.live = Some(object.whole(&json!({"data": {"x": "1", "y": "1"}})));
    object.apply("a", &json!({"data": {"x": "1"}})).owned(&[
        ("a", "Apply", -1, r#"{"f:data":{"f:x":{}}}"#),
        ("before-first-apply", "Update", 1, r#"{"f:data":{".":{},"f:x":{},"f:y":{}}}"#),
    ]);
}

#[test]
fn kubectl_takes_over_what_it_applied_on_the_client_side() {
    let last = "kubectl.kubernetes.io/last-applied-configuration";
    let mut object = Object::builtin("v1", "ConfigMap");
    let old = object.whole(&json!({"data": {"x": "1"}})).to_string();
    object.update("kubectl-client-side-apply", &json!({"metadata": {"annotations": {last: old}}, "data": {"x": "1"}}));
    let config = json!({"data": {"x": "2"}});
    assert_eq!(object.try_apply("other", &config, OnConflict::Refuse).unwrap_err().code, 409);
    object.apply("kubectl", &config);
    let live = object.live.as_ref().unwrap();
    assert_eq!(live["data"]["x"], "2");
    let fresh = live["metadata"]["annotations"][last].as_str().unwrap();
    assert_eq!(fresh, format!("{}\n", object.whole(&config)));
}

#[test]
fn a_configuration_must_fit_the_schema() {
    for (name, body, wanted) in [
        ("unknown field", json!({"spec": {"foo": 1}}), ".spec.foo: field not declared in schema"),
        (
            "wrong type",
            json!({"spec": {"replicas": "x"}}),
            ".spec.replicas: expected numeric (int or float), got string",
        ),
        ("no map", json!({"spec": {"template": {"spec": 1}}}), ".spec.template.spec: expected map, got &{1}"),
        (
            "no string",
            json!({"metadata": {"labels": {"a": 1}}}),
            ".metadata.labels.a: expected string, got &value.valueUnstructured{Value:1}",
        ),
        (
            "two items with one key",
            json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "env": [{"name": "A"}, {"name": "A"}]}]}}}}),
            ".spec.template.spec.containers[name=\"c\"].env: duplicate entries for key [name=\"A\"]",
        ),
        (
            "two misfits",
            json!({"spec": {"paused": 1, "replicas": true}}),
            "errors:\n  .spec.paused: expected boolean, got &{1}\n  .spec.replicas: expected numeric (int or float), got bool",
        ),
    ] {
        let error = Object::builtin("apps/v1", "Deployment").try_apply("a", &body, OnConflict::Refuse).expect_err(name);
        let wanted = format!("failed to create typed patch object (/x; apps/v1, Kind=Deployment): {wanted}");
        assert_eq!((error.code, error.reason, error.message), (500, "", wanted), "{name}");
    }
}

#[test]
fn kind_and_managed_fields_of_a_configuration_are_checked() {
    let object = Object::builtin("v1", "ConfigMap");
    let request = ApplyRequest { write: object.write("a", ""), on_conflict: OnConflict::Refuse };
    for (config, wanted) in [
        (json!({"apiVersion": "v1", "kind": "Secret"}), "invalid object type: /v1, Kind=Secret"),
        (
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"managedFields": []}}),
            "metadata.managedFields must be nil",
        ),
    ] {
        let error = apply(&request, None, &config).unwrap_err();
        assert_eq!((error.code, error.message.as_str()), (400, wanted));
    }
}

#[test]
fn items_without_any_key_are_refused() {
    let item = Schema { ty: Type::Object, additional: Some(Arc::new(Schema::any())), ..Schema::default() };
    let keys = ListType::Map(vec!["a".to_owned(), "b".to_owned()]);
    let list = Schema { ty: Type::Array, items: Some(Arc::new(item)), list: keys, ..Schema::default() };
    let schema =
        Schema { ty: Type::Object, properties: [("l".to_owned(), Arc::new(list))].into(), ..Schema::default() };
    let mut object = Object::custom(schema);
    let error = object.try_apply("m", &json!({"l": [{"c": 1}]}), OnConflict::Refuse).unwrap_err();
    assert_eq!(
        error.message,
        "failed to create typed patch object (/x; example.com/v1, Kind=Foo): .l: element 0: associative list with keys \
         has an element that omits all key fields [\"a\" \"b\"] (and doesn't have default values for any key fields)"
    );
    object.apply("m", &json!({"l": [{"b": 1, "c": 1}, {"a": 1, "b": 1}]})).owned(&[(
        "m",
        "Apply",
        2,
        r#"{"f:l":{"k:{\"a\":1,\"b\":1}":{".":{},"f:a":{},"f:b":{}},"k:{\"b\":1}":{".":{},"f:b":{},"f:c":{}}}}"#,
    )]);
}

#[test]
fn atomic_lists_and_maps_have_one_owner() {
    let mut object = Object::builtin("apps/v1", "Deployment");
    let selector = |value: &str| json!({"spec": {"selector": {"matchLabels": {"a": value}}}});
    object.apply("a", &selector("1")).owned(&[("a", "Apply", 1, r#"{"f:spec":{"f:selector":{}}}"#)]);
    let error = object.try_apply("b", &selector("2"), OnConflict::Refuse).unwrap_err();
    assert_eq!(error.message, "Apply failed with 1 conflict: conflict with \"a\": .spec.selector");
    object.force("b", &json!({"spec": {"selector": {"matchLabels": {"b": "1"}}}}));
    object.is(&json!({"spec": {"selector": {"matchLabels": {"b": "1"}}}}));
}

#[test]
fn sets_grow_and_shrink_member_by_member() {
    let finalizers = |list: Value| json!({"metadata": {"finalizers": list}});
    Object::builtin("v1", "ConfigMap")
        .apply("a", &finalizers(json!(["x", "y"])))
        .apply("b", &finalizers(json!(["y", "z"])))
        .is(&finalizers(json!(["x", "y", "z"])))
        .apply("a", &finalizers(json!([])))
        .is(&finalizers(json!(["y", "z"])))
        .owned(&[("b", "Apply", 2, r#"{"f:metadata":{"f:finalizers":{"v:\"y\"":{},"v:\"z\"":{}}}}"#)]);
}

#[test]
fn a_parent_goes_only_when_nobody_owns_anything_in_it() {
    let pod = |spec: Value| json!({"spec": spec});
    let mut object = Object::builtin("v1", "Pod");
    object
        .apply("a", &pod(json!({"containers": [{"name": "c", "image": "i"}]})))
        .apply("b", &pod(json!({"containers": [{"name": "c", "env": [{"name": "E", "value": "1"}]}]})))
        .apply("a", &json!({}))
        .is(&pod(json!({"containers": [{"name": "c", "env": [{"name": "E", "value": "1"}]}]})))
        .apply("b", &json!({}));
    assert_eq!(object.live.unwrap()["spec"].get("containers"), None);
}

#[test]
fn what_an_updater_added_to_an_item_survives_its_applier() {
    let mut object = Object::builtin("v1", "ConfigMap");
    object
        .apply("a", &json!({"data": {"x": "1"}}))
        .update("u", &json!({"data": {"x": "1", "y": "2"}}))
        .apply("a", &json!({}))
        .is(&json!({"data": {"y": "2"}}))
        .owned(&[("u", "Update", 2, r#"{"f:data":{"f:y":{}}}"#)]);
}

#[test]
fn an_updater_takes_the_field_and_the_applier_conflicts_afterwards() {
    let mut object = Object::builtin("v1", "ConfigMap");
    object.apply("a", &json!({"data": {"x": "1"}})).update_sub("u", "status", &json!({"data": {"x": "2"}}));
    let error = object.try_apply("a", &json!({"data": {"x": "1"}}), OnConflict::Refuse).unwrap_err();
    assert_eq!(
        error.message,
        "Apply failed with 1 conflict: conflict with \"u\" with subresource \"status\" using v1: .data.x"
    );
}

#[test]
fn free_form_subtrees_are_owned_field_by_field() {
    Object::custom(Schema::any())
        .apply("a", &json!({"spec": {"x": {"y": 1}, "list": [{"a": 1}]}}))
        .owned(&[("a", "Apply", 1, r#"{"f:spec":{".":{},"f:list":{},"f:x":{".":{},"f:y":{}}}}"#)])
        .apply("b", &json!({"spec": {"x": {"z": 2}}}))
        .is(&json!({"spec": {"x": {"y": 1, "z": 2}, "list": [{"a": 1}]}}));
}

#[test]
fn entries_from_before_a_list_became_atomic_count_for_the_whole_list() {
    let list = |list: ListType| {
        let items = Schema { ty: Type::Object, additional: Some(Arc::new(Schema::any())), ..Schema::default() };
        let list = Schema { ty: Type::Array, items: Some(Arc::new(items)), list, ..Schema::default() };
        Schema { ty: Type::Object, properties: [("l".to_owned(), Arc::new(list))].into(), ..Schema::default() }
    };
    let mut object = Object::custom(list(ListType::Map(vec!["k".to_owned()])));
    object.apply("a", &json!({"l": [{"k": "1", "v": 1}]}));
    object.schema = Arc::new(list(ListType::Atomic));
    let error = object.try_apply("b", &json!({"l": [{"k": "2"}]}), OnConflict::Refuse).unwrap_err();
    assert_eq!(error.message, "Apply failed with 1 conflict: conflict with \"a\": .l");
    object.update("u", &json!({"l": []})).owned(&[("u", "Update", 3, r#"{"f:l":{}}"#)]);
}

#[test]
fn an_explicit_null_removes_a_scalar() {
    let mut object = Object::builtin("apps/v1", "Deployment");
    object
        .apply("a", &json!({"spec": {"replicas": 1}}))
        .apply("a", &json!({"spec": {"replicas": null}}))
        .is(&json!({"spec": {}}));
}

#[test]
fn identity_and_version_of_a_configuration_are_not_owned() {
    let mut object = Object::builtin("v1", "ConfigMap");
    let body = json!({"metadata": {"uid": "u", "resourceVersion": "1", "generation": 1}});
    object.apply("a", &body).owned(&[]);
}
