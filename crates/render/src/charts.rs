//! Charts of Helm repositories and registries: found and pulled by the program `helm`, once for all who ask at a time.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tiphys_api::types::ApplicationSource;
use tokio::{sync::Mutex as AsyncMutex, time::Instant};

use crate::{
    archive::Packed,
    cache::hash,
    error::RenderError,
    helm_home::Home,
    layout::Workshop,
    limits::Limits,
    program::{Ended, Network, Programs, Run},
    remotes::blocking,
    repositories::{Kind, Repositories, Repository},
    revision,
    version::Version,
    yaml,
};

/// What we call the repository of a chart in helm's own files.
const NAME: &str = "source";

/// All charts that were asked for.
pub(crate) struct Charts {
    pub(crate) folder: PathBuf,
    pub(crate) work: PathBuf,
    pub(crate) programs: Programs,
    pub(crate) limits: Limits,
    /// How long an answer about versions counts.
    pub(crate) valid: Duration,
    pub(crate) versions: Shelf<String>,
    pub(crate) packed: Shelf<Packed>,
}

/// Answers by question, each asked for once at a time.
pub(crate) struct Shelf<T>(Mutex<BTreeMap<String, Slot<T>>>);

type Slot<T> = Arc<AsyncMutex<Option<Answer<T>>>>;

struct Answer<T> {
    begun: Instant,
    answer: Result<T, RenderError>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Shelf<T> {
    /// Returns the answer to a question, unless it is older than `valid`. Who waits gets the answer that was begun later.
    async fn ask(
        &self,
        question: &str,
        valid: Duration,
        find: impl Future<Output = Result<T, RenderError>>,
    ) -> Result<T, RenderError> {
        let asked = Instant::now();
        let slot = {
            let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(slots.entry(question.to_owned()).or_default())
        };
        let mut slot = slot.lock().await;
        if let Some(known) = &*slot
            && (known.begun >= asked || (known.answer.is_ok() && asked.duration_since(known.begun) < valid))
        {
            return known.answer.clone();
        }
        let begun = Instant::now();
        let answer = find.await;
        *slot = Some(Answer { begun, answer: answer.clone() });
        answer
    }
}

/// A chart that is asked for.
pub(crate) struct Chart<'c> {
    pub(crate) source: &'c ApplicationSource,
    pub(crate) repository: &'c Repository,
    pub(crate) repositories: &'c Repositories,
    /// The version or range that is asked for.
    pub(crate) revision: &'c str,
}

impl Chart<'_> {
    fn is_registry(&self) -> bool {
        let url = &self.source.repo_url;
        self.repository.flag("enableOCI") || self.repository.kind() == Kind::Oci || !url.contains("://")
    }

    /// Where it is in a registry.
    fn reference(&self) -> String {
        let url = self.source.repo_url.trim_start_matches("oci://").trim_end_matches('/');
        format!("oci://{url}/{}", self.source.chart)
    }

    fn identity(&self) -> String {
        hash(&format!("{}\n{:?}\n{}", self.repository.identity(), self.repositories.authorities, self.source.chart))
    }

    /// Names that helm would take for something else are refused.
    fn check(&self) -> Result<(), RenderError> {
        let wrong = |what: &str, text: &str| Err(RenderError::Spec(format!("{text:?} cannot be {what} of a chart")));
        let (name, url) = (self.source.chart.as_str(), self.source.repo_url.as_str());
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./".contains(&b);
        let is_outside = name.split('/').any(|part| part.is_empty() || part.starts_with(['.', '-']));
        if !name.bytes().all(is_plain) || is_outside {
            return wrong("the name", name);
        }
        let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
        if url.starts_with('-') || url.contains(char::is_whitespace) || !["", "http", "https", "oci"].contains(&scheme)
        {
            return wrong("the repository", url);
        }
        if self.revision.is_empty() {
            let needed = "spec.source.targetRevision is required if the manifest source is a helm chart";
            return Err(RenderError::Spec(needed.to_owned()));
        }
        if self.revision.starts_with('-') || self.revision.chars().any(char::is_control) {
            return wrong("the version", self.revision);
        }
        Ok(())
    }
}

impl Charts {
    /// Returns the version of a chart: as it stands, or the newest in a range.
    pub(crate) async fn version(&self, chart: &Chart<'_>, anew: bool) -> Result<String, RenderError> {
        chart.check()?;
        if Version::parse(chart.revision).is_ok() {
            return Ok(chart.revision.to_owned());
        }
        let question = format!("{}\n{}", chart.identity(), chart.revision);
        let valid = if anew { Duration::ZERO } else { self.valid };
        self.versions.ask(&question, valid, self.find_version(chart)).await
    }

    async fn find_version(&self, chart: &Chart<'_>) -> Result<String, RenderError> {
        let shop = self.workshop(chart).await?;
        if chart.is_registry() {
            let arguments = ["show", "chart", &chart.reference(), "--version", chart.revision];
            let shown = self.helm(&shop, &arguments, chart).await?;
            let metadata = yaml::read(&String::from_utf8_lossy(&shown)).unwrap_or_default();
            let version = metadata["version"].as_str().unwrap_or_default();
            return if version.is_empty() { Err(not_in_index(chart)) } else { Ok(version.to_owned()) };
        }
        self.helm(&shop, &["repo", "update", "--fail-on-repo-update-fail"], chart).await?;
        let path = shop.home().join(format!("cache/helm/repository/{NAME}-index.yaml"));
        let limit = self.limits.index_bytes;
        let index = blocking(move || {
            let text = crate::layout::read_limited(&path, limit)?;
            yaml::read_large(&text).map_err(|error| RenderError::Tool(format!("failed to get index: {error}")))
        });
        newest(&index.await??, chart)
    }

    /// Returns a chart, pulled if it is not here yet.
    pub(crate) async fn get(&self, chart: &Chart<'_>, version: &str, anew: bool) -> Result<Packed, RenderError> {
        let question = format!("{}\n{version}", chart.identity());
        let valid = if anew { Duration::ZERO } else { Duration::MAX };
        self.packed.ask(&question, valid, self.pull(chart, version, &question)).await
    }

    async fn pull(&self, chart: &Chart<'_>, version: &str, question: &str) -> Result<Packed, RenderError> {
        let shop = self.workshop(chart).await?;
        let pulled = shop.path().join("pulled");
        let destination = pulled.display().to_string();
        let mut arguments = vec!["pull".to_owned()];
        if chart.is_registry() {
            arguments.push(chart.reference());
        } else {
            self.helm(&shop, &["repo", "update", "--fail-on-repo-update-fail"], chart).await?;
            arguments.push(format!("{NAME}/{}", chart.source.chart));
        }
        arguments.extend(["--version", version, "--destination", &destination].map(str::to_owned));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        std::fs::create_dir_all(&pulled).map_err(|error| RenderError::Internal(error.to_string()))?;
        self.helm(&shop, &arguments, chart).await?;
        let (kept, version) = (self.folder.join(format!("{}.tgz", hash(question))), version.to_owned());
        let limits = self.limits.clone();
        blocking(move || {
            let files: Vec<PathBuf> =
                std::fs::read_dir(&pulled).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
            let [file] = &files[..] else {
                return Err(RenderError::Tool(format!("expected 1 file, found {}", files.len())));
            };
            std::fs::rename(file, &kept).map_err(|error| RenderError::Internal(error.to_string()))?;
            Packed::new(&version, kept, &limits)
        })
        .await?
    }

    /// Makes a home for helm that knows the repository.
    async fn workshop(&self, chart: &Chart<'_>) -> Result<Workshop, RenderError> {
        let shop = Workshop::new(&self.work)?;
        let mut home = Home::default();
        let passes = chart.source.helm.as_ref().is_some_and(|helm| helm.pass_credentials);
        if chart.is_registry() {
            home.registry(chart.reference().trim_start_matches("oci://"), Some(chart.repository));
        } else {
            let authority = chart.repositories.authority(&chart.source.repo_url).unwrap_or_default();
            home.repository(&shop, NAME, &chart.source.repo_url, Some(chart.repository), authority, passes)?;
        }
        home.save(&shop)?;
        Ok(shop)
    }

    async fn helm(&self, shop: &Workshop, arguments: &[&str], chart: &Chart<'_>) -> Result<Vec<u8>, RenderError> {
        let mut all: Vec<OsString> = arguments.iter().map(Into::into).collect();
        if chart.is_registry() {
            if chart.repository.flag("insecureOCIForceHttp") {
                all.push("--plain-http".into());
            } else if chart.repository.is_insecure() {
                all.push("--insecure-skip-tls-verify".into());
            }
        }
        let run = Run {
            programs: &self.programs,
            program: "helm",
            arguments: all,
            folder: shop.path(),
            home: &shop.home(),
            environment: proxies(chart.repository),
            network: Network::Open,
        };
        match run.run(&self.limits).await? {
            Ended::Well(output) => Ok(output),
            Ended::Badly(words) => {
                let words = chart.repository.hidden_in(&words).replace(&shop.path().display().to_string(), "");
                let what = arguments.iter().take_while(|word| !word.contains(['/', '-'])).copied();
                let what = what.collect::<Vec<_>>().join(" ");
                Err(RenderError::Chart(format!("`helm {what}` for {} {words}", chart.source.chart)))
            }
        }
    }
}

/// The proxy of a repository, in place of the machine's.
fn proxies(repository: &Repository) -> Vec<(String, OsString)> {
    let proxy = ["HTTP_PROXY", "HTTPS_PROXY"].map(|name| (name, repository.field("proxy")));
    let all = proxy.into_iter().chain([("NO_PROXY", repository.field("noProxy"))]);
    all.filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.to_owned(), value.into())).collect()
}

fn not_in_index(chart: &Chart<'_>) -> RenderError {
    RenderError::Tool(format!("chart '{}' not found in index", chart.source.chart))
}

/// Returns the newest version of a chart in an index.
fn newest(index: &Value, chart: &Chart<'_>) -> Result<String, RenderError> {
    let entries = index["entries"][&chart.source.chart].as_array().ok_or_else(|| not_in_index(chart))?;
    let versions: Vec<&str> = entries.iter().filter_map(|entry| entry["version"].as_str()).collect();
    let found = revision::max_version(chart.revision, &versions, "");
    found.map_err(|error| RenderError::Tool(format!("invalid revision: {error}")))
}
