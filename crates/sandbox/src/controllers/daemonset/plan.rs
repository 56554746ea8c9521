//! Which pods a DaemonSet starts and gives up, node by node.

use std::sync::Arc;

use jiff::Timestamp;

use crate::controllers::view::{DaemonSet, DaemonSetStatus, Phase, Pod};

/// Label of a pod that holds the hash of its template.
pub(super) const HASH: &str = "controller-revision-hash";

/// A node with the pods of the DaemonSet on it, or on their way to it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) node: String,
    /// Whether a pod is wanted there.
    pub(super) wanted: bool,
    /// Whether a pod that is there may stay.
    pub(super) bearable: bool,
    pub(super) pods: Vec<Arc<Pod>>,
}

/// What is to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Nodes that get a pod.
    pub(super) create: Vec<String>,
    /// Names of pods that go.
    pub(super) delete: Vec<String>,
    /// Pods among them that ended: name, node and whether they failed.
    pub(super) ended: Vec<(String, String, bool)>,
    /// When a pod that is waited for has been ready for long enough.
    pub(super) wake: Option<Timestamp>,
    pub(super) status: DaemonSetStatus,
}

/// Compares the nodes with what is wanted. `places` are in order of name.
pub(super) fn plan(set: &DaemonSet, places: &[Place], hash: &str, now: Timestamp) -> Plan {
    let look = Look { set, hash, now };
    let mut plan = Plan { status: look.status(places), wake: look.next_available(places), ..Plan::default() };
    for place in places {
        look.settle(place, &mut plan);
    }
    let settled = plan.create.is_empty() && plan.delete.is_empty();
    if settled && set.spec.update_strategy.r#type != "OnDelete" {
        let wanted = places.iter().filter(|place| place.wanted).count();
        match set.spec.update_strategy.rolling_update.limits(i64::try_from(wanted).unwrap_or(i64::MAX)) {
            (0, unavailable) => look.replace(places, to_count(unavailable), &mut plan),
            (surge, _) => look.surge(places, to_count(surge), &mut plan),
        }
    }
    plan
}

fn to_count(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

struct Look<'a> {
    set: &'a DaemonSet,
    hash: &'a str,
    now: Timestamp,
}

/// The one pod of the present template on a node, and the one of another; more is disorder.
struct Pair<'a> {
    new: Option<&'a Arc<Pod>>,
    old: Option<&'a Arc<Pod>>,
}

impl Look<'_> {
    fn is_new(&self, pod: &Pod) -> bool {
        pod.labels.get(HASH) == Some(self.hash)
    }

    fn is_available(&self, pod: &Pod) -> bool {
        pod.available_at(self.set.spec.min_ready_seconds).is_some_and(|at| at <= self.now)
    }

    fn surges(&self) -> bool {
        self.set.spec.update_strategy.r#type != "OnDelete"
            && self.set.spec.update_strategy.rolling_update.limits(1).0 > 0
    }

    fn next_available(&self, places: &[Place]) -> Option<Timestamp> {
        let pods = places.iter().flat_map(|place| &place.pods);
        pods.filter_map(|pod| pod.available_at(self.set.spec.min_ready_seconds)).filter(|at| *at > self.now).min()
    }

    /// Sees to it that there is one pod where one is wanted, and none where none may be.
    fn settle(&self, place: &Place, plan: &mut Plan) {
        let name = |pod: &Arc<Pod>| pod.key.name.to_string();
        if place.wanted && place.pods.is_empty() {
            plan.create.push(place.node.clone());
            return;
        }
        let present = || place.pods.iter().filter(|pod| !pod.deleting);
        if !place.bearable {
            plan.delete.extend(present().map(name));
            return;
        }
        let (ended, mut running): (Vec<_>, Vec<_>) = present().partition(|pod| pod.phase.is_terminal());
        for pod in ended {
            plan.delete.push(name(pod));
            plan.ended.push((name(pod), place.node.clone(), pod.phase == Phase::Failed));
        }
        running.sort_by_key(|pod| (pod.node.is_none(), pod.created, pod.key.clone()));
        if self.surges() {
            if running.is_empty() && place.wanted {
                plan.create.push(place.node.clone());
            }
            let (new, old): (Vec<_>, Vec<_>) = running.into_iter().partition(|pod| self.is_new(pod));
            plan.delete.extend(new.into_iter().skip(1).chain(old.into_iter().skip(1)).map(name));
        } else {
            plan.delete.extend(running.into_iter().skip(1).map(name));
        }
    }

    fn pair<'p>(&self, place: &'p Place) -> Option<Pair<'p>> {
        let (new, old): (Vec<_>, Vec<_>) =
            place.pods.iter().filter(|pod| !pod.deleting).partition(|pod| self.is_new(pod));
        (new.len() < 2 && old.len() < 2).then(|| Pair { new: new.first().copied(), old: old.first().copied() })
    }

    /// Deletes old pods: those that serve nobody at once, others as long as few enough are unavailable.
    fn replace(&self, places: &[Place], limit: usize, plan: &mut Plan) {
        let (mut unavailable, mut candidates) = (0, Vec::new());
        for place in places.iter().filter(|place| !place.pods.is_empty()) {
            match self.pair(place) {
                Some(Pair { new: Some(new), old: None }) if self.is_available(new) => {}
                Some(Pair { new: None, old: Some(old) }) if self.is_available(old) => candidates.push(old),
                Some(Pair { new: None, old: Some(old) }) => {
                    unavailable += 1;
                    plan.delete.push(old.key.name.to_string());
                }
                _ => unavailable += 1,
            }
        }
        let room = limit.saturating_sub(unavailable);
        plan.delete.extend(candidates.into_iter().take(room).map(|pod| pod.key.name.to_string()));
    }

    /// Starts new pods beside old ones, and deletes the old where the new are available.
    fn surge(&self, places: &[Place], limit: usize, plan: &mut Plan) {
        let (mut surging, mut candidates) = (0, Vec::new());
        for place in places.iter().filter(|place| !place.pods.is_empty()) {
            match self.pair(place) {
                Some(Pair { old: None, .. }) => {}
                Some(Pair { new: None, old: Some(old) }) => match (place.wanted, self.is_available(old)) {
                    (true, true) => candidates.push(place.node.clone()),
                    (true, false) => plan.create.push(place.node.clone()),
                    (false, _) => plan.delete.push(old.key.name.to_string()),
                },
                Some(Pair { new: Some(new), old: Some(old) }) if self.is_available(new) => {
                    plan.delete.push(old.key.name.to_string());
                }
                _ => surging += 1,
            }
        }
        plan.create.extend(candidates.into_iter().take(limit.saturating_sub(surging)));
    }

    fn status(&self, places: &[Place]) -> DaemonSetStatus {
        let mut status = DaemonSetStatus {
            observed_generation: self.set.meta.generation,
            collision_count: self.set.status.collision_count,
            conditions: self.set.status.conditions.clone(),
            ..DaemonSetStatus::default()
        };
        for place in places {
            let gone = |pod: &Pod| pod.phase.is_terminal() && pod.deleting;
            let mut pods: Vec<_> = place.pods.iter().filter(|pod| !gone(pod)).collect();
            pods.sort_by_key(|pod| (pod.node.is_none(), pod.created, pod.key.clone()));
            let Some(pod) = pods.first() else {
                status.desired_number_scheduled += i64::from(place.wanted);
                continue;
            };
            if !place.wanted {
                status.number_misscheduled += 1;
                continue;
            }
            status.desired_number_scheduled += 1;
            status.current_number_scheduled += 1;
            status.number_ready += i64::from(pod.is_ready());
            status.number_available += i64::from(self.is_available(pod));
            status.updated_number_scheduled += i64::from(self.is_new(pod));
        }
        status.number_unavailable = status.desired_number_scheduled - status.number_available;
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

    /// A node from words such as `old`, `new!` (not ready), `old-` (leaving), `new#` (failed); flags `x` for a node that
    /// wants no pod and `X` for one that bears none.
    fn place(number: usize, words: &str) -> Place {
        let node = format!("n{number}");
        let pods = words.split_whitespace().filter(|word| !matches!(*word, "x" | "X")).enumerate().map(|(n, word)| {
            let mut pod = fixtures::pod(&format!("{node}-{n}"));
            let hash = word.trim_end_matches(['!', '-', '#']);
            pod.labels = BTreeMap::from([(HASH.to_owned(), hash.to_owned())]).into();
            if !word.ends_with('!') {
                pod = pod.ready_at("2026-01-01T00:59:30Z");
            }
            if word.ends_with('#') {
                pod.phase = Phase::Failed;
            }
            pod.deleting = word.ends_with('-');
            Arc::new(pod)
        });
        let flag = |flag: &str| words.split_whitespace().any(|word| word == flag);
        let (unwanted, unbearable) = (flag("x"), flag("X"));
        Place { pods: pods.collect(), node, wanted: !unwanted && !unbearable, bearable: !unbearable }
    }

    #[expect(clippy::needless_pass_by_value, reason = "tables write their JSON in place")]
    fn made(strategy: Value, nodes: &[&str]) -> Plan {
        let set = json!({"metadata": {"name": "d"}, "spec": {"updateStrategy": strategy}});
        let set: DaemonSet = serde_json::from_value(set).unwrap();
        let places: Vec<Place> = nodes.iter().enumerate().map(|(n, words)| place(n, words)).collect();
        plan(&set, &places, "new", NOW.parse().unwrap())
    }

    #[track_caller]
    fn check(name: &str, strategy: Value, nodes: &[&str], create: &[&str], delete: &[&str]) {
        let plan = made(strategy, nodes);
        assert_eq!((plan.create, plan.delete), (strings(create), strings(delete)), "{name}");
    }

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[expect(clippy::needless_pass_by_value, reason = "tables write their JSON in place")]
    fn rolling(limits: Value) -> Value {
        json!({"type": "RollingUpdate", "rollingUpdate": limits})
    }

    #[test]
    fn every_node_that_wants_a_pod_has_one() {
        let one = || rolling(json!({"maxUnavailable": 1}));
        check("each node", one(), &["", "new", "x"], &["n0"], &[]);
        check("one too many", one(), &["new new"], &[], &["n0-1"]);
        check("a leaving pod is waited for", one(), &["new-"], &[], &[]);
        check("where it is not wanted it may stay", one(), &["new x"], &[], &[]);
        check("where it is not borne it goes", one(), &["new X"], &[], &["n0-0"]);
        check("what failed goes", one(), &["new#"], &[], &["n0-0"]);
        assert_eq!(made(one(), &["new#"]).ended, [("n0-0".to_owned(), "n0".to_owned(), true)]);
    }

    #[test]
    fn updates_keep_to_their_limits() {
        let one = || rolling(json!({"maxUnavailable": 1}));
        check("one at a time", one(), &["old", "old", "old"], &[], &["n0-0"]);
        check("waits for the last", one(), &["new!", "old"], &[], &[]);
        check("goes on", one(), &["new", "old"], &[], &["n1-0"]);
        check("a broken old one goes first", one(), &["old", "old!"], &[], &["n1-0"]);
        check("a share", rolling(json!({"maxUnavailable": "50%"})), &["old", "old", "old"], &[], &["n0-0", "n1-0"]);
        check("never by itself", json!({"type": "OnDelete"}), &["old"], &[], &[]);
        let surge = || rolling(json!({"maxSurge": 1, "maxUnavailable": 0}));
        check("a new one beside", surge(), &["old", "old"], &["n0"], &[]);
        check("waits for it", surge(), &["old new!", "old"], &[], &[]);
        check("then the old goes", surge(), &["old new", "old"], &["n1"], &["n0-0"]);
    }

    #[test]
    fn the_status_counts_nodes() {
        let status = made(json!({}), &["new", "old!", "", "new x", "x"]).status;
        let DaemonSetStatus { desired_number_scheduled, current_number_scheduled, number_misscheduled, .. } = status;
        assert_eq!((desired_number_scheduled, current_number_scheduled, number_misscheduled), (3, 2, 1));
        let DaemonSetStatus { number_ready, updated_number_scheduled, number_unavailable, .. } = status;
        assert_eq!((number_ready, updated_number_scheduled, number_unavailable), (1, 1, 2));
    }
}
