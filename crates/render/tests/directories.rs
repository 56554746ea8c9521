//! Plain folders, and what costs a render.

use std::os::unix::fs::symlink;

use tiphys_api::types::{ApplicationSource, ApplicationSourceDirectory, ApplicationSourceKustomize};
use tiphys_render::{Limits, Refresh, RenderError, SourceType};

use crate::place::{Place, commit, git, map, names};

fn with(source: ApplicationSource, directory: ApplicationSourceDirectory) -> ApplicationSource {
    ApplicationSource { directory: Some(directory), ..source }
}

#[tokio::test]
async fn a_folder_is_every_manifest_in_it() {
    let place = Place::new();
    let list = format!("apiVersion: v1\nkind: List\nitems:\n- {}", map("four").trim_end().replace('\n', "\n  "));
    let sha = place.commit(&[
        ("app/a.yaml", format!("{}---\n{}", map("one"), map("two")).as_str()),
        ("app/b.json", r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"three"}}"#),
        ("app/c.yml", &list),
        ("app/values.yaml", "image: x"),
        ("app/skipped.yaml", &format!("# +argocd:skip-file-rendering\n{}", map("skipped"))),
        ("app/readme.md", map("no manifest")),
        ("app/below/d.yaml", map("five")),
        ("other/e.yaml", map("six")),
    ]);
    let rendered = place.render(place.source("app")).await;
    // `image: x` is an object without a kind, in a file that does not look like manifests.
    let rendered = rendered.unwrap();
    assert_eq!(names(&rendered), ["one", "two", "three", "four"]);
    assert_eq!(rendered.source_types, [Some(SourceType::Directory)]);
    let revision = &rendered.revisions[0];
    assert_eq!((revision.sha.as_str(), revision.message.as_str()), (sha.as_str(), "change\n\nbecause"));
    assert_eq!(revision.author, "Medea <medea@example.com>");
    assert_eq!(revision.date.unwrap().to_string(), "2026-01-05T09:00:00Z");
}

#[tokio::test]
async fn patterns_choose_files() {
    let place = Place::new();
    place.commit(&[
        ("app/a.yaml", map("a")),
        ("app/b.yaml", map("b")),
        ("app/c.txt", map("c")),
        ("app/x/d.yaml", map("d")),
        ("app/x/e.json", r#"{"kind":"ConfigMap","metadata":{"name":"e"}}"#),
    ]);
    let every = ApplicationSourceDirectory { recurse: true, ..Default::default() };
    let text = |text: &str| text.to_owned();
    for (name, options, expected) in [
        ("below", every.clone(), vec!["a", "b", "d", "e"]),
        ("included", ApplicationSourceDirectory { include: text("{a,x/*}.yaml"), ..every.clone() }, vec!["a", "d"]),
        ("any folder", ApplicationSourceDirectory { include: text("*.yaml"), ..every.clone() }, vec!["a", "b", "d"]),
        ("excluded", ApplicationSourceDirectory { exclude: text("x/*"), ..every.clone() }, vec!["a", "b"]),
        (
            "excluded wins",
            ApplicationSourceDirectory { include: text("*"), exclude: text("a*"), ..every.clone() },
            vec!["b", "d", "e"],
        ),
        (
            "any ending",
            ApplicationSourceDirectory { disable_extension_filter: true, ..Default::default() },
            vec!["a", "b", "c"],
        ),
    ] {
        let rendered = place.render(with(place.source("app"), options)).await.unwrap();
        assert_eq!(names(&rendered), expected, "{name}");
    }
}

#[tokio::test]
async fn a_commit_elsewhere_renders_nothing() {
    let place = Place::new();
    place.commit(&[("app/a.yaml", map("a")), ("other/a.yaml", map("x"))]);
    let first = place.render(place.source("app")).await.unwrap();
    let elsewhere = place.commit(&[("other/a.yaml", map("y")), ("new/a.yaml", map("z"))]);
    let second = place.render(place.source("app")).await.unwrap();
    assert_eq!((second.revisions[0].sha.as_str(), place.renderer.renders()), (elsewhere.as_str(), 1));
    assert_eq!((&second.key, &second.manifests), (&first.key, &first.manifests));
    place.commit(&[("app/b.yaml", map("b"))]);
    let third = place.render(place.source("app")).await.unwrap();
    assert_eq!((names(&third), place.renderer.renders()), (vec!["a", "b"], 2));
    assert_ne!(third.key, first.key);
    git(&place.work(), &["revert", "--no-edit", "HEAD"]);
    let back = place.render(place.source("app")).await.unwrap();
    assert_eq!((&back.key, place.renderer.renders()), (&first.key, 2), "what was rendered once is remembered");
    let mut hard = place.wanted([place.source("app")]);
    hard.refresh = Refresh::Hard;
    assert_eq!(place.renderer.render(&hard).await.unwrap().key, first.key);
    assert_eq!(place.renderer.renders(), 3);
}

#[tokio::test]
async fn revisions_are_branches_tags_ranges_and_commits() {
    let place = Place::new();
    let first = place.commit(&[("app/a.yaml", map("one"))]);
    git(&place.work(), &["tag", "v1.0.0"]);
    let second = place.commit(&[("app/a.yaml", map("two"))]);
    git(&place.work(), &["tag", "--annotate", "--message", "x", "v1.1.0"]);
    git(&place.work(), &["branch", "release"]);
    let third = place.commit(&[("app/a.yaml", map("three"))]);
    for (revision, expected) in [
        ("", &third),
        ("HEAD", &third),
        ("main", &third),
        ("refs/heads/release", &second),
        ("release", &second),
        ("v1.0.0", &first),
        ("1.*", &second),
        (first.as_str(), &first),
        (&second[..8], &second),
    ] {
        let source = ApplicationSource { target_revision: revision.to_owned(), ..place.source("app") };
        let wanted = place.wanted([source]);
        assert_eq!(place.renderer.resolve(&wanted).await.unwrap(), [expected.as_str()], "{revision}");
        assert_eq!(&place.renderer.render(&wanted).await.unwrap().revisions[0].sha, expected, "{revision}");
    }
    let source = ApplicationSource { target_revision: "nothing".to_owned(), ..place.source("app") };
    assert_eq!(place.refused(source).await, "unable to resolve 'nothing' to a commit SHA: revision not found");
    let mut chosen = place.wanted([place.source("app")]);
    chosen.revisions = vec![first.clone()];
    assert_eq!(place.renderer.render(&chosen).await.unwrap().revisions[0].sha, first);
}

#[tokio::test]
async fn links_are_followed_within_the_repository_only() {
    let place = Place::new();
    place.commit(&[("app/a.yaml", map("a")), ("shared/b.yaml", map("b"))]);
    for (path, target) in [("app/b.yaml", "../shared/b.yaml"), ("app/c.yaml", "nothing"), ("app/d.yaml", "../shared")] {
        symlink(target, place.work().join(path)).unwrap();
    }
    commit(&place.work(), &[]);
    let rendered = place.render(place.source("app")).await.unwrap();
    assert_eq!(names(&rendered), ["a", "b"], "links to nothing and to folders do not matter");
    place.commit(&[("shared/b.yaml", map("changed"))]);
    assert_eq!(names(&place.render(place.source("app")).await.unwrap()), ["a", "changed"]);
    for target in ["/etc/passwd", "../../../etc/passwd"] {
        let link = place.work().join("app/e.yaml");
        let _ = std::fs::remove_file(&link);
        symlink(target, link).unwrap();
        commit(&place.work(), &[]);
        assert_eq!(
            place.refused(place.source("app")).await,
            "failed to get potentially valid manifests: illegal filepath in symlink at \"e.yaml\"",
            "{target}"
        );
    }
}

#[tokio::test]
async fn a_path_must_be_a_folder_of_the_repository() {
    let place = Place::new();
    place.commit(&[("app/a.yaml", map("a"))]);
    symlink("../..", place.work().join("up")).unwrap();
    commit(&place.work(), &[]);
    for (path, expected) in [
        ("/app", "/app: app path is absolute"),
        ("../app", "../app: app path outside root"),
        ("app/../../x", "app/../../x: app path outside root"),
        ("up/x", "up/x: app path outside root"),
        ("nothing", "nothing: app path does not exist"),
        ("app/a.yaml", "app/a.yaml: app path is not a directory"),
    ] {
        assert_eq!(place.refused(place.source(path)).await, expected);
    }
    for path in [".", "app/../app", "./app/"] {
        assert!(place.render(place.source(path)).await.is_ok(), "{path}");
    }
}

#[tokio::test]
async fn limits_end_a_render_with_a_reason() {
    let limits = Limits { directory_bytes: 200, objects: 2, depth: 3, ..Limits::default() };
    let place = Place::with(|config| config.limits = limits);
    place.commit(&[
        ("large/a.yaml", format!("{}# {}", map("a"), "x".repeat(200)).as_str()),
        ("many/a.yaml", "kind: A\n---\nkind: A\n---\nkind: A\n"),
        ("deep/1/2/3/4/a.yaml", map("a")),
    ]);
    let recurse = || ApplicationSourceDirectory { recurse: true, ..Default::default() };
    for (path, expected) in [
        ("large", "failed to get potentially valid manifests: exceeded max combined manifest file size"),
        ("many", "the number of objects exceeds the limit of 2"),
        ("deep", "the depth of folders exceeds the limit of 3"),
    ] {
        assert_eq!(place.refused(with(place.source(path), recurse())).await, expected);
    }
}

#[tokio::test]
async fn several_sources_are_one_application_and_tell_which_failed() {
    let place = Place::new();
    place.commit(&[("app/a.yaml", map("a"))]);
    let other = place.repository("other");
    let sha = commit(&other, &[("b.yaml", map("b"))]);
    let second =
        ApplicationSource { repo_url: other.display().to_string(), path: ".".to_owned(), ..Default::default() };
    let values = ApplicationSource { path: String::new(), reference: "values".to_owned(), ..second.clone() };
    let rendered = place.renderer.render(&place.wanted([place.source("app"), second.clone(), values])).await.unwrap();
    assert_eq!(names(&rendered), ["a", "b"]);
    assert_eq!(rendered.source_types, [Some(SourceType::Directory), Some(SourceType::Directory), None]);
    assert_eq!((&rendered.revisions[1].sha, &rendered.revisions[2].sha), (&sha, &sha));
    let wrong = ApplicationSource { path: "nothing".to_owned(), ..second };
    let error = place.renderer.render(&place.wanted([place.source("app"), wrong])).await.unwrap_err();
    assert_eq!(error.to_string(), "failed to generate manifest for source 2 of 2: nothing: app path does not exist");
}

#[tokio::test]
async fn a_repository_that_is_not_there_is_told_and_may_come_back() {
    let place = Place::new();
    let source = ApplicationSource { repo_url: "/nowhere/at/all".to_owned(), ..place.source("app") };
    let error = place.render(source).await.unwrap_err();
    assert!(matches!(error, RenderError::List(_)) && error.is_transient(), "{error}");
}

#[tokio::test]
async fn files_in_the_folder_override_options() {
    let place = Place::new();
    place.commit(&[
        ("app/a.yaml", map("a")),
        ("app/x/b.yaml", map("b")),
        ("app/.argocd-source.yaml", "directory:\n  recurse: true\n  include: 'x/*'\npath: elsewhere\n"),
    ]);
    assert_eq!(names(&place.render(place.source("app")).await.unwrap()), ["b"]);
    place.commit(&[("app/.argocd-source-web.yaml", "directory: {include: null, exclude: '.*'}")]);
    assert_eq!(names(&place.render(place.source("app")).await.unwrap()), ["a", "b"]);
    place.commit(&[("app/.argocd-source-web.yaml", "directory: 7")]);
    let refused = place.refused(place.source("app")).await;
    assert!(refused.starts_with(".argocd-source-web.yaml: error while parsing source parameters: "), "{refused}");
}

#[tokio::test]
async fn what_fails_is_tried_again_when_something_changes() {
    let place = Place::new();
    place.commit(&[("app/a.json", "{")]);
    for _ in 0..3 {
        place.refused(place.source("app")).await;
    }
    assert_eq!(place.renderer.renders(), 1, "the same content fails again");
    let mut hard = place.wanted([place.source("app")]);
    hard.refresh = Refresh::Hard;
    assert!(place.renderer.render(&hard).await.is_err());
    place.commit(&[("other", "x")]);
    place.refused(place.source("app")).await;
    assert_eq!(place.renderer.renders(), 3, "by hand, and another commit");
}

#[tokio::test]
async fn kinds_that_are_switched_off_are_plain_folders() {
    let place = Place::with(|config| {
        config.settings.disabled = vec![SourceType::Helm, SourceType::Kustomize];
        config.settings.jsonnet = false;
    });
    place.commit(&[
        ("app/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ("app/kustomization.yaml", "resources: []"),
        ("app/a.jsonnet", "{"),
        ("app/a.yaml", map("a")),
    ]);
    let rendered = place.render(place.source("app")).await.unwrap();
    assert_eq!((names(&rendered), rendered.source_types[0]), (vec!["a"], Some(SourceType::Directory)));
    let kustomize = ApplicationSourceKustomize { version: "v5.1.0".to_owned(), ..Default::default() };
    let source = ApplicationSource { kustomize: Some(kustomize), ..place.source("app") };
    assert_eq!(place.refused(source).await, "kustomize version v5.1.0 is not registered");
}
