//! What was delivered.

use jiff::Timestamp;
use tiphys_api::types::{OperationState, RevisionHistory};

use super::whole;

/// Returns the history with an entry for an operation that succeeded, at most `limit` entries.
#[must_use]
pub fn with_entry(
    history: &[RevisionHistory],
    state: &OperationState,
    limit: usize,
    now: Timestamp,
) -> Vec<RevisionHistory> {
    let mut all = history.to_vec();
    let result = state.sync_result.clone().unwrap_or_default();
    all.push(RevisionHistory {
        id: all.last().map_or(0, |last| last.id + 1),
        revision: result.revision,
        revisions: result.revisions,
        source: result.source,
        sources: result.sources,
        deployed_at: Some(whole(now)),
        deploy_started_at: state.started_at.clone(),
        initiated_by: state.operation.initiated_by.clone(),
    });
    let spare = all.len().saturating_sub(limit);
    all.drain(..spare);
    all
}
