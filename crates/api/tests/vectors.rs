//! Rows of upstream's answers.

use std::{fs, path::PathBuf};

use serde_json::Value;

/// A row of a vector file.
pub(crate) struct Row {
    pub(crate) id: u64,
    pub(crate) input: Value,
    pub(crate) output: Value,
}

/// Returns the rows of `topic`, none (and says so) if the folder is missing.
pub(crate) fn rows(topic: &str) -> Vec<Row> {
    let given = std::env::var_os("TIPHYS_VECTORS").map(PathBuf::from);
    let folder =
        given.clone().unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors")));
    if !folder.is_dir() {
        let must_exist = given.is_some() && std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!must_exist, "TIPHYS_VECTORS names no folder: {}", folder.display());
        println!("SKIPPED: no vectors in {}; set TIPHYS_VECTORS", folder.display());
        return Vec::new();
    }
    let text = fs::read_to_string(folder.join(format!("{topic}.jsonl"))).unwrap();
    text.lines()
        .map(|line| {
            let mut row: Value = serde_json::from_str(line).unwrap();
            Row { id: row["id"].as_u64().unwrap(), input: row["in"].take(), output: row["out"].take() }
        })
        .collect()
}

/// Fails with all of `differences` unless there are none, and says how many rows were looked at.
#[track_caller]
pub(crate) fn report(topic: &str, rows: usize, differences: &[String]) {
    println!("{topic}: {} of {rows} rows differ", differences.len());
    let first: Vec<String> = differences.iter().take(10).map(|text| text.chars().take(600).collect()).collect();
    assert!(differences.is_empty(), "{topic}: {} of {rows} rows differ:\n{}", differences.len(), first.join("\n"));
}
