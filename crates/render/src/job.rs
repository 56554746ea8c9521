//! One source that is being rendered.

use std::{collections::BTreeMap, ffi::OsString, path::Path, sync::Arc};

use serde_json::Value;
use tiphys_api::types::ApplicationSource;

use crate::{
    cache::Uses,
    checkout::Checkout,
    command::{Argument, Command},
    error::RenderError,
    layout::{Layout, Workshop},
    limits::Limits,
    program::{Ended, Network, Programs, Run},
    repositories::Repositories,
    request::Request,
    settings::Settings,
    wanted::{SourceType, Wanted},
};

/// All that the render of one source needs.
pub(crate) struct Job {
    pub(crate) wanted: Wanted,
    /// With the options that files override.
    pub(crate) source: ApplicationSource,
    pub(crate) revision: String,
    pub(crate) checkout: Checkout,
    /// Where the source is, links followed.
    pub(crate) folder: String,
    /// The checkouts of other sources by the names that they are referred to.
    pub(crate) references: BTreeMap<String, Checkout>,
    pub(crate) repositories: Arc<Repositories>,
    pub(crate) programs: Programs,
    pub(crate) limits: Limits,
    pub(crate) settings: Settings,
    /// Where workshops are made.
    pub(crate) work: std::path::PathBuf,
}

/// The manifests of one source.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) objects: Vec<Value>,
    pub(crate) source_type: SourceType,
    pub(crate) uses: Uses,
}

impl Job {
    pub(crate) fn request(&self) -> Request<'_> {
        Request {
            source: &self.source,
            application: &self.wanted.application,
            project: &self.wanted.project,
            namespace: &self.wanted.namespace,
            revision: &self.revision,
            kube_version: &self.wanted.kube_version,
            api_versions: &self.wanted.api_versions,
            checkout: &self.checkout,
            references: &self.references,
            schemes: &self.settings.value_schemes,
        }
    }

    /// Whether options name the revision; then other revisions render anew.
    pub(crate) fn names_revision(&self) -> bool {
        let text = serde_json::to_string(&self.source).unwrap_or_default();
        ["ARGOCD_APP_REVISION", "ARGOCD_APP_SOURCE_TARGET_REVISION"].iter().any(|name| text.contains(name))
    }

    /// Returns the arguments of a command with the files that they name laid out. `inline` is the file of the
    /// application's own values.
    pub(crate) fn arguments(
        &self,
        command: &Command,
        workshop: &Workshop,
        inline: Option<&Path>,
    ) -> Result<Vec<OsString>, RenderError> {
        let mut arguments = Vec::new();
        for argument in &command.arguments {
            arguments.push(match argument {
                Argument::Text(text) => OsString::from(text),
                Argument::InlineValues => inline.map(OsString::from).unwrap_or_default(),
                Argument::Path { before, reference, path } => {
                    let name = reference.as_deref();
                    let checkout = name.and_then(|name| self.references.get(name)).unwrap_or(&self.checkout);
                    let root = workshop.root(name);
                    Layout::new(checkout, root.clone(), &self.limits, &[]).file(path)?;
                    let mut whole = OsString::from(before);
                    whole.push(root.join(path));
                    whole
                }
            });
        }
        Ok(arguments)
    }

    /// Runs a program in a folder of the workshop.
    pub(crate) async fn run(
        &self,
        workshop: &Workshop,
        program: &'static str,
        arguments: Vec<OsString>,
        folder: &Path,
        network: Network,
    ) -> Result<Result<Vec<u8>, String>, RenderError> {
        let request = self.request();
        let environment = request.environment();
        let environment = environment.variables().map(|(name, value)| (name.to_owned(), value.into()));
        let run = Run {
            programs: &self.programs,
            program,
            arguments: arguments.clone(),
            folder,
            home: &workshop.home(),
            environment: if program == "kustomize" { environment.collect() } else { Vec::new() },
            network,
        };
        Ok(match run.run(&self.limits).await? {
            Ended::Well(output) => Ok(output),
            Ended::Badly(words) => Err(shown(program, &arguments, &words, workshop)),
        })
    }
}

/// What a user is told of a command that failed: without places on disk and long lists.
fn shown(program: &str, arguments: &[OsString], words: &str, workshop: &Workshop) -> String {
    let mut line = program.to_owned();
    let mut arguments = arguments.iter().map(|argument| argument.to_string_lossy());
    let mut has_versions = false;
    while let Some(argument) = arguments.next() {
        if argument == "--api-versions" {
            arguments.next();
            if !has_versions {
                line.push_str(" <api versions removed>");
            }
            has_versions = true;
        } else {
            line.push(' ');
            line.push_str(&argument);
        }
    }
    without_places(&format!("`{line}` {words}"), workshop)
}

/// Names of places on disk mean nothing to a user.
fn without_places(text: &str, workshop: &Workshop) -> String {
    let root = workshop.root(None).display().to_string();
    let text = text.replace(&root, "<path to cached source>");
    text.replace(&workshop.path().display().to_string(), "<path to cached source>")
}
