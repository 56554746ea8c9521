//! Agreement with recorded answers of upstream's own functions.

mod project;
mod retry;
mod sync_window;

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

/// Compares what the crate answers with every row, and fails with the first few that differ.
fn compare(topic: &str, answer: impl Fn(&Value) -> Value) {
    let Some(rows) = rows(topic) else { return };
    let mut differing = Vec::new();
    for row in &rows {
        let (actual, wanted) = (answer(&row["in"]), &row["out"]);
        if !same(&actual, wanted) {
            differing.push(format!("{}\n  in   {}\n  want {wanted}\n  got  {actual}", row["id"], row["in"]));
        }
    }
    let shown: Vec<_> = differing.iter().take(3).map(|text| text.chars().take(1500).collect::<String>()).collect();
    if let Ok(file) = std::env::var("TIPHYS_VECTORS_REPORT") {
        std::fs::write(format!("{file}-{topic}"), differing.join("\n\n")).unwrap();
    }
    assert!(differing.is_empty(), "{} of {} rows differ\n{}", differing.len(), rows.len(), shown.join("\n\n"));
}

/// Equal as JSON values (1 and 1.0 are), where the texts of errors do not count.
fn same(actual: &Value, expected: &Value) -> bool {
    match (actual, expected) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
            keys.into_iter().all(|key| match (a.get(key), b.get(key)) {
                (Some(_), Some(_)) if key == "error" => true,
                (Some(a), Some(b)) => same(a, b),
                _ => false,
            })
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => actual == expected,
    }
}
