//! Agreement with recorded answers of upstream's own functions.

mod project;
mod retry;
mod sync_window;

use serde_json::Value;
use tiphys_vectors::{report, rows};

/// Compares what the crate answers with every row, and fails with the first few that differ.
fn compare(topic: &str, answer: impl Fn(&Value) -> Value) {
    let rows = rows(topic);
    let mut differences = Vec::new();
    for row in &rows {
        let actual = answer(&row.input);
        if !same(&actual, &row.output) {
            differences.push(format!("{}\n  in   {}\n  want {}\n  got  {actual}", row.id, row.input, row.output));
        }
    }
    report(topic, rows.len(), &differences);
}

/// Equal as JSON values (1 and 1.0 are), where the texts of errors do not count.
fn same(actual: &Value, expected: &Value) -> bool {
    match (actual, expected) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| key == "error" || same(a, b)))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => actual == expected,
    }
}
