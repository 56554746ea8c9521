//! Tolerant decoding: a wrong field is dropped and reported, everything else decodes.

mod reader;

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use self::reader::{Reader, Segment, Wrong};

/// Problems after which decoding gives up looking for more and takes the empty object.
const MAX_PROBLEMS: usize = 200;

/// An object together with what was wrong with its JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded<T> {
    /// The object; wrong fields are empty.
    pub object: T,
    /// What was wrong, in the order of the fields' names. Empty for a well-formed object.
    pub problems: Vec<Problem>,
}

/// One wrong field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, for instance `spec.strategy.canary.steps[0].setWeight`.
    pub path: String,
    /// What is wrong and what belongs there.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// Decodes `value`, dropping what does not fit.
///
/// A wrong field counts as missing, a wrong item of a list becomes the empty item so that the others keep their places.
/// `null` in place of a field is no problem: it is the empty value, as for upstream and for the API server. Fields that
/// `T` does not know are ignored here; see [`crate::Stored`] for how they survive.
#[must_use]
pub fn decode<T: DeserializeOwned + Default>(value: Value) -> Decoded<T> {
    let mut value = value;
    let mut problems: Vec<Problem> = Vec::new();
    while problems.len() < MAX_PROBLEMS {
        let wrong = match T::deserialize(Reader(&value)) {
            Ok(object) => return Decoded { object, problems },
            Err(wrong) => wrong,
        };
        let problem = Problem { path: path_text(&wrong.path), message: message(&wrong) };
        // A second candidate for the same empty item is not a second problem.
        if problems.last().is_none_or(|last| last.path != problem.path) {
            problems.push(problem);
        }
        if !repair(&mut value, &wrong.path) {
            break;
        }
    }
    Decoded { object: T::default(), problems }
}

fn message(wrong: &Wrong) -> String {
    match &wrong.expected {
        Some(expected) => {
            format!("expected {}, found {}; give it such a value or remove it", plain(expected), wrong.text)
        }
        None => format!("{}; correct it or remove it", wrong.text),
    }
}

/// Says in the words of JSON what serde expects.
fn plain(expected: &str) -> &str {
    match expected {
        "a sequence" => "a list",
        "a map" => "an object",
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "a 32-bit integer" => "an integer",
        "IntOrString" => "an integer or a string",
        text if text.starts_with("struct ") || text.starts_with(char::is_uppercase) => "an object",
        text => text,
    }
}

fn path_text(path: &[Segment]) -> String {
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Item(index) => text.push_str(&format!("[{index}]")),
            Segment::Field(name) if text.is_empty() => text.push_str(name),
            Segment::Field(name) => text.push_str(&format!(".{name}")),
        }
    }
    if text.is_empty() { "the object".to_owned() } else { text }
}

/// Removes what is at `path`; in a list, puts the empty item there. Returns false if there is nothing to remove.
fn repair(value: &mut Value, path: &[Segment]) -> bool {
    let Some((last, parents)) = path.split_last() else {
        return false;
    };
    let mut parent = value;
    for segment in parents {
        let child = match segment {
            Segment::Item(index) => parent.get_mut(index),
            Segment::Field(name) => parent.get_mut(name),
        };
        match child {
            Some(child) => parent = child,
            None => return false,
        }
    }
    match (last, parent) {
        (Segment::Field(name), Value::Object(fields)) => fields.remove(name).is_some(),
        (Segment::Item(index), Value::Array(items)) => replace_item(items, *index),
        _ => false,
    }
}

/// Puts the next candidate for an empty item in place of a bad one, and removes the item when all have been tried.
fn replace_item(items: &mut Vec<Value>, index: usize) -> bool {
    let Some(item) = items.get_mut(index) else {
        return false;
    };
    let candidates = [json!({}), json!("")];
    let tried = candidates.iter().position(|candidate| candidate == item);
    match candidates.into_iter().nth(tried.map_or(0, |i| i + 1)) {
        Some(next) => *item = next,
        None => {
            items.remove(index);
        }
    }
    true
}
