//! Kustomize: which commands bring the options of a source into a kustomization and build it.

use std::collections::BTreeMap;

use serde_json::Value;
use tiphys_api::types::{ApplicationSourceKustomize, IntOrString, KustomizeReplica};

use crate::command::{Argument, Command, CommandError};
use crate::environment::Environment;
use crate::kube_version;
use crate::request::Request;
use crate::yaml;

/// What a file must be called to be a kustomization; the first that exists counts.
pub const FILES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// A folder, ready to be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// Commands, to be run one after the other: those before the last in the folder, the last at the root.
    pub commands: Vec<Command>,
    /// What the kustomization must hold before components are added.
    pub kustomization: Option<String>,
}

/// Returns how a kustomization is built. `kustomization` is the text of its file, `options` are those of the whole
/// installation.
///
/// # Errors
/// When an option cannot be followed; then nothing must be run.
pub fn build(request: &Request<'_>, kustomization: Option<&str>, options: &str) -> Result<Build, CommandError> {
    let none = ApplicationSourceKustomize::default();
    let kustomize = request.source.kustomize.as_ref().unwrap_or(&none);
    let kube_version = kube_version::numbers(request.kube_version())?;
    let mut commands = edits(request, kustomize)?;
    commands.push(Command { program: "kustomize", arguments: last(request, options, &kube_version) });
    Ok(Build { commands, kustomization: patched(kustomize, kustomization)? })
}

fn edits(request: &Request<'_>, kustomize: &ApplicationSourceKustomize) -> Result<Vec<Command>, CommandError> {
    let environment = request.environment();
    let set = |what: &str, value: &str| {
        (!value.is_empty()).then(|| edit(&["edit", "set", what, "--"], vec![value.to_owned()]))
    };
    let images = kustomize.images.iter().map(|image| environment.expand(image));
    let replicas = kustomize.replicas.iter().map(count).collect::<Result<Vec<_>, _>>()?;
    let labels = pairs(&kustomize.common_labels, Some(&environment));
    let annotations =
        pairs(&kustomize.common_annotations, Some(&environment).filter(|_| kustomize.common_annotations_envsubst));
    let components: Vec<String> = kustomize.components.iter().filter(|path| is_there(request, path)).cloned().collect();
    let commands = [
        set("nameprefix", &kustomize.name_prefix),
        set("namesuffix", &kustomize.name_suffix),
        several(&["edit", "set", "image"], &[], images.collect())?,
        several(&["edit", "set", "replicas"], &[], replicas)?,
        several(&["edit", "add", "label"], &label_flags(kustomize), labels)?,
        several(
            &["edit", "add", "annotation"],
            if kustomize.force_common_annotations { &["--force"] } else { &[] },
            annotations,
        )?,
        set("namespace", &kustomize.namespace),
        several(&["edit", "add", "component"], &[], components)?,
    ];
    Ok(commands.into_iter().flatten().collect())
}

fn edit(words: &[&str], values: Vec<String>) -> Command {
    let words = words.iter().map(|word| Argument::text(*word));
    Command { program: "kustomize", arguments: words.chain(values.into_iter().map(Argument::Text)).collect() }
}

/// Returns a command with values that stand where options may stand too.
fn several(words: &[&str], flags: &[&str], values: Vec<String>) -> Result<Option<Command>, CommandError> {
    if let Some(option) = values.iter().find(|value| value.starts_with('-')) {
        return Err(CommandError::Option(option.clone()));
    }
    Ok((!values.is_empty()).then(|| edit(&[words, flags].concat(), values)))
}

fn label_flags(kustomize: &ApplicationSourceKustomize) -> Vec<&'static str> {
    let flags = [
        ("--force", kustomize.force_common_labels),
        ("--without-selector", kustomize.label_without_selector),
        ("--include-templates", kustomize.label_include_templates),
    ];
    flags.into_iter().filter(|(_, wanted)| *wanted).map(|(flag, _)| flag).collect()
}

fn pairs(map: &BTreeMap<String, String>, environment: Option<&Environment>) -> Vec<String> {
    let pair = |(name, value): (&String, &String)| {
        let value = environment.map_or_else(|| value.clone(), |environment| environment.expand(value));
        format!("{name}:{value}")
    };
    map.iter().map(pair).collect()
}

fn count(replica: &KustomizeReplica) -> Result<String, CommandError> {
    let count = match &replica.count.0 {
        IntOrString::Int(count) => i64::from(*count),
        IntOrString::String(text) => text.parse().map_err(|_| CommandError::Count(text.clone()))?,
    };
    Ok(format!("{}={count}", replica.name))
}

/// Returns whether a component is to be added: missing ones are, too, unless they may be missing.
fn is_there(request: &Request<'_>, component: &str) -> bool {
    let ignored = request.source.kustomize.as_ref().is_some_and(|kustomize| kustomize.ignore_missing_components);
    let path = request.checkout.resolve(&request.source.path, component.trim_start_matches('/'));
    !ignored || path.and_then(|path| request.checkout.holds(&path)) == Ok(true)
}

fn last(request: &Request<'_>, options: &str, kube_version: &str) -> Vec<Argument> {
    let mut arguments = vec![Argument::text("build"), Argument::path(request.source.path.trim_matches('/'))];
    arguments.extend(options.split_whitespace().map(Argument::text));
    if options.contains("--enable-helm") {
        if !kube_version.is_empty() {
            arguments.extend(["--helm-kube-version", kube_version].map(Argument::text));
        }
        for version in request.api_versions() {
            arguments.extend(["--helm-api-versions", version].map(Argument::text));
        }
    }
    arguments
}

/// Returns the kustomization with the patches of the source behind its own.
fn patched(kustomize: &ApplicationSourceKustomize, text: Option<&str>) -> Result<Option<String>, CommandError> {
    if kustomize.patches.is_empty() {
        return Ok(None);
    }
    let mut kustomization = yaml::read(text.ok_or(CommandError::NoKustomization)?)?;
    let fields = kustomization.as_object_mut().ok_or(CommandError::Form("it", "a map"))?;
    let patches = fields.entry("patches").or_insert_with(|| Value::Array(vec![]));
    let list = patches.as_array_mut().ok_or(CommandError::Form("patches", "a list"))?;
    list.extend(kustomize.patches.iter().map(|patch| serde_json::to_value(patch).unwrap_or_default()));
    Ok(Some(yaml::write(&kustomization)))
}
