//! What is wrong with the spec of an Application.

use tiphys_api::{
    Application,
    types::{AppProjectSpec, ApplicationSource},
};

use super::conditions::{Condition, kind};
use crate::{
    destination::{self, ClusterName},
    project::{self, Cluster},
};

/// A project, looked up.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// Name.
    pub name: String,
    /// What it permits.
    pub spec: AppProjectSpec,
}

/// Returns what is wrong; nothing is compared then.
#[must_use]
pub fn violations(
    app: &Application,
    found: Option<&Project>,
    clusters: &[ClusterName],
    control_namespace: &str,
) -> Vec<Condition> {
    let invalid = |text: String| (kind::INVALID_SPEC, text);
    let named = if app.spec.project.is_empty() { "default" } else { &app.spec.project };
    let Some(project) = found else {
        return vec![invalid(format!("Application referencing project {named} which does not exist"))];
    };
    let (name, namespace) = (text(app.metadata.name.as_deref()), text(app.metadata.namespace.as_deref()));
    if !project::permits_application_in(&project.spec, namespace, control_namespace) {
        let text = format!("application '{name}' in namespace '{namespace}' is not permitted to use project '{named}'");
        return vec![(kind::UNKNOWN, text)];
    }
    let mut found: Vec<Condition> = sources(app).into_iter().map(invalid).collect();
    for source in app.spec.effective_sources().iter().filter(|source| !source.repo_url.is_empty()) {
        if !project::permits_source(&project.spec, &source.repo_url) {
            let text = format!("application repo {} is not permitted in project '{named}'", source.repo_url);
            found.push(invalid(text));
        }
    }
    found.extend(to(app, project, clusters).map(invalid));
    found
}

fn text(value: Option<&str>) -> &str {
    value.unwrap_or_default()
}

fn sources(app: &Application) -> Vec<String> {
    let several = app.spec.has_multiple_sources();
    let sources = app.spec.effective_sources();
    if sources.is_empty() {
        return vec!["spec.source.repoURL and either spec.source.path or spec.source.chart are required".to_owned()];
    }
    sources.iter().filter_map(|source| source_problem(source, several)).collect()
}

fn source_problem(source: &ApplicationSource, several: bool) -> Option<String> {
    let has_place = !source.path.is_empty() || !source.chart.is_empty() || (several && !source.reference.is_empty());
    if source.repo_url.is_empty() || !has_place {
        return Some(if several {
            format!(
                "spec.source.repoURL and either source.path, source.chart, or source.ref are required for source {}",
                source.repo_url
            )
        } else {
            "spec.source.repoURL and either spec.source.path or spec.source.chart are required".to_owned()
        });
    }
    let lacks_version = !source.chart.is_empty() && source.target_revision.is_empty();
    lacks_version.then(|| "spec.source.targetRevision is required if the manifest source is a helm chart".to_owned())
}

fn to(app: &Application, project: &Project, clusters: &[ClusterName]) -> Option<String> {
    let to = &app.spec.destination;
    let cluster = match destination::find(to, clusters) {
        Ok(cluster) => cluster,
        Err(error) => return Some(error.to_string()),
    };
    let named = Cluster { name: &cluster.name, server: &cluster.server };
    if project::permits_destination(&project.spec, named, &to.namespace, &[]) {
        return None;
    }
    let shown = if to.name.is_empty() { &to.server } else { &to.name };
    Some(format!(
        "application destination server '{shown}' and namespace '{}' do not match any of the allowed destinations in \
         project '{}'",
        to.namespace, project.name
    ))
}
