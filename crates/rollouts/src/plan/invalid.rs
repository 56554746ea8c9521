//! A spec that cannot be worked on: it is said, and everything else stays as it is.

use jiff::Timestamp;
use tiphys_api::{
    Rollout,
    constants::{
        conditions::{INVALID_SPEC, TRUE},
        reasons,
    },
    phase,
    types::Time,
};
use tiphys_runtime::{
    reason::{ObjectRef, Reason, Urgency},
    recorder::Note,
};

use super::{Settings, conditions, status, validate};
use crate::{
    action::Plan,
    observe::{Observed, WorkloadKind},
};

/// Plans a pass over an invalid spec.
pub(super) fn plan(seen: &Observed, rollout: &Rollout, message: &str, now: Timestamp, settings: &Settings) -> Plan {
    let stamp = Time(Timestamp::from_second(now.as_second()).unwrap_or(now));
    let mut updated = rollout.clone();
    let known = conditions::get(&rollout.status.conditions, INVALID_SPEC);
    let is_news = known.is_none_or(|known| known.message != message);
    if is_news {
        let invalid = conditions::new(INVALID_SPEC, TRUE, reasons::INVALID_SPEC, message);
        conditions::remove(&mut updated.status.conditions, INVALID_SPEC);
        conditions::replace(&mut updated.status.conditions, invalid, &stamp);
    }
    updated.status.observed_generation = rollout.metadata.generation.unwrap_or(0).to_string();
    let (phase, text) = phase::calculate(&updated);
    phase.as_str().clone_into(&mut updated.status.phase);
    updated.status.message = text;
    let since = conditions::get(&updated.status.conditions, INVALID_SPEC).and_then(|c| c.last_transition_time.clone());
    let event = Note::warning(reasons::INVALID_SPEC, message);
    Plan {
        status: status::patch_of(&seen.rollout.typed, &updated.status),
        events: is_news.then_some(event).into_iter().collect(),
        requeue: now.saturating_add(settings.invalid_retry).ok(),
        reasons: vec![reason(seen, rollout, message, since.map(|time| time.0))],
        ..Plan::default()
    }
}

fn reason(seen: &Observed, rollout: &Rollout, message: &str, since: Option<Timestamp>) -> Reason {
    let namespace = rollout.metadata.namespace.as_deref().unwrap_or_default();
    let name = rollout.metadata.name.as_deref().unwrap_or_default();
    let reason = Reason::new("InvalidSpec", Urgency::Broken, message)
        .on(ObjectRef::new("Rollout", namespace, name))
        .since(since)
        .then("nothing is changed until the spec, or what it refers to, is; running pods stay", None)
        .remedy(
            format!("kubectl edit rollout {name} -n {namespace}"),
            "corrects the field; `tiphys lint -f FILE` finds such faults before they are applied",
        );
    // What is missing is only the cause if that is what the message is about.
    match missing(seen, rollout).filter(|_| message.contains("not found")) {
        Some(cause) => reason.because(cause),
        None => reason,
    }
}

/// What the spec names and what is not there.
fn missing(seen: &Observed, rollout: &Rollout) -> Option<Reason> {
    let namespace = rollout.metadata.namespace.as_deref().unwrap_or_default();
    let absent = |code: &str, kind: &str, name: &str, effect: String| {
        Reason::new(code, Urgency::Broken, format!("{kind} {name} does not exist in namespace {namespace}"))
            .on(ObjectRef::new(kind, namespace, name))
            .remedy(format!("kubectl apply -n {namespace} -f FILE"), effect)
            .inspect(format!("kubectl get {} -n {namespace}", kind.to_lowercase()))
    };
    if let Some(reference) = rollout.spec.workload_ref.as_ref().filter(|_| seen.workload.is_none()) {
        WorkloadKind::of(reference)?;
        return Some(absent(
            "MissingWorkload",
            &reference.kind,
            &reference.name,
            "creates it; the Rollout goes on by itself".to_owned(),
        ));
    }
    let name = validate::missing_service(seen, rollout)?;
    let labels = rollout.spec.template.metadata.as_ref().and_then(|metadata| metadata.labels.clone());
    let labels: Vec<String> = labels.iter().flatten().map(|(key, value)| format!("{key}={value}")).collect();
    let effect = format!("creates it; its selector must be a part of the pod labels {}", labels.join(","));
    Some(absent("MissingService", "Service", name, effect))
}
