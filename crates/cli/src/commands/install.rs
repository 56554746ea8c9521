//! `install`: everything that a cluster needs to run the controller, as YAML.

use clap::Args;
use serde_json::{Value, json};
use tiphys_rollouts::permissions::{self, Permission};

use crate::{commands::list::yaml, error::Failure, printer::Printer};

/// Name of everything that is installed: upstream's, so that it takes the place of an Argo Rollouts that is there.
const NAME: &str = "argo-rollouts";

/// Prints what a cluster needs to run the controller, for `kubectl apply --server-side -f -`.
///
/// Names are those of Argo Rollouts, so that it takes over where that is installed. The role allows exactly the requests that
/// the controller makes.
#[derive(Debug, Args)]
pub(crate) struct Install {
    /// Image of the controller
    #[arg(long, value_name = "IMAGE", default_value = concat!("tiphys:v", env!("CARGO_PKG_VERSION")))]
    image: String,
    /// Look after one namespace only: needs no rights in others, and definitions that are installed already
    #[arg(long)]
    namespaced: bool,
    /// Without the CustomResourceDefinitions
    #[arg(long)]
    no_crds: bool,
}

impl Install {
    pub(crate) fn run(self, namespace: Option<&str>, printer: Printer) -> Result<(), Failure> {
        printer.note(&format!(
            "This prints manifests and changes nothing; `| kubectl apply --server-side -f -` installs them into namespace {}.",
            namespace.unwrap_or(NAME)
        ));
        for object in self.objects(namespace.unwrap_or(NAME)) {
            printer.line("---")?;
            printer.text(&yaml(&object)?)?;
        }
        Ok(())
    }

    fn objects(&self, namespace: &str) -> Vec<Value> {
        let mut objects = Vec::new();
        if !self.namespaced {
            objects.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}));
        }
        if !self.namespaced && !self.no_crds {
            objects.extend(tiphys_api::crds::crds());
        }
        objects.push(named("v1", "ServiceAccount", namespace, json!({})));
        objects.extend(self.roles(namespace));
        if !self.namespaced {
            objects.extend(["view", "edit", "admin"].map(aggregate));
        }
        objects.push(metrics_service(namespace));
        objects.push(self.deployment(namespace));
        objects
    }

    /// The role and who has it.
    fn roles(&self, namespace: &str) -> [Value; 2] {
        let rbac = "rbac.authorization.k8s.io/v1";
        let kind = if self.namespaced { "Role" } else { "ClusterRole" };
        let rules: Vec<Value> = permissions::controller()
            .iter()
            .chain(permissions::analyses())
            .chain(permissions::experiments())
            .chain(permissions::routers())
            .map(rule)
            .collect();
        let subject = json!([{"kind": "ServiceAccount", "name": NAME, "namespace": namespace}]);
        let reference = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": NAME});
        let mut role = named(rbac, kind, namespace, json!({"rules": rules}));
        let content = json!({"roleRef": reference, "subjects": subject});
        let mut binding = named(rbac, &format!("{kind}Binding"), namespace, content);
        if !self.namespaced {
            for object in [&mut role, &mut binding] {
                if let Some(metadata) = object["metadata"].as_object_mut() {
                    metadata.remove("namespace");
                }
            }
        }
        [role, binding]
    }

    fn deployment(&self, namespace: &str) -> Value {
        let mut arguments = vec![json!("controller")];
        arguments.extend(self.namespaced.then(|| json!("--namespaced")));
        let probe = |path: &str| json!({"httpGet": {"path": path, "port": "healthz"}, "periodSeconds": 10});
        let container = json!({
            "name": NAME,
            "image": self.image,
            "args": arguments,
            "env": [{"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}],
            "ports": [{"containerPort": 8090, "name": "metrics"}, {"containerPort": 8080, "name": "healthz"}],
            "livenessProbe": probe("/healthz"),
            "readinessProbe": probe("/readyz"),
            "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": true,
                "runAsNonRoot": true,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        });
        let pod = json!({
            "serviceAccountName": NAME,
            "securityContext": {"runAsNonRoot": true},
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "containers": [container],
        });
        let labels = json!({"app.kubernetes.io/name": NAME});
        let spec = json!({
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "strategy": {"type": "Recreate"},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        });
        named("apps/v1", "Deployment", namespace, json!({"spec": spec}))
    }
}

fn named(version: &str, kind: &str, namespace: &str, content: Value) -> Value {
    let labels = json!({
        "app.kubernetes.io/component": "rollouts-controller",
        "app.kubernetes.io/name": NAME,
        "app.kubernetes.io/part-of": NAME,
    });
    let mut object = json!({
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": NAME, "namespace": namespace, "labels": labels},
    });
    if let (Value::Object(object), Value::Object(content)) = (&mut object, content) {
        object.extend(content);
    }
    object
}

fn rule(permission: &Permission) -> Value {
    json!({"apiGroups": [permission.group], "resources": permission.resources, "verbs": permission.verbs})
}

/// What the cluster's own roles allow with our kinds.
fn aggregate(role: &str) -> Value {
    let kinds =
        ["rollouts", "rollouts/scale", "experiments", "analysistemplates", "clusteranalysistemplates", "analysisruns"];
    let (mut resources, mut verbs) = (kinds.to_vec(), vec!["get", "list", "watch"]);
    if role != "view" {
        resources.push("rollouts/status");
        verbs = vec!["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    }
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {
            "name": format!("{NAME}-aggregate-to-{role}"),
            "labels": {
                format!("rbac.authorization.k8s.io/aggregate-to-{role}"): "true",
                "app.kubernetes.io/component": "aggregate-cluster-role",
                "app.kubernetes.io/name": format!("{NAME}-aggregate-to-{role}"),
                "app.kubernetes.io/part-of": NAME,
            },
        },
        "rules": [{"apiGroups": ["argoproj.io"], "resources": resources, "verbs": verbs}],
    })
}

fn metrics_service(namespace: &str) -> Value {
    let ports = json!([{"name": "metrics", "port": 8090, "protocol": "TCP", "targetPort": 8090}]);
    let spec = json!({"ports": ports, "selector": {"app.kubernetes.io/name": NAME}});
    let mut service = named("v1", "Service", namespace, json!({"spec": spec}));
    service["metadata"]["name"] = format!("{NAME}-metrics").into();
    service["metadata"]["labels"]["app.kubernetes.io/component"] = "server".into();
    service["metadata"]["labels"]["app.kubernetes.io/name"] = format!("{NAME}-metrics").into();
    service
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(namespaced: bool) -> String {
        let install = Install { image: "tiphys:x".to_owned(), namespaced, no_crds: false };
        let kind = |object: &Value| object["kind"].as_str().unwrap().to_owned();
        install.objects("ops").iter().map(kind).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn cluster_gets_everything_and_a_namespace_only_what_is_its_own() {
        let crds = "CustomResourceDefinition ".repeat(5);
        assert_eq!(
            kinds(false),
            format!(
                "Namespace {crds}ServiceAccount ClusterRole ClusterRoleBinding ClusterRole ClusterRole ClusterRole Service \
                 Deployment"
            )
        );
        assert_eq!(kinds(true), "ServiceAccount Role RoleBinding Service Deployment");
    }

    #[test]
    fn subject_is_in_the_namespace_that_was_asked_for() {
        let install = Install { image: "tiphys:x".to_owned(), namespaced: false, no_crds: true };
        let objects = install.objects("ops");
        let binding = objects.iter().find(|object| object["kind"] == "ClusterRoleBinding").unwrap();
        assert_eq!(binding["subjects"][0]["namespace"], "ops");
        assert!(binding["metadata"].get("namespace").is_none());
    }
}
