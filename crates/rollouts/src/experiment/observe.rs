//! Everything a plan for an Experiment is made from: plain data, sorted.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use k8s_openapi::api::core::v1::Service;
use tiphys_analysis::template::Templates;
use tiphys_api::{AnalysisRun, Experiment, Stored, constants::annotations};

use crate::observe::ReplicaSetView;

/// What is known of one Experiment.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The object, with every field that we do not know.
    pub experiment: Stored<Experiment>,
    /// Its ReplicaSets, by name.
    pub replica_sets: Vec<ReplicaSetView>,
    /// Its Services, by name.
    pub services: Vec<Arc<Service>>,
    /// Names of Services that belong to other Experiments: they may be free again soon.
    pub lent_services: BTreeSet<String>,
    /// Its AnalysisRuns, by name.
    pub runs: BTreeMap<String, AnalysisRun>,
    /// The templates that exist.
    pub templates: Templates,
    /// What earlier passes found out.
    pub recall: Recall,
}

/// What earlier passes found out and no object says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recall {
    /// Why the ReplicaSet or Service of a template, or the run of an analysis, cannot be created.
    pub refusals: BTreeMap<Wanted, String>,
    /// Names of AnalysisRuns that belong to somebody else.
    pub taken: Vec<String>,
}

/// Something that was to be created.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    /// The ReplicaSet of a template.
    ReplicaSet(String),
    /// The Service of a template.
    Service(String),
    /// The AnalysisRun of an analysis.
    Run(String),
}

/// Annotation that names the template of a ReplicaSet or Service.
pub const TEMPLATE_NAME: &str = "experiment.argoproj.io/template-name";

impl Observed {
    /// Returns the name of the Experiment.
    #[must_use]
    pub fn name(&self) -> &str {
        self.experiment.typed.metadata.name.as_deref().unwrap_or_default()
    }

    /// Returns the ReplicaSet of a template.
    #[must_use]
    pub fn replica_set(&self, template: &str) -> Option<&ReplicaSetView> {
        self.replica_sets.iter().find(|set| {
            set.annotation(annotations::EXPERIMENT_NAME) == Some(self.name())
                && set.annotation(TEMPLATE_NAME) == Some(template)
        })
    }

    /// Returns the Service of a template.
    #[must_use]
    pub fn service(&self, template: &str) -> Option<&Service> {
        let services = self.services.iter().map(AsRef::as_ref);
        services.into_iter().find(|service: &&Service| {
            let value = |key: &str| service.metadata.annotations.as_ref().and_then(|all| all.get(key));
            value(annotations::EXPERIMENT_NAME).is_some_and(|name| name == self.name())
                && value(TEMPLATE_NAME).is_some_and(|name| name == template)
        })
    }
}
