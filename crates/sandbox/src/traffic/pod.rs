//! How a pod answers: its version, and how often and how slowly, as annotations or its image say.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tiphys_machinery::{go_duration, time};

use crate::kubelet::{knobs::PREFIX, pod::pre_stop};

/// The quantile that `latency-p99` is: so many standard deviations above the median.
const P99: f64 = 2.326;

/// A pod as those see it who send it requests.
#[derive(Debug, Clone, PartialEq)]
pub struct Pod {
    /// Labels, which subsets select by.
    pub labels: BTreeMap<String, String>,
    /// Version: an annotation, or the tag of the image.
    pub version: String,
    /// Name of the controller of its ReplicaSet, without the hash of the template; of its own controller for others.
    pub workload: String,
    /// Whether it is ready.
    pub ready: bool,
    /// Whether it runs at all.
    pub running: bool,
    /// Until when it answers although it is being deleted; `None` while it is not.
    pub answers_until: Option<Timestamp>,
    /// How it answers.
    pub profile: Profile,
}

/// How a pod answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Profile {
    /// Share of requests that it fails, from 0 to 1.
    pub error_rate: f64,
    /// Half of the answers take less.
    pub p50: SignedDuration,
    /// 99 of 100 answers take less.
    pub p99: SignedDuration,
}

impl Default for Profile {
    fn default() -> Self {
        Self { error_rate: 0.0, p50: SignedDuration::from_millis(20), p99: SignedDuration::from_millis(80) }
    }
}

impl Pod {
    /// Reads a stored pod.
    #[must_use]
    pub fn read(pod: &Value) -> Self {
        let metadata = &pod["metadata"];
        let image = pod["spec"]["containers"][0]["image"].as_str().unwrap_or_default();
        let knob = |name: &str| metadata["annotations"][format!("{PREFIX}{name}")].as_str();
        let labels = metadata["labels"].as_object().into_iter().flatten();
        let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
        Self {
            version: knob("version").unwrap_or_else(|| tag(image).unwrap_or(image)).to_owned(),
            workload: workload(metadata),
            ready: conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True"),
            running: pod["status"]["phase"] == "Running",
            answers_until: answers_until(pod),
            profile: Profile::read(image, knob),
            labels: labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect(),
        }
    }
}

/// A pod that is being deleted answers until its `preStop` hooks are over: then it is told to stop.
fn answers_until(pod: &Value) -> Option<Timestamp> {
    let metadata = &pod["metadata"];
    let deadline = time::parse(&metadata["deletionTimestamp"])?;
    let grace = SignedDuration::from_secs(metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or(0));
    let hooks = pod["spec"]["containers"].as_array().into_iter().flatten().map(|c| &c["lifecycle"]["preStop"]);
    let longest = hooks.map(pre_stop).max().unwrap_or(SignedDuration::ZERO);
    Some(deadline - grace + longest.min(grace))
}

fn tag(image: &str) -> Option<&str> {
    image.rsplit('/').next()?.split_once(':').map(|(_, tag)| tag)
}

fn workload(metadata: &Value) -> String {
    let mut owners = metadata["ownerReferences"].as_array().into_iter().flatten();
    let owner = owners.find(|owner| owner["controller"] == true);
    let name = owner.and_then(|owner| owner["name"].as_str()).unwrap_or_default();
    let mut labels = metadata["labels"].as_object().into_iter().flatten();
    let hash = labels.find(|(key, _)| key.ends_with("pod-template-hash")).and_then(|(_, hash)| hash.as_str());
    let without = hash.and_then(|hash| name.strip_suffix(hash)?.strip_suffix('-'));
    without.unwrap_or(name).to_owned()
}

impl Profile {
    /// Reads annotations; without one an image whose tag begins with `bad` fails 15 %, one with `slow` takes 2 s.
    fn read<'a>(image: &str, knob: impl Fn(&str) -> Option<&'a str>) -> Self {
        let tag = tag(image).unwrap_or_default();
        let named = |word: &str| tag == word || tag.starts_with(&format!("{word}-"));
        let mut profile = Self::default();
        if named("bad") {
            profile.error_rate = 0.15;
        }
        if named("slow") {
            (profile.p50, profile.p99) = (SignedDuration::from_secs(2), SignedDuration::from_secs(3));
        }
        let duration = |name: &str| {
            knob(name).and_then(|text| go_duration::parse(text).ok()).filter(|time| *time > SignedDuration::ZERO)
        };
        if let Some(rate) = knob("error-rate").and_then(share) {
            profile.error_rate = rate;
        }
        if let Some(p50) = duration("latency-p50") {
            (profile.p50, profile.p99) = (p50, p50.saturating_mul(4));
        }
        if let Some(p99) = duration("latency-p99") {
            profile.p99 = p99.max(profile.p50);
        }
        profile
    }

    /// Draws how long an answer takes: log-normal through both quantiles.
    #[must_use]
    pub fn latency(&self, random: &mut fastrand::Rng) -> SignedDuration {
        let (p50, p99) = (self.p50.as_secs_f64(), self.p99.as_secs_f64());
        let sigma = (p99 / p50).ln() / P99;
        let (u, v) = (1.0 - random.f64(), random.f64());
        let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
        SignedDuration::from_secs_f64((p50 * (sigma * normal).exp()).min(3600.0))
    }
}

/// Returns a share of `5%` or `0.05`.
fn share(text: &str) -> Option<f64> {
    let number = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().ok()? / 100.0,
        None => text.trim().parse().ok()?,
    };
    (0.0..=1.0).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn profile(image: &str, annotations: &[(&str, &str)]) -> Profile {
        let annotations: serde_json::Map<String, Value> =
            annotations.iter().map(|(name, value)| (format!("{PREFIX}{name}"), json!(value))).collect();
        let pod = json!({"metadata": {"annotations": annotations}, "spec": {"containers": [{"image": image}]}});
        Pod::read(&pod).profile
    }

    #[test]
    fn annotations_and_images_say_how_a_pod_answers() {
        let millis = SignedDuration::from_millis;
        let plain = Profile::default();
        for (image, annotations, want) in [
            ("app:1", &[][..], plain),
            ("app:bad", &[], Profile { error_rate: 0.15, ..plain }),
            ("argoproj/rollouts-demo:bad-red", &[], Profile { error_rate: 0.15, ..plain }),
            ("app:badger", &[], plain),
            ("app:slow-1", &[], Profile { p50: millis(2000), p99: millis(3000), ..plain }),
            ("app:bad", &[("error-rate", "0")], plain),
            ("app:1", &[("error-rate", "5%")], Profile { error_rate: 0.05, ..plain }),
            ("app:1", &[("error-rate", "7")], plain),
            ("app:1", &[("latency-p50", "10ms")], Profile { p50: millis(10), p99: millis(40), ..plain }),
            ("app:1", &[("latency-p99", "1s")], Profile { p99: millis(1000), ..plain }),
        ] {
            assert_eq!(profile(image, annotations), want, "{image} {annotations:?}");
        }
    }

    #[test]
    fn latencies_meet_their_quantiles() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut all: Vec<_> = (0..10_000).map(|_| Profile::default().latency(&mut random).as_millis()).collect();
        all.sort_unstable();
        assert!((19..=21).contains(&all[5_000]) && (72..=88).contains(&all[9_900]), "{} {}", all[5_000], all[9_900]);
    }

    #[test]
    fn a_leaving_pod_answers_until_its_hooks_are_over() {
        let until = |hook: Value| {
            let pod = json!({
                "metadata": {"deletionTimestamp": "2026-01-01T00:00:30Z", "deletionGracePeriodSeconds": 30},
                "spec": {"containers": [{"image": "a", "lifecycle": {"preStop": hook}}]}});
            Pod::read(&pod).answers_until.unwrap().to_string()
        };
        assert_eq!(until(json!(null)), "2026-01-01T00:00:00Z");
        assert_eq!(until(json!({"sleep": {"seconds": 5}})), "2026-01-01T00:00:05Z");
        assert_eq!(until(json!({"exec": {"command": ["sh", "-c", "sleep 10"]}})), "2026-01-01T00:00:10Z");
        assert_eq!(until(json!({"sleep": {"seconds": 50}})), "2026-01-01T00:00:30Z");
    }

    #[test]
    fn the_workload_is_named_without_the_hash() {
        let pod =
            |labels: Value| json!({"labels": labels, "ownerReferences": [{"controller": true, "name": "web-6c9f"}]});
        assert_eq!(workload(&pod(json!({"rollouts-pod-template-hash": "6c9f"}))), "web");
        assert_eq!(workload(&pod(json!({"app": "a"}))), "web-6c9f");
    }
}
