//! Traffic routers that are plugins: what they are told, and what they answer.
//!
//! Planning says the whole wanted state ([`Ask`]); whoever hosts plugins tells it ([`RouterPlugins`]); the answer is for the
//! next plan ([`crate::observe::Recall`]). The same state may be told again at any time.

use futures::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;
use tiphys_api::types::{SetHeaderRoute, SetMirrorRoute, TrafficWeights};

/// Tells router plugins.
///
/// Implementations limit the time of a call, and turn a plugin that dies, hangs or answers nonsense into an error.
pub trait RouterPlugins: Send + Sync {
    /// Brings a router to the wanted state and says whether it has taken it up; the error is said to people.
    fn route<'a>(&'a self, rollout: &'a Value, ask: &'a Ask) -> BoxFuture<'a, Result<State, String>>;
}

/// The wanted state of a router.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ask {
    /// Name of the plugin.
    pub plugin: String,
    /// Its configuration in the Rollout.
    pub config: Value,
    /// The sum of all weights.
    pub max_weight: i32,
    /// The weights.
    pub weights: TrafficWeights,
    /// Header routes that live.
    pub headers: Vec<SetHeaderRoute>,
    /// Mirror routes that live.
    pub mirrors: Vec<SetMirrorRoute>,
}

/// Whether a router has taken up the wanted state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It has.
    InForce,
    /// Not yet: what is missing.
    NotYet(String),
    /// It cannot tell.
    Unknown,
}

/// What a plugin was last told, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// What it was told.
    pub ask: Ask,
    /// When.
    pub at: Timestamp,
    /// Its answer.
    pub answer: Result<State, String>,
}
