//! `Application.spec` and `Application.operation`.

use std::collections::BTreeMap;

use super::{ApplicationSource, NameValue, SourceHydrator, api_types};

api_types! {
    /// What an Application wants: a source, a destination, and how the one is brought to the other.
    ApplicationSpec {
        /// The source; see [`ApplicationSpec::effective_sources`].
        source: Option<ApplicationSource>,
        /// Cluster and namespace.
        destination!: ApplicationDestination,
        /// Name of the AppProject; `default` when empty.
        project!: String,
        /// When and how to sync.
        sync_policy: Option<SyncPolicy>,
        /// Differences that do not count.
        ignore_differences: Vec<ResourceIgnoreDifferences>,
        /// Notes for people.
        info: Vec<NameValue>,
        /// How many entries of the history stay; see [`ApplicationSpec::history_limit`].
        revision_history_limit: Option<i64>,
        /// Several sources; win over `source`.
        sources: Vec<ApplicationSource>,
        /// Rendered branches; win over both.
        source_hydrator: Option<SourceHydrator>,
    }

    /// A cluster, by URL or by name, and a namespace.
    ApplicationDestination {
        /// URL of the cluster.
        server: String,
        /// Namespace for objects that need one and have none.
        namespace: String,
        /// Name of the cluster.
        name: String,
    }

    /// When and how to sync.
    SyncPolicy {
        /// Sync without being asked.
        automated: Option<SyncPolicyAutomated>,
        /// Options of every sync.
        sync_options: Vec<String>,
        /// What happens after a failed sync.
        retry: Option<RetryStrategy>,
        /// Labels and annotations of the destination namespace.
        managed_namespace_metadata: Option<ManagedNamespaceMetadata>,
    }

    /// Sync without being asked.
    SyncPolicyAutomated {
        /// Whether objects that Git no longer has are deleted.
        prune: bool,
        /// Whether changes in the cluster are undone.
        self_heal: bool,
        /// Whether everything may be deleted.
        allow_empty: bool,
        /// Whether it is on; yes unless `false`.
        enabled: Option<bool>,
    }

    /// What happens after a failed sync.
    RetryStrategy {
        /// Number of attempts; less than 0: no limit.
        limit: i64,
        /// Time between attempts.
        backoff: Option<Backoff>,
        /// Whether an attempt looks for a newer revision.
        refresh: bool,
    }

    /// Time between attempts.
    Backoff {
        /// Time before the first one: seconds, or with a unit.
        duration: String,
        /// What each time is multiplied with for the next one.
        factor: Option<i64>,
        /// The longest time.
        max_duration: String,
    }

    /// Labels and annotations of a namespace.
    ManagedNamespaceMetadata {
        /// Labels.
        labels: BTreeMap<String, String>,
        /// Annotations.
        annotations: BTreeMap<String, String>,
    }

    /// Differences that do not count.
    ResourceIgnoreDifferences {
        /// Pattern of groups; empty: the core group.
        group: String,
        /// Pattern of kinds.
        kind!: String,
        /// Name; empty: any.
        name: String,
        /// Namespace; empty: any.
        namespace: String,
        /// Paths as RFC 6901 writes them.
        json_pointers: Vec<String>,
        /// Paths as jq writes them.
        jq_path_expressions: Vec<String>,
        /// Managers whose fields do not count.
        managed_fields_managers: Vec<String>,
    }

    /// A sync that was asked for, or runs.
    Operation {
        /// The sync.
        sync: Option<SyncOperation>,
        /// Who asked.
        initiated_by: OperationInitiator,
        /// Notes for people.
        info: Vec<NameValue>,
        /// What happens after a failure.
        retry: RetryStrategy,
    }

    /// Who asked for an operation.
    OperationInitiator {
        /// Name of the person or program.
        username: String,
        /// Whether the controller did by itself.
        automated: bool,
    }

    /// The options of a sync.
    SyncOperation {
        /// Revision; that of the spec unless set.
        revision: String,
        /// Whether objects that Git no longer has are deleted.
        prune: bool,
        /// Whether nothing is changed.
        dry_run: bool,
        /// Whether hooks run.
        sync_strategy: Option<SyncStrategy>,
        /// Objects to sync; all unless set.
        resources: Vec<SyncOperationResource>,
        /// Source instead of that of the spec.
        source: Option<ApplicationSource>,
        /// Manifests instead of any source, as JSON.
        manifests: Vec<String>,
        /// Options as in the spec.
        sync_options: Vec<String>,
        /// Sources instead of those of the spec.
        sources: Vec<ApplicationSource>,
        /// Revisions of `sources`.
        revisions: Vec<String>,
        /// How often self-healing tried in a row.
        #[serde(rename = "autoHealAttemptsCount")]
        self_heal_attempts_count: i64,
    }

    /// Whether hooks run: with `apply` they do not.
    SyncStrategy {
        /// Only apply.
        apply: Option<SyncStrategyApply>,
        /// Apply, with hooks.
        hook: Option<SyncStrategyApply>,
    }

    /// How to apply.
    SyncStrategyApply {
        /// Whether objects that cannot be changed are deleted and created again.
        force: bool,
    }

    /// An object to sync.
    SyncOperationResource {
        /// Group.
        group: String,
        /// Kind.
        kind!: String,
        /// Name.
        name!: String,
        /// Namespace; empty: any.
        namespace: String,
    }
}

impl ApplicationSpec {
    /// Returns whether the Application has several sources.
    #[must_use]
    pub fn has_multiple_sources(&self) -> bool {
        self.source_hydrator.is_none() && !self.sources.is_empty()
    }

    /// Returns the sources that count: that of the hydrator, else `sources`, else `source`.
    #[must_use]
    pub fn effective_sources(&self) -> Vec<ApplicationSource> {
        if let Some(hydrator) = &self.source_hydrator {
            return vec![hydrator.sync_source()];
        }
        if self.sources.is_empty() { self.source.iter().cloned().collect() } else { self.sources.clone() }
    }
}

impl ApplicationSpec {
    /// Returns how many entries of the history stay: 10 unless set, none when negative.
    #[must_use]
    pub fn history_limit(&self) -> usize {
        self.revision_history_limit.map_or(10, |limit| usize::try_from(limit).unwrap_or_default())
    }
}

impl SyncPolicyAutomated {
    /// Returns whether it is on.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.enabled != Some(false)
    }
}
