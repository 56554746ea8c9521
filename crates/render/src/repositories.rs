//! Repositories and credentials that are configured, as Secrets hold them.

use std::{collections::BTreeMap, fmt, time::Duration};

use tiphys_git::{Credentials, Remote};

use crate::repository;

/// Label of Secrets that are configuration.
pub const TYPE_LABEL: &str = "argocd.argoproj.io/secret-type";

/// Time for a request to a repository.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Fields that must be `true` or `false`, as Go reads them.
const FLAGS: [&str; 8] = [
    "insecure",
    "insecureIgnoreHostKey",
    "enableLfs",
    "enableOCI",
    "insecureOCIForceHttp",
    "forceHttpBasicAuth",
    "useAzureWorkloadIdentity",
    "webhookManifestCacheWarmDisabled",
];
/// Fields that must be whole numbers.
const NUMBERS: [&str; 3] = ["githubAppID", "githubAppInstallationID", "depth"];
/// Fields of which one makes a repository have credentials of its own.
const CREDENTIALS: [&str; 8] = [
    "username",
    "password",
    "bearerToken",
    "sshPrivateKey",
    "tlsClientCertData",
    "githubAppPrivateKey",
    "useAzureWorkloadIdentity",
    "azureServicePrincipalClientSecret",
];
/// Fields that are a repository's own, and never a template's.
const OWN: [&str; 8] = [
    "url",
    "name",
    "project",
    "insecure",
    "insecureIgnoreHostKey",
    "enableLfs",
    "depth",
    "webhookManifestCacheWarmDisabled",
];
/// Fields in which a template wins.
const OVERWRITTEN: [&str; 4] = ["enableOCI", "insecureOCIForceHttp", "forceHttpBasicAuth", "useAzureWorkloadIdentity"];
/// Fields that are spelled in two ways.
const SPELLINGS: [(&str, &str); 2] = [
    ("azureServicePrincipalClientID", "azureServicePrincipalClientId"),
    ("azureServicePrincipalTenantID", "azureServicePrincipalTenantId"),
];

/// What kind of repository it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Git.
    Git,
    /// Charts.
    Helm,
    /// Artifacts of a registry.
    Oci,
}

/// A repository, or a template of credentials, as its Secret tells it. Prints no secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Repository {
    fields: BTreeMap<String, String>,
    inherited: bool,
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repository").field("url", &repository::without_credentials(self.url())).finish_non_exhaustive()
    }
}

/// A Secret that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Configuration error: {field} must be {wanted}")]
pub struct ConfigurationError {
    /// The key.
    pub field: String,
    /// What it must be.
    pub wanted: &'static str,
}

impl Repository {
    /// Reads the data of a Secret.
    ///
    /// # Errors
    /// When a truth value or number is none.
    pub fn read(data: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigurationError> {
        let mut fields: BTreeMap<String, String> = data.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        for (other, ours) in SPELLINGS {
            if let Some(value) = fields.remove(other) {
                fields.entry(ours.to_owned()).or_insert(value);
            }
        }
        for (field, value) in &fields {
            let wrong = |wanted| ConfigurationError { field: field.clone(), wanted };
            if FLAGS.contains(&field.as_str()) && truth(value).is_none() {
                return Err(wrong("`true` or `false`"));
            }
            if NUMBERS.contains(&field.as_str()) && value.parse::<i64>().is_err() {
                return Err(wrong("a whole number"));
            }
        }
        Ok(Self { fields, inherited: false })
    }

    /// Returns a repository that is configured nowhere.
    #[must_use]
    pub fn anonymous(url: &str) -> Self {
        Self { fields: BTreeMap::from([("url".to_owned(), url.to_owned())]), inherited: false }
    }

    /// Returns the value of a key of the Secret, empty when it has none. Many are confidential.
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// Returns whether a flag of the Secret is set.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        truth(self.field(name)) == Some(true)
    }

    /// Returns the URL, or for a template the start of URLs.
    #[must_use]
    pub fn url(&self) -> &str {
        self.field("url")
    }

    /// Returns the name by which charts refer to it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.field("name")
    }

    /// Returns the project that alone may use it, empty for all.
    #[must_use]
    pub fn project(&self) -> &str {
        self.field("project")
    }

    /// Returns what kind it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.field("type") {
            "helm" => Kind::Helm,
            "oci" => Kind::Oci,
            "" if self.url().starts_with("oci://") => Kind::Oci,
            _ => Kind::Git,
        }
    }

    /// Returns whether the credentials come from a template.
    #[must_use]
    pub fn is_inherited(&self) -> bool {
        self.inherited
    }

    /// Returns whether certificates and host keys go unchecked.
    #[must_use]
    pub fn is_insecure(&self) -> bool {
        ["insecure", "insecureIgnoreHostKey", "insecureOCIForceHttp"].iter().any(|flag| self.flag(flag))
    }

    fn has_credentials(&self) -> bool {
        CREDENTIALS.iter().any(
            |field| {
                if FLAGS.contains(field) { self.flag(field) } else { !self.field(field).is_empty() }
            },
        )
    }

    fn inherit(&mut self, template: &Self) {
        for (field, value) in &template.fields {
            let name = field.as_str();
            if !OWN.contains(&name) && (OVERWRITTEN.contains(&name) || self.field(name).is_empty()) {
                self.fields.insert(field.clone(), value.clone());
            }
        }
        for field in OVERWRITTEN {
            if template.field(field).is_empty() {
                self.fields.remove(field);
            }
        }
        self.inherited = true;
    }

    /// Returns how to log in over Git.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        let text = |field| Some(self.field(field)).filter(|text| !text.is_empty()).map(str::to_owned);
        let user = || text("username").unwrap_or_else(|| "x-access-token".to_owned());
        let certificate = text("tlsClientCertData").zip(text("tlsClientCertKey"));
        Credentials {
            basic: text("password").map(|password| (user(), password)),
            bearer: text("bearerToken"),
            certificate,
            ssh_key: text("sshPrivateKey"),
        }
    }

    /// Returns a text without the secrets of the repository.
    pub(crate) fn hidden_in(&self, text: &str) -> String {
        let secrets = ["password", "bearerToken"].map(|field| self.field(field));
        secrets
            .iter()
            .filter(|secret| !secret.is_empty())
            .fold(text.to_owned(), |text, secret| text.replace(secret, "******"))
    }

    /// All that decides what is seen with it, as one text.
    pub(crate) fn identity(&self) -> String {
        let mut identity = repository::normalize_or_keep(self.url());
        for (field, value) in
            self.fields.iter().filter(|(field, _)| !["url", "name", "project"].contains(&field.as_str()))
        {
            identity.push_str(&format!("\n{field}={value:?}"));
        }
        identity
    }
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// All repositories and credentials of an installation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repositories {
    repositories: Vec<Repository>,
    templates: Vec<Repository>,
    broken: BTreeMap<String, ConfigurationError>,
    /// Lines of known hosts for SSH: `ssh_known_hosts` of `argocd-ssh-known-hosts-cm`. None: those of the machine.
    pub known_hosts: Option<String>,
    /// PEM of authorities by name of host, in place of the system's: `argocd-tls-certs-cm`.
    pub authorities: BTreeMap<String, String>,
}

impl Repositories {
    /// Adds what a Secret holds, by the value of its label [`TYPE_LABEL`]; other labels add nothing. Secrets should come
    /// sorted by name: of two for the same URL the first counts.
    ///
    /// # Errors
    /// When it cannot be used. Its repository is remembered as broken then; others are not touched.
    pub fn add(
        &mut self,
        label: &str,
        data: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(), ConfigurationError> {
        let data: Vec<_> = data.into_iter().collect();
        let url = data.iter().find(|(field, _)| field == "url").map(|(_, url)| url.clone()).unwrap_or_default();
        let list = match label {
            "repository" => &mut self.repositories,
            "repo-creds" => &mut self.templates,
            _ => return Ok(()),
        };
        match Repository::read(data) {
            Ok(read) => list.push(read),
            Err(error) => {
                if label == "repository" {
                    self.broken.insert(repository::normalize_or_keep(&url), error.clone());
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Returns the repositories that are configured.
    #[must_use]
    pub fn all(&self) -> &[Repository] {
        &self.repositories
    }

    /// Returns the templates of credentials.
    #[must_use]
    pub fn templates(&self) -> &[Repository] {
        &self.templates
    }

    /// Returns a repository with its credentials, as a project sees it: one of the project before one of all, credentials
    /// of the template with the longest matching URL if it has none. One that is not configured is anonymous.
    ///
    /// # Errors
    /// When its Secret cannot be used.
    pub fn find(&self, url: &str, project: &str) -> Result<Repository, ConfigurationError> {
        let mut same = self.repositories.iter().filter(|known| repository::is_same(known.url(), url));
        let own = same.clone().find(|known| !project.is_empty() && known.project() == project);
        let Some(known) = own.or_else(|| same.find(|known| known.project().is_empty())) else {
            return match self.broken.get(&repository::normalize_or_keep(url)) {
                Some(error) => Err(error.clone()),
                None => Ok(self.with_template(Repository::anonymous(url))),
            };
        };
        Ok(self.with_template(known.clone()))
    }

    fn with_template(&self, mut found: Repository) -> Repository {
        if found.has_credentials() {
            return found;
        }
        let fitting: Vec<&Repository> =
            self.templates.iter().filter(|template| is_below(found.url(), template.url())).collect();
        if let Some(best) = repository::credential_template(found.url(), fitting.iter().map(|template| template.url()))
        {
            found.inherit(fitting[best]);
        }
        found
    }

    /// Returns how Git reaches a repository.
    #[must_use]
    pub fn remote(&self, found: &Repository) -> Remote {
        let mut remote = Remote::new(found.url());
        remote.credentials = found.credentials();
        remote.is_insecure = found.is_insecure();
        remote.authorities = self.authority(found.url()).map(str::to_owned);
        remote.known_hosts.clone_from(&self.known_hosts);
        remote.timeout = TIMEOUT;
        remote
    }

    /// Returns the authorities for the host of a URL.
    #[must_use]
    pub fn authority(&self, url: &str) -> Option<&str> {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let authority = rest.split('/').next().unwrap_or_default();
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
        self.authorities.get(host).map(String::as_str)
    }
}

/// Whether a URL is that of a template or below it: a name that only begins the same is somebody else's.
fn is_below(url: &str, template: &str) -> bool {
    let (url, template) = (repository::normalize(url), repository::normalize(template));
    let rest = url.strip_prefix(&template);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || template.ends_with(['/', ':']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured() -> Repositories {
        let mut repositories = Repositories::default();
        for (label, data) in [
            ("repository", vec![("url", "https://h/org/own.git"), ("username", "u"), ("password", "own")]),
            ("repository", vec![("url", "https://h/org/shared"), ("project", "one"), ("password", "one")]),
            ("repository", vec![("url", "https://h/org/shared")]),
            ("repo-creds", vec![("url", "https://h/org"), ("password", "org"), ("enableOCI", "true")]),
            ("repo-creds", vec![("url", "https://h/"), ("password", "host"), ("proxy", "http://p")]),
            ("other", vec![("url", "https://h/org/shared"), ("password", "never")]),
        ] {
            let data = data.into_iter().map(|(field, value)| (field.to_owned(), value.to_owned()));
            repositories.add(label, data).unwrap();
        }
        repositories
    }

    #[test]
    fn a_repository_gets_its_own_credentials_or_those_of_the_longest_template() {
        let repositories = configured();
        for (name, url, project, expected) in [
            ("its own, spelled otherwise", "https://H/org/own", "", "own"),
            ("of the project", "https://h/org/shared", "one", "one"),
            ("of another project: the shared one, with a template", "https://h/org/shared.git", "two", "org"),
            ("not configured", "https://h/org/new", "", "org"),
            ("a name that begins the same", "https://h/organisation/new", "", "host"),
            ("elsewhere", "https://x/org/new", "", ""),
        ] {
            assert_eq!(repositories.find(url, project).unwrap().field("password"), expected, "{name}");
        }
        assert!(repositories.find("https://h/org/new", "").unwrap().is_inherited());
    }

    #[test]
    fn a_broken_secret_is_told_and_hurts_no_other() {
        let mut repositories = configured();
        let data = [("url", "https://h/bad"), ("insecure", "perhaps")];
        let data = data.map(|(field, value)| (field.to_owned(), value.to_owned()));
        assert!(repositories.add("repository", data).is_err());
        let error = repositories.find("https://h/bad.git", "").unwrap_err().to_string();
        assert_eq!(error, "Configuration error: insecure must be `true` or `false`");
        assert!(repositories.find("https://h/org/own", "").is_ok());
    }

    #[test]
    fn secrets_are_not_printed() {
        assert!(!format!("{:?}", configured()).contains("own\""), "{:?}", configured());
    }

    #[test]
    fn authorities_belong_to_hosts() {
        let mut repositories = Repositories::default();
        repositories.authorities.insert("h".to_owned(), "pem".to_owned());
        for (url, expected) in
            [("https://h:8443/x", true), ("https://u@h/x", true), ("h/x", true), ("https://x/h", false)]
        {
            assert_eq!(repositories.authority(url).is_some(), expected, "{url}");
        }
    }
}
