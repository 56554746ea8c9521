//! What is to be rendered, and for whom.

use std::collections::BTreeMap;

use tiphys_api::types::ApplicationSource;

use crate::checkout::Checkout;
use crate::environment::{Environment, Facts};

/// A source that is to be rendered.
#[derive(Debug, Clone, Copy)]
pub struct Request<'r> {
    /// The source.
    pub source: &'r ApplicationSource,
    /// Name of the application.
    pub application: &'r str,
    /// Name of its project.
    pub project: &'r str,
    /// Namespace to which is delivered.
    pub namespace: &'r str,
    /// The revision that was found.
    pub revision: &'r str,
    /// Version of the cluster.
    pub kube_version: &'r str,
    /// Kinds that the cluster has.
    pub api_versions: &'r [String],
    /// What the repository holds at the revision.
    pub checkout: &'r Checkout,
    /// The checkouts of other sources, by the names (without `$`) by which files are referred to.
    pub references: &'r BTreeMap<String, Checkout>,
    /// Schemes of URLs from which files may come.
    pub schemes: &'r [String],
}

impl Request<'_> {
    /// Returns the variables that options may refer to.
    #[must_use]
    pub fn environment(&self) -> Environment {
        Environment::new(Facts {
            application: self.application,
            namespace: self.namespace,
            project: self.project,
            revision: self.revision,
            repo_url: &self.source.repo_url,
            path: &self.source.path,
            target_revision: &self.source.target_revision,
        })
    }

    pub(crate) fn namespace(&self) -> &str {
        self.chosen(self.namespace, |helm| &helm.namespace, |kustomize| &kustomize.namespace)
    }

    pub(crate) fn kube_version(&self) -> &str {
        self.chosen(self.kube_version, |helm| &helm.kube_version, |kustomize| &kustomize.kube_version)
    }

    pub(crate) fn api_versions(&self) -> &[String] {
        let helm = self.source.helm.as_ref().map(|helm| &helm.api_versions);
        let kustomize = self.source.kustomize.as_ref().map(|kustomize| &kustomize.api_versions);
        let own = helm.into_iter().chain(kustomize).find(|versions| !versions.is_empty());
        own.map_or(self.api_versions, Vec::as_slice)
    }

    fn chosen<'s>(
        &'s self,
        default: &'s str,
        helm: fn(&tiphys_api::types::ApplicationSourceHelm) -> &String,
        kustomize: fn(&tiphys_api::types::ApplicationSourceKustomize) -> &String,
    ) -> &'s str {
        let own = self.source.helm.as_ref().map(helm).into_iter().chain(self.source.kustomize.as_ref().map(kustomize));
        own.map(String::as_str).find(|text| !text.is_empty()).unwrap_or(default)
    }
}
