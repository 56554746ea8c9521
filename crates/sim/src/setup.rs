//! The Rollout that a seed draws, and what is around it.

use fastrand::Rng;
use serde_json::{Value, json};

/// Name of the Rollout.
pub const NAME: &str = "web";
/// Versions that can be pulled: `web:1` to this.
pub const VERSIONS: u32 = 5;

/// What a seed has drawn, and what people want at present.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Wanted pods.
    pub replicas: i64,
    /// Tag of the image that people want.
    pub tag: String,
    /// Whether it is a blue-green.
    pub is_blue_green: bool,
    /// Whether restarts start a new pod first.
    pub surges_restarts: bool,
    strategy: Value,
    spec: Value,
    pods: Value,
    budget: Option<Value>,
}

impl Setup {
    /// Draws a Rollout.
    pub fn draw(random: &mut Rng) -> Self {
        let is_blue_green = random.u8(0..3) == 0;
        let strategy =
            if is_blue_green { json!({"blueGreen": blue_green(random)}) } else { json!({"canary": canary(random)}) };
        Self {
            replicas: random.i64(1..9),
            tag: "1".into(),
            is_blue_green,
            surges_restarts: random.u8(0..4) == 0,
            strategy,
            spec: rest_of_spec(random),
            pods: behaviour(random),
            budget: (random.u8(0..3) == 0).then(|| budget(random)),
        }
    }

    /// Returns a Rollout with this strategy and nothing drawn.
    #[must_use]
    pub fn plain(replicas: i64, strategy: Value) -> Self {
        Self {
            replicas,
            tag: "1".into(),
            is_blue_green: strategy["blueGreen"].is_object(),
            surges_restarts: false,
            strategy,
            spec: json!({}),
            pods: json!({}),
            budget: None,
        }
    }

    /// Returns the Rollout as people want it at present.
    #[must_use]
    pub fn rollout(&self) -> Value {
        let annotations = if self.surges_restarts { json!({"tiphys.dev/restart": "surge"}) } else { json!({}) };
        let mut spec = json!({
            "replicas": self.replicas,
            "selector": {"matchLabels": {"app": NAME}},
            "strategy": self.strategy,
            "template": {
                "metadata": {"labels": {"app": NAME}, "annotations": self.pods},
                "spec": {"containers": [{"name": "web", "image": format!("web:{}", self.tag)}]},
            },
        });
        for (field, value) in self.spec.as_object().into_iter().flatten() {
            spec[field] = value.clone();
        }
        json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
            "metadata": {"name": NAME, "annotations": annotations}, "spec": spec,
        })
    }

    /// Returns everything that must be there before the Rollout.
    #[must_use]
    pub fn surroundings(&self) -> Vec<Value> {
        let service = |name: &str| {
            json!({
                "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
                "spec": {"selector": {"app": NAME}, "ports": [{"port": 80}]},
            })
        };
        let mut all = vec![service("web"), service("web-next")];
        all.extend(self.budget.clone());
        all
    }

    /// Returns the image that people want.
    #[must_use]
    pub fn image(&self) -> String {
        format!("web:{}", self.tag)
    }
}

/// One of several, drawn.
fn one_of(random: &mut Rng, values: &[Value]) -> Value {
    let at = random.usize(0..values.len());
    values[at].clone()
}

fn canary(random: &mut Rng) -> Value {
    let steps: Vec<Value> = (0..random.usize(0..6)).map(|_| step(random)).collect();
    let limits = [
        json!({}),
        json!({"maxSurge": 1, "maxUnavailable": 0}),
        json!({"maxSurge": 0, "maxUnavailable": 1}),
        json!({"maxSurge": "50%", "maxUnavailable": "10%"}),
        json!({"maxSurge": 2, "maxUnavailable": "34%"}),
        json!({"maxSurge": "100%", "maxUnavailable": 0}),
        json!({"maxSurge": "0%", "maxUnavailable": "40%"}),
    ];
    let mut canary = one_of(random, &limits);
    if !steps.is_empty() || random.bool() {
        canary["steps"] = Value::Array(steps);
    }
    if random.u8(0..3) == 0 {
        canary["stableService"] = "web".into();
        canary["canaryService"] = "web-next".into();
    }
    if random.u8(0..4) == 0 {
        canary["canaryMetadata"] = json!({"labels": {"role": "canary"}});
        canary["stableMetadata"] = json!({"labels": {"role": "stable"}, "annotations": {"note": "stable"}});
    }
    if random.u8(0..6) == 0 {
        canary["replicaProgressThreshold"] = json!({"type": "Percent", "value": random.u8(50..101)});
    }
    if random.u8(0..6) == 0 {
        canary["antiAffinity"] = json!({"preferredDuringSchedulingIgnoredDuringExecution": {"weight": 10}});
    }
    canary
}

fn step(random: &mut Rng) -> Value {
    match random.u8(0..6) {
        0 => json!({"pause": {}}),
        1 => json!({"pause": {"duration": random.u8(1..90)}}),
        2 => json!({"pause": {"duration": "1m30s"}}),
        _ => json!({"setWeight": random.u8(0..101)}),
    }
}

fn blue_green(random: &mut Rng) -> Value {
    let promotion = [
        json!({}),
        json!({"autoPromotionEnabled": false}),
        json!({"autoPromotionSeconds": 20}),
        json!({"autoPromotionEnabled": false, "previewReplicaCount": 1}),
        json!({"autoPromotionSeconds": 5, "previewReplicaCount": 2}),
    ];
    let mut strategy = one_of(random, &promotion);
    strategy["activeService"] = "web".into();
    if random.bool() {
        strategy["previewService"] = "web-next".into();
    }
    let optional = [
        ("scaleDownDelaySeconds", [json!(5), json!(60), json!(0)]),
        ("abortScaleDownDelaySeconds", [json!(0), json!(10), json!(45)]),
        ("scaleDownDelayRevisionLimit", [json!(0), json!(1), json!(1)]),
        ("maxUnavailable", [json!(0), json!(2), json!("50%")]),
    ];
    for (field, values) in optional {
        if random.u8(0..3) == 0 {
            strategy[field] = one_of(random, &values);
        }
    }
    strategy
}

fn rest_of_spec(random: &mut Rng) -> Value {
    let mut spec = json!({});
    if random.u8(0..3) == 0 {
        spec["minReadySeconds"] = random.u8(1..8).into();
    }
    if random.u8(0..3) == 0 {
        spec["revisionHistoryLimit"] = random.u8(1..4).into();
    }
    if random.u8(0..4) == 0 {
        spec["progressDeadlineSeconds"] = random.u16(30..200).into();
        spec["progressDeadlineAbort"] = random.bool().into();
    }
    if random.u8(0..5) == 0 {
        spec["rollbackWindow"] = json!({"revisions": random.u8(1..4)});
    }
    spec
}

/// How the pods behave.
fn behaviour(random: &mut Rng) -> Value {
    let mut knobs = json!({});
    let seconds = |random: &mut Rng, most: u8| Value::from(format!("{}s", random.u8(1..most)));
    for (knob, most) in [("start-delay", 8), ("ready-delay", 6), ("termination", 12)] {
        if random.bool() {
            knobs[format!("sandbox.tiphys.dev/{knob}")] = seconds(random, most);
        }
    }
    knobs
}

fn budget(random: &mut Rng) -> Value {
    let limit = one_of(random, &[json!({"maxUnavailable": 1}), json!({"maxUnavailable": "34%"})]);
    let mut spec = json!({"selector": {"matchLabels": {"app": NAME}}});
    for (field, value) in limit.as_object().into_iter().flatten() {
        spec[field] = value.clone();
    }
    json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": NAME}, "spec": spec})
}
