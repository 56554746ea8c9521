//! What a scenario expects, and whether it is so.

use serde_json::Value;

use super::line::{first_word, json};
use crate::world::World;

/// Something that holds or does not.
#[derive(Debug, Clone, PartialEq)]
pub enum Expectation {
    /// `status.phase`.
    Phase(String),
    /// `status.message`: all of it, or a part.
    Message(Text),
    /// `status.currentStepIndex`.
    Step(i64),
    /// Image of the stable version.
    Stable(String),
    /// A number of something.
    Count(Counted, Compare, i64),
    /// A Service selects the version with this image.
    Service {
        /// Name of the Service.
        name: String,
        /// The image.
        image: String,
    },
    /// An event was told, or never.
    Event {
        /// Its reason.
        reason: String,
        /// Part of its message.
        part: String,
        /// Whether it was.
        told: bool,
    },
    /// A field has a value.
    Field {
        /// Kind.
        kind: String,
        /// Name.
        name: String,
        /// JSON pointer.
        path: String,
        /// The value; null where the field is absent.
        value: Value,
    },
    /// There is no such object.
    Gone {
        /// Kind.
        kind: String,
        /// Name.
        name: String,
    },
}

/// A text, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// All of it.
    Is(String),
    /// A part.
    Has(String),
}

/// What is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counted {
    /// Ready pods that stay.
    Ready,
    /// `status.availableReplicas`.
    Available,
    /// Ready pods of an image.
    Pods(String),
    /// Wanted pods of the ReplicaSets of an image.
    Set(String),
    /// How often an event was told.
    Events(String),
}

/// How two numbers compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// Equal.
    Is,
    /// The same or more.
    AtLeast,
    /// The same or less.
    AtMost,
}

impl Expectation {
    /// Reads an expectation.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (word, rest) = first_word(text);
        let owned = |text: &str| text.to_owned();
        let words: Vec<&str> = rest.split_whitespace().collect();
        match (word, words.as_slice()) {
            ("phase", [phase]) => Ok(Self::Phase(owned(phase))),
            ("message", ["has", ..]) => Ok(Self::Message(Text::Has(first_word(rest).1.to_owned()))),
            ("message", _) => Ok(Self::Message(Text::Is(owned(rest)))),
            ("step", [index]) => number(index).map(Self::Step),
            ("stable", [image]) => Ok(Self::Stable(owned(image))),
            ("ready", [compare, n]) => count(Counted::Ready, compare, n),
            ("available", [compare, n]) => count(Counted::Available, compare, n),
            ("pods", [image, compare, n]) => count(Counted::Pods(owned(image)), compare, n),
            ("set", [image, compare, n]) => count(Counted::Set(owned(image)), compare, n),
            ("events", [reason, compare, n]) => count(Counted::Events(owned(reason)), compare, n),
            ("service", [name, "selects", image]) => Ok(Self::Service { name: owned(name), image: owned(image) }),
            ("event", [reason]) => Ok(Self::Event { reason: owned(reason), part: String::new(), told: true }),
            ("event", [reason, "has", ..]) => {
                let part = first_word(first_word(rest).1).1.to_owned();
                Ok(Self::Event { reason: owned(reason), part, told: true })
            }
            ("no", ["event", reason]) => Ok(Self::Event { reason: owned(reason), part: String::new(), told: false }),
            ("gone", [kind, name]) => Ok(Self::Gone { kind: owned(kind), name: owned(name) }),
            ("field", [kind, name, path, "=", ..]) => {
                let value = rest.split_once(" = ").map_or("", |(_, value)| value);
                Ok(Self::Field { kind: owned(kind), name: owned(name), path: owned(path), value: json(value)? })
            }
            _ => Err(format!("`{text}` is nothing that can be expected")),
        }
    }

    /// Returns what is the case instead; `None` if it holds.
    #[must_use]
    pub fn unmet(&self, world: &World) -> Option<String> {
        let status = rollout(world)["status"].clone();
        let (holds, instead) = match self {
            Self::Phase(phase) => {
                (status["phase"] == phase.as_str(), format!("{} {}", status["phase"], status["message"]))
            }
            Self::Message(text) => {
                let said = status["message"].as_str().unwrap_or_default();
                let holds = match text {
                    Text::Is(all) => said == all,
                    Text::Has(part) => said.contains(part.as_str()),
                };
                (holds, format!("message {said:?}"))
            }
            Self::Step(index) => (status["currentStepIndex"] == *index, format!("step {}", status["currentStepIndex"])),
            Self::Stable(image) => {
                let is = image_of_hash(world, status["stableRS"].as_str().unwrap_or_default());
                (is == *image, format!("stable {is}"))
            }
            Self::Count(counted, compare, n) => {
                let is = counted.in_world(world, &status);
                (compare.holds(is, *n), is.to_string())
            }
            Self::Service { name, image } => {
                let hash = world.get("Service", name)["spec"]["selector"]["rollouts-pod-template-hash"].clone();
                let is = image_of_hash(world, hash.as_str().unwrap_or_default());
                (is == *image, format!("it selects {hash}, {is}"))
            }
            Self::Event { reason, part, told } => {
                let events = events(world);
                let of_reason: Vec<String> =
                    events.into_iter().filter(|(known, ..)| known == reason).map(|e| e.1).collect();
                let found = of_reason.iter().any(|message| message.contains(part.as_str()));
                (found == *told, format!("told: {of_reason:?}"))
            }
            Self::Field { kind, name, path, value } => {
                let is = world.get(kind, &resolve(world, name)).pointer(path).cloned().unwrap_or_default();
                (is == *value, is.to_string())
            }
            Self::Gone { kind, name } => (world.get(kind, &resolve(world, name)).is_null(), "it is there".into()),
        };
        (!holds).then_some(instead)
    }
}

impl Counted {
    fn in_world(&self, world: &World, status: &Value) -> i64 {
        let of_image =
            |object: &Value, path: &str, image: &str| object.pointer(path).is_some_and(|known| known == image);
        let count = match self {
            Self::Available => return status["availableReplicas"].as_i64().unwrap_or(0),
            Self::Ready => world.list("Pod").iter().filter(|pod| is_serving(pod)).count(),
            Self::Pods(image) => {
                let path = "/spec/containers/0/image";
                world.list("Pod").iter().filter(|pod| is_serving(pod) && of_image(pod, path, image)).count()
            }
            Self::Set(image) => {
                let sets = world.list("ReplicaSet").into_iter();
                let sets = sets.filter(|set| of_image(set, "/spec/template/spec/containers/0/image", image));
                return sets.map(|set| set["spec"]["replicas"].as_i64().unwrap_or(1)).sum();
            }
            Self::Events(reason) => {
                return events(world).iter().filter(|(known, ..)| known == reason).map(|(_, _, count)| count).sum();
            }
        };
        i64::try_from(count).unwrap_or(i64::MAX)
    }
}

impl Compare {
    fn holds(self, a: i64, b: i64) -> bool {
        match self {
            Self::Is => a == b,
            Self::AtLeast => a >= b,
            Self::AtMost => a <= b,
        }
    }
}

/// Returns the Rollout that a scenario is about: the first.
pub(super) fn rollout(world: &World) -> Value {
    world.list("Rollout").into_iter().next().unwrap_or_default()
}

/// Returns the name that a scenario means.
pub(super) fn resolve(world: &World, name: &str) -> String {
    let rollout = rollout(world);
    let set = |field: &str| {
        format!(
            "{}-{}",
            rollout["metadata"]["name"].as_str().unwrap_or_default(),
            rollout["status"][field].as_str().unwrap_or_default()
        )
    };
    match name {
        "$new" => set("currentPodHash"),
        "$stable" => set("stableRS"),
        "$pod" => {
            let pods = world.list("Pod");
            let staying = pods.iter().find(|pod| pod["metadata"]["deletionTimestamp"].is_null());
            staying.and_then(|pod| pod["metadata"]["name"].as_str()).unwrap_or_default().to_owned()
        }
        name => name.to_owned(),
    }
}

fn image_of_hash(world: &World, hash: &str) -> String {
    let sets = world.list("ReplicaSet");
    let set = sets.iter().find(|set| set["metadata"]["labels"]["rollouts-pod-template-hash"] == hash);
    let image = set.and_then(|set| set["spec"]["template"]["spec"]["containers"][0]["image"].as_str());
    image.unwrap_or("nothing").to_owned()
}

/// Reason, message and count of every event.
fn events(world: &World) -> Vec<(String, String, i64)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let events = world.list("Event").into_iter();
    events.map(|e| (text(&e["reason"]), text(&e["message"]), e["count"].as_i64().unwrap_or(1))).collect()
}

fn is_serving(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    let is_ready = conditions.into_iter().flatten().any(|c| c["type"] == "Ready" && c["status"] == "True");
    is_ready && pod["metadata"]["deletionTimestamp"].is_null()
}

fn count(counted: Counted, compare: &str, n: &str) -> Result<Expectation, String> {
    let compare = match compare {
        "=" => Compare::Is,
        ">=" => Compare::AtLeast,
        "<=" => Compare::AtMost,
        other => return Err(format!("`{other}` is none of =, >= and <=")),
    };
    Ok(Expectation::Count(counted, compare, number(n)?))
}

fn number(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| format!("`{text}` is no number"))
}
