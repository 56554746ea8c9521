//! ConfigMap `argocd-rbac-cm`.

use std::collections::BTreeMap;

use crate::{
    pattern::MatchMode,
    policy::{Malformed, Policy},
};

/// What the ConfigMap says.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The policy of `policy.csv` and all `policy.*.csv`.
    pub policy: Policy,
    /// The role that everyone has (`policy.default`), empty for none.
    pub default_role: String,
    /// How patterns are matched (`policy.matchMode`).
    pub match_mode: MatchMode,
    /// The claims that hold groups (`scopes`).
    pub scopes: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            default_role: String::new(),
            match_mode: MatchMode::default(),
            scopes: vec!["groups".to_owned()],
        }
    }
}

impl Config {
    /// Reads the data of the ConfigMap.
    ///
    /// # Errors
    /// The first malformed line of the policy; who holds an earlier `Config` goes on with it.
    pub fn read(data: &BTreeMap<String, String>) -> Result<Self, Malformed> {
        let text = |key: &str| data.get(key).map_or("", |text| text.trim());
        Ok(Self {
            policy: Policy::parse(&text_of_policy(data))?,
            default_role: text("policy.default").to_owned(),
            match_mode: MatchMode::parse(text("policy.matchMode")),
            scopes: data.get("scopes").map_or_else(|| Self::default().scopes, |scopes| names(scopes)),
        })
    }
}

/// Returns `policy.csv` and then every `policy.*.csv` in the order of its key, a line each.
#[must_use]
pub fn text_of_policy(data: &BTreeMap<String, String>) -> String {
    let mut text = data.get("policy.csv").cloned().unwrap_or_default();
    let more = data
        .iter()
        .filter(|(key, _)| key.as_str() != "policy.csv" && key.starts_with("policy.") && key.ends_with(".csv"));
    for (_, part) in more {
        text.push('\n');
        text.push_str(part);
    }
    text
}

/// Reads `[groups, email]`, or one name without brackets, which upstream's documentation shows.
fn names(text: &str) -> Vec<String> {
    let text = text.trim();
    let inside = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let lines = inside.split([',', '\n']).map(|name| name.trim().trim_start_matches("- ").trim_matches(['"', '\'']));
    lines.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_a_list_or_a_name() {
        for (text, expected) in [
            ("[groups]", vec!["groups"]),
            ("[ \"groups\", email ]", vec!["groups", "email"]),
            ("- groups\n- email\n", vec!["groups", "email"]),
            ("groups", vec!["groups"]),
            ("[]", vec![]),
        ] {
            assert_eq!(names(text), expected, "{text}");
        }
    }
}
