use serde_json::{Map, Value, json};
use tiphys_deliver::{
    hook::Phase,
    object::group,
    plan::{Scope, Task, TaskOptions, Verdict, pair, tasks},
};
use tiphys_machinery::meta;

use super::compare;

const UNKNOWN: &str = "failed to discover server resources for group version foo.example.com/v1: the server could not \
                       find the requested resource, GroupVersion \"foo.example.com/v1\" not found";

#[test]
fn vectors_gitops_sync_order() {
    compare("gitops-sync-order", answer);
}

fn answer(input: &Value) -> Value {
    let list = |field: &str| input[field].as_array().cloned().unwrap_or_default();
    let is_on = |option: &str| input["options"][option] == true;
    let namespace = input["namespace"].as_str().unwrap();
    let widgets_unknown = is_on("widgetKindUnknownToServer");
    let pairs = pair(list("targets"), list("lives"), namespace, |_, kind| scope(kind, widgets_unknown));
    let options = TaskOptions {
        namespace,
        revision: input["revision"].as_str().unwrap(),
        started_at: input["startedAt"].as_str().unwrap().parse().unwrap(),
        skip_hooks: is_on("skipHooks"),
        prune_last: is_on("pruneLast"),
        skip_dry_run_on_missing_resource: false,
    };
    let made = tasks(&pairs, options, |object| {
        if widgets_unknown && meta::kind(object) == "Widget" {
            Verdict::UnknownKind(UNKNOWN.to_owned())
        } else {
            Verdict::Permitted
        }
    });
    json!({
        "multiStep": made.is_multi_step(),
        "valid": made.valid,
        "steps": steps(&made.tasks),
        "tasks": made.tasks.iter().map(task_json).collect::<Vec<_>>(),
    })
}

fn scope(kind: &str, widgets_unknown: bool) -> Scope {
    match kind {
        "Widget" if widgets_unknown => Scope::Unknown,
        "Namespace"
        | "PersistentVolume"
        | "CustomResourceDefinition"
        | "ClusterRole"
        | "ClusterRoleBinding"
        | "StorageClass"
        | "IngressClass"
        | "MutatingWebhookConfiguration"
        | "APIService"
        | "PodSecurityPolicy" => Scope::Cluster,
        _ => Scope::Namespaced,
    }
}

fn task_json(task: &Task) -> Value {
    let object = task.object();
    let mut out = Map::new();
    out.insert("phase".into(), json!(task.phase.name()));
    out.insert("wave".into(), json!(task.wave));
    out.insert("group".into(), json!(group(object)));
    out.insert("kind".into(), json!(meta::kind(object)));
    out.insert("namespace".into(), json!(meta::namespace(object)));
    out.insert("name".into(), json!(meta::name(object)));
    let flags = [
        ("prune", task.is_prune()),
        ("hook", task.is_hook()),
        ("live", task.live.is_some()),
        ("skipDryRun", task.skip_dry_run),
    ];
    out.extend(flags.into_iter().filter(|(_, set)| *set).map(|(name, _)| (name.to_owned(), json!(true))));
    if let Some(message) = &task.refused {
        out.insert("status".into(), json!("SyncFailed"));
        out.insert("message".into(), json!(message));
    }
    Value::Object(out)
}

fn steps(tasks: &[Task]) -> Vec<Value> {
    let counted: Vec<_> = tasks.iter().filter(|task| task.phase != Phase::SyncFail).collect();
    counted
        .chunk_by(|a, b| (a.phase, a.wave) == (b.phase, b.wave))
        .map(|step| json!({"phase": step[0].phase.name(), "wave": step[0].wave, "count": step.len()}))
        .collect()
}
