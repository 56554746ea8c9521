//! Where manifests come from.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{IntOrString, api_types};

api_types! {
    /// A repository, a place in it, and how manifests are made of what is there.
    ApplicationSource {
        /// URL of the Git or Helm repository.
        #[serde(rename = "repoURL")]
        repo_url!: String,
        /// Folder within a Git repository.
        path: String,
        /// Branch, tag, commit or range of versions; `HEAD` unless set.
        target_revision: String,
        /// Helm options.
        helm: Option<ApplicationSourceHelm>,
        /// Kustomize options.
        kustomize: Option<ApplicationSourceKustomize>,
        /// Options of plain folders.
        directory: Option<ApplicationSourceDirectory>,
        /// Options of a plugin.
        plugin: Option<ApplicationSourcePlugin>,
        /// Name of a chart in a Helm repository.
        chart: String,
        /// Name by which value files of other sources refer to this one.
        #[serde(rename = "ref")]
        reference: String,
        /// Name of this source among several.
        name: String,
        /// Prefix of the Git tags among which a range of versions chooses.
        tag_prefix: String,
    }

    /// Helm options.
    ApplicationSourceHelm {
        /// Value files, relative to the chart, or `$ref/path`.
        value_files: Vec<String>,
        /// Single values.
        parameters: Vec<HelmParameter>,
        /// Name of the release; the application's unless set.
        release_name: String,
        /// Values as text.
        values: String,
        /// Values from files.
        file_parameters: Vec<HelmFileParameter>,
        /// Version of Helm's command line.
        version: String,
        /// Whether credentials go to other hosts that the repository names.
        pass_credentials: bool,
        /// Whether value files may be missing.
        ignore_missing_value_files: bool,
        /// Whether the definitions of the chart stay out.
        skip_crds: bool,
        /// Values as an object; wins over `values`.
        values_object: Option<Value>,
        /// Namespace to render with.
        namespace: String,
        /// Version of Kubernetes to render for.
        kube_version: String,
        /// Kinds that the chart is told exist: `[group/]version/kind`.
        api_versions: Vec<String>,
        /// Whether the tests of the chart stay out.
        skip_tests: bool,
        /// Whether the chart's schema of values is not looked at.
        skip_schema_validation: bool,
    }

    /// A value of a chart.
    HelmParameter {
        /// Path of the value.
        name: String,
        /// The value.
        value: String,
        /// Whether it is a text whatever it looks like.
        force_string: bool,
    }

    /// A value of a chart that is read from a file.
    HelmFileParameter {
        /// Path of the value.
        name: String,
        /// Path of the file.
        path: String,
    }

    /// Kustomize options.
    ApplicationSourceKustomize {
        /// Prefix of names.
        name_prefix: String,
        /// Suffix of names.
        name_suffix: String,
        /// Images: `[old=]name[:tag|@digest]`.
        images: Vec<String>,
        /// Labels for everything.
        common_labels: BTreeMap<String, String>,
        /// Version of Kustomize's command line.
        version: String,
        /// Annotations for everything.
        common_annotations: BTreeMap<String, String>,
        /// Whether these labels win.
        force_common_labels: bool,
        /// Whether these annotations win.
        force_common_annotations: bool,
        /// Namespace for everything.
        namespace: String,
        /// Whether variables in the annotations are replaced.
        common_annotations_envsubst: bool,
        /// Numbers of replicas.
        replicas: Vec<KustomizeReplica>,
        /// Patches.
        patches: Vec<KustomizePatch>,
        /// Components to add.
        components: Vec<String>,
        /// Whether components may be missing.
        ignore_missing_components: bool,
        /// Whether labels stay out of selectors.
        label_without_selector: bool,
        /// Version of Kubernetes to render for.
        kube_version: String,
        /// Kinds that charts are told exist.
        api_versions: Vec<String>,
        /// Whether labels also go into templates although they stay out of selectors.
        label_include_templates: bool,
    }

    /// A number of replicas.
    KustomizeReplica {
        /// Name of the workload.
        name!: String,
        /// The number.
        count!: KustomizeCount,
    }

    /// A patch.
    KustomizePatch {
        /// File of the patch.
        path: String,
        /// The patch itself.
        patch: String,
        /// What it applies to.
        target: Option<KustomizeSelector>,
        /// Kustomize's options.
        options: BTreeMap<String, bool>,
    }

    /// Chooses objects for a patch.
    KustomizeSelector {
        /// Group.
        group: String,
        /// Version.
        version: String,
        /// Kind.
        kind: String,
        /// Name.
        name: String,
        /// Namespace.
        namespace: String,
        /// Selector of annotations.
        annotation_selector: String,
        /// Selector of labels.
        label_selector: String,
    }

    /// Options of plain folders.
    ApplicationSourceDirectory {
        /// Whether folders below are read too.
        recurse: bool,
        /// Jsonnet options.
        jsonnet: ApplicationSourceJsonnet,
        /// Pattern of files that are not read.
        exclude: String,
        /// Pattern of files that are read.
        include: String,
        /// Whether files are read whatever their names end with.
        disable_extension_filter: bool,
    }

    /// Jsonnet options.
    ApplicationSourceJsonnet {
        /// External variables.
        ext_vars: Vec<JsonnetVar>,
        /// Top-level arguments.
        tlas: Vec<JsonnetVar>,
        /// Folders to import from.
        libs: Vec<String>,
    }

    /// A variable for Jsonnet.
    JsonnetVar {
        /// Name.
        name!: String,
        /// Text or code.
        value!: String,
        /// Whether `value` is code.
        code: bool,
    }

    /// Options of a plugin.
    ApplicationSourcePlugin {
        /// Its name.
        name: String,
        /// Environment variables.
        env: Vec<NameValue>,
        /// Parameters.
        parameters: Vec<PluginParameter>,
    }

    /// A name and a value.
    NameValue {
        /// Name.
        name!: String,
        /// Value.
        value!: String,
    }

    /// A parameter of a plugin: a text, a map or a list, where an empty one and none differ.
    PluginParameter {
        /// Name.
        name: String,
        /// Text.
        string: Option<String>,
        /// Map.
        map: Option<BTreeMap<String, String>>,
        /// List.
        array: Option<Vec<String>>,
    }

    /// Manifests that are rendered into a branch, and delivered from there.
    SourceHydrator {
        /// What is rendered.
        dry_source!: DrySource,
        /// What is delivered.
        sync_source!: SyncSource,
        /// A branch that waits for approval before its content reaches `syncSource`.
        hydrate_to: Option<HydrateTo>,
    }

    /// What is rendered.
    DrySource {
        /// URL of the repository.
        #[serde(rename = "repoURL")]
        repo_url!: String,
        /// Revision.
        target_revision!: String,
        /// Folder.
        path!: String,
        /// Helm options.
        helm: Option<ApplicationSourceHelm>,
        /// Kustomize options.
        kustomize: Option<ApplicationSourceKustomize>,
        /// Options of plain folders.
        directory: Option<ApplicationSourceDirectory>,
        /// Options of a plugin.
        plugin: Option<ApplicationSourcePlugin>,
    }

    /// What is delivered.
    SyncSource {
        /// Branch with rendered manifests.
        target_branch!: String,
        /// Folder in it.
        path!: String,
        /// URL of another repository.
        #[serde(rename = "repoURL")]
        repo_url: String,
    }

    /// A branch.
    HydrateTo {
        /// Its name.
        target_branch!: String,
    }
}

/// A number of replicas as it is written: a number, or a text that should be one.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct KustomizeCount(pub IntOrString);

impl Default for KustomizeCount {
    fn default() -> Self {
        Self(IntOrString::Int(0))
    }
}

impl ApplicationSource {
    /// Returns whether the source is a chart of a Helm repository.
    #[must_use]
    pub fn is_chart(&self) -> bool {
        !self.chart.is_empty()
    }

    /// Returns whether other sources may refer to the source by name.
    #[must_use]
    pub fn is_ref(&self) -> bool {
        !self.reference.is_empty()
    }
}

impl SourceHydrator {
    /// Returns the source from which is delivered.
    #[must_use]
    pub fn sync_source(&self) -> ApplicationSource {
        let own = &self.sync_source.repo_url;
        ApplicationSource {
            repo_url: if own.is_empty() { &self.dry_source.repo_url } else { own }.clone(),
            path: self.sync_source.path.clone(),
            target_revision: self.sync_source.target_branch.clone(),
            ..ApplicationSource::default()
        }
    }

    /// Returns the source that is rendered.
    #[must_use]
    pub fn dry_source(&self) -> ApplicationSource {
        let dry = self.dry_source.clone();
        ApplicationSource {
            repo_url: dry.repo_url,
            path: dry.path,
            target_revision: dry.target_revision,
            helm: dry.helm,
            kustomize: dry.kustomize,
            directory: dry.directory,
            plugin: dry.plugin,
            ..ApplicationSource::default()
        }
    }
}
