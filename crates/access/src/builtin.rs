//! The roles that everyone has: `role:readonly` and `role:admin`.

use crate::policy::{Effect, Grouping, Policy, Rule};

/// The role that sees everything but changes nothing.
pub(crate) const READONLY: &str = "role:readonly";
/// The role that may do everything but invoke extensions, as upstream has it.
pub(crate) const ADMIN: &str = "role:admin";
/// The account that has [`ADMIN`].
pub(crate) const ADMIN_ACCOUNT: &str = "admin";

const READABLE: &[&str] = &[
    "applications",
    "applicationsets",
    "certificates",
    "clusters",
    "repositories",
    "write-repositories",
    "projects",
    "accounts",
    "gpgkeys",
    "logs",
];

/// What is named `project/name`.
const NAMESPACED: &[&str] = &["applications", "applicationsets", "logs", "exec", ROLLOUTS];

/// A resource of our own: `namespace/name` of a Rollout, and the actions of the table of actions.
const ROLLOUTS: &str = "rollouts";

const CHANGEABLE: &[(&str, &[&str])] = &[
    (
        "applications",
        &["create", "update", "update/*", "delete", "delete/*", "sync", "rollback", "override", "action/*"],
    ),
    ("applicationsets", &["get", "create", "update", "delete"]),
    ("certificates", &["create", "update", "delete"]),
    ("clusters", &["create", "update", "delete"]),
    ("repositories", &["create", "update", "delete"]),
    ("write-repositories", &["create", "update", "delete"]),
    ("projects", &["create", "update", "delete"]),
    ("accounts", &["update"]),
    ("gpgkeys", &["create", "delete"]),
    ("exec", &["create"]),
];

/// Returns the built-in rules, without who has them.
pub(crate) fn policy() -> Policy {
    let readable = READABLE.iter().map(|resource| allow(READONLY, resource, "get"));
    let changeable =
        CHANGEABLE.iter().flat_map(|(resource, actions)| actions.iter().map(|action| allow(ADMIN, resource, action)));
    let inherits = Grouping { member: ADMIN.to_owned(), role: READONLY.to_owned() };
    let own = [allow(READONLY, ROLLOUTS, "get"), allow(READONLY, ROLLOUTS, "logs"), allow(ADMIN, ROLLOUTS, "*")];
    Policy { rules: readable.chain(changeable).chain(own).collect(), groupings: vec![inherits] }
}

fn allow(role: &str, resource: &str, action: &str) -> Rule {
    Rule {
        subject: role.to_owned(),
        resource: resource.to_owned(),
        action: action.to_owned(),
        object: if NAMESPACED.contains(&resource) { "*/*" } else { "*" }.to_owned(),
        effect: Effect::Allow,
    }
}
