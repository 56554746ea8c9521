//! Why something is as it is: data that status messages, events, the command line and pages print.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The object that a reason points at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectRef {
    /// Kind such as `Pod`.
    pub kind: String,
    /// Namespace; empty for cluster-scoped objects.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl ObjectRef {
    /// Returns a reference to one object.
    #[must_use]
    pub fn new(kind: impl Into<String>, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind: kind.into(), namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{} {}", self.kind, self.name)
        } else {
            write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
        }
    }
}

/// How much a reason asks of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Urgency {
    /// Nothing to do: it is as wanted.
    Settled,
    /// It moves on by itself.
    Moving,
    /// It waits for a person's decision, as planned.
    NeedsDecision,
    /// Something is broken and will not heal by itself.
    Broken,
}

/// One link in the chain from what a person sees to its cause.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// Stable word for programs, for instance `PauseStep` or `BudgetBlocksRestart`.
    pub code: String,
    /// How much it asks of a person.
    pub urgency: Urgency,
    /// One sentence without full stop: what it waits for.
    pub message: String,
    /// The object that is waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectRef>,
    /// Since when it has been so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// What happens next, if nobody does anything; one sentence without full stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// When that happens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
    /// What a person may do, the best first.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub remedies: Vec<Remedy>,
    /// A command line that shows more, for instance `kubectl logs web-1 -c app -n shop`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub inspect: Option<String>,
    /// Why that, in turn.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub because: Vec<Reason>,
}

/// One way on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remedy {
    /// Arguments of the program, for instance `promote web -n shop`; a whole line where another program does it
    /// (`kubectl …`).
    pub command: String,
    /// What it will do, for instance `continues with step 3 of 5 (setWeight: 60)`.
    pub effect: String,
}

impl Reason {
    /// Returns a reason with a code, an urgency and a sentence.
    pub fn new(code: impl Into<String>, urgency: Urgency, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            urgency,
            message: message.into(),
            object: None,
            since: None,
            next: None,
            next_at: None,
            remedies: Vec::new(),
            inspect: None,
            because: Vec::new(),
        }
    }

    /// Names the object that is waited for.
    pub fn on(mut self, object: ObjectRef) -> Self {
        self.object = Some(object);
        self
    }

    /// Says since when.
    pub fn since(mut self, at: impl Into<Option<Timestamp>>) -> Self {
        self.since = at.into();
        self
    }

    /// Says what happens next, and when if that is known.
    pub fn then(mut self, next: impl Into<String>, at: impl Into<Option<Timestamp>>) -> Self {
        self.next = Some(next.into());
        self.next_at = at.into();
        self
    }

    /// Adds a way on.
    pub fn remedy(mut self, command: impl Into<String>, effect: impl Into<String>) -> Self {
        self.remedies.push(Remedy { command: command.into(), effect: effect.into() });
        self
    }

    /// Names a command line that shows more.
    pub fn inspect(mut self, command: impl Into<String>) -> Self {
        self.inspect = Some(command.into());
        self
    }

    /// Adds a cause.
    pub fn because(mut self, cause: Reason) -> Self {
        self.because.push(cause);
        self
    }

    /// Returns the highest urgency along the chain.
    #[must_use]
    pub fn gravity(&self) -> Urgency {
        self.because.iter().map(Reason::gravity).max().map_or(self.urgency, |below| below.max(self.urgency))
    }

    /// Returns the reasons from this one to the end of the chain of first causes.
    #[must_use]
    pub fn chain(&self) -> Vec<&Reason> {
        let mut chain = vec![self];
        while let Some(next) = chain.last().and_then(|last| last.because.first()) {
            chain.push(next);
        }
        chain
    }

    /// Returns the reason at the end of the chain of first causes: what has to change first.
    pub fn root(&self) -> &Reason {
        self.because.first().map_or(self, Reason::root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_the_last_first_cause() {
        let budget = Reason::new("BudgetBlocksRestart", Urgency::Broken, "budget allows 0 disruptions")
            .on(ObjectRef::new("PodDisruptionBudget", "shop", "web"));
        let restart = Reason::new("Restarting", Urgency::Moving, "3 of 12 pods restarted").because(budget.clone());
        assert_eq!(restart.root(), &budget);
        assert_eq!(restart.chain(), [&restart, &budget]);
        assert_eq!((restart.urgency, restart.gravity()), (Urgency::Moving, Urgency::Broken));
        assert_eq!(budget.object.as_ref().map(ToString::to_string).as_deref(), Some("PodDisruptionBudget shop/web"));
        let text = serde_json::to_string(&restart).unwrap();
        assert_eq!(serde_json::from_str::<Reason>(&text).unwrap(), restart);
    }
}
