//! Helm: which command renders a chart, with which values.

use std::collections::{BTreeMap, BTreeSet};

use tiphys_api::types::ApplicationSourceHelm;

use crate::checkout::{Checkout, PathError};
use crate::command::{Argument, Command, CommandError};
use crate::environment::Environment;
use crate::kube_version;
use crate::repository::scheme;
use crate::request::Request;
use crate::yaml;

/// A chart, ready to be rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The command, to be run in the folder of the chart.
    pub command: Command,
    /// Text of the file with the application's own values.
    pub inline_values: Option<String>,
}

/// Returns how a chart is rendered.
///
/// # Errors
/// When an option cannot be followed; then nothing must be run.
pub fn template(request: &Request<'_>) -> Result<Template, CommandError> {
    let none = ApplicationSourceHelm::default();
    let helm = request.source.helm.as_ref().unwrap_or(&none);
    let environment = request.environment();
    let kube_version = kube_version::numbers(request.kube_version())?;
    let values = Files { request, environment: &environment }.value_files(helm)?;
    let settings = settings(request, helm, &environment)?;
    if !["", "v3", "v4"].contains(&helm.version.as_str()) {
        return Err(CommandError::HelmVersion(helm.version.clone()));
    }
    let inline_values = inline_values(helm);
    let own = inline_values.as_ref().map(|_| Argument::InlineValues);
    let mut line = Line(["template", ".", "--name-template", release(request, helm)].map(Argument::text).to_vec());
    line.option("--namespace", request.namespace());
    line.option("--kube-version", &kube_version);
    line.0.extend(settings);
    for file in values.into_iter().chain(own) {
        line.0.extend([Argument::text("--values"), file]);
    }
    for version in request.api_versions() {
        line.option("--api-versions", version);
    }
    line.flag("--include-crds", !helm.skip_crds);
    line.flag("--skip-schema-validation", helm.skip_schema_validation);
    line.flag("--skip-tests", helm.skip_tests);
    Ok(Template { command: Command { program: "helm", arguments: line.0 }, inline_values })
}

struct Line(Vec<Argument>);

impl Line {
    fn option(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.0.extend([Argument::text(name), Argument::text(value)]);
        }
    }

    fn flag(&mut self, name: &str, wanted: bool) {
        if wanted {
            self.0.push(Argument::text(name));
        }
    }
}

/// Returns the name of the release: names of applications in other namespaces begin with theirs and `_`.
fn release<'r>(request: &Request<'r>, helm: &'r ApplicationSourceHelm) -> &'r str {
    let name = request.application.split_once('_').map_or(request.application, |(_, name)| name);
    [helm.release_name.as_str(), name].into_iter().find(|name| !name.is_empty()).unwrap_or(request.application)
}

fn inline_values(helm: &ApplicationSourceHelm) -> Option<String> {
    let text = match helm.values_object.as_ref() {
        Some(object) => yaml::write(object),
        None => helm.values.clone(),
    };
    Some(text).filter(|text| !text.is_empty())
}

/// Returns the arguments for single values: those that may be anything, texts, and contents of files.
fn settings(
    request: &Request<'_>,
    helm: &ApplicationSourceHelm,
    environment: &Environment,
) -> Result<Vec<Argument>, CommandError> {
    let mut arguments = Vec::new();
    for (option, texts) in [("--set", false), ("--set-string", true)] {
        // The last value of a name counts.
        let chosen = helm.parameters.iter().filter(|parameter| parameter.force_string == texts);
        let values: BTreeMap<_, _> = chosen.map(|parameter| (&parameter.name, &parameter.value)).collect();
        for (name, value) in values {
            let value = with_commas(&environment.expand(value));
            arguments.extend([Argument::text(option), Argument::text(format!("{name}={value}"))]);
        }
    }
    let files: BTreeMap<_, _> = helm.file_parameters.iter().map(|file| (&file.name, &file.path)).collect();
    let resolver = Files { request, environment };
    for (name, path) in files {
        let file = match resolver.resolve(path)? {
            Argument::Text(url) => Argument::Text(format!("{name}={}", with_commas(&url))),
            Argument::Path { reference, path, .. } => {
                Argument::Path { before: format!("{name}="), reference, path: with_commas(&path) }
            }
            Argument::InlineValues => continue,
        };
        arguments.extend([Argument::text("--set-file"), file]);
    }
    Ok(arguments)
}

/// Commas separate settings, unless they stand in a list or behind a backslash.
fn with_commas(value: &str) -> String {
    if value.starts_with('{') && value.ends_with('}') {
        return value.to_owned();
    }
    let mut escaped = String::new();
    let mut before = '\0';
    for c in value.chars() {
        if c == ',' && before != '\\' {
            escaped.push('\\');
        }
        escaped.push(c);
        before = c;
    }
    escaped
}

struct Files<'f> {
    request: &'f Request<'f>,
    environment: &'f Environment,
}

impl Files<'_> {
    /// Returns the value files in the order in which they count: a file that is named comes where it is named, even if
    /// a pattern finds it too.
    fn value_files(&self, helm: &ApplicationSourceHelm) -> Result<Vec<Argument>, CommandError> {
        let resolved = helm.value_files.iter().map(|file| self.resolve(file)).collect::<Result<Vec<_>, _>>()?;
        let named: Vec<Argument> = resolved.iter().filter(|file| !is_pattern(file)).cloned().collect();
        let mut files = Vec::new();
        let mut seen = BTreeSet::new();
        for (written, file) in helm.value_files.iter().zip(resolved) {
            let found = if is_pattern(&file) {
                let mut found = self.matching(&file)?;
                if found.is_empty() && !helm.ignore_missing_value_files {
                    return Err(CommandError::NoMatch(written.clone()));
                }
                found.retain(|file| !named.contains(file));
                found
            } else if helm.ignore_missing_value_files && self.is_missing(&file)? {
                vec![]
            } else {
                vec![file]
            };
            files.extend(found.into_iter().filter(|file| seen.insert(format!("{file:?}"))));
        }
        Ok(files)
    }

    /// Returns where a file is: behind a URL, in the checkout of another source (`$name/path`), or in our own.
    fn resolve(&self, written: &str) -> Result<Argument, CommandError> {
        let (name, rest) = written.split_once('/').unwrap_or((written, ""));
        let reference = name.strip_prefix('$').and_then(|name| self.request.references.get_key_value(name));
        if let Some((name, checkout)) = reference {
            let path = below_root(checkout, "", &self.environment.expand(rest))?;
            return Ok(Argument::Path { before: String::new(), reference: Some(name.clone()), path });
        }
        let path = self.environment.expand(written);
        match scheme(&path) {
            Some(scheme) if self.request.schemes.iter().any(|allowed| allowed.eq_ignore_ascii_case(&scheme)) => {
                Ok(Argument::Text(path))
            }
            Some(scheme) => Err(CommandError::Scheme(scheme)),
            None => Ok(Argument::path(below_root(self.request.checkout, &self.request.source.path, &path)?)),
        }
    }

    fn matching(&self, pattern: &Argument) -> Result<Vec<Argument>, CommandError> {
        let Argument::Path { reference, path, .. } = pattern else { return Ok(vec![]) };
        let found = self.checkout(reference.as_deref()).glob(path)?;
        let place = |path| Argument::Path { before: String::new(), reference: reference.clone(), path };
        Ok(found.into_iter().map(place).collect())
    }

    fn is_missing(&self, file: &Argument) -> Result<bool, PathError> {
        let Argument::Path { reference, path, .. } = file else { return Ok(false) };
        Ok(!self.checkout(reference.as_deref()).holds(path)?)
    }

    fn checkout(&self, reference: Option<&str>) -> &Checkout {
        reference.and_then(|name| self.request.references.get(name)).unwrap_or(self.request.checkout)
    }
}

fn below_root(checkout: &Checkout, folder: &str, path: &str) -> Result<String, PathError> {
    let resolved = checkout.resolve(folder, path)?;
    if resolved.is_empty() { Err(PathError::Root(path.to_owned())) } else { Ok(resolved) }
}

fn is_pattern(file: &Argument) -> bool {
    matches!(file, Argument::Path { path, .. } if path.contains(['*', '?', '[']))
}
