//! Why a pod is not ready, read from its status.

use std::fmt;

use super::watched::{ContainerStatus, PodCondition, WatchedPod};

/// Why a pod is not ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What kind of trouble it is.
    pub kind: TroubleKind,
    /// The word of the API, for instance `ImagePullBackOff`; `not ready` where there is none.
    pub word: String,
    /// The container; empty where the whole pod is concerned.
    pub container: String,
    /// The container's image; empty where the whole pod is concerned.
    pub image: String,
    /// What the API says about it; may be empty.
    pub detail: String,
    /// How often the container was started again.
    pub restarts: i32,
}

/// A kind of trouble: what a person has to do differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TroubleKind {
    /// No node takes the pod.
    Unschedulable,
    /// The image cannot be pulled.
    ImagePull,
    /// A container ends again and again.
    Crash,
    /// A container cannot be made, for instance because a Secret is missing.
    Configuration,
    /// The pod ended.
    Ended,
    /// Its node does not answer.
    NodeLost,
    /// A container runs, but its readiness probe does not succeed.
    NotReady,
    /// It is being started.
    Starting,
}

impl Trouble {
    /// Returns the trouble of a pod that is not ready; the gravest where there are several.
    #[must_use]
    pub(super) fn of(pod: &WatchedPod) -> Self {
        unscheduled(pod)
            .or_else(|| lost(pod))
            .or_else(|| in_containers(pod))
            .or_else(|| ended(pod))
            .unwrap_or_else(|| not_ready(pod))
    }

    fn of_pod(kind: TroubleKind, word: &str, detail: &str) -> Self {
        Self {
            kind,
            word: word.to_owned(),
            container: String::new(),
            image: String::new(),
            detail: detail.to_owned(),
            restarts: 0,
        }
    }

    fn of_container(kind: TroubleKind, word: &str, detail: &str, status: &ContainerStatus) -> Self {
        Self {
            container: status.name.clone(),
            image: status.image.clone(),
            restarts: status.restart_count,
            ..Self::of_pod(kind, word, detail)
        }
    }
}

impl fmt::Display for Trouble {
    /// In a few words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TroubleKind::Unschedulable if !self.detail.is_empty() => write!(f, "{}: {}", self.word, self.detail),
            _ => f.write_str(&self.word),
        }
    }
}

/// Returns a condition of a pod.
pub(super) fn condition<'a>(pod: &'a WatchedPod, kind: &str) -> Option<&'a PodCondition> {
    pod.status.conditions.iter().flatten().find(|condition| condition.kind == kind)
}

fn unscheduled(pod: &WatchedPod) -> Option<Trouble> {
    let unscheduled = condition(pod, "PodScheduled").filter(|scheduled| scheduled.status == "False")?;
    let word = unscheduled.reason.as_deref().unwrap_or("not scheduled");
    Some(Trouble::of_pod(TroubleKind::Unschedulable, word, unscheduled.message.as_deref().unwrap_or_default()))
}

fn lost(pod: &WatchedPod) -> Option<Trouble> {
    let ready = condition(pod, "Ready").filter(|ready| ready.reason.as_deref() == Some("NodeNotReady"))?;
    Some(Trouble::of_pod(TroubleKind::NodeLost, "NodeNotReady", ready.message.as_deref().unwrap_or_default()))
}

/// The gravest of the containers; those that run before the others come first.
fn in_containers(pod: &WatchedPod) -> Option<Trouble> {
    let status = &pod.status;
    let all = status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten());
    all.filter_map(in_container).min_by_key(|trouble| trouble.kind)
}

fn in_container(status: &ContainerStatus) -> Option<Trouble> {
    let waiting = status.state.as_ref()?.waiting.as_ref()?;
    let word = waiting.reason.as_deref().filter(|reason| !reason.is_empty())?;
    let message = waiting.message.as_deref().unwrap_or_default();
    let trouble = |kind, detail: &str| Some(Trouble::of_container(kind, word, detail, status));
    match word {
        "ErrImagePull"
        | "ImagePullBackOff"
        | "ErrImageNeverPull"
        | "InvalidImageName"
        | "RegistryUnavailable"
        | "ImageInspectError" => trouble(TroubleKind::ImagePull, message),
        "CrashLoopBackOff" => trouble(TroubleKind::Crash, &last_end(status).unwrap_or_else(|| message.to_owned())),
        "ContainerCreating" | "PodInitializing" => trouble(TroubleKind::Starting, message),
        _ => trouble(TroubleKind::Configuration, message),
    }
}

/// How the last run of a container ended.
fn last_end(status: &ContainerStatus) -> Option<String> {
    let states = [status.state.as_ref(), status.last_state.as_ref()];
    let end = states.into_iter().flatten().find_map(|state| state.terminated.as_ref())?;
    let reason = end.reason.as_deref().filter(|reason| !matches!(*reason, "" | "Error" | "Completed"));
    let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
    let message = end.message.as_deref().map_or_else(String::new, |text| format!(": {}", text.trim()));
    Some(format!("exit code {}{reason}{message}", end.exit_code))
}

fn ended(pod: &WatchedPod) -> Option<Trouble> {
    let status = &pod.status;
    let phase = status.phase.as_deref().filter(|phase| matches!(*phase, "Failed" | "Succeeded"))?;
    let word = status.reason.as_deref().filter(|reason| !reason.is_empty()).unwrap_or(phase);
    Some(Trouble::of_pod(TroubleKind::Ended, word, status.message.as_deref().unwrap_or_default()))
}

/// A container that has ended and is about to be started again, or one whose probe does not succeed.
fn not_ready(pod: &WatchedPod) -> Trouble {
    let statuses = pod.status.container_statuses.as_deref().unwrap_or_default();
    let init = pod.status.init_container_statuses.as_deref().unwrap_or_default();
    let end = |status: &ContainerStatus| status.state.as_ref()?.terminated.as_ref().map(|end| end.exit_code);
    let failed = init.iter().find(|status| end(status).is_some_and(|code| code != 0));
    if let Some(status) = failed.or_else(|| statuses.iter().find(|status| end(status).is_some())) {
        let detail = last_end(status).unwrap_or_default();
        return Trouble::of_container(TroubleKind::Crash, "not ready", &detail, status);
    }
    match statuses.iter().find(|status| !status.ready) {
        Some(status) => Trouble::of_container(TroubleKind::NotReady, "not ready", "", status),
        None => Trouble::of_pod(TroubleKind::Starting, "not ready", ""),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(name: &str, status: &Value, kind: TroubleKind, word: &str, detail: &str) {
        let pod: WatchedPod = serde_json::from_value(json!({"metadata": {}, "status": status})).unwrap();
        let found = Trouble::of(&pod);
        assert_eq!((found.kind, found.word.as_str(), found.detail.as_str()), (kind, word, detail), "{name}");
    }

    fn container(fields: &Value) -> Value {
        let mut status = json!({"name": "app", "image": "app:1", "ready": false, "restartCount": 0});
        status.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        status
    }

    fn waiting(reason: &str, message: &str) -> Value {
        container(&json!({"state": {"waiting": {"reason": reason, "message": message}}}))
    }

    #[test]
    fn gravest_trouble_is_found() {
        use TroubleKind as Kind;
        let scheduled =
            json!([{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3"}]);
        check("no node", &json!({"conditions": scheduled}), Kind::Unschedulable, "Unschedulable", "0/3");
        let lost = json!([{"type": "Ready", "status": "False", "reason": "NodeNotReady"}]);
        check("lost node", &json!({"conditions": lost}), Kind::NodeLost, "NodeNotReady", "");
        let image =
            json!({"containerStatuses": [waiting("ContainerCreating", ""), waiting("ErrImagePull", "not found")]});
        check("image", &image, Kind::ImagePull, "ErrImagePull", "not found");
        let secret = waiting("CreateContainerConfigError", "secret \"s\" not found");
        let secret = json!({"containerStatuses": [secret]});
        check("secret", &secret, Kind::Configuration, "CreateContainerConfigError", "secret \"s\" not found");
        let before = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
        let crash = json!({"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": before});
        let crash = json!({"containerStatuses": [container(&crash)]});
        check("crash", &crash, Kind::Crash, "CrashLoopBackOff", "exit code 137 (OOMKilled)");
        let again = json!({"restartCount": 1, "state": {"terminated": {"exitCode": 1, "reason": "Error"}}});
        check(
            "crashed just now",
            &json!({"containerStatuses": [container(&again)]}),
            Kind::Crash,
            "not ready",
            "exit code 1",
        );
        let init = json!({"initContainerStatuses": [waiting("CrashLoopBackOff", "back-off")],
            "containerStatuses": [waiting("PodInitializing", "")]});
        check("init", &init, Kind::Crash, "CrashLoopBackOff", "back-off");
        let running = json!({"phase": "Running", "containerStatuses": [container(&json!({"state": {"running": {}}}))]});
        check("probe", &running, Kind::NotReady, "not ready", "");
        let evicted = json!({"phase": "Failed", "reason": "Evicted", "message": "low on memory"});
        check("evicted", &evicted, Kind::Ended, "Evicted", "low on memory");
        check("nothing known", &json!({}), Kind::Starting, "not ready", "");
    }
}
