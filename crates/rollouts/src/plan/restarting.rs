//! The restart of a Rollout's pods: what to do now, how far it is, what blocks it.
//!
//! The rule itself is in [`super::restart`]; restarts that start a new pod first are in [`super::surge`].

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use tiphys_api::{
    defaults, selector,
    types::{RolloutCondition, RolloutStatus},
};
use tiphys_runtime::recorder::Note;

use super::{
    budget::{self, Allowance, Refusal},
    conditions,
    release::{Release, pod_target},
    restart::{self, Candidate, Floor, Round},
    status, surge,
};
use crate::{
    action::{Action, Step},
    observe::{PodView, ReplicaSetView},
};

/// Type of the condition that says how a restart goes: True while it runs, False when it is over.
pub(crate) const RESTARTING: &str = "Restarting";
/// Reason of the condition while pods are being restarted.
const RUNNING: &str = "RestartRunning";
/// Reason of the condition while something outside blocks.
pub(crate) const BLOCKED: &str = "RestartBlocked";
/// Reason of the event at the start.
pub(crate) const STARTED: &str = "RestartStarted";
/// Pods that a message names at most.
const NAMED_PODS_MAX: usize = 3;

/// Where a restart stands, and what to do for it now.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Restart {
    /// Where it stands.
    pub stage: Stage,
    /// What to do now. Nothing else is done in the same pass.
    pub steps: Vec<Step>,
    /// When to look again though nothing changes.
    pub requeue: Option<Timestamp>,
}

/// Where a restart stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stage {
    /// None was asked for, or the last one is served.
    Idle,
    /// It begins at this time.
    Scheduled(Timestamp),
    /// Pods are being restarted.
    Running(Progress),
    /// No old pod is left.
    Served(Progress),
}

/// How far a restart is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Progress {
    /// New pods that are available.
    pub done: i32,
    /// Pods that are wanted.
    pub total: i32,
    /// Old pods that are still there.
    pub old: usize,
    /// What keeps the next pod from being restarted.
    pub block: Option<Block>,
}

/// What keeps the next pod of a restart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Block {
    /// Too few pods are available; it goes on when more are.
    Availability {
        /// Available now.
        available: i32,
        /// Wanted.
        total: i32,
        /// Available before the next pod may go.
        needed: i32,
        /// Pods that are not available.
        unready: Vec<String>,
    },
    /// A disruption budget allows no eviction.
    Budget {
        /// Its namespace and name.
        budget: String,
        /// Since when.
        since: Option<Timestamp>,
        /// Pods that are not available.
        unready: Vec<String>,
    },
    /// Several budgets select a pod.
    SeveralBudgets {
        /// The pod.
        pod: String,
        /// Their names.
        budgets: Vec<String>,
    },
    /// The server refused an eviction.
    Refused {
        /// The pod.
        pod: String,
        /// What it said.
        message: String,
    },
    /// A new pod that must be available before an old one goes.
    NewPod {
        /// What is known about it.
        trouble: String,
    },
}

/// Decides about the restart of this Rollout.
#[must_use]
pub(crate) fn decide(release: &Release<'_>) -> Restart {
    let idle = |stage| Restart { stage, steps: surge::clean(release, None), requeue: None };
    let Some(at) = release.rollout.spec.restart_at.as_ref().map(|at| at.0) else { return idle(Stage::Idle) };
    if release.status().restarted_at.as_ref().is_some_and(|served| served.0 == at) {
        return idle(Stage::Idle);
    }
    if release.now <= at {
        let begins = at.saturating_add(SignedDuration::from_millis(1)).unwrap_or(at);
        return Restart { requeue: Some(begins), ..idle(Stage::Scheduled(at)) };
    }
    let pods = in_order(release);
    let round = round(release, &pods, at);
    let mut progress = progress_of(release, &pods, at, round.old);
    if round.old == 0 {
        return idle(Stage::Served(progress));
    }
    let (steps, block) =
        if status::wants_surge(release) { surge::advance(release, at) } else { evict(release, &pods, &round) };
    let requeue = if steps.is_empty() { look_again(release, &pods) } else { None };
    progress.block = block;
    Restart { stage: Stage::Running(progress), steps, requeue }
}

impl Restart {
    /// Returns whether the restart begins at a later time.
    #[must_use]
    pub(crate) fn is_scheduled(&self) -> bool {
        matches!(self.stage, Stage::Scheduled(_))
    }

    /// Returns the status message of a restart that runs: `restart 3/12`, and what blocks it.
    #[must_use]
    pub(crate) fn message(&self) -> Option<String> {
        match &self.stage {
            Stage::Running(progress) => Some(format!("restart {progress}")),
            _ => None,
        }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.done, self.total)?;
        self.block.as_ref().map_or(Ok(()), |block| write!(f, ": {block}"))
    }
}

impl Block {
    /// Returns whether it will not go away by itself soon.
    #[must_use]
    pub(crate) fn is_outside(&self) -> bool {
        !matches!(self, Self::Availability { .. } | Self::NewPod { .. })
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Availability { available, total, needed, unready } => {
                write!(f, "waiting: {available} of {total} available, needs {needed} before the next eviction")?;
                if unready.is_empty() { Ok(()) } else { write!(f, "; not ready: {}", names(unready)) }
            }
            Self::Budget { budget, since, unready } => {
                write!(f, "PodDisruptionBudget {budget} allows 0 disruptions")?;
                if let Some(since) = since {
                    write!(f, " since {}", since.strftime("%H:%M"))?;
                }
                match unready.as_slice() {
                    [] => Ok(()),
                    [one] => write!(f, "; pod {one} is not ready"),
                    many => write!(f, "; pods {} are not ready", names(many)),
                }
            }
            Self::SeveralBudgets { pod, budgets } => {
                write!(f, "more than one PodDisruptionBudget selects pod {pod}: {}", budgets.join(", "))
            }
            Self::Refused { pod, message } => write!(f, "eviction of pod {pod} was refused: {message}"),
            Self::NewPod { trouble } => write!(f, "waiting for {trouble}"),
        }
    }
}

fn names(pods: &[String]) -> String {
    let (shown, rest) = pods.split_at(pods.len().min(NAMED_PODS_MAX));
    let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
    format!("{}{more}", shown.join(", "))
}

/// Pods of the Rollout in the order of a restart: stable ones, new ones, then older revisions; the oldest pod first.
#[must_use]
pub(crate) fn in_order<'a>(release: &Release<'a>) -> Vec<&'a PodView> {
    let sets = roles(release);
    let rank = |pod: &PodView| sets.iter().position(|set| pod.controller.as_deref() == Some(set.uid.as_str()));
    let spec = &release.rollout.spec;
    let ours = release.seen.pods.iter().filter_map(|pod| Some((rank(pod)?, pod)));
    let mut pods: Vec<_> = ours.filter(|(_, pod)| selector::selects(spec.selector.as_ref(), &pod.labels)).collect();
    pods.sort_by_key(|(rank, pod)| (*rank, pod.created, pod.name.as_str()));
    pods.into_iter().map(|(_, pod)| pod).collect()
}

/// ReplicaSets in the order of a restart.
#[must_use]
pub(crate) fn roles<'a>(release: &Release<'a>) -> Vec<&'a ReplicaSetView> {
    let first = release.separate_stable().into_iter().chain(release.new);
    first.chain(release.others.iter().copied()).collect()
}

fn round<'a>(release: &Release<'a>, pods: &[&'a PodView], at: Timestamp) -> Round<'a> {
    let candidates: Vec<Candidate<'a>> = pods.iter().map(|pod| candidate(release, pod)).collect();
    restart::round(&candidates, at, floor(release), condemned(release))
}

fn candidate<'a>(release: &Release<'_>, pod: &'a PodView) -> Candidate<'a> {
    let available = pod.is_available(release.rollout.spec.min_ready_seconds, release.now);
    Candidate { name: &pod.name, created: pod.created, available, deleting: pod.leaving }
}

fn floor(release: &Release<'_>) -> Floor {
    let total = release.owned.iter().map(|set| set.size()).sum();
    Floor { desired: release.desired(), total, unavailable: defaults::max_unavailable(release.rollout) }
}

/// Available pods that a scale-down under way is about to take: the one account of availability counts them as gone.
fn condemned(release: &Release<'_>) -> i32 {
    let sets = release.owned.iter().map(|set| {
        let live: Vec<_> = release.pods_of(set).filter(|pod| !pod.leaving && !pod.finished).collect();
        let unready = live.iter().filter(|pod| !pod.is_serving()).count();
        let surplus = i32::try_from(live.len()).unwrap_or(0) - set.spec_replicas;
        (surplus - i32::try_from(unready).unwrap_or(0)).max(0)
    });
    sets.sum()
}

fn progress_of(release: &Release<'_>, pods: &[&PodView], at: Timestamp, old: usize) -> Progress {
    let total = floor(release).total;
    let min_ready = release.rollout.spec.min_ready_seconds;
    let done = pods.iter().filter(|pod| pod.created >= at && pod.is_available(min_ready, release.now)).count();
    Progress { done: i32::try_from(done).unwrap_or(total).min(total), total, old, block: None }
}

/// Evicts what availability and budgets allow.
fn evict<'a>(release: &Release<'a>, pods: &[&'a PodView], round: &Round<'_>) -> (Vec<Step>, Option<Block>) {
    let old: Vec<&PodView> = pods.iter().copied().filter(|pod| round.candidates.contains(&pod.name.as_str())).collect();
    if old.is_empty() {
        return (Vec::new(), None);
    }
    if round.at_most == 0 {
        return (Vec::new(), Some(too_few(release, pods, round)));
    }
    let Allowance { allowed, refused } = budget::ask(release, &old);
    if allowed.is_empty() {
        return (Vec::new(), refused.first().map(|(pod, refusal)| refused_block(release, pods, pod, refusal)));
    }
    let candidates = allowed.into_iter().map(pod_target).collect();
    (vec![Step::quiet(Action::EvictPods { candidates, at_most: round.at_most })], None)
}

fn too_few(release: &Release<'_>, pods: &[&PodView], round: &Round<'_>) -> Block {
    let floor = floor(release);
    Block::Availability {
        available: round.available,
        total: floor.desired.max(floor.total),
        needed: floor.pods() + 1,
        unready: unready(release, pods),
    }
}

fn refused_block(release: &Release<'_>, pods: &[&PodView], pod: &PodView, refusal: &Refusal<'_>) -> Block {
    let full = |name: &str| format!("{}/{name}", release.namespace());
    match refusal {
        Refusal::Budget(budget) => {
            Block::Budget { budget: full(&budget.name), since: budget.blocked_since, unready: unready(release, pods) }
        }
        Refusal::Several(budgets) => Block::SeveralBudgets {
            pod: pod.name.clone(),
            budgets: budgets.iter().map(|budget| full(&budget.name)).collect(),
        },
        Refusal::Server(refusal) => Block::Refused { pod: pod.name.clone(), message: refusal.message.clone() },
    }
}

fn unready(release: &Release<'_>, pods: &[&PodView]) -> Vec<String> {
    let min_ready = release.rollout.spec.min_ready_seconds;
    let waiting = pods.iter().filter(|pod| !pod.leaving && !pod.is_available(min_ready, release.now));
    waiting.map(|pod| pod.name.clone()).collect()
}

/// A pod that only waits for its `minReadySeconds`, or a refusal that is worth another try.
fn look_again(release: &Release<'_>, pods: &[&PodView]) -> Option<Timestamp> {
    let min_ready = release.rollout.spec.min_ready_seconds;
    let ready = pods.iter().filter(|pod| pod.is_serving()).filter_map(|pod| pod.available_from(min_ready));
    let refused = pods.iter().filter_map(|pod| release.seen.recall.refused.get(&pod.uid));
    let retries = refused.filter_map(|refusal| refusal.at.saturating_add(release.settings.eviction_retry).ok());
    ready.chain(retries).filter(|at| *at > release.now).min()
}

/// Writes the state of the restart into the status and returns what is worth telling.
#[must_use]
pub(crate) fn note(release: &Release<'_>, status: &mut RolloutStatus, restart: &Restart) -> Vec<Note> {
    let known = conditions::get(&status.conditions, RESTARTING).filter(|known| known.status == "True").cloned();
    match (&restart.stage, known) {
        (Stage::Running(progress), known) => note_running(release, status, progress, known.as_ref()),
        (Stage::Served(progress), known) => {
            status.restarted_at.clone_from(&release.rollout.spec.restart_at);
            known.map(|known| note_over(release, status, &completed(release, progress, &known))).into_iter().collect()
        }
        (Stage::Idle | Stage::Scheduled(_), Some(known)) => {
            let text = format!("Restart cancelled after {}", since(release, &known));
            vec![note_over(release, status, &Note::normal("RestartCancelled", text))]
        }
        (Stage::Idle | Stage::Scheduled(_), None) => Vec::new(),
    }
}

fn note_running(
    release: &Release<'_>,
    status: &mut RolloutStatus,
    progress: &Progress,
    known: Option<&RolloutCondition>,
) -> Vec<Note> {
    let block = progress.block.as_ref().filter(|block| block.is_outside());
    let reason = if block.is_some() { BLOCKED } else { RUNNING };
    let text = progress.to_string();
    let mut notes = Vec::new();
    if known.is_none() {
        notes.push(Note::normal(STARTED, started(release, progress)));
    }
    if let Some(block) = block {
        let (cause, told) = (block.to_string(), release.seen.recall.told_block.as_deref());
        let block = block_of(&cause);
        // The condition still says so where another process told it.
        let is_known = known.is_some_and(|known| told == Some(block) || block_of(&known.message) == block);
        notes.extend((!is_known).then(|| Note::warning(BLOCKED, format!("restart {text}"))));
    }
    if known.is_none_or(|known| known.message != text || known.reason != reason) {
        let wanted = conditions::new(RESTARTING, "True", reason, text);
        conditions::replace(&mut status.conditions, wanted, &release.stamp());
    }
    notes
}

/// Returns what blocks, without how far the restart is, since when it blocks, and which pods are not ready: all of that
/// changes while it is one and the same block.
#[must_use]
pub(crate) fn block_of(message: &str) -> &str {
    let of_progress =
        |text: &&str| text.split('/').all(|part| part.trim_start_matches("restart ").parse::<i32>().is_ok());
    let cause = message.split_once(": ").filter(|(before, _)| of_progress(before)).map_or(message, |(_, cause)| cause);
    let ends = [" since ", "; "].iter().filter_map(|end| cause.find(end));
    &cause[..ends.min().unwrap_or(cause.len())]
}

fn note_over(release: &Release<'_>, status: &mut RolloutStatus, note: &Note) -> Note {
    let over = conditions::new(RESTARTING, "False", &note.reason, note.message.clone());
    conditions::replace(&mut status.conditions, over, &release.stamp());
    note.clone()
}

fn started(release: &Release<'_>, progress: &Progress) -> String {
    let how = if status::wants_surge(release) {
        format!("at most {} new first", surge::most(release))
    } else {
        format!("at most {} at a time", defaults::max_unavailable(release.rollout).max(1))
    };
    let by = requester(release).map_or_else(String::new, |manager| format!(", asked by {manager}"));
    format!("Restarting {} pods, {how}{by}", progress.old)
}

fn completed(release: &Release<'_>, progress: &Progress, known: &RolloutCondition) -> Note {
    Note::normal("RestartCompleted", format!("Restarted {} pods in {}", progress.total, since(release, known)))
}

fn since(release: &Release<'_>, known: &RolloutCondition) -> String {
    let began = known.last_transition_time.as_ref().map_or(release.now, |time| time.0);
    spell(release.now.duration_since(began).as_secs())
}

/// Spells seconds as people say them: `4m10s`.
#[must_use]
pub(crate) fn spell(seconds: i64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes, seconds) {
        (0, 0, s) => format!("{s}s"),
        (0, m, 0) => format!("{m}m"),
        (0, m, s) => format!("{m}m{s}s"),
        (h, 0, _) => format!("{h}h"),
        (h, m, _) => format!("{h}h{m}m"),
    }
}

/// Who wrote `spec.restartAt` last, as the server tracks it.
fn requester<'a>(release: &Release<'a>) -> Option<&'a str> {
    let entries = release.seen.rollout.raw["metadata"]["managedFields"].as_array()?;
    let owner = entries.iter().rev().find(|entry| !entry["fieldsV1"]["f:spec"]["f:restartAt"].is_null())?;
    owner["manager"].as_str()
}
