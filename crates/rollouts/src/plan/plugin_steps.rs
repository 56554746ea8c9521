//! Plugin steps: which call comes next, and what answers do to the status.

use jiff::{SignedDuration, Timestamp};
use tiphys_api::{
    constants::reasons::event,
    types::{PluginStep, StepPluginStatus},
};
use tiphys_machinery::go_duration;
use tiphys_runtime::recorder::Note;

use super::{release::Release, steps};
use crate::{
    action::{Action, Step},
    step_plugin::{Answer, Call, Operation, Reply},
};

const RUNNING: &str = "Running";
const SUCCESSFUL: &str = "Successful";
const FAILED: &str = "Failed";
const ERROR: &str = "Error";
/// Wait before a plugin is asked again, unless it says longer; also after an error.
const BACKOFF: SignedDuration = SignedDuration::from_secs(30);
/// Shorter waits that a plugin asks for are not taken.
const BACKOFF_LEAST: SignedDuration = SignedDuration::from_secs(10);
/// Added to a wait.
const MARGIN: SignedDuration = SignedDuration::from_secs(5);

/// What one pass does about plugin steps.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plugins {
    /// All entries of the status.
    pub statuses: Vec<StepPluginStatus>,
    /// Calls to make.
    pub calls: Vec<Step>,
    /// Events of transitions.
    pub notes: Vec<Note>,
    /// Why the update is to be aborted.
    pub abort: Option<String>,
    /// Why the current step's plugin cannot be asked at all.
    pub trouble: Option<String>,
    /// When to ask again.
    pub until: Option<Timestamp>,
}

/// Plans the calls of one pass. `is_moving` says that the pass does other things first, so that no step is run in it.
#[must_use]
pub(crate) fn plan(release: &Release<'_>, is_moving: bool) -> Plugins {
    let mut plugins = Plugins { statuses: release.status().canary.step_plugin_statuses.clone(), ..Plugins::default() };
    for answer in &release.seen.recall.answers {
        plugins.take(release, answer);
    }
    if release.is_aborted() {
        plugins.calls = undone(release, &plugins.statuses);
    } else if release.status().promote_full || release.is_promoted() {
        plugins.calls = stopped(release, &plugins.statuses);
    } else {
        plugins.forget_former_attempt(release);
        plugins.run(release, is_moving);
    }
    plugins
}

/// Stops what still runs, because its steps are gone.
#[must_use]
pub(crate) fn stop(release: &Release<'_>) -> Vec<Step> {
    stopped(release, &release.status().canary.step_plugin_statuses)
}

impl Plugins {
    /// Returns whether the plugin of a step is done with it, well or badly.
    #[must_use]
    pub(crate) fn is_complete(&self, index: i32) -> bool {
        let Some(run) = find(&self.statuses, index, Operation::Run) else { return false };
        let is_stopped = [Operation::Terminate, Operation::Abort]
            .into_iter()
            .any(|operation| find(&self.statuses, index, operation).is_some());
        self.trouble.is_none()
            && (run.disabled || run.phase == SUCCESSFUL || run.phase == FAILED || run.phase == RUNNING && is_stopped)
    }

    /// Writes an answer into the status, if it is about this update and a step that is there.
    fn take(&mut self, release: &Release<'_>, answer: &Answer) {
        let call = &answer.call;
        let known = find(&self.statuses, call.index, Operation::Run);
        let is_current = steps::current(release.rollout).is_some_and(|current| as_index(current.index) == call.index);
        let is_meant = if call.operation == Operation::Run { is_current } else { known.is_some() };
        if call.hash != release.hash || !is_meant {
            return;
        }
        let before = find(&self.statuses, call.index, call.operation);
        let entry = entry(before, answer);
        if before.is_none_or(|before| before.phase != entry.phase) {
            self.notes.extend(transition(&entry));
        }
        if call.operation == Operation::Run && entry.phase == FAILED {
            let text = format!("Step Plugin {} ({}) failed: {}", entry.index + 1, entry.name, entry.message);
            self.abort = Some(text);
        }
        let place = self.statuses.iter().position(|known| is_of(known, call.index, call.operation));
        match place {
            Some(place) => self.statuses[place] = entry,
            None => self.statuses.push(entry),
        }
    }

    /// At the first step there is nothing to remember but that step's own run.
    fn forget_former_attempt(&mut self, release: &Release<'_>) {
        let first = steps::current(release.rollout).filter(|current| current.index == 0);
        let Some(first) = first else { return };
        let is_under_way = first.step.plugin.is_some() && !self.is_complete(0) && self.abort.is_none();
        let has_answer = release.seen.recall.answers.iter().any(|answer| answer.call.operation == Operation::Run);
        if !is_under_way && !has_answer {
            self.statuses.clear();
        }
    }

    fn run(&mut self, release: &Release<'_>, is_moving: bool) {
        let Some(current) = steps::current(release.rollout) else { return };
        let Some(plugin) = &current.step.plugin else { return };
        let index = as_index(current.index);
        let known = find(&self.statuses, index, Operation::Run).cloned();
        if let Some(known) = known.as_ref().filter(|known| matches!(known.phase.as_str(), RUNNING | ERROR)) {
            self.until = next_call(known).and_then(|at| at.checked_add(MARGIN).ok());
        }
        let Some(setup) = release.settings.step_plugins.get(&plugin.name) else {
            return self.unknown(release, plugin);
        };
        if setup.is_disabled {
            if known.is_none() {
                self.statuses.push(disabled(release, plugin, index));
            }
            return;
        }
        let is_over = known.as_ref().is_some_and(|known| matches!(known.phase.as_str(), SUCCESSFUL | FAILED));
        let waits = known.as_ref().and_then(next_call).is_some_and(|at| at > release.now);
        let has_answer = !release.seen.recall.answers.is_empty();
        let is_progressing = release.status().phase == "Progressing";
        if !is_over && !waits && !is_moving && is_progressing && !has_answer && !release.rollout.spec.paused {
            self.calls.push(call(release, plugin, index, Operation::Run, known.as_ref()));
        }
    }

    fn unknown(&mut self, release: &Release<'_>, plugin: &PluginStep) {
        self.trouble = Some(format!("plugin {} is not configured in the controller", plugin.name));
        self.until = Some(release.after(BACKOFF));
    }
}

/// After an abort every step that was run is undone, the last first.
fn undone(release: &Release<'_>, statuses: &[StepPluginStatus]) -> Vec<Step> {
    let runs = statuses.iter().rev().filter(|known| known.operation == Operation::Run.as_str());
    let started = runs.filter(|known| matches!(known.phase.as_str(), RUNNING | SUCCESSFUL) && !known.disabled);
    let open = started.filter(|known| find(statuses, known.index, Operation::Abort).is_none());
    open.filter_map(|known| Some(call(release, step(release, known)?, known.index, Operation::Abort, Some(known))))
        .collect()
}

/// Once the steps do not count any more, the last one that still runs is stopped.
fn stopped(release: &Release<'_>, statuses: &[StepPluginStatus]) -> Vec<Step> {
    let last = statuses.iter().rev().find(|known| known.operation == Operation::Run.as_str());
    let running = last.filter(|known| known.phase == RUNNING && !known.disabled);
    let open = running.filter(|known| find(statuses, known.index, Operation::Terminate).is_none());
    let call = open
        .and_then(|known| Some(call(release, step(release, known)?, known.index, Operation::Terminate, Some(known))));
    call.into_iter().collect()
}

/// The step of an entry, if it still is that plugin's and the plugin is there.
fn step<'a>(release: &Release<'a>, known: &StepPluginStatus) -> Option<&'a PluginStep> {
    let index = usize::try_from(known.index).ok()?;
    let plugin = steps::all(release.rollout).get(index)?.plugin.as_ref()?;
    (plugin.name == known.name && release.settings.step_plugins.contains_key(&plugin.name)).then_some(plugin)
}

fn call(
    release: &Release<'_>,
    plugin: &PluginStep,
    index: i32,
    operation: Operation,
    known: Option<&StepPluginStatus>,
) -> Step {
    Step::quiet(Action::CallPlugin(Box::new(Call {
        plugin: plugin.name.clone(),
        index,
        operation,
        config: plugin.config.clone().unwrap_or_default(),
        status: known.and_then(|known| known.status.clone()).unwrap_or_default(),
        hash: release.hash.clone(),
    })))
}

fn entry(before: Option<&StepPluginStatus>, answer: &Answer) -> StepPluginStatus {
    let call = &answer.call;
    let at = tiphys_api::types::Time(Timestamp::from_second(answer.at.as_second()).unwrap_or(answer.at));
    let mut entry = before.cloned().unwrap_or_else(|| StepPluginStatus {
        index: call.index,
        name: call.plugin.clone(),
        operation: call.operation.as_str().to_owned(),
        started_at: Some(at.clone()),
        ..StepPluginStatus::default()
    });
    entry.executions += 1;
    entry.updated_at = Some(at.clone());
    entry.backoff.clear();
    match checked(&answer.reply) {
        Ok(reply) => replied(&mut entry, call.operation, reply),
        Err(text) => {
            ERROR.clone_into(&mut entry.phase);
            entry.message = text;
            entry.backoff = go_duration::format(BACKOFF);
        }
    }
    if matches!(entry.phase.as_str(), SUCCESSFUL | FAILED) {
        entry.finished_at = Some(at);
    }
    entry
}

/// Words that mean nothing are an error, not a state.
fn checked(reply: &Result<Reply, String>) -> Result<&Reply, String> {
    let reply = reply.as_ref().map_err(Clone::clone)?;
    let is_known = ["", RUNNING, SUCCESSFUL, FAILED, ERROR].contains(&reply.phase.as_str());
    if is_known { Ok(reply) } else { Err(format!("invalid phase '{}'", reply.phase)) }
}

fn replied(entry: &mut StepPluginStatus, operation: Operation, reply: &Reply) {
    let phase = if reply.phase.is_empty() { RUNNING } else { &reply.phase };
    // An end is not asked twice.
    let phase = if operation != Operation::Run && phase == RUNNING { FAILED } else { phase };
    phase.clone_into(&mut entry.phase);
    entry.message.clone_from(&reply.message);
    entry.status = reply.status.clone().or_else(|| entry.status.take());
    if matches!(phase, RUNNING | ERROR) {
        let wait = reply.requeue_after.filter(|wait| *wait > BACKOFF_LEAST).unwrap_or(BACKOFF);
        entry.backoff = go_duration::format(wait);
    }
}

fn disabled(release: &Release<'_>, plugin: &PluginStep, index: i32) -> StepPluginStatus {
    StepPluginStatus {
        index,
        name: plugin.name.clone(),
        operation: Operation::Run.as_str().to_owned(),
        phase: SUCCESSFUL.to_owned(),
        started_at: Some(release.stamp()),
        updated_at: Some(release.stamp()),
        finished_at: Some(release.stamp()),
        disabled: true,
        ..StepPluginStatus::default()
    }
}

/// Returns when a plugin may be asked again.
#[must_use]
pub(crate) fn next_call(known: &StepPluginStatus) -> Option<Timestamp> {
    let wait = go_duration::parse(&known.backoff).unwrap_or(BACKOFF);
    known.updated_at.as_ref()?.0.checked_add(wait).ok()
}

fn transition(entry: &StepPluginStatus) -> Option<Note> {
    let StepPluginStatus { name, phase, .. } = entry;
    let at = format!("Step plugin {name} (step {})", entry.index + 1);
    let text = match entry.operation.as_str() {
        "Abort" => format!("{at} aborted ({phase})"),
        "Terminate" => format!("{at} terminated ({phase})"),
        // That a step is complete is told as such.
        _ if phase == SUCCESSFUL => return None,
        _ => format!("{at} transitioned to {phase}"),
    };
    let is_bad = matches!(phase.as_str(), FAILED | ERROR);
    let reason = event::STEP_PLUGIN_TRANSITION;
    Some(if is_bad { Note::warning(reason, text) } else { Note::normal(reason, text) })
}

fn find(statuses: &[StepPluginStatus], index: i32, operation: Operation) -> Option<&StepPluginStatus> {
    statuses.iter().find(|known| is_of(known, index, operation))
}

fn is_of(known: &StepPluginStatus, index: i32, operation: Operation) -> bool {
    known.index == index && known.operation == operation.as_str()
}

fn as_index(index: usize) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}
