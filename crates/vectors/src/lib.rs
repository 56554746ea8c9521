//! Reads recorded answers of upstream's own functions, for tests.
//!
//! One topic is one file of lines `{"id": …, "in": …, "out": …}` in the folder `$TIPHYS_VECTORS`, which is
//! `../shared/vectors` beside the workspace unless set.

use std::{ffi::OsString, path::PathBuf};

use serde_json::Value;

/// Where the answers are unless the environment says otherwise.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors");

/// One question and upstream's answer.
#[derive(Debug, Clone)]
pub struct Row {
    /// A number or a name, unique within the topic.
    pub id: Value,
    /// The question.
    pub input: Value,
    /// The answer.
    pub output: Value,
}

/// Returns the lines of a topic; `None` where the folder is missing: then it says so, and nothing is compared.
///
/// # Panics
/// When the folder was set and the file is missing, or when the file is empty or no JSON.
#[must_use]
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
pub fn lines(topic: &str) -> Option<Vec<Value>> {
    let set: Option<OsString> = std::env::var_os("TIPHYS_VECTORS");
    let folder = set.clone().map_or_else(|| PathBuf::from(FOLDER), PathBuf::from);
    let file = folder.join(format!("{topic}.jsonl"));
    let Ok(text) = std::fs::read_to_string(&file) else {
        assert!(set.is_none(), "{} is missing", file.display());
        println!("SKIPPED: {} is missing, nothing was compared", file.display());
        return None;
    };
    let read = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{topic}: {error}: {line}"));
    let lines: Vec<Value> = text.lines().map(read).collect();
    assert!(!lines.is_empty(), "{} is empty", file.display());
    Some(lines)
}

/// Returns the rows of a topic; none where the folder is missing.
///
/// # Panics
/// As [`lines`].
#[must_use]
pub fn rows(topic: &str) -> Vec<Row> {
    let lines = lines(topic).unwrap_or_default();
    let row = |mut line: Value| Row { id: line["id"].take(), input: line["in"].take(), output: line["out"].take() };
    lines.into_iter().map(row).collect()
}

/// Compares an answer with every row, and fails with the first few that differ. Texts of errors do not count.
///
/// # Panics
/// When there are differences.
#[track_caller]
pub fn compare(topic: &str, answer: impl Fn(&Value) -> Value) {
    compare_as(topic, |_| false, Value::clone, answer);
}

/// Compares as [`compare`] does, without the rows that `docs/differences.md` explains; recorded answers are put `right` first.
///
/// # Panics
/// When there are differences.
#[track_caller]
pub fn compare_as(
    topic: &str,
    is_explained: impl Fn(&Row) -> bool,
    right: impl Fn(&Value) -> Value,
    answer: impl Fn(&Value) -> Value,
) {
    let rows: Vec<Row> = rows(topic).into_iter().filter(|row| !is_explained(row)).collect();
    let mut differences = Vec::new();
    for row in &rows {
        let (actual, wanted) = (answer(&row.input), right(&row.output));
        if !same(&actual, &wanted) {
            differences.push(format!("{}\n  in   {}\n  want {wanted}\n  got  {actual}", row.id, row.input));
        }
    }
    report(topic, rows.len(), &differences);
}

/// Returns whether two answers are equal as JSON values (1 and 1.0 are), where the texts of errors do not count.
#[must_use]
pub fn same(actual: &Value, expected: &Value) -> bool {
    match (actual, expected) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| key == "error" || same(a, b)))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => actual == expected,
    }
}

/// Says how many rows were looked at, and fails with the first `differences` unless there are none.
///
/// # Panics
/// When there are differences.
#[track_caller]
#[expect(clippy::print_stdout, reason = "how much was compared is part of the result")]
pub fn report(topic: &str, rows: usize, differences: &[String]) {
    println!("{topic}: {} of {rows} rows differ", differences.len());
    let first: Vec<String> = differences.iter().take(10).map(|text| text.chars().take(600).collect()).collect();
    assert!(differences.is_empty(), "{topic}: {} of {rows} rows differ:\n{}", differences.len(), first.join("\n"));
}
