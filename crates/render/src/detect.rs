//! What kind of source it is, once the files that override its options are read.

use serde_json::Value;
use tiphys_api::types::{
    ApplicationSource, ApplicationSourceDirectory, ApplicationSourceHelm, ApplicationSourceKustomize,
};

use crate::{
    checkout::{Checkout, Entry},
    error::RenderError,
    kustomize,
    limits::Limits,
    manifests,
    settings::Settings,
    wanted::SourceType,
    yaml,
};

/// Returns the folder of a source, where it really is.
pub(crate) fn folder(checkout: &Checkout, path: &str) -> Result<String, RenderError> {
    let wrong = |problem| RenderError::AppPath { path: path.to_owned(), problem };
    if path.starts_with('/') {
        return Err(wrong("is absolute"));
    }
    let folder = checkout.resolve("", path).map_err(|problem| match problem {
        crate::checkout::PathError::Outside(_) => wrong("outside root"),
        other => other.into(),
    })?;
    match checkout.look(&folder)? {
        Some(Entry::Folder) => Ok(folder),
        Some(_) => Err(wrong("is not a directory")),
        None => Err(wrong("does not exist")),
    }
}

/// Returns the source with the options that files in its folder override.
pub(crate) fn overridden(
    source: &ApplicationSource,
    checkout: &Checkout,
    folder: &str,
    application: &str,
    limits: &Limits,
) -> Result<ApplicationSource, RenderError> {
    let mut merged = source.clone();
    for file in [".argocd-source.yaml".to_owned(), format!(".argocd-source-{application}.yaml")] {
        // The name of an application has no slash, and a path with one would be another file.
        if file.contains('/') {
            continue;
        }
        let path = checkout.resolve(folder, &file)?;
        if checkout.look(&path)? != Some(Entry::File) {
            continue;
        }
        let text = manifests::text_of(&checkout.read(&path, limits.file_bytes)?);
        merged = merge(&merged, &text).map_err(|cause| RenderError::Overrides { file, cause })?;
    }
    Ok(ApplicationSource {
        chart: source.chart.clone(),
        path: source.path.clone(),
        repo_url: source.repo_url.clone(),
        target_revision: source.target_revision.clone(),
        ..merged
    })
}

fn merge(source: &ApplicationSource, text: &str) -> Result<ApplicationSource, String> {
    let patch = yaml::read(text).map_err(|error| error.to_string())?;
    if !patch.is_object() && !patch.is_null() {
        return Err("a map is needed".to_owned());
    }
    let mut value = serde_json::to_value(source).map_err(|error| error.to_string())?;
    merge_patch(&mut value, &patch);
    serde_json::from_value(value).map_err(|error| error.to_string())
}

/// A JSON merge patch (RFC 7386).
fn merge_patch(value: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = Value::Object(serde_json::Map::new());
    }
    let Some(target) = value.as_object_mut() else { return };
    for (name, field) in fields {
        if field.is_null() {
            target.remove(name);
        } else {
            merge_patch(target.entry(name.clone()).or_insert(Value::Null), field);
        }
    }
}

/// Returns what kind of source it is: what its options say, else what the folder holds.
pub(crate) fn source_type(
    source: &ApplicationSource,
    checkout: &Checkout,
    folder: &str,
    settings: &Settings,
) -> Result<SourceType, RenderError> {
    if let Some(told) = told(source)? {
        return Ok(settings.enabled(told));
    }
    let mut found = SourceType::Directory;
    for (name, entry) in checkout.list(folder)? {
        if entry == Entry::Folder {
            continue;
        }
        let kind = if name.ends_with("Chart.yaml") {
            SourceType::Helm
        } else if kustomize::FILES.contains(&name.as_str()) {
            SourceType::Kustomize
        } else {
            continue;
        };
        if settings.enabled(kind) == kind {
            found = kind;
        }
    }
    Ok(found)
}

fn told(source: &ApplicationSource) -> Result<Option<SourceType>, RenderError> {
    let kustomize = source.kustomize.as_ref().is_some_and(|options| *options != ApplicationSourceKustomize::default());
    let helm = source.helm.as_ref().is_some_and(|options| *options != ApplicationSourceHelm::default());
    let directory = source.directory.as_ref().is_some_and(|options| *options != ApplicationSourceDirectory::default());
    let told: Vec<SourceType> = [
        (kustomize, SourceType::Kustomize),
        (helm, SourceType::Helm),
        (directory, SourceType::Directory),
        (source.plugin.is_some(), SourceType::Plugin),
    ]
    .into_iter()
    .filter_map(|(is_set, kind)| is_set.then_some(kind))
    .collect();
    if told.len() > 1 {
        let names: Vec<&str> = told.iter().map(|kind| kind.name()).collect();
        return Err(RenderError::Spec(format!("multiple application sources defined: {}", names.join(","))));
    }
    Ok(told.first().copied())
}
