//! Asking AWS whether it has what the load balancer's Ingress says.
//!
//! The only part of this crate that waits for something. The network is behind [`ElasticLoadBalancing`], one signed request of
//! the query API a call; everything else is here: which questions, pages, what the answers mean.

mod api;
mod status;
mod targets;
mod weights;
mod xml;

use std::{future::Future, pin::Pin};

pub use self::{
    targets::{TargetGroup, target_groups, verify_targets},
    weights::verify_weights,
};

/// Version of the query API that fields and answers follow.
pub const API_VERSION: &str = "2015-12-01";

/// A call under way.
pub type Call<'a> = Pin<Box<dyn Future<Output = Result<String, CallError>> + Send + 'a>>;

/// The query API of Elastic Load Balancing.
pub trait ElasticLoadBalancing: Send + Sync {
    /// Sends these form fields (`Action` and `Version` among them), signed for service `elasticloadbalancing`, and returns
    /// the XML of an answer with status 200.
    fn call(&self, fields: Vec<(String, String)>) -> Call<'_>;
}

/// Why AWS did not answer a question.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// It refused: the code and message of its answer.
    #[error("{code}: {message}")]
    Refused {
        /// Such as `AccessDenied`.
        code: String,
        /// For people.
        message: String,
    },
    /// No answer: no credentials, no connection, no time left.
    #[error("{0}")]
    Unreachable(String),
    /// An answer that is no XML, or not the one that was asked for.
    #[error("{action}: {reason}")]
    Answer {
        /// The question.
        action: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl CallError {
    /// Returns the error that an answer with another status than 200 tells of.
    #[must_use]
    pub fn refused(status: u16, body: &str) -> Self {
        let text = |field| xml::first_text(body, field);
        match (text("Code"), text("Message")) {
            (Some(code), message) => Self::Refused { code, message: message.unwrap_or_default() },
            (None, _) => Self::Unreachable(format!("AWS answered with status {status}")),
        }
    }
}
