//! Step plugins: what a canary step asks somebody else to do.
//!
//! Planning decides which call comes next ([`crate::plan`]); whoever hosts plugins makes it ([`StepPlugins`]); the answer is
//! handed to the next plan ([`crate::observe::Recall`]), which writes it into the status. A call may be made twice if the
//! process dies in between: plugins keep what they need in the status that they return.

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// Makes calls to plugins.
///
/// Implementations limit the time of a call, and turn a plugin that dies, hangs or answers nonsense into an error.
pub trait StepPlugins: Send + Sync {
    /// Makes one call for a Rollout; the error is said to people.
    fn call<'a>(&'a self, rollout: &'a Value, call: &'a Call) -> BoxFuture<'a, Result<Reply, String>>;
}

/// What a plugin is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Do the step, or say how far it is.
    Run,
    /// Stop: the update goes on without it.
    Terminate,
    /// Undo: the update is aborted.
    Abort,
}

impl Operation {
    /// Returns the word in the status.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Run => "Run",
            Self::Terminate => "Terminate",
            Self::Abort => "Abort",
        }
    }
}

/// One call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Name of the plugin.
    pub plugin: String,
    /// Index of the step.
    pub index: i32,
    /// What to do.
    pub operation: Operation,
    /// The step's configuration, as it is.
    pub config: Value,
    /// What the plugin returned last time; null before.
    pub status: Value,
    /// Hash of the pod template that the call is about.
    pub hash: String,
}

/// What a plugin answers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reply {
    /// `Running`, `Successful`, `Failed` or `Error`; empty is `Running`.
    pub phase: String,
    /// For people.
    pub message: String,
    /// When to ask again.
    pub requeue_after: Option<SignedDuration>,
    /// What the plugin wants back in the next call.
    pub status: Option<Value>,
}

/// A call and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The call.
    pub call: Call,
    /// When it was made.
    pub at: Timestamp,
    /// The reply, or why there is none.
    pub reply: Result<Reply, String>,
}

/// How a plugin is configured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Setup {
    /// Its steps are passed over.
    pub is_disabled: bool,
}
