//! What a sync knows, as the status of its operation holds it.

use std::collections::BTreeMap;

use serde_json::Value;
use tiphys_api::types::ResourceResult;
use tiphys_deliver::{
    hook::{self, Phase},
    object::{ResourceKey, version},
    plan::{Code, Memory, Progress, Record, Task},
};

/// Returns what earlier steps of an operation have stored.
#[must_use]
pub fn memory(results: &[ResourceResult]) -> Memory {
    Memory::new(results.iter().filter_map(record).collect())
}

fn record(result: &ResourceResult) -> Option<Record> {
    Some(Record {
        key: ResourceKey {
            group: result.group.clone(),
            kind: result.kind.clone(),
            namespace: result.namespace.clone(),
            name: result.name.clone(),
        },
        phase: Phase::of(&result.sync_phase)?,
        code: match result.status.as_str() {
            "Synced" => Some(Code::Synced),
            "SyncFailed" => Some(Code::SyncFailed),
            "Pruned" => Some(Code::Pruned),
            "PruneSkipped" => Some(Code::PruneSkipped),
            _ => None,
        },
        progress: match result.hook_phase.as_str() {
            "Succeeded" => Progress::Succeeded,
            "Failed" => Progress::Failed,
            "Error" => Progress::Error,
            _ => Progress::Running,
        },
        message: result.message.clone(),
    })
}

/// Returns what is stored: records in the order in which tasks were begun, with what tasks know of their objects.
#[must_use]
pub fn results(memory: &Memory, tasks: &[Task], before: &[ResourceResult]) -> Vec<ResourceResult> {
    let by_key: BTreeMap<(Phase, ResourceKey), &Task> =
        tasks.iter().map(|task| ((task.phase, ResourceKey::of(task.object())), task)).collect();
    let result = |record: &Record| {
        let old = before.iter().find(|old| {
            old.sync_phase == record.phase.name()
                && old.name == record.key.name
                && old.kind == record.key.kind
                && old.group == record.key.group
                && old.namespace == record.key.namespace
        });
        let task = by_key.get(&(record.phase, record.key.clone()));
        let mut result = old.cloned().unwrap_or_default();
        if let Some(task) = task {
            result.version = version(task.object()).to_owned();
            result.images = images(task.object());
            result.hook_type = if task.is_hook() { task.phase.name().to_owned() } else { String::new() };
        }
        written(record, result)
    };
    memory.records().iter().map(result).collect()
}

fn written(record: &Record, mut result: ResourceResult) -> ResourceResult {
    let key = &record.key;
    result.group.clone_from(&key.group);
    result.kind.clone_from(&key.kind);
    result.namespace.clone_from(&key.namespace);
    result.name.clone_from(&key.name);
    result.sync_phase = record.phase.name().to_owned();
    result.message.clone_from(&record.message);
    result.status = match record.code {
        Some(Code::Synced) => "Synced",
        Some(Code::SyncFailed) => "SyncFailed",
        Some(Code::Pruned) => "Pruned",
        Some(Code::PruneSkipped) => "PruneSkipped",
        None => "",
    }
    .to_owned();
    result.hook_phase = match record.progress {
        Progress::Running => "Running",
        Progress::Succeeded => "Succeeded",
        Progress::Failed => "Failed",
        Progress::Error => "Error",
    }
    .to_owned();
    result
}

fn images(object: &Value) -> Vec<String> {
    let specs = ["/spec", "/spec/template/spec", "/spec/jobTemplate/spec/template/spec"];
    let containers = specs.iter().filter_map(|path| object.pointer(path)?.get("containers")?.as_array()).flatten();
    containers.filter_map(|container| container["image"].as_str().map(str::to_owned)).collect()
}

/// Returns whether an object is one of those that were chosen; all are where none was.
#[must_use]
pub fn is_chosen(chosen: &[tiphys_api::types::SyncOperationResource], key: &ResourceKey) -> bool {
    chosen.is_empty()
        || chosen.iter().any(|one| {
            one.group == key.group
                && one.kind == key.kind
                && one.name == key.name
                && (one.namespace.is_empty() || one.namespace == key.namespace)
        })
}

/// Returns whether an object is a hook for the deletion of its application alone, which no sync runs.
#[must_use]
pub fn is_deletion_hook(object: &Value) -> bool {
    let listed = tiphys_deliver::object::annotation_items(object, hook::HOOK);
    !listed.is_empty() && listed.iter().all(|kind| matches!(*kind, "PreDelete" | "PostDelete"))
}
