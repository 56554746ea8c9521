//! Whether the controller syncs by itself.

use jiff::{SignedDuration, Timestamp};
use tiphys_api::{
    Application,
    types::{Operation, OperationInitiator, ResourceStatus, RetryStrategy, SyncOperation, SyncOperationResource},
};

use super::is_final;

/// How often a failed automatic sync is tried again, unless the spec says otherwise.
const RETRIES: i64 = 5;

/// What a comparison found out.
#[derive(Debug, Clone, Copy)]
pub struct Compared<'a> {
    /// `Synced`, `OutOfSync` or `Unknown`.
    pub code: &'a str,
    /// Revisions, one for each source.
    pub revisions: &'a [String],
    /// Object by object.
    pub resources: &'a [ResourceStatus],
}

/// What follows.
#[derive(Debug, Clone, PartialEq)]
pub enum AutoSync {
    /// Nothing.
    Nothing,
    /// Sync.
    Start(Box<Operation>),
    /// Say that it cannot be done.
    Refuse(String),
    /// Look again after this time.
    Wait(SignedDuration),
}

/// Decides.
///
/// A revision that was tried already is not tried again, whatever came of it; only changes in the cluster are undone
/// where the spec wants that, each time after a longer while.
#[must_use]
pub fn auto_sync(app: &Application, compared: Compared<'_>, now: Timestamp) -> AutoSync {
    let policy = app.spec.sync_policy.clone().unwrap_or_default();
    let Some(automated) = policy.automated.filter(|automated| automated.is_enabled()) else {
        return AutoSync::Nothing;
    };
    if app.operation.is_some() || app.metadata.deletion_timestamp.is_some() || compared.code != "OutOfSync" {
        return AutoSync::Nothing;
    }
    let unsynced: Vec<&ResourceStatus> =
        compared.resources.iter().filter(|r| !r.status.is_empty() && r.status != "Synced").collect();
    if !automated.prune && unsynced.iter().all(|resource| resource.requires_pruning) {
        return AutoSync::Nothing;
    }
    let mut sync =
        SyncOperation { prune: automated.prune, sync_options: policy.sync_options, ..SyncOperation::default() };
    if app.spec.has_multiple_sources() {
        sync.sources = app.spec.sources.clone();
        sync.revisions = compared.revisions.to_vec();
    } else {
        sync.source = app.spec.effective_sources().into_iter().next();
        sync.revision = compared.revisions.first().cloned().unwrap_or_default();
    }
    let shown = compared.revisions.join(" ");
    if let Some(phase) = attempted(app, &sync) {
        if phase != "Succeeded" {
            let message = app.status.operation_state.as_ref().map_or("", |state| state.message.as_str());
            return AutoSync::Refuse(format!("Failed last sync attempt to [{shown}]: {message}"));
        }
        if !automated.self_heal {
            return AutoSync::Nothing;
        }
        match heal(app, now) {
            Ok(count) => sync.self_heal_attempts_count = count,
            Err(wait) => return AutoSync::Wait(wait),
        }
        sync.resources = unsynced.iter().map(|resource| selected(resource)).collect();
    }
    let wipes_out = compared.resources.iter().filter(|r| !r.hook).all(|resource| resource.requires_pruning);
    if automated.prune && !automated.allow_empty && wipes_out {
        return AutoSync::Refuse(format!("Skipping sync attempt to [{shown}]: auto-sync will wipe out all resources"));
    }
    AutoSync::Start(Box::new(Operation {
        sync: Some(sync),
        initiated_by: OperationInitiator { automated: true, ..OperationInitiator::default() },
        retry: policy.retry.unwrap_or(RetryStrategy { limit: RETRIES, ..RetryStrategy::default() }),
        ..Operation::default()
    }))
}

/// The namespace goes with it: an object of the same name elsewhere is another one.
fn selected(resource: &ResourceStatus) -> SyncOperationResource {
    SyncOperationResource {
        group: resource.group.clone(),
        kind: resource.kind.clone(),
        name: resource.name.clone(),
        namespace: resource.namespace.clone(),
    }
}

/// Returns how the last attempt to sync the same ended, if there was one.
fn attempted<'a>(app: &'a Application, wanted: &SyncOperation) -> Option<&'a str> {
    let state = app.status.operation_state.as_ref()?;
    let Some(result) = &state.sync_result else {
        return is_final(&state.phase).then_some(state.phase.as_str());
    };
    let same = if wanted.sources.is_empty() {
        result.revision == wanted.revision && result.source == wanted.source
    } else {
        result.revisions == wanted.revisions && result.sources == wanted.sources
    };
    same.then_some(state.phase.as_str())
}

/// Returns which attempt in a row this is, or how long it must still wait.
fn heal(app: &Application, now: Timestamp) -> Result<i64, SignedDuration> {
    let state = app.status.operation_state.as_ref();
    let before = state.and_then(|s| s.operation.sync.as_ref()).map_or(0, |sync| sync.self_heal_attempts_count);
    let Some(finished) = state.and_then(|state| state.finished_at.as_ref()) else { return Ok(before + 1) };
    let left = heal_delay(before) - now.duration_since(finished.0);
    if left.is_positive() { Err(left) } else { Ok(before + 1) }
}

/// Returns how long after attempt `before` in a row the next one comes: 0, 2 s, 6 s, 18 s and so on up to 5 min.
#[must_use]
pub fn heal_delay(before: i64) -> SignedDuration {
    const LONGEST: i64 = 300;
    if before <= 0 {
        return SignedDuration::ZERO;
    }
    let factor = 3_i64.saturating_pow(u32::try_from(before - 1).unwrap_or(u32::MAX));
    SignedDuration::from_secs(factor.saturating_mul(2).min(LONGEST))
}
