//! What is wrong with a project.

use std::{collections::BTreeSet, fmt::Display};

use regex::Regex;
use tiphys_api::types::{AppProjectSpec, DestinationServiceAccount, ProjectRole, SyncWindow};
use tiphys_machinery::{cron::Schedule, glob::Glob, go_duration};

/// Characters that the name of an account cannot have.
const NOT_IN_ACCOUNTS: [char; 8] = ['!', '*', '[', ']', '{', '}', '\\', '/'];
const RESOURCES: [&str; 6] = ["applications", "applicationsets", "repositories", "exec", "logs", "clusters"];
const ACTIONS: [&str; 8] = ["get", "create", "update", "delete", "sync", "override", "rollback", "*"];

/// The first thing that is wrong with a project, in upstream's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProjectError {
    /// A field has a value that it cannot have.
    #[error("{0} has an invalid format, '{1}'")]
    Format(&'static str, String),
    /// Something is there twice.
    #[error("{0} '{1}' already {2}")]
    Duplicate(&'static str, String, String),
    /// The name of a role.
    #[error(
        "invalid role name '{0}'. Must consist of alphanumeric characters, '-' or '_', and must start and end with an \
         alphanumeric character"
    )]
    RoleName(String),
    /// A rule of a role.
    #[error("invalid policy rule '{0}': {1}")]
    Policy(String, String),
    /// A group of a role.
    #[error("group '{0}' {1}")]
    Group(String, &'static str),
    /// A sync window.
    #[error("{0}")]
    Window(String),
}

/// Checks a project.
///
/// # Errors
/// The first thing that is wrong.
pub fn validate(name: &str, spec: &AppProjectSpec) -> Result<(), ProjectError> {
    destinations(spec)?;
    unique("source namespace", spec.source_namespaces.iter())?;
    for repository in &spec.source_repos {
        not_everything_denied("source repository", repository)?;
    }
    unique("source repository", spec.source_repos.iter())?;
    unique_as("role", spec.roles.iter().map(|role| &role.name), "exists")?;
    for role in &spec.roles {
        check_role(name, role)?;
    }
    windows(&spec.sync_windows)?;
    accounts(&spec.destination_service_accounts)
}

fn unique(what: &'static str, names: impl Iterator<Item = impl Display>) -> Result<(), ProjectError> {
    unique_as(what, names, "added")
}

fn unique_as(what: &'static str, names: impl Iterator<Item = impl Display>, verb: &str) -> Result<(), ProjectError> {
    let mut seen = BTreeSet::new();
    for name in names.map(|name| name.to_string()) {
        if !seen.insert(name.clone()) {
            return Err(ProjectError::Duplicate(what, name, verb.to_owned()));
        }
    }
    Ok(())
}

fn not_everything_denied(what: &'static str, pattern: &str) -> Result<(), ProjectError> {
    if pattern == "!*" { Err(ProjectError::Format(what, pattern.to_owned())) } else { Ok(()) }
}

fn destinations(spec: &AppProjectSpec) -> Result<(), ProjectError> {
    for to in &spec.destinations {
        not_everything_denied("name", &to.name)?;
        not_everything_denied("server", &to.server)?;
        not_everything_denied("namespace", &to.namespace)?;
    }
    let key = |server: &str, name: &str, namespace: &str| {
        format!("{}/{namespace}", if server.is_empty() { name } else { server })
    };
    unique("destination", spec.destinations.iter().map(|to| key(&to.server, &to.name, &to.namespace)))
}

fn check_role(project: &str, role: &ProjectRole) -> Result<(), ProjectError> {
    let is_inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let name = role.name.as_bytes();
    let ends = [name.first(), name.last()];
    if !ends.iter().all(|end| end.is_some_and(u8::is_ascii_alphanumeric)) || !name.iter().all(|b| is_inner(*b)) {
        return Err(ProjectError::RoleName(role.name.clone()));
    }
    unique_as("policy", role.policies.iter(), &format!("exists for role '{}'", role.name))?;
    for policy in &role.policies {
        check_policy(project, &role.name, policy).map_err(|why| ProjectError::Policy(policy.clone(), why))?;
    }
    unique_as("group", role.groups.iter(), &format!("exists for role '{}'", role.name))?;
    role.groups.iter().try_for_each(|group| check_group(group))
}

fn check_policy(project: &str, role: &str, policy: &str) -> Result<(), String> {
    let parts: Vec<&str> = policy.split(',').map(|part| part.trim_matches(' ')).collect();
    let ["p", subject, resource, action, object, effect] = parts.as_slice() else {
        return Err("must be of the form: 'p, sub, res, act, obj, eft'".to_owned());
    };
    let expected = format!("proj:{project}:{role}");
    if *subject != expected {
        return Err(format!("policy subject must be: '{expected}', not '{subject}'"));
    }
    if !RESOURCES.contains(resource) {
        return Err(format!(
            "project resource must be: 'applications', 'applicationsets', 'repositories', 'exec', 'logs' or \
             'clusters', not '{resource}'"
        ));
    }
    let extended = ["action/", "update/", "delete/"];
    if !ACTIONS.contains(action) && !extended.iter().any(|prefix| action.starts_with(prefix)) {
        return Err(format!("invalid action '{action}'"));
    }
    if !is_object(project, object) {
        return Err(format!(
            "object must be of form '{project}/*', '{project}[/<NAMESPACE>]/<APPNAME>' or '{project}/<APPNAME>', not \
             '{object}'"
        ));
    }
    if matches!(*effect, "allow" | "deny") { Ok(()) } else { Err("effect must be: 'allow' or 'deny'".to_owned()) }
}

fn is_object(project: &str, object: &str) -> bool {
    let pattern = format!(r"^{}(/[*\w.-]+)?/[*\w.-]+$", regex::escape(project));
    Regex::new(&pattern).is_ok_and(|pattern| pattern.is_match(object))
}

fn check_group(group: &str) -> Result<(), ProjectError> {
    let wrong = |why| Err(ProjectError::Group(group.to_owned(), why));
    let trimmed = group.trim();
    let quoted = trimmed.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let name = quoted.unwrap_or(trimmed);
    if quoted.is_none() && name.contains(',') {
        wrong("must be quoted")
    } else if name.is_empty() {
        wrong("is empty")
    } else if name.contains(['"', '\n', '\r', '\t']) {
        wrong("contains invalid characters")
    } else if group.starts_with(char::is_whitespace) {
        wrong("contains a leading space")
    } else if group.ends_with(char::is_whitespace) {
        wrong("contains a trailing space")
    } else {
        Ok(())
    }
}

fn windows(windows: &[SyncWindow]) -> Result<(), ProjectError> {
    let mut seen: Vec<SyncWindow> = Vec::new();
    for window in windows {
        let SyncWindow { kind, schedule, duration, .. } = window;
        let same = SyncWindow { manual_sync: false, sync_overrun: false, description: String::new(), ..window.clone() };
        if seen.contains(&same) {
            let text = format!("sync window with kind '{kind}', schedule '{schedule}', and duration '{duration}'");
            return Err(ProjectError::Window(format!("{text} already exists")));
        }
        check_window(window).map_err(ProjectError::Window)?;
        seen.push(same);
    }
    Ok(())
}

fn check_window(window: &SyncWindow) -> Result<(), String> {
    let SyncWindow { kind, schedule, duration, .. } = window;
    if !matches!(kind.as_str(), "allow" | "deny") {
        return Err(format!("kind '{kind}' mismatch: can only be allow or deny"));
    }
    Schedule::parse(schedule).map_err(|why| format!("cannot parse schedule '{schedule}': {why}"))?;
    go_duration::parse(duration).map_err(|why| format!("cannot parse duration '{duration}': {why}"))?;
    if window.description.len() > 255 {
        return Err("description must not exceed 255 characters".to_owned());
    }
    if window.applications.is_empty() && window.namespaces.is_empty() && window.clusters.is_empty() {
        let text = format!("window '{kind}':'{schedule}':'{duration}'");
        return Err(format!("{text} requires one of application, cluster or namespace"));
    }
    Ok(())
}

fn accounts(accounts: &[DestinationServiceAccount]) -> Result<(), ProjectError> {
    for account in accounts {
        let name = &account.default_service_account;
        if name.trim_matches(' ').is_empty() || name.contains(NOT_IN_ACCOUNTS) {
            return Err(ProjectError::Format("defaultServiceAccount", name.clone()));
        }
        for (what, pattern) in [("server", &account.server), ("namespace", &account.namespace)] {
            if pattern.contains('!') || Glob::new(pattern, &[]).is_err() {
                return Err(ProjectError::Format(what, pattern.clone()));
            }
        }
    }
    let keys = accounts.iter().map(|account| format!("{}/{}", account.server, account.namespace));
    unique("destinationServiceAccount", keys)
}
