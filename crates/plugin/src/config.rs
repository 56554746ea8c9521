//! The ConfigMap `argo-rollouts-config`.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What a plugin is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// `metricProviderPlugins`.
    Metric,
    /// `stepPlugins`.
    Step,
    /// `trafficRouterPlugins`.
    Traffic,
}

impl Role {
    const ALL: [Self; 3] = [Self::Metric, Self::Step, Self::Traffic];

    /// Returns the key in the ConfigMap.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Metric => "metricProviderPlugins",
            Self::Step => "stepPlugins",
            Self::Traffic => "trafficRouterPlugins",
        }
    }
}

/// One plugin as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configured {
    /// What it is for.
    pub role: Role,
    /// `namespace/name`.
    pub name: String,
    /// `file://`, `https://` or `http://`.
    pub location: String,
    /// SHA-256 of the program, 64 hexadecimal digits; empty: not checked.
    pub sha256: String,
    /// Arguments.
    pub args: Vec<String>,
    /// Secrets whose entries are headers of the download.
    pub header_secrets: Vec<String>,
    /// Whether steps of it are passed over (step plugins).
    pub is_disabled: bool,
}

/// What is wrong in the ConfigMap. The other plugins work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A key is no list of plugins.
    #[error("{key}: {reason}")]
    List {
        /// The key.
        key: &'static str,
        /// What the parser said.
        reason: String,
    },
    /// A name is not `namespace/name`.
    #[error("plugin repository ({0}) must be in the format of <namespace>/<name>")]
    Name(String),
    /// Two of one name and role.
    #[error("{key}: plugin {name} is listed twice")]
    Twice {
        /// The key.
        key: &'static str,
        /// The name.
        name: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    #[serde(default)]
    name: String,
    #[serde(default)]
    location: String,
    #[serde(default)]
    sha256: Option<String>,
    #[serde(default)]
    args: Option<Vec<String>>,
    #[serde(default)]
    headers_from: Option<Vec<HeadersFrom>>,
    #[serde(default)]
    disabled: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HeadersFrom {
    secret_ref: SecretRef,
}

#[derive(Debug, Deserialize)]
struct SecretRef {
    name: String,
}

/// Returns the plugins of the ConfigMap's `data`, and what is wrong with others.
#[must_use]
pub fn configured(data: &BTreeMap<String, String>) -> (Vec<Configured>, Vec<ConfigError>) {
    let (mut found, mut errors) = (Vec::<Configured>::new(), Vec::new());
    for role in Role::ALL {
        let key = role.key();
        let text = data.get(key).map(String::as_str).unwrap_or_default();
        match serde_saphyr::from_str::<Option<Vec<Listed>>>(if text.trim().is_empty() { "null" } else { text }) {
            Err(error) => errors.push(ConfigError::List { key, reason: error.to_string() }),
            Ok(listed) => {
                for one in listed.into_iter().flatten() {
                    let is_twice = found.iter().any(|other| other.role == role && other.name == one.name);
                    if !is_name(&one.name) {
                        errors.push(ConfigError::Name(one.name));
                    } else if is_twice {
                        errors.push(ConfigError::Twice { key, name: one.name });
                    } else {
                        found.push(one.with(role));
                    }
                }
            }
        }
    }
    (found, errors)
}

impl Listed {
    fn with(self, role: Role) -> Configured {
        let secrets = self.headers_from.into_iter().flatten().map(|from| from.secret_ref.name);
        Configured {
            role,
            name: self.name,
            location: self.location,
            sha256: self.sha256.unwrap_or_default(),
            args: self.args.unwrap_or_default(),
            header_secrets: secrets.collect(),
            is_disabled: self.disabled,
        }
    }
}

/// Two parts of letters, digits and `-`, the second also of `_` and `.`; no part that a path would read as a folder.
pub(crate) fn is_name(name: &str) -> bool {
    let Some((namespace, name)) = name.split_once('/') else { return false };
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    !namespace.is_empty()
        && namespace.chars().all(is_plain)
        && !name.is_empty()
        && name.chars().all(|letter| is_plain(letter) || letter == '_' || letter == '.')
        && name != "."
        && name != ".."
}
