//! The life of a pod on a node as a function of its spec, its knobs and the time.
//!
//! Nothing here touches the API: [`advance`] moves a [`Run`] to the present and tells what happened and when to look
//! again. Each step is timed from the one before, not from when somebody looked, so late looks change nothing.

use jiff::{SignedDuration, Timestamp};

use super::{
    command::Program,
    container::{self, Place},
    knobs::{Delay, Readiness},
    pod::{Container, Pod, RestartPolicy, Source},
    run::{ContainerRun, Ended, Phase, Run, Stage},
};

/// What a node has and lacks, as far as its pods notice.
pub trait Surroundings {
    /// Returns whether the image is on the node.
    fn has_image(&self, image: &str) -> bool;
    /// Returns what is wrong with an object that a container needs, if something is.
    fn lacks(&self, source: &Source) -> Option<String>;
}

/// Something worth an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Whether it is a warning.
    pub warning: bool,
    /// Reason.
    pub reason: &'static str,
    /// Text.
    pub message: String,
    /// Path of the container in the pod, such as `spec.containers{web}`.
    pub field: String,
}

/// What came of a look at a pod.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// What happened, in order.
    pub notes: Vec<Note>,
    /// Images that are on the node now.
    pub pulled: Vec<String>,
    /// When to look again.
    pub due: Option<Timestamp>,
}

/// Moves the pod to `now`.
pub fn advance(pod: &Pod, run: &mut Run, around: &dyn Surroundings, now: Timestamp) -> Outcome {
    let mut outcome = Outcome::default();
    if run.phase.is_terminal() || run.stopped {
        run.stopped = pod.deletion.is_some();
        return outcome;
    }
    run.since.get_or_insert(now);
    if pod.deletion.is_some() {
        stop(pod, run, now, &mut outcome);
        return outcome;
    }
    let since = run.since.unwrap_or(now);
    if let Some(initialized) = advance_init(pod, run, around, since, now, &mut outcome) {
        for n in 0..pod.containers.len() {
            let place = Place { pod, container: &pod.containers[n], role: role(n), around, begin: initialized };
            container::advance(&place, &mut run.containers[n], now, &mut outcome);
        }
    }
    run.phase = phase(pod, run);
    if run.phase.is_terminal() {
        end_sidecars(pod, run, now);
        outcome.due = None;
    }
    outcome
}

/// Returns whether every init container has done its part.
#[must_use]
pub fn is_initialized(pod: &Pod, run: &Run) -> bool {
    pod.init.iter().zip(&run.init).all(|(container, state)| done_at(container, state).is_some())
}

fn role(n: usize) -> container::Role {
    if n == 0 { container::Role::First } else { container::Role::Other }
}

/// Advances the init containers one after another; returns when the last was done.
fn advance_init(
    pod: &Pod,
    run: &mut Run,
    around: &dyn Surroundings,
    since: Timestamp,
    now: Timestamp,
    outcome: &mut Outcome,
) -> Option<Timestamp> {
    let mut begin = since;
    for (container, state) in pod.init.iter().zip(&mut run.init) {
        let place = Place { pod, container, role: container::Role::Init, around, begin };
        container::advance(&place, state, now, outcome);
        begin = begin.max(done_at(container, state)?);
    }
    Some(begin)
}

/// Returns when an init container had done its part: it ended well, or it is a sidecar that runs.
fn done_at(container: &Container, state: &ContainerRun) -> Option<Timestamp> {
    match &state.stage {
        Stage::Running { since } if container.sidecar && state.started => Some(*since),
        Stage::Starting { .. } | Stage::BackOff { .. } if container.sidecar && state.restarts > 0 => {
            state.last.as_ref().map(|ended| ended.since)
        }
        Stage::Ended(ended) if ended.code == 0 => Some(ended.at),
        _ => None,
    }
}

fn phase(pod: &Pod, run: &Run) -> Phase {
    let failed_init =
        pod.init.iter().zip(&run.init).any(|(container, state)| {
            !container.sidecar && matches!(&state.stage, Stage::Ended(ended) if ended.code != 0)
        });
    if failed_init {
        return Phase::Failed;
    }
    if !is_initialized(pod, run) {
        return Phase::Pending;
    }
    let ends = run.containers.iter().map(|state| match &state.stage {
        Stage::Ended(ended) => Some(ended.code),
        _ => None,
    });
    match ends.collect::<Option<Vec<i32>>>() {
        Some(codes) if codes.iter().all(|code| *code == 0) => Phase::Succeeded,
        Some(_) => Phase::Failed,
        None if run.containers.iter().any(has_run) => Phase::Running,
        None => Phase::Pending,
    }
}

fn has_run(state: &ContainerRun) -> bool {
    matches!(state.stage, Stage::Running { .. } | Stage::Ended(_)) || state.last.is_some()
}

fn end_sidecars(pod: &Pod, run: &mut Run, now: Timestamp) {
    for (_, state) in pod.init.iter().zip(&mut run.init).filter(|(container, _)| container.sidecar) {
        end(state, 0, now);
    }
}

/// Stops the containers of a pod that is being deleted: by themselves in time, or killed at the deadline.
fn stop(pod: &Pod, run: &mut Run, now: Timestamp, outcome: &mut Outcome) {
    let fresh = run.stopping.is_none();
    let begin = *run.stopping.get_or_insert(now);
    let deadline = pod.deletion.map_or(now, |deletion| deletion.deadline);
    let own = match pod.knobs.termination {
        Delay::For(length) => Some(begin + pod.pre_stop + length),
        Delay::Never => None,
    };
    let (at, code) = match own.filter(|own| *own <= deadline.max(begin)) {
        Some(own) => (own, 0),
        None => (deadline.max(begin), 137),
    };
    let alive = running(pod, run).next().is_some();
    if fresh {
        for (container, path) in running(pod, run) {
            let message = format!("Stopping container {}", container.name);
            outcome.notes.push(Note { warning: false, reason: "Killing", message, field: path });
        }
    }
    if alive && at > now {
        outcome.due = Some(at);
        return;
    }
    let all = run.init.iter_mut().chain(&mut run.containers);
    all.for_each(|state| end(state, code, at));
    if alive {
        run.phase = if code == 0 { Phase::Succeeded } else { Phase::Failed };
    }
    run.stopped = true;
}

fn running<'a>(pod: &'a Pod, run: &'a Run) -> impl Iterator<Item = (&'a Container, String)> {
    let init = pod.init.iter().zip(&run.init).map(|(container, state)| (container, state, "initContainers"));
    let main = pod.containers.iter().zip(&run.containers).map(|(container, state)| (container, state, "containers"));
    init.chain(main)
        .filter(|(_, state, _)| matches!(state.stage, Stage::Running { .. }))
        .map(|(container, _, list)| (container, format!("spec.{list}{{{}}}", container.name)))
}

fn end(state: &mut ContainerRun, code: i32, at: Timestamp) {
    if let Stage::Running { since } = state.stage {
        let reason = super::knobs::reason_of(code);
        state.stage = Stage::Ended(Ended { code, reason, message: String::new(), since, at });
    }
    state.ready = false;
    state.started = false;
}

/// Returns the time after `at` by `delay`; `None` for never.
pub(super) fn after(at: Timestamp, delay: Delay) -> Option<Timestamp> {
    match delay {
        Delay::For(length) => Some(at + length),
        Delay::Never => None,
    }
}

/// Returns whether a container that ended with this code is started again.
pub(super) fn restarts(policy: RestartPolicy, code: i32) -> bool {
    match policy {
        RestartPolicy::Always => true,
        RestartPolicy::OnFailure => code != 0,
        RestartPolicy::Never => false,
    }
}

/// Returns whether a container is ready at `now`, given when it first may be, and when that changes next.
pub(super) fn readiness(kind: Readiness, from: Option<Timestamp>, now: Timestamp) -> (bool, Option<Timestamp>) {
    let Some(from) = from else { return (false, None) };
    match kind {
        Readiness::Never => (false, None),
        _ if now < from => (false, Some(from)),
        Readiness::Steady => (true, None),
        Readiness::Flapping { up, down } => {
            let cycle = (up + down).as_nanos().max(1);
            let into = now.duration_since(from).as_nanos() % cycle;
            let ready = into < up.as_nanos();
            let left = if ready { up.as_nanos() - into } else { cycle - into };
            let left = i64::try_from(left).map_or(SignedDuration::MAX, SignedDuration::from_nanos);
            (ready, now.checked_add(left).ok())
        }
    }
}

/// Returns how long the run of a container is and how it ends, if it ends by itself.
pub(super) fn own_end(place: &Place<'_>, state: &ContainerRun) -> Option<(SignedDuration, i32, &'static str)> {
    let knobs = &place.pod.knobs;
    if place.role == container::Role::First
        && let Some(end) = knobs.end.filter(|end| !end.first_run_only || state.restarts == 0)
    {
        return Some((end.after, end.code, end.reason));
    }
    match &place.container.program {
        Program::Known(course) => course.end.map(|(length, code)| (length, code, super::knobs::reason_of(code))),
        Program::Absent(_) => None,
        Program::Unknown if place.container.sidecar => None,
        Program::Unknown if place.role == container::Role::Init => Some((SignedDuration::ZERO, 0, "Completed")),
        Program::Unknown if place.pod.restart_policy == RestartPolicy::Always => None,
        Program::Unknown => Some((knobs.job, 0, "Completed")),
    }
}
