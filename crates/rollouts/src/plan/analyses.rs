//! AnalysisRuns of a release: which run now, what they say, and what becomes of those that are not needed any more.

use std::collections::BTreeSet;

use serde_json::json;
use tiphys_analysis::{
    rollout::{History, Verdict, needs_new_run, status_of, surplus, transition, verdict},
    template::{Hashes, Purpose, RunIdentity, run_for_rollout, same_run},
};
use tiphys_api::{
    AnalysisRun,
    constants::{analysis_phase, labels, reasons::pause},
    defaults,
    types::{API_VERSION, RolloutAnalysis, RolloutAnalysisRunStatus, RolloutStatus},
};
use tiphys_runtime::recorder::Note;

use super::{conditions, preview_size, release::Release, rollback, steps};
use crate::{
    action::{Action, Step, Target},
    apply::Kind,
    observe::ReplicaSetView,
};

/// Names that a run may try, one after the other.
const NAMES_MAX: u32 = 1000;

/// What one pass does about analyses.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Analyses {
    /// Runs to create, to end and to delete.
    pub steps: Vec<Step>,
    /// The run beside the steps.
    pub background: Current,
    /// The run of the current step.
    pub step: Current,
    /// The run before a switch.
    pub pre: Current,
    /// The run after a switch.
    pub post: Current,
    /// Why the update is to be aborted.
    pub abort: Option<String>,
    /// Whether a person has to decide: the update pauses.
    pub is_undecided: bool,
    /// Events of transitions.
    pub notes: Vec<Note>,
    /// Why a run cannot be made.
    pub trouble: Option<String>,
}

/// The run of one purpose.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Current {
    /// Its entry in the status.
    pub status: Option<RolloutAnalysisRunStatus>,
    /// Whether it says that the version is good.
    pub is_good: bool,
}

impl Analyses {
    /// Writes the entries into a status; events of what changed are in `notes`.
    pub(crate) fn write(&self, status: &mut RolloutStatus) {
        status.canary.current_background_analysis_run_status.clone_from(&self.background.status);
        status.canary.current_step_analysis_run_status.clone_from(&self.step.status);
        status.blue_green.pre_promotion_analysis_run_status.clone_from(&self.pre.status);
        status.blue_green.post_promotion_analysis_run_status.clone_from(&self.post.status);
    }

    /// Returns whether the pass must not go on with anything else.
    #[must_use]
    pub(crate) fn is_news(&self) -> bool {
        self.abort.is_some() || self.is_undecided
    }
}

/// Plans the analyses of one pass.
#[must_use]
pub(crate) fn plan(release: &Release<'_>) -> Analyses {
    let mut analyses = Analyses::default();
    if is_skipped(release) {
        if release.blue_green().is_some() {
            analyses.pre.status = recorded(release, Purpose::PrePromotion).cloned();
            analyses.post.status = recorded(release, Purpose::PostPromotion).cloned();
        }
    } else if release.blue_green().is_some() {
        analyses.pre = analyses.follow(release, Purpose::PrePromotion);
        analyses.post = analyses.follow(release, Purpose::PostPromotion);
    } else {
        analyses.background = analyses.follow(release, Purpose::Background);
        analyses.step = analyses.follow(release, Purpose::Step(step_index(release)));
    }
    analyses.clean(release);
    analyses
}

/// Whether no analysis counts: nothing is released, or what is released needs no proof.
fn is_skipped(release: &Release<'_>) -> bool {
    let status = release.status();
    release.is_promoted()
        || release.is_aborted()
        || status.promote_full
        || status.stable_rs.is_empty()
        || rollback::is_fast(release)
}

impl Analyses {
    /// Reads the run of a purpose, and starts one where it is time for it.
    fn follow(&mut self, release: &Release<'_>, purpose: Purpose) -> Current {
        let known = recorded(release, purpose);
        let run = known.and_then(|known| release.seen.analysis.runs.get(&known.name));
        let run = run.filter(|run| is_of(run, purpose));
        let Some(wanted) = wanted(release, purpose) else { return Current::default() };
        if !is_time(release, purpose, run.is_some()) {
            // What was decided stays decided.
            return run.map_or_else(Current::default, |run| self.judge(release, purpose, run));
        }
        if !may_start(release, purpose) {
            return run.map_or_else(Current::default, |run| self.judge(release, purpose, run));
        }
        let status = release.status();
        let aborted_at = status.aborted_at.as_ref().map(|at| at.0);
        if needs_new_run(run, status.controller_pause, &status.pause_conditions, aborted_at) {
            return self.start(release, &wanted, purpose);
        }
        run.map_or_else(Current::default, |run| self.judge(release, purpose, run))
    }

    fn judge(&mut self, release: &Release<'_>, purpose: Purpose, run: &AnalysisRun) -> Current {
        let before = recorded(release, purpose).map_or("", |known| known.status.as_str());
        self.notes.extend(transition(run, before));
        let verdict = verdict(purpose, &run.status.phase, &run.status.message);
        let is_good = verdict == Verdict::Good;
        match verdict {
            Verdict::Bad(message) => drop(self.abort.get_or_insert(message)),
            Verdict::Undecided => self.is_undecided = true,
            Verdict::Good | Verdict::Open => {}
        }
        Current { status: Some(status_of(run)), is_good }
    }

    /// Starts a run under the first free name, or takes one of that name that was to be the same.
    fn start(&mut self, release: &Release<'_>, analysis: &RolloutAnalysis, purpose: Purpose) -> Current {
        let mut identity = identity(release);
        for collision in 0..NAMES_MAX {
            identity.collision = collision;
            let built =
                run_for_rollout(release.rollout, analysis, purpose, &identity, &release.seen.analysis.templates);
            let wanted = match built {
                Ok(wanted) => wanted,
                Err(error) => {
                    self.trouble.get_or_insert(error.to_string());
                    return Current::default();
                }
            };
            let name = wanted.metadata.name.clone().unwrap_or_default();
            if let Some(existing) = release.seen.analysis.runs.get(&name) {
                let is_open = !analysis_phase::is_completed(&existing.status.phase) && !existing.spec.terminate;
                if is_open && same_run(&wanted.spec, &existing.spec) {
                    return self.judge(release, purpose, existing);
                }
                continue;
            }
            if release.seen.recall.taken_names.contains(&name) {
                continue;
            }
            let mut object = json!(wanted);
            object["apiVersion"] = json!(API_VERSION);
            object["kind"] = json!("AnalysisRun");
            self.steps.push(Step::quiet(Action::Create { kind: Kind::AnalysisRun, name, object }));
            return Current { status: Some(status_of(&wanted)), is_good: false };
        }
        self.trouble.get_or_insert("too many AnalysisRuns of one revision".to_owned());
        Current::default()
    }

    /// Ends runs that nobody waits for, and deletes old ones.
    fn clean(&mut self, release: &Release<'_>) {
        let entries = [&self.background, &self.step, &self.pre, &self.post];
        let kept: BTreeSet<&str> =
            entries.into_iter().filter_map(|current| Some(current.status.as_ref()?.name.as_str())).collect();
        let is_over = is_skipped(release);
        let all: Vec<AnalysisRun> = release.seen.analysis.runs.values().cloned().collect();
        let needless = all.iter().filter(|run| {
            let is_kept = kept.contains(name(run));
            let is_open = !analysis_phase::is_completed(&run.status.phase) && !run.spec.terminate;
            is_open && (!is_kept || is_over || is_overtaken(release, run)) && run.metadata.deletion_timestamp.is_none()
        });
        let mut steps: Vec<Step> = needless.map(terminate).collect();
        let hashes = release.owned.iter().filter(|set| !set.deleting).map(|set| set.hash.as_str()).collect();
        let limit = |count: i32| usize::try_from(count).unwrap_or(0);
        let history = History {
            current: kept,
            hashes,
            successful: limit(defaults::successful_run_history_limit(release.rollout)),
            unsuccessful: limit(defaults::unsuccessful_run_history_limit(release.rollout)),
        };
        steps.extend(surplus(&all, |run| (&run.metadata, run.status.phase.as_str()), &history).into_iter().map(delete));
        self.steps.extend(steps);
    }
}

fn name(run: &AnalysisRun) -> &str {
    run.metadata.name.as_deref().unwrap_or_default()
}

fn target(run: &AnalysisRun) -> Target {
    Target { name: name(run).to_owned(), uid: run.metadata.uid.clone().unwrap_or_default() }
}

fn terminate(run: &AnalysisRun) -> Step {
    let patch = json!({"spec": {"terminate": true}});
    Step::quiet(Action::Patch { kind: Kind::AnalysisRun, target: target(run), patch })
}

fn delete(run: &AnalysisRun) -> Step {
    Step::quiet(Action::Delete { kind: Kind::AnalysisRun, target: target(run) })
}

/// A run before the switch of which the outcome does not matter any more.
fn is_overtaken(release: &Release<'_>, run: &AnalysisRun) -> bool {
    let is_pre = label(run, labels::ROLLOUT_TYPE) == labels::rollout_type::PRE_PROMOTION;
    is_pre && !is_time(release, Purpose::PrePromotion, true)
}

fn label<'r>(run: &'r AnalysisRun, key: &str) -> &'r str {
    run.metadata.labels.as_ref().and_then(|labels| labels.get(key)).map_or("", String::as_str)
}

/// A run of another step is not the one of this step.
fn is_of(run: &AnalysisRun, purpose: Purpose) -> bool {
    match purpose {
        Purpose::Step(index) => label(run, labels::STEP_INDEX) == index.to_string(),
        _ => true,
    }
}

/// The entry of the stored status.
fn recorded<'a>(release: &Release<'a>, purpose: Purpose) -> Option<&'a RolloutAnalysisRunStatus> {
    let status = release.status();
    match purpose {
        Purpose::Background => status.canary.current_background_analysis_run_status.as_ref(),
        Purpose::Step(_) => status.canary.current_step_analysis_run_status.as_ref(),
        Purpose::PrePromotion => status.blue_green.pre_promotion_analysis_run_status.as_ref(),
        Purpose::PostPromotion => status.blue_green.post_promotion_analysis_run_status.as_ref(),
    }
}

/// What the spec asks for now.
fn wanted(release: &Release<'_>, purpose: Purpose) -> Option<RolloutAnalysis> {
    let analysis = match purpose {
        Purpose::Background => release.canary()?.analysis.as_ref().map(|analysis| analysis.analysis()),
        Purpose::Step(_) => steps::current(release.rollout)?.step.analysis.clone(),
        Purpose::PrePromotion => release.blue_green()?.pre_promotion_analysis.clone(),
        Purpose::PostPromotion => release.blue_green()?.post_promotion_analysis.clone(),
    };
    analysis.filter(|analysis| !analysis.templates.is_empty())
}

/// Whether a run belongs to this moment of the update. One that exists is not undone by pods that fail meanwhile.
fn is_time(release: &Release<'_>, purpose: Purpose, exists: bool) -> bool {
    let status = release.status();
    let Some(new) = release.new else { return false };
    let active = &status.blue_green.active_selector;
    match purpose {
        Purpose::Background => {
            let starting = release.canary().and_then(|canary| canary.analysis.as_ref()?.starting_step).unwrap_or(0);
            exists || (!status.current_pod_hash.is_empty() && step_index(release) >= starting)
        }
        Purpose::Step(_) => true,
        Purpose::PrePromotion => !active.is_empty() && *active != new.hash && (exists || is_previewed(release, new)),
        Purpose::PostPromotion => *active == new.hash && (exists || conditions::is_saturated(release, new)),
    }
}

/// Whether the preview has the pods that it gets before the switch.
fn is_previewed(release: &Release<'_>, new: &ReplicaSetView) -> bool {
    let preview = release.blue_green().and_then(|strategy| strategy.preview_replica_count);
    match preview {
        Some(_) => {
            let active = &release.status().blue_green.active_selector;
            let has_active = release.owned.iter().any(|set| set.hash == *active);
            let size = preview_size::new_size(release.rollout, &new.hash, has_active);
            new.size() == size && new.available() == size
        }
        None => conditions::is_saturated(release, new),
    }
}

/// A step's analysis waits for every pause; the others for a person's verdict only.
fn may_start(release: &Release<'_>, purpose: Purpose) -> bool {
    let is_undecided = release.pause(pause::INCONCLUSIVE_ANALYSIS_RUN).is_some();
    let is_paused = !release.status().pause_conditions.is_empty();
    let waits_for_pause = matches!(purpose, Purpose::Step(_)) && is_paused;
    !is_undecided && !waits_for_pause
}

fn step_index(release: &Release<'_>) -> i32 {
    release.status().current_step_index.unwrap_or(0)
}

fn identity(release: &Release<'_>) -> RunIdentity {
    RunIdentity {
        hashes: Hashes { latest: release.hash.clone(), stable: release.status().stable_rs.clone() },
        replica_set: release.new.map(|new| new.name.clone()).unwrap_or_default(),
        revision: release.new.map_or_else(|| release.revision(), ReplicaSetView::revision),
        collision: 0,
    }
}

/// Returns whether nothing before the switch is waited for.
#[must_use]
pub(crate) fn is_before_done(release: &Release<'_>) -> bool {
    wanted(release, Purpose::PrePromotion).is_none() || release.analyses().pre.is_good
}

/// Returns whether nothing after the switch is waited for.
#[must_use]
pub(crate) fn is_after_done(release: &Release<'_>) -> bool {
    wanted(release, Purpose::PostPromotion).is_none() || release.analyses().post.is_good
}
