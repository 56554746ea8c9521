//! Experiments of a canary's steps: which runs now, what it says, and what becomes of those that are not needed any more.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tiphys_analysis::{
    rollout::{History, surplus},
    template::{Hashes, rollout_arguments},
};
use tiphys_api::{
    Experiment,
    constants::{
        analysis_phase::{self, ERROR, FAILED, INCONCLUSIVE, SUCCESSFUL},
        annotations, labels,
        reasons::{event, pause},
        spec_ref,
    },
    decode, defaults,
    types::{API_VERSION, ExperimentSpec, ExperimentStep, RolloutExperimentAnalysis, RolloutExperimentTemplate},
};
use tiphys_runtime::recorder::Note;

use super::{release::Release, steps};
use crate::{
    action::{Action, Step, Target},
    apply::Kind,
    observe::ReplicaSetView,
};

/// Names that an Experiment may try, one after the other.
const NAMES_MAX: u32 = 1000;

/// What one pass does about Experiments.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Experiments {
    /// Experiments to create, to end and to delete.
    pub steps: Vec<Step>,
    /// Name of the one that the current step waits for; empty without one.
    pub current: String,
    /// Whether it was successful.
    pub is_good: bool,
    /// Why the update is to be aborted.
    pub abort: Option<String>,
    /// Whether a person has to decide: the update pauses.
    pub is_undecided: bool,
    /// Why one cannot be made.
    pub trouble: Option<String>,
}

impl Experiments {
    /// Returns whether the pass must not go on with anything else.
    #[must_use]
    pub(crate) fn is_news(&self) -> bool {
        self.abort.is_some() || self.is_undecided
    }
}

/// Plans the Experiments of one pass.
#[must_use]
pub(crate) fn plan(release: &Release<'_>) -> Experiments {
    let mut experiments = Experiments::default();
    if !is_over(release) && release.pause(pause::INCONCLUSIVE_ANALYSIS_RUN).is_some() {
        // It goes on while a person decides about something else.
        experiments.current.clone_from(&release.status().canary.current_experiment);
        return experiments;
    }
    if let Some(step) = wanted(release) {
        experiments.follow(release, step);
    }
    experiments.clean(release);
    experiments
}

/// Whether nothing is released step by step.
fn is_over(release: &Release<'_>) -> bool {
    let status = release.status();
    let is_skipped = status.promote_full || status.stable_rs.is_empty() || release.canary().is_none();
    is_skipped || release.is_promoted() || release.is_aborted()
}

/// The step that asks for one now; none while a person has to decide about an earlier one.
fn wanted<'a>(release: &Release<'a>) -> Option<&'a ExperimentStep> {
    if is_over(release) || release.pause(pause::INCONCLUSIVE_EXPERIMENT).is_some() {
        return None;
    }
    steps::current(release.rollout)?.step.experiment.as_ref()
}

impl Experiments {
    /// Reads the Experiment of the step, and starts one where there is none.
    fn follow(&mut self, release: &Release<'_>, step: &ExperimentStep) {
        let base = base_name(release);
        let recorded = &release.status().canary.current_experiment;
        let is_of_step = recorded.strip_prefix(&base).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
        match release.seen.experiments.get(recorded).filter(|_| is_of_step) {
            Some(experiment) => self.judge(experiment),
            None if release.rollout.spec.paused => {}
            None => self.start(release, step, &base),
        }
    }

    fn judge(&mut self, experiment: &Experiment) {
        let status = &experiment.status;
        match status.phase.as_str() {
            INCONCLUSIVE => {
                self.is_undecided = true;
                return;
            }
            FAILED | ERROR => {
                let why = if status.message.is_empty() { String::new() } else { format!(": {}", status.message) };
                self.abort = Some(format!("Experiment analysis phase is error/failed{why}"));
                return;
            }
            phase => self.is_good = phase == SUCCESSFUL,
        }
        // One that has ended well is remembered until its step is done, for instance by a paused Rollout.
        name(experiment).clone_into(&mut self.current);
    }

    /// Starts one under the first free name, or takes one of that name that was to be the same.
    fn start(&mut self, release: &Release<'_>, step: &ExperimentStep, base: &str) {
        let spec = match spec(release, step) {
            Ok(spec) => spec,
            Err(why) => {
                self.trouble = Some(why);
                return;
            }
        };
        let wanted: ExperimentSpec = decode(spec.clone()).object;
        let names = std::iter::once(base.to_owned()).chain((1..NAMES_MAX).map(|number| format!("{base}-{number}")));
        for name in names {
            if let Some(existing) = release.seen.experiments.get(&name) {
                let is_open = !analysis_phase::is_completed(&existing.status.phase) && !existing.spec.terminate;
                if is_open && existing.spec == wanted {
                    return self.judge(existing);
                }
                continue;
            }
            if release.seen.recall.taken_names.contains(&name) {
                continue;
            }
            let object = object(release, &name, &spec);
            let note = Note::normal(event::EXPERIMENT_CREATED, format!("Created Experiment '{name}'"));
            let action = Action::Create { kind: Kind::Experiment, name: name.clone(), object };
            self.steps.push(Step::told(action, note));
            self.current = name;
            return;
        }
        self.trouble = Some("too many Experiments of one step".to_owned());
    }

    /// Ends Experiments that nobody waits for, and deletes old ones.
    fn clean(&mut self, release: &Release<'_>) {
        let all: Vec<Experiment> = release.seen.experiments.values().cloned().collect();
        let needless = all.iter().filter(|experiment| {
            let is_open = !analysis_phase::is_completed(&experiment.status.phase) && !experiment.spec.terminate;
            is_open && name(experiment) != self.current && experiment.metadata.deletion_timestamp.is_none()
        });
        let patch = json!({"spec": {"terminate": true}});
        let end =
            |experiment| Action::Patch { kind: Kind::Experiment, target: target(experiment), patch: patch.clone() };
        let mut steps: Vec<Step> = needless.map(end).map(Step::quiet).collect();
        let limit = |count: i32| usize::try_from(count).unwrap_or(0);
        let history = History {
            current: BTreeSet::from([self.current.as_str()]),
            hashes: release.owned.iter().filter(|set| !set.deleting).map(|set| set.hash.as_str()).collect(),
            successful: limit(defaults::successful_run_history_limit(release.rollout)),
            unsuccessful: limit(defaults::unsuccessful_run_history_limit(release.rollout)),
        };
        let old = surplus(&all, |experiment| (&experiment.metadata, experiment.status.phase.as_str()), &history);
        let delete = |experiment| Action::Delete { kind: Kind::Experiment, target: target(experiment) };
        steps.extend(old.into_iter().map(delete).map(Step::quiet));
        self.steps.extend(steps);
    }
}

fn name(experiment: &Experiment) -> &str {
    experiment.metadata.name.as_deref().unwrap_or_default()
}

fn target(experiment: &Experiment) -> Target {
    Target { name: name(experiment).to_owned(), uid: experiment.metadata.uid.clone().unwrap_or_default() }
}

fn revision(release: &Release<'_>) -> i64 {
    release.new.map_or_else(|| release.revision(), ReplicaSetView::revision)
}

fn base_name(release: &Release<'_>) -> String {
    let index = steps::index(release.rollout);
    format!("{}-{}-{}-{index}", release.name(), release.hash, revision(release))
}

fn object(release: &Release<'_>, name: &str, spec: &Value) -> Value {
    let own = &release.rollout.metadata;
    let mut labels = own.labels.clone().unwrap_or_default();
    labels.insert(labels::POD_TEMPLATE_HASH.to_owned(), release.hash.clone());
    json!({
        "apiVersion": API_VERSION,
        "kind": "Experiment",
        "metadata": {
            "name": name,
            "namespace": own.namespace,
            "labels": labels,
            "annotations": {annotations::REVISION: revision(release).to_string()},
            "ownerReferences": [{
                "apiVersion": API_VERSION, "kind": "Rollout", "name": own.name, "uid": own.uid,
                "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": spec,
    })
}

fn spec(release: &Release<'_>, step: &ExperimentStep) -> Result<Value, String> {
    let templates: Result<Vec<Value>, String> = step.templates.iter().map(|one| template(release, one)).collect();
    let hashes = Hashes { latest: release.hash.clone(), stable: release.status().stable_rs.clone() };
    let analyses: Result<Vec<Value>, String> =
        step.analyses.iter().map(|one| analysis(release, one, &hashes)).collect();
    let mut spec = json!({
        "templates": templates?,
        "progressDeadlineSeconds": defaults::progress_deadline_seconds(release.rollout),
    });
    let metadata = &step.analysis_run_metadata;
    let has_metadata = !metadata.labels.is_empty() || !metadata.annotations.is_empty();
    let analyses = analyses?;
    let optional = [
        ("duration", (!step.duration.is_empty()).then(|| json!(step.duration))),
        ("analyses", (!analyses.is_empty()).then(|| json!(analyses))),
        ("dryRun", (!step.dry_run.is_empty()).then(|| json!(step.dry_run))),
        ("analysisRunMetadata", has_metadata.then(|| json!(metadata))),
        ("scaleDownDelaySeconds", step.scale_down_delay_seconds.map(|seconds| json!(seconds))),
    ];
    for (field, value) in optional.into_iter().filter_map(|(field, value)| Some((field, value?))) {
        spec[field] = value;
    }
    Ok(spec)
}

/// The pods of one side, with what the step adds to them.
fn template(release: &Release<'_>, step: &RolloutExperimentTemplate) -> Result<Value, String> {
    let set = match step.spec_ref.as_str() {
        spec_ref::CANARY => release.new,
        spec_ref::STABLE => release.stable,
        _ => return Err("Invalid template step SpecRef: must be canary or stable".to_owned()),
    };
    let set = set.ok_or_else(|| format!("the {} ReplicaSet is not there", step.spec_ref))?;
    let mut pods = set.template();
    let mut selector = step.selector.as_ref().map_or_else(|| set.selector(), |selector| json!(selector));
    for (key, value) in &step.metadata.labels {
        pods["metadata"]["labels"][key] = json!(value);
        selector["matchLabels"][key] = json!(value);
    }
    for (key, value) in &step.metadata.annotations {
        pods["metadata"]["annotations"][key] = json!(value);
    }
    let mut whole = json!({"name": step.name, "selector": selector, "template": pods});
    if let Some(replicas) = step.replicas {
        whole["replicas"] = json!(replicas);
    }
    if set.min_ready_seconds() != 0 {
        whole["minReadySeconds"] = json!(set.min_ready_seconds());
    }
    if step.weight.is_some() || step.service.is_some() {
        whole["service"] = step.service.as_ref().map_or_else(|| json!({}), |service| json!(service));
    }
    Ok(whole)
}

fn analysis(release: &Release<'_>, step: &RolloutExperimentAnalysis, hashes: &Hashes) -> Result<Value, String> {
    let args = rollout_arguments(&step.args, hashes, release.rollout).map_err(|error| error.to_string())?;
    let mut analysis = json!({"name": step.name, "templateName": step.template_name});
    let optional = [
        ("args", (!args.is_empty()).then(|| json!(args))),
        ("clusterScope", step.cluster_scope.map(|is_cluster| json!(is_cluster))),
        ("requiredForCompletion", step.required_for_completion.then_some(json!(true))),
    ];
    for (field, value) in optional.into_iter().filter_map(|(field, value)| Some((field, value?))) {
        analysis[field] = value;
    }
    Ok(analysis)
}
