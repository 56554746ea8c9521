//! The status after a comparison.

use jiff::Timestamp;
use tiphys_api::{
    Application,
    types::{AppHealthStatus, ApplicationStatus, ComparedTo, HealthStatus, ResourceStatus, SyncStatus},
};
use tiphys_deliver::{
    compare::{Comparison, Found},
    health::Health,
    object::ResourceKey,
};

use super::{conditions::Condition, conditions::kind, set_conditions, whole};

/// What a comparison came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// The comparison; none when it could not be made.
    pub comparison: Option<Comparison>,
    /// Revisions, one for each source.
    pub revisions: Vec<String>,
    /// `Helm`, `Kustomize`, `Directory` or `Plugin`; empty for a source that others only refer to.
    pub source_types: Vec<String>,
    /// What is wrong.
    pub conditions: Vec<Condition>,
    /// Images of the pods.
    pub images: Vec<String>,
}

/// The types of conditions that a comparison evaluates.
const EVALUATED: [&str; 7] =
    [kind::COMPARISON, kind::INVALID_SPEC, kind::UNKNOWN, kind::SHARED, kind::REPEATED, kind::EXCLUDED, kind::ORPHANED];

/// Returns the status after a comparison. What the comparison says nothing about stays.
#[must_use]
pub fn status(app: &Application, seen: &Seen, control_namespace: &str, now: Timestamp) -> ApplicationStatus {
    let mut status = app.status.clone();
    let several = app.spec.has_multiple_sources();
    status.conditions = set_conditions(&app.status.conditions, &seen.conditions, &EVALUATED, now);
    let is_self = |key: &ResourceKey| {
        key.group == "argoproj.io"
            && key.kind == "Application"
            && app.metadata.name.as_ref() == Some(&key.name)
            && app.metadata.namespace.as_ref() == Some(&key.namespace)
    };
    let (code, health) = match &seen.comparison {
        Some(comparison) => (comparison.code().name(), shown(&comparison.health(is_self))),
        None => ("Unknown", ("Unknown".to_owned(), String::new())),
    };
    status.sync = SyncStatus {
        status: code.to_owned(),
        compared_to: compared_to(app),
        revision: if several { String::new() } else { seen.revisions.first().cloned().unwrap_or_default() },
        revisions: if several { seen.revisions.clone() } else { Vec::new() },
    };
    status.health = app_health(&app.status.health, health, now);
    let found = seen.comparison.as_ref().map(|comparison| comparison.found.as_slice()).unwrap_or_default();
    status.resources = found.iter().map(resource).collect();
    if !seen.source_types.is_empty() {
        status.source_type = if several { String::new() } else { seen.source_types[0].clone() };
        status.source_types = if several { seen.source_types.clone() } else { Vec::new() };
    }
    status.summary.images.clone_from(&seen.images);
    status.summary.is_app_of_apps = found.iter().any(|f| f.key.group == "argoproj.io" && f.key.kind == "Application");
    control_namespace.clone_into(&mut status.controller_namespace);
    status.reconciled_at = Some(whole(now));
    status
}

fn compared_to(app: &Application) -> ComparedTo {
    let several = app.spec.has_multiple_sources();
    ComparedTo {
        source: if several { None } else { app.spec.effective_sources().into_iter().next() },
        sources: if several { app.spec.sources.clone() } else { Vec::new() },
        destination: app.spec.destination.clone(),
        ignore_differences: app.spec.ignore_differences.clone(),
    }
}

fn shown(health: &Health) -> (String, String) {
    (health.status.map_or("", |status| status.name()).to_owned(), health.message.clone())
}

fn app_health(old: &AppHealthStatus, (status, message): (String, String), now: Timestamp) -> AppHealthStatus {
    if old.status == status {
        return AppHealthStatus { message, ..old.clone() };
    }
    AppHealthStatus { status, message, last_transition_time: Some(whole(now)) }
}

fn resource(found: &Found) -> ResourceStatus {
    let health = found.health.as_ref().map(shown);
    ResourceStatus {
        group: found.key.group.clone(),
        version: found.version.clone(),
        kind: found.key.kind.clone(),
        namespace: found.key.namespace.clone(),
        name: found.key.name.clone(),
        status: found.code.map_or("", |code| code.name()).to_owned(),
        health: health.map(|(status, message)| HealthStatus { status, message, last_transition_time: None }),
        hook: found.hook,
        requires_pruning: found.requires_pruning,
        sync_wave: found.wave,
        requires_deletion_confirmation: found.needs_confirmation,
    }
}
