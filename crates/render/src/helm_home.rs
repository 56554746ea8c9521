//! What helm knows of repositories: files in its home that nobody else can read, so that no password is on a command line.

use std::{collections::BTreeSet, fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use tiphys_machinery::glob;

use crate::{error::RenderError, job::Job, layout::Workshop, repositories::Repository, repository, yaml};

/// Writes the repositories that a chart's dependencies come from. Returns whether one of them is a registry without TLS.
pub(crate) fn write(job: &Job, workshop: &Workshop, repositories: &[String]) -> Result<bool, RenderError> {
    let mut home = Home::default();
    let passes = job.source.helm.as_ref().is_some_and(|helm| helm.pass_credentials);
    for written in repositories.iter().collect::<BTreeSet<_>>() {
        let alias = written.strip_prefix('@').or_else(|| written.strip_prefix("alias:"));
        let url = written.strip_prefix("oci://").unwrap_or(written);
        let known = credentials(job, alias, written, url);
        if written.starts_with("oci://") {
            home.registry(url, known.as_ref());
        } else if let Some(alias) = alias {
            let known = known.ok_or_else(|| RenderError::Tool(format!("no Helm repository is called {alias:?}")))?;
            let authority = job.repositories.authority(known.url()).unwrap_or_default();
            home.repository(workshop, alias, known.url(), Some(&known), authority, passes)?;
        } else if written.starts_with("https://") || written.starts_with("http://") {
            let authority = job.repositories.authority(url).unwrap_or_default();
            home.repository(workshop, &url.replace('/', "-"), url, known.as_ref(), authority, passes)?;
        }
    }
    home.save(workshop)?;
    Ok(home.is_plain)
}

/// Returns whether the project permits a repository.
pub(crate) fn is_permitted(job: &Job, url: &str) -> bool {
    let patterns = &job.wanted.source_repos;
    let url = repository::normalize_or_keep(url);
    let matches =
        |pattern: &str| pattern == "*" || glob::matches(&repository::normalize_or_keep(pattern), &url, &['/']);
    let (refusing, permitting): (Vec<&String>, Vec<&String>) = patterns.iter().partition(|one| one.starts_with('!'));
    let is_refused = refusing.iter().any(|pattern| matches(&pattern[1..]));
    patterns.is_empty() || (!is_refused && permitting.iter().any(|pattern| matches(pattern)))
}

/// Returns the configured repository of a dependency: one with its name or URL, or one whose credentials reach so far.
fn credentials(job: &Job, alias: Option<&str>, written: &str, url: &str) -> Option<Repository> {
    let project = &job.wanted.project;
    if let Some(alias) = alias {
        let visible = |known: &&Repository| known.project().is_empty() || known.project() == project;
        let found = job.repositories.all().iter().filter(visible).find(|known| known.name() == alias)?;
        return Some(found.clone()).filter(|found| is_permitted(job, found.url()));
    }
    [written, url].into_iter().filter(|url| is_permitted(job, url)).find_map(|url| {
        let found = job.repositories.find(url, project).ok()?;
        (["username", "tlsClientCertData"].iter().any(|field| !found.field(field).is_empty()) || found.is_insecure())
            .then_some(found)
    })
}

/// The files.
#[derive(Default)]
pub(crate) struct Home {
    repositories: Vec<Value>,
    registries: Map<String, Value>,
    is_plain: bool,
}

impl Home {
    /// Adds a repository of charts over HTTP.
    pub(crate) fn repository(
        &mut self,
        workshop: &Workshop,
        name: &str,
        url: &str,
        known: Option<&Repository>,
        authority: &str,
        passes: bool,
    ) -> Result<(), RenderError> {
        let file = |ending: &str, text: &str| {
            if text.is_empty() {
                return Ok(String::new());
            }
            let path = workshop.home().join(format!("{}{ending}", self.repositories.len()));
            confidential(&path, text.as_bytes())?;
            Ok::<_, RenderError>(path.display().to_string())
        };
        let field = |name| known.map_or("", |known| known.field(name));
        let entry = json!({
            "name": name,
            "url": url,
            "username": field("username"),
            "password": field("password"),
            "caFile": file(".ca", authority)?,
            "certFile": file(".crt", field("tlsClientCertData"))?,
            "keyFile": file(".key", field("tlsClientCertKey"))?,
            "insecure_skip_tls_verify": known.is_some_and(Repository::is_insecure),
            "pass_credentials_all": passes,
        });
        self.repositories.push(entry);
        Ok(())
    }

    /// Adds a registry.
    pub(crate) fn registry(&mut self, url: &str, known: Option<&Repository>) {
        let host = url.split('/').next().unwrap_or_default();
        let Some(known) = known else { return };
        self.is_plain |= known.flag("insecureOCIForceHttp");
        let (user, password) = (known.field("username"), known.field("password"));
        if !user.is_empty() {
            let login = STANDARD.encode(format!("{user}:{password}"));
            self.registries.insert(host.to_owned(), json!({ "auth": login }));
        }
    }

    /// Writes the files.
    pub(crate) fn save(&self, workshop: &Workshop) -> Result<(), RenderError> {
        let config = workshop.home().join("config/helm");
        let made = std::fs::create_dir_all(config.join("registry"));
        made.map_err(|error| RenderError::Internal(error.to_string()))?;
        let repositories = json!({"apiVersion": "", "repositories": self.repositories});
        confidential(&config.join("repositories.yaml"), yaml::write(&repositories).as_bytes())?;
        let registries = json!({ "auths": self.registries });
        confidential(&config.join("registry/config.json"), registries.to_string().as_bytes())
    }
}

fn confidential(path: &Path, content: &[u8]) -> Result<(), RenderError> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| file.write_all(content));
    written.map_err(|error| RenderError::Internal(format!("{}: {error}", path.display())))
}
