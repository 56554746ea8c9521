use serde_json::json;

use super::*;

#[test]
fn a_create_owns_all_it_gives_and_nothing_the_type_holds_by_value() {
    Object::builtin("v1", "ConfigMap").update("kubectl-create", &json!({"data": {"a": "1"}})).owned(&[(
        "kubectl-create",
        "Update",
        1,
        r#"{"f:data":{".":{},"f:a":{}}}"#,
    )]);
    Object::builtin("apps/v1", "Deployment")
        .update(
            "m",
            &json!({
                "spec": {
                    "replicas": 1, "selector": {"matchLabels": {"app": "x"}}, "strategy": {"type": "Recreate"},
                    "template": {
                        "metadata": {"labels": {"app": "x"}},
                        "spec": {"containers": [{"name": "c", "image": "i", "resources": {}}], "securityContext": {}}
                    }
                },
                "status": {"replicas": 3}
            }),
        )
        .owned(&[(
            "m",
            "Update",
            1,
            "{\"f:spec\":{\"f:replicas\":{},\"f:selector\":{},\"f:strategy\":{\"f:type\":{}},\"f:template\":{\"f:metadata\":\
             {\"f:labels\":{\".\":{},\"f:app\":{}}},\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"c\\\"}\":{\".\":{},\
             \"f:image\":{},\"f:name\":{},\"f:resources\":{}}},\"f:securityContext\":{}}}}}",
        )]);
}

#[test]
fn a_custom_resource_starts_from_nothing() {
    Object::custom(Schema::any())
        .update("m", &json!({"spec": {"replicas": 1}, "metadata": {"labels": {"a": "b"}}}))
        .owned(&[(
            "m",
            "Update",
            1,
            r#"{"f:metadata":{"f:labels":{".":{},"f:a":{}}},"f:spec":{".":{},"f:replicas":{}}}"#,
        )]);
}

#[test]
fn changed_fields_change_hands_and_removed_ones_belong_to_nobody() {
    Object::builtin("v1", "ConfigMap")
        .update("a", &json!({"data": {"x": "1", "y": "1", "z": "1"}}))
        .update("b", &json!({"data": {"x": "2", "y": "1"}}))
        .owned(&[("a", "Update", 1, r#"{"f:data":{".":{},"f:y":{}}}"#), ("b", "Update", 2, r#"{"f:data":{"f:x":{}}}"#)])
        .update("b", &json!({"data": {"x": "3", "y": "1"}}))
        .owned(&[("a", "Update", 1, r#"{"f:data":{".":{},"f:y":{}}}"#), ("b", "Update", 3, r#"{"f:data":{"f:x":{}}}"#)])
        .update("c", &json!({}))
        .owned(&[]);
}

#[test]
fn a_write_that_changes_nothing_leaves_the_entries_as_they_are() {
    let mut object = Object::builtin("v1", "ConfigMap");
    object.update("a", &json!({"data": {"x": "1"}}));
    let before = object.live.clone();
    object.update("b", &json!({"data": {"x": "1"}}));
    assert_eq!(object.live, before);
}

#[test]
fn status_has_its_own_entry() {
    let mut object = Object::builtin("apps/v1", "Deployment");
    object
        .update("user", &json!({"spec": {"replicas": 1}, "status": {}}))
        .update_sub("controller", "status", &json!({"spec": {"replicas": 9}, "status": {"replicas": 1}}))
        .owned(&[
            ("user", "Update", 1, r#"{"f:spec":{"f:replicas":{}}}"#),
            ("controller", "Update", 2, r#"{"f:status":{"f:replicas":{}}}"#),
        ]);
    let list = &object.live.unwrap()["metadata"]["managedFields"];
    assert_eq!(list[1]["subresource"], "status");
    assert_eq!(list[1]["time"], "1970-01-01T00:00:02Z");
}

#[test]
fn the_body_may_bring_edit_and_wipe_entries() {
    let data = json!({"x": "1"});
    let body = |list: Value| json!({"data": data, "metadata": {"managedFields": list}});
    let entry = json!({"manager": "e", "operation": "Update", "apiVersion": "v1", "time": "1970-01-01T00:00:00Z",
        "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:x": {}}}});
    let a = ("a", "Update", 1, r#"{"f:data":{".":{},"f:x":{}}}"#);
    for (name, list, wanted) in [
        ("absent", json!(null), vec![a]),
        ("wiped", json!([{}]), vec![]),
        ("wiped by an empty list", json!([]), vec![]),
        ("edited", json!([entry]), vec![("e", "Update", 0, r#"{"f:data":{"f:x":{}}}"#)]),
        ("invalid", json!([{"manager": "e", "operation": "Frob", "apiVersion": "v1"}]), vec![a]),
    ] {
        println!("{name}");
        Object::builtin("v1", "ConfigMap").update("a", &json!({"data": data})).update("b", &body(list)).owned(&wanted);
    }
    Object::builtin("v1", "ConfigMap")
        .update("a", &json!({"data": data}))
        .update("b", &body(json!([{}])))
        .update("c", &json!({"data": {"x": "2"}}))
        .owned(&[]);
}

#[test]
fn the_oldest_updaters_become_ancient_changes() {
    let mut object = Object::builtin("v1", "ConfigMap");
    let mut data = json!({});
    for i in 0..12 {
        data[format!("k{i:02}")] = json!("v");
        object.update(&format!("m{i:02}"), &json!({"data": data}));
    }
    let list = object.live.unwrap()["metadata"]["managedFields"].clone();
    let managed = ManagedFields::decode(&list).unwrap();
    assert_eq!(managed.entries().len(), MAX_UPDATERS);
    let ancient = &managed.entries()[0];
    assert_eq!(ancient.id.manager, ANCIENT);
    assert_eq!(ancient.set().to_fields_v1_text(), r#"{"f:data":{".":{},"f:k00":{},"f:k01":{},"f:k02":{}}}"#);
    assert_eq!(ancient.time.as_deref(), Some("1970-01-01T00:00:03Z"));
}

#[test]
fn managers_are_named_after_the_parameter_or_the_user_agent() {
    for (parameter, agent, wanted) in [
        ("m", "curl/8", "m"),
        ("", "curl/8", "curl"),
        ("", "kubectl/v1.34.4 (linux/amd64) kubernetes/abc", "kubectl"),
        ("", "", "unknown"),
        ("", "/x", "unknown"),
        ("", "a\u{1b}b/1", "ab"),
    ] {
        assert_eq!(manager_name(parameter, agent), wanted);
    }
    assert_eq!(manager_name("", &"x".repeat(200)).len(), MAX_MANAGER);
    assert!(validate_manager("kubectl").is_empty());
    assert_eq!(validate_manager(&"x".repeat(129))[0].message, "Too long: may not be more than 128 bytes");
    assert_eq!(validate_manager("a\n")[0].message, "Invalid value: \"a\\n\": invalid character U+000A (at position 1)");
}
