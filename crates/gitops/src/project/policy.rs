//! The rules of a project's roles, as lines of the policy language.

use tiphys_api::types::AppProjectSpec;

/// Returns the lines: for each role that it may see its project, its own rules, and which groups have it.
#[must_use]
pub fn policies(project: &str, spec: &AppProjectSpec) -> String {
    let mut lines = Vec::new();
    for role in &spec.roles {
        let subject = format!("proj:{project}:{}", role.name);
        lines.push(format!("p, {subject}, projects, get, {project}, allow"));
        lines.extend(role.policies.iter().cloned());
        lines.extend(role.groups.iter().map(|group| format!("g, {group}, {subject}")));
    }
    lines.join("\n")
}
