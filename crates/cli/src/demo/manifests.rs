//! The objects of the demo.

use serde_json::{Value, json};

/// Namespace of the demo.
pub(crate) const NAMESPACE: &str = "demo";

/// Name of the AnalysisTemplate and of its metric.
const TEMPLATE: &str = "success-rate";
/// Services that get requests.
const VISITED: [&str; 2] = ["search", "reviews"];

/// A Rollout of the demo.
#[derive(Debug, Clone)]
pub(crate) struct Showcase {
    /// Its name.
    pub(crate) name: &'static str,
    /// Image of version 1.
    pub(crate) first: &'static str,
    /// Image of version 2; `None`: stays at version 1.
    pub(crate) second: Option<&'static str>,
    replicas: u32,
    strategy: Value,
    more: Value,
}

/// Returns the Rollouts.
pub(crate) fn showcases() -> Vec<Showcase> {
    vec![
        // Waits for a person.
        Showcase {
            name: "checkout",
            first: "demo/checkout:1.0",
            second: Some("demo/checkout:2.0"),
            replicas: 5,
            strategy: canary("checkout", &json!([{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}, {"pause": {}}])),
            more: json!({}),
        },
        // Moves, watched by an analysis beside its steps.
        Showcase {
            name: "search",
            first: "demo/search:1.0",
            second: Some("demo/search:2.0"),
            replicas: 8,
            strategy: watched(canary(
                "search",
                &json!([
                    {"setWeight": 13}, {"pause": {"duration": "20s"}},
                    {"setWeight": 25}, {"pause": {"duration": "30s"}},
                    {"setWeight": 50}, {"pause": {"duration": "45s"}},
                    {"setWeight": 75}, {"pause": {"duration": "60s"}},
                ]),
            )),
            more: json!({}),
        },
        // Waits for the switch.
        Showcase {
            name: "storefront",
            first: "demo/storefront:1.0",
            second: Some("demo/storefront:2.0"),
            replicas: 3,
            strategy: switched_by_a_person("storefront"),
            more: json!({}),
        },
        // Turns back by itself: its second version fails requests, and an analysis of the first step sees it.
        Showcase {
            name: "reviews",
            first: "demo/reviews:1.0",
            second: Some("demo/reviews:bad"),
            replicas: 4,
            strategy: canary(
                "reviews",
                &json!([{"setWeight": 25}, {"analysis": analysis("reviews")}, {"setWeight": 50}, {"pause": {}}]),
            ),
            more: json!({}),
        },
        // Healthy, with a budget.
        Showcase {
            name: "catalog",
            first: "demo/catalog:1.0",
            second: None,
            replicas: 6,
            strategy: canary("catalog", &json!([{"setWeight": 50}, {"pause": {"duration": "30s"}}])),
            more: json!({}),
        },
        // An image that does not exist.
        Showcase {
            name: "payments",
            first: "demo/payments:1.0",
            second: Some("demo/payments:does-not-exist"),
            replicas: 4,
            strategy: canary("payments", &json!([{"setWeight": 25}, {"pause": {"duration": "30s"}}])),
            more: json!({"progressDeadlineSeconds": 20}),
        },
    ]
}

/// Returns all objects in the order in which they are to be created.
pub(crate) fn objects() -> Vec<Value> {
    let mut objects = vec![json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})];
    let showcases = showcases();
    objects.extend(showcases.iter().map(|showcase| service(showcase.name, showcase.name)));
    objects.push(service("storefront-preview", "storefront"));
    objects.push(json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "catalog", "namespace": NAMESPACE},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "catalog"}}},
    }));
    objects.push(template());
    objects.extend(showcases.iter().map(rollout));
    objects
}

/// How many of the answers of a version are good. Without an address the sandbox's own Prometheus is asked.
fn template() -> Value {
    let requests = |more: &str| {
        let labels = r#"namespace="demo",service="{{args.service}}",pod=~"{{args.service}}-{{args.hash}}-.*""#;
        format!("sum(rate(http_requests_total{{{labels}{more}}}[20s]))")
    };
    let metric = json!({
        "name": TEMPLATE, "initialDelay": "15s", "interval": "5s", "count": 6, "failureLimit": 1,
        "successCondition": "result[0] >= 0.95",
        "provider": {"prometheus": {"query": format!("{} / {}", requests(r#",code=~"2..""#), requests(""))}},
    });
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisTemplate",
        "metadata": {"name": TEMPLATE, "namespace": NAMESPACE},
        "spec": {"args": [{"name": "service"}, {"name": "hash"}], "metrics": [metric]},
    })
}

fn analysis(service: &str) -> Value {
    let latest = json!({"name": "hash", "valueFrom": {"podTemplateHashValue": "Latest"}});
    json!({"templates": [{"templateName": TEMPLATE}], "args": [{"name": "service", "value": service}, latest]})
}

/// With an analysis beside the steps, from the first pause on.
fn watched(mut strategy: Value) -> Value {
    strategy["canary"]["analysis"] = analysis("search");
    strategy["canary"]["analysis"]["startingStep"] = json!(1);
    strategy
}

fn switched_by_a_person(active: &str) -> Value {
    let preview = format!("{active}-preview");
    json!({"blueGreen": {"activeService": active, "previewService": preview, "autoPromotionEnabled": false}})
}

fn canary(name: &str, steps: &Value) -> Value {
    json!({"canary": {"maxSurge": 1, "maxUnavailable": if name == "catalog" { 2 } else { 0 }, "steps": steps}})
}

fn service(name: &str, app: &str) -> Value {
    let visits = VISITED.contains(&name).then(|| json!({"sandbox.tiphys.dev/traffic": "50/s"}));
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE, "annotations": visits},
        "spec": {"selector": {"app": app}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
    })
}

fn rollout(showcase: &Showcase) -> Value {
    let labels = json!({"app": showcase.name});
    // Pods take a moment to become ready, so that a person sees them do it.
    let annotations = json!({"sandbox.tiphys.dev/ready-delay": "2s"});
    let container = json!({
        "name": "app", "image": showcase.first, "ports": [{"containerPort": 8080}],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
    });
    let mut rollout = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": {"name": showcase.name, "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "replicas": showcase.replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels, "annotations": annotations}, "spec": {"containers": [container]}},
            "strategy": showcase.strategy,
        },
    });
    for (field, value) in showcase.more.as_object().into_iter().flatten() {
        rollout["spec"][field] = value.clone();
    }
    rollout
}

#[cfg(test)]
mod tests {
    use tiphys_api::{Rollout, Stored, validation};

    use super::*;

    #[test]
    fn every_rollout_is_valid() {
        for object in objects().into_iter().filter(|object| object["kind"] == "Rollout") {
            let stored: Stored<Rollout> = Stored::new(object);
            let name = stored.typed.metadata.name.clone();
            assert!(stored.problems.is_empty(), "{name:?}: {:?}", stored.problems);
            let causes = validation::validate(&stored.typed);
            assert!(causes.is_empty(), "{name:?}: {causes:?}");
        }
    }

    #[test]
    fn every_service_of_a_strategy_exists() {
        let objects = objects();
        let exists =
            |name: &str| objects.iter().any(|object| object["kind"] == "Service" && object["metadata"]["name"] == name);
        for showcase in showcases() {
            for field in ["activeService", "previewService"] {
                if let Some(name) = showcase.strategy["blueGreen"][field].as_str() {
                    assert!(exists(name), "{}: {name}", showcase.name);
                }
            }
        }
    }
}
