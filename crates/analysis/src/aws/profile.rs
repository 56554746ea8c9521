//! Amazon's configuration files.

use std::{collections::BTreeMap, path::PathBuf};

use super::Identity;
use crate::providers::Services;

/// Returns what the files say about the profile of an identity; the credentials file wins.
pub(super) fn read(identity: &Identity, services: &Services) -> BTreeMap<String, String> {
    let given = Some(identity.profile.as_str()).filter(|profile| !profile.is_empty());
    let name = given.or(services.variable("AWS_PROFILE")).unwrap_or("default");
    let home = services.variable("HOME").map(PathBuf::from);
    let path = |variable: &str, file: &str| {
        services.variable(variable).map(PathBuf::from).or_else(|| Some(home.as_ref()?.join(".aws").join(file)))
    };
    let text = |path: Option<PathBuf>| path.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    let mut all = section(&text(path("AWS_CONFIG_FILE", "config")), &["profile ", ""], name);
    all.extend(section(&text(path("AWS_SHARED_CREDENTIALS_FILE", "credentials")), &[""], name));
    all
}

fn section(text: &str, prefixes: &[&str], name: &str) -> BTreeMap<String, String> {
    let (mut is_wanted, mut found) = (false, BTreeMap::new());
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(title) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            is_wanted = prefixes.iter().any(|prefix| title.trim().strip_prefix(prefix).map(str::trim) == Some(name));
        } else if is_wanted && let Some((key, value)) = line.split_once('=') {
            found.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_found_by_name() {
        let text = "[default]\nregion = eu-west-1\n# no\n[profile ops]\nregion=us-west-2\nrole_arn = r\n";
        assert_eq!(section(text, &["profile ", ""], "default")["region"], "eu-west-1");
        assert_eq!(section(text, &["profile ", ""], "ops").len(), 2);
        assert!(section(text, &["profile ", ""], "other").is_empty());
    }
}
