//! The manifests of an application.
//!
//! Guarantees: what a commit does not touch of all that a render read is not rendered again; a repository is listed and
//! fetched once for all who ask at a time; nothing outside a repository is read; every cost has a limit ([`Limits`]).
//! Cancellation: dropping the future stops programs; a fetch that has begun ends by itself.

use std::{
    path::PathBuf,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use tiphys_api::types::ApplicationSource;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};

use crate::{
    cache::{self, Cache, Failures, Kept, Uses},
    chart,
    charts::{Chart, Charts, Shelf},
    checkout::Checkout,
    detect, directory,
    error::RenderError,
    job::{Job, Made},
    kustomization,
    limits::Limits,
    located::Located,
    manifests,
    program::Programs,
    references,
    remotes::{Known, Remotes, blocking, checked},
    repositories::{Repositories, Repository},
    settings::Settings,
    snapshot::Snapshot,
    wanted::{Refresh, Rendered, ResolvedRevision, SourceType, Wanted},
};

/// Who may read at a time.
const READERS: usize = 8;

/// How a renderer works.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder for what is fetched; only one renderer may use it at a time. What others left there is removed.
    pub folder: PathBuf,
    /// Limits of one render.
    pub limits: Limits,
    /// How long the references of a repository count as known.
    pub references_valid: Duration,
    /// Bytes of manifests that are kept.
    pub cache_bytes: usize,
    /// Where `helm`, `kustomize` and `jsonnet` are.
    pub programs: Programs,
    /// What is the same for all sources.
    pub settings: Settings,
}

impl Config {
    /// Returns the default configuration with a folder.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            limits: Limits::default(),
            references_valid: Duration::from_secs(30),
            cache_bytes: 128 << 20,
            programs: Programs::from_environment(),
            settings: Settings::default(),
        }
    }
}

/// Makes manifests. Shared by all who want some.
pub struct Renderer {
    config: Config,
    repositories: RwLock<Arc<Repositories>>,
    remotes: Remotes,
    charts: Charts,
    cache: Cache,
    failures: Failures,
    /// Those who read what is fetched: more at a time than processors take memory and no less time.
    reading: Semaphore,
    running: Semaphore,
    renders: AtomicU64,
}

impl Renderer {
    /// Returns a renderer that knows no repository yet.
    ///
    /// # Errors
    /// When its folder cannot be used.
    pub fn new(config: Config) -> Result<Self, RenderError> {
        let unusable = |error: std::io::Error| {
            RenderError::Internal(format!("the folder {} cannot be used: {error}", config.folder.display()))
        };
        let stores = config.folder.join("repositories");
        let (charts, work) = (config.folder.join("charts"), config.folder.join("work"));
        for folder in [&stores, &charts, &work] {
            if folder.exists() {
                std::fs::remove_dir_all(folder).map_err(unusable)?;
            }
            std::fs::create_dir_all(folder).map_err(unusable)?;
        }
        Ok(Self {
            repositories: RwLock::default(),
            remotes: Remotes::new(stores, config.references_valid),
            charts: Charts {
                folder: charts,
                work,
                programs: config.programs.clone(),
                limits: config.limits.clone(),
                valid: config.references_valid,
                versions: Shelf::default(),
                packed: Shelf::default(),
            },
            cache: Cache::new(config.cache_bytes),
            failures: Failures::default(),
            reading: Semaphore::new(READERS),
            running: Semaphore::new(config.limits.concurrent.max(1)),
            renders: AtomicU64::new(0),
            config,
        })
    }

    /// Uses these repositories and credentials from now on.
    pub fn use_repositories(&self, repositories: Repositories) {
        *self.repositories.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(repositories);
    }

    /// Returns the repositories and credentials that are used.
    #[must_use]
    pub fn repositories(&self) -> Arc<Repositories> {
        Arc::clone(&self.repositories.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the commit or version of each source. Fetches nothing.
    ///
    /// # Errors
    /// When a repository does not answer or has no such revision.
    pub async fn resolve(&self, wanted: &Wanted) -> Result<Vec<String>, RenderError> {
        let mut revisions = Vec::new();
        for (at, source) in wanted.sources.iter().enumerate() {
            let revision = self.resolve_one(wanted, at, source).await;
            revisions.push(revision.map_err(|error| error.of_source(at, wanted.sources.len()))?);
        }
        Ok(revisions)
    }

    async fn resolve_one(&self, wanted: &Wanted, at: usize, source: &ApplicationSource) -> Result<String, RenderError> {
        let anew = wanted.refresh != Refresh::No;
        if source.is_chart() {
            let (repositories, repository) = self.repository(source, &wanted.project)?;
            let revision = wanted.revision(at);
            let chart = Chart { source, repository: &repository, repositories: &repositories, revision };
            return self.charts.version(&chart, anew).await;
        }
        let known = self.known(source, &wanted.project)?;
        let commit = self.remotes.resolve(&known, wanted.revision(at), &source.tag_prefix, anew).await?;
        Ok(commit.to_string())
    }

    fn repository(
        &self,
        source: &ApplicationSource,
        project: &str,
    ) -> Result<(Arc<Repositories>, Repository), RenderError> {
        let repositories = self.repositories();
        let found =
            repositories.find(&source.repo_url, project).map_err(|error| RenderError::Spec(error.to_string()))?;
        Ok((repositories, found))
    }

    /// Returns the manifests of an application.
    ///
    /// # Errors
    /// When one of its sources cannot be fetched or rendered.
    pub async fn render(&self, wanted: &Wanted) -> Result<Arc<Rendered>, RenderError> {
        let mut located = Vec::new();
        for (at, source) in wanted.sources.iter().enumerate() {
            let place = self.locate(wanted, at, source).await;
            located.push(place.map_err(|error| error.of_source(at, wanted.sources.len()))?);
        }
        let parameters = cache::parameters(wanted, &format!("{:?}", self.config.settings));
        if wanted.refresh == Refresh::Hard {
            self.cache.forget(&parameters);
        } else {
            let _reading = self.reading().await?;
            if let Some(kept) = self.cache.find(&parameters, wanted, &located) {
                return rendered(&kept, &located);
            }
            if let Some(error) = self.failures.find(&parameters, wanted, &located) {
                return Err(error);
            }
        }
        let _running = self.running.acquire().await.map_err(|error| RenderError::Internal(error.to_string()))?;
        self.renders.fetch_add(1, Ordering::Relaxed);
        let made = self.make(wanted, &located, &parameters).await;
        let made = made.inspect_err(|error| self.failures.keep(&parameters, wanted, &located, error))?;
        let answer = rendered(&made, &located);
        self.cache.keep(&parameters, made);
        answer
    }

    /// Returns how many times manifests were made, and not taken from what was kept.
    #[must_use]
    pub fn renders(&self) -> u64 {
        self.renders.load(Ordering::Relaxed)
    }

    /// Forgets which commits a repository has: something was pushed to it.
    ///
    /// # Errors
    /// When its configuration cannot be used.
    pub async fn forget_references(&self, url: &str, project: &str) -> Result<(), RenderError> {
        self.known_url(url, project)?.forget().await;
        Ok(())
    }

    /// Asks a repository whether it can be read, with the credentials that a project has for it.
    ///
    /// # Errors
    /// Why it cannot.
    pub async fn test(&self, url: &str, project: &str) -> Result<(), RenderError> {
        self.known_url(url, project)?.references(Duration::ZERO).await.map(|_| ())
    }

    async fn reading(&self) -> Result<SemaphorePermit<'_>, RenderError> {
        self.reading.acquire().await.map_err(|error| RenderError::Internal(error.to_string()))
    }

    fn known(&self, source: &ApplicationSource, project: &str) -> Result<Arc<Known>, RenderError> {
        if source.repo_url.starts_with("oci://") {
            return Err(RenderError::Spec("OCI artifacts that are no charts are not read".to_owned()));
        }
        self.known_url(&source.repo_url, project)
    }

    fn known_url(&self, url: &str, project: &str) -> Result<Arc<Known>, RenderError> {
        let repositories = self.repositories();
        let found: Repository =
            repositories.find(url, project).map_err(|error| RenderError::Spec(error.to_string()))?;
        let remote = repositories.remote(&found);
        let identity = format!("{}\n{:?}\n{:?}", found.identity(), remote.authorities, remote.known_hosts);
        self.remotes.get(&cache::hash(&identity), remote)
    }

    async fn locate(&self, wanted: &Wanted, at: usize, source: &ApplicationSource) -> Result<Located, RenderError> {
        let anew = wanted.refresh != Refresh::No;
        if source.is_chart() {
            let (repositories, repository) = self.repository(source, &wanted.project)?;
            let revision = wanted.revision(at);
            let chart = Chart { source, repository: &repository, repositories: &repositories, revision };
            let version = self.charts.version(&chart, anew).await?;
            let packed = self.charts.get(&chart, &version, wanted.refresh == Refresh::Hard).await?;
            return Ok(Located::Chart(packed));
        }
        let known = self.known(source, &wanted.project)?;
        let commit = self.remotes.resolve(&known, wanted.revision(at), &source.tag_prefix, anew).await?;
        let store = known.fetched(commit).await?;
        let _reading = self.reading().await?;
        checked(store, commit).await.map(|checked| Located::Git(Box::new(checked)))
    }

    async fn make(&self, wanted: &Wanted, located: &[Located], parameters: &str) -> Result<Arc<Kept>, RenderError> {
        let count = wanted.sources.len();
        let (snapshots, checkouts) = self.open(located).await?;
        let (mut objects, mut source_types, mut uses) = (Vec::new(), Vec::new(), Uses::default());
        for at in 0..count {
            let made = self.make_one(wanted, at, located, &checkouts).await;
            let made = made.map_err(|error| error.of_source(at, count))?;
            source_types.push(made.as_ref().map(|made| made.source_type));
            if let Some(made) = made {
                objects.extend(made.objects);
                uses = uses.and(made.uses);
            }
        }
        let objects = manifests::flat(objects, &self.config.limits)?;
        let traces: Vec<_> =
            snapshots.iter().map(|snapshot| snapshot.as_ref().map(|one| one.trace()).unwrap_or_default()).collect();
        let used = cache::used(uses, wanted, located);
        let mut all = format!("{parameters}\n{used}\n");
        for trace in &traces {
            trace.write_to(&mut all);
            all.push('\n');
        }
        let objects = serde_json::to_vec(&objects).map_err(|error| RenderError::Internal(error.to_string()))?;
        let key = cache::hash(&all);
        let made = Instant::now();
        Ok(Arc::new(Kept { traces, uses, used, source_types, objects: objects.into(), key, made }))
    }

    /// Opens what was located, to be read by one render.
    async fn open(&self, located: &[Located]) -> Result<(Vec<Option<Arc<Snapshot>>>, Vec<Checkout>), RenderError> {
        let (mut snapshots, mut checkouts) = (Vec::new(), Vec::new());
        for place in located {
            match place {
                Located::Git(checked) => {
                    let snapshot = Arc::new(Snapshot::new(checked.tree.clone()));
                    checkouts.push(Checkout::of(Arc::clone(&snapshot) as _));
                    snapshots.push(Some(snapshot));
                }
                Located::Chart(packed) => {
                    let (packed, limits) = (packed.clone(), self.config.limits.clone());
                    checkouts.push(Checkout::of(Arc::new(blocking(move || packed.unpack(&limits)).await??)));
                    snapshots.push(None);
                }
            }
        }
        Ok((snapshots, checkouts))
    }

    /// Renders one source; none that others only refer to.
    async fn make_one(
        &self,
        wanted: &Wanted,
        at: usize,
        located: &[Located],
        checkouts: &[Checkout],
    ) -> Result<Option<Made>, RenderError> {
        let source = &wanted.sources[at];
        if source.path.is_empty() && source.chart.is_empty() && (wanted.sources.len() > 1 || source.is_ref()) {
            return Ok(None);
        }
        let mut source = source.clone();
        if source.is_chart() {
            source.path.clear();
        }
        let mut job = Job {
            wanted: wanted.clone(),
            source,
            revision: located[at].revision(),
            checkout: checkouts[at].clone(),
            folder: String::new(),
            references: references::of(wanted, at, checkouts)?,
            repositories: self.repositories(),
            programs: self.config.programs.clone(),
            limits: self.config.limits.clone(),
            settings: self.config.settings.clone(),
            work: self.config.folder.join("work"),
        };
        let (job, source_type) = blocking(move || {
            job.folder = detect::folder(&job.checkout, &job.source.path)?;
            let Job { source, checkout, folder, wanted, limits, .. } = &job;
            job.source = detect::overridden(source, checkout, folder, &wanted.application, limits)?;
            let source_type = detect::source_type(&job.source, &job.checkout, &job.folder, &job.settings)?;
            job.programs = job.settings.programs(job.programs, &job.source)?;
            Ok::<_, RenderError>((Arc::new(job), source_type))
        })
        .await??;
        match source_type {
            SourceType::Directory => directory::render(&job).await,
            SourceType::Helm => chart::render(job).await,
            SourceType::Kustomize => kustomization::render(job).await,
            SourceType::Plugin => Err(no_plugin(&job.source)),
        }
        .map(Some)
    }
}

/// There are no plugins yet.
fn no_plugin(source: &ApplicationSource) -> RenderError {
    let name = source.plugin.as_ref().map_or("", |plugin| &plugin.name);
    RenderError::Spec(if name.is_empty() {
        "could not find plugin supporting the given repository".to_owned()
    } else {
        format!("could not find cmp-server plugin with name {name:?} supporting the given repository")
    })
}

fn rendered(kept: &Kept, located: &[Located]) -> Result<Arc<Rendered>, RenderError> {
    let manifests = serde_json::from_slice(&kept.objects).map_err(|error| RenderError::Internal(error.to_string()))?;
    Ok(Arc::new(Rendered {
        manifests,
        revisions: located.iter().map(revision).collect(),
        source_types: kept.source_types.clone(),
        key: kept.key.clone(),
    }))
}

fn revision(located: &Located) -> ResolvedRevision {
    let Located::Git(checked) = located else {
        return ResolvedRevision { sha: located.revision(), ..ResolvedRevision::default() };
    };
    let commit = &checked.commit;
    ResolvedRevision {
        sha: located.revision(),
        message: commit.message.trim_end().to_owned(),
        author: commit.author.clone(),
        date: Timestamp::from_second(commit.authored).ok(),
    }
}
