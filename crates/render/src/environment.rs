//! The build environment: facts about an application that options may refer to as `$NAME` or `${NAME}`.

use std::collections::BTreeMap;

/// Characters that are a name of their own after `$`.
const SPECIAL: &str = "*#$@!?-0123456789";

/// Names and what they stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<&'static str, String>);

/// What the variables tell.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'f> {
    /// Name of the application.
    pub application: &'f str,
    /// Namespace to which is delivered.
    pub namespace: &'f str,
    /// Name of the project.
    pub project: &'f str,
    /// Revision that was found.
    pub revision: &'f str,
    /// URL of the repository.
    pub repo_url: &'f str,
    /// Folder within it.
    pub path: &'f str,
    /// Revision as it was asked for.
    pub target_revision: &'f str,
}

impl Environment {
    /// Returns the variables with which an application is rendered.
    #[must_use]
    pub fn new(facts: Facts<'_>) -> Self {
        let short = |length| facts.revision.get(..length).unwrap_or(facts.revision);
        let pairs = [
            ("ARGOCD_APP_NAME", facts.application),
            ("ARGOCD_APP_NAMESPACE", facts.namespace),
            ("ARGOCD_APP_PROJECT_NAME", facts.project),
            ("ARGOCD_APP_REVISION", facts.revision),
            ("ARGOCD_APP_REVISION_SHORT", short(7)),
            ("ARGOCD_APP_REVISION_SHORT_8", short(8)),
            ("ARGOCD_APP_SOURCE_REPO_URL", facts.repo_url),
            ("ARGOCD_APP_SOURCE_PATH", facts.path),
            ("ARGOCD_APP_SOURCE_TARGET_REVISION", facts.target_revision),
        ];
        Self(pairs.into_iter().map(|(name, value)| (name, value.to_owned())).collect())
    }

    /// Returns the variables that have a value, as a program gets them.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (*name, value.as_str()))
    }

    /// Replaces the variables in `text`; unknown ones become nothing, `$$` becomes `$`.
    #[must_use]
    pub fn expand(&self, text: &str) -> String {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            expanded.push_str(&rest[..at]);
            let after = &rest[at + 1..];
            let (name, length) = name(after);
            match name {
                Some("$") => expanded.push('$'),
                Some(name) => expanded.push_str(self.0.get(name).map_or("", String::as_str)),
                None if length == 0 => expanded.push('$'),
                // Braces that hold no name or have no end vanish.
                None => {}
            }
            rest = &after[length..];
        }
        expanded + rest
    }
}

/// Returns the name at the start of `text`, and how much of the text it takes.
fn name(text: &str) -> (Option<&str>, usize) {
    if let Some(inner) = text.strip_prefix('{') {
        return match inner.find('}') {
            Some(0) => (None, 2),
            Some(end) => (Some(&inner[..end]), end + 2),
            None => (None, 1),
        };
    }
    if text.starts_with(|c| SPECIAL.contains(c)) {
        return (Some(&text[..1]), 1);
    }
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    (Some(&text[..end]).filter(|name| !name.is_empty()), end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_as_a_shell_writes_them() {
        let environment = Environment::new(Facts { application: "web", revision: "0123456789", ..Facts::default() });
        for (text, expected) in [
            ("$ARGOCD_APP_NAME-x", "web-x"),
            ("${ARGOCD_APP_REVISION_SHORT}", "0123456"),
            ("a$NOPE.b", "a.b"),
            ("$$x", "$x"),
            ("cost: 5$", "cost: 5$"),
            ("${} ${", " "),
            ("$1/$é", "/$é"),
        ] {
            assert_eq!(environment.expand(text), expected, "{text}");
        }
    }
}
