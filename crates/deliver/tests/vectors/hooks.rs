use serde_json::{Value, json};
use tiphys_deliver::hook::{self, Pruning};

use super::compare;

#[test]
fn vectors_gitops_hooks() {
    compare("gitops-hooks", |input| answer(&json!({"metadata": input["metadata"]})));
}

fn answer(object: &Value) -> Value {
    let mut phases: Vec<_> = hook::phases(object).iter().map(|phase| phase.name()).collect();
    phases.sort_unstable();
    json!({
        "isHook": hook::is_hook(object),
        "skip": hook::is_skipped(object),
        "ignored": hook::is_ignored(object),
        "types": hook::types(object).iter().map(|hook| hook.name()).collect::<Vec<_>>(),
        "phases": phases,
        "deletePolicies": hook::delete_policies(object).iter().map(|policy| policy.name()).collect::<Vec<_>>(),
        "wave": hook::wave(object),
        "hasHookFinalizer": hook::has_finalizer(object),
        "pruneDisabled": hook::pruning(object, None) == Pruning::Disabled,
        "pruneNeedsConfirmation": hook::pruning(object, None) == Pruning::NeedsConfirmation,
    })
}
