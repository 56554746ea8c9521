//! `restart`: recreate the pods without a new release, and taking that back.

use jiff::Timestamp;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::json;
use tiphys_api::{Rollout, constants::annotations, defaults, selector};
use tiphys_machinery::time;

use super::{Change, Kind, Options, Patch, Subject};

/// Whether the old pod goes first or the new pod comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Replace,
    Surge,
}

fn mode(rollout: &Rollout, surges: bool) -> Mode {
    let annotation = rollout.metadata.annotations.as_ref().and_then(|map| map.get(annotations::RESTART_MODE));
    let surges = surges || annotation.is_some_and(|mode| mode == annotations::RESTART_MODE_SURGE);
    if surges { Mode::Surge } else { Mode::Replace }
}

pub(super) fn changes(subject: &Subject<'_>, options: &Options, now: Timestamp) -> Vec<Change> {
    let at = options.at.unwrap_or(now);
    let mut patch = json!({"spec": {"restartAt": time::seconds(at)}});
    if options.surge {
        patch["metadata"] = json!({"annotations": {annotations::RESTART_MODE: annotations::RESTART_MODE_SURGE}});
    }
    vec![Change { kind: Kind::Rollout, name: subject.name().to_owned(), patch: Patch::Merge(patch) }]
}

pub(super) fn flags(options: &Options) -> String {
    let surge = if options.surge { " --surge" } else { "" };
    let at = options.at.map_or_else(String::new, |at| format!(" --at {}", time::seconds(at)));
    format!("{surge}{at}")
}

pub(super) fn obstacle(rollout: &Rollout) -> Option<String> {
    (rollout.status.replicas <= 0).then(|| "it has no pods".to_owned())
}

fn is_pending(rollout: &Rollout) -> bool {
    rollout.spec.restart_at.is_some() && rollout.spec.restart_at != rollout.status.restarted_at
}

pub(super) fn cancel_obstacle(rollout: &Rollout) -> Option<String> {
    (!is_pending(rollout)).then(|| "no restart is wanted or under way".to_owned())
}

pub(super) fn cancel_effect(rollout: &Rollout) -> String {
    match cancel_obstacle(rollout) {
        Some(obstacle) => format!("{obstacle}; nothing changes"),
        None => "no further pod is recreated; those recreated so far stay".to_owned(),
    }
}

pub(super) fn cancel(subject: &Subject<'_>) -> Vec<Change> {
    let rollout = subject.typed();
    if !is_pending(rollout) {
        return Vec::new();
    }
    let patch = Patch::Merge(json!({"spec": {"restartAt": rollout.status.restarted_at}}));
    vec![Change { kind: Kind::Rollout, name: subject.name().to_owned(), patch }]
}

/// Returns what a restart will do.
#[must_use]
pub fn effect(rollout: &Rollout, budgets: &[PodDisruptionBudget], surges: bool) -> String {
    let pods = rollout.status.replicas.max(0);
    let wanted = defaults::replicas(rollout);
    let mut text = format!("recreates {}", count(pods));
    match mode(rollout, surges) {
        Mode::Surge => {
            let extra = defaults::max_surge(rollout).max(1);
            text.push_str(&format!(", a new pod is ready before an old one goes, at most {extra} more than {wanted}"));
        }
        Mode::Replace => {
            // Upstream never lets a restart stand still: at least one pod may go.
            let at_once = defaults::max_unavailable(rollout).max(1);
            text.push_str(&format!(", at most {at_once} at a time"));
            if wanted == 1 {
                text.push_str("; 1 replica: the service will be down until the new pod is ready; --surge avoids that");
            }
        }
    }
    if rollout.spec.paused {
        text.push_str("; it is paused: the restart begins once it is resumed");
    }
    for budget in budgets.iter().filter(|budget| covers(budget, rollout)) {
        let allowed = budget.status.as_ref().map_or(0, |status| status.disruptions_allowed);
        let budget = budget.metadata.name.as_deref().unwrap_or_default();
        text.push_str(&format!(
            "; PodDisruptionBudget {budget} allows {allowed} disruption{} now",
            if allowed == 1 { "" } else { "s" }
        ));
    }
    text
}

fn count(pods: i32) -> String {
    if pods == 1 { "1 pod".to_owned() } else { format!("{pods} pods") }
}

/// Whether a budget selects the pods of a Rollout.
fn covers(budget: &PodDisruptionBudget, rollout: &Rollout) -> bool {
    let metadata = rollout.spec.template.metadata.as_ref();
    let labels = metadata.and_then(|metadata| metadata.labels.clone());
    let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    labels.is_some_and(|labels| selector::selects(selector, &labels))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tiphys_api::decode;

    use super::*;

    fn rollout(replicas: i32, paused: bool) -> Rollout {
        let template = json!({"metadata": {"labels": {"app": "web"}}});
        let spec = json!({"replicas": replicas, "paused": paused, "strategy": {"canary": {}}, "template": template});
        decode(json!({"spec": spec, "status": {"replicas": replicas}})).object
    }

    #[test]
    fn effect_warns_of_downtime_and_names_budgets() {
        let spec = json!({"selector": {"matchLabels": {"app": "web"}}});
        let budget = |spec: &Value| -> PodDisruptionBudget {
            decode(json!({"metadata": {"name": "b"}, "spec": spec, "status": {"disruptionsAllowed": 2}})).object
        };
        let budgets = [budget(&spec), budget(&json!({"selector": {"matchLabels": {"app": "other"}}}))];
        for (name, replicas, mode, budgets, expected) in [
            ("many", 8, Mode::Replace, &[][..], "recreates 8 pods, at most 2 at a time"),
            (
                "one",
                1,
                Mode::Replace,
                &[][..],
                "recreates 1 pod, at most 1 at a time; 1 replica: the service will be down until the new \
                 pod is ready; --surge avoids that",
            ),
            (
                "surge",
                1,
                Mode::Surge,
                &[][..],
                "recreates 1 pod, a new pod is ready before an old one goes, at most 1 more than 1",
            ),
            (
                "budget",
                8,
                Mode::Replace,
                &budgets[..],
                "recreates 8 pods, at most 2 at a time; PodDisruptionBudget b allows 2 disruptions now",
            ),
        ] {
            assert_eq!(effect(&rollout(replicas, false), budgets, mode == Mode::Surge), expected, "{name}");
        }
        assert!(effect(&rollout(8, true), &[], false).contains("it is paused"));
    }
}
