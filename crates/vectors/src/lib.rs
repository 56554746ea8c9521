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

/// Returns the rows of a topic; none where the folder is missing: then it says so, and nothing is compared.
///
/// # Panics
/// When the folder was set and the file is missing, or when the file is empty or no JSON.
#[must_use]
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
pub fn rows(topic: &str) -> Vec<Row> {
    let set: Option<OsString> = std::env::var_os("TIPHYS_VECTORS");
    let folder = set.clone().map_or_else(|| PathBuf::from(FOLDER), PathBuf::from);
    let file = folder.join(format!("{topic}.jsonl"));
    let Ok(text) = std::fs::read_to_string(&file) else {
        assert!(set.is_none(), "{} is missing", file.display());
        println!("SKIPPED: {} is missing, nothing was compared", file.display());
        return Vec::new();
    };
    let rows: Vec<Row> = text.lines().map(|line| row(line, topic)).collect();
    assert!(!rows.is_empty(), "{} is empty", file.display());
    rows
}

fn row(line: &str, topic: &str) -> Row {
    let read: Result<Value, _> = serde_json::from_str(line);
    let mut row = read.unwrap_or_else(|error| panic!("{topic}: {error}: {line}"));
    Row { id: row["id"].take(), input: row["in"].take(), output: row["out"].take() }
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
