//! AnalysisRuns of a Rollout and the templates that they are made from.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tiphys_analysis::template::Templates;
use tiphys_api::{
    AnalysisRun, AnalysisTemplate, ClusterAnalysisTemplate, Rollout, types::AnalysisTemplateSpec,
    validation::named_templates,
};

/// AnalysisRuns of a Rollout, and the templates that exist.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AnalysisView {
    /// The runs that the Rollout owns, by name.
    pub runs: BTreeMap<String, AnalysisRun>,
    /// Templates of the namespace and of the cluster.
    pub templates: Templates,
}

impl AnalysisView {
    /// Takes the runs whose controller has this uid, and all templates.
    #[must_use]
    pub fn new(
        uid: &str,
        runs: impl IntoIterator<Item = Value>,
        templates: impl IntoIterator<Item = Value>,
        cluster: impl IntoIterator<Item = Value>,
    ) -> Self {
        let runs = runs.into_iter().map(decode::<AnalysisRun>).filter(|(_, run)| {
            let mut owners = run.metadata.owner_references.iter().flatten();
            owners.any(|owner| owner.controller == Some(true) && owner.uid == uid)
        });
        Self {
            runs: runs.collect(),
            templates: Templates {
                namespaced: specs(templates, |template: AnalysisTemplate| template.spec),
                cluster: specs(cluster, |template: ClusterAnalysisTemplate| template.spec),
            },
        }
    }
}

/// Returns whether a Rollout has an analysis, or had one.
#[must_use]
pub(crate) fn has_analysis(rollout: &Rollout) -> bool {
    let (canary, blue_green) = (&rollout.status.canary, &rollout.status.blue_green);
    let recorded = [
        &canary.current_background_analysis_run_status,
        &canary.current_step_analysis_run_status,
        &blue_green.pre_promotion_analysis_run_status,
        &blue_green.post_promotion_analysis_run_status,
    ];
    !named_templates(rollout).is_empty() || recorded.iter().any(|run| run.is_some())
}

fn decode<T: DeserializeOwned + Default>(object: Value) -> (String, T) {
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    (name, tiphys_api::decode(object).object)
}

fn specs<T: DeserializeOwned + Default>(
    objects: impl IntoIterator<Item = Value>,
    spec: impl Fn(T) -> AnalysisTemplateSpec,
) -> BTreeMap<String, AnalysisTemplateSpec> {
    objects.into_iter().map(decode::<T>).map(|(name, template)| (name, spec(template))).collect()
}
