//! Rules that name metrics by regular expressions: dry-run, and how many measurements to keep.

use std::collections::{BTreeMap, BTreeSet};

use regex::RegexBuilder;
use tiphys_api::types::{AnalysisRunSpec, Metric};

/// Measurements that are kept of a metric unless a rule says otherwise.
pub const DEFAULT_RETENTION: usize = 10;

/// What the rules of a run say about its metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    dry_run: BTreeSet<String>,
    retention: BTreeMap<String, usize>,
}

impl Rules {
    /// Matches the rules of `spec` with `metrics`; of several retention rules that match a metric the last one holds.
    ///
    /// # Errors
    /// In upstream's words, where a rule matches nothing.
    pub fn new(spec: &AnalysisRunSpec, metrics: &[Metric]) -> Result<Self, String> {
        let mut rules = Self::default();
        for (i, rule) in spec.dry_run.iter().enumerate() {
            let matched = matching(&rule.metric_name, metrics);
            if matched.is_empty() {
                return Err(format!("dryRun[{i}]: Rule didn't match any metric name(s)"));
            }
            rules.dry_run.extend(matched);
        }
        for (i, rule) in spec.measurement_retention.iter().enumerate() {
            let matched = matching(&rule.metric_name, metrics);
            if matched.is_empty() {
                return Err(format!("measurementRetention[{i}]: Rule didn't match any metric name(s)"));
            }
            let limit = usize::try_from(rule.limit).ok().filter(|limit| *limit > 0).unwrap_or(DEFAULT_RETENTION);
            rules.retention.extend(matched.into_iter().map(|name| (name, limit)));
        }
        Ok(rules)
    }

    /// Returns whether a metric does not decide.
    #[must_use]
    pub fn is_dry_run(&self, metric: &str) -> bool {
        self.dry_run.contains(metric)
    }

    /// Returns how many measurements of a metric are kept.
    #[must_use]
    pub fn retention(&self, metric: &str) -> usize {
        self.retention.get(metric).copied().unwrap_or(DEFAULT_RETENTION)
    }
}

/// Names of the metrics that a rule matches. `*` alone means every metric, as the field's description promises.
fn matching(pattern: &str, metrics: &[Metric]) -> Vec<String> {
    let pattern = if pattern == "*" { ".*" } else { pattern };
    // A pattern that is none matches nothing.
    let Ok(pattern) = RegexBuilder::new(pattern).size_limit(1 << 20).build() else { return Vec::new() };
    metrics.iter().map(|metric| &metric.name).filter(|name| pattern.is_match(name)).cloned().collect()
}
