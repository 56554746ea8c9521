//! Upstream's answers: every row of a file is compared, except those that are listed with their reason.

mod analysis_args;
mod analysis_assess;
mod expr;

use std::{fs, path::PathBuf};

use serde_json::Value;

/// Returns the rows of a topic; `None` if the vectors are not there.
pub(crate) fn rows(topic: &str) -> Option<Vec<Value>> {
    let given = std::env::var_os("TIPHYS_VECTORS");
    let folder = given
        .clone()
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors")), PathBuf::from);
    let path = folder.join(format!("{topic}.jsonl"));
    let Ok(text) = fs::read_to_string(&path) else {
        assert!(given.is_none(), "TIPHYS_VECTORS is set, but {} cannot be read", path.display());
        println!("SKIPPED: no vectors at {}", path.display());
        return None;
    };
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// Fails with all differences.
#[track_caller]
pub(crate) fn report(topic: &str, count: usize, wrong: &[String]) {
    assert!(wrong.is_empty(), "{topic}: {} of {count} rows differ:\n{}", wrong.len(), wrong.join("\n"));
    println!("{topic}: {count} rows agree");
}
