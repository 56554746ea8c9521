//! What people can do to an object beyond changing it in Git: restart, pause, promote and so on.
//!
//! Which actions an object has, and what one does to it, is told by Lua: our own for the kinds that are known here, that
//! of the settings for others. Nothing is written here: an action answers with the objects to create and to patch.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tiphys_machinery::meta;

use crate::{
    lua::{Answer, Libraries, LuaError, Script, run as run_lua},
    object::group,
};

/// The actions of the kinds that are known here.
const BUNDLED: &str = include_str!("actions/actions.lua");

/// An action that an object has now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Its name.
    pub name: String,
    /// Whether it makes no sense now.
    pub disabled: bool,
    /// Class of its icon.
    pub icon_class: String,
    /// What people read instead of the name.
    pub display_name: String,
    /// Names of its parameters.
    pub parameters: Vec<String>,
}

/// Actions of the settings for one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfiguredActions {
    /// Script that tells which there are.
    pub discovery: String,
    /// Names and scripts.
    pub definitions: Vec<(String, String)>,
    /// Whether the kind keeps the actions that it has without settings.
    pub merge_bundled: bool,
}

/// What to do with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Create it.
    Create,
    /// Bring it to the form given.
    Patch,
}

/// An object that an action changes or makes.
#[derive(Debug, Clone, PartialEq)]
pub struct Impacted {
    /// What to do; a script may leave it out, then nothing is done.
    pub operation: Option<Operation>,
    /// The object.
    pub resource: Value,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// The kind has no such action.
    #[error("built-in script does not exist")]
    Lookup,
    /// The script failed.
    #[error("{0}")]
    Run(#[from] LuaError),
    /// The script asks for what cannot be done.
    #[error("unsupported operation: {0}")]
    Operation(String),
    /// The script returned something that is no object.
    #[error("Object 'Kind' is missing in '{0}'")]
    NoObject(String),
}

/// Returns the actions of `object`, sorted by name; those of the settings count before the bundled ones.
///
/// # Errors
/// When a script fails or returns no table.
pub fn discover(
    object: &Value,
    configured: Option<&ConfiguredActions>,
    now: Timestamp,
) -> Result<Vec<Action>, ActionError> {
    let mut found = Map::new();
    if let Some(configured) = configured {
        add(&mut found, &configured.discovery, object, now)?;
    }
    if configured.is_none_or(|configured| configured.merge_bundled) {
        add(&mut found, &format!("{BUNDLED}\nreturn discover({:?})", key(object)), object, now)?;
    }
    let mut actions: Vec<Action> = found.iter().map(|(name, fields)| action(name, fields)).collect();
    actions.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(actions)
}

fn add(found: &mut Map<String, Value>, text: &str, object: &Value, now: Timestamp) -> Result<(), ActionError> {
    let script = Script { text, libraries: Libraries::Base, now };
    match run_lua(script, object, &[])? {
        Answer::Nil => Err(LuaError::NoTable("nil").into()),
        Answer::Table(Value::Object(actions)) => {
            for (name, fields) in actions {
                found.entry(name).or_insert(fields);
            }
            Ok(())
        }
        // A table without anything in it.
        Answer::Table(_) => Ok(()),
    }
}

fn action(name: &str, fields: &Value) -> Action {
    let text = |field: &str| fields[field].as_str().unwrap_or_default().to_owned();
    let parameters = fields["params"].as_array().into_iter().flatten();
    Action {
        name: name.to_owned(),
        disabled: fields["disabled"] == true,
        icon_class: text("iconClass"),
        display_name: text("displayName"),
        parameters: parameters.filter_map(|parameter| Some(parameter["name"].as_str()?.to_owned())).collect(),
    }
}

/// Returns what an action does.
///
/// # Errors
/// When there is no such action, or its script fails.
pub fn run(
    object: &Value,
    name: &str,
    parameters: &[(&str, &str)],
    configured: Option<&ConfiguredActions>,
    now: Timestamp,
) -> Result<Vec<Impacted>, ActionError> {
    let own = configured.and_then(|configured| configured.definitions.iter().find(|(defined, _)| defined == name));
    if let Some((_, text)) = own {
        return run_script(text, Libraries::Base, object, parameters, now);
    }
    let exists = Script {
        text: &format!("{BUNDLED}\nreturn {{ found = exists({:?}, {name:?}) }}", key(object)),
        libraries: Libraries::Base,
        now,
    };
    if run_lua(exists, object, &[])? != Answer::Table(json!({"found": true})) {
        return Err(ActionError::Lookup);
    }
    let text = format!("{BUNDLED}\nreturn run({:?}, {name:?})", key(object));
    run_script(&text, Libraries::Base, object, parameters, now)
}

fn key(object: &Value) -> String {
    let (group, kind) = (group(object), meta::kind(object));
    if group.is_empty() { kind.to_owned() } else { format!("{group}/{kind}") }
}

/// Runs the script of an action.
///
/// # Errors
/// When the script fails, or returns something else than an object or a list of operations.
pub fn run_script(
    text: &str,
    libraries: Libraries,
    object: &Value,
    parameters: &[(&str, &str)],
    now: Timestamp,
) -> Result<Vec<Impacted>, ActionError> {
    let answer = match run_lua(Script { text, libraries, now }, object, parameters)? {
        Answer::Nil => return Err(LuaError::NoTable("nil").into()),
        Answer::Table(answer) => answer,
    };
    let impacted = match answer {
        Value::Array(items) => items.into_iter().map(impacted).collect::<Result<Vec<_>, _>>()?,
        changed => vec![Impacted { operation: Some(Operation::Patch), resource: checked(changed)? }],
    };
    let restored = impacted.into_iter().map(|mut impacted| {
        if impacted.operation == Some(Operation::Patch) {
            restore_maps(&mut impacted.resource, object);
        }
        impacted
    });
    Ok(restored.collect())
}

fn impacted(mut item: Value) -> Result<Impacted, ActionError> {
    let operation = match item["operation"].as_str() {
        None | Some("") => None,
        Some("create") => Some(Operation::Create),
        Some("patch") => Some(Operation::Patch),
        Some(other) => return Err(ActionError::Operation(other.to_owned())),
    };
    match item.get_mut("resource").map(Value::take) {
        None | Some(Value::Null) => Ok(Impacted { operation, resource: Value::Null }),
        Some(resource) => Ok(Impacted { operation, resource: checked(resource)? }),
    }
}

fn checked(object: Value) -> Result<Value, ActionError> {
    if meta::kind(&object).is_empty() { Err(ActionError::NoObject(object.to_string())) } else { Ok(object) }
}

/// Lua has one kind of empty table: it is a map again where the object had one.
fn restore_maps(new: &mut Value, old: &Value) {
    match (&mut *new, old) {
        (Value::Array(items), Value::Object(_)) if items.is_empty() => *new = json!({}),
        (Value::Object(fields), Value::Object(before)) => {
            for (name, field) in fields {
                if let Some(before) = before.get(name) {
                    restore_maps(field, before);
                }
            }
        }
        (Value::Array(items), Value::Array(before)) => {
            for (item, before) in items.iter_mut().zip(before) {
                // An empty list within a list stays one.
                if !(item.is_array() && before.is_object()) {
                    restore_maps(item, before);
                }
            }
        }
        _ => {}
    }
}
