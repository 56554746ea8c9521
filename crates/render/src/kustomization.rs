//! Building a kustomization: by the program `kustomize`, on a copy of what it reads.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;

use crate::{
    cache::Uses,
    checkout::{Checkout, Entry, PathError, joined, lexical},
    error::RenderError,
    job::{Job, Made},
    kustomize,
    layout::{Layout, Workshop},
    limits::Limits,
    manifests,
    program::Network,
    remotes::blocking,
    wanted::SourceType,
    yaml,
};

/// What a variable of the revision begins with.
const REVISION: &str = "ARGOCD_APP_";
/// Texts of a kustomization longer than this are no paths.
const PATH: usize = 1024;

/// How much of the repository is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// What kustomizations name.
    Named,
    /// All of it.
    Whole,
}

struct Prepared {
    workshop: Workshop,
    commands: Vec<Vec<std::ffi::OsString>>,
    network: Network,
    uses: Uses,
}

/// Builds the kustomization of a job.
pub(crate) async fn render(job: Arc<Job>) -> Result<Made, RenderError> {
    let (uses, output) = match build(&job, Extent::Named).await? {
        (uses, Ok(output)) => (uses, output),
        // What a plugin or an option reads may be named in a way that is not understood here.
        (_, Err(_)) => {
            let (uses, output) = build(&job, Extent::Whole).await?;
            (uses, output.map_err(RenderError::Tool)?)
        }
    };
    let objects = blocking(move || manifests::of_output(&String::from_utf8_lossy(&output))).await??;
    Ok(Made { objects, source_type: SourceType::Kustomize, uses })
}

type Output = Result<Vec<u8>, String>;

async fn build(job: &Arc<Job>, extent: Extent) -> Result<(Uses, Output), RenderError> {
    let preparing = Arc::clone(job);
    let Prepared { workshop, mut commands, network, uses } = blocking(move || prepare(&preparing, extent)).await??;
    let root = workshop.root(None);
    let last = commands.pop().unwrap_or_default();
    for arguments in commands {
        let ended = job.run(&workshop, "kustomize", arguments, &root.join(&job.folder), Network::Closed).await?;
        if let Err(words) = ended {
            return Ok((uses, Err(words)));
        }
    }
    let ended = job.run(&workshop, "kustomize", last, &root, network).await?;
    Ok((uses, ended))
}

fn prepare(job: &Job, extent: Extent) -> Result<Prepared, RenderError> {
    let workshop = Workshop::new(&job.work)?;
    let own = text(&job.checkout, &job.folder, &job.limits)?;
    let built =
        kustomize::build(&job.request(), own.as_ref().map(|(_, text)| text.as_str()), &job.settings.kustomize_options)?;
    let mut layout = Layout::new(&job.checkout, workshop.root(None), &job.limits, &[REVISION]);
    let mut named = Named { job, remote: false, seen: BTreeSet::new() };
    named.add(&job.folder, &mut layout)?;
    if let Some(options) = &job.source.kustomize {
        for component in &options.components {
            stays_inside(component, &job.folder)?;
        }
        named.texts(&serde_json::to_value(options).unwrap_or_default(), &job.folder, &mut layout)?;
    }
    if extent == Extent::Whole {
        layout.folder("")?;
    }
    let uses = Uses {
        revision: job.names_revision() || layout.mentions(REVISION),
        cluster: job.settings.kustomize_options.contains("--enable-helm"),
        elsewhere: named.remote,
    };
    if let (Some(text), Some((name, _))) = (&built.kustomization, &own) {
        let path = workshop.root(None).join(joined(&job.folder, name));
        std::fs::write(&path, text).map_err(|error| RenderError::Internal(error.to_string()))?;
    }
    let mut commands = Vec::new();
    for command in &built.commands {
        commands.push(job.arguments(command, &workshop, None)?);
    }
    let network = if named.remote { Network::Open } else { Network::Closed };
    Ok(Prepared { workshop, commands, network, uses })
}

/// Returns the name and the text of the kustomization of a folder.
fn text(checkout: &Checkout, folder: &str, limits: &Limits) -> Result<Option<(String, String)>, RenderError> {
    for name in kustomize::FILES {
        let path = checkout.resolve("", &joined(folder, name))?;
        if checkout.look(&path)? == Some(Entry::File) {
            return Ok(Some((name.to_owned(), manifests::text_of(&checkout.read(&path, limits.file_bytes)?))));
        }
    }
    Ok(None)
}

/// What kustomizations name: every text of theirs that is the path of something.
struct Named<'n> {
    job: &'n Job,
    /// Whether something is in other repositories.
    remote: bool,
    seen: BTreeSet<String>,
}

impl Named<'_> {
    /// Adds a folder with a kustomization; one without is laid out whole.
    fn add(&mut self, folder: &str, layout: &mut Layout<'_>) -> Result<(), RenderError> {
        if !self.seen.insert(folder.to_owned()) {
            return Ok(());
        }
        let Some((name, text)) = text(&self.job.checkout, folder, &self.job.limits)? else {
            return if folder.is_empty() { Ok(()) } else { layout.folder(folder) };
        };
        layout.file(&joined(folder, &name))?;
        // What is read in another way here than there could hide what it names.
        let wrong = |problem| RenderError::Tool(format!("{}: {problem}", joined(folder, &name)));
        let kustomization = yaml::read(&text).map_err(wrong)?;
        check_inside(&kustomization, folder)?;
        if kustomization["helmCharts"].is_array() || kustomization["helmChartInflationGenerator"].is_array() {
            layout.path(&joined(folder, "charts"))?;
        }
        self.texts(&kustomization, folder, layout)
    }

    fn texts(&mut self, value: &Value, folder: &str, layout: &mut Layout<'_>) -> Result<(), RenderError> {
        match value {
            Value::Object(fields) => fields.values().try_for_each(|field| self.texts(field, folder, layout)),
            Value::Array(items) => items.iter().try_for_each(|item| self.texts(item, folder, layout)),
            Value::String(text) => self.one(text, folder, layout),
            _ => Ok(()),
        }
    }

    fn one(&mut self, text: &str, folder: &str, layout: &mut Layout<'_>) -> Result<(), RenderError> {
        if text.is_empty() || text.len() > PATH || text.contains('\n') {
            return Ok(());
        }
        self.remote |= is_remote(text);
        let after = text.split_once('=').map(|(_, after)| after);
        for path in [Some(text), after].into_iter().flatten() {
            // What leads out of the repository is not laid out, and kustomize says that it is missing.
            let Ok(real) = self.job.checkout.resolve(folder, path.trim_start_matches('/')) else { continue };
            match self.job.checkout.look(&real)? {
                Some(Entry::File) => {
                    if let Ok(named) = lexical(folder, path) {
                        layout.named(&real, &named)?;
                    }
                }
                Some(Entry::Folder) => self.add(&real, layout)?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Fields that may name folders: kustomize takes these wherever they are on the machine.
const FOLDERS: [&str; 6] = ["resources", "bases", "components", "generators", "transformers", "validators"];

/// Refuses what leads out of the repository.
fn check_inside(kustomization: &Value, folder: &str) -> Result<(), RenderError> {
    let named = FOLDERS.iter().flat_map(|field| kustomization[*field].as_array().into_iter().flatten());
    for path in named.filter_map(Value::as_str).filter(|path| !path.contains('\n')) {
        stays_inside(path, folder)?;
    }
    // A file is read below its own kustomization only, but a chart's home is not.
    for home in [&kustomization["helmGlobals"]["chartHome"], &kustomization["helmGlobals"]["configHome"]] {
        lexical(folder, home.as_str().unwrap_or_default())?;
    }
    Ok(())
}

/// Refuses a path that leads out of the repository. What looks like a URL is taken for a path, too, when it is none.
fn stays_inside(path: &str, folder: &str) -> Result<(), PathError> {
    let is_path = path.starts_with("file:") || path.split('/').any(|part| part == "..");
    if is_remote(path) && !path.starts_with('/') {
        return if is_path { Err(PathError::Outside(path.to_owned())) } else { Ok(()) };
    }
    lexical(folder, path).map(|_| ())
}

/// Whether a text may be a resource in another repository, as kustomize understands them.
fn is_remote(text: &str) -> bool {
    ["://", "git@", "git::", "?ref=", "&ref="].iter().any(|sign| text.contains(sign))
        || ["github.com/", "gitlab.com/", "bitbucket.org/"].iter().any(|host| text.starts_with(host))
}
