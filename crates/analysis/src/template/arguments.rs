//! Values of arguments.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use tiphys_api::{
    Rollout,
    constants::spec_ref,
    duration,
    types::{AnalysisRunArgument, Argument},
};

use super::{
    TemplateError,
    interpolate::{check_terminated, fill},
};
use crate::expr;

/// Pod hashes that arguments may ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hashes {
    /// Of the stable ReplicaSet.
    pub stable: String,
    /// Of the new ReplicaSet.
    pub latest: String,
}

/// Returns the arguments of a template with the values that came in. Incoming arguments that the template does not declare
/// are dropped.
///
/// # Errors
/// Where an argument has neither value nor source in the end.
pub fn merge_arguments(incoming: &[Argument], template: &[Argument]) -> Result<Vec<Argument>, TemplateError> {
    let mut merged = template.to_vec();
    for argument in incoming {
        let Some(known) = merged.iter_mut().find(|known| known.name == argument.name) else { continue };
        if argument.value.is_some() {
            known.value.clone_from(&argument.value);
        } else if argument.value_from.is_some() {
            known.value_from.clone_from(&argument.value_from);
        }
    }
    match merged.iter().find(|argument| argument.value.is_none() && argument.value_from.is_none()) {
        Some(argument) => Err(TemplateError::Unresolved(argument.name.clone())),
        None => Ok(merged),
    }
}

/// Returns the arguments that a Rollout gives, each with its value.
///
/// # Errors
/// Where a field of the Rollout cannot be read.
pub fn rollout_arguments(
    arguments: &[AnalysisRunArgument],
    hashes: &Hashes,
    rollout: &Rollout,
) -> Result<Vec<Argument>, TemplateError> {
    let value = |argument: &AnalysisRunArgument| -> Result<String, TemplateError> {
        let from = argument.value_from.as_ref();
        match from.and_then(|from| from.pod_template_hash_value.as_deref()) {
            Some(spec_ref::LATEST_HASH) => return Ok(hashes.latest.clone()),
            Some(spec_ref::STABLE_HASH) => return Ok(hashes.stable.clone()),
            Some(_) => return Ok(argument.value.clone()),
            None => {}
        }
        match from.and_then(|from| from.field_ref.as_ref()) {
            Some(field) => field_value(rollout, &field.field_path).map_err(TemplateError::Field),
            None => Ok(argument.value.clone()),
        }
    };
    let resolved = |argument: &AnalysisRunArgument| {
        Ok(Argument { name: argument.name.clone(), value: Some(value(argument)?), value_from: None })
    };
    arguments.iter().map(resolved).collect()
}

fn field_value(rollout: &Rollout, path: &str) -> Result<String, String> {
    if path.starts_with("metadata") { metadata_value(rollout, path) } else { json_value(rollout, path) }
}

/// A field as the downward API gives it.
fn metadata_value(rollout: &Rollout, path: &str) -> Result<String, String> {
    let metadata = &rollout.metadata;
    let map = |path: &str| match path {
        "metadata.labels" => Some(metadata.labels.clone().unwrap_or_default()),
        "metadata.annotations" => Some(metadata.annotations.clone().unwrap_or_default()),
        _ => None,
    };
    if let Some((base, subscript)) = path.strip_suffix("']").and_then(|path| path.split_once("['")) {
        let map = map(base).ok_or_else(|| format!("fieldPath {path:?} does not support subscript"))?;
        if !is_qualified_name(subscript) {
            return Err(format!("invalid key subscript in {path}: {subscript}"));
        }
        return Ok(map.get(subscript).cloned().unwrap_or_default());
    }
    if let Some(map) = map(path) {
        let lines: Vec<_> = map.iter().map(|(key, value)| format!("{key}={value:?}")).collect();
        return Ok(lines.join("\n"));
    }
    match path {
        "metadata.name" => Ok(metadata.name.clone().unwrap_or_default()),
        "metadata.namespace" => Ok(metadata.namespace.clone().unwrap_or_default()),
        "metadata.uid" => Ok(metadata.uid.clone().unwrap_or_default()),
        _ => Err(format!("unsupported fieldPath: {path}")),
    }
}

fn is_qualified_name(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or_default();
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !last.is_empty() && last.len() <= 63 && last.chars().all(is_word) && name.matches('/').count() <= 1
}

/// A field of the Rollout's JSON.
fn json_value(rollout: &Rollout, path: &str) -> Result<String, String> {
    let whole = serde_json::to_value(rollout).unwrap_or_default();
    let invalid = || format!("invalid path {path} in rollout");
    let mut value = &whole;
    for section in path.split(['.', '[', ']']).filter(|section| !section.is_empty()) {
        value = match value {
            Value::Array(items) => {
                let index: i64 = section.parse().map_err(|_| format!("invalid index '{section}'"))?;
                let item = usize::try_from(index).ok().and_then(|index| items.get(index));
                item.ok_or_else(|| format!("index {index} out of range"))?
            }
            Value::Object(fields) => fields.get(section).unwrap_or(&Value::Null),
            _ => return Err(invalid()),
        };
    }
    match value {
        Value::Null => Err(invalid()),
        Value::Array(_) | Value::Object(_) => {
            Err(format!("path {path} in rollout must terminate in a primitive value"))
        }
        Value::String(text) => Ok(text.clone()),
        Value::Bool(b) => Ok(b.to_string()),
        Value::Number(number) => Ok(expr::float(number.as_f64().unwrap_or(f64::NAN))),
    }
}

/// A template of an Experiment as its arguments see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExperimentTemplate {
    /// Pod hash of its ReplicaSet.
    pub pod_template_hash: String,
    /// Name of its ReplicaSet.
    pub replica_set: String,
}

/// Returns the value of an argument that an Experiment gives.
///
/// # Errors
/// Where a placeholder stands for nothing or the duration of the Experiment is none.
pub fn experiment_argument(
    value: &str,
    available_at: Option<Timestamp>,
    experiment_duration: &str,
    templates: &BTreeMap<String, ExperimentTemplate>,
) -> Result<String, TemplateError> {
    check_terminated(value)?;
    let mut values = BTreeMap::new();
    let seconds = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    if let Some(at) = available_at {
        values.insert("experiment.availableAt".to_owned(), seconds(at));
        if !experiment_duration.is_empty() {
            let end = at.checked_add(duration::parse(experiment_duration)?);
            let end = end.map_err(|error| TemplateError::Field(error.to_string()))?;
            values.insert("experiment.finishedAt".to_owned(), seconds(end));
        }
    }
    for (name, template) in templates {
        values.insert(format!("templates.{name}.podTemplateHash"), template.pod_template_hash.clone());
        values.insert(format!("templates.{name}.replicaset.name"), template.replica_set.clone());
    }
    fill(value, &values)
}
