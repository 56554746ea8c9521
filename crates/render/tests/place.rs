//! A repository that tests write, and a renderer of it.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use tempfile::TempDir;
use tiphys_api::types::ApplicationSource;
use tiphys_render::{Config, Programs, RenderError, Rendered, Renderer, Wanted};

/// A repository and a renderer.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) renderer: Renderer,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::new(folder.path().join("renderer"));
        // Every question about revisions is asked.
        config.references_valid = std::time::Duration::ZERO;
        change(&mut config);
        let place = Self { folder, renderer: Renderer::new(config).unwrap() };
        place.repository("work");
        place
    }

    /// A place where these programs are; none when they are missing.
    pub(crate) fn where_there_is(names: &[&str]) -> Option<Self> {
        let programs = programs(names)?;
        Some(Self::with(|config| config.programs = programs))
    }

    /// Makes another repository.
    pub(crate) fn repository(&self, name: &str) -> PathBuf {
        git(self.folder.path(), &["init", "--quiet", "--initial-branch=main", name]);
        self.folder.path().join(name)
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    pub(crate) fn url(&self) -> String {
        self.work().display().to_string()
    }

    /// Writes files and commits them.
    pub(crate) fn commit(&self, files: &[(&str, &str)]) -> String {
        commit(&self.work(), files)
    }

    pub(crate) fn source(&self, path: &str) -> ApplicationSource {
        ApplicationSource { repo_url: self.url(), path: path.to_owned(), ..ApplicationSource::default() }
    }

    pub(crate) fn wanted(&self, sources: impl IntoIterator<Item = ApplicationSource>) -> Wanted {
        Wanted {
            application: "web".to_owned(),
            project: "default".to_owned(),
            namespace: "shop".to_owned(),
            sources: sources.into_iter().collect(),
            kube_version: "1.34.0".to_owned(),
            api_versions: vec!["apps/v1".to_owned(), "v1".to_owned()],
            ..Wanted::default()
        }
    }

    pub(crate) async fn render(&self, source: ApplicationSource) -> Result<Arc<Rendered>, RenderError> {
        self.renderer.render(&self.wanted([source])).await
    }

    /// Renders a source that must fail.
    pub(crate) async fn refused(&self, source: ApplicationSource) -> String {
        self.render(source).await.unwrap_err().to_string()
    }
}

/// Writes files in a repository and commits them.
pub(crate) fn commit(work: &Path, files: &[(&str, &str)]) -> String {
    for (path, text) in files {
        let path = work.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    git(work, &["add", "--all"]);
    git(work, &["commit", "--quiet", "--allow-empty", "--message", "change\n\nbecause"]);
    git(work, &["rev-parse", "HEAD"])
}

/// Runs git in a folder, as somebody whose name and time are always the same.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> String {
    let who = ["AUTHOR", "COMMITTER"].into_iter().flat_map(|role| {
        let values = [("NAME", "Medea"), ("EMAIL", "medea@example.com"), ("DATE", "2026-01-05T09:00:00Z")];
        values.map(|(key, value)| (format!("GIT_{role}_{key}"), value))
    });
    let mut command = Command::new("git");
    command.current_dir(folder).args(arguments).envs(who).env("GIT_CONFIG_GLOBAL", "/dev/null");
    let done = command.env("GIT_TERMINAL_PROMPT", "0").output().unwrap();
    assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

/// The names of what was rendered.
pub(crate) fn names(rendered: &Rendered) -> Vec<&str> {
    rendered.manifests.iter().map(|object| object["metadata"]["name"].as_str().unwrap_or("?")).collect()
}

/// A manifest of a ConfigMap.
pub(crate) fn map(name: &str) -> &'static str {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n").leak()
}

#[expect(clippy::print_stderr, reason = "who runs the tests must see that one was skipped")]
/// Returns the programs that render, or says loudly that a test is skipped because one is missing.
pub(crate) fn programs(names: &[&str]) -> Option<Programs> {
    let named = std::env::var_os("TIPHYS_RENDER_TOOLS");
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"))).unwrap_or_default();
    let folder = named.clone().map_or_else(|| cache.join("tiphys/tools/render"), PathBuf::from);
    let mut search = folder.into_os_string();
    search.push(":");
    search.push(std::env::var_os("PATH").unwrap_or_default());
    let programs = Programs { paths: std::collections::BTreeMap::new(), search };
    for name in names {
        if let Err(error) = programs.find(name) {
            assert!(named.is_none(), "{error}");
            eprintln!("SKIPPED: {error} (tests/tools/install {name})");
            return None;
        }
    }
    Some(programs)
}
