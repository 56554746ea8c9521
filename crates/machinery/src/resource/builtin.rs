//! The built-in resources, as discovery of Kubernetes 1.34 shows them.

use super::{DeletionPolicy, GenerationRule, Gvk, READ_WRITE, Resource, Subresource};
use crate::schema;

/// Returns every built-in resource in every served version, in discovery's order (groups, versions by preference,
/// resources by name).
#[must_use]
pub fn builtin() -> Vec<Resource> {
    let mut resources = core();
    resources.extend(workloads());
    resources.extend(policies());
    resources.extend(access());
    resources.extend(extensions());
    resources.extend(metrics());
    resources
}

const CONNECT: [&str; 2] = ["create", "get"];
const PROXY: [&str; 5] = ["create", "delete", "get", "patch", "update"];

fn core() -> Vec<Resource> {
    let own = |kind, plural| Builder::new("", "v1", kind, plural);
    vec![
        own("Binding", "bindings").verbs(&["create"]).build(),
        own("ComponentStatus", "componentstatuses").cluster().short("cs").verbs(&["get", "list"]).build(),
        own("ConfigMap", "configmaps").short("cm").build(),
        own("Endpoints", "endpoints").singular("endpoints").short("ep").create_on_update().build(),
        own("Event", "events").short("ev").create_on_update().deletion(DeletionPolicy::Plain).build(),
        own("LimitRange", "limitranges").short("limits").create_on_update().build(),
        own("Namespace", "namespaces")
            .cluster()
            .short("ns")
            .verbs(&["create", "delete", "get", "list", "patch", "update", "watch"])
            .sub("finalize", "Namespace", &["update"])
            .status()
            .answers_object()
            .build(),
        own("Node", "nodes").cluster().short("no").sub("proxy", "NodeProxyOptions", &PROXY).status().build(),
        own("PersistentVolumeClaim", "persistentvolumeclaims").short("pvc").status().answers_object().build(),
        own("PersistentVolume", "persistentvolumes").cluster().short("pv").status().answers_object().build(),
        pods(),
        own("PodTemplate", "podtemplates").generation(GenerationRule::AllButMetadata).answers_object().build(),
        own("ReplicationController", "replicationcontrollers")
            .short("rc")
            .all()
            .generation(GenerationRule::Spec)
            .scale()
            .status()
            .deletion(DeletionPolicy::Orphan)
            .build(),
        own("ResourceQuota", "resourcequotas").short("quota").status().answers_object().build(),
        own("Secret", "secrets").build(),
        own("ServiceAccount", "serviceaccounts")
            .short("sa")
            .sub_of("token", Gvk::new("authentication.k8s.io", "v1", "TokenRequest"), &["create"])
            .answers_object()
            .build(),
        own("Service", "services")
            .short("svc")
            .all()
            .sub("proxy", "ServiceProxyOptions", &PROXY)
            .status()
            .create_on_update()
            .answers_object()
            .build(),
    ]
}

fn pods() -> Resource {
    Builder::new("", "v1", "Pod", "pods")
        .short("po")
        .all()
        .generation(GenerationRule::Spec)
        .sub("attach", "PodAttachOptions", &CONNECT)
        .sub("binding", "Binding", &["create"])
        .sub("ephemeralcontainers", "Pod", &READ_WRITE)
        .sub_of("eviction", Gvk::new("policy", "v1", "Eviction"), &["create"])
        .sub("exec", "PodExecOptions", &CONNECT)
        .sub("log", "Pod", &["get"])
        .sub("portforward", "PodPortForwardOptions", &CONNECT)
        .sub("proxy", "PodProxyOptions", &PROXY)
        .sub("resize", "Pod", &READ_WRITE)
        .status()
        .answers_object()
        .graceful()
        .build()
}

fn workloads() -> Vec<Resource> {
    let spec = GenerationRule::Spec;
    let apps = |kind, plural| Builder::new("apps", "v1", kind, plural);
    let hpa = |version| {
        Builder::new("autoscaling", version, "HorizontalPodAutoscaler", "horizontalpodautoscalers")
            .stored(Gvk::new("autoscaling", "v2", "HorizontalPodAutoscaler"))
            .short("hpa")
            .all()
            .status()
            .build()
    };
    vec![
        Builder::new("apiregistration.k8s.io", "v1", "APIService", "apiservices")
            .cluster()
            .category("api-extensions")
            .status()
            .conditional_update()
            .build(),
        apps("ControllerRevision", "controllerrevisions").build(),
        apps("DaemonSet", "daemonsets").short("ds").all().generation(spec).status().build(),
        apps("Deployment", "deployments")
            .short("deploy")
            .all()
            .generation(GenerationRule::SpecOrAnnotations)
            .scale()
            .status()
            .build(),
        apps("ReplicaSet", "replicasets").short("rs").all().generation(spec).scale().status().build(),
        apps("StatefulSet", "statefulsets").short("sts").all().generation(spec).scale().status().build(),
        Builder::new("events.k8s.io", "v1", "Event", "events")
            .stored(Gvk::new("", "v1", "Event"))
            .short("ev")
            .create_on_update()
            .deletion(DeletionPolicy::Plain)
            .build(),
        hpa("v2"),
        hpa("v1"),
        Builder::new("batch", "v1", "CronJob", "cronjobs").short("cj").all().generation(spec).status().build(),
        Builder::new("batch", "v1", "Job", "jobs")
            .all()
            .generation(spec)
            .status()
            .deletion(DeletionPolicy::Orphan)
            .build(),
    ]
}

fn policies() -> Vec<Resource> {
    let spec = GenerationRule::Spec;
    let networking = |kind, plural| Builder::new("networking.k8s.io", "v1", kind, plural);
    vec![
        networking("IngressClass", "ingressclasses").cluster().generation(spec).build(),
        networking("Ingress", "ingresses").short("ing").generation(spec).status().build(),
        networking("IPAddress", "ipaddresses").cluster().short("ip").build(),
        networking("NetworkPolicy", "networkpolicies").short("netpol").generation(spec).build(),
        networking("ServiceCIDR", "servicecidrs").cluster().status().build(),
        Builder::new("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")
            .short("pdb")
            .generation(spec)
            .status()
            .conditional_update()
            .build(),
        Builder::new("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
            .generation(GenerationRule::BodyOrLabels)
            .build(),
        Builder::new("coordination.k8s.io", "v1", "Lease", "leases").create_on_update().conditional_update().build(),
        Builder::new("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses")
            .cluster()
            .short("pc")
            .generation(GenerationRule::Fixed)
            .build(),
    ]
}

fn access() -> Vec<Resource> {
    let rbac = |kind, plural| Builder::new("rbac.authorization.k8s.io", "v1", kind, plural).create_on_update();
    let review = |group, kind, plural| Builder::new(group, "v1", kind, plural).verbs(&["create"]);
    let authentication = |kind, plural| review("authentication.k8s.io", kind, plural).cluster().build();
    let authorization = |kind, plural| review("authorization.k8s.io", kind, plural);
    vec![
        authentication("SelfSubjectReview", "selfsubjectreviews"),
        authentication("TokenReview", "tokenreviews"),
        authorization("LocalSubjectAccessReview", "localsubjectaccessreviews").build(),
        authorization("SelfSubjectAccessReview", "selfsubjectaccessreviews").cluster().build(),
        authorization("SelfSubjectRulesReview", "selfsubjectrulesreviews").cluster().build(),
        authorization("SubjectAccessReview", "subjectaccessreviews").cluster().build(),
        rbac("ClusterRoleBinding", "clusterrolebindings").cluster().build(),
        rbac("ClusterRole", "clusterroles").cluster().build(),
        rbac("RoleBinding", "rolebindings").build(),
        rbac("Role", "roles").build(),
    ]
}

fn extensions() -> Vec<Resource> {
    let storage = |kind, plural| Builder::new("storage.k8s.io", "v1", kind, plural).cluster();
    let admission = |kind, plural, rule| {
        Builder::new("admissionregistration.k8s.io", "v1", kind, plural)
            .cluster()
            .category("api-extensions")
            .generation(rule)
            .conditional_update()
    };
    let (body, spec) = (GenerationRule::AllButMetadata, GenerationRule::Spec);
    vec![
        storage("CSIDriver", "csidrivers").conditional_update().answers_object().build(),
        storage("CSINode", "csinodes").conditional_update().answers_object().build(),
        storage("StorageClass", "storageclasses").short("sc").answers_object().build(),
        storage("VolumeAttachment", "volumeattachments").status().conditional_update().answers_object().build(),
        admission("MutatingWebhookConfiguration", "mutatingwebhookconfigurations", body).build(),
        admission("ValidatingAdmissionPolicy", "validatingadmissionpolicies", spec).status().build(),
        admission("ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", spec).build(),
        admission("ValidatingWebhookConfiguration", "validatingwebhookconfigurations", body).build(),
        Builder::new("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions")
            .cluster()
            .short("crd")
            .short("crds")
            .category("api-extensions")
            .generation(spec)
            .status()
            .conditional_update()
            .build(),
    ]
}

fn metrics() -> Vec<Resource> {
    let own =
        |kind, plural| Builder::new("metrics.k8s.io", "v1beta1", kind, plural).singular("").verbs(&["get", "list"]);
    vec![own("NodeMetrics", "nodes").cluster().build(), own("PodMetrics", "pods").build()]
}

/// Builds one row of the table; starts as a namespaced kind with all verbs and nothing special.
struct Builder(Resource);

impl Builder {
    fn new(group: &str, version: &str, kind: &str, plural: &str) -> Self {
        let mut resource = Resource::new(Gvk::new(group, version, kind), plural);
        if let Some(schema) = schema::builtin(&resource.gvk.api_version(), kind) {
            resource.schema = schema;
        }
        Self(resource)
    }

    fn cluster(mut self) -> Self {
        self.0.namespaced = false;
        self
    }

    fn singular(mut self, singular: &str) -> Self {
        singular.clone_into(&mut self.0.singular);
        self
    }

    fn short(mut self, name: &str) -> Self {
        self.0.short_names.push(name.to_owned());
        self
    }

    fn category(mut self, name: &str) -> Self {
        self.0.categories.push(name.to_owned());
        self
    }

    fn all(self) -> Self {
        self.category("all")
    }

    fn verbs(mut self, verbs: &[&'static str]) -> Self {
        self.0.verbs = verbs.to_vec();
        self
    }

    fn generation(mut self, rule: GenerationRule) -> Self {
        self.0.generation = rule;
        self
    }

    fn sub(self, name: &'static str, kind: &str, verbs: &[&'static str]) -> Self {
        let gvk = Gvk { kind: kind.to_owned(), ..self.0.gvk.clone() };
        self.sub_of(name, gvk, verbs)
    }

    fn sub_of(mut self, name: &'static str, gvk: Gvk, verbs: &[&'static str]) -> Self {
        self.0.subresources.push(Subresource { name, gvk, verbs: verbs.to_vec() });
        self
    }

    fn status(mut self) -> Self {
        self.0.add_subresource("status");
        self
    }

    fn scale(mut self) -> Self {
        self.0.add_subresource("scale");
        self
    }

    fn stored(mut self, gvk: Gvk) -> Self {
        self.0.stored = gvk;
        self
    }

    fn create_on_update(mut self) -> Self {
        self.0.create_on_update = true;
        self
    }

    fn conditional_update(mut self) -> Self {
        self.0.unconditional_update = false;
        self
    }

    fn deletion(mut self, policy: DeletionPolicy) -> Self {
        self.0.deletion.policy = policy;
        self
    }

    fn answers_object(mut self) -> Self {
        self.0.deletion.answers_object = true;
        self
    }

    fn graceful(mut self) -> Self {
        self.0.deletion.graceful = true;
        self
    }

    fn build(self) -> Resource {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[track_caller]
    fn find(group: &str, version: &str, plural: &str) -> Resource {
        let found = |r: &Resource| r.gvk.group == group && r.gvk.version == version && r.plural == plural;
        builtin().into_iter().find(found).unwrap()
    }

    #[test]
    fn every_kind_is_listed_once() {
        let resources = builtin();
        let plurals: BTreeSet<_> = resources.iter().map(|r| (&r.gvk.group, &r.gvk.version, &r.plural)).collect();
        let kinds: BTreeSet<_> = resources.iter().map(|r| &r.gvk).collect();
        assert_eq!((plurals.len(), kinds.len()), (resources.len(), resources.len()));
        for resource in &resources {
            assert!(resource.verbs.is_sorted(), "{}", resource.plural);
            assert!(resource.subresources.is_sorted_by_key(|s| s.name), "{}", resource.plural);
        }
    }

    #[test]
    fn pods_answer_deletion_with_the_pod_and_grace() {
        let pods = find("", "v1", "pods");
        assert!(pods.deletion.answers_object && pods.deletion.graceful);
        let eviction = pods.subresource("eviction").unwrap();
        assert_eq!(eviction.gvk, Gvk::new("policy", "v1", "Eviction"));
        assert_eq!(pods.storage_version_hash(), "xPOwRZ+Yhw8=");
    }

    #[test]
    fn versions_of_one_object_share_their_storage() {
        let (v1, v2) = (
            find("autoscaling", "v1", "horizontalpodautoscalers"),
            find("autoscaling", "v2", "horizontalpodautoscalers"),
        );
        assert_eq!(v1.group_plural(), v2.group_plural());
        assert_eq!(v1.storage_version_hash(), "qwQve8ut294=");
        assert_eq!(find("events.k8s.io", "v1", "events").group_plural(), ("", "events"));
        assert_eq!(find("events.k8s.io", "v1", "events").storage_version_hash(), "r2yiGXH7wu8=");
    }

    #[test]
    fn updates_without_a_version_are_refused_where_upstream_refuses_them() {
        let conditional: Vec<String> =
            builtin().into_iter().filter(|r| !r.unconditional_update).map(|r| r.plural).collect();
        for plural in ["poddisruptionbudgets", "leases", "customresourcedefinitions", "apiservices"] {
            assert!(conditional.iter().any(|p| p == plural), "{plural}");
        }
        assert!(!conditional.iter().any(|p| p == "deployments"));
    }
}
