//! Agreement with recorded answers of upstream's own functions.

mod actions;
mod diff;
mod health;
mod hooks;
mod lua_sandbox;
mod normalize;
mod sync_order;
mod tracking;

use serde_json::Value;
use tiphys_vectors::{Row, report, rows};

/// Compares what the crate answers with every row, and fails with the first few that differ.
fn compare(topic: &str, answer: impl Fn(&Value) -> Value) {
    compare_as(topic, |_| false, Clone::clone, answer);
}

/// Compares what the crate answers with every row except those that `docs/differences.md` explains; recorded answers are
/// put `right` first.
fn compare_as(
    topic: &str,
    is_accepted: impl Fn(&Row) -> bool,
    right: impl Fn(&Value) -> Value,
    answer: impl Fn(&Value) -> Value,
) {
    let rows = rows(topic);
    let mut differences = Vec::new();
    for row in rows.iter().filter(|row| !is_accepted(row)) {
        let (actual, wanted) = (answer(&row.input), right(&row.output));
        if !same(&actual, &wanted) {
            differences.push(format!("{}\n  in   {}\n  want {wanted}\n  got  {actual}", row.id, row.input));
        }
    }
    // All of the differences, for whoever wants to look at them.
    if let Ok(file) = std::env::var("TIPHYS_VECTORS_REPORT") {
        std::fs::write(format!("{file}-{topic}"), differences.join("\n\n")).unwrap();
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
