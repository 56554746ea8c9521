//! From templates and arguments to the spec of an AnalysisRun, and from there to a metric that can be measured.
//!
//! ```text
//!   references ──resolve──> templates ──flatten──> one template ┐
//!   arguments of the Rollout or Experiment ──values──> arguments ┴─build──> AnalysisRun ──interpolate──> Metric
//! ```

mod arguments;
mod build;
mod flatten;
mod interpolate;
mod resolve;

pub use self::{
    arguments::{ExperimentTemplate, Hashes, experiment_argument, merge_arguments, rollout_arguments},
    build::{Purpose, RunIdentity, run_for_rollout, run_spec, same_run},
    flatten::{flatten, unique},
    interpolate::{PLACEHOLDER, resolve_metric, with_placeholders},
    resolve::{Templates, resolve_named, resolve_references},
};

/// Why there is no run or no metric. The texts are upstream's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A namespaced template does not exist.
    #[error("AnalysisTemplate '{0}' not found")]
    NotFound(String),
    /// A cluster-wide template does not exist.
    #[error("ClusterAnalysisTemplate '{0}' not found")]
    ClusterNotFound(String),
    /// Templates refer to each other in a circle.
    #[error("template '{0}' refers to itself")]
    Circle(String),
    /// Two templates bring metrics of one name.
    #[error("two metrics have the same name '{0}'")]
    SameMetric(String),
    /// Two templates bring one dry-run rule.
    #[error("two Dry-Run metric rules have the same name '{0}'")]
    SameDryRun(String),
    /// Two templates bring one retention rule.
    #[error("two Measurement Retention metric rules have the same name '{0}'")]
    SameRetention(String),
    /// Two templates bring one argument with different values.
    #[error("Argument `{name}` specified multiple times with different values: '{first}', '{second}'")]
    DifferentValues {
        /// The argument.
        name: String,
        /// The value that came first.
        first: String,
        /// The other one.
        second: String,
    },
    /// An argument has neither a value nor a source.
    #[error("args.{0} was not resolved")]
    Unresolved(String),
    /// An argument has no value when it is needed.
    #[error("argument \"{0}\" was not supplied")]
    NotSupplied(String),
    /// A placeholder stands for nothing.
    #[error("failed to resolve {{{{{0}}}}}")]
    UnknownTag(String),
    /// A placeholder does not end.
    #[error("Cannot find end tag=\"}}}}\" in the template={template:?} starting from {rest:?}")]
    Unterminated {
        /// The whole text.
        template: String,
        /// What follows the opening braces.
        rest: String,
    },
    /// A duration is none.
    #[error(transparent)]
    Duration(#[from] tiphys_api::duration::GoDurationError),
    /// A field of the Rollout cannot be read.
    #[error("{0}")]
    Field(String),
    /// A metric is no metric any more once its placeholders are replaced.
    #[error("{0}")]
    Decode(String),
    /// The new ReplicaSet has no pod hash.
    #[error("Latest ReplicaSet '{0}' has no pod hash in the labels")]
    NoPodHash(String),
}
