//! Why users are not where a step wants them.

use tiphys_runtime::reason::{ObjectRef, Reason, Urgency};

use crate::plan::explain_parts::{Held, Release, Situation, Traffic};

/// Returns what holds up the traffic of a canary; most important first.
#[must_use]
pub(crate) fn explain(release: &Release<'_>) -> Vec<Reason> {
    let Some(traffic) = release.traffic() else { return Vec::new() };
    let mut reasons: Vec<Reason> = traffic.faults.iter().map(|fault| fault.reason()).collect();
    reasons.extend(waiting_for_stable(release, traffic));
    reasons.extend(unconfirmed(release, traffic));
    reasons.extend(superseding(release, traffic));
    reasons
}

fn itself(release: &Release<'_>) -> ObjectRef {
    ObjectRef::new("Rollout", release.namespace(), release.name())
}

fn waiting_for_stable(release: &Release<'_>, traffic: &Traffic) -> Option<Reason> {
    let Some(Held::ForStable { available, needed }) = traffic.decision.held else { return None };
    let text = if traffic.decision.is_told {
        let weight = traffic.decision.weight;
        format!(
            "{weight} of {} stay on the canary: the stable side has {available} of {needed} pods available",
            traffic.decision.full
        )
    } else {
        format!("the router is told nothing yet: the stable side has {available} of {needed} pods available")
    };
    let reason = Reason::new("WaitingForStablePods", Urgency::Moving, text);
    let next = "users follow as stable pods become available";
    Some(match release.stable {
        Some(stable) => reason.on(ObjectRef::new("ReplicaSet", release.namespace(), &stable.name)).then(next, None),
        None => reason.on(itself(release)).then(next, None),
    })
}

fn unconfirmed(release: &Release<'_>, traffic: &Traffic) -> Option<Reason> {
    let why = traffic.unconfirmed.as_ref()?;
    let text = format!("the router has not confirmed weight {}: {why}", traffic.decision.weight);
    let at = release.after(release.settings.verify_retry);
    Some(
        Reason::new("WeightNotVerified", Urgency::Moving, text)
            .on(itself(release))
            .then("no step completes and no pod goes until it does; it is asked again", at),
    )
}

fn superseding(release: &Release<'_>, traffic: &Traffic) -> Option<Reason> {
    let is_so = traffic.decision.situation == Situation::Superseding
        || traffic.decision.situation == Situation::NoCanary && traffic.decision.canary_hash != release.hash;
    is_so.then(|| {
        let text = format!(
            "users of the version before (hash {}) go back to stable before revision {} gets any",
            traffic.decision.canary_hash,
            release.revision()
        );
        Reason::new("Superseding", Urgency::Moving, text).on(itself(release)).then("its steps begin", None)
    })
}
