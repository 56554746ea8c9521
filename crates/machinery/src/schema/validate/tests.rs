use serde_json::json;

use super::{super::from_openapi, *};

#[track_caller]
fn check(schema: &Value, value: &Value, expected: &[&str]) {
    let schema = from_openapi(&json!({"type": "object", "properties": {"spec": schema}}));
    let texts: Vec<String> = validate(&json!({"spec": value}), None, &schema)
        .iter()
        .map(|c| format!("{}: {}", c.field, c.message))
        .collect();
    assert_eq!(texts, expected);
}

#[test]
fn types_are_named_as_upstream_names_them() {
    for (schema, value, expected) in [
        (
            json!({"type": "integer"}),
            json!("a"),
            "spec: Invalid value: \"string\": spec in body must be of type integer: \"string\"",
        ),
        (
            json!({"type": "string"}),
            json!(1),
            "spec: Invalid value: \"integer\": spec in body must be of type string: \"integer\"",
        ),
        (
            json!({"type": "integer"}),
            json!(1.5),
            "spec: Invalid value: \"number\": spec in body must be of type integer: \"number\"",
        ),
        (
            json!({"type": "object"}),
            json!([]),
            "spec: Invalid value: \"array\": spec in body must be of type object: \"array\"",
        ),
        (
            json!({"type": "string"}),
            json!(null),
            "spec: Invalid value: \"null\": spec in body must be of type string: \"null\"",
        ),
        (
            json!({"x-kubernetes-int-or-string": true}),
            json!(true),
            "spec: Invalid value: \"boolean\": spec in body must be of type integer,string: \"boolean\"",
        ),
    ] {
        check(&schema, &value, &[expected]);
    }
    check(&json!({"type": "integer"}), &json!(1.0), &[]);
    check(&json!({"type": "number"}), &json!(1), &[]);
    check(&json!({"type": "string", "nullable": true}), &json!(null), &[]);
    check(&json!({"x-kubernetes-int-or-string": true}), &json!("25%"), &[]);
}

#[test]
fn bounds_are_said_as_upstream_says_them() {
    for (schema, value, expected) in [
        (
            json!({"type": "string", "enum": ["a", "b"]}),
            json!("z"),
            "spec: Unsupported value: \"z\": supported values: \"a\", \"b\"",
        ),
        (
            json!({"type": "string", "pattern": "^a$"}),
            json!("b"),
            "spec: Invalid value: \"b\": spec in body should match '^a$'",
        ),
        (
            json!({"type": "integer", "minimum": 1}),
            json!(0),
            "spec: Invalid value: 0: spec in body should be greater than or equal to 1",
        ),
        (
            json!({"type": "integer", "maximum": 9}),
            json!(10),
            "spec: Invalid value: 10: spec in body should be less than or equal to 9",
        ),
        (
            json!({"type": "integer", "maximum": 9, "exclusiveMaximum": true}),
            json!(9),
            "spec: Invalid value: 9: spec in body should be less than 9",
        ),
        (
            json!({"type": "integer", "multipleOf": 5}),
            json!(7),
            "spec: Invalid value: 7: spec in body should be a multiple of 5",
        ),
        (
            json!({"type": "string", "minLength": 1}),
            json!(""),
            "spec: Invalid value: \"\": spec in body should be at least 1 chars long",
        ),
        (json!({"type": "string", "maxLength": 3}), json!("abcd"), "spec: Too long: may not be more than 3 bytes"),
        (
            json!({"type": "array", "maxItems": 3, "items": {"type": "integer"}}),
            json!([1, 2, 3, 4, 5]),
            "spec: Too many: 5: must have at most 3 items",
        ),
        (
            json!({"type": "array", "minItems": 1, "items": {"type": "integer"}}),
            json!([]),
            "spec: Invalid value: 0: spec in body should have at least 1 items",
        ),
        (json!({"type": "object", "required": ["x"]}), json!({}), "spec.x: Required value"),
        (
            json!({"type": "string", "format": "date-time"}),
            json!("soon"),
            "spec: Invalid value: \"soon\": spec in body must be of type date-time: \"soon\"",
        ),
        (
            json!({"type": "object", "additionalProperties": {"type": "integer"}}),
            json!({"k": "v"}),
            "spec.k: Invalid value: \"string\": spec.k in body must be of type integer: \"string\"",
        ),
    ] {
        check(&schema, &value, &[expected]);
    }
}

#[test]
fn junctors_name_themselves_and_the_closest_alternative() {
    let properties = json!({"a": {"type": "integer"}, "b": {"type": "integer"}});
    let with = |name: &str, list: Value| json!({"type": "object", "properties": properties, name: list});
    let alternatives = json!([{"required": ["a"]}, {"required": ["b"]}]);
    check(
        &with("oneOf", alternatives.clone()),
        &json!({}),
        &[
            "<nil>: Invalid value: \"\": \"spec\" must validate one and only one schema (oneOf). Found none valid",
            "spec.a: Required value",
        ],
    );
    check(
        &with("oneOf", alternatives.clone()),
        &json!({"a": 1, "b": 1}),
        &[
            "<nil>: Invalid value: \"\": \"spec\" must validate one and only one schema (oneOf). Found 2 valid alternatives",
        ],
    );
    check(
        &with("anyOf", alternatives.clone()),
        &json!({}),
        &["<nil>: Invalid value: \"\": \"spec\" must validate at least one schema (anyOf)", "spec.a: Required value"],
    );
    check(
        &with("allOf", alternatives),
        &json!({"a": 1}),
        &["spec.b: Required value", "<nil>: Invalid value: \"\": \"spec\" must validate all the schemas (allOf)"],
    );
    check(
        &with("not", json!({"required": ["a"]})),
        &json!({"a": 1}),
        &["<nil>: Invalid value: \"\": \"spec\" must not validate the schema (not)"],
    );
}

#[test]
fn list_maps_and_sets_have_no_duplicates() {
    let map = json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
        "items": {"type": "object", "properties": {"name": {"type": "string"}}}});
    check(
        &map,
        &json!([{"name": "a"}, {"name": "a"}, {"name": "a"}, {}]),
        &["spec[1]: Duplicate value: {\"name\":\"a\"}"],
    );
    let set = json!({"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}});
    check(&set, &json!(["a", "b", "a"]), &["spec[2]: Duplicate value: \"a\""]);
}

#[test]
fn an_update_is_not_blamed_for_what_it_leaves_alone() {
    let schema = from_openapi(&json!({"type": "object", "properties": {
        "old": {"type": "string", "maxLength": 1}, "new": {"type": "string", "maxLength": 1},
        "list": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": {
            "type": "object", "properties": {"k": {"type": "string"}, "v": {"type": "string", "maxLength": 1}}}}}}));
    let old = json!({"old": "long", "new": "x", "list": [{"k": "a", "v": "long"}]});
    let new = json!({"old": "long", "new": "long", "list": [{"k": "b", "v": "x"}, {"k": "a", "v": "long"}]});
    let fields: Vec<String> = validate(&new, Some(&old), &schema).into_iter().map(|c| c.field).collect();
    assert_eq!(fields, ["new"]);
}

#[test]
fn embedded_resources_say_what_they_are() {
    let schema = json!({"type": "object", "x-kubernetes-embedded-resource": true,
        "x-kubernetes-preserve-unknown-fields": true});
    check(
        &schema,
        &json!({"apiVersion": ""}),
        &["spec.apiVersion: Invalid value: \"\": must not be empty", "spec.kind: Required value"],
    );
}

#[test]
fn scale_paths_must_lead_to_numbers() {
    let paths = crate::resource::ScalePaths {
        spec_replicas: ".spec.replicas".to_owned(),
        status_replicas: ".status.replicas".to_owned(),
        selector: Some(".status.selector".to_owned()),
    };
    for (object, expected) in [
        (json!({}), vec![]),
        (
            json!({"spec": {"replicas": "a"}}),
            vec![
                ".spec.replicas: Invalid value: 0: .spec.replicas accessor error: a is of the type string, expected int64",
            ],
        ),
        (
            json!({"spec": {"replicas": -1}}),
            vec![".spec.replicas: Invalid value: -1: should be a non-negative integer"],
        ),
        (
            json!({"status": {"selector": 1}}),
            vec![
                ".status.selector: Invalid value: \"\": .status.selector accessor error: 1 is of the type int64, expected string",
            ],
        ),
    ] {
        let texts: Vec<String> =
            validate_scale(&object, &paths).iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
        assert_eq!(texts, expected);
    }
}

fn ruled(rules: &Value) -> Schema {
    from_openapi(&json!({"type": "object", "properties": {"spec": {"type": "object", "x-kubernetes-validations": rules,
        "properties": {"min": {"type": "integer"}, "max": {"type": "integer"},
            "name": {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "name is immutable"}]},
            "list": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string",
                "x-kubernetes-validations": [{"rule": "self == oldSelf"}]}}}}}}}}))
}

#[track_caller]
fn check_rules(rules: &Value, value: &Value, old: Option<&Value>, expected: &[&str]) {
    let texts: Vec<String> =
        validate(value, old, &ruled(rules)).iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
    assert_eq!(texts, expected);
}

#[test]
fn rules_object_in_their_own_words() {
    let both = json!({"spec": {"min": 3, "max": 1}});
    for (rule, expected) in [
        (json!({"rule": "self.min <= self.max"}), "spec: Invalid value: \"object\": failed rule: self.min <= self.max"),
        (
            json!({"rule": "self.min <= self.max", "message": "min over max"}),
            "spec: Invalid value: \"object\": min over max",
        ),
        (
            json!({"rule": "self.min <= self.max", "messageExpression": "'min ' + string(self.min)"}),
            "spec: Invalid value: \"object\": min 3",
        ),
        (
            json!({"rule": "self.min <= self.max", "message": "m", "fieldPath": ".max", "reason": "FieldValueForbidden"}),
            "spec.max: Forbidden: m",
        ),
        (
            json!({"rule": "self.name == 'x'"}),
            "spec: Invalid value: \"object\": no such key: name evaluating rule: self.name == 'x'",
        ),
    ] {
        check_rules(&json!([rule]), &both, None, &[expected]);
    }
    check_rules(&json!([{"rule": "ip(self.name).family() == 4"}]), &both, None, &[]);
}

#[test]
fn transition_rules_ask_only_where_old_and_new_belong_together() {
    let old = json!({"spec": {"name": "a", "list": [{"a": "x"}]}});
    let new = json!({"spec": {"name": "b", "list": [{"a": "y"}]}});
    check_rules(&json!([]), &new, None, &[]);
    check_rules(&json!([]), &old, Some(&old), &[]);
    check_rules(&json!([]), &new, Some(&old), &["spec.name: Invalid value: \"string\": name is immutable"]);
    let optional = json!([{"rule": "!oldSelf.hasValue() || self.name == oldSelf.value().name", "optionalOldSelf": true, "message": "m"}]);
    check_rules(&optional, &new, None, &[]);
}

#[test]
fn rules_do_not_blame_an_update_for_what_it_leaves_alone() {
    let rule = json!([{"rule": "self.min <= self.max"}]);
    let old = json!({"spec": {"min": 3, "max": 1}, "other": 1});
    check_rules(&rule, &json!({"spec": {"min": 3, "max": 1}, "other": 2}), Some(&old), &[]);
    check_rules(
        &rule,
        &json!({"spec": {"min": 4, "max": 1}}),
        Some(&old),
        &["spec: Invalid value: \"object\": failed rule: self.min <= self.max"],
    );
}

#[test]
fn rules_wait_for_the_shape_to_be_right() {
    check_rules(
        &json!([{"rule": "self.min <= self.max"}]),
        &json!({"spec": {"min": "a"}}),
        None,
        &[
            "spec.min: Invalid value: \"string\": spec.min in body must be of type integer: \"string\"",
            "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the \
             existing errors to complete validation",
        ],
    );
}

#[test]
fn a_rule_that_does_not_compile_is_named_for_a_warning() {
    assert_eq!(
        unsupported_rules(&ruled(&json!([{"rule": "url(self.name).getHost() == ''"}]))),
        [
            "spec: x-kubernetes-validations rule \"url(self.name).getHost() == ''\" is not enforced: undeclared reference to 'url'"
        ]
    );
}
