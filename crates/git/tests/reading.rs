//! Reading trees, also hostile ones.

use std::os::unix::fs::symlink;

use tiphys_git::{EntryKind, Remote, Store, Tree, TreeError};

use crate::server::Place;

fn tree(place: &Place) -> (tempfile::TempDir, Tree) {
    let commit = place.push("x");
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    store.fetch(&Remote::new(place.served().display().to_string()), &[commit], 1).unwrap();
    let tree = store.tree(commit).unwrap();
    (folder, tree)
}

#[test]
fn folders_are_listed_by_name_with_their_objects() {
    let place = Place::new();
    place.write("b/c", "1");
    place.write("a", "1");
    let (_folder, tree) = tree(&place);
    let found = tree.list("").unwrap();
    let names: Vec<_> = found.iter().map(|entry| (entry.name.as_str(), entry.kind)).collect();
    assert_eq!(names, [("a", EntryKind::File), ("b", EntryKind::Folder)]);
    assert_eq!(tree.find("b/c").unwrap().id, found[0].id, "the same content is the same object");
    assert_eq!(tree.list("a").unwrap_err().to_string(), "a: is File, wanted a folder");
}

#[test]
fn links_stay_within_the_repository() {
    let place = Place::new();
    place.write("base/values.yaml", "x: 1");
    place.write("over/own.yaml", "y: 1");
    for (name, target) in [
        ("over/values.yaml", "../base/values.yaml"),
        ("over/base", "../base"),
        ("over/up", "../.."),
        ("over/absolute", "/etc/passwd"),
        ("over/far", "../../../etc/passwd"),
        ("over/dangling", "nothing"),
        ("over/loop", "loop"),
        ("over/chain", "base/../values.yaml"),
    ] {
        symlink(target, place.work().join(name)).unwrap();
    }
    let (_folder, tree) = tree(&place);
    let check = |path: &str, expected: Result<&str, TreeError>| {
        let found = tree.read(path, 100).map(|(_, text)| String::from_utf8(text).unwrap());
        assert_eq!(found, expected.map(str::to_owned), "{path}");
    };
    let outside = |path: &str| Err(TreeError::Outside(path.to_owned()));
    check("over/values.yaml", Ok("x: 1"));
    check("over/base/values.yaml", Ok("x: 1"));
    check("over/base/../over/own.yaml", Ok("y: 1"));
    check("over/chain", Err(TreeError::Missing("over/chain".to_owned())));
    check("over/up/etc/passwd", outside("over/up/etc/passwd"));
    check("over/absolute", outside("over/absolute"));
    check("over/far", outside("over/far"));
    check("../x", outside("../x"));
    check("/etc/passwd", outside("/etc/passwd"));
    check("over/dangling", Err(TreeError::Missing("over/dangling".to_owned())));
    check("over/loop", Err(TreeError::Loop("over/loop".to_owned())));
    assert_eq!(tree.real_path("over/base/values.yaml").unwrap(), "base/values.yaml");
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let place = Place::new();
    place.write("a", "12345");
    let (_folder, tree) = tree(&place);
    assert_eq!(tree.read("a", 4).unwrap_err(), TreeError::TooLarge { path: "a".to_owned(), size: 5, limit: 4 });
}
