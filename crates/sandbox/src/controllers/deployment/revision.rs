//! Revisions: the numbers that `kubectl rollout history` shows, and what old ReplicaSets are kept.

use std::collections::BTreeMap;

use super::proportional::{DESIRED, MAX};
use crate::controllers::view::{Deployment, ReplicaSet};

/// The revision of a ReplicaSet, and of its Deployment.
pub(crate) const REVISION: &str = "deployment.kubernetes.io/revision";
const HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// Longest text of past revisions, in bytes; the oldest are dropped.
const HISTORY_MAX: usize = 2000;
/// Annotations of the Deployment that do not go to its ReplicaSets.
const NOT_COPIED: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    DESIRED,
    MAX,
    "deprecated.deployment.rollback.to",
];

/// Returns the revision of a ReplicaSet, 0 where it has none.
pub(crate) fn of(set: &ReplicaSet) -> i64 {
    set.meta.annotations.get(REVISION).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Returns the revision that the new ReplicaSet must have: one above all old ones.
pub(crate) fn next(old: &[&ReplicaSet]) -> i64 {
    old.iter().map(|set| of(set)).max().unwrap_or(0) + 1
}

/// Returns the ReplicaSet of the Deployment's template, the oldest if there are several, and the others by age.
pub(crate) fn split<'a>(
    deployment: &Deployment,
    mut sets: Vec<&'a ReplicaSet>,
) -> (Option<&'a ReplicaSet>, Vec<&'a ReplicaSet>) {
    sets.sort_by(|a, b| (a.meta.creation_timestamp, &a.meta.name).cmp(&(b.meta.creation_timestamp, &b.meta.name)));
    let new = sets.iter().position(|set| set.template_digest == deployment.template_digest).map(|at| sets.remove(at));
    (new, sets)
}

/// Returns the annotations of the new ReplicaSet: those of the Deployment, the revision, and what the revision was
/// before. `Existing` ones keep their own size annotations.
pub(crate) fn annotations(
    deployment: &Deployment,
    existing: Option<&ReplicaSet>,
    revision: i64,
) -> BTreeMap<String, String> {
    let mut all = existing.map(|set| set.meta.annotations.clone()).unwrap_or_default();
    let copied = deployment.meta.annotations.iter().filter(|(key, _)| !NOT_COPIED.contains(&key.as_str()));
    all.extend(copied.map(|(key, value)| (key.clone(), value.clone())));
    let before = all.get(REVISION).cloned();
    let before_number: i64 = before.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0);
    if before_number < revision {
        all.insert(REVISION.to_owned(), revision.to_string());
        if let Some(before) = before {
            let history = all.get(HISTORY).map(String::as_str).unwrap_or_default();
            all.insert(HISTORY.to_owned(), appended(history, &before));
        }
    }
    if existing.is_none() {
        all.extend(sizes(deployment));
    }
    all
}

/// Returns the annotations that tell a ReplicaSet the size of its Deployment.
pub(crate) fn sizes(deployment: &Deployment) -> [(String, String); 2] {
    let most = deployment.replicas + deployment.max_surge();
    [(DESIRED.to_owned(), deployment.replicas.to_string()), (MAX.to_owned(), most.to_string())]
}

fn appended(history: &str, revision: &str) -> String {
    let mut parts: Vec<&str> = history.split(',').filter(|part| !part.is_empty()).collect();
    parts.push(revision);
    while parts.len() > 1 && parts.iter().map(|part| part.len() + 1).sum::<usize>() > HISTORY_MAX {
        parts.remove(0);
    }
    parts.join(",")
}

/// Returns the names of old ReplicaSets beyond the history limit, lowest revision first; those that still have pods or
/// whose spec was not seen yet are spared.
pub(crate) fn obsolete(deployment: &Deployment, old: &[&ReplicaSet]) -> Vec<String> {
    let Some(limit) = deployment.revision_history_limit else { return Vec::new() };
    let mut kept: Vec<_> = old.iter().filter(|set| !set.meta.is_deleting()).collect();
    let excess = kept.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
    kept.sort_by_key(|set| of(set));
    let idle = |set: &ReplicaSet| {
        set.replicas == 0 && set.status.replicas == 0 && set.meta.generation <= set.status.observed_generation
    };
    kept.into_iter().take(excess).filter(|set| idle(set)).map(|set| set.meta.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controllers::deployment::fixtures::{deployment, set};

    fn revised(name: &str, revision: i64) -> ReplicaSet {
        set(name, 0, 0).annotated(REVISION, &revision.to_string())
    }

    #[test]
    fn a_reused_set_gets_a_new_number_and_remembers_the_old_one() {
        let reused = revised("a", 1).annotated(HISTORY, "0");
        let all = annotations(&deployment(3), Some(&reused), next(&[&revised("b", 2)]));
        assert_eq!((all[REVISION].as_str(), all[HISTORY].as_str()), ("3", "0,1"));
        assert!(!all.contains_key(DESIRED));
    }

    #[test]
    fn a_first_set_gets_everything_but_what_belongs_to_the_deployment() {
        let mut deployment = deployment(4).rolling(1, 0);
        for key in NOT_COPIED.iter().chain(&["team"]) {
            deployment.meta.annotations.insert((*key).to_owned(), "x".to_owned());
        }
        let all = annotations(&deployment, None, next(&[]));
        let expected = [(DESIRED, "4"), (MAX, "5"), (REVISION, "1"), ("team", "x")];
        assert_eq!(all, expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
    }

    #[test]
    fn history_drops_the_oldest_revisions() {
        let long: Vec<String> = (1000..1400).map(|n| n.to_string()).collect();
        let text = appended(&long.join(","), "1400");
        assert!(text.len() <= HISTORY_MAX && text.ends_with("1399,1400"), "{}", text.len());
    }

    #[test]
    fn sets_beyond_the_limit_go_unless_they_are_in_use() {
        let mut deployment = deployment(3);
        deployment.revision_history_limit = Some(1);
        let busy = set("busy", 1, 1).annotated(REVISION, "1");
        let sets = [revised("c", 4), busy, revised("a", 2), revised("b", 3)];
        assert_eq!(obsolete(&deployment, &sets.iter().collect::<Vec<_>>()), ["a", "b"]);
        deployment.revision_history_limit = None;
        assert!(obsolete(&deployment, &sets.iter().collect::<Vec<_>>()).is_empty());
    }

    #[test]
    fn the_oldest_set_of_the_template_is_the_new_one() {
        let mut deployment = deployment(1);
        deployment.template_digest = set("x", 0, 0).template_digest;
        let (b, a) = (set("b", 0, 0), set("a", 0, 0));
        let mut other = set("other", 0, 0);
        other.template_digest ^= 1;
        let (new, old) = split(&deployment, vec![&b, &other, &a]);
        assert_eq!(new.unwrap().meta.name, "a");
        assert_eq!(old.iter().map(|set| set.meta.name.as_str()).collect::<Vec<_>>(), ["b", "other"]);
    }
}
