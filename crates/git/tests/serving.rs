//! Plain git as a client.

use tiphys_git::{ObjectId, Remote, host::Hosting, serve};

use crate::server::{Manners, git, start};

#[tokio::test]
async fn plain_git_clones_commits_and_pushes() {
    let folder = tempfile::tempdir().unwrap();
    serve::create(&folder.path().join("demo.git")).await.unwrap();
    serve::create(&folder.path().join("demo.git")).await.unwrap();
    let manners = Manners { wants: Some(("token", "secret")), ..Manners::default() };
    let address = start(folder.path().to_owned(), manners).await;
    let path = folder.path().to_owned();
    tokio::task::spawn_blocking(move || {
        let url = format!("http://token:secret@{address}/demo.git");
        git(&path, &["clone", "--quiet", &url, "one"]);
        std::fs::write(path.join("one/file"), "words that repeat ".repeat(9000)).unwrap();
        git(&path.join("one"), &["add", "file"]);
        git(&path.join("one"), &["commit", "--quiet", "--message", "first"]);
        git(&path.join("one"), &["push", "--quiet", "origin", "HEAD:main"]);
        git(&path, &["clone", "--quiet", &url, "two"]);
        assert_eq!(std::fs::metadata(path.join("two/file")).unwrap().len(), 162_000);
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_push_is_noticed_before_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let start = || Hosting::start("127.0.0.1:0".parse().unwrap(), folder.path().join("served"), "secret".to_owned());
    let hosting = start().await.unwrap();
    hosting.create("demo", &[("shop/a.yaml", "kind: A\n"), ("README.md", "hello\n")], 1_767_603_600).await.unwrap();
    let mut changes = hosting.watch();
    let first = changes.borrow_and_update()["demo"]["refs/heads/main"];
    let (path, url) = (folder.path().to_owned(), hosting.url_with_token("demo"));
    let second = tokio::task::spawn_blocking(move || {
        git(&path, &["clone", "--quiet", &url, "one"]);
        assert_eq!(std::fs::read_to_string(path.join("one/shop/a.yaml")).unwrap(), "kind: A\n");
        std::fs::write(path.join("one/shop/a.yaml"), "kind: B\n").unwrap();
        git(&path.join("one"), &["commit", "--quiet", "--all", "--message", "second"]);
        git(&path.join("one"), &["push", "--quiet"]);
        git(&path.join("one"), &["rev-parse", "HEAD"]).parse::<ObjectId>().unwrap()
    })
    .await
    .unwrap();
    assert!(changes.has_changed().unwrap(), "the push has ended");
    let main = changes.borrow_and_update()["demo"]["refs/heads/main"];
    assert!(main == second && main != first);
    drop(hosting);
    let again = start().await.unwrap();
    again.create("demo", &[], 0).await.unwrap();
    assert_eq!(again.watch().borrow()["demo"]["refs/heads/main"], main, "what is there stays");
}

#[tokio::test]
async fn nobody_reads_or_writes_without_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("served");
    let hosting = Hosting::start("127.0.0.1:0".parse().unwrap(), root, "secret".to_owned()).await.unwrap();
    hosting.create("demo", &[("a", "1")], 0).await.unwrap();
    let (plain, wrong) = (hosting.url("demo"), hosting.url("demo").replace("http://", "http://u:wrong@"));
    let right = hosting.url_with_token("demo");
    let missing = hosting.url_with_token("other");
    tokio::task::spawn_blocking(move || {
        for url in [plain, wrong] {
            let error = Remote::new(url).references().unwrap_err().to_string();
            assert!(error.contains("401") && !error.contains("wrong@"), "{error}");
        }
        assert!(Remote::new(right).references().unwrap().iter().any(|found| found.name == "refs/heads/main"));
        assert!(Remote::new(missing).references().unwrap_err().to_string().contains("404"));
    })
    .await
    .unwrap();
}
