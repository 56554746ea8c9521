use serde_json::json;

use super::*;
use crate::schema::builtin;

fn deployment() -> std::sync::Arc<Schema> {
    builtin("apps/v1", "Deployment").unwrap()
}

/// A Deployment with this pod spec.
fn with_pod(spec: &Value) -> Value {
    json!({"spec": {"template": {"spec": spec}}})
}

#[track_caller]
fn check_pod(name: &str, live: &Value, patch: &Value, wanted: &Value) {
    let got = apply(with_pod(live), with_pod(patch), &deployment());
    assert_eq!(got, Ok(with_pod(wanted)), "{name}");
}

#[test]
fn lists_merge_by_their_key_and_keep_an_order() {
    let c = |name: &str| json!({"name": name});
    for (name, live, patch, wanted) in [
        (
            "change one",
            json!([{"name": "a", "image": "x"}, c("b")]),
            json!([{"name": "a", "image": "y"}]),
            json!([{"name": "a", "image": "y"}, c("b")]),
        ),
        ("new items come first", json!([c("a"), c("b")]), json!([c("z")]), json!([c("z"), c("a"), c("b")])),
        (
            "order of the patch wins among its items",
            json!([c("a"), c("b"), c("c")]),
            json!([c("c"), c("a")]),
            json!([c("b"), c("c"), c("a")]),
        ),
        ("delete", json!([c("a"), c("b")]), json!([{"name": "a", "$patch": "delete"}]), json!([c("b")])),
        ("delete what is not there", json!([c("a")]), json!([{"name": "q", "$patch": "delete"}]), json!([c("a")])),
        ("replace the list", json!([c("a"), c("b")]), json!([{"$patch": "replace"}, c("z")]), json!([c("z")])),
        (
            "replace an item",
            json!([{"name": "a", "image": "x", "tty": true}]),
            json!([{"name": "a", "tty": null}]),
            json!([{"name": "a", "image": "x"}]),
        ),
        ("into nothing", json!(null), json!([{"name": "a", "image": null}]), json!([c("a")])),
    ] {
        let live = if live.is_null() { json!({}) } else { json!({"containers": live}) };
        check_pod(name, &live, &json!({"containers": patch}), &json!({"containers": wanted}));
    }
}

#[test]
fn every_directive_does_what_its_name_says() {
    for (name, live, patch, wanted) in [
        (
            "element order interleaves what only the server has",
            json!({"containers": [{"name": "a"}, {"name": "s"}, {"name": "b"}]}),
            json!({"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}], "containers": [{"name": "b", "image": "i"}]}),
            json!({"containers": [{"name": "s"}, {"name": "b", "image": "i"}, {"name": "a"}]}),
        ),
        (
            "element order alone",
            json!({"containers": [{"name": "a"}, {"name": "b"}]}),
            json!({"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}),
            json!({"containers": [{"name": "b"}, {"name": "a"}]}),
        ),
        (
            "retained keys drop the old volume source",
            json!({"volumes": [{"name": "v", "emptyDir": {}}]}),
            json!({"volumes": [{"$retainKeys": ["name", "secret"], "name": "v", "secret": {"secretName": "s"}}]}),
            json!({"volumes": [{"name": "v", "secret": {"secretName": "s"}}]}),
        ),
        (
            "ports merge by number",
            json!({"containers": [{"name": "a", "ports": [{"containerPort": 80, "protocol": "TCP"}]}]}),
            json!({"containers": [{"name": "a", "ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 81}]}]}),
            json!({"containers": [{"name": "a", "ports": [{"containerPort": 80, "name": "http", "protocol": "TCP"}, {"containerPort": 81}]}]}),
        ),
        (
            "from value to valueFrom",
            json!({"containers": [{"name": "a", "env": [{"name": "E", "value": "1"}]}]}),
            json!({"containers": [{"name": "a", "env": [{"name": "E", "value": null, "valueFrom": {"fieldRef": {"fieldPath": "x"}}}]}]}),
            json!({"containers": [{"name": "a", "env": [{"name": "E", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}]}]}),
        ),
        (
            "lists without a strategy are replaced",
            json!({"tolerations": [{"key": "a"}], "containers": [{"name": "a", "args": ["1", "2"]}]}),
            json!({"tolerations": [{"key": "b"}], "containers": [{"name": "a", "args": ["3"]}]}),
            json!({"tolerations": [{"key": "b"}], "containers": [{"name": "a", "args": ["3"]}]}),
        ),
        (
            "a deleted map is empty",
            json!({"nodeSelector": {"a": "b"}}),
            json!({"nodeSelector": {"$patch": "delete"}}),
            json!({"nodeSelector": {}}),
        ),
        (
            "a replaced map is the patch",
            json!({"securityContext": {"runAsUser": 1, "fsGroup": 2}}),
            json!({"securityContext": {"$patch": "replace", "runAsUser": 3}}),
            json!({"securityContext": {"runAsUser": 3}}),
        ),
    ] {
        check_pod(name, &live, &patch, &wanted);
    }
}

#[test]
fn finalizers_are_a_set_with_deletions() {
    let finalizers = |list: Value| json!({"metadata": {"finalizers": list}});
    let patch = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"], "$setElementOrder/finalizers": ["c", "b"]}});
    let got = apply(finalizers(json!(["a", "b"])), patch, &deployment()).unwrap();
    assert_eq!(got, finalizers(json!(["c", "b"])));
    let patch = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a", "b"]}});
    assert_eq!(apply(finalizers(json!(["a", "b"])), patch, &deployment()).unwrap(), finalizers(json!([])));
}

#[test]
fn strategy_keeps_only_retained_keys() {
    let live = json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}});
    let patch = json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}});
    assert_eq!(apply(live, patch, &deployment()).unwrap(), json!({"spec": {"strategy": {"type": "Recreate"}}}));
}

#[test]
fn malformed_patches_get_upstreams_answers() {
    let live = json!({"containers": [{"name": "a"}], "nodeSelector": {"a": "b"}});
    for (name, patch, code, message) in [
        (
            "no merge key",
            json!({"containers": [{"image": "x"}]}),
            500,
            "map: map[image:x] does not contain declared merge key: name",
        ),
        (
            "unknown directive",
            json!({"nodeSelector": {"$patch": "frob"}}),
            500,
            "unknown patch type: frob in map: map[$patch:frob]",
        ),
        (
            "merge in a list",
            json!({"containers": [{"name": "a", "$patch": "merge"}]}),
            500,
            "merging lists cannot yet be specified in the patch",
        ),
        (
            "retained keys are no list",
            json!({"nodeSelector": {"$retainKeys": 1}}),
            400,
            "invalid patch format of retainKeys",
        ),
        (
            "a key that is not retained",
            json!({"nodeSelector": {"$retainKeys": ["b"], "c": "d"}}),
            400,
            "invalid patch format of retainKeys",
        ),
        (
            "order directive without a field",
            json!({"$setElementOrder": []}),
            400,
            "invalid patch format of setElementOrder list",
        ),
        (
            "lists of lists",
            json!({"containers": [[1]]}),
            500,
            "list element types are not identical: [[map[name:a]] [[1]]]",
        ),
        (
            "order list lacks an item",
            json!({"$setElementOrder/containers": [{"name": "b"}], "containers": [{"name": "a"}]}),
            500,
            "The order in patch list:\n[map[name:a]]\n doesn't match $setElementOrder list:\n[map[name:b]]\n",
        ),
    ] {
        let error = apply(with_pod(&live), with_pod(&patch), &deployment()).unwrap_err();
        assert_eq!((error.code, error.message.as_str()), (code, message), "{name}");
    }
    assert_eq!(apply(json!({}), json!([]), &deployment()).unwrap_err().code, 400);
}

#[test]
fn a_created_patch_leads_to_the_target() {
    let pod = |spec: Value| with_pod(&spec);
    for (from, to) in [
        (
            pod(json!({"containers": [{"name": "a", "image": "x"}, {"name": "b"}], "nodeSelector": {"k": "v"}})),
            pod(json!({"containers": [{"name": "c"}, {"name": "a", "image": "y"}]})),
        ),
        (json!({"metadata": {"finalizers": ["a", "b"]}}), json!({"metadata": {"finalizers": ["b", "c"]}})),
        (
            pod(json!({"volumes": [{"name": "v", "emptyDir": {}}]})),
            pod(json!({"volumes": [{"name": "v", "secret": {"secretName": "s"}}]})),
        ),
        (
            json!({"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {}}}}),
            json!({"spec": {"strategy": {"type": "Recreate"}}}),
        ),
    ] {
        let patch = create(&from, &to, &deployment());
        assert_eq!(apply(from, patch.clone(), &deployment()).unwrap(), to, "{patch}");
        assert_eq!(create(&to, &to, &deployment()), json!({}));
    }
}

#[test]
fn a_created_patch_has_the_directives_of_kubectl() {
    let from = with_pod(&json!({"containers": [{"name": "a", "image": "x"}, {"name": "b"}]}));
    let to = with_pod(&json!({"containers": [{"name": "a", "image": "y"}]}));
    assert_eq!(
        create(&from, &to, &deployment()),
        with_pod(&json!({
            "$setElementOrder/containers": [{"name": "a"}],
            "containers": [{"name": "a", "image": "y"}, {"name": "b", "$patch": "delete"}],
        }))
    );
}

#[test]
fn three_documents_tell_what_was_dropped_from_what_others_added() {
    let c = |name: &str, image: &str| json!({"name": name, "image": image});
    let original = with_pod(&json!({"containers": [c("a", "1"), c("gone", "1")], "hostNetwork": true}));
    let modified = with_pod(&json!({"containers": [c("a", "2")]}));
    let mut current = original.clone();
    current["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap().push(c("sidecar", "1"));
    current["spec"]["replicas"] = json!(3);
    let patch = create_three_way(&original, &modified, &current, &deployment());
    assert_eq!(
        patch,
        with_pod(&json!({
            "$setElementOrder/containers": [{"name": "a"}],
            "containers": [c("a", "2"), {"name": "gone", "$patch": "delete"}],
            "hostNetwork": null,
        }))
    );
    let merged = apply(current, patch, &deployment()).unwrap();
    let pod = &merged["spec"]["template"]["spec"];
    assert_eq!(*pod, json!({"containers": [c("a", "2"), c("sidecar", "1")]}));
    assert_eq!(merged["spec"]["replicas"], 3);
    let again = create_three_way(&modified, &modified, &merged, &deployment());
    assert_eq!(apply(merged.clone(), again, &deployment()).unwrap(), merged);
}
