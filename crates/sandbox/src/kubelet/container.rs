//! The life of one container.

use jiff::{SignedDuration, Timestamp};

use super::{
    command::Program,
    knobs::Delay,
    lifecycle::{Note, Outcome, Surroundings, after, own_end, readiness, restarts},
    pod::{Container, Pod},
    run::{ContainerRun, Ended, Stage},
};

/// Which of the pod's containers it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// An init container.
    Init,
    /// The one that the knobs are about.
    First,
    /// Another.
    Other,
}

/// A container and where it runs.
pub struct Place<'a> {
    /// The pod.
    pub pod: &'a Pod,
    /// The container.
    pub container: &'a Container,
    /// Which one it is.
    pub role: Role,
    /// The node.
    pub around: &'a dyn Surroundings,
    /// When it may begin.
    pub begin: Timestamp,
}

/// First wait after a failed pull or the second end in a row; doubles each time.
const FIRST_BACKOFF: i64 = 10;
/// Longest wait.
const MAX_BACKOFF: i64 = 300;
/// After a run of this length the next restart is immediate again.
const STEADY_RUN: SignedDuration = SignedDuration::from_mins(10);
/// From `ErrImagePull` to `ImagePullBackOff`.
const REFUSAL_SHOWN: SignedDuration = SignedDuration::from_secs(1);

/// Moves a container to `now`.
pub fn advance(place: &Place<'_>, state: &mut ContainerRun, now: Timestamp, outcome: &mut Outcome) {
    while step(place, state, now, outcome) {}
    let due = match &state.stage {
        Stage::Pulling { until, .. } | Stage::Starting { until } => *until,
        Stage::Refused { until, .. } | Stage::BackOff { until, .. } => Some(*until),
        Stage::Running { since } => watch(place, state, *since, now, outcome),
        Stage::Blocked | Stage::Ended(_) => None,
    };
    outcome.due = [outcome.due, due].into_iter().flatten().min();
}

/// Takes one step if it is time for it.
fn step(place: &Place<'_>, state: &mut ContainerRun, now: Timestamp, outcome: &mut Outcome) -> bool {
    match state.stage.clone() {
        Stage::Blocked => fetch(place, state, place.begin, outcome),
        Stage::Pulling { since, until: Some(until) } if until <= now => pulled(place, state, since, until, outcome),
        Stage::Refused { reason: "ErrImagePull", until, .. } if until <= now => {
            back_off_pull(place, state, until, outcome)
        }
        Stage::Refused { until, .. } if until <= now => fetch(place, state, until, outcome),
        Stage::Starting { until: Some(until) } if until <= now => start(place, state, until, outcome),
        Stage::BackOff { until, .. } if until <= now => fetch(place, state, until, outcome),
        Stage::Running { since } => match end_of_run(place, state, since) {
            Some(ended) if ended.at <= now => finish(place, state, ended, outcome),
            _ => return false,
        },
        _ => return false,
    }
    true
}

fn fetch(place: &Place<'_>, state: &mut ContainerRun, at: Timestamp, outcome: &mut Outcome) {
    let image = &place.container.image;
    let present = place.around.has_image(image) || outcome.pulled.contains(image);
    let pull = match place.container.pull_policy.as_str() {
        "Always" => true,
        "Never" if !present => {
            let message = format!("Container image \"{image}\" is not present with pull policy of Never");
            refuse(place, state, "ErrImageNeverPull", message, at, outcome);
            return;
        }
        _ => !present,
    };
    if !is_reference(image) {
        let message = format!(
            "Failed to apply default image tag \"{image}\": couldn't parse image name \"{image}\": invalid reference format"
        );
        refuse(place, state, "InvalidImageName", message, at, outcome);
    } else if pull {
        note(place, false, "Pulling", format!("Pulling image \"{image}\""), outcome);
        let length = if present && !place.pod.knobs.fails_to_pull(image) {
            // Only the manifest is looked up again.
            Delay::For(SignedDuration::ZERO)
        } else {
            place.pod.knobs.pull
        };
        state.stage = Stage::Pulling { since: at, until: after(at, length) };
    } else {
        note(place, false, "Pulled", format!("Container image \"{image}\" already present on machine"), outcome);
        create(place, state, at, outcome);
    }
}

/// Returns whether an image reference can be read: no capitals in the path, no spaces, not empty.
fn is_reference(image: &str) -> bool {
    let path = image.split_once('/').map_or(image, |(_, path)| path);
    let name = path.split([':', '@']).next().unwrap_or(path);
    !name.is_empty()
        && !name.chars().any(char::is_uppercase)
        && image.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'<' | b'>'))
}

fn pulled(place: &Place<'_>, state: &mut ContainerRun, since: Timestamp, at: Timestamp, outcome: &mut Outcome) {
    let image = &place.container.image;
    if place.pod.knobs.fails_to_pull(image) {
        let why = format!(
            "failed to pull and unpack image \"{image}\": failed to resolve reference \"{image}\": {image}: not found"
        );
        note(place, true, "Failed", format!("Failed to pull image \"{image}\": {why}"), outcome);
        note(place, true, "Failed", "Error: ErrImagePull".into(), outcome);
        state.failed_pulls += 1;
        state.stage = Stage::Refused { reason: "ErrImagePull", message: why, until: at + REFUSAL_SHOWN };
        return;
    }
    let took = tiphys_machinery::go_duration::format(at.duration_since(since));
    let size =
        1_000_000 + image.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % 99_000_000;
    let message = format!(
        "Successfully pulled image \"{image}\" in {took} ({took} including waiting). Image size: {size} bytes."
    );
    note(place, false, "Pulled", message, outcome);
    outcome.pulled.push(image.clone());
    state.failed_pulls = 0;
    create(place, state, at, outcome);
}

fn back_off_pull(place: &Place<'_>, state: &mut ContainerRun, at: Timestamp, outcome: &mut Outcome) {
    let image = &place.container.image;
    let message = format!("Back-off pulling image \"{image}\"");
    note(place, false, "BackOff", message.clone(), outcome);
    note(place, true, "Failed", "Error: ImagePullBackOff".into(), outcome);
    let wait = SignedDuration::from_secs(back_off(state.failed_pulls));
    state.stage = Stage::Refused { reason: "ImagePullBackOff", message, until: at - REFUSAL_SHOWN + wait };
}

fn create(place: &Place<'_>, state: &mut ContainerRun, at: Timestamp, outcome: &mut Outcome) {
    if let Some(message) = place.container.sources.iter().find_map(|source| place.around.lacks(source)) {
        refuse(place, state, "CreateContainerConfigError", message, at, outcome);
    } else {
        state.stage = Stage::Starting { until: after(at, place.pod.knobs.start) };
    }
}

fn refuse(
    place: &Place<'_>,
    state: &mut ContainerRun,
    reason: &'static str,
    message: String,
    at: Timestamp,
    outcome: &mut Outcome,
) {
    note(place, true, "Failed", format!("Error: {message}"), outcome);
    state.stage = Stage::Refused { reason, message, until: at + SignedDuration::from_secs(FIRST_BACKOFF) };
}

fn start(place: &Place<'_>, state: &mut ContainerRun, at: Timestamp, outcome: &mut Outcome) {
    let name = &place.container.name;
    note(place, false, "Created", format!("Created container: {name}"), outcome);
    if state.last.is_some() {
        state.restarts += 1;
        state.streak += 1;
    }
    state.told_unready = false;
    if let Program::Absent(path) = &place.container.program {
        let message = format!(
            "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: \
             unable to start container process: error during container init: exec: \"{path}\": executable file not found in \
             $PATH"
        );
        note(place, true, "Failed", format!("Error: {message}"), outcome);
        finish(place, state, Ended { code: 128, reason: "StartError", message, since: at, at }, outcome);
        return;
    }
    note(place, false, "Started", format!("Started container {name}"), outcome);
    state.stage = Stage::Running { since: at };
}

/// Returns how the present run ends, if it does.
fn end_of_run(place: &Place<'_>, state: &ContainerRun, since: Timestamp) -> Option<Ended> {
    let ended = |length: SignedDuration, code, reason| Ended {
        code,
        reason,
        message: String::new(),
        since,
        at: since + length,
    };
    let own = own_end(place, state).map(|(length, code, reason)| ended(length, code, reason));
    let liveness = place.pod.knobs.liveness_fails_after.filter(|_| place.role == Role::First);
    let killed = liveness.map(|length| ended(length, 137, "Error"));
    [own, killed].into_iter().flatten().min_by_key(|ended| ended.at)
}

fn finish(place: &Place<'_>, state: &mut ContainerRun, ended: Ended, outcome: &mut Outcome) {
    let lived = ended.at.duration_since(ended.since);
    if place.role == Role::First && place.pod.knobs.liveness_fails_after == Some(lived) {
        let name = &place.container.name;
        let failed = "Liveness probe failed: HTTP probe failed with statuscode: 500";
        note(place, true, "Unhealthy", failed.into(), outcome);
        note(place, false, "Killing", format!("Container {name} failed liveness probe, will be restarted"), outcome);
    }
    state.ready = false;
    state.started = false;
    let policy = place.pod.restart_policy;
    // An init container that must succeed is tried again under `Always`, too, but not after success.
    let again = match place.role {
        Role::Init if !place.container.sidecar => ended.code != 0 && restarts(policy, ended.code),
        Role::Init => true,
        Role::First | Role::Other => restarts(policy, ended.code),
    };
    if !again {
        state.stage = Stage::Ended(ended);
        return;
    }
    if lived >= STEADY_RUN {
        state.streak = 0;
    }
    let at = ended.at;
    state.last = Some(ended);
    if state.streak == 0 {
        state.stage = Stage::Starting { until: after(at, place.pod.knobs.start) };
        return;
    }
    let (pod, name) = (place.pod, &place.container.name);
    let text =
        format!("Back-off restarting failed container {name} in pod {}_{}({})", pod.name, pod.namespace, pod.uid);
    note(place, true, "BackOff", text, outcome);
    let seconds = back_off(state.streak);
    state.stage = Stage::BackOff { until: at + SignedDuration::from_secs(seconds), seconds };
}

/// Returns the seconds to wait after `times` failures: 10, 20, 40, up to 300.
pub(super) fn back_off(times: u32) -> i64 {
    FIRST_BACKOFF.saturating_mul(1_i64 << times.saturating_sub(1).min(30)).min(MAX_BACKOFF)
}

/// Updates what the probes of a running container say; returns when something changes next.
fn watch(
    place: &Place<'_>,
    state: &mut ContainerRun,
    since: Timestamp,
    now: Timestamp,
    outcome: &mut Outcome,
) -> Option<Timestamp> {
    let end = end_of_run(place, state, since).map(|ended| ended.at);
    let started = since + place.container.startup;
    state.started = started <= now;
    if place.role == Role::Init {
        state.ready = state.started;
        let next = (!state.started).then_some(started);
        return [end, next].into_iter().flatten().min();
    }
    let from = after(started + place.container.readiness.unwrap_or_default(), place.pod.knobs.ready_delay);
    let (ready, next) = readiness(place.pod.knobs.readiness, from, now);
    let failing = state.started && !ready && place.container.readiness.is_some() && from.is_none_or(|from| from <= now);
    if (state.ready && !ready) || (failing && !state.told_unready) {
        state.told_unready = true;
        note(
            place,
            true,
            "Unhealthy",
            "Readiness probe failed: HTTP probe failed with statuscode: 500".into(),
            outcome,
        );
    }
    state.ready = ready;
    let startup = (!state.started).then_some(started);
    [end, next, startup].into_iter().flatten().min()
}

fn note(place: &Place<'_>, warning: bool, reason: &'static str, message: String, outcome: &mut Outcome) {
    let list = if place.role == Role::Init { "initContainers" } else { "containers" };
    let field = format!("spec.{list}{{{}}}", place.container.name);
    outcome.notes.push(Note { warning, reason, message, field });
}
