//! YAML as other programs read it without surprise: a text that anybody could take for something else is in quotes.

use std::fmt::Write;

use serde_json::Value;

/// Words that some reader of YAML takes for truth or nothing.
const WORDS: [&str; 11] = ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf"];

/// Nodes of a document at most, aliases followed.
const NODES: usize = 2_500_000;

/// A text that is not YAML.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("yaml: {0}")]
pub struct YamlError(String);

/// Reads one document. Only `true` and `false` are truth values.
///
/// # Errors
/// When the text is not YAML, or unfolds to more than the reader's limits permit.
pub fn read(text: &str) -> Result<Value, YamlError> {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).map_err(|problem| YamlError(problem.to_string()))
}

/// Reads one document that may be long, such as the index of a repository of charts.
///
/// # Errors
/// When the text is not YAML, or unfolds to more than ten times what [`read`] permits.
pub fn read_large(text: &str) -> Result<Value, YamlError> {
    let mut options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    widen(&mut options);
    serde_saphyr::from_str_with_options(text, options).map_err(|problem| YamlError(problem.to_string()))
}

/// Ten times the default: a file may be some MiB of plain lists.
fn widen(options: &mut serde_saphyr::Options) {
    if let Some(budget) = &mut options.budget {
        budget.max_nodes = NODES;
        budget.max_events = 2 * NODES;
    }
}

/// Reads the documents of a file of manifests as clients of Kubernetes do: `yes` and `on` are truth values, `0644` is
/// octal, the last of equal keys counts, documents without content are left out.
///
/// # Errors
/// The documents before the one that is not YAML (or unfolds to more than the limits permit), and what is wrong with it.
pub fn read_manifests(text: &str) -> Result<Vec<Value>, (Vec<Value>, YamlError)> {
    let mut read = Vec::new();
    for document in documents(text) {
        let mut options = serde_saphyr::options! {
            legacy_octal_numbers: true,
            duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins,
            with_snippet: false,
        };
        widen(&mut options);
        match serde_saphyr::from_str_with_options::<Option<Value>>(document, options) {
            Ok(None | Some(Value::Null)) => {}
            Ok(Some(value)) => read.push(value),
            Err(problem) => return Err((read, YamlError(problem.to_string()))),
        }
    }
    Ok(read)
}

/// Splits at the lines that begin documents.
fn documents(text: &str) -> impl Iterator<Item = &str> {
    let mut starts = vec![0];
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n'])) {
            starts.push(at);
        }
        at += line.len();
    }
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([text.len()]).collect();
    starts.into_iter().zip(ends).map(|(start, end)| &text[start..end]).filter(|document| {
        document.lines().any(|line| {
            let line = line.strip_prefix("---").unwrap_or(line).trim();
            !line.is_empty() && !line.starts_with('#')
        })
    })
}

/// Writes one document, with sorted keys.
#[must_use]
pub fn write(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Object(fields) if !fields.is_empty() => block(value, "", &mut text),
        Value::Array(items) if !items.is_empty() => block(value, "", &mut text),
        _ => {
            text.push_str(&inline(value));
            text.push('\n');
        }
    }
    text
}

fn block(value: &Value, indent: &str, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| *key);
            for (at, (key, value)) in fields.into_iter().enumerate() {
                // The first field of an item stands behind its dash.
                let own = if at == 0 && text.ends_with("- ") { "" } else { indent };
                let _ = write!(text, "{own}{}:", scalar(key));
                below(value, indent, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                let _ = write!(text, "{indent}- ");
                match item {
                    Value::Object(fields) if !fields.is_empty() => block(item, &format!("{indent}  "), text),
                    _ => text.push_str(&(flow(item) + "\n")),
                }
            }
        }
        _ => {}
    }
}

fn below(value: &Value, indent: &str, text: &mut String) {
    let deeper = match value {
        Value::Object(fields) if !fields.is_empty() => format!("{indent}  "),
        Value::Array(items) if !items.is_empty() => indent.to_owned(),
        _ => {
            let _ = writeln!(text, " {}", inline(value));
            return;
        }
    };
    text.push('\n');
    block(value, &deeper, text);
}

/// A list within a list is written as JSON, which is YAML too.
fn flow(value: &Value) -> String {
    if value.is_array() { value.to_string() } else { inline(value) }
}

fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        other => other.to_string(),
    }
}

fn scalar(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_owned() } else { Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for value in [
            json!({"b": [{"x": 1, "c": [], "d": {}}, "no", [1, ["y"]], []], "y": {"z": "a: b"}, "": null}),
            json!([1.5, true, "1e3", "0x1f", "12:30", "# no", "two\nlines\n", "\u{1}é"]),
            json!("text"),
            json!({}),
        ] {
            assert_eq!(read(&write(&value)), Ok(value.clone()), "{}", write(&value));
        }
    }

    #[test]
    fn it_looks_like_what_people_write() {
        let value = json!({"metadata": {"name": "web"}, "list": [{"a": 1, "b": ["x"]}]});
        assert_eq!(write(&value), "list:\n- a: 1\n  b:\n  - x\nmetadata:\n  name: web\n");
    }
}
