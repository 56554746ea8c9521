//! What a StatefulSet does next.

use std::sync::Arc;

use jiff::Timestamp;

use crate::controllers::scaled::Rounding;
use crate::controllers::view::{Phase, Pod, StatefulSet, StatefulSetStatus};

/// Label of a pod that names its revision.
pub(crate) const REVISION: &str = "controller-revision-hash";

/// Names of the revisions that pods may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Revisions<'a> {
    pub(super) current: &'a str,
    pub(super) update: &'a str,
}

/// Which revision a new pod gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    Current,
    Update,
}

/// What is to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Numbers of the pods to create.
    pub(super) create: Vec<(i64, Choice)>,
    /// Names of the pods to delete.
    pub(super) delete: Vec<String>,
    /// Names of those among them that go because there are too many.
    pub(super) condemned: Vec<String>,
    /// When a pod that is waited for has been ready for long enough.
    pub(super) wake: Option<Timestamp>,
    pub(super) status: StatefulSetStatus,
}

/// Compares pods with what is wanted.
pub(super) fn plan(set: &StatefulSet, pods: &[Arc<Pod>], revisions: Revisions<'_>, now: Timestamp) -> Plan {
    let look = Look { set, now };
    let status = look.status(pods, revisions);
    let mut plan = Plan { status, wake: look.next_available(pods), ..Plan::default() };
    if !set.meta.is_deleting() && !look.fill(pods, &mut plan) && !look.shrink(pods, &mut plan) {
        look.update(pods, revisions, &mut plan);
    }
    plan
}

struct Look<'a> {
    set: &'a StatefulSet,
    now: Timestamp,
}

impl Look<'_> {
    fn start(&self) -> i64 {
        self.set.spec.ordinals.start
    }

    fn end(&self) -> i64 {
        self.start() + self.set.replicas()
    }

    fn pod<'p>(&self, pods: &'p [Arc<Pod>], ordinal: i64) -> Option<&'p Arc<Pod>> {
        pods.iter().find(|pod| self.set.ordinal(&pod.key.name) == Some(ordinal))
    }

    /// Returns the pods whose number is too high or too low, highest first.
    fn condemned<'p>(&self, pods: &'p [Arc<Pod>]) -> Vec<&'p Arc<Pod>> {
        let number = |pod: &Arc<Pod>| self.set.ordinal(&pod.key.name).unwrap_or(-1);
        let range = self.start()..self.end();
        let mut rest: Vec<_> = pods.iter().filter(|pod| number(pod) >= 0 && !range.contains(&number(pod))).collect();
        rest.sort_by_key(|pod| std::cmp::Reverse(number(pod)));
        rest
    }

    fn is_ready(pod: &Pod) -> bool {
        pod.phase == Phase::Running && pod.is_ready()
    }

    fn is_available(&self, pod: &Pod) -> bool {
        Self::is_ready(pod) && pod.available_at(self.set.spec.min_ready_seconds).is_some_and(|at| at <= self.now)
    }

    fn is_unavailable(&self, pod: Option<&Arc<Pod>>) -> bool {
        pod.is_none_or(|pod| pod.deleting || !self.is_available(pod))
    }

    fn next_available(&self, pods: &[Arc<Pod>]) -> Option<Timestamp> {
        let times = pods.iter().filter_map(|pod| pod.available_at(self.set.spec.min_ready_seconds));
        times.filter(|at| *at > self.now).min()
    }

    /// Creates what is missing and replaces what has ended. Returns whether the rest must wait.
    fn fill(&self, pods: &[Arc<Pod>], plan: &mut Plan) -> bool {
        let ordered = self.set.is_ordered();
        for ordinal in self.start()..self.end() {
            let waits = match self.pod(pods, ordinal) {
                None => {
                    plan.create.push((ordinal, self.choice(ordinal)));
                    true
                }
                Some(pod) if pod.phase.is_terminal() => {
                    if !pod.deleting {
                        plan.delete.push(pod.key.name.to_string());
                    }
                    true
                }
                Some(pod) => pod.deleting || !self.is_available(pod),
            };
            if waits && ordered {
                return true;
            }
        }
        false
    }

    /// Deletes pods beyond the wanted number. Returns whether the rest must wait.
    fn shrink(&self, pods: &[Arc<Pod>], plan: &mut Plan) -> bool {
        let ordered = self.set.is_ordered();
        let condemned = self.condemned(pods);
        let first_broken = (self.start()..self.end())
            .filter_map(|ordinal| self.pod(pods, ordinal))
            .chain(condemned.iter().rev().copied())
            .find(|pod| self.is_unavailable(Some(pod)));
        for pod in condemned {
            if !pod.deleting {
                let broken = !self.is_available(pod) && first_broken.is_none_or(|first| first.key != pod.key);
                if ordered && broken {
                    return true;
                }
                plan.delete.push(pod.key.name.to_string());
                plan.condemned.push(pod.key.name.to_string());
            }
            if ordered {
                return true;
            }
        }
        false
    }

    /// Deletes pods of another revision, highest number first, so that they come again in the new one.
    fn update(&self, pods: &[Arc<Pod>], revisions: Revisions<'_>, plan: &mut Plan) {
        if self.set.spec.update_strategy.r#type == "OnDelete" {
            return;
        }
        let rolling = self.set.spec.update_strategy.rolling_update.clone().unwrap_or_default();
        let outdated = |pod: &Pod| pod.labels.get(REVISION) != Some(revisions.update) && !pod.deleting;
        let from = self.start() + rolling.partition.max(0);
        let Some(limit) = rolling.max_unavailable else {
            for ordinal in (from..self.end()).rev() {
                let pod = self.pod(pods, ordinal);
                if let Some(pod) = pod.filter(|pod| outdated(pod)) {
                    return plan.delete.push(pod.key.name.to_string());
                }
                if self.is_unavailable(pod) {
                    return;
                }
            }
            return;
        };
        let limit = limit.of(self.set.replicas(), Rounding::Up).max(1);
        let down = (self.start()..self.end()).filter(|ordinal| self.is_unavailable(self.pod(pods, *ordinal))).count();
        let room = usize::try_from(limit).unwrap_or(0).saturating_sub(down);
        let candidates = (from..self.end()).rev().filter_map(|ordinal| self.pod(pods, ordinal));
        plan.delete.extend(candidates.filter(|pod| outdated(pod)).take(room).map(|pod| pod.key.name.to_string()));
    }

    fn choice(&self, ordinal: i64) -> Choice {
        let strategy = &self.set.spec.update_strategy;
        let kept = match &strategy.rolling_update {
            Some(rolling) => rolling.partition,
            None if strategy.r#type == "RollingUpdate" => self.set.status.current_replicas,
            None => 0,
        };
        if ordinal < self.start() + kept { Choice::Current } else { Choice::Update }
    }

    fn status(&self, pods: &[Arc<Pod>], revisions: Revisions<'_>) -> StatefulSetStatus {
        let numbered: Vec<_> = pods.iter().filter(|pod| self.set.ordinal(&pod.key.name).is_some()).collect();
        let count = |test: &dyn Fn(&Pod) -> bool| {
            i64::try_from(numbered.iter().filter(|pod| test(pod)).count()).unwrap_or(i64::MAX)
        };
        let of = |revision: &str| count(&|pod| !pod.deleting && pod.labels.get(REVISION) == Some(revision));
        let mut status = StatefulSetStatus {
            observed_generation: self.set.meta.generation,
            replicas: count(&|_| true),
            ready_replicas: count(&Self::is_ready),
            available_replicas: count(&|pod| self.is_available(pod)),
            current_replicas: of(revisions.current),
            updated_replicas: of(revisions.update),
            current_revision: revisions.current.to_owned(),
            update_revision: revisions.update.to_owned(),
            collision_count: Some(self.set.status.collision_count.unwrap_or(0)),
            conditions: self.set.status.conditions.clone(),
        };
        let wanted = self.set.replicas();
        let whole = [status.updated_replicas, status.ready_replicas, status.replicas];
        if self.set.spec.update_strategy.r#type != "OnDelete" && whole == [wanted; 3] {
            status.current_revision.clone_from(&status.update_revision);
            status.current_replicas = status.updated_replicas;
        }
        status
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::controllers::fixtures;

    const NOW: &str = "2026-01-01T01:00:00Z";

    #[expect(clippy::needless_pass_by_value, reason = "tables write their JSON in place")]
    fn set(replicas: i64, more: Value) -> StatefulSet {
        let mut spec = json!({"replicas": replicas, "updateStrategy": {"type": "RollingUpdate"}});
        for (field, part) in more.as_object().into_iter().flatten() {
            spec[field] = part.clone();
        }
        serde_json::from_value(json!({"metadata": {"name": "db"}, "spec": spec})).unwrap()
    }

    /// Pods from words such as `0:old`, `1:new!` (not ready), `2:old-` (leaving), `3:old#` (failed).
    fn pods(words: &str) -> Vec<Arc<Pod>> {
        words.split_whitespace().map(|word| Arc::new(pod(word))).collect()
    }

    fn pod(word: &str) -> Pod {
        let (number, rest) = word.split_once(':').unwrap();
        let revision = rest.trim_end_matches(['!', '-', '#']);
        let mut pod = fixtures::pod(&format!("db-{number}"));
        pod.labels = BTreeMap::from([(REVISION.to_owned(), revision.to_owned())]).into();
        if !rest.ends_with('!') {
            pod = pod.ready_at("2026-01-01T00:59:30Z");
        }
        if rest.ends_with('#') {
            pod.phase = Phase::Failed;
        }
        pod.deleting = rest.ends_with('-');
        pod
    }

    fn made(set: &StatefulSet, words: &str) -> Plan {
        plan(set, &pods(words), Revisions { current: "old", update: "new" }, NOW.parse().unwrap())
    }

    #[track_caller]
    fn check(name: &str, (replicas, spec): (i64, Value), words: &str, create: &[(i64, Choice)], delete: &[&str]) {
        let plan = made(&set(replicas, spec), words);
        assert_eq!(
            (plan.create.as_slice(), plan.delete.iter().map(String::as_str).collect::<Vec<_>>()),
            (create, delete.to_vec()),
            "{name}"
        );
    }

    #[test]
    fn pods_come_and_go_in_their_order() {
        use Choice::{Current, Update};
        let parallel = || json!({"podManagementPolicy": "Parallel"});
        check("the first", (3, json!({})), "", &[(0, Update)], &[]);
        check("the next waits", (3, json!({})), "0:new!", &[], &[]);
        check("the next", (3, json!({})), "0:new", &[(1, Update)], &[]);
        check("all at once", (3, parallel()), "", &[(0, Update), (1, Update), (2, Update)], &[]);
        check("other numbers", (2, json!({"ordinals": {"start": 5}})), "5:new", &[(6, Update)], &[]);
        check("waits for minReadySeconds", (2, json!({"minReadySeconds": 60})), "0:new", &[], &[]);
        check("a failed pod is replaced", (2, json!({})), "0:new 1:new#", &[], &["db-1"]);
        check("the highest goes first", (1, json!({})), "0:new 1:new 2:new", &[], &["db-2"]);
        check("one after another", (1, json!({})), "0:new 1:new 2:new-", &[], &[]);
        check("all go at once", (1, parallel()), "0:new 1:new 2:new", &[], &["db-2", "db-1"]);
        check("a broken pod may go", (1, json!({})), "0:new 1:new!", &[], &["db-1"]);
        check("none go while a kept one is broken", (1, json!({})), "0:new! 1:new", &[], &[]);
        let held = json!({"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}});
        check("below the partition the old revision", (2, held), "", &[(0, Current)], &[]);
    }

    #[test]
    fn updates_go_from_the_highest_number_down() {
        let rolling = |rules: Value| json!({"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": rules}});
        check("the highest", (3, rolling(json!({}))), "0:old 1:old 2:old", &[], &["db-2"]);
        check("then the next", (3, rolling(json!({}))), "0:old 1:old 2:new", &[], &["db-1"]);
        check("waits until it is ready", (3, rolling(json!({}))), "0:old 1:old 2:new!", &[], &[]);
        check("stops at the partition", (3, rolling(json!({"partition": 2}))), "0:old 1:old 2:new", &[], &[]);
        check(
            "several at once",
            (4, rolling(json!({"maxUnavailable": 2}))),
            "0:old 1:old 2:old 3:old",
            &[],
            &["db-3", "db-2"],
        );
        let parallel = json!({"podManagementPolicy": "Parallel",
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}}});
        check("as many as may be down", (4, parallel), "0:old 1:old 2:old 3:new!", &[], &["db-2"]);
        check("never by itself", (2, json!({"updateStrategy": {"type": "OnDelete"}})), "0:old 1:old", &[], &[]);
    }

    #[test]
    fn the_status_counts_by_revision_and_ends_the_update() {
        let status = made(&set(3, json!({})), "0:old 1:old! 2:new").status;
        assert_eq!(
            (status.replicas, status.ready_replicas, status.current_replicas, status.updated_replicas),
            (3, 2, 2, 1)
        );
        assert_eq!((status.current_revision.as_str(), status.update_revision.as_str()), ("old", "new"));
        let done = made(&set(2, json!({})), "0:new 1:new").status;
        assert_eq!((done.current_revision.as_str(), done.current_replicas), ("new", 2));
    }

    #[test]
    fn only_plain_numbers_after_the_name_are_pods_of_the_set() {
        let set = set(1, json!({}));
        for (name, want) in [("db-0", Some(0)), ("db-12", Some(12)), ("db-01", None), ("db-x", None), ("dba-1", None)] {
            assert_eq!(set.ordinal(name), want, "{name}");
        }
    }
}
