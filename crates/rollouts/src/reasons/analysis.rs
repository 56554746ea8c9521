//! What analyses say about an update.

use tiphys_analysis::{
    reasons::explain,
    rollout::{Verdict, verdict},
    template::Purpose,
};
use tiphys_api::{AnalysisRun, constants::labels, types::RolloutAnalysisRunStatus};
use tiphys_runtime::reason::{ObjectRef, Reason, Urgency};

use crate::plan::explain_parts::Release;

/// Returns what the runs of the present update wait for or what is wrong with them; most important first.
#[must_use]
pub(crate) fn troubles(release: &Release<'_>) -> Vec<Reason> {
    let analyses = release.analyses();
    let mut all: Vec<Reason> = analyses.trouble.iter().map(|why| unmade(release, why)).collect();
    let told = current(release).map(|run| explain(run, release.now));
    // What measures as planned is told only where it is waited for.
    all.extend(told.filter(|reason| !reason.because.is_empty() && reason.gravity() >= Urgency::NeedsDecision));
    all.retain(|reason| reason.code != "AnalysisInconclusive" && !is_end(reason));
    all
}

/// Ends are told by what they do to the Rollout.
fn is_end(reason: &Reason) -> bool {
    matches!(reason.code.as_str(), "AnalysisFailed" | "AnalysisError")
}

fn unmade(release: &Release<'_>, why: &str) -> Reason {
    Reason::new("AnalysisNotMade", Urgency::Broken, format!("an AnalysisRun cannot be made: {why}"))
        .on(ObjectRef::new("Rollout", release.namespace(), release.name()))
        .then("it is tried again", None)
}

/// Returns what a step or a switch waits for: the run of which the verdict is needed.
#[must_use]
pub(crate) fn waited_for(release: &Release<'_>) -> Option<Reason> {
    let analyses = release.analyses();
    let needed = [&analyses.step, &analyses.pre, &analyses.post];
    let run = needed.into_iter().filter(|current| !current.is_good).find_map(|current| {
        let name = &current.status.as_ref()?.name;
        release.seen.analysis.runs.get(name)
    });
    run.map(|run| explain(run, release.now))
}

/// Returns the run that aborted the update: the newest of this version whose verdict is what the Rollout says.
#[must_use]
pub(crate) fn behind_abort(release: &Release<'_>, message: &str) -> Option<Reason> {
    let is_meant = |run: &&AnalysisRun| {
        let has_hash = label(run, labels::POD_TEMPLATE_HASH) == release.hash;
        let verdict = verdict(purpose(run), &run.status.phase, &run.status.message);
        has_hash && matches!(verdict, Verdict::Bad(text) if message.ends_with(&text))
    };
    let runs = release.seen.analysis.runs.values().filter(is_meant);
    let newest = runs.max_by_key(|run| run.metadata.creation_timestamp.as_ref().map(|at| at.0))?;
    // It has done its work; what waits now is the Rollout.
    Some(Reason { urgency: Urgency::Settled, ..explain(newest, release.now) })
}

/// Returns the run without a verdict that paused the update.
#[must_use]
pub(crate) fn undecided(release: &Release<'_>) -> Option<Reason> {
    let told = current(release).map(|run| explain(run, release.now));
    told.into_iter().find(|reason| reason.code == "AnalysisInconclusive")
}

/// The runs that the status names.
fn current<'a>(release: &Release<'a>) -> impl Iterator<Item = &'a AnalysisRun> {
    let (canary, blue_green) = (&release.status().canary, &release.status().blue_green);
    let entries = [
        &canary.current_step_analysis_run_status,
        &canary.current_background_analysis_run_status,
        &blue_green.pre_promotion_analysis_run_status,
        &blue_green.post_promotion_analysis_run_status,
    ];
    let seen = release.seen;
    let named = entries.into_iter().flatten().map(|entry: &RolloutAnalysisRunStatus| &entry.name);
    named.filter_map(|name| seen.analysis.runs.get(name))
}

fn label<'r>(run: &'r AnalysisRun, key: &str) -> &'r str {
    run.metadata.labels.as_ref().and_then(|labels| labels.get(key)).map_or("", String::as_str)
}

fn purpose(run: &AnalysisRun) -> Purpose {
    use labels::rollout_type::{BACKGROUND, POST_PROMOTION, PRE_PROMOTION};
    match label(run, labels::ROLLOUT_TYPE) {
        BACKGROUND => Purpose::Background,
        PRE_PROMOTION => Purpose::PrePromotion,
        POST_PROMOTION => Purpose::PostPromotion,
        _ => Purpose::Step(0),
    }
}
