//! Placeholders `{{args.name}}`.

use std::collections::BTreeMap;

use tiphys_api::types::{Argument, Metric};

use super::TemplateError;

/// What stands for a secret where its value does not matter: in validation, scheduling and assessment.
pub const PLACEHOLDER: &str = "temp-for-secret";

/// Returns `metric` with every placeholder replaced. They may stand in every text, also in names and in fields that are
/// numbers or texts; they never turn a text into something else.
///
/// # Errors
/// Where an argument has no value (used or not) or a placeholder stands for none.
pub fn resolve_metric(metric: &Metric, arguments: &[Argument]) -> Result<Metric, TemplateError> {
    let template = serde_json::to_string(metric).map_err(|error| TemplateError::Decode(error.to_string()))?;
    check_terminated(&template)?;
    let mut values = BTreeMap::new();
    for argument in arguments {
        let value = argument.value.as_ref().ok_or_else(|| TemplateError::NotSupplied(argument.name.clone()))?;
        let quoted = serde_json::Value::from(value.as_str()).to_string();
        values.insert(format!("args.{}", argument.name), quoted[1..quoted.len() - 1].to_owned());
    }
    let text = fill(&template, &values)?;
    serde_json::from_str(&text).map_err(|error| TemplateError::Decode(error.to_string()))
}

/// Returns the arguments with [`PLACEHOLDER`] where a secret gives the value.
#[must_use]
pub fn with_placeholders(arguments: &[Argument]) -> Vec<Argument> {
    let shown = |argument: &Argument| {
        let mut argument = argument.clone();
        let is_secret = argument.value_from.as_ref().is_some_and(|from| from.secret_key_ref.is_some());
        if is_secret && argument.value.is_none() {
            argument.value = Some(PLACEHOLDER.to_owned());
        }
        argument
    };
    arguments.iter().map(shown).collect()
}

/// Fails where a placeholder does not end.
pub(super) fn check_terminated(template: &str) -> Result<(), TemplateError> {
    let mut rest = template;
    while let Some((_, after)) = rest.split_once("{{") {
        match after.split_once("}}") {
            Some((_, next)) => rest = next,
            None => {
                let (template, rest) = (template.to_owned(), after.to_owned());
                return Err(TemplateError::Unterminated { template, rest });
            }
        }
    }
    Ok(())
}

/// Replaces every placeholder in one pass; what is put in is not looked at again.
///
/// # Errors
/// With the last placeholder that stands for nothing.
pub(super) fn fill(template: &str, values: &BTreeMap<String, String>) -> Result<String, TemplateError> {
    let (mut out, mut rest, mut unknown) = (String::with_capacity(template.len()), template, None);
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let Some((tag, next)) = after.split_once("}}") else {
            out.push_str("{{");
            rest = after;
            break;
        };
        match values.get(tag.trim()) {
            Some(value) => out.push_str(value),
            None => unknown = Some(tag.to_owned()),
        }
        rest = next;
    }
    out.push_str(rest);
    unknown.map_or(Ok(out), |tag| Err(TemplateError::UnknownTag(tag)))
}
