//! Steps of a canary in words.

use tiphys_api::{
    Rollout, duration,
    types::{CanaryStep, SetCanaryScale},
};

/// Returns the canary steps; none for blue-green.
#[must_use]
pub fn steps(rollout: &Rollout) -> &[CanaryStep] {
    rollout.spec.strategy.canary.as_ref().map_or(&[], |canary| &canary.steps)
}

/// Returns the index of the current step, as the status says.
#[must_use]
pub fn index(rollout: &Rollout) -> Option<usize> {
    rollout.status.current_step_index.map(|index| usize::try_from(index).unwrap_or(0))
}

/// Returns the current step; `None` after the last one and without steps.
#[must_use]
pub fn current(rollout: &Rollout) -> Option<&CanaryStep> {
    steps(rollout).get(index(rollout)?)
}

/// Returns `<index>/<steps>`; `None` without steps or before the controller has written an index.
#[must_use]
pub fn position(rollout: &Rollout) -> Option<String> {
    let steps = steps(rollout).len();
    let index = index(rollout).filter(|_| steps > 0)?;
    Some(format!("{index}/{steps}"))
}

/// Returns what a step does, for instance `setWeight 20` or `pause 30s`.
#[must_use]
pub fn describe(step: &CanaryStep) -> String {
    if let Some(weight) = step.set_weight {
        return format!("setWeight {weight}");
    }
    if let Some(pause) = &step.pause {
        return match duration::pause(pause) {
            Some(duration) => format!("pause {}", tiphys_machinery::time::human(duration)),
            None => "pause until promoted".to_owned(),
        };
    }
    if let Some(scale) = &step.set_canary_scale {
        return scale_text(scale);
    }
    let other = [
        (step.analysis.is_some(), "analysis"),
        (step.experiment.is_some(), "experiment"),
        (step.set_header_route.is_some(), "setHeaderRoute"),
        (step.set_mirror_route.is_some(), "setMirrorRoute"),
        (step.plugin.is_some(), "plugin"),
    ];
    other.iter().find(|(set, _)| *set).map_or("nothing", |(_, text)| text).to_owned()
}

fn scale_text(scale: &SetCanaryScale) -> String {
    match (scale.replicas, scale.weight) {
        (Some(replicas), _) => format!("setCanaryScale {replicas} pods"),
        (None, Some(weight)) => format!("setCanaryScale {weight}%"),
        (None, None) => "setCanaryScale as the weight".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tiphys_api::decode;

    use super::*;

    #[test]
    fn steps_are_described() {
        for (step, expected) in [
            (json!({"setWeight": 20}), "setWeight 20"),
            (json!({"pause": {}}), "pause until promoted"),
            (json!({"pause": {"duration": "1h"}}), "pause 60m"),
            (json!({"pause": {"duration": 30}}), "pause 30s"),
            (json!({"setCanaryScale": {"replicas": 2}}), "setCanaryScale 2 pods"),
            (json!({"setCanaryScale": {"matchTrafficWeight": true}}), "setCanaryScale as the weight"),
            (json!({"analysis": {}}), "analysis"),
            (json!({}), "nothing"),
        ] {
            assert_eq!(describe(&decode(step.clone()).object), expected, "{step}");
        }
    }
}
