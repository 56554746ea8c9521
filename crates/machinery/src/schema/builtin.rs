//! The schemas of the built-in kinds, made at run time from the types of `k8s-openapi` and the facts of
//! [`super::facts`].

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use k8s_openapi::{
    Resource,
    api::{
        admissionregistration::v1 as admission, apps::v1 as apps, authentication::v1 as authentication,
        authorization::v1 as authorization, autoscaling::v1 as autoscaling, autoscaling::v2 as autoscaling2,
        batch::v1 as batch, coordination::v1 as coordination, core::v1 as core, discovery::v1 as discovery,
        events::v1 as events, networking::v1 as networking, policy::v1 as policy, rbac::v1 as rbac,
        scheduling::v1 as scheduling, storage::v1 as storage,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1 as apiextensions,
    apimachinery::pkg::apis::meta::v1 as meta,
    kube_aggregator::pkg::apis::apiregistration::v1 as apiregistration,
};
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::{
    ListType, PatchStrategy, Presence, Schema, Type,
    facts::{self, FieldFacts},
};

/// Returns the schema of a built-in kind, for instance `builtin("apps/v1", "Deployment")`; `None` for any other kind.
///
/// Made at the first call and shared afterwards.
#[must_use]
pub fn builtin(api_version: &str, kind: &str) -> Option<Arc<Schema>> {
    static KINDS: OnceLock<HashMap<(&str, &str), Source>> = OnceLock::new();
    KINDS.get_or_init(|| kinds().into_iter().collect()).get(&(api_version, kind)).map(Source::schema)
}

/// Returns the schema of one of the types that are no resource of their own but travel in requests or inside custom
/// resources, by its short name, for instance `meta.v1.ObjectMeta`, or of a part of a pod; `None` for any other type.
#[must_use]
pub fn builtin_type(short_name: &str) -> Option<Arc<Schema>> {
    let source = match short_name {
        "meta.v1.ObjectMeta" => Source::of::<meta::ObjectMeta>(),
        "meta.v1.ListMeta" => Source::of::<meta::ListMeta>(),
        "meta.v1.DeleteOptions" => Source::of::<meta::DeleteOptions>(),
        "meta.v1.Status" => Source::of::<meta::Status>(),
        "meta.v1.LabelSelector" => Source::of::<meta::LabelSelector>(),
        "core.v1.PodTemplateSpec" => Source::of::<core::PodTemplateSpec>(),
        "batch.v1.JobSpec" => Source::of::<batch::JobSpec>(),
        // Whatever else is part of a pod.
        name => {
            let _pods = builtin("v1", "Pod");
            return builtin_named(&format!("io.k8s.api.{name}"));
        }
    };
    Some(source.schema())
}

/// Returns the schema of a type by its whole name, such as `io.k8s.api.core.v1.PodSpec`; `None` unless it is part of a
/// schema that has been made before.
pub(crate) fn builtin_named(name: &str) -> Option<Arc<Schema>> {
    types().get(name).cloned()
}

/// Shortens a type name to package, version and type: `io.k8s.api.core.v1.Pod` becomes `core.v1.Pod`.
#[must_use]
pub fn short_type_name(name: &str) -> &str {
    const PREFIXES: [&str; 4] = [
        "io.k8s.api.",
        "io.k8s.apimachinery.pkg.apis.",
        "io.k8s.apiextensions-apiserver.pkg.apis.",
        "io.k8s.kube-aggregator.pkg.apis.",
    ];
    PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name)
}

/// Where the schema of a type comes from.
#[derive(Clone, Copy)]
struct Source {
    name: fn() -> std::borrow::Cow<'static, str>,
    /// JSON schemas of the type and of everything below it, by type name.
    definitions: fn() -> Map<String, Value>,
}

impl Source {
    fn of<T: JsonSchema>() -> Self {
        Self { name: T::schema_name, definitions: define::<T> }
    }

    fn kind<T: JsonSchema + Resource>() -> ((&'static str, &'static str), Self) {
        ((T::API_VERSION, T::KIND), Self::of::<T>())
    }

    /// Types are shared between kinds: one `PodSpec` in the process.
    fn schema(&self) -> Arc<Schema> {
        let mut types = types();
        let name = (self.name)();
        if let Some(known) = types.get(name.as_ref()) {
            return Arc::clone(known);
        }
        Builder { definitions: (self.definitions)(), types: &mut types }.named(&name)
    }
}

/// The types made so far, by name.
fn types() -> MutexGuard<'static, BTreeMap<String, Arc<Schema>>> {
    static TYPES: Mutex<BTreeMap<String, Arc<Schema>>> = Mutex::new(BTreeMap::new());
    TYPES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn define<T: JsonSchema>() -> Map<String, Value> {
    let mut generator = SchemaGenerator::default();
    let _reference = generator.subschema_for::<T>();
    generator.take_definitions(false)
}

struct Builder<'a> {
    definitions: Map<String, Value>,
    types: &'a mut BTreeMap<String, Arc<Schema>>,
}

impl Builder<'_> {
    fn named(&mut self, name: &str) -> Arc<Schema> {
        if let Some(known) = self.types.get(name) {
            return Arc::clone(known);
        }
        let definition = self.definitions.remove(name).unwrap_or_default();
        let mut schema = special(name, &definition).unwrap_or_else(|| self.object(name, &definition));
        schema.type_name = Some(name.into());
        let schema = Arc::new(schema);
        self.types.insert(name.to_owned(), Arc::clone(&schema));
        schema
    }

    fn object(&mut self, name: &str, definition: &Value) -> Schema {
        let facts = facts::of(short_type_name(name));
        let mut schema = self.node(definition);
        schema.atomic_map = facts.is_some_and(|f| f.atomic);
        let Some(properties) = definition["properties"].as_object() else { return schema };
        let is_kind = properties.contains_key("apiVersion") && properties.contains_key("metadata");
        for (field, json) in properties {
            let required = schema.required.iter().any(|r| r == field);
            let mut node = self.node(json);
            describe_presence(&mut node, required);
            if is_kind && matches!(field.as_str(), "metadata" | "spec" | "status") {
                node.presence = Presence::Value;
            }
            if let Some(facts) = facts.and_then(|f| f.fields.get(field.as_str())) {
                apply_facts(&mut node, facts);
            }
            schema.properties.insert(field.clone(), Arc::new(node));
        }
        // `k8s-openapi` requires more than the API does: metadata, and names that have a default.
        let optional = |field: &str| {
            let default = facts.and_then(|f| f.fields.get(field)).is_some_and(|f| f.default.is_some());
            default || (is_kind && field == "metadata" && !name.ends_with("core.v1.Event"))
        };
        schema.required.retain(|field| !optional(field));
        schema
    }

    /// Converts a JSON schema without its declared fields.
    fn node(&mut self, json: &Value) -> Schema {
        let mut schema = match json["$ref"].as_str().and_then(|r| r.rsplit('/').next()) {
            Some(name) => Schema::clone(&self.named(name)),
            None => Schema { ty: scalar_type(json), ..Schema::default() },
        };
        if let Some(text) = json["description"].as_str() {
            schema.description = Some(text.into());
        }
        if let Some(format) = json["format"].as_str() {
            schema.format = Some(format.into());
        }
        if let Some(items) = json.get("items") {
            schema.items = Some(Arc::new(self.node(items)));
        }
        if let Some(values) = json.get("additionalProperties") {
            schema.additional = Some(Arc::new(self.node(values)));
        }
        if let Some(required) = json["required"].as_array() {
            schema.required = required.iter().filter_map(|r| r.as_str().map(str::to_owned)).collect();
        }
        schema
    }
}

/// The types that are not what their JSON schema says.
fn special(name: &str, definition: &Value) -> Option<Schema> {
    let ty = match name.rsplit('.').next()? {
        "Quantity" => Type::Quantity,
        "IntOrString" => Type::IntOrString,
        // `JSONSchemaProps` holds itself; `JSON` is any value.
        "JSON" | "JSONSchemaPropsOrArray" | "JSONSchemaPropsOrBool" | "JSONSchemaPropsOrStringArray" => Type::Any,
        "JSONSchemaProps" | "RawExtension" | "FieldsV1" => Type::Object,
        _ => return None,
    };
    let keeps_all = matches!(ty, Type::Any | Type::Object);
    let description = definition["description"].as_str().map(Into::into);
    let format = (ty == Type::Quantity).then(|| "quantity".into());
    Some(Schema { ty, preserve_unknown: keeps_all, description, format, ..Schema::default() })
}

fn scalar_type(json: &Value) -> Type {
    match json["type"].as_str() {
        Some("object") => Type::Object,
        Some("array") => Type::Array,
        Some("string") => Type::String,
        Some("integer") => Type::Integer,
        Some("number") => Type::Number,
        Some("boolean") => Type::Boolean,
        _ => Type::Any,
    }
}

/// A required scalar has no pointer in Go: it is written even when zero, and zero is the default its document declares.
fn describe_presence(node: &mut Schema, required: bool) {
    let zero = match node.ty {
        Type::String if !is_time(node) => json!(""),
        Type::Integer | Type::Number => json!(0),
        Type::Boolean => json!(false),
        Type::Array if required => {
            node.presence = Presence::Pointer;
            return;
        }
        _ => return,
    };
    if required {
        node.presence = Presence::Value;
        node.default = Some(zero);
    }
}

fn is_time(node: &Schema) -> bool {
    node.format.as_deref() == Some("date-time")
}

fn apply_facts(node: &mut Schema, facts: &FieldFacts) {
    if let Some(keys) = &facts.list {
        node.list = match keys.as_slice() {
            [] => ListType::Set,
            keys => ListType::Map(keys.iter().map(|&k| k.to_owned()).collect()),
        };
    }
    node.strategy = PatchStrategy {
        merge: facts.merge.is_some(),
        merge_key: facts.merge.filter(|k| !k.is_empty()).map(str::to_owned),
        retain_keys: facts.retain_keys,
        replace: facts.replace,
    };
    if let Some(atomic) = facts.atomic {
        node.atomic_map = atomic;
    }
    if facts.pointer {
        node.presence = Presence::Pointer;
        node.default = None;
    }
    if facts.omitted {
        node.presence = Presence::Omitted;
        node.default = None;
    }
    if facts.value {
        node.presence = Presence::Value;
    }
    if let Some(text) = facts.default {
        if !facts.pointer && !facts.value {
            node.presence = Presence::Omitted;
        }
        node.default = Some(match node.ty {
            Type::String => Value::from(text),
            _ => serde_json::from_str(text).unwrap_or(Value::Null),
        });
    }
}

fn kinds() -> Vec<((&'static str, &'static str), Source)> {
    let mut all = core_kinds();
    all.extend(workload_kinds());
    all.extend(access_kinds());
    all.extend(cluster_kinds());
    all
}

fn core_kinds() -> Vec<((&'static str, &'static str), Source)> {
    vec![
        Source::kind::<core::Binding>(),
        Source::kind::<core::ComponentStatus>(),
        Source::kind::<core::ConfigMap>(),
        Source::kind::<core::Endpoints>(),
        Source::kind::<core::Event>(),
        Source::kind::<core::LimitRange>(),
        Source::kind::<core::Namespace>(),
        Source::kind::<core::Node>(),
        Source::kind::<core::PersistentVolume>(),
        Source::kind::<core::PersistentVolumeClaim>(),
        Source::kind::<core::Pod>(),
        Source::kind::<core::PodTemplate>(),
        Source::kind::<core::ReplicationController>(),
        Source::kind::<core::ResourceQuota>(),
        Source::kind::<core::Secret>(),
        Source::kind::<core::Service>(),
        Source::kind::<core::ServiceAccount>(),
        Source::kind::<meta::Status>(),
    ]
}

fn workload_kinds() -> Vec<((&'static str, &'static str), Source)> {
    vec![
        Source::kind::<apps::ControllerRevision>(),
        Source::kind::<apps::DaemonSet>(),
        Source::kind::<apps::Deployment>(),
        Source::kind::<apps::ReplicaSet>(),
        Source::kind::<apps::StatefulSet>(),
        Source::kind::<batch::CronJob>(),
        Source::kind::<batch::Job>(),
        Source::kind::<autoscaling::HorizontalPodAutoscaler>(),
        Source::kind::<autoscaling2::HorizontalPodAutoscaler>(),
        Source::kind::<autoscaling::Scale>(),
        Source::kind::<policy::Eviction>(),
        Source::kind::<policy::PodDisruptionBudget>(),
        Source::kind::<networking::Ingress>(),
        Source::kind::<networking::IngressClass>(),
        Source::kind::<networking::NetworkPolicy>(),
        Source::kind::<networking::IPAddress>(),
        Source::kind::<networking::ServiceCIDR>(),
        Source::kind::<discovery::EndpointSlice>(),
        Source::kind::<coordination::Lease>(),
        Source::kind::<events::Event>(),
    ]
}

fn access_kinds() -> Vec<((&'static str, &'static str), Source)> {
    vec![
        Source::kind::<rbac::ClusterRole>(),
        Source::kind::<rbac::ClusterRoleBinding>(),
        Source::kind::<rbac::Role>(),
        Source::kind::<rbac::RoleBinding>(),
        Source::kind::<authentication::SelfSubjectReview>(),
        Source::kind::<authentication::TokenRequest>(),
        Source::kind::<authentication::TokenReview>(),
        Source::kind::<authorization::LocalSubjectAccessReview>(),
        Source::kind::<authorization::SelfSubjectAccessReview>(),
        Source::kind::<authorization::SelfSubjectRulesReview>(),
        Source::kind::<authorization::SubjectAccessReview>(),
    ]
}

fn cluster_kinds() -> Vec<((&'static str, &'static str), Source)> {
    vec![
        Source::kind::<apiextensions::CustomResourceDefinition>(),
        Source::kind::<apiregistration::APIService>(),
        Source::kind::<storage::CSIDriver>(),
        Source::kind::<storage::CSINode>(),
        Source::kind::<storage::CSIStorageCapacity>(),
        Source::kind::<storage::StorageClass>(),
        Source::kind::<storage::VolumeAttachment>(),
        Source::kind::<storage::VolumeAttributesClass>(),
        Source::kind::<scheduling::PriorityClass>(),
        Source::kind::<admission::MutatingWebhookConfiguration>(),
        Source::kind::<admission::ValidatingAdmissionPolicy>(),
        Source::kind::<admission::ValidatingAdmissionPolicyBinding>(),
        Source::kind::<admission::ValidatingWebhookConfiguration>(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(kind: (&str, &str), path: &str) -> Arc<Schema> {
        let mut node = builtin(kind.0, kind.1).unwrap_or_else(|| panic!("no schema of {kind:?}"));
        for part in path.split('.').filter(|p| !p.is_empty()) {
            let next = if part == "[]" { node.items.clone() } else { node.field(part).cloned() };
            node = next.unwrap_or_else(|| panic!("no {part} in {path} of {kind:?}"));
        }
        node
    }

    const DEPLOYMENT: (&str, &str) = ("apps/v1", "Deployment");
    const POD: (&str, &str) = ("v1", "Pod");

    #[track_caller]
    fn check_list(kind: (&str, &str), path: &str, list: &[&str], strategy: Option<&str>) {
        let node = at(kind, path);
        let expected = match list {
            [] => ListType::Atomic,
            ["set"] => ListType::Set,
            keys => ListType::Map(keys.iter().map(|&k| k.to_owned()).collect()),
        };
        assert_eq!(node.ty, Type::Array, "{path}");
        assert_eq!(node.list, expected, "{path}");
        assert_eq!(node.strategy.merge, strategy.is_some(), "{path}");
        assert_eq!(node.strategy.merge_key.as_deref(), strategy.filter(|s| !s.is_empty()), "{path}");
    }

    #[test]
    fn lists_know_how_they_merge() {
        let pod = "spec.template.spec.";
        let rows: [(&str, &[&str], Option<&str>); 10] = [
            ("containers", &["name"], Some("name")),
            ("containers.[].ports", &["containerPort", "protocol"], Some("containerPort")),
            ("containers.[].env", &["name"], Some("name")),
            ("containers.[].envFrom", &[], None),
            ("containers.[].command", &[], None),
            ("tolerations", &[], None),
            ("topologySpreadConstraints", &["topologyKey", "whenUnsatisfiable"], Some("topologyKey")),
            ("imagePullSecrets", &["name"], Some("name")),
            ("hostAliases", &["ip"], Some("ip")),
            ("volumes.[].projected.sources", &[], None),
        ];
        for (path, list, strategy) in rows {
            check_list(DEPLOYMENT, &format!("{pod}{path}"), list, strategy);
        }
        check_list(DEPLOYMENT, "metadata.finalizers", &["set"], Some(""));
        check_list(DEPLOYMENT, "metadata.ownerReferences", &["uid"], Some("uid"));
        check_list(("batch/v1", "Job"), "status.conditions", &[], Some("type"));
        check_list(("v1", "Service"), "spec.ports", &["port", "protocol"], Some("port"));
        check_list(("discovery.k8s.io/v1", "EndpointSlice"), "endpoints.[].addresses", &["set"], None);
        assert!(at(DEPLOYMENT, "spec.strategy").strategy.retain_keys);
        assert!(at(POD, "spec.volumes").strategy.retain_keys);
        assert!(at(("policy/v1", "PodDisruptionBudget"), "spec.selector").strategy.replace);
    }

    #[test]
    fn selectors_and_references_are_atomic() {
        for (kind, path, atomic) in [
            (DEPLOYMENT, "spec.selector", true),
            (POD, "spec.nodeSelector", true),
            (("v1", "Service"), "spec.selector", true),
            (POD, "spec.containers.[].env.[].valueFrom.secretKeyRef", true),
            (POD, "metadata.labels", false),
            (("v1", "PersistentVolume"), "spec.claimRef", false),
            (("v1", "Event"), "involvedObject", true),
        ] {
            assert_eq!(at(kind, path).atomic_map, atomic, "{path}");
        }
    }

    #[test]
    fn presence_follows_the_go_type() {
        for (kind, path, presence) in [
            (POD, "spec.automountServiceAccountToken", Presence::Pointer),
            (POD, "spec.hostNetwork", Presence::Omitted),
            (POD, "spec.containers.[].name", Presence::Value),
            (POD, "spec.containers.[].resources", Presence::Value),
            (POD, "spec.containers.[].livenessProbe", Presence::Omitted),
            (POD, "status", Presence::Value),
            (("networking.k8s.io/v1", "Ingress"), "spec.rules.[].http.paths.[].pathType", Presence::Pointer),
            (("v1", "Event"), "eventTime", Presence::Value),
            (POD, "metadata.creationTimestamp", Presence::Omitted),
        ] {
            assert_eq!(at(kind, path).presence, presence, "{path}");
        }
        assert_eq!(at(POD, "spec.containers.[].ports.[].protocol").default, Some(json!("TCP")));
        assert_eq!(at(POD, "spec.imagePullSecrets.[].name").default, Some(json!("")));
    }

    #[test]
    fn leaves_keep_type_format_and_documentation() {
        let replicas = at(DEPLOYMENT, "spec.replicas");
        assert_eq!((replicas.ty, replicas.format.as_deref()), (Type::Integer, Some("int32")));
        assert!(replicas.description.as_ref().is_some_and(|d| d.contains("desired pods")));
        assert_eq!(at(POD, "spec.containers.[].resources.limits.cpu").ty, Type::Quantity);
        assert_eq!(at(DEPLOYMENT, "spec.strategy.rollingUpdate.maxSurge").ty, Type::IntOrString);
        assert_eq!(at(("v1", "Secret"), "data.key").format.as_deref(), Some("byte"));
        let crd =
            at(("apiextensions.k8s.io/v1", "CustomResourceDefinition"), "spec.versions.[].schema.openAPIV3Schema");
        assert!(crd.preserve_unknown && crd.properties.is_empty());
        assert_eq!(at(POD, "spec").type_name.as_deref(), Some("io.k8s.api.core.v1.PodSpec"));
    }

    #[test]
    fn every_kind_has_a_schema_and_every_fact_names_a_field() {
        for ((api_version, kind), _) in kinds() {
            let schema = builtin(api_version, kind).unwrap();
            assert!(schema.properties.contains_key("apiVersion"), "{api_version} {kind}");
        }
        let mut seen = BTreeMap::new();
        for ((api_version, kind), _) in kinds() {
            collect(&builtin(api_version, kind).unwrap(), &mut seen);
        }
        for (name, fields) in facts::all() {
            let Some(schema) = seen.get(name) else { panic!("facts of the unknown type {name}") };
            for field in fields {
                assert!(schema.properties.contains_key(field), "facts of the unknown field {name}.{field}");
            }
        }
    }

    fn collect(schema: &Arc<Schema>, seen: &mut BTreeMap<String, Arc<Schema>>) {
        if let Some(name) = &schema.type_name
            && seen.insert(short_type_name(name).to_owned(), Arc::clone(schema)).is_some()
        {
            return;
        }
        schema.properties.values().chain(&schema.items).chain(&schema.additional).for_each(|s| collect(s, seen));
    }
}
