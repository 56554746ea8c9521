//! Agreement with recorded answers of upstream's own functions.

mod canary_replicas_basic;
mod canary_replicas_traffic;
mod restart;
mod traffic_weights;

use std::path::PathBuf;

use serde_json::Value;

/// Reads the rows of one topic; `None`, loudly, where the folder is missing.
fn rows(topic: &str) -> Option<Vec<Value>> {
    let set = std::env::var_os("TIPHYS_VECTORS");
    let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    let folder = set
        .clone()
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors")), PathBuf::from);
    let file = folder.join(format!("{topic}.jsonl"));
    let Ok(text) = std::fs::read_to_string(&file) else {
        assert!(!(is_ci && set.is_some()), "{} is missing", file.display());
        println!("SKIPPED: {} is missing, nothing was compared", file.display());
        return None;
    };
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!rows.is_empty(), "{} is empty", file.display());
    Some(rows)
}

/// `1, 5-7, 9`.
fn ranges(ids: &[i64]) -> String {
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for id in ids {
        match runs.last_mut() {
            Some((_, end)) if *end + 1 == *id => *end = *id,
            _ => runs.push((*id, *id)),
        }
    }
    let text = |(start, end): &(i64, i64)| if start == end { start.to_string() } else { format!("{start}-{end}") };
    runs.iter().map(text).collect::<Vec<_>>().join(", ")
}
