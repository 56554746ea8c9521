//! Which objects are hooks, when they run, when they are deleted, and in which wave an object is.

use serde_json::Value;
use tiphys_machinery::meta;

use crate::object::{SYNC_OPTIONS, annotation_items, annotations, option_value};

/// The annotation that makes an object a hook.
pub const HOOK: &str = "argocd.argoproj.io/hook";
/// The annotation that says when a hook is deleted.
pub const DELETE_POLICY: &str = "argocd.argoproj.io/hook-delete-policy";
/// The annotation with the wave of an object.
pub const SYNC_WAVE: &str = "argocd.argoproj.io/sync-wave";
/// The finalizer that keeps a running hook from disappearing before its end was seen.
pub const FINALIZER: &str = "argocd.argoproj.io/hook-finalizer";

const HELM_HOOK: &str = "helm.sh/hook";
const HELM_DELETE_POLICY: &str = "helm.sh/hook-delete-policy";
const HELM_WEIGHT: &str = "helm.sh/hook-weight";

/// A phase of a sync, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Hooks before everything else.
    PreSync,
    /// What is delivered, and hooks along with it.
    Sync,
    /// Hooks once everything is healthy.
    PostSync,
    /// Hooks after a failure.
    SyncFail,
}

impl Phase {
    /// Returns the name that annotations and status use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PreSync => "PreSync",
            Self::Sync => "Sync",
            Self::PostSync => "PostSync",
            Self::SyncFail => "SyncFail",
        }
    }

    /// Returns the phase with a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        [Self::PreSync, Self::Sync, Self::PostSync, Self::SyncFail].into_iter().find(|phase| phase.name() == name)
    }
}

/// What a hook annotation asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookType {
    /// Run in a phase.
    Phase(Phase),
    /// Do not deliver the object at all.
    Skip,
}

impl HookType {
    /// Returns the name that annotations use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Phase(phase) => phase.name(),
            Self::Skip => "Skip",
        }
    }

    fn of(name: &str) -> Option<Self> {
        if name == "Skip" { Some(Self::Skip) } else { Phase::of(name).map(Self::Phase) }
    }

    fn of_helm(name: &str) -> Option<Self> {
        match name {
            "pre-install" | "pre-upgrade" => Some(Self::Phase(Phase::PreSync)),
            "post-install" | "post-upgrade" => Some(Self::Phase(Phase::PostSync)),
            _ => None,
        }
    }
}

/// When a hook is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletePolicy {
    /// Once all of a phase succeeded.
    HookSucceeded,
    /// Once the sync failed.
    HookFailed,
    /// Before it is created again.
    BeforeHookCreation,
}

impl DeletePolicy {
    /// Returns the name that annotations use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HookSucceeded => "HookSucceeded",
            Self::HookFailed => "HookFailed",
            Self::BeforeHookCreation => "BeforeHookCreation",
        }
    }

    fn of(name: &str) -> Option<Self> {
        [Self::HookSucceeded, Self::HookFailed, Self::BeforeHookCreation].into_iter().find(|p| p.name() == name)
    }

    fn of_helm(name: &str) -> Option<Self> {
        match name {
            "hook-succeeded" => Some(Self::HookSucceeded),
            "hook-failed" => Some(Self::HookFailed),
            "before-hook-creation" => Some(Self::BeforeHookCreation),
            _ => None,
        }
    }
}

/// Returns whether `object` is a hook, of a known type or not. What Helm calls a hook for definitions is none.
#[must_use]
pub fn is_hook(object: &Value) -> bool {
    let annotations = annotations(object);
    if annotations.contains_key(HOOK) {
        return !is_skipped(object);
    }
    annotations.get(HELM_HOOK).is_some_and(|hook| *hook != "crd-install")
}

/// Returns whether `object` is not to be delivered: `Skip` is its only type.
#[must_use]
pub fn is_skipped(object: &Value) -> bool {
    types(object) == [HookType::Skip]
}

/// Returns whether `object` is a hook that never runs here and is not compared either: none of its types is known.
#[must_use]
pub fn is_ignored(object: &Value) -> bool {
    is_hook(object) && types(object).is_empty()
}

/// Returns the types of a hook as listed. Helm's count only where none of the others is known.
#[must_use]
pub fn types(object: &Value) -> Vec<HookType> {
    let own: Vec<_> = annotation_items(object, HOOK).into_iter().filter_map(HookType::of).collect();
    if own.is_empty() {
        annotation_items(object, HELM_HOOK).into_iter().filter_map(HookType::of_helm).collect()
    } else {
        own
    }
}

/// Returns the phases in which `object` is delivered, in their order.
#[must_use]
pub fn phases(object: &Value) -> Vec<Phase> {
    if is_skipped(object) {
        return Vec::new();
    }
    if !is_hook(object) {
        return vec![Phase::Sync];
    }
    let mut phases: Vec<_> = types(object)
        .into_iter()
        .filter_map(|hook| match hook {
            HookType::Phase(phase) => Some(phase),
            HookType::Skip => None,
        })
        .collect();
    phases.sort_unstable();
    phases.dedup();
    phases
}

/// Returns when a hook is deleted: as listed, Helm's words after the others; before its next creation unless said.
#[must_use]
pub fn delete_policies(object: &Value) -> Vec<DeletePolicy> {
    let mut policies: Vec<_> =
        annotation_items(object, DELETE_POLICY).into_iter().filter_map(DeletePolicy::of).collect();
    policies.extend(annotation_items(object, HELM_DELETE_POLICY).into_iter().filter_map(DeletePolicy::of_helm));
    if policies.is_empty() {
        policies.push(DeletePolicy::BeforeHookCreation);
    }
    policies
}

/// Returns the wave of `object`: its annotation, else Helm's weight, else 0.
#[must_use]
pub fn wave(object: &Value) -> i64 {
    let annotations = annotations(object);
    let number = |key: &str| annotations.get(key).and_then(|text| text.parse().ok());
    number(SYNC_WAVE).or_else(|| number(HELM_WEIGHT)).unwrap_or_default()
}

/// Returns whether `object` carries [`FINALIZER`].
#[must_use]
pub fn has_finalizer(object: &Value) -> bool {
    meta::finalizers(object).any(|finalizer| finalizer == FINALIZER)
}

/// What may happen to an object that Git does not have any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pruning {
    /// It is deleted.
    Allowed,
    /// It stays.
    Disabled,
    /// It is deleted once a person agreed.
    NeedsConfirmation,
}

/// Returns what `Prune=` says on `object`, else what the application's option `default` says.
#[must_use]
pub fn pruning(object: &Value, default: Option<&str>) -> Pruning {
    match option_value(object, SYNC_OPTIONS, "Prune").or(default) {
        Some("false") => Pruning::Disabled,
        Some("confirm") => Pruning::NeedsConfirmation,
        _ => Pruning::Allowed,
    }
}
