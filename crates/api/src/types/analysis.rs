//! Analysis templates, and what a Rollout says about analyses.

use std::collections::BTreeMap;

use super::{Metric, api_types};

api_types! {
    /// Metrics to measure, with arguments.
    AnalysisTemplateSpec {
        /// Measurements.
        metrics: Vec<Metric>,
        /// Declared arguments, possibly with a value.
        args: Vec<Argument>,
        /// Metrics that do not decide.
        dry_run: Vec<DryRun>,
        /// How many measurements to keep.
        measurement_retention: Vec<MeasurementRetention>,
        /// Templates to merge in.
        templates: Vec<AnalysisTemplateRef>,
    }

    /// A template by name.
    AnalysisTemplateRef {
        /// Name.
        template_name: String,
        /// Whether it is a ClusterAnalysisTemplate.
        cluster_scope: Option<bool>,
    }

    /// An argument of a template, a run or an Experiment.
    Argument {
        /// Name.
        name!: String,
        /// Value; absent and empty differ.
        value: Option<String>,
        /// Where the value comes from.
        value_from: Option<ValueFrom>,
    }

    /// Source of an argument's value.
    ValueFrom {
        /// A Secret.
        secret_key_ref: Option<SecretKeyRef>,
        /// A field; accepted and never resolved.
        field_ref: Option<FieldRef>,
    }

    /// A key of a Secret.
    SecretKeyRef {
        /// Name of the Secret.
        name!: String,
        /// Key.
        key!: String,
    }

    /// A field of an object.
    FieldRef {
        /// Path such as `metadata.labels['app']`.
        field_path!: String,
    }

    /// Metrics whose result does not decide.
    DryRun {
        /// Regular expression for their names.
        metric_name!: String,
    }

    /// How many measurements to keep.
    MeasurementRetention {
        /// Regular expression for the names of metrics.
        metric_name!: String,
        /// The number.
        limit!: i32,
    }

    /// Labels and annotations of AnalysisRuns.
    AnalysisRunMetadata {
        /// Labels.
        labels: BTreeMap<String, String>,
        /// Annotations.
        annotations: BTreeMap<String, String>,
    }

    /// An analysis of a Rollout.
    RolloutAnalysis {
        /// Templates to run together.
        templates: Vec<AnalysisTemplateRef>,
        /// Arguments.
        args: Vec<AnalysisRunArgument>,
        /// Metrics that do not decide.
        dry_run: Vec<DryRun>,
        /// How many measurements to keep.
        measurement_retention: Vec<MeasurementRetention>,
        /// Metadata of the AnalysisRun.
        analysis_run_metadata: Option<AnalysisRunMetadata>,
    }

    /// An analysis that runs beside the steps: the fields of [`RolloutAnalysis`] and one more.
    RolloutAnalysisBackground {
        /// Templates to run together.
        templates: Vec<AnalysisTemplateRef>,
        /// Arguments.
        args: Vec<AnalysisRunArgument>,
        /// Metrics that do not decide.
        dry_run: Vec<DryRun>,
        /// How many measurements to keep.
        measurement_retention: Vec<MeasurementRetention>,
        /// Metadata of the AnalysisRun.
        analysis_run_metadata: Option<AnalysisRunMetadata>,
        /// Step with which it starts; the first unless set.
        starting_step: Option<i32>,
    }

    /// An argument that a Rollout gives.
    AnalysisRunArgument {
        /// Name.
        name!: String,
        /// Value.
        value: String,
        /// Where the value comes from.
        value_from: Option<ArgumentValueFrom>,
    }

    /// Source of an argument's value.
    ArgumentValueFrom {
        /// `Stable` or `Latest`.
        pod_template_hash_value: Option<String>,
        /// A field of the Rollout.
        field_ref: Option<FieldRef>,
    }
}

impl RolloutAnalysisBackground {
    /// Returns the part that every analysis has.
    #[must_use]
    pub fn analysis(&self) -> RolloutAnalysis {
        RolloutAnalysis {
            templates: self.templates.clone(),
            args: self.args.clone(),
            dry_run: self.dry_run.clone(),
            measurement_retention: self.measurement_retention.clone(),
            analysis_run_metadata: self.analysis_run_metadata.clone(),
        }
    }
}
