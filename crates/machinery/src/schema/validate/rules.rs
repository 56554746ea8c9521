//! The rules under `x-kubernetes-validations`.

use serde_json::Value;

use super::{
    super::{CelRule, Schema, Type},
    correlated,
};
use crate::{
    cel::{EvalError, Val},
    error::Cause,
    field::Path,
};

/// Returns what the rules of the schema object to. Rules that this program cannot compile are passed over (see
/// [`unsupported_rules`]); rules over `oldSelf` are asked only where there is an old value to compare with.
pub(super) fn check(value: &Value, old: Option<&Value>, schema: &Schema) -> Vec<Cause> {
    let mut walk = Walk { causes: Vec::new(), budget: BUDGET };
    // An error ends the walk: the budget is used up, which is the last cause.
    let _done = walk.node(value, old, false, schema, &Path::default());
    walk.causes
}

/// Returns whether the schema has rules anywhere.
pub(super) fn any(schema: &Schema) -> bool {
    let own = schema.rules.as_ref().is_some_and(|r| !r.cel.is_empty() || r.all_of.iter().any(any));
    own || schema
        .properties
        .values()
        .chain(&schema.items)
        .chain(&schema.additional)
        .any(|s| s.type_name.is_none() && any(s))
}

/// Returns a text for each rule that cannot be compiled, for a warning when the definition is written.
#[must_use]
pub fn unsupported_rules(schema: &Schema) -> Vec<String> {
    let mut texts = Vec::new();
    collect_unsupported(schema, &Path::default(), &mut texts);
    texts
}

fn collect_unsupported(schema: &Schema, path: &Path, texts: &mut Vec<String>) {
    for rule in schema.rules.iter().flat_map(|r| &r.cel) {
        if let Err(error) = &rule.programs().rule {
            let text = rule.source()["rule"].as_str().unwrap_or_default();
            texts.push(format!("{path}: x-kubernetes-validations rule {text:?} is not enforced: {error}"));
        }
    }
    for (name, property) in schema.properties.iter().filter(|(_, p)| p.type_name.is_none()) {
        collect_unsupported(property, &path.child(name), texts);
    }
    for below in schema.items.iter().chain(&schema.additional) {
        collect_unsupported(below, &path.key("*"), texts);
    }
}

/// Steps that all rules of one object may take together.
const BUDGET: u64 = 1_000_000;
/// Longest text that a `messageExpression` may make.
const LONGEST_MESSAGE: usize = 5 * 1024;

struct Walk {
    causes: Vec<Cause>,
    budget: u64,
}

/// The budget is used up.
struct Exhausted;

impl Walk {
    /// `unchanged` says that something around this value is as it was.
    fn node(
        &mut self,
        value: &Value,
        old: Option<&Value>,
        unchanged: bool,
        schema: &Schema,
        path: &Path,
    ) -> Result<(), Exhausted> {
        if value.is_null() {
            return Ok(());
        }
        let unchanged = unchanged || old == Some(value);
        if let Some(rules) = &schema.rules {
            for rule in &rules.cel {
                self.rule(rule, value, old, unchanged, schema, path)?;
            }
            for nested in &rules.all_of {
                self.node(value, old, unchanged, nested, path)?;
            }
        }
        match value {
            Value::Object(fields) => {
                for (name, child) in fields {
                    let before = old.and_then(|o| o.get(name)).filter(|b| !b.is_null());
                    if let Some(declared) = schema.properties.get(name) {
                        self.node(child, before, unchanged, declared, &path.child(name))?;
                    } else if let Some(values) = &schema.additional {
                        self.node(child, before, unchanged, values, &path.key(name))?;
                    }
                }
            }
            Value::Array(items) => {
                let Some(item_schema) = &schema.items else { return Ok(()) };
                for (i, item) in items.iter().enumerate() {
                    let before = correlated(schema, item, old);
                    self.node(item, before, unchanged, item_schema, &path.index(i))?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn rule(
        &mut self,
        rule: &CelRule,
        value: &Value,
        old: Option<&Value>,
        unchanged: bool,
        schema: &Schema,
        path: &Path,
    ) -> Result<(), Exhausted> {
        let Ok(program) = &rule.programs().rule else { return Ok(()) };
        let transition = program.mentions("oldSelf");
        let optional = rule.source()["optionalOldSelf"] == true;
        if transition && old.is_none() && !optional {
            return Ok(());
        }
        let old = old.map(|old| Val::from_json(old, Some(schema)));
        let old = if optional { Val::Optional(old.map(Into::into)) } else { old.unwrap_or(Val::Null) };
        let variables = [("self", Val::from_json(value, Some(schema))), ("oldSelf", old)];
        match program.evaluate(&variables, &mut self.budget).and_then(|v| v.truth()) {
            Ok(true) => Ok(()),
            // What an update leaves as it was is not blamed on it, unless the rule is about the change.
            Ok(false) if unchanged && !transition => Ok(()),
            Ok(false) => {
                let message = self.message(rule, &variables);
                self.causes.push(objection(rule, schema, path, &message));
                Ok(())
            }
            Err(error) => self.failed(rule, schema, path, &error),
        }
    }

    fn message(&mut self, rule: &CelRule, variables: &[(&str, Val)]) -> String {
        let own = rule.source()["message"].as_str().map(str::trim).filter(|m| !m.is_empty());
        let default = || own.map_or_else(|| format!("failed rule: {}", name(rule)), str::to_owned);
        let Some(expression) = &rule.programs().message else { return default() };
        match expression.evaluate(variables, &mut self.budget) {
            Ok(Val::Text(text)) => {
                let text = text.trim();
                let usable = !text.is_empty() && text.len() <= LONGEST_MESSAGE && !text.contains(['\n', '\r']);
                if usable { text.to_owned() } else { default() }
            }
            _ => default(),
        }
    }

    fn failed(&mut self, rule: &CelRule, schema: &Schema, path: &Path, error: &EvalError) -> Result<(), Exhausted> {
        let ty = type_text(schema);
        if *error == EvalError::Budget {
            let text = "validation failed due to running out of cost budget, no further validation rules will be run";
            self.causes.push(path.invalid(ty, text));
            return Err(Exhausted);
        }
        let text = match error {
            EvalError::Overload => format!(
                "'{error}': call arguments did not match a supported operator, function or macro signature for rule: {}",
                name(rule)
            ),
            _ => format!("{error} evaluating rule: {}", name(rule)),
        };
        self.causes.push(path.invalid(ty, &text));
        Ok(())
    }
}

/// What an error calls a rule: its message, else its text.
fn name(rule: &CelRule) -> &str {
    let source = rule.source();
    let message = source["message"].as_str().filter(|m| !m.is_empty());
    message.or_else(|| source["rule"].as_str()).unwrap_or_default().trim()
}

fn objection(rule: &CelRule, schema: &Schema, path: &Path, message: &str) -> Cause {
    let source = rule.source();
    let path = match source["fieldPath"].as_str().map(|p| p.trim_start_matches('.')).filter(|p| !p.is_empty()) {
        Some(below) => path.child(below),
        None => path.clone(),
    };
    match source["reason"].as_str() {
        Some("FieldValueForbidden") => path.forbidden(message),
        Some("FieldValueRequired") => path.required(message),
        Some("FieldValueDuplicate") => path.duplicate(type_text(schema)),
        _ => path.invalid(type_text(schema), message),
    }
}

/// Instead of the value, messages show its type.
fn type_text(schema: &Schema) -> &'static str {
    match schema.ty {
        Type::Object => "object",
        Type::Array => "array",
        Type::String => "string",
        Type::Integer => "integer",
        Type::Number => "number",
        Type::Boolean => "boolean",
        Type::Any | Type::IntOrString | Type::Quantity => "",
    }
}
