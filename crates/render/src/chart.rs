//! Rendering a chart: by the program `helm`.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

use serde_json::Value;

use crate::{
    cache::Uses,
    checkout::{Entry, joined, lexical},
    command::Argument,
    error::RenderError,
    helm, helm_home,
    job::{Job, Made},
    layout::{Layout, Workshop},
    manifests,
    program::Network,
    remotes::blocking,
    schema,
    wanted::SourceType,
    yaml,
};

/// What helm says when a chart's dependencies are not there.
const MISSING: [&str; 2] =
    ["found in Chart.yaml, but missing in charts/ directory", "found in requirements.yaml, but missing in charts"];
/// What helm says when a repository of charts is not reached.
const UNREACHED: [&str; 2] = ["is not a valid chart repository or cannot be reached", "could not download"];
/// Texts in a chart that make its manifests depend on the cluster.
const CAPABILITIES: &str = "Capabilities";
const KUBE_VERSION: &str = "kubeVersion";

/// A chart that is laid out.
struct Prepared {
    workshop: Workshop,
    chart: PathBuf,
    arguments: Vec<std::ffi::OsString>,
    network: Network,
    uses: Uses,
    /// Repositories of the charts that it depends on, as they are written.
    repositories: Vec<String>,
}

/// Renders the chart of a job.
pub(crate) async fn render(job: Arc<Job>) -> Result<Made, RenderError> {
    let preparing = Arc::clone(&job);
    let mut prepared = blocking(move || prepare(&preparing)).await??;
    let mut output = template(&job, &prepared).await?;
    if output.as_ref().is_err_and(|words| MISSING.iter().any(|text| words.contains(text))) {
        build_dependencies(&job, &prepared).await?;
        // What was brought from elsewhere may ask for anything.
        prepared.uses.cluster = true;
        prepared.uses.elsewhere |= prepared.repositories.iter().any(|repository| repository.contains("://"));
        output = template(&job, &prepared).await?;
    }
    let output =
        output.map_err(|words| RenderError::Tool(format!("failed to execute helm template command: {words}")))?;
    let objects = blocking(move || manifests::of_output(&String::from_utf8_lossy(&output))).await??;
    Ok(Made { objects, source_type: SourceType::Helm, uses: prepared.uses })
}

async fn template(job: &Job, prepared: &Prepared) -> Result<Result<Vec<u8>, String>, RenderError> {
    let Prepared { workshop, chart, arguments, network, .. } = prepared;
    if !job.source.helm.as_ref().is_some_and(|helm| helm.skip_schema_validation) {
        let (chart, limits) = (chart.clone(), job.limits.clone());
        blocking(move || schema::check(&chart, &limits)).await??;
    }
    job.run(workshop, "helm", arguments.clone(), chart, *network).await
}

fn prepare(job: &Job) -> Result<Prepared, RenderError> {
    let workshop = Workshop::new(&job.work)?;
    let template = helm::template(&job.request())?;
    let mut layout = Layout::new(&job.checkout, workshop.root(None), &job.limits, &[CAPABILITIES, KUBE_VERSION]);
    layout.folder(&job.folder)?;
    let mut repositories = Vec::new();
    lay_out_dependencies(job, &job.folder, &mut layout, &mut repositories, &mut BTreeSet::new())?;
    let uses = Uses {
        cluster: layout.has_archives || layout.mentions(CAPABILITIES) || layout.mentions(KUBE_VERSION),
        revision: job.names_revision(),
        elsewhere: template.command.arguments.iter().any(is_url),
    };
    let inline = match &template.inline_values {
        Some(text) => Some(workshop.write("values.yaml", text.as_bytes())?),
        None => None,
    };
    let arguments = job.arguments(&template.command, &workshop, inline.as_deref())?;
    let network = if uses.elsewhere { Network::Open } else { Network::Closed };
    let chart = workshop.root(None).join(&job.folder);
    Ok(Prepared { workshop, chart, arguments, network, uses, repositories })
}

fn is_url(argument: &Argument) -> bool {
    matches!(argument, Argument::Text(text) if text.starts_with("http://") || text.starts_with("https://"))
}

/// Lays out the charts of the repository that a chart depends on, and collects where the others come from.
fn lay_out_dependencies(
    job: &Job,
    folder: &str,
    layout: &mut Layout<'_>,
    repositories: &mut Vec<String>,
    seen: &mut BTreeSet<String>,
) -> Result<(), RenderError> {
    if !seen.insert(folder.to_owned()) || seen.len() > job.limits.checkout_files {
        return Ok(());
    }
    let mut dependencies = Vec::new();
    for name in ["Chart.yaml", "requirements.yaml"] {
        if let Some(Value::Array(found)) = metadata(job, folder, name)?.get_mut("dependencies").map(Value::take) {
            dependencies.extend(found);
        }
    }
    for repository in dependencies.iter().filter_map(|one| one["repository"].as_str()) {
        let Some(path) = repository.strip_prefix("file://") else {
            repositories.push(repository.to_owned());
            continue;
        };
        // Helm would take it from the machine.
        lexical(folder, path)?;
        let real = job.checkout.resolve(folder, path)?;
        layout.path(&real)?;
        lay_out_dependencies(job, &real, layout, repositories, seen)?;
    }
    Ok(())
}

/// Returns what a file of a chart says; nothing when there is none.
fn metadata(job: &Job, folder: &str, name: &str) -> Result<Value, RenderError> {
    let path = job.checkout.resolve("", &joined(folder, name))?;
    if job.checkout.look(&path)? != Some(Entry::File) {
        return Ok(Value::Null);
    }
    let text = manifests::text_of(&job.checkout.read(&path, job.limits.file_bytes)?);
    // What is read in another way here than there could hide what it names.
    let chart = yaml::read(&text).map_err(|problem| RenderError::Tool(format!("{path}: {problem}")))?;
    let name = chart["name"].as_str().unwrap_or_default();
    if [".", ".."].contains(&name) || name.contains(['/', '\\']) {
        return Err(RenderError::Tool(format!("{path}: {name:?} cannot be the name of a chart")));
    }
    Ok(chart)
}

async fn build_dependencies(job: &Job, prepared: &Prepared) -> Result<(), RenderError> {
    let Prepared { workshop, chart, repositories, .. } = prepared;
    let is_plain = helm_home::write(job, workshop, repositories)?;
    let mut arguments = vec!["dependency", "build"];
    if is_plain {
        arguments.push("--plain-http");
    }
    let arguments = arguments.into_iter().map(Into::into).collect();
    let network = if repositories.is_empty() { Network::Closed } else { Network::Open };
    let ended = job.run(workshop, "helm", arguments, chart, network).await?;
    ended.map(|_| ()).map_err(|words| dependencies_failed(job, repositories, &words))
}

fn dependencies_failed(job: &Job, repositories: &[String], words: &str) -> RenderError {
    let refused: Vec<&str> = repositories
        .iter()
        .map(String::as_str)
        .filter(|repository| !helm_home::is_permitted(job, repository))
        .collect();
    if !refused.is_empty() && UNREACHED.iter().any(|text| words.contains(text)) {
        let (refused, project) = (refused.join(", "), &job.wanted.project);
        return RenderError::Tool(format!("helm repos {refused} are not permitted in project '{project}'"));
    }
    RenderError::Dependencies(words.to_owned())
}
