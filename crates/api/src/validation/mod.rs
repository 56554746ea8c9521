//! What is wrong with a Rollout, in upstream's words and order.
//!
//! Only the first error reaches people (condition `InvalidSpec`), so the order is part of the contract. Paths below the
//! strategy lack the strategy's name, as upstream's do.

mod references;
mod routes;
mod steps;
mod strategy;

use serde_json::{Value, json};
use tiphys_machinery::{
    error::Cause,
    field::Path,
    pod_template::{self, Caller, Selection},
};

pub use self::references::{
    NamedService, NamedTemplate, References, ServiceView, named_services, named_templates, validate_references,
};
use crate::{
    constants::messages,
    decode::Problem,
    defaults,
    hash::{Form, write_struct},
    selector,
    types::{Rollout, RolloutSpec},
};

const NOT_NEGATIVE: &str = "must be greater than or equal to 0";

/// Returns everything that is wrong with the spec alone.
#[must_use]
pub fn validate(rollout: &Rollout) -> Vec<Cause> {
    let spec = &rollout.spec;
    let path = Path::new("spec");
    let mut causes = Vec::new();
    causes.extend(nonnegative(defaults::replicas(rollout), &path.child("replicas")));
    let selector = serde_json::to_value(&spec.selector).unwrap_or_default();
    causes.extend(validate_selector(spec, &selector, &path.child("selector")));
    if spec.workload_ref.is_some() && !spec.template_resolved_from_ref && has_metadata(spec) {
        causes.push(internal(&path.child("template"), "template must be empty for workload reference rollout"));
    }
    causes.extend(validate_template(spec, &selector, &path));
    causes.extend(nonnegative(spec.min_ready_seconds, &path.child("minReadySeconds")));
    let limit = defaults::revision_history_limit(rollout);
    causes.extend(nonnegative(limit, &path.child("revisionHistoryLimit")));
    let deadline = defaults::progress_deadline_seconds(rollout);
    let at = path.child("progressDeadlineSeconds");
    causes.extend(nonnegative(deadline, &at));
    if deadline <= spec.min_ready_seconds {
        causes.push(at.invalid(deadline, "must be greater than minReadySeconds"));
    }
    causes.extend(strategy::validate(rollout, &path.child("strategy")));
    causes
}

/// Returns the message of condition `InvalidSpec`; `None` if nothing is wrong.
///
/// What could not be decoded comes before what is wrong with the rest.
#[must_use]
pub fn invalid_spec(rollout: &Rollout, problems: &[Problem], causes: &[Cause]) -> Option<String> {
    let name = rollout.metadata.name.as_deref().unwrap_or_default();
    let problem = problems.first().map(ToString::to_string);
    let error = problem.or_else(|| causes.first().map(error_text))?;
    Some(messages::invalid_spec(name, &error))
}

/// Returns an error with its path: `spec.replicas: Invalid value: -1: must be greater than or equal to 0`.
#[must_use]
pub fn error_text(cause: &Cause) -> String {
    format!("{}: {}", cause.field, cause.message)
}

fn validate_selector(spec: &RolloutSpec, selector: &Value, path: &Path) -> Vec<Cause> {
    if spec.workload_ref.is_some() {
        return Vec::new();
    }
    let Some(typed) = &spec.selector else {
        return vec![path.required("Rollout has missing field '.spec.selector'")];
    };
    let mut causes = pod_template::label_selector(selector, path);
    let labels = typed.match_labels.as_ref().map_or(0, std::collections::BTreeMap::len);
    if labels + typed.match_expressions.as_ref().map_or(0, Vec::len) == 0 {
        causes.push(invalid_struct(path, "LabelSelector", selector, "empty selector is invalid for deployment"));
    }
    causes
}

fn has_metadata(spec: &RolloutSpec) -> bool {
    let metadata = spec.template.metadata.as_ref();
    let has = |map: Option<&std::collections::BTreeMap<_, _>>| map.is_some_and(|map| !map.is_empty());
    has(metadata.and_then(|metadata| metadata.labels.as_ref()))
        || has(metadata.and_then(|metadata| metadata.annotations.as_ref()))
}

fn validate_template(spec: &RolloutSpec, selector: &Value, path: &Path) -> Vec<Cause> {
    if !pod_template::label_selector(selector, path).is_empty() {
        return vec![invalid_struct(&path.child("selector"), "LabelSelector", selector, "invalid label selector")];
    }
    if spec.workload_ref.is_some() && !spec.template_resolved_from_ref {
        return Vec::new();
    }
    let labels = spec.template.metadata.as_ref().and_then(|metadata| metadata.labels.clone()).unwrap_or_default();
    let is_selected = selector::selects(spec.selector.as_ref(), &labels);
    let selection = if is_selected { Selection::Selected } else { Selection::NotSelected };
    let mut template = serde_json::to_value(&spec.template).unwrap_or_default();
    pod_template::apply_defaults(&mut template);
    pod_template::validate_for_replica_set(&template, selection, &path.child("template"), Caller::Rollouts)
}

fn nonnegative(number: i32, path: &Path) -> Option<Cause> {
    (number < 0).then(|| path.invalid(number, NOT_NEGATIVE))
}

fn internal(path: &Path, text: &str) -> Cause {
    Cause { reason: "InternalError", message: format!("Internal error: {text}"), field: path.to_string() }
}

/// An invalid value that is a struct: printed with the fields in Go's order.
fn invalid_struct(path: &Path, name: &str, value: &Value, detail: &str) -> Cause {
    let text = if value.is_null() { "null".to_owned() } else { write_struct(name, value, Form::Present) };
    Cause { reason: "FieldValueInvalid", message: format!("Invalid value: {text}: {detail}"), field: path.to_string() }
}

/// An invalid value of one of our types.
fn invalid_value(path: &Path, name: &str, value: &impl serde::Serialize, detail: &str) -> Cause {
    invalid_struct(path, name, &json!(value), detail)
}
