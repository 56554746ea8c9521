//! `Rollout.spec.strategy`.

use std::collections::BTreeMap;

use super::{CanaryStep, IntOrString, RolloutAnalysis, RolloutAnalysisBackground, TrafficRouting, api_types};

api_types! {
    /// The blue-green strategy.
    BlueGreenStrategy {
        /// Service whose selector is switched at promotion.
        active_service!: String,
        /// Service that always selects the new pods.
        preview_service: String,
        /// Size of the new ReplicaSet until it is resumed.
        preview_replica_count: Option<i32>,
        /// Whether the switch happens without a person.
        auto_promotion_enabled: Option<bool>,
        /// Seconds to wait before the switch.
        auto_promotion_seconds: i32,
        /// Pods that a restart may take away at once.
        max_unavailable: Option<IntOrString>,
        /// Seconds before an old ReplicaSet is scaled down.
        scale_down_delay_seconds: Option<i32>,
        /// How many old ReplicaSets may wait.
        scale_down_delay_revision_limit: Option<i32>,
        /// Runs before the switch.
        pre_promotion_analysis: Option<RolloutAnalysis>,
        /// Keeps old and new pods apart.
        anti_affinity: Option<AntiAffinity>,
        /// Runs after the switch.
        post_promotion_analysis: Option<RolloutAnalysis>,
        /// Metadata of pods before the switch.
        preview_metadata: Option<PodTemplateMetadata>,
        /// Metadata of pods after the switch.
        active_metadata: Option<PodTemplateMetadata>,
        /// Seconds before the new ReplicaSet is scaled down after an abort; 0 is never.
        abort_scale_down_delay_seconds: Option<i32>,
    }

    /// The canary strategy.
    CanaryStrategy {
        /// Service that selects the new pods.
        canary_service: String,
        /// Service that selects the stable pods.
        stable_service: String,
        /// What happens one after the other.
        steps: Vec<CanaryStep>,
        /// How users are shifted; without it the share of pods decides.
        traffic_routing: Option<TrafficRouting>,
        /// Pods that may be unavailable.
        max_unavailable: Option<IntOrString>,
        /// Pods above the wanted number.
        max_surge: Option<IntOrString>,
        /// Runs in the background.
        analysis: Option<RolloutAnalysisBackground>,
        /// Keeps old and new pods apart.
        anti_affinity: Option<AntiAffinity>,
        /// Metadata of the new pods.
        canary_metadata: Option<PodTemplateMetadata>,
        /// Metadata of the stable pods.
        stable_metadata: Option<PodTemplateMetadata>,
        /// Seconds before an old ReplicaSet is scaled down (with traffic routing).
        scale_down_delay_seconds: Option<i32>,
        /// How many old ReplicaSets may wait.
        scale_down_delay_revision_limit: Option<i32>,
        /// Seconds before the new ReplicaSet is scaled down after an abort; 0 is never (with traffic routing).
        abort_scale_down_delay_seconds: Option<i32>,
        /// Whether the stable ReplicaSet shrinks as the canary grows.
        dynamic_stable_scale: bool,
        /// Two Services that swap roles at every promotion.
        ping_pong: Option<PingPong>,
        /// Least number of pods in a ReplicaSet that has any (with traffic routing).
        min_pods_per_replica_set: Option<i32>,
        /// How many available pods are enough to go on.
        replica_progress_threshold: Option<ReplicaProgressThreshold>,
    }

    /// Two Services that swap roles.
    PingPong {
        /// The one.
        ping_service!: String,
        /// The other.
        pong_service!: String,
    }

    /// How many available pods are enough to go on.
    ReplicaProgressThreshold {
        /// `Percent` or `Pods`.
        #[serde(rename = "type")]
        kind!: String,
        /// The number.
        value!: i32,
    }

    /// Exactly one of the two.
    AntiAffinity {
        /// Prefer other nodes.
        preferred_during_scheduling_ignored_during_execution: Option<PreferredAntiAffinity>,
        /// Insist on other nodes.
        required_during_scheduling_ignored_during_execution: Option<RequiredAntiAffinity>,
    }

    /// Preference with a weight.
    PreferredAntiAffinity {
        /// 1 to 100.
        weight!: i32,
    }

    /// No fields.
    RequiredAntiAffinity {}

    /// Labels and annotations put on pods while they have a role.
    PodTemplateMetadata {
        /// Labels.
        labels: BTreeMap<String, String>,
        /// Annotations.
        annotations: BTreeMap<String, String>,
    }
}
