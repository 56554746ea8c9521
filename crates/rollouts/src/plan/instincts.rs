//! What people do by instinct, recognised by its traces and answered with the better way.

use jiff::SignedDuration;
use serde_json::json;
use tiphys_api::{constants::annotations, hash, types::Time};
use tiphys_runtime::recorder::Note;

use super::{
    identify::{bare_template, restarted_at, without_restart},
    release::Release,
};
use crate::{
    action::{Action, Hint, Step, Target},
    observe::Gone,
};

/// Reason of the event for people who delete pods one by one.
pub(crate) const PODS_DELETED_BY_HAND: &str = "PodsDeletedByHand";
/// Pods deleted one by one within this time belong together.
const BY_HAND_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// Returns what there is to say when a new ReplicaSet is made: that it replaces a deleted one, or that nothing but a
/// restart annotation made a new version of it.
#[must_use]
pub(crate) fn about_new_replica_set(release: &Release<'_>, name: &str, revision: i64) -> Vec<Note> {
    let status = release.status();
    let was_there = !status.current_pod_hash.is_empty() && status.current_pod_hash == release.hash;
    if was_there {
        let text = format!(
            "ReplicaSet {name} was deleted with its pods and is made again. To recreate pods without an outage: {}",
            restart_command(release)
        );
        return vec![Note::warning("ReplicaSetRecreated", text)];
    }
    only_restart_changed(release, revision).into_iter().collect()
}

fn only_restart_changed(release: &Release<'_>, revision: i64) -> Option<Note> {
    let before = release.owned.iter().max_by_key(|set| set.revision())?;
    restarted_at(release.template)?;
    let wanted = without_restart(release.template.clone());
    if !hash::same_pod_template(&wanted, &without_restart(bare_template(before))) {
        return None;
    }
    let text = format!(
        "This started revision {revision}, and nothing but a restart annotation changed. {} would have recreated the pods \
         without a release; annotation {}={} on the Rollout makes such a change do just that",
        restart_command(release),
        annotations::RESTART_ANNOTATION_MODE,
        annotations::RESTART_ANNOTATION_MODE_RESTART,
    );
    Some(Note::normal("RestartAnnotationReleased", text))
}

/// Turns kubectl's restart annotation into a restart where the Rollout asks for that.
#[must_use]
pub(crate) fn restart_by_annotation(release: &Release<'_>) -> Option<Step> {
    let mode = release.annotation(annotations::RESTART_ANNOTATION_MODE)?;
    let new = release.new?;
    let asked = restarted_at(release.template)?;
    let known = new.template();
    if mode != annotations::RESTART_ANNOTATION_MODE_RESTART || restarted_at(&known) == Some(asked) {
        return None;
    }
    let at: jiff::Timestamp = asked.parse().ok()?;
    let at = Time(jiff::Timestamp::from_second(at.as_second()).unwrap_or(at));
    let before = release.rollout.spec.restart_at.as_ref();
    let is_news = before.is_none_or(|before| before.0 < at.0);
    is_news.then(|| {
        let text = format!("Restart annotation {asked} is taken as a restart: no new revision");
        let patch = json!({"spec": {"restartAt": at}});
        Step::told(Action::PatchRollout { patch }, Note::normal("RestartAnnotationTaken", text))
    })
}

/// Returns the hint for people who delete pods one by one.
#[must_use]
pub(crate) fn pods_deleted_by_hand(release: &Release<'_>) -> Option<Note> {
    let gone: Vec<_> = recently_gone(release).collect();
    if gone.len() < 2 {
        return None;
    }
    let first = gone.first()?.at;
    let at_once = gone.iter().filter(|pod| pod.at.duration_since(first) < SignedDuration::from_secs(2)).count();
    let most = tiphys_api::defaults::max_unavailable(release.rollout).max(1);
    let better = format!(
        "{} recreates all {}, at most {most} at a time, honouring the disruption budget",
        restart_command(release),
        release.desired()
    );
    let all = release.desired().max(2);
    if i32::try_from(at_once).is_ok_and(|count| count >= all) {
        return Some(Note::warning(
            PODS_DELETED_BY_HAND,
            format!("all pods of this Rollout were deleted at once: {better}"),
        ));
    }
    Some(Note::normal(PODS_DELETED_BY_HAND, format!("pods of this Rollout are being deleted by hand; {better}")))
}

/// Returns the same hint for each of the pods: people look there, too.
#[must_use]
pub(crate) fn on_the_pods(release: &Release<'_>, note: &Note) -> Vec<Hint> {
    let pods = recently_gone(release).map(|gone| Target { name: gone.pod.clone(), uid: gone.uid.clone() });
    pods.map(|pod| Hint { pod, note: note.clone() }).collect()
}

fn recently_gone<'a>(release: &Release<'a>) -> impl Iterator<Item = &'a Gone> {
    let now = release.now;
    release.seen.recall.gone.iter().filter(move |gone| now.duration_since(gone.at) < BY_HAND_WITHIN)
}

fn restart_command(release: &Release<'_>) -> String {
    format!("`kubectl argo rollouts restart {} -n {}`", release.name(), release.namespace())
}
