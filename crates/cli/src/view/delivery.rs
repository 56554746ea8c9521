//! Why an Application is as it is: from the commit to what its Rollouts wait for.

use tiphys_api::Application;
use tiphys_runtime::reason::{ObjectRef, Reason, Urgency};

use crate::printer::{Cell, Colour, Printer};

/// Returns the reasons; `rollouts` are those of each Rollout that it delivered.
pub(crate) fn reasons(app: &Application, rollouts: Vec<(String, Vec<Reason>)>) -> Vec<Reason> {
    let name = qualified(app);
    let mut all = errors(app, &name);
    if app.metadata.deletion_timestamp.is_some() {
        all.push(Reason::new("Deleting", Urgency::Moving, "it is being deleted, and what it delivered with it"));
    } else if app.status.sync.status.is_empty() && all.is_empty() {
        let text = "it has not been compared yet";
        all.push(
            Reason::new("NotCompared", Urgency::Moving, text).remedy(format!("app refresh {name}"), "compares it now"),
        );
    }
    all.extend(operation(app, &name));
    all.extend(drift(app, &name));
    all.extend(unhealthy(app, rollouts));
    if all.is_empty() {
        let text = format!("{} is delivered and healthy", revision(app));
        all.push(Reason::new("Delivered", Urgency::Settled, text));
    }
    all.sort_by_key(|reason| std::cmp::Reverse(reason.urgency));
    all
}

fn qualified(app: &Application) -> String {
    let (namespace, name) = (app.metadata.namespace.as_deref(), app.metadata.name.as_deref());
    format!("{}/{}", namespace.unwrap_or_default(), name.unwrap_or_default())
}

/// `HEAD (53e28ff)`.
fn revision(app: &Application) -> String {
    let target = app.spec.effective_sources().first().map(|source| source.target_revision.clone()).unwrap_or_default();
    let target = if target.is_empty() { "HEAD".to_owned() } else { target };
    let sync = &app.status.sync;
    let sha = if sync.revisions.is_empty() { sync.revision.clone() } else { sync.revisions.join(", ") };
    let short: String = sha.chars().take(7).collect();
    if short.is_empty() { target } else { format!("{target} ({short})") }
}

fn errors(app: &Application, name: &str) -> Vec<Reason> {
    let is_error = |kind: &str| kind.ends_with("Error");
    let errors = app.status.conditions.iter().filter(|one| is_error(&one.condition_type));
    let reason = |one: &tiphys_api::types::ApplicationCondition| {
        let what = match one.condition_type.as_str() {
            "InvalidSpecError" => "its spec is refused",
            "ComparisonError" if one.message.contains("target state") => "its source cannot be rendered",
            "ComparisonError" => "it cannot be compared with the cluster",
            "SyncError" => "it is not synced by itself",
            "DeletionError" => "what it delivered cannot be deleted",
            _ => "something failed",
        };
        let cause = Reason::new(one.condition_type.clone(), Urgency::Broken, one.message.clone());
        let mut reason = Reason::new(format!("{}Shown", one.condition_type), Urgency::Broken, what).because(cause);
        reason.since = one.last_transition_time.as_ref().map(|at| at.0);
        if one.condition_type == "SyncError" {
            return reason.remedy(format!("app sync {name}"), "tries it again");
        }
        reason.remedy(format!("app refresh {name} --hard"), "looks again, with nothing taken from a cache")
    };
    errors.map(reason).collect()
}

fn operation(app: &Application, name: &str) -> Option<Reason> {
    let state = app.status.operation_state.as_ref()?;
    let since = state.started_at.as_ref().map(|at| at.0);
    if app.operation.is_some() {
        let waits = if state.message.is_empty() { "it has begun".to_owned() } else { state.message.clone() };
        let urgency = if waits.contains("pruning confirmation") { Urgency::NeedsDecision } else { Urgency::Moving };
        let mut reason = Reason::new("Syncing", urgency, format!("{} is being synced: {waits}", revision(app)))
            .remedy(format!("app terminate-op {name}"), "stops it; what was applied stays");
        reason.since = since;
        return Some(reason);
    }
    if !matches!(state.phase.as_str(), "Failed" | "Error") {
        return None;
    }
    let mut reason = Reason::new(
        "SyncFailed",
        Urgency::Broken,
        format!("the last sync ended as {}: {}", state.phase, state.message),
    )
    .remedy(format!("app sync {name}"), "tries it again");
    reason.since = state.finished_at.as_ref().map(|at| at.0);
    let results = state.sync_result.iter().flat_map(|result| &result.resources);
    for one in results.filter(|one| one.status == "SyncFailed" || matches!(one.hook_phase.as_str(), "Failed" | "Error"))
    {
        let mut cause =
            Reason::new("ObjectFailed", Urgency::Broken, format!("{} {}: {}", one.kind, one.name, one.message));
        cause.object = Some(ObjectRef::new(&one.kind, &one.namespace, &one.name));
        reason = reason.because(cause);
    }
    Some(reason)
}

fn drift(app: &Application, name: &str) -> Option<Reason> {
    if app.status.sync.status != "OutOfSync" || app.operation.is_some() {
        return None;
    }
    let differing: Vec<String> = app
        .status
        .resources
        .iter()
        .filter(|one| one.status == "OutOfSync")
        .map(|one| format!("{}/{}", one.kind.to_lowercase(), one.name))
        .collect();
    let automated = app.spec.sync_policy.as_ref().and_then(|policy| policy.automated.as_ref());
    let by_itself = automated.is_some_and(tiphys_api::types::SyncPolicyAutomated::is_enabled);
    let urgency = if by_itself { Urgency::Moving } else { Urgency::NeedsDecision };
    let text = format!("the cluster is not as {} says: {} differ", revision(app), differing.join(", "));
    let reason = Reason::new("OutOfSync", urgency, text)
        .remedy(format!("app sync {name}"), "brings it to the cluster")
        .remedy(format!("app diff {name}"), "shows what would change");
    Some(reason)
}

/// What is not healthy; a Rollout says itself why.
fn unhealthy(app: &Application, rollouts: Vec<(String, Vec<Reason>)>) -> Vec<Reason> {
    let mut all = Vec::new();
    let mut rollouts = rollouts;
    for one in &app.status.resources {
        let Some(health) = one.health.as_ref().filter(|health| !health.status.is_empty() && health.status != "Healthy")
        else {
            continue;
        };
        if health.status == "Missing" {
            continue;
        }
        let urgency = match health.status.as_str() {
            "Degraded" => Urgency::Broken,
            "Suspended" => Urgency::NeedsDecision,
            _ => Urgency::Moving,
        };
        let own = rollouts.iter().position(|(name, _)| one.kind == "Rollout" && *name == one.name);
        let own = own.map(|at| rollouts.remove(at).1).unwrap_or_default();
        let urgency = own.first().map_or(urgency, |first| first.urgency.max(Urgency::Moving));
        let text =
            format!("{} is synced, and {} {} is {}", revision(app), one.kind, one.name, health.status.to_lowercase());
        let mut reason = Reason::new("NotHealthy", urgency, text);
        reason.object = Some(ObjectRef::new(&one.kind, &one.namespace, &one.name));
        if own.is_empty() && !health.message.is_empty() {
            reason = reason.because(Reason::new("Health", urgency, health.message.clone()));
        }
        if let Some(first) = own.first() {
            (reason.next, reason.next_at) = (first.next.clone(), first.next_at);
            reason.since = first.since;
            reason.remedies.clone_from(&first.remedies);
        }
        for cause in own {
            reason = reason.because(cause);
        }
        all.push(reason);
    }
    all
}

/// Returns the way of a commit, step by step: how far it has come.
pub(crate) fn steps(app: &Application, printer: Printer) -> String {
    let status = &app.status;
    let short = |sha: &str| sha.chars().take(7).collect::<String>();
    let is_error = |text: &str| status.conditions.iter().any(|one| one.condition_type == text);
    let compared = !status.sync.revision.is_empty() || !status.sync.revisions.is_empty();
    let commit = if compared { short(&status.sync.revision) } else { "not known".to_owned() };
    let synced = status.operation_state.as_ref().map_or_else(
        || if status.sync.status == "Synced" { "nothing to do".to_owned() } else { "not yet".to_owned() },
        |state| {
            let revision = state.sync_result.as_ref().map(|result| short(&result.revision)).unwrap_or_default();
            format!("{revision} {}", state.phase.to_lowercase()).trim().to_owned()
        },
    );
    let rendered = if is_error("ComparisonError") {
        "failed"
    } else if compared {
        "yes"
    } else {
        "not yet"
    };
    let mark = |good: bool| if good { ("✔", Colour::Green) } else { ("·", Colour::Dim) };
    let rows = [
        ("commit", commit, compared),
        ("rendered", format!("{rendered}, {}", status.source_type), rendered == "yes"),
        ("compared", status.sync.status.clone(), status.sync.status == "Synced"),
        ("synced", synced.clone(), synced.ends_with("succeeded")),
        ("healthy", status.health.status.clone(), status.health.status == "Healthy"),
    ];
    let mut text = String::from("\n");
    for (name, value, good) in rows {
        let (sign, colour) = mark(good);
        text.push_str(&format!("{} {name:<9} {value}\n", printer.cell(&Cell::new(sign, colour))));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tiphys_api::decode;

    use super::*;

    #[track_caller]
    fn check(name: &str, status: Value, operation: Value, expected: &[(&str, Urgency)]) {
        let app: Application = decode(json!({
            "metadata": {"name": "shop", "namespace": "argocd"}, "operation": operation,
            "spec": {"project": "default", "source": {"repoURL": "r", "path": "shop"}, "destination": {}},
            "status": status,
        }))
        .object;
        let pause = Reason::new("CanaryPauseStep", Urgency::NeedsDecision, "step 2 of 4 is a pause without end");
        let found = reasons(&app, vec![("shop".to_owned(), vec![pause])]);
        let codes: Vec<(&str, Urgency)> = found.iter().map(|one| (one.root().code.as_str(), one.urgency)).collect();
        assert_eq!(codes, expected, "{name}");
    }

    #[test]
    fn the_chain_ends_where_the_delivery_stands() {
        let rollout = |health: &str, status: &str| {
            json!([{"group": "argoproj.io", "kind": "Rollout", "namespace": "shop", "name": "shop", "status": status,
                "health": {"status": health}}])
        };
        let synced = json!({"status": "Synced", "revision": "0123456789"});
        let differs = json!({"status": "OutOfSync", "revision": "0123456789"});
        check("new", json!({}), Value::Null, &[("NotCompared", Urgency::Moving)]);
        let healthy = json!({"sync": synced, "resources": rollout("Healthy", "Synced")});
        check("done", healthy, Value::Null, &[("Delivered", Urgency::Settled)]);
        let paused = json!({"sync": synced, "resources": rollout("Suspended", "Synced")});
        check("canary", paused, Value::Null, &[("CanaryPauseStep", Urgency::NeedsDecision)]);
        let drifted = json!({"sync": differs, "resources": rollout("Healthy", "OutOfSync")});
        check("differs", drifted, Value::Null, &[("OutOfSync", Urgency::NeedsDecision)]);
        let running = json!({"sync": differs, "operationState": {"phase": "Running", "message": "waiting for x"}});
        check("syncing", running, json!({"sync": {}}), &[("Syncing", Urgency::Moving)]);
        let failed = json!({"sync": {"status": "Unknown"}, "conditions": [
            {"type": "ComparisonError", "message": "Failed to load target state: no such revision"},
        ]});
        check("broken source", failed, Value::Null, &[("ComparisonError", Urgency::Broken)]);
        let failed = json!({"sync": synced, "operationState": {"phase": "Failed", "message": "m", "syncResult": {
            "resources": [{"kind": "Job", "name": "migrate", "hookPhase": "Failed", "message": "exit code 1"}],
        }}});
        check("failed hook", failed, Value::Null, &[("ObjectFailed", Urgency::Broken)]);
    }
}
