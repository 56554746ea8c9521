//! Small objects for the tables of this crate.

use crate::controllers::view::{Key, Phase, Pod, Requests};

/// A running pod on `node-0` in namespace `ns` that is not ready; its uid is its name.
pub(crate) fn pod(name: &str) -> Pod {
    Pod {
        key: Key::new("ns", name),
        uid: name.into(),
        labels: Default::default(),
        created: "2026-01-01T00:00:00Z".parse().unwrap(),
        deleting: false,
        controller: None,
        node: Some("node-0".into()),
        phase: Phase::Running,
        ready_since: None,
        restarts: 0,
        restarts_total: 0,
        finished_at: None,
        deletion_cost: 0,
        ip: None,
        named_ports: Box::default(),
        requests: Requests::default(),
        host_ports: Box::default(),
        unscheduled: false,
        completion_index: None,
        job_tracked: false,
    }
}

impl Pod {
    pub(crate) fn ready_at(mut self, since: &str) -> Self {
        self.ready_since = Some(since.parse().unwrap());
        self
    }
}
