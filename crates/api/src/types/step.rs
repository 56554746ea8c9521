//! `Rollout.spec.strategy.canary.steps`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    AnalysisRunArgument, AnalysisRunMetadata, DryRun, IntOrString, LabelSelector, PodTemplateMetadata, RolloutAnalysis,
    TemplateService, api_types,
};

api_types! {
    /// One step: exactly one field is set.
    CanaryStep {
        /// Percentage of users (or pods) on the new version.
        set_weight: Option<i32>,
        /// Wait.
        pause: Option<RolloutPause>,
        /// Run an Experiment.
        experiment: Option<ExperimentStep>,
        /// Run an analysis.
        analysis: Option<RolloutAnalysis>,
        /// Size the new ReplicaSet apart from the weight.
        set_canary_scale: Option<SetCanaryScale>,
        /// Send requests with certain headers to the new version.
        set_header_route: Option<SetHeaderRoute>,
        /// Copy requests to the new version.
        set_mirror_route: Option<SetMirrorRoute>,
        /// Whatever a plugin does.
        plugin: Option<PluginStep>,
    }

    /// A pause.
    RolloutPause {
        /// Seconds or a duration such as `1h30m`; absent: until a person resumes.
        duration: Option<IntOrString>,
    }

    /// Size of the new ReplicaSet.
    SetCanaryScale {
        /// Percentage of the wanted number of pods.
        weight: Option<i32>,
        /// Number of pods; wins over `weight`.
        replicas: Option<i32>,
        /// Back to following the weight.
        match_traffic_weight: bool,
    }

    /// Route by header.
    SetHeaderRoute {
        /// Name; must be one of `trafficRouting.managedRoutes`.
        name: String,
        /// All must hold; empty removes the route.
        #[serde(rename = "match")]
        matches: Vec<HeaderRoutingMatch>,
    }

    /// One header test.
    HeaderRoutingMatch {
        /// Name of the header.
        header_name!: String,
        /// Its value.
        header_value!: Option<StringMatch>,
    }

    /// Exactly one of the three.
    StringMatch {
        /// Equal.
        exact: String,
        /// Starts with.
        prefix: String,
        /// Regular expression.
        regex: String,
    }

    /// Mirrored traffic.
    SetMirrorRoute {
        /// Name; must be one of `trafficRouting.managedRoutes`.
        name!: String,
        /// Requests to copy; empty removes the route.
        #[serde(rename = "match")]
        matches: Vec<RouteMatch>,
        /// Percentage of requests to copy; absent: all.
        percentage: Option<i32>,
    }

    /// Requests that a mirror copies.
    RouteMatch {
        /// HTTP method.
        method: Option<StringMatch>,
        /// Path.
        path: Option<StringMatch>,
        /// Headers by name.
        headers: BTreeMap<String, StringMatch>,
    }

    /// A plugin step.
    PluginStep {
        /// Name of the plugin.
        name!: String,
        /// Passed to the plugin as it is.
        config: Option<Value>,
    }

    /// An Experiment as a step.
    ExperimentStep {
        /// One ReplicaSet each.
        templates!: Vec<RolloutExperimentTemplate>,
        /// How long it runs; empty: until its analyses end.
        duration: String,
        /// Analyses to run.
        analyses: Vec<RolloutExperimentAnalysis>,
        /// Metrics that do not decide.
        dry_run: Vec<DryRun>,
        /// Metadata of the AnalysisRuns.
        analysis_run_metadata: AnalysisRunMetadata,
        /// Seconds before its ReplicaSets are scaled down.
        scale_down_delay_seconds: Option<i32>,
    }

    /// A ReplicaSet of an Experiment step.
    RolloutExperimentTemplate {
        /// Name, unique in the step.
        name!: String,
        /// `stable` or `canary`.
        spec_ref!: String,
        /// Number of pods.
        replicas: Option<i32>,
        /// Labels and annotations of the pods.
        metadata: PodTemplateMetadata,
        /// Selects the pods.
        selector: Option<LabelSelector>,
        /// Share of the traffic.
        weight: Option<i32>,
        /// Asks for a Service.
        service: Option<TemplateService>,
    }

    /// An analysis of an Experiment step.
    RolloutExperimentAnalysis {
        /// Name, unique in the step.
        name!: String,
        /// The template.
        template_name!: String,
        /// Whether it is a ClusterAnalysisTemplate.
        cluster_scope: Option<bool>,
        /// Arguments.
        args: Vec<AnalysisRunArgument>,
        /// Whether the Experiment waits for it.
        required_for_completion: bool,
    }
}

impl CanaryStep {
    /// Returns what the step does in a few words, as events and the command line name it: `setWeight: 20`, `pause: 1h`.
    #[must_use]
    pub fn summary(&self) -> String {
        if let Some(weight) = self.set_weight {
            return format!("setWeight: {weight}");
        }
        if let Some(pause) = &self.pause {
            return match &pause.duration {
                Some(IntOrString::Int(seconds)) => format!("pause: {seconds}"),
                Some(IntOrString::String(text)) => format!("pause: {text}"),
                None => "pause".to_owned(),
            };
        }
        if self.experiment.is_some() {
            return "experiment".to_owned();
        }
        if self.analysis.is_some() {
            return "analysis".to_owned();
        }
        self.set_canary_scale.as_ref().and_then(SetCanaryScale::summary).unwrap_or_else(|| self.named_summary())
    }

    fn named_summary(&self) -> String {
        if let Some(plugin) = &self.plugin {
            return format!("plugin: {}", plugin.name);
        }
        if let Some(route) = &self.set_header_route {
            return format!("setHeaderRoute: {}", route.name);
        }
        self.set_mirror_route
            .as_ref()
            .map_or_else(|| "invalid".to_owned(), |route| format!("setMirrorRoute: {}", route.name))
    }
}

impl SetCanaryScale {
    fn summary(&self) -> Option<String> {
        match (self.weight, self.match_traffic_weight, self.replicas) {
            (Some(weight), ..) => Some(format!("setCanaryScale{{weight: {weight}}}")),
            (None, true, _) => Some("setCanaryScale{matchTrafficWeight: true}".to_owned()),
            (None, false, Some(replicas)) => Some(format!("setCanaryScale{{replicas: {replicas}}}")),
            (None, false, None) => None,
        }
    }
}
