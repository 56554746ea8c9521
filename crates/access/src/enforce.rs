//! The decision.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    builtin,
    claims::Claims,
    config::Config,
    pattern::{MatchMode, Pattern},
    policy::{Effect, Policy, Rule},
};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// For instance `applications`.
    pub resource: &'a str,
    /// For instance `sync`, or `action/apps/Deployment/restart`.
    pub action: &'a str,
    /// For instance `project/name`.
    pub object: &'a str,
}

/// A configuration, compiled: rules are found by who they are for.
#[derive(Debug, Clone)]
pub struct Access {
    global: Rules,
    /// Members of the lines `g` that people wrote.
    grouped: BTreeSet<String>,
    projects: BTreeMap<String, Project>,
    default_role: String,
    scopes: Vec<String>,
}

#[derive(Debug, Clone)]
struct Project {
    rules: Rules,
    grouped: BTreeSet<String>,
}

impl Access {
    /// Compiles a configuration and the policies of projects ([`crate::project::policy`]), by the project's name.
    #[must_use]
    pub fn new(config: &Config, projects: &BTreeMap<String, Policy>) -> Self {
        let mode = config.match_mode;
        let mut policy = builtin::policy();
        policy.extend(config.policy.clone());
        let compiled = projects.iter().map(|(name, policy)| {
            let project = Project { rules: Rules::new(policy, mode), grouped: members(policy) };
            (name.clone(), project)
        });
        Self {
            global: Rules::new(&policy, mode),
            grouped: members(&config.policy),
            projects: compiled.collect(),
            default_role: config.default_role.clone(),
            scopes: config.scopes.clone(),
        }
    }

    /// Decides whether who holds these claims may do this.
    ///
    /// Unlike upstream, neither a group nor an identity is ever taken for a role (`role:…`), and `admin` of an identity
    /// provider, as a user or a group, is not the local account `admin`.
    #[must_use]
    pub fn allows(&self, claims: &Claims, request: Request<'_>) -> bool {
        let name = project_of(request);
        let layers = self.layers(name);
        if !self.default_role.is_empty() && layers.allow(&self.default_role, request) {
            return true;
        }
        let identity = claims.identity();
        if let (Some(name), true) = (name, identity.starts_with("proj:")) {
            let is_of_project = claims.project_role().is_some_and(|(project, _)| project == name);
            return is_of_project && layers.allow(identity, request);
        }
        allows_user(claims, layers, request)
            || claims
                .groups(&self.scopes)
                .iter()
                .any(|group| !is_role(group) && self.is_grouped(name, group) && layers.allow(group, request))
            || layers.allow("", request)
    }

    /// Decides for a role, user or group by name, as `admin settings rbac can` asks.
    #[must_use]
    pub fn allows_subject(&self, subject: &str, request: Request<'_>) -> bool {
        let layers = self.layers(project_of(request));
        let by_default = !self.default_role.is_empty() && layers.allow(&self.default_role, request);
        by_default || layers.allow_local(subject, request)
    }

    fn is_grouped(&self, project: Option<&str>, group: &str) -> bool {
        let project = project.and_then(|name| self.projects.get(name));
        self.grouped.contains(group) || project.is_some_and(|project| project.grouped.contains(group))
    }

    fn layers(&self, project: Option<&str>) -> Layers<'_> {
        let project = project.and_then(|name| self.projects.get(name));
        Layers { global: &self.global, project: project.map(|project| &project.rules) }
    }
}

/// The user alone, without groups.
fn allows_user(claims: &Claims, layers: Layers<'_>, request: Request<'_>) -> bool {
    match claims.identity() {
        role if is_role(role) => false,
        user if claims.is_foreign() => layers.allow(user, request),
        user => layers.allow_local(user, request),
    }
}

fn is_role(name: &str) -> bool {
    name.starts_with("role:")
}

fn members(policy: &Policy) -> BTreeSet<String> {
    policy.groupings.iter().map(|grouping| grouping.member.clone()).collect()
}

/// Returns the project that a request is about.
fn project_of(request: Request<'_>) -> Option<&str> {
    match request.resource {
        "applications" | "applicationsets" | "repositories" | "clusters" | "logs" | "exec" => {
            request.object.split_once('/').map(|(project, _)| project).filter(|name| !name.is_empty())
        }
        "projects" => Some(request.object).filter(|name| !name.is_empty()),
        _ => None,
    }
}

/// The rules that count for one request.
#[derive(Debug, Clone, Copy)]
struct Layers<'a> {
    global: &'a Rules,
    project: Option<&'a Rules>,
}

impl Layers<'_> {
    /// Some rule allows and none denies.
    fn allow(self, subject: &str, request: Request<'_>) -> bool {
        self.decide(&self.roles(subject), request)
    }

    /// The same for a local user, of whom `admin` has its role.
    fn allow_local(self, subject: &str, request: Request<'_>) -> bool {
        let mut roles = self.roles(subject);
        if subject == builtin::ADMIN_ACCOUNT {
            roles.extend(self.roles(builtin::ADMIN));
        }
        self.decide(&roles, request)
    }

    fn decide(self, roles: &BTreeSet<String>, request: Request<'_>) -> bool {
        let mut is_allowed = false;
        for rules in std::iter::once(self.global).chain(self.project) {
            for rule in roles.iter().flat_map(|role| rules.of(role)).filter(|rule| rule.covers(request)) {
                match rule.effect {
                    Effect::Deny => return false,
                    Effect::Allow => is_allowed = true,
                    Effect::Other => {}
                }
            }
        }
        is_allowed
    }

    /// Who asks, and every role that follows from it.
    fn roles(self, subject: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::from([subject.to_owned()]);
        let mut fresh = vec![subject.to_owned()];
        while let Some(member) = fresh.pop() {
            for rules in std::iter::once(self.global).chain(self.project) {
                let roles = rules.roles.get(&member).into_iter().flatten();
                fresh.extend(roles.filter(|role| found.insert((*role).clone())).cloned());
            }
        }
        found
    }
}

/// Rules by their subject, roles by their member.
#[derive(Debug, Clone)]
struct Rules {
    rules: BTreeMap<String, Vec<Compiled>>,
    roles: BTreeMap<String, Vec<String>>,
}

impl Rules {
    fn new(policy: &Policy, mode: MatchMode) -> Self {
        let mut compiled = Self { rules: BTreeMap::new(), roles: BTreeMap::new() };
        for rule in &policy.rules {
            compiled.rules.entry(rule.subject.clone()).or_default().push(Compiled::new(rule, mode));
        }
        for grouping in &policy.groupings {
            compiled.roles.entry(grouping.member.clone()).or_default().push(grouping.role.clone());
        }
        compiled
    }

    fn of(&self, subject: &str) -> &[Compiled] {
        self.rules.get(subject).map_or(&[], Vec::as_slice)
    }
}

#[derive(Debug, Clone)]
struct Compiled {
    resource: Pattern,
    action: Pattern,
    object: Pattern,
    effect: Effect,
}

impl Compiled {
    fn new(rule: &Rule, mode: MatchMode) -> Self {
        let pattern = |text: &str| Pattern::new(text, mode);
        let (resource, action) = (pattern(&rule.resource), pattern(&rule.action));
        Self { resource, action, object: pattern(&rule.object), effect: rule.effect }
    }

    fn covers(&self, request: Request<'_>) -> bool {
        self.resource.matches(request.resource)
            && self.action.matches(request.action)
            && self.object.matches(request.object)
    }
}
