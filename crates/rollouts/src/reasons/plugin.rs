//! What a plugin step waits for.

use tiphys_runtime::reason::{ObjectRef, Reason, Urgency};

use crate::plan::explain_parts::{self as parts, Release};

/// Returns what is known about the plugin of the current step.
#[must_use]
pub(crate) fn explain(release: &Release<'_>) -> Option<Reason> {
    let (name, entry) = parts::plugin_step(release)?;
    let itself = ObjectRef::new("Rollout", release.namespace(), release.name());
    if !release.settings.step_plugins.contains_key(name) {
        let text = format!("plugin {name} is not configured in the controller");
        let next = "the step begins once it is; promoting skips the step";
        return Some(Reason::new("StepPluginUnavailable", Urgency::Broken, text).on(itself).then(next, None));
    }
    let entry = entry?;
    let since = entry.started_at.as_ref().map(|time| time.0);
    let (code, urgency) = match entry.phase.as_str() {
        "Running" => ("StepPluginRunning", Urgency::Moving),
        "Error" => ("StepPluginError", Urgency::Broken),
        _ => return None,
    };
    let text = match entry.message.as_str() {
        "" => format!("plugin {name} is {}", entry.phase.to_lowercase()),
        message => format!("plugin {name}: {message}"),
    };
    Some(Reason::new(code, urgency, text).on(itself).since(since).then("it is asked again", parts::next_call(entry)))
}
