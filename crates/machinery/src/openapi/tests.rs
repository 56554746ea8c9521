use super::*;
use crate::schema::{builtin, from_crd};

fn resource(api_version: &str, kind: &str, plural: &str) -> Resource {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let mut resource = Resource::new(Gvk::new(group, version, kind), plural);
    resource.add_subresource("status");
    resource.add_subresource("scale");
    resource.schema = builtin(api_version, kind).unwrap_or(resource.schema);
    resource
}

fn rollouts(schema: &Value) -> Resource {
    Resource {
        custom: true,
        schema: Arc::new(from_crd(Some(schema))),
        ..resource("argoproj.io/v1alpha1", "Rollout", "rollouts")
    }
}

fn deployments() -> Value {
    v3(&[Arc::new(resource("apps/v1", "Deployment", "deployments"))])
}

#[test]
fn kubectl_finds_the_kind_and_its_patch_parameters() {
    let document = deployments();
    let gvk = json!({"group": "apps", "version": "v1", "kind": "Deployment"});
    let item = &document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"];
    assert_eq!(item["patch"][GVK], gvk);
    let named: Vec<&str> =
        item["patch"]["parameters"].as_array().unwrap().iter().filter_map(|p| p["name"].as_str()).collect();
    assert_eq!(named, ["dryRun", "fieldManager", "fieldValidation", "force"]);
    assert_eq!(document["paths"]["/apis/apps/v1/deployments"]["get"][GVK], gvk);
    assert!(document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"]["patch"].is_object());
    assert_eq!(document["components"]["schemas"]["io.k8s.api.apps.v1.Deployment"][GVK], json!([gvk]));
}

#[test]
fn v3_fields_keep_documentation_references_and_extensions() {
    let document = deployments();
    let schemas = &document["components"]["schemas"];
    let spec = &schemas["io.k8s.api.apps.v1.DeploymentSpec"];
    let strategy = &spec["properties"]["strategy"];
    assert_eq!(strategy["allOf"], json!([{"$ref": "#/components/schemas/io.k8s.api.apps.v1.DeploymentStrategy"}]));
    assert_eq!((&strategy["default"], &strategy["x-kubernetes-patch-strategy"]), (&json!({}), &json!("retainKeys")));
    assert_eq!(spec["required"], json!(["selector", "template"]));
    assert_eq!(spec["properties"]["replicas"]["format"], "int32");
    let container = &schemas["io.k8s.api.core.v1.Container"]["properties"];
    assert_eq!(container["name"]["default"], "");
    assert_eq!(container["ports"]["x-kubernetes-list-map-keys"], json!(["containerPort", "protocol"]));
    assert_eq!(container["ports"]["x-kubernetes-patch-merge-key"], "containerPort");
    assert_eq!(container["command"]["x-kubernetes-list-type"], "atomic");
    assert_eq!(schemas["io.k8s.api.core.v1.ContainerPort"]["properties"]["protocol"]["default"], "TCP");
    assert_eq!(schemas["io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector"]["x-kubernetes-map-type"], "atomic");
    assert_eq!(schemas["io.k8s.apimachinery.pkg.util.intstr.IntOrString"]["format"], "int-or-string");
}

#[test]
fn every_reference_leads_somewhere() {
    let all = [
        Arc::new(resource("apps/v1", "Deployment", "deployments")),
        Arc::new(resource("v1", "Pod", "pods")),
        Arc::new(resource("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions")),
        Arc::new(rollouts(&json!({"type": "object", "properties": {"spec": {"type": "object"}}}))),
    ];
    for (document, definitions) in [(v3(&all), "/components/schemas"), (v2(&all), "/definitions")] {
        let definitions = document.pointer(definitions).unwrap();
        let mut seen = 0;
        check_references(&document, definitions, &mut seen);
        assert!(seen > 300, "{seen}");
    }
}

fn check_references(value: &Value, definitions: &Value, seen: &mut usize) {
    match value {
        Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                let name = reference.rsplit('/').next().unwrap();
                assert!(definitions.get(name).is_some_and(Value::is_object), "{reference}");
                *seen += 1;
            }
            fields.values().for_each(|v| check_references(v, definitions, seen));
        }
        Value::Array(items) => items.iter().for_each(|v| check_references(v, definitions, seen)),
        _ => {}
    }
}

fn rollout_schema() -> Value {
    json!({"type": "object", "required": ["spec"], "properties": {
        "spec": {"type": "object", "description": "What is wanted.", "properties": {
            "replicas": {"type": "integer", "format": "int32", "minimum": 0, "default": 1},
            "surge": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]},
            "maybe": {"type": "string", "nullable": true},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "list": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
                "items": {"type": "object", "properties": {"k": {"type": "string"}}}}}}}})
}

#[test]
fn custom_resources_are_documented_as_their_definition_says() {
    let document = v3(&[Arc::new(rollouts(&rollout_schema()))]);
    let rollout = &document["components"]["schemas"]["io.argoproj.v1alpha1.Rollout"];
    assert_eq!(rollout[GVK], json!([{"group": "argoproj.io", "version": "v1alpha1", "kind": "Rollout"}]));
    assert_eq!(rollout["required"], json!(["spec"]));
    assert_eq!(
        rollout["properties"]["metadata"],
        json!({"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"})
    );
    assert!(rollout["properties"]["kind"]["description"].is_string());
    let spec = &rollout["properties"]["spec"];
    assert_eq!(spec["description"], "What is wanted.");
    assert_eq!(
        spec["properties"]["replicas"],
        json!({"type": "integer", "format": "int32", "minimum": 0, "default": 1})
    );
    assert_eq!(spec["properties"]["surge"]["x-kubernetes-int-or-string"], true);
    assert_eq!(spec["properties"]["maybe"], json!({"type": "string", "nullable": true}));
    assert_eq!(spec["properties"]["list"]["x-kubernetes-list-map-keys"], json!(["k"]));
    assert!(spec["properties"]["list"].get("default").is_none());
    assert!(rollout.get("x-kubernetes-embedded-resource").is_none());
}

#[test]
fn v2_leaves_out_what_swagger_lacks() {
    let document = v2(&[Arc::new(rollouts(&rollout_schema()))]);
    let spec = &document["definitions"]["io.argoproj.v1alpha1.Rollout"]["properties"]["spec"]["properties"];
    assert_eq!(spec["surge"], json!({"x-kubernetes-int-or-string": true}));
    assert_eq!(spec["maybe"], json!({}));
    assert_eq!(spec["free"], json!({"x-kubernetes-preserve-unknown-fields": true}));
    let meta = &document["definitions"]["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"]["properties"];
    assert!(meta["creationTimestamp"]["$ref"].is_string() && meta["creationTimestamp"].get("allOf").is_none());
    let free = v2(&[Arc::new(rollouts(&json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})))]);
    let rollout = free["definitions"]["io.argoproj.v1alpha1.Rollout"].as_object().unwrap();
    assert_eq!(rollout.keys().collect::<Vec<_>>(), ["type", GVK]);
}

#[test]
fn no_kind_is_defined_twice() {
    let all = [
        ("v1", "Pod", "pods"),
        ("apps/v1", "Deployment", "deployments"),
        ("v1", "Event", "events"),
        ("events.k8s.io/v1", "Event", "events"),
    ];
    let all: Vec<_> = all.into_iter().map(|(v, k, p)| Arc::new(resource(v, k, p))).collect();
    let mut seen = Vec::new();
    for definition in v2(&all)["definitions"].as_object().unwrap().values() {
        for gvk in definition[GVK].as_array().into_iter().flatten() {
            assert!(!seen.contains(gvk), "{gvk}");
            seen.push(gvk.clone());
        }
    }
    assert!(seen.contains(&json!({"group": "apps", "version": "v1", "kind": "DeploymentList"})));
}

#[test]
fn the_index_names_each_document_by_its_hash() {
    let gvk = Gvk { group: String::new(), version: "v1".to_owned(), kind: "Pod".to_owned() };
    let documents = BTreeMap::from([(v3_path(&gvk), "AB".to_owned()), ("apis/apps/v1".to_owned(), "CD".to_owned())]);
    assert_eq!(
        v3_index(&documents),
        json!({"paths": {"api/v1": {"serverRelativeURL": "/openapi/v3/api/v1?hash=AB"},
            "apis/apps/v1": {"serverRelativeURL": "/openapi/v3/apis/apps/v1?hash=CD"}}})
    );
    assert_eq!(hash(b"").len(), 128);
}

/// Reads a message back: numbers and payloads, nested as asked.
fn field(bytes: &[u8], path: &[u64]) -> Vec<u8> {
    let mut rest = bytes;
    for &wanted in path {
        rest = fields(rest)
            .into_iter()
            .find(|(number, _)| *number == wanted)
            .unwrap_or_else(|| panic!("no field {wanted}"))
            .1;
    }
    rest.to_vec()
}

fn fields(mut bytes: &[u8]) -> Vec<(u64, &[u8])> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let length = match tag & 7 {
            0 => {
                let before = bytes;
                varint(&mut bytes);
                found.push((tag >> 3, &before[..before.len() - bytes.len()]));
                continue;
            }
            1 => 8,
            2 => usize::try_from(varint(&mut bytes)).unwrap(),
            other => panic!("wire type {other}"),
        };
        found.push((tag >> 3, &bytes[..length]));
        bytes = &bytes[length..];
    }
    found
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            return value;
        }
    }
}

#[test]
fn protobuf_holds_definitions_paths_and_extensions() {
    let document = v2(&[Arc::new(resource("v1", "ConfigMap", "configmaps"))]);
    let bytes = to_protobuf(&document);
    assert_eq!(field(&bytes, &[1]), b"2.0");
    let definitions = field(&bytes, &[9]);
    let named: Vec<String> =
        fields(&definitions).iter().map(|(_, named)| String::from_utf8(field(named, &[1])).unwrap()).collect();
    assert_eq!(named, document["definitions"].as_object().unwrap().keys().cloned().collect::<Vec<_>>());
    let (_, config_map) = fields(&definitions)[named.iter().position(|n| n == "io.k8s.api.core.v1.ConfigMap").unwrap()];
    assert_eq!(field(config_map, &[2, 22, 1]), b"object");
    assert_eq!(field(config_map, &[2, 31, 1]), GVK.as_bytes());
    assert_eq!(field(config_map, &[2, 31, 2, 2]), br#"[{"group":"","kind":"ConfigMap","version":"v1"}]"#);
    assert_eq!(field(&bytes, &[8, 2, 1]), b"/api/v1/configmaps");
}
