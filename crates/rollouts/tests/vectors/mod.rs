//! Agreement with recorded answers of upstream's own functions.

mod canary_replicas_basic;
mod canary_replicas_traffic;
mod restart;
mod traffic_weights;

use tiphys_vectors::lines as rows;

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
