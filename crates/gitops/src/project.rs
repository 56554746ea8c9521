//! What a project permits, and what is wrong with one.

mod policy;
mod validate;

use regex::Regex;
use tiphys_api::types::{AppProjectSpec, ApplicationDestination, ClusterResourceRestriction, GroupKind, ProjectRole};
use tiphys_machinery::glob::{self, path_match};
use tiphys_render::repository;

pub use self::{
    policy::policies,
    validate::{ProjectError, validate},
};

/// A destination cluster that has been looked up: both names are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cluster<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its URL.
    pub server: &'a str,
}

/// Returns whether manifests may come from a repository.
///
/// A pattern `!p` that matches forbids, whatever else is listed; one that does not match permits.
#[must_use]
pub fn permits_source(spec: &AppProjectSpec, repository: &str) -> bool {
    let repository = repository::normalize(repository);
    let mut permitted = false;
    for pattern in &spec.source_repos {
        match pattern.strip_prefix('!') {
            Some(denied) if glob::matches(&repository::normalize(denied), &repository, &['/']) => return false,
            Some(_) => permitted = true,
            None => {
                let pattern = repository::normalize(pattern);
                permitted |= pattern == "*" || glob::matches(&pattern, &repository, &['/']);
            }
        }
    }
    permitted
}

/// Returns whether objects may be delivered to a namespace of a cluster. `own` are the clusters that belong to the
/// project; they count where the project permits no others.
#[must_use]
pub fn permits_destination(spec: &AppProjectSpec, cluster: Cluster<'_>, namespace: &str, own: &[Cluster<'_>]) -> bool {
    let is_own = || own.iter().any(|one| one.name == cluster.name || one.server == cluster.server);
    is_listed(&spec.destinations, cluster, namespace) && (!spec.permit_only_project_scoped_clusters || is_own())
}

fn is_listed(entries: &[ApplicationDestination], cluster: Cluster<'_>, namespace: &str) -> bool {
    let mut listed = false;
    for entry in entries {
        let name = !cluster.name.is_empty() && matches(&entry.name, cluster.name);
        let server = !cluster.server.is_empty() && matches(&entry.server, cluster.server);
        let inside = matches(&entry.namespace, namespace);
        let denies = |pattern: &str, matched: bool| !matched && pattern.starts_with('!');
        if (name || server) && inside {
            listed = true;
        } else if denies(&entry.name, name)
            || denies(&entry.server, server) && inside
            || denies(&entry.namespace, inside) && server
        {
            return false;
        }
    }
    listed
}

/// Matches a pattern that may be negated by `!`.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.strip_prefix('!') {
        Some(denied) => !glob::matches(denied, text, &[]),
        None => pattern == "*" || glob::matches(pattern, text, &[]),
    }
}

/// Whether an object lives in a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// It does.
    Namespaced,
    /// It does not.
    Cluster,
}

/// Returns whether objects of a kind may be delivered, by the lists for the scope of the kind.
#[must_use]
pub fn permits_kind(spec: &AppProjectSpec, group: &str, kind: &str, name: &str, scope: Scope) -> bool {
    let has =
        |list: &[GroupKind]| list.iter().any(|item| path_match(&item.kind, kind) && path_match(&item.group, group));
    let has_named = |list: &[ClusterResourceRestriction]| {
        list.iter().any(|item| {
            path_match(&item.kind, kind)
                && path_match(&item.group, group)
                && (item.name.is_empty() || path_match(&item.name, name))
        })
    };
    match scope {
        Scope::Namespaced => {
            spec.namespace_resource_whitelist.as_deref().is_none_or(has) && !has(&spec.namespace_resource_blacklist)
        }
        Scope::Cluster => has_named(&spec.cluster_resource_whitelist) && !has_named(&spec.cluster_resource_blacklist),
    }
}

/// Returns whether Applications of the project may be in `namespace`. That of the controller always is permitted.
#[must_use]
pub fn permits_application_in(spec: &AppProjectSpec, namespace: &str, controller_namespace: &str) -> bool {
    namespace.is_empty()
        || namespace == controller_namespace
        || spec.source_namespaces.iter().any(|pattern| matches_namespace(pattern, namespace))
}

/// A pattern between slashes is a regular expression.
fn matches_namespace(pattern: &str, namespace: &str) -> bool {
    match pattern.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
        Some(expression) => Regex::new(expression).is_ok_and(|expression| expression.is_match(namespace)),
        None => glob::matches(pattern, namespace, &[]),
    }
}

/// Returns the role with a name.
#[must_use]
pub fn role<'p>(spec: &'p AppProjectSpec, name: &str) -> Option<&'p ProjectRole> {
    spec.roles.iter().find(|role| role.name == name)
}
