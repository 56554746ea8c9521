//! What is wrong with a run before anything is measured.

use tiphys_api::types::{AnalysisRunSpec, Metric};

use super::{Rules, ValidateError, validate::validate};
use crate::template::{TemplateError, resolve_metric, with_placeholders};

/// Why a run cannot be carried out. The texts are upstream's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// Placeholders or arguments.
    #[error("Unable to resolve metric arguments: {0}")]
    Arguments(TemplateError),
    /// Metrics.
    #[error("Analysis spec invalid: {0}")]
    Metrics(ValidateError),
    /// Rules.
    #[error("Analysis spec invalid: {0}")]
    Rules(String),
}

/// A spec that can be carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The metrics with every placeholder replaced, secrets by a stand-in.
    pub metrics: Vec<Metric>,
    /// What the rules say about them.
    pub rules: Rules,
}

/// Checks a spec.
///
/// # Errors
/// The first thing that is wrong.
pub fn check(spec: &AnalysisRunSpec) -> Result<Checked, SpecError> {
    let arguments = with_placeholders(&spec.args);
    let metrics = spec.metrics.iter().map(|metric| resolve_metric(metric, &arguments));
    let metrics = metrics.collect::<Result<Vec<_>, _>>().map_err(SpecError::Arguments)?;
    validate(&metrics).map_err(SpecError::Metrics)?;
    let rules = Rules::new(spec, &metrics).map_err(SpecError::Rules)?;
    Ok(Checked { metrics, rules })
}
