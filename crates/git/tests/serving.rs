//! Plain git as a client.

use tiphys_git::serve;

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
