//! The answer to "why?": reasons in one sentence, as a chain, with what happens next and what would help.
//!
//! Everything here is wording: what is said comes from reasons.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tiphys_api::{Rollout, phase};
use tiphys_machinery::time;
use tiphys_rollouts::{
    observe::Observed,
    plan::{Settings, plan},
};
use tiphys_runtime::reason::{Reason, Urgency};

/// Commands that are offered at most.
const COMMANDS_MAX: usize = 3;

/// Why one Rollout is as it is.
#[derive(Debug, Clone)]
pub struct Answer {
    namespace: String,
    name: String,
    phase: String,
    message: String,
    reasons: Vec<Reason>,
    now: Timestamp,
}

/// A command line and what it will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The line.
    pub line: String,
    /// What it will do.
    pub effect: String,
}

impl Answer {
    /// Returns the answer that a plan for what was observed gives.
    #[must_use]
    pub fn of(seen: &Observed, now: Timestamp) -> Self {
        Self::new(&seen.rollout.typed, plan(seen, now, &Settings::default()).reasons, now)
    }

    /// Returns the answer that the reasons of a plan give.
    #[must_use]
    pub fn new(rollout: &Rollout, reasons: Vec<Reason>, now: Timestamp) -> Self {
        let (phase, message) = phase::shown(rollout);
        Self {
            namespace: rollout.metadata.namespace.clone().unwrap_or_default(),
            name: rollout.metadata.name.clone().unwrap_or_default(),
            phase,
            message,
            reasons,
            now,
        }
    }

    /// Returns the answer for an Application, of which `phase` is the first word.
    #[must_use]
    pub fn of_application(namespace: &str, name: &str, phase: String, reasons: Vec<Reason>, now: Timestamp) -> Self {
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        Self { namespace, name, phase, message: String::new(), reasons, now }
    }

    /// Returns whether nothing is wrong and nothing moves.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.urgency() == Urgency::Settled
    }

    /// Returns the namespace of the Rollout.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns the time that ages count from.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns the name of the Rollout.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what sorts answers: the most stuck first, then the longest, then by name.
    #[must_use]
    pub fn rank(&self) -> impl Ord + use<> {
        let since = self.since().unwrap_or(Timestamp::MAX);
        (std::cmp::Reverse(self.urgency()), since, self.namespace.clone(), self.name.clone())
    }

    /// Returns the answer in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self.statement() {
            Some(statement) => format!("{} {statement}.", self.name),
            None => format!("{} has nothing to tell.", self.name),
        }
    }

    /// Returns the reasons, the most important first.
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

    /// Returns the phase and the message that a client shows.
    #[must_use]
    pub fn phase(&self) -> (&str, &str) {
        (&self.phase, &self.message)
    }

    /// Returns the sentence without its subject and its full stop.
    #[must_use]
    pub fn statement(&self) -> Option<String> {
        let first = self.reasons.first()?;
        let root = first.root();
        let because = if std::ptr::eq(root, first) { String::new() } else { format!(", because {}", root.message) };
        let since = self.since().filter(|_| self.urgency() > Urgency::Settled);
        let since = since.map_or_else(String::new, |since| format!(" since {}", ago(since, self.now)));
        let text = first.message.trim_end_matches('.');
        Some(format!("{}{since}: {text}{}", state(self.urgency()), because.trim_end_matches('.')))
    }

    /// Returns the answer as data.
    #[must_use]
    pub fn data(&self) -> Value {
        let offers = self.offers();
        let commands: Vec<Value> =
            offers.iter().map(|offer| json!({"command": offer.line, "effect": offer.effect})).collect();
        let mut data = json!({
            "namespace": self.namespace,
            "name": self.name,
            "phase": self.phase,
            "message": self.message,
            "urgency": self.urgency(),
            "summary": self.sentence(),
            "commands": commands,
            "reasons": self.reasons,
        });
        let soonest = self.soonest();
        let more = [
            ("since", self.since().map(|at| json!(at))),
            ("next", soonest.and_then(|reason| reason.next.as_ref()).map(|text| json!(text))),
            ("nextAt", soonest.and_then(|reason| reason.next_at).map(|at| json!(at))),
            ("inspect", self.look().map(|line| json!(line))),
        ];
        for (field, value) in more {
            if let Some(value) = value {
                data[field] = value;
            }
        }
        data
    }

    /// Returns how much it asks of a person; a release that the controller has not come to yet is moving.
    #[must_use]
    pub fn urgency(&self) -> Urgency {
        let gravest = self.reasons.first().map_or(Urgency::Settled, Reason::gravity);
        // A controller that has not come to it yet leaves the phase behind.
        let is_moving = gravest == Urgency::Settled && self.phase != "Healthy";
        if is_moving { Urgency::Moving } else { gravest }
    }

    /// Returns since when: of the first in the chain that knows.
    #[must_use]
    pub fn since(&self) -> Option<Timestamp> {
        self.reasons.first()?.chain().into_iter().find_map(|reason| reason.since)
    }

    /// Returns what happens soonest of all that has a time; else what happens next at the top.
    #[must_use]
    pub fn soonest(&self) -> Option<&Reason> {
        let chain = self.reasons.first()?.chain();
        let timed = chain.iter().filter(|reason| reason.next_at.is_some()).min_by_key(|reason| reason.next_at);
        timed.or_else(|| chain.iter().find(|reason| reason.next.is_some())).copied()
    }

    /// Returns what happens next and when.
    #[must_use]
    pub fn next(&self) -> Option<String> {
        told(self.soonest()?, self.now)
    }

    /// Returns a command that shows more, as near to the cause as there is one.
    #[must_use]
    pub fn look(&self) -> Option<&str> {
        let chain = self.reasons.first()?.chain();
        chain.into_iter().rev().find_map(|reason| reason.inspect.as_deref())
    }

    /// Returns what a person may do, nearest to the cause first.
    #[must_use]
    pub fn offers(&self) -> Vec<Offer> {
        let chain = self.reasons.first().map(Reason::chain).unwrap_or_default();
        let mut offers: Vec<Offer> = Vec::new();
        for remedy in chain.into_iter().rev().flat_map(|reason| &reason.remedies) {
            let line = line(&remedy.command);
            if !offers.iter().any(|offer| offer.line == line) {
                offers.push(Offer { line, effect: remedy.effect.clone() });
            }
        }
        offers.truncate(COMMANDS_MAX);
        offers
    }
}

/// A command line of this program, or of the one that is named.
fn line(command: &str) -> String {
    if command.starts_with("kubectl ") { command.to_owned() } else { format!("tiphys {command}") }
}

/// Returns what a reason says will happen next.
#[must_use]
pub fn told(reason: &Reason, now: Timestamp) -> Option<String> {
    let next = reason.next.as_ref()?;
    Some(match reason.next_at {
        Some(at) => format!("{next} {}", then(at, now)),
        None => next.clone(),
    })
}

/// Returns an urgency in words.
#[must_use]
pub fn state(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Settled => "is healthy",
        Urgency::Moving => "is on its way",
        Urgency::NeedsDecision => "waits for a person",
        Urgency::Broken => "is stuck",
    }
}

/// Returns `11:02 UTC (3m)`; with the date where it is longer ago than a day.
#[must_use]
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    let passed = now.duration_since(at).max(SignedDuration::ZERO);
    format!("{} ({})", clock(at, passed), time::human(passed))
}

/// Returns `at 11:02 UTC (in 3m)`, `now` where it is due.
#[must_use]
pub fn then(at: Timestamp, now: Timestamp) -> String {
    let left = at.duration_since(now);
    if left <= SignedDuration::ZERO {
        return "now".to_owned();
    }
    format!("at {} (in {})", clock(at, left), time::human(left))
}

fn clock(at: Timestamp, distance: SignedDuration) -> String {
    let format = if distance < SignedDuration::from_hours(24) { "%H:%M:%S UTC" } else { "%Y-%m-%d %H:%M UTC" };
    at.strftime(format).to_string()
}
