//! Why pods of a ReplicaSet are missing or not available.

use jiff::SignedDuration;
use tiphys_runtime::reason::{ObjectRef, Reason, Urgency};

use super::set_ref;
use crate::{
    observe::{PodView, ReplicaSetView, Trouble, TroubleKind},
    plan::explain_parts::Release,
};

/// Pods that a reason names at most.
pub(super) const PODS_MAX: usize = 5;

/// Returns why a ReplicaSet has fewer available pods than it should: it may not make them, or they are not available.
pub(super) fn shortage(release: &Release<'_>, set: &ReplicaSetView) -> Vec<Reason> {
    let failure = set.failure().and_then(|failure| failure.message.clone());
    failure.map(|text| refused(release, set, &text)).into_iter().chain(unready(release, Some(set))).collect()
}

/// Returns the reasons of the pods of a ReplicaSet that are not available, the gravest first.
pub(super) fn unready(release: &Release<'_>, set: Option<&ReplicaSetView>) -> Vec<Reason> {
    let pods = set.into_iter().flat_map(|set| release.pods_of(set));
    let min_ready = release.rollout.spec.min_ready_seconds;
    let mut waiting: Vec<&PodView> =
        pods.filter(|pod| !pod.leaving && !pod.is_available(min_ready, release.now)).collect();
    waiting.sort_by_key(|pod| pod.trouble.as_ref().map_or(TroubleKind::Starting, |trouble| trouble.kind));
    waiting.into_iter().take(PODS_MAX).map(|pod| reason(release, pod)).collect()
}

/// The API server does not let the ReplicaSet make a pod.
fn refused(release: &Release<'_>, set: &ReplicaSetView, text: &str) -> Reason {
    let reason = Reason::new("ReplicaFailure", Urgency::Broken, format!("the pod is refused: {text}"))
        .on(set_ref(release, set))
        .then("it is tried again by itself", None);
    let Some(quota) = quota(text) else {
        return reason.inspect(format!("kubectl describe replicaset {} -n {}", set.name, release.namespace()));
    };
    let namespace = release.namespace();
    let cause = Reason::new("QuotaExceeded", Urgency::Broken, format!("ResourceQuota {quota} is used up"))
        .on(ObjectRef::new("ResourceQuota", namespace, quota))
        .then("the pod is made as soon as the quota has room", None)
        .remedy(
            format!("kubectl edit resourcequota {quota} -n {namespace}"),
            "raises the quota; fewer replicas, or smaller requests, do as well",
        )
        .inspect(format!("kubectl describe resourcequota {quota} -n {namespace}"));
    reason.because(cause)
}

/// The quota that a refusal of the API server names: `… is forbidden: exceeded quota: NAME, requested: …`.
fn quota(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("exceeded quota: ")?;
    rest.split([',', ' ']).next().filter(|name| !name.is_empty())
}

/// Returns the reason of one pod that is not available.
pub(super) fn reason(release: &Release<'_>, pod: &PodView) -> Reason {
    let Some(trouble) = &pod.trouble else { return too_young(release, pod) };
    let text = match trouble.kind {
        // The cause says the rest.
        TroubleKind::Unschedulable => trouble.word.clone(),
        _ => trouble.to_string(),
    };
    let urgency = urgency(trouble);
    let reason = Reason::new("PodNotAvailable", urgency, format!("pod {}: {text}", pod.name))
        .on(ObjectRef::new("Pod", release.namespace(), &pod.name))
        .since(pod.created);
    match cause(release, pod, trouble) {
        Some(cause) => reason.because(cause),
        None => reason.inspect(describe(release, pod)),
    }
}

fn too_young(release: &Release<'_>, pod: &PodView) -> Reason {
    let min_ready = release.rollout.spec.min_ready_seconds;
    let text = if pod.leaving { "is going".to_owned() } else { format!("ready, must be so for {min_ready}s") };
    Reason::new("PodNotAvailable", Urgency::Moving, format!("pod {}: {text}", pod.name))
        .on(ObjectRef::new("Pod", release.namespace(), &pod.name))
        .since(pod.ready_since)
        .then("it counts as available", pod.available_from(min_ready))
}

/// A pod that merely starts is on its way, unless it takes suspiciously long.
fn urgency(trouble: &Trouble) -> Urgency {
    match trouble.kind {
        TroubleKind::Starting | TroubleKind::NotReady => Urgency::Moving,
        _ => Urgency::Broken,
    }
}

fn cause(release: &Release<'_>, pod: &PodView, trouble: &Trouble) -> Option<Reason> {
    let container = &trouble.container;
    let on = ObjectRef::new("Pod", release.namespace(), &pod.name);
    let broken = |code: &str, text: String| Reason::new(code, Urgency::Broken, text).on(on.clone());
    let detail = if trouble.detail.is_empty() { String::new() } else { format!(": {}", trouble.detail) };
    Some(match trouble.kind {
        TroubleKind::Starting => return None,
        TroubleKind::ImagePull => broken("ImagePull", format!("image {} cannot be pulled{detail}", trouble.image))
            .then("the node tries again, at growing intervals up to 5 minutes", None)
            .remedy(
                format!("set image {} {container}=IMAGE -n {}", release.name(), release.namespace()),
                "releases an image that exists",
            )
            .inspect(describe(release, pod)),
        TroubleKind::Crash => {
            let times = if trouble.restarts == 0 { String::new() } else { format!(" ({} times)", trouble.restarts) };
            broken("ContainerCrashes", format!("container {container} ends by itself{times}{detail}"))
                .then("it is started again, at growing intervals up to 5 minutes", None)
                .inspect(format!("{} --previous", logs(release, pod, container)))
        }
        TroubleKind::Configuration => {
            broken("ContainerConfiguration", format!("container {container} cannot be made{detail}"))
                .then("the node tries again until what it lacks is there", None)
                .inspect(describe(release, pod))
        }
        TroubleKind::Unschedulable => broken("Unschedulable", format!("no node takes the pod{detail}"))
            .then("it is placed as soon as a node has room", None)
            .inspect(describe(release, pod)),
        TroubleKind::NodeLost => broken("NodeLost", "its node does not answer".to_owned())
            .then("pods of a lost node are replaced after 5 minutes", None)
            .inspect("kubectl get nodes"),
        TroubleKind::Ended => broken("PodEnded", format!("the pod ended{detail}"))
            .then("its ReplicaSet makes another one", None)
            .inspect(describe(release, pod)),
        TroubleKind::NotReady => return Some(probing(release, pod, trouble, on)),
    })
}

/// Whether a probe only takes its time cannot be seen; after a minute it is worth a look.
fn probing(release: &Release<'_>, pod: &PodView, trouble: &Trouble, on: ObjectRef) -> Reason {
    let container = &trouble.container;
    let is_slow = release.now.duration_since(pod.created) > SignedDuration::from_mins(1);
    let urgency = if is_slow { Urgency::Broken } else { Urgency::Moving };
    Reason::new(
        "NotReady",
        urgency,
        format!("container {container} runs, but its readiness check has not succeeded yet"),
    )
    .on(on)
    .since(pod.created)
    .then("it is asked again at each period of its readiness probe", None)
    .inspect(logs(release, pod, container))
}

fn describe(release: &Release<'_>, pod: &PodView) -> String {
    format!("kubectl describe pod {} -n {}", pod.name, release.namespace())
}

fn logs(release: &Release<'_>, pod: &PodView, container: &str) -> String {
    format!("kubectl logs {} -c {container} -n {}", pod.name, release.namespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quota_is_named_by_the_refusal() {
        let text =
            "pods \"web-1\" is forbidden: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2";
        assert_eq!(quota(text), Some("small"));
        assert_eq!(quota("pods \"web-1\" is forbidden: violates PodSecurity"), None);
    }
}
