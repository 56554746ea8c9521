//! Revisions, and which one an undo goes back to.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::ReplicaSet;
use tiphys_api::constants::annotations;

/// There is no such revision to go back to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRevision {
    /// There is only one revision, or none.
    #[error("no revision found for rollout \"{0}\"")]
    Before(String),
    /// That revision is not kept.
    #[error("unable to find specified revision {0} in history")]
    Numbered(i64),
}

/// Returns the revision in annotations; 0 where there is none.
#[must_use]
pub fn of(annotations: Option<&BTreeMap<String, String>>) -> i64 {
    annotations.and_then(|map| map.get(annotations::REVISION)).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Returns the revision of a ReplicaSet.
#[must_use]
pub fn of_replica_set(replica_set: &ReplicaSet) -> i64 {
    of(replica_set.metadata.annotations.as_ref())
}

/// Returns the ReplicaSet to go back to: that of revision `wanted`, or for 0 the one before the newest.
///
/// # Errors
/// If there is no such revision.
pub fn choose<'a>(rollout: &str, owned: &'a [ReplicaSet], wanted: i64) -> Result<&'a ReplicaSet, NoRevision> {
    let mut sorted: Vec<&ReplicaSet> = owned.iter().collect();
    sorted.sort_by_key(|replica_set| std::cmp::Reverse(of_replica_set(replica_set)));
    let found = match wanted {
        0 => sorted.get(1).copied(),
        wanted => sorted.iter().find(|replica_set| of_replica_set(replica_set) == wanted).copied(),
    };
    found.ok_or_else(|| match wanted {
        0 => NoRevision::Before(rollout.to_owned()),
        wanted => NoRevision::Numbered(wanted),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tiphys_api::decode;

    use super::*;

    #[test]
    fn undo_chooses_the_revision_before_the_newest_or_the_named_one() {
        let set = |revision: &str| -> ReplicaSet {
            decode(json!({"metadata": {"annotations": {"rollout.argoproj.io/revision": revision}}})).object
        };
        let owned = [set("2"), set("11"), set("5"), set("x")];
        for (wanted, expected) in
            [(0, Ok(5)), (11, Ok(11)), (2, Ok(2)), (3, Err("unable to find specified revision 3 in history"))]
        {
            let found = choose("web", &owned, wanted).map(of_replica_set);
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(failure), Err(expected)) => assert!(failure.to_string().contains(expected), "{failure}"),
                (found, expected) => panic!("{wanted}: {found:?}, wanted {expected:?}"),
            }
        }
        let failure = choose("web", &owned[..1], 0).unwrap_err();
        assert!(failure.to_string().contains("no revision found for rollout \"web\""), "{failure}");
    }
}
