//! The policies that a project's roles bring.

use serde_json::Value;

use crate::policy::{Effect, Grouping, Malformed, Policy, Rule};

/// Returns what the roles of an AppProject allow: their lines, their groups, and to see the project itself.
///
/// # Errors
/// A line that is no policy: upstream then ignores all roles of the project.
pub fn policy(project: &Value) -> Result<Policy, Malformed> {
    let name = project["metadata"]["name"].as_str().unwrap_or_default();
    let mut policy = Policy::default();
    for role in project["spec"]["roles"].as_array().into_iter().flatten() {
        let subject = format!("proj:{name}:{}", role["name"].as_str().unwrap_or_default());
        for line in strings(&role["policies"]) {
            policy.extend(Policy::parse(line)?);
        }
        let groups = strings(&role["groups"]);
        policy.groupings.extend(groups.map(|group| Grouping { member: group.to_owned(), role: subject.clone() }));
        policy.rules.push(Rule {
            subject,
            resource: "projects".to_owned(),
            action: "get".to_owned(),
            object: name.to_owned(),
            effect: Effect::Allow,
        });
    }
    Ok(policy)
}

fn strings(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}
