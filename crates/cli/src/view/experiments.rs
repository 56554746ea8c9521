//! The columns of `list experiments`.

use jiff::{SignedDuration, Timestamp};
use tiphys_api::Experiment;
use tiphys_machinery::{go_duration, time};

use super::{columns::Scope, experiment, release};
use crate::printer::Cell;

/// Returns the names of the columns.
pub(crate) fn head(scope: Scope) -> Vec<Cell> {
    let namespace = (scope == Scope::Everywhere).then_some("NAMESPACE");
    namespace.into_iter().chain(["NAME", "STATUS", "DURATION", "REMAINING", "AGE"]).map(Cell::from).collect()
}

/// Returns the row of an Experiment.
pub(crate) fn row(experiment: &Experiment, scope: Scope, now: Timestamp) -> Vec<Cell> {
    let metadata = &experiment.metadata;
    let duration = go_duration::parse(&experiment.spec.duration).ok();
    let phase = experiment.status.phase.clone();
    let human = |duration: Option<SignedDuration>| duration.map_or_else(|| "-".to_owned(), time::human);
    let colour = experiment::phase(experiment).colour;
    let age = release::created(metadata).map(|at| now.duration_since(at));
    let cells = [
        metadata.name.clone().unwrap_or_default().into(),
        Cell { text: phase, colour },
        human(duration).into(),
        human(remaining(experiment, duration, now)).into(),
        human(age).into(),
    ];
    let namespace = (scope == Scope::Everywhere).then(|| metadata.namespace.clone().unwrap_or_default().into());
    namespace.into_iter().chain(cells).collect()
}

fn remaining(experiment: &Experiment, duration: Option<SignedDuration>, now: Timestamp) -> Option<SignedDuration> {
    let is_over = matches!(experiment.status.phase.as_str(), "Successful" | "Failed" | "Error" | "Inconclusive");
    let available = experiment.status.available_at.as_ref().filter(|_| !is_over)?.0;
    Some((available + duration?).duration_since(now).max(SignedDuration::ZERO))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tiphys_api::decode;

    use super::*;

    #[track_caller]
    fn check(status: Value, expected: &str) {
        let metadata = json!({"name": "ab", "namespace": "shop", "creationTimestamp": "2026-01-02T03:00:00Z"});
        let experiment = json!({"metadata": metadata, "spec": {"duration": "5m"}, "status": status});
        let now = "2026-01-02T03:02:00Z".parse().unwrap();
        let row = row(&decode(experiment).object, Scope::Everywhere, now);
        assert_eq!(row.iter().map(|cell| cell.text.as_str()).collect::<Vec<_>>().join(" "), expected);
    }

    #[test]
    fn time_left_counts_from_when_all_was_available() {
        check(json!({"phase": "Running", "availableAt": "2026-01-02T03:01:00Z"}), "shop ab Running 5m 4m 2m");
        check(json!({"phase": "Pending"}), "shop ab Pending 5m - 2m");
        check(json!({"phase": "Successful", "availableAt": "2026-01-02T03:01:00Z"}), "shop ab Successful 5m - 2m");
    }
}
