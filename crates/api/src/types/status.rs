//! `Rollout.status`.

use serde_json::Value;

use super::{Time, api_types};

api_types! {
    /// What the controller reports about a Rollout, and where people ask for promote, abort and retry.
    RolloutStatus {
        /// Whether the update is aborted.
        abort: bool,
        /// Pauses made by the controller; a person clears the list to resume.
        pause_conditions: Vec<PauseCondition>,
        /// Whether the controller has paused; true with an empty list: a person resumed.
        controller_pause: bool,
        /// When the abort was first seen.
        aborted_at: Option<Time>,
        /// Hash of the new ReplicaSet.
        current_pod_hash: String,
        /// Hash of the canary steps.
        current_step_hash: String,
        /// Pods of all ReplicaSets.
        replicas: i32,
        /// Pods of the new ReplicaSet.
        updated_replicas: i32,
        /// Ready pods.
        ready_replicas: i32,
        /// Available pods.
        available_replicas: i32,
        /// Canary step; the number of steps when done; none without steps.
        current_step_index: Option<i32>,
        /// Hash collisions so far.
        collision_count: Option<i32>,
        /// Generation that this status is about, in decimal.
        observed_generation: String,
        /// Conditions.
        conditions: Vec<RolloutCondition>,
        /// Status of the canary strategy.
        canary: CanaryStatus,
        /// Status of the blue-green strategy.
        blue_green: BlueGreenStatus,
        /// Pods that the scale subresource shows.
        #[serde(rename = "HPAReplicas")]
        hpa_replicas: i32,
        /// Selector that the scale subresource shows.
        selector: String,
        /// Hash of the last fully promoted ReplicaSet.
        #[serde(rename = "stableRS")]
        stable_rs: String,
        /// The last `spec.restartAt` that was served.
        restarted_at: Option<Time>,
        /// Whether a person wants steps, pauses and analyses skipped.
        promote_full: bool,
        /// `Healthy`, `Degraded`, `Progressing` or `Paused`.
        phase: String,
        /// Why the phase is what it is.
        message: String,
        /// Generation of the referenced workload that this status is about.
        workload_observed_generation: String,
        /// The load balancer.
        alb: Option<AlbStatus>,
        /// Several load balancers.
        albs: Vec<AlbStatus>,
        /// How long updates take.
        duration: Option<RolloutDurationStatus>,
    }

    /// A pause made by the controller.
    PauseCondition {
        /// One of [`crate::constants::reasons::pause`].
        reason!: String,
        /// Since when.
        start_time!: Option<Time>,
    }

    /// A condition.
    RolloutCondition {
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

    /// Status of the canary strategy.
    CanaryStatus {
        /// Run of the current step.
        current_step_analysis_run_status: Option<RolloutAnalysisRunStatus>,
        /// Run in the background.
        current_background_analysis_run_status: Option<RolloutAnalysisRunStatus>,
        /// Name of the Experiment of the current step.
        current_experiment: String,
        /// Weights last written to the router.
        weights: Option<TrafficWeights>,
        /// Which Service is stable: `ping` or `pong`.
        stable_ping_pong: String,
        /// One for each plugin step and operation.
        step_plugin_statuses: Vec<StepPluginStatus>,
    }

    /// Status of the blue-green strategy.
    BlueGreenStatus {
        /// Hash that the preview Service selects.
        preview_selector: String,
        /// Hash that the active Service selects.
        active_selector: String,
        /// Whether the preview has been resumed and may grow.
        scale_up_preview_check_point: bool,
        /// Run before the switch.
        pre_promotion_analysis_run_status: Option<RolloutAnalysisRunStatus>,
        /// Run after the switch.
        post_promotion_analysis_run_status: Option<RolloutAnalysisRunStatus>,
    }

    /// Summary of an AnalysisRun.
    RolloutAnalysisRunStatus {
        /// Its name.
        name!: String,
        /// Its phase.
        status!: String,
        /// Its message.
        message: String,
    }

    /// Weights written to the router.
    TrafficWeights {
        /// New pods.
        canary!: WeightDestination,
        /// Stable pods.
        stable!: WeightDestination,
        /// Experiments.
        additional: Vec<WeightDestination>,
        /// Whether the router confirmed; none: not checked.
        verified: Option<bool>,
    }

    /// One destination.
    WeightDestination {
        /// Its weight.
        weight!: i32,
        /// Its Service.
        service_name: String,
        /// Its ReplicaSet's hash.
        pod_template_hash: String,
    }

    /// State of one plugin operation.
    StepPluginStatus {
        /// Index of the step.
        index!: i32,
        /// Name of the plugin.
        name!: String,
        /// `Run`, `Terminate` or `Abort`.
        operation!: String,
        /// `Running`, `Successful`, `Failed` or `Error`.
        phase: String,
        /// For people.
        message: String,
        /// First call.
        started_at: Option<Time>,
        /// Last call.
        updated_at: Option<Time>,
        /// End.
        finished_at: Option<Time>,
        /// Wait before the next call, a duration.
        backoff: String,
        /// Number of calls.
        executions: i32,
        /// Whether the plugin is disabled.
        disabled: bool,
        /// What the plugin keeps.
        status: Option<Value>,
    }

    /// A load balancer with its target groups.
    AlbStatus {
        /// The load balancer.
        load_balancer: AwsResourceRef,
        /// Target group of the new pods.
        canary_target_group: AwsResourceRef,
        /// Target group of the stable pods.
        stable_target_group: AwsResourceRef,
        /// The Ingress.
        ingress: String,
    }

    /// Something at AWS.
    AwsResourceRef {
        /// Name.
        name!: String,
        /// Amazon resource name.
        arn!: String,
        /// Last part of the resource name.
        full_name: String,
    }

    /// How long the present update takes.
    RolloutDurationStatus {
        /// Start of the update.
        rollout_started_at: Option<Time>,
        /// Start of a pause that waits for a person.
        manual_pause_started_at: Option<Time>,
        /// Seconds spent waiting for people.
        total_manual_pause_duration_seconds: Option<i64>,
        /// End of the update.
        finished_at: Option<Time>,
        /// `Promoted`, `FastPromoted`, `Aborted`, `Superseded`, `RolledBack` or `FastRolledBack`.
        completion_status: Option<String>,
    }
}
