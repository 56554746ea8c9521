//! Listing and fetching.

use tiphys_git::{Credentials, Reference, Remote, RemoteError, Store, StoreError};

use crate::server::{Manners, Place, git, start};

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

fn named<'a>(references: &'a [Reference], name: &str) -> &'a Reference {
    references.iter().find(|reference| reference.name == name).unwrap()
}

#[tokio::test]
async fn references_are_listed_with_tags_peeled() {
    let place = Place::new();
    place.write("a", "1");
    let first = place.push("first");
    git(&place.work(), &["tag", "--annotate", "--message", "x", "v1"]);
    git(&place.work(), &["tag", "light"]);
    place.write("a", "2");
    let second = place.push("second");
    let address = start(place.folder.path().to_owned(), Manners::default()).await;
    for url in [format!("http://{address}/app.git"), place.served().display().to_string()] {
        let found = blocking(move || Remote::new(url).references()).await.unwrap();
        assert_eq!(named(&found, "refs/heads/main").commit, second);
        assert_eq!(named(&found, "HEAD").target.as_deref(), Some("refs/heads/main"));
        assert_eq!(named(&found, "HEAD").commit, second);
        let tag = named(&found, "refs/tags/v1");
        assert!(tag.commit == first && tag.tag.is_some());
        assert!(named(&found, "refs/tags/light").tag.is_none());
    }
}

#[tokio::test]
async fn a_commit_is_fetched_without_its_history_and_only_once() {
    let place = Place::new();
    place.write("app/deployment.yaml", "replicas: 1");
    let first = place.push("first");
    place.write("app/deployment.yaml", "replicas: 2");
    let second = place.push("second\n\nbecause");
    let manners = Manners::default();
    let seen = manners.seen.clone();
    let address = start(place.folder.path().to_owned(), manners).await;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store")).unwrap();
    let remote = Remote::new(format!("http://{address}/app.git"));
    let (fetching, from) = (store.clone(), remote.clone());
    blocking(move || fetching.fetch(&from, &[second], 1)).await.unwrap();
    let (_, text) = store.tree(second).unwrap().read("app/deployment.yaml", 100).unwrap();
    assert_eq!(text, b"replicas: 2");
    let commit = store.commit(second).unwrap();
    assert_eq!((commit.author.as_str(), commit.message.as_str()), ("Medea <medea@example.com>", "second\n\nbecause\n"));
    assert_eq!(commit.authored, 1_767_603_600);
    assert!(matches!(store.commit(first), Err(StoreError::Object { .. })), "the history stays where it is");
    let asked = seen.lock().unwrap().len();
    let (fetching, from) = (store.clone(), remote.clone());
    blocking(move || fetching.fetch(&from, &[second], 1)).await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), asked, "what is there costs no request");
    blocking(move || store.fetch(&remote, &[first], 1).map(|()| store.commit(first).unwrap())).await.unwrap();
}

#[tokio::test]
async fn a_login_is_sent_and_a_wrong_one_is_told_without_the_password() {
    let place = Place::new();
    let commit = place.push("first");
    let address =
        start(place.folder.path().to_owned(), Manners { wants: Some(("jason", "fleece")), ..Manners::default() }).await;
    let with = move |basic: Option<(&str, &str)>| {
        let mut remote = Remote::new(format!("http://{address}/app.git"));
        let basic = basic.map(|(user, password)| (user.to_owned(), password.to_owned()));
        remote.credentials = Credentials { basic, ..Credentials::default() };
        remote
    };
    let found = blocking(move || with(Some(("jason", "fleece"))).references()).await.unwrap();
    assert_eq!(named(&found, "refs/heads/main").commit, commit);
    for basic in [None, Some(("jason", "wool"))] {
        let error = blocking(move || with(basic).references()).await.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, RemoteError::Conversation { .. }) && text.contains("401"), "{text}");
        assert!(!text.contains("wool"), "{text}");
    }
}

#[tokio::test]
async fn credentials_do_not_follow_a_redirect_to_another_host() {
    let place = Place::new();
    let commit = place.push("first");
    let there = Manners::default();
    let seen = there.seen.clone();
    let target = start(place.folder.path().to_owned(), there).await;
    let here = Manners { moved_to: Some(target.to_string()), ..Manners::default() };
    let address = start(place.folder.path().to_owned(), here).await;
    let mut remote = Remote::new(format!("http://{address}/app.git"));
    remote.credentials.basic = Some(("jason".to_owned(), "fleece".to_owned()));
    let found = blocking(move || remote.references()).await.unwrap();
    assert_eq!(named(&found, "refs/heads/main").commit, commit);
    let seen = seen.lock().unwrap();
    assert!(!seen.is_empty() && seen.iter().all(|headers| !headers.contains_key("authorization")));
}

#[tokio::test]
async fn too_much_and_nothing_at_all_end_with_a_reason() {
    let place = Place::new();
    place.write("large", &"x y z ".repeat(10_000));
    let commit = place.push("large");
    let address = start(place.folder.path().to_owned(), Manners::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let mut remote = Remote::new(format!("http://{address}/app.git"));
    remote.max_bytes = 200;
    let (fetching, from) = (store.clone(), remote.clone());
    let error = blocking(move || fetching.fetch(&from, &[commit], 1)).await.unwrap_err();
    assert!(error.to_string().contains("sends too much"), "{error}");
    let missing = Remote::new(format!("http://{address}/nothing.git"));
    let error = blocking(move || missing.references()).await.unwrap_err();
    assert!(error.to_string().contains("404"), "{error}");
    remote.max_bytes = 1 << 20;
    let absent = "1234567890123456789012345678901234567890".parse().unwrap();
    let error = blocking(move || store.fetch(&remote, &[absent], 1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Remote(_)), "{error}");
}
