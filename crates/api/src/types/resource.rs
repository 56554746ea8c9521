//! The kinds.

use k8s_openapi::{ClusterResourceScope, ListableResource, Metadata, NamespaceResourceScope, Resource};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeStruct};

use super::{
    AnalysisRunSpec, AnalysisRunStatus, AnalysisTemplateSpec, AppProjectSpec, AppProjectStatus, ApplicationSpec,
    ApplicationStatus, ExperimentSpec, ExperimentStatus, ObjectMeta, Operation, RolloutSpec, RolloutStatus, is_empty,
};

/// API group of all kinds.
pub const GROUP: &str = "argoproj.io";
/// The one version.
pub const VERSION: &str = "v1alpha1";
/// Group and version as in `apiVersion`.
pub const API_VERSION: &str = "argoproj.io/v1alpha1";

macro_rules! kind {
    ($(#[$doc:meta])* $name:ident, $scope:ty, $plural:literal, $list:literal, $spec:ty $(, $status:ty $(, operation: $operation:ty)?)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Deserialize, schemars::JsonSchema)]
        pub struct $name {
            /// Name, namespace, labels and the rest of the metadata.
            #[serde(default)]
            pub metadata: ObjectMeta,
            /// What is wanted.
            #[serde(default, deserialize_with = "crate::types::null_is_empty")]
            #[schemars(extend("x-required" = true))]
            pub spec: $spec,
            $(
                /// What the controller reports.
                #[serde(default, deserialize_with = "crate::types::null_is_empty")]
                pub status: $status,
                $(
                    /// What was asked for, or runs.
                    #[serde(default, deserialize_with = "crate::types::null_is_empty")]
                    pub operation: Option<$operation>,
                )?
            )?
        }

        impl Resource for $name {
            const API_VERSION: &'static str = API_VERSION;
            const GROUP: &'static str = GROUP;
            const KIND: &'static str = stringify!($name);
            const VERSION: &'static str = VERSION;
            const URL_PATH_SEGMENT: &'static str = $plural;
            type Scope = $scope;
        }

        impl ListableResource for $name {
            const LIST_KIND: &'static str = $list;
        }

        impl Metadata for $name {
            type Ty = ObjectMeta;

            fn metadata(&self) -> &ObjectMeta {
                &self.metadata
            }

            fn metadata_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut object = serializer.serialize_struct(Self::KIND, 6)?;
                object.serialize_field("apiVersion", API_VERSION)?;
                object.serialize_field("kind", Self::KIND)?;
                object.serialize_field("metadata", &self.metadata)?;
                object.serialize_field("spec", &self.spec)?;
                $(
                    let status: &$status = &self.status;
                    if !is_empty(status) {
                        object.serialize_field("status", status)?;
                    }
                    $(
                        let operation: &Option<$operation> = &self.operation;
                        if let Some(operation) = operation {
                            object.serialize_field("operation", operation)?;
                        }
                    )?
                )?
                object.end()
            }
        }
    };
}

kind! {
    /// A workload that is released in steps.
    Rollout, NamespaceResourceScope, "rollouts", "RolloutList", RolloutSpec, RolloutStatus
}

kind! {
    /// Metrics to measure, to be used by a Rollout or an Experiment of the same namespace.
    AnalysisTemplate, NamespaceResourceScope, "analysistemplates", "AnalysisTemplateList", AnalysisTemplateSpec
}

kind! {
    /// Metrics to measure, usable from every namespace.
    ClusterAnalysisTemplate, ClusterResourceScope, "clusteranalysistemplates", "ClusterAnalysisTemplateList",
    AnalysisTemplateSpec
}

kind! {
    /// One run of measurements.
    AnalysisRun, NamespaceResourceScope, "analysisruns", "AnalysisRunList", AnalysisRunSpec, AnalysisRunStatus
}

kind! {
    /// ReplicaSets that run side by side for a while, with analyses.
    Experiment, NamespaceResourceScope, "experiments", "ExperimentList", ExperimentSpec, ExperimentStatus
}

kind! {
    /// What is delivered from where to where.
    Application, NamespaceResourceScope, "applications", "ApplicationList", ApplicationSpec, ApplicationStatus,
    operation: Operation
}

kind! {
    /// What a group of Applications may do.
    AppProject, NamespaceResourceScope, "appprojects", "AppProjectList", AppProjectSpec, AppProjectStatus
}
