//! The columns of `list`.

use tiphys_api::{Rollout, defaults, phase};

use super::{step, tree, weight};
use crate::printer::Cell;

/// Whether rows name their namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All rows are of one namespace.
    Namespace,
    /// Rows are of several namespaces.
    Everywhere,
}

/// Returns the names of the columns.
pub(crate) fn head(scope: Scope) -> Vec<Cell> {
    let names = ["NAME", "STRATEGY", "STATUS", "STEP", "SET-WEIGHT", "READY", "DESIRED", "UP-TO-DATE", "AVAILABLE"];
    let namespace = (scope == Scope::Everywhere).then_some("NAMESPACE");
    namespace.into_iter().chain(names).map(Cell::from).collect()
}

/// Returns the row of a Rollout.
pub(crate) fn row(rollout: &Rollout, scope: Scope) -> Vec<Cell> {
    let strategy = &rollout.spec.strategy;
    let (name, set_weight) = match (&strategy.canary, &strategy.blue_green) {
        (Some(_), _) => ("Canary", weight::wanted(rollout).to_string()),
        (None, Some(_)) => ("BlueGreen", "-".to_owned()),
        (None, None) => ("unknown", "-".to_owned()),
    };
    let (phase, _) = phase::shown(rollout);
    let colour = tree::rollout_colour(&phase);
    let status = &rollout.status;
    let namespace = rollout.metadata.namespace.clone().unwrap_or_default();
    let cells = [
        rollout.metadata.name.clone().unwrap_or_default().into(),
        name.into(),
        Cell::new(phase, colour),
        step::position(rollout).unwrap_or_else(|| "-".to_owned()).into(),
        set_weight.into(),
        format!("{}/{}", status.ready_replicas, status.replicas).into(),
        defaults::replicas(rollout).to_string().into(),
        status.updated_replicas.to_string().into(),
        status.available_replicas.to_string().into(),
    ];
    let first = (scope == Scope::Everywhere).then(|| Cell::from(namespace));
    first.into_iter().chain(cells).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tiphys_api::decode;

    use super::*;

    #[track_caller]
    fn check(spec: Value, status: Value, expected: &str) {
        let metadata = json!({"name": "web", "namespace": "shop"});
        let rollout = decode(json!({"metadata": metadata, "spec": spec, "status": status})).object;
        let cells: Vec<String> = row(&rollout, Scope::Everywhere).into_iter().map(|cell| cell.text).collect();
        assert_eq!(cells.join(" "), expected);
    }

    #[test]
    fn columns_are_those_of_the_plugin() {
        let counts = json!({"phase": "Paused", "currentStepIndex": 1, "replicas": 6, "readyReplicas": 5,
            "updatedReplicas": 1, "availableReplicas": 4});
        let canary = json!({"replicas": 5, "strategy": {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}]}}});
        check(canary, counts.clone(), "shop web Canary Paused 1/2 20 5/6 5 1 4");
        check(json!({"strategy": {"blueGreen": {}}}), counts, "shop web BlueGreen Paused - - 5/6 1 1 4");
        check(
            json!({"strategy": {"canary": {}}}),
            json!({"phase": "Healthy"}),
            "shop web Canary Healthy - 100 0/0 1 0 0",
        );
    }
}
