//! Status and conditions of a Deployment.

use jiff::{SignedDuration, Timestamp};

use crate::controllers::conditions::{find, remove, set};
use crate::controllers::view::{Condition, Deployment, DeploymentStatus, ReplicaSet};

/// Condition types.
pub(crate) const AVAILABLE: &str = "Available";
/// Tells whether an update moves.
pub(crate) const PROGRESSING: &str = "Progressing";
const REPLICA_FAILURE: &str = "ReplicaFailure";

/// Reasons of condition `Progressing`.
pub(crate) mod reason {
    pub(crate) const CREATED: &str = "NewReplicaSetCreated";
    pub(crate) const FOUND: &str = "FoundNewReplicaSet";
    pub(crate) const UPDATED: &str = "ReplicaSetUpdated";
    pub(crate) const COMPLETE: &str = "NewReplicaSetAvailable";
    pub(crate) const TIMED_OUT: &str = "ProgressDeadlineExceeded";
    pub(crate) const PAUSED: &str = "DeploymentPaused";
    pub(crate) const RESUMED: &str = "DeploymentResumed";
    pub(crate) const CREATE_ERROR: &str = "ReplicaSetCreateError";
}

/// Returns the counts and condition `Available`, with all other conditions as they were: the status of a Deployment
/// that is paused, being scaled or being deleted.
pub(crate) fn counted(
    deployment: &Deployment,
    new: Option<&ReplicaSet>,
    old: &[&ReplicaSet],
    now: Timestamp,
) -> DeploymentStatus {
    let all = || old.iter().copied().chain(new);
    let available: i64 = all().map(|set| set.status.available_replicas).sum();
    let mut conditions = deployment.status.conditions.clone();
    set(&mut conditions, availability(deployment, available, now));
    DeploymentStatus {
        observed_generation: deployment.meta.generation,
        replicas: all().map(|set| set.status.replicas).sum(),
        updated_replicas: new.map_or(0, |set| set.status.replicas),
        ready_replicas: all().map(|set| set.status.ready_replicas).sum(),
        available_replicas: available,
        unavailable_replicas: (all().map(|set| set.replicas).sum::<i64>() - available).max(0),
        conditions,
        collision_count: deployment.status.collision_count,
    }
}

fn availability(deployment: &Deployment, available: i64, now: Timestamp) -> Condition {
    let (status, reason, message) = if available >= deployment.replicas - deployment.max_unavailable() {
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    Condition::new(AVAILABLE, status, reason, message, now)
}

/// Returns the status of a Deployment in an update: [`counted`], progress and failures.
pub(crate) fn progressed(
    deployment: &Deployment,
    new: Option<&ReplicaSet>,
    old: &[&ReplicaSet],
    now: Timestamp,
) -> DeploymentStatus {
    let mut status = counted(deployment, new, old, now);
    let current = find(&deployment.status.conditions, PROGRESSING);
    if deployment.progress_deadline_seconds.is_none() {
        remove(&mut status.conditions, PROGRESSING);
    } else if !(status.replicas == status.updated_replicas && current.is_some_and(|c| c.reason == reason::COMPLETE)) {
        estimate(deployment, &mut status, new, now);
    }
    match failure(new, old) {
        Some(condition) => _ = set(&mut status.conditions, condition.clone()),
        None => remove(&mut status.conditions, REPLICA_FAILURE),
    }
    status
}

/// Sets condition `Progressing` to done, moving or timed out; leaves it where none of these is so.
fn estimate(deployment: &Deployment, status: &mut DeploymentStatus, new: Option<&ReplicaSet>, now: Timestamp) {
    let subject = match new {
        Some(set) => format!("ReplicaSet \"{}\"", set.meta.name),
        None => format!("Deployment \"{}\"", deployment.meta.name),
    };
    if is_complete(deployment, status) {
        let message = format!("{subject} has successfully progressed.");
        set(&mut status.conditions, Condition::new(PROGRESSING, "True", reason::COMPLETE, message, now));
    } else if has_moved(&deployment.status, status) {
        let mut moved = Condition::new(PROGRESSING, "True", reason::UPDATED, format!("{subject} is progressing."), now);
        if let Some(before) = find(&status.conditions, PROGRESSING).filter(|before| before.status == "True") {
            moved.last_transition_time = before.last_transition_time;
        }
        // Progress moves lastUpdateTime even where status and reason stay: the deadline counts from it.
        remove(&mut status.conditions, PROGRESSING);
        status.conditions.push(moved);
    } else if has_timed_out(deployment, now) {
        let message = format!("{subject} has timed out progressing.");
        set(&mut status.conditions, Condition::new(PROGRESSING, "False", reason::TIMED_OUT, message, now));
    }
}

/// Returns whether every replica is of the new template and available, and the spec was seen.
pub(crate) fn is_complete(deployment: &Deployment, status: &DeploymentStatus) -> bool {
    let wanted = deployment.replicas;
    status.updated_replicas == wanted
        && status.replicas == wanted
        && status.available_replicas == wanted
        && status.observed_generation >= deployment.meta.generation
}

fn has_moved(before: &DeploymentStatus, after: &DeploymentStatus) -> bool {
    after.updated_replicas > before.updated_replicas
        || after.replicas - after.updated_replicas < before.replicas - before.updated_replicas
        || after.ready_replicas > before.ready_replicas
        || after.available_replicas > before.available_replicas
}

fn has_timed_out(deployment: &Deployment, now: Timestamp) -> bool {
    match find(&deployment.status.conditions, PROGRESSING) {
        Some(condition) if condition.reason == reason::COMPLETE => false,
        Some(condition) if condition.reason == reason::TIMED_OUT => true,
        Some(condition) => deadline(deployment, condition).is_some_and(|at| at < now),
        None => false,
    }
}

fn deadline(deployment: &Deployment, condition: &Condition) -> Option<Timestamp> {
    Some(condition.last_update_time? + SignedDuration::from_secs(deployment.progress_deadline_seconds?))
}

/// Returns when to look again whether the deadline has passed, if it still runs.
pub(crate) fn next_check(deployment: &Deployment, status: &DeploymentStatus) -> Option<Timestamp> {
    let condition = find(&status.conditions, PROGRESSING)?;
    if is_complete(deployment, status) || matches!(condition.reason.as_str(), reason::TIMED_OUT | reason::COMPLETE) {
        return None;
    }
    Some(deadline(deployment, condition)? + SignedDuration::from_secs(1))
}

/// Returns the condition to set when pausing began or ended; the deadline does not run while paused.
pub(crate) fn pause_change(deployment: &Deployment, now: Timestamp) -> Option<Condition> {
    deployment.progress_deadline_seconds?;
    let current = find(&deployment.status.conditions, PROGRESSING);
    if current.is_some_and(|condition| condition.reason == reason::TIMED_OUT) {
        return None;
    }
    let known = current.is_some_and(|condition| condition.reason == reason::PAUSED);
    match (deployment.paused, known) {
        (true, false) => Some(Condition::new(PROGRESSING, "Unknown", reason::PAUSED, "Deployment is paused", now)),
        (false, true) => Some(Condition::new(PROGRESSING, "Unknown", reason::RESUMED, "Deployment is resumed", now)),
        _ => None,
    }
}

/// The failure condition of the new ReplicaSet, else of the first old one that has one.
fn failure<'a>(new: Option<&'a ReplicaSet>, old: &[&'a ReplicaSet]) -> Option<&'a Condition> {
    let mut sets = new.into_iter().chain(old.iter().copied());
    sets.find_map(|set| find(&set.status.conditions, REPLICA_FAILURE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::deployment::fixtures::{deployment, set};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn progressing(status: &DeploymentStatus) -> (&str, &str, i64, i64) {
        let c = find(&status.conditions, PROGRESSING).unwrap();
        let seconds = |at: Option<Timestamp>| at.unwrap().as_second();
        (&c.status, &c.reason, seconds(c.last_update_time), seconds(c.last_transition_time))
    }

    fn with(mut deployment: Deployment, status: DeploymentStatus) -> Deployment {
        deployment.status = status;
        deployment
    }

    #[test]
    fn an_update_progresses_then_completes_and_stays_complete() {
        let new = |available| set("web-1", 3, available);
        let first = progressed(&deployment(3), Some(&new(0)), &[], at(10));
        assert_eq!(progressing(&first), ("True", reason::UPDATED, 10, 10));
        let moved = progressed(&with(deployment(3), first), Some(&new(1)), &[], at(20));
        assert_eq!(progressing(&moved), ("True", reason::UPDATED, 20, 10));
        let still = progressed(&with(deployment(3), moved.clone()), Some(&new(1)), &[], at(30));
        assert_eq!(still, moved, "nothing moved: nothing is written");
        let done = progressed(&with(deployment(3), still), Some(&new(3)), &[], at(40));
        assert_eq!(progressing(&done), ("True", reason::COMPLETE, 40, 10));
        assert_eq!((done.available_replicas, done.unavailable_replicas), (3, 0));
        let broken = progressed(&with(deployment(3), done), Some(&new(1)), &[], at(5000));
        assert_eq!(progressing(&broken), ("True", reason::COMPLETE, 40, 10), "no new deadline after completion");
        assert_eq!(find(&broken.conditions, AVAILABLE).unwrap().status, "False");
    }

    #[test]
    fn the_deadline_counts_from_the_last_progress() {
        let new = set("web-1", 3, 0);
        let first = progressed(&deployment(3), Some(&new), &[], at(10));
        assert_eq!(next_check(&deployment(3), &first), Some(at(611)));
        let waiting = progressed(&with(deployment(3), first.clone()), Some(&new), &[], at(610));
        assert_eq!(waiting, first);
        let late = progressed(&with(deployment(3), first), Some(&new), &[], at(611));
        assert_eq!(progressing(&late), ("False", reason::TIMED_OUT, 611, 611));
        assert_eq!(next_check(&deployment(3), &late), None);
    }

    #[test]
    fn without_a_deadline_there_is_no_progress_condition() {
        let mut free = deployment(1);
        free.progress_deadline_seconds = None;
        let status = progressed(&free, Some(&set("web-1", 1, 1)), &[], at(1));
        assert!(find(&status.conditions, PROGRESSING).is_none());
    }

    #[test]
    fn pausing_and_resuming_are_told_once() {
        let mut paused = deployment(1);
        paused.paused = true;
        let condition = pause_change(&paused, at(5)).unwrap();
        assert_eq!((condition.status.as_str(), condition.reason.as_str()), ("Unknown", reason::PAUSED));
        paused.status.conditions = vec![condition];
        assert_eq!(pause_change(&paused, at(6)), None);
        paused.paused = false;
        assert_eq!(pause_change(&paused, at(7)).unwrap().reason, reason::RESUMED);
    }

    #[test]
    fn a_failing_replica_set_shows() {
        let mut new = set("web-1", 1, 0);
        new.status.conditions = vec![Condition::new(REPLICA_FAILURE, "True", "FailedCreate", "no", at(1))];
        let status = progressed(&deployment(1), Some(&new), &[], at(2));
        assert_eq!(find(&status.conditions, REPLICA_FAILURE).unwrap().message, "no");
        new.status.conditions.clear();
        let healed = progressed(&with(deployment(1), status), Some(&new), &[], at(3));
        assert!(find(&healed.conditions, REPLICA_FAILURE).is_none());
    }
}
