//! Many who ask at once, logins, and pushes.

use std::{sync::Arc, time::Duration};

use tiphys_api::types::ApplicationSource;
use tiphys_git::host::Hosting;
use tiphys_render::{RenderError, Repositories};
use tokio::task::JoinSet;

use crate::{
    place::{Place, commit, git, map, names},
    web::Web,
};

async fn hosting(place: &Place) -> Hosting {
    let root = place.folder.path().join("served");
    let hosting = Hosting::start("127.0.0.1:0".parse().unwrap(), root, "fleece".to_owned()).await.unwrap();
    hosting.create("demo", &[("shop/a.yaml", map("one"))], 0).await.unwrap();
    hosting
}

fn secret(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(field, value)| ((*field).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_come_from_secrets_and_templates() {
    let place = Place::new();
    let hosting = hosting(&place).await;
    let source = ApplicationSource { repo_url: hosting.url("demo"), ..place.source("shop") };
    let error = place.render(source.clone()).await.unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("401"), "{error}");
    let host = hosting.url("demo").replace("/demo.git", "");
    for (label, url, password, works) in [
        ("repository", hosting.url("demo"), "fleece", true),
        ("repository", hosting.url("demo"), "wool", false),
        ("repo-creds", host.clone(), "fleece", true),
        ("repo-creds", format!("{host}/de"), "fleece", false),
        ("repo-creds", "http://127.0.0.1:1".to_owned(), "fleece", false),
    ] {
        let mut repositories = Repositories::default();
        repositories.add(label, secret(&[("url", &url), ("username", "x"), ("password", password)])).unwrap();
        place.renderer.use_repositories(repositories);
        assert_eq!(place.render(source.clone()).await.is_ok(), works, "{label} {url} {password}");
    }
    let mut repositories = Repositories::default();
    repositories
        .add("repository", secret(&[("url", &hosting.url("demo")), ("project", "one"), ("password", "fleece")]))
        .unwrap();
    place.renderer.use_repositories(repositories);
    for (project, works) in [("one", true), ("other", false)] {
        let mut wanted = place.wanted([source.clone()]);
        wanted.project = project.to_owned();
        assert_eq!(
            place.renderer.render(&wanted).await.is_ok(),
            works,
            "a secret of one project is for it only: {project}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_rendered_at_once() {
    let place = Place::with(|config| config.references_valid = Duration::from_secs(3600));
    let hosting = hosting(&place).await;
    let mut repositories = Repositories::default();
    repositories.add("repository", secret(&[("url", &hosting.url("demo")), ("password", "fleece")])).unwrap();
    place.renderer.use_repositories(repositories);
    let source = ApplicationSource { repo_url: hosting.url("demo"), ..place.source("shop") };
    assert_eq!(names(&place.render(source.clone()).await.unwrap()), ["one"]);
    let mut changes = hosting.watch();
    changes.mark_unchanged();
    let (folder, url) = (place.folder.path().to_owned(), hosting.url_with_token("demo"));
    let sha = tokio::task::spawn_blocking(move || {
        git(&folder, &["clone", "--quiet", &url, "clone"]);
        let sha = commit(&folder.join("clone"), &[("shop/a.yaml", map("two"))]);
        git(&folder.join("clone"), &["push", "--quiet"]);
        sha
    })
    .await
    .unwrap();
    changes.changed().await.unwrap();
    assert_eq!(names(&place.render(source.clone()).await.unwrap()), ["one"], "references count for an hour");
    place.renderer.forget_references(&hosting.url("demo"), "default").await.unwrap();
    let rendered = place.render(source).await.unwrap();
    assert_eq!((names(&rendered), &rendered.revisions[0].sha), (vec!["two"], &sha));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_fails_is_asked_once_for_all_who_wait() {
    let place = Place::new();
    let web = Web::default();
    let url = format!("http://{}/none.git", web.start());
    let place = Arc::new(place);
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let place = Arc::clone(&place);
        let source = ApplicationSource { repo_url: url.clone(), ..place.source("shop") };
        tasks.spawn(async move { place.render(source).await.unwrap_err() });
    }
    while let Some(error) = tasks.join_next().await {
        assert!(matches!(error.unwrap(), RenderError::List(_)));
    }
    let asked = web.seen.lock().unwrap().len();
    assert!(asked < 25, "fifty asked, and the server heard {asked} questions");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_fetch_is_for_all_and_one_bad_repository_stops_only_its_own() {
    let place = Arc::new(Place::with(|config| config.references_valid = Duration::from_secs(60)));
    let files: Vec<(String, &str)> = (0..40).map(|number| (format!("apps/{number}/a.yaml"), map("a"))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    place.commit(&files);
    let mut tasks = JoinSet::new();
    for number in 0..40 {
        let place = Arc::clone(&place);
        let mut source = place.source(&format!("apps/{number}"));
        if number % 4 == 3 {
            "/nowhere".clone_into(&mut source.repo_url);
        }
        tasks.spawn(async move { place.render(source).await.is_ok() });
    }
    let results: Vec<bool> = tasks.join_all().await;
    assert_eq!(results.iter().filter(|is_rendered| **is_rendered).count(), 30);
    let packs = place.folder.path().join("renderer/repositories");
    let count = std::fs::read_dir(packs)
        .unwrap()
        .flatten()
        .flat_map(|store| std::fs::read_dir(store.path().join("0/objects/pack")).into_iter().flatten().flatten());
    let packs = count.filter(|file| file.path().extension().is_some_and(|ending| ending == "pack")).count();
    assert_eq!(packs, 1, "the commit was fetched once");
}
