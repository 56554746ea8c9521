//! Experiment.

use super::{
    AnalysisRunMetadata, Argument, DryRun, LabelSelector, MeasurementRetention, PodTemplateSpec, Time, api_types,
};

api_types! {
    /// What an Experiment runs.
    ExperimentSpec {
        /// One ReplicaSet each.
        templates!: Vec<TemplateSpec>,
        /// How long it runs once available; empty: no limit.
        duration: String,
        /// Seconds without progress after which a template has failed.
        progress_deadline_seconds: Option<i32>,
        /// Whether to stop early.
        terminate: bool,
        /// Analyses to run.
        analyses: Vec<ExperimentAnalysis>,
        /// Seconds before the ReplicaSets are scaled down.
        scale_down_delay_seconds: Option<i32>,
        /// Metrics that do not decide.
        dry_run: Vec<DryRun>,
        /// How many measurements to keep.
        measurement_retention: Vec<MeasurementRetention>,
        /// Metadata of the AnalysisRuns.
        analysis_run_metadata: AnalysisRunMetadata,
    }

    /// A ReplicaSet of an Experiment.
    TemplateSpec {
        /// Name, unique in the Experiment.
        name!: String,
        /// Number of pods.
        replicas: Option<i32>,
        /// Seconds that a pod must be ready before it counts as available.
        min_ready_seconds: i32,
        /// Selects the pods; must match the template's labels.
        selector!: Option<LabelSelector>,
        /// The pods.
        template!: PodTemplateSpec,
        /// Asks for a Service, even when empty.
        service: Option<TemplateService>,
    }

    /// A Service of a template.
    TemplateService {
        /// Its name; empty: the name of the ReplicaSet.
        name: String,
    }

    /// An analysis of an Experiment.
    ExperimentAnalysis {
        /// Name, unique in the Experiment.
        name!: String,
        /// The template.
        template_name!: String,
        /// Whether it is a ClusterAnalysisTemplate.
        cluster_scope: Option<bool>,
        /// Arguments.
        args: Vec<Argument>,
        /// Whether the Experiment waits for it.
        required_for_completion: bool,
    }

    /// What the controller reports about an Experiment.
    ExperimentStatus {
        /// One of [`crate::constants::analysis_phase`], or empty.
        phase: String,
        /// Why.
        message: String,
        /// One for each template.
        template_statuses: Vec<TemplateStatus>,
        /// When all templates were first available.
        available_at: Option<Time>,
        /// Conditions.
        conditions: Vec<ExperimentCondition>,
        /// One for each analysis.
        analysis_runs: Vec<ExperimentAnalysisRunStatus>,
    }

    /// Status of a template.
    TemplateStatus {
        /// Its name.
        name!: String,
        /// Pods.
        replicas!: i32,
        /// The same number.
        updated_replicas!: i32,
        /// Ready pods.
        ready_replicas!: i32,
        /// Available pods.
        available_replicas!: i32,
        /// Hash collisions so far.
        collision_count: Option<i32>,
        /// `Progressing`, `Running`, `Successful`, `Failed` or `Error`.
        status: String,
        /// Why.
        message: String,
        /// Last change of `status`.
        last_transition_time: Option<Time>,
        /// The Service made for it.
        service_name: String,
        /// Hash of its ReplicaSet.
        pod_template_hash: String,
    }

    /// A condition.
    ExperimentCondition {
        /// One of [`crate::constants::conditions`].
        #[serde(rename = "type")]
        kind!: String,
        /// `True`, `False` or `Unknown`.
        status!: String,
        /// Last written.
        last_update_time!: Option<Time>,
        /// Last change of `status`.
        last_transition_time!: Option<Time>,
        /// One of [`crate::constants::reasons`].
        reason!: String,
        /// For people.
        message!: String,
    }

    /// Summary of an AnalysisRun.
    ExperimentAnalysisRunStatus {
        /// Name in `spec.analyses`.
        name!: String,
        /// Name of the AnalysisRun.
        analysis_run!: String,
        /// Its phase.
        phase!: String,
        /// Its message.
        message: String,
    }
}
