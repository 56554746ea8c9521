use serde_json::json;
use tiphys_machinery::resource::Gvk;

use super::*;
use crate::object::{TypeHead, key_of};

fn resource() -> Arc<Resource> {
    Arc::new(Resource::new(Gvk::new("", "v1", "ConfigMap"), "configmaps"))
}

fn shard() -> ShardId {
    Arc::new((String::new(), "configmaps".into()))
}

fn object(name: &str, data: &str, owner: Option<&str>) -> Object {
    let mut value = json!({"metadata": {"name": name, "namespace": "ns", "uid": format!("uid-{name}")}, "data": data});
    if let Some(owner) = owner {
        value["metadata"]["ownerReferences"] = json!([{"uid": owner}]);
    }
    Object::new(TypeHead::new("v1", "ConfigMap"), 0, Some(data), &value)
}

fn write(store: &Store, name: &str, expected: Expected, new: Option<Object>) -> Result<Arc<Change>, Stale> {
    store.commit(&resource(), &shard(), &key_of("ns", name), expected, new)
}

fn names(objects: &[Arc<Object>]) -> Vec<String> {
    objects.iter().map(|o| format!("{}@{}", o.name(), o.revision())).collect()
}

#[test]
fn a_commit_against_another_revision_is_refused() {
    let store = Store::new(10, HistoryLimits::default());
    let created = write(&store, "a", Expected::Absent, Some(object("a", "1", None))).unwrap();
    assert_eq!((created.revision, store.revision()), (11, 11));
    assert!(write(&store, "a", Expected::Absent, Some(object("a", "2", None))).is_err());
    assert!(write(&store, "a", Expected::Revision(10), Some(object("a", "2", None))).is_err());
    assert!(write(&store, "a", Expected::Revision(11), None).is_ok());
    assert!(store.get(&shard(), "ns/a").is_none());
    assert_eq!(store.revision(), 12);
}

#[test]
fn the_past_is_told_until_it_is_compacted() {
    let store = Store::new(0, HistoryLimits { least: 2, most: 3, bytes: usize::MAX });
    write(&store, "a", Expected::Absent, Some(object("a", "1", None))).unwrap();
    write(&store, "b", Expected::Absent, Some(object("b", "1", None))).unwrap();
    write(&store, "a", Expected::Revision(1), None).unwrap();
    assert_eq!(names(&store.list_at(&shard(), None, 1).unwrap().objects), ["a@1"]);
    assert_eq!(names(&store.list_at(&shard(), Some("ns"), 2).unwrap().objects), ["a@1", "b@2"]);
    assert_eq!(names(&store.list(&shard(), Some("ns")).objects), ["b@2"]);
    write(&store, "b", Expected::Revision(2), Some(object("b", "2", None))).unwrap();
    assert_eq!(store.list_at(&shard(), None, 0).unwrap_err(), Compacted(1));
    assert_eq!(store.changes_after(&shard(), 0, 10).unwrap_err(), Compacted(1));
    let (changes, told) = store.changes_after(&shard(), 1, 2).unwrap();
    assert_eq!((changes.len(), told), (2, 3));
    store.compact(u64::MAX);
    assert_eq!(store.changes_after(&shard(), 3, 10).unwrap_err(), Compacted(4));
    assert!(store.changes_after(&shard(), 4, 10).unwrap().0.is_empty());
}

#[test]
fn indexes_follow_the_objects() {
    let store = Store::new(0, HistoryLimits::default());
    write(&store, "owner", Expected::Absent, Some(object("owner", "x", None))).unwrap();
    write(&store, "kid", Expected::Absent, Some(object("kid", "n1", Some("uid-owner")))).unwrap();
    assert_eq!(store.dependents("uid-owner").len(), 1);
    assert_eq!(store.by_uid("uid-owner").unwrap().1.name(), "owner");
    assert_eq!(store.by_index(&shard(), "n1").len(), 1);
    write(&store, "kid", Expected::Revision(2), Some(object("kid", "n2", None))).unwrap();
    assert!(store.dependents("uid-owner").is_empty());
    assert!(store.by_index(&shard(), "n1").is_empty());
    assert_eq!(store.by_index(&shard(), "n2").len(), 1);
    write(&store, "owner", Expected::Revision(1), None).unwrap();
    assert!(store.by_uid("uid-owner").is_none());
}

#[tokio::test]
async fn subscribers_see_every_change_in_order() {
    let store = Store::new(0, HistoryLimits { least: 0, most: 1, bytes: usize::MAX });
    let mut subscription = store.subscribe();
    for n in 0..50 {
        let name = format!("c{n}");
        write(&store, &name, Expected::Absent, Some(object(&name, "1", None))).unwrap();
    }
    for revision in 1..=50 {
        assert_eq!(subscription.next().await.revision, revision);
    }
    assert!(subscription.try_next().is_none());
}

#[test]
fn a_restored_store_knows_no_history() {
    let store = Store::new(0, HistoryLimits::default());
    let mut old = object("a", "1", Some("uid-b"));
    old.set_revision(40);
    store.restore(&shard(), old);
    store.restored(0, 1_000);
    assert_eq!(store.revision(), 1_040);
    assert_eq!(store.changes_after(&shard(), 40, 10).unwrap_err(), Compacted(1_040));
    assert_eq!(store.dependents("uid-b").len(), 1);
    let change = write(&store, "a", Expected::Revision(40), None).unwrap();
    assert_eq!(change.revision, 1_041);
}
