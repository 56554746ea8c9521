//! What is the same for all sources of an installation.

use std::{collections::BTreeMap, path::PathBuf};

use tiphys_api::types::ApplicationSource;

use crate::{error::RenderError, program::Programs, wanted::SourceType};

/// What `argocd-cm` says of rendering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Options of every `kustomize build`: `kustomize.buildOptions`.
    pub kustomize_options: String,
    /// Programs by the version that sources may ask for: `kustomize.path.<version>`.
    pub kustomize_versions: BTreeMap<String, PathBuf>,
    /// Schemes of URLs from which value files may come: `helm.valuesFileSchemes`.
    pub value_schemes: Vec<String>,
    /// Kinds of sources that are read as plain folders: those whose `helm.enable` or `kustomize.enable` is not `true`.
    pub disabled: Vec<SourceType>,
    /// Whether Jsonnet is evaluated: `jsonnet.enable`.
    pub jsonnet: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            kustomize_options: String::new(),
            kustomize_versions: BTreeMap::new(),
            value_schemes: vec!["https".to_owned(), "http".to_owned()],
            disabled: Vec::new(),
            jsonnet: true,
        }
    }
}

impl Settings {
    /// Returns the kind that a source really is treated as.
    pub(crate) fn enabled(&self, kind: SourceType) -> SourceType {
        if self.disabled.contains(&kind) { SourceType::Directory } else { kind }
    }

    /// Returns the programs with the version of Kustomize that a source asks for.
    pub(crate) fn programs(&self, mut programs: Programs, source: &ApplicationSource) -> Result<Programs, RenderError> {
        let version = source.kustomize.as_ref().map_or("", |kustomize| &kustomize.version);
        if !version.is_empty() {
            let path = self.kustomize_versions.get(version);
            let path =
                path.ok_or_else(|| RenderError::Spec(format!("kustomize version {version} is not registered")))?;
            programs.paths.insert("kustomize".to_owned(), path.clone());
        }
        Ok(programs)
    }
}
