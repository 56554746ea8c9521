//! From a destination to a pod's answer.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Name, istio::Destination, plane::Plane, pod::Pod};

/// Why no pod answered a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lost {
    /// Nothing takes on its host and path.
    NoRoute,
    /// Its Service does not exist.
    NoService,
    /// Its Service has no subset of that name.
    NoSubset,
    /// Its Service has no ready pod.
    NoReadyPod,
    /// It came to a pod that is not ready.
    NotReady,
    /// It came to a pod that is stopping.
    Terminating,
    /// It came to the address of a pod that is gone.
    Gone,
}

impl Lost {
    /// Returns the word for it in answers and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoRoute => "no-route",
            Self::NoService => "no-service",
            Self::NoSubset => "no-subset",
            Self::NoReadyPod => "no-ready-pod",
            Self::NotReady => "not-ready",
            Self::Terminating => "terminating",
            Self::Gone => "gone",
        }
    }

    /// Returns the status code that the client gets.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::NoRoute => 404,
            Self::NoService | Self::NoSubset | Self::NoReadyPod => 503,
            Self::NotReady | Self::Terminating | Self::Gone => 502,
        }
    }
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The pod that it came to; empty if to none.
    pub pod: String,
    /// Version of that pod.
    pub version: String,
    /// Workload of that pod.
    pub workload: String,
    /// Status code.
    pub code: u16,
    /// How long the answer took.
    pub latency: SignedDuration,
    /// Why no pod answered it; `None` if one did, be it with an error.
    pub lost: Option<Lost>,
}

impl Outcome {
    /// Returns what becomes of a request that comes to no pod.
    #[must_use]
    pub fn lost(why: Lost) -> Self {
        let (pod, version, workload) = (String::new(), String::new(), String::new());
        Self { pod, version, workload, code: why.code(), latency: SignedDuration::ZERO, lost: Some(why) }
    }
}

/// Finds a pod by its name.
pub type Find<'a> = dyn FnMut(&Name) -> Option<Arc<Pod>> + 'a;

/// Sends a request to one of the pods of a destination and returns what becomes of it. Pods are as they are now; which
/// of them get requests is as [`Plane`] knows it, which may be behind.
pub fn serve(
    plane: &Plane,
    destination: &Destination,
    find: &mut Find<'_>,
    now: Timestamp,
    random: &mut fastrand::Rng,
) -> Outcome {
    let Destination { service, subset } = destination;
    if plane.services.binary_search(service).is_err() {
        return Outcome::lost(Lost::NoService);
    }
    let all = plane.endpoints.get(service).map(Vec::as_slice).unwrap_or_default();
    let chosen = match subset {
        None => random.choice(all).cloned(),
        Some(subset) => {
            let Some(labels) = plane.subsets.get(service).and_then(|subsets| subsets.get(subset)) else {
                return Outcome::lost(Lost::NoSubset);
            };
            let mut selected = |name: &&String| {
                let pod = find(&Name::new(&service.namespace, name));
                pod.is_some_and(|pod| labels.iter().all(|(key, value)| pod.labels.get(key) == Some(value)))
            };
            let some: Vec<&String> = all.iter().filter(|name| selected(name)).collect();
            random.choice(&some).map(|name| (*name).clone())
        }
    };
    let Some(name) = chosen else { return Outcome::lost(Lost::NoReadyPod) };
    let Some(pod) = find(&Name::new(&service.namespace, &name)) else {
        return Outcome { pod: name, ..Outcome::lost(Lost::Gone) };
    };
    answer(&name, &pod, now, random)
}

/// Returns what a pod makes of a request.
pub(super) fn answer(name: &str, pod: &Pod, now: Timestamp, random: &mut fastrand::Rng) -> Outcome {
    let lost = match pod.answers_until {
        Some(until) if now >= until => Some(Lost::Terminating),
        Some(_) => None,
        None if !pod.running || !pod.ready => Some(Lost::NotReady),
        None => None,
    };
    let known = |outcome: Outcome| Outcome {
        pod: name.to_owned(),
        version: pod.version.clone(),
        workload: pod.workload.clone(),
        ..outcome
    };
    if let Some(lost) = lost {
        return known(Outcome::lost(lost));
    }
    let failed = random.f64() < pod.profile.error_rate;
    let (code, latency) = (if failed { 500 } else { 200 }, pod.profile.latency(random));
    known(Outcome { code, latency, lost: None, ..Outcome::lost(Lost::Gone) })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;

    const NOW: &str = "2026-01-01T00:00:10Z";

    #[expect(clippy::needless_pass_by_value, reason = "tables write their JSON in place")]
    fn pod(name: &str, more: Value) -> (String, Arc<Pod>) {
        let mut pod = json!({
            "metadata": {"labels": {"v": name}}, "spec": {"containers": [{"image": format!("app:{name}")}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        });
        for (field, part) in more.as_object().into_iter().flatten() {
            for (name, value) in part.as_object().into_iter().flatten() {
                pod[field][name] = value.clone();
            }
        }
        (name.to_owned(), Arc::new(Pod::read(&pod)))
    }

    fn leaving(at: &str) -> Value {
        json!({"metadata": {"deletionTimestamp": at, "deletionGracePeriodSeconds": 0}})
    }

    /// Sends a request to Service `n/web` whose endpoints are these, of which these pods exist.
    fn sent(endpoints: &[&str], pods: &[(String, Arc<Pod>)], subset: Option<&str>) -> Outcome {
        let web = Name::new("n", "web");
        let subsets = ["1", "2"].map(|v| (format!("s{v}"), BTreeMap::from([("v".to_owned(), v.to_owned())])));
        let plane = Plane {
            services: vec![web.clone()],
            endpoints: BTreeMap::from([(web.clone(), endpoints.iter().map(|name| (*name).to_owned()).collect())]),
            subsets: BTreeMap::from([(web.clone(), subsets.into())]),
            ..Plane::default()
        };
        let destination = Destination { service: web, subset: subset.map(ToOwned::to_owned) };
        let mut find = |name: &Name| pods.iter().find(|(known, _)| *known == name.name).map(|(_, pod)| pod.clone());
        serve(&plane, &destination, &mut find, NOW.parse().unwrap(), &mut fastrand::Rng::with_seed(1))
    }

    #[test]
    fn a_request_is_answered_or_lost_for_a_reason() {
        let fine = || pod("1", json!({}));
        let not_ready = json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}});
        for (what, endpoints, pods, subset, want) in [
            ("answered", &["1"][..], vec![fine()], None, (200, None)),
            ("no endpoint", &[], vec![fine()], None, (503, Some(Lost::NoReadyPod))),
            ("a pod that is gone", &["1"], vec![], None, (502, Some(Lost::Gone))),
            ("a pod that is not ready", &["1"], vec![pod("1", not_ready)], None, (502, Some(Lost::NotReady))),
            ("a pod that stops", &["1"], vec![pod("1", leaving(NOW))], None, (502, Some(Lost::Terminating))),
            (
                "a pod that has not stopped yet",
                &["1"],
                vec![pod("1", leaving("2026-01-01T00:00:11Z"))],
                None,
                (200, None),
            ),
            ("a subset", &["1", "2"], vec![fine(), pod("2", json!({}))], Some("s2"), (200, None)),
            ("a subset without pods", &["1"], vec![fine()], Some("s2"), (503, Some(Lost::NoReadyPod))),
            ("no such subset", &["1"], vec![fine()], Some("s3"), (503, Some(Lost::NoSubset))),
            (
                "an error",
                &["1"],
                vec![pod("1", json!({"metadata": {"annotations": {"sandbox.tiphys.dev/error-rate": "1"}}}))],
                None,
                (500, None),
            ),
        ] {
            let outcome = sent(endpoints, &pods, subset);
            assert_eq!((outcome.code, outcome.lost), want, "{what}");
            if subset == Some("s2") && outcome.code == 200 {
                assert_eq!(outcome.version, "2");
            }
        }
    }
}
