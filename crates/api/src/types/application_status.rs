//! `Application.status`.

use super::{
    ApplicationDestination, ApplicationSource, ManagedNamespaceMetadata, Operation, OperationInitiator,
    ResourceIgnoreDifferences, SourceHydrator, Time, api_types,
};

api_types! {
    /// What the controller reports.
    ApplicationStatus {
        /// The objects of the Application, sorted by group, kind, namespace and name.
        resources: Vec<ResourceStatus>,
        /// How it compares with Git.
        sync: SyncStatus,
        /// How it is.
        health: AppHealthStatus,
        /// What was delivered, the oldest first.
        history: Vec<RevisionHistory>,
        /// What is wrong.
        conditions: Vec<ApplicationCondition>,
        /// Time of the last comparison.
        reconciled_at: Option<Time>,
        /// The operation that runs, or ran last.
        operation_state: Option<OperationState>,
        /// Not written any more.
        observed_at: Option<Time>,
        /// `Helm`, `Kustomize`, `Directory` or `Plugin`.
        source_type: String,
        /// Links, images, and whether it holds other Applications.
        summary: ApplicationSummary,
        /// Where the health of resources is: empty for `resources`, or `appTree`.
        resource_health_source: String,
        /// The types of several sources.
        source_types: Vec<String>,
        /// Namespace of the controller.
        controller_namespace: String,
        /// State of rendering into branches.
        source_hydrator: SourceHydratorStatus,
    }

    /// One object.
    ResourceStatus {
        /// Group.
        group: String,
        /// Version.
        version: String,
        /// Kind.
        kind: String,
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
        /// `Synced`, `OutOfSync`, `Unknown`, or nothing for what does not count.
        status: String,
        /// How it is.
        health: Option<HealthStatus>,
        /// Whether it is a hook.
        hook: bool,
        /// Whether Git no longer has it.
        requires_pruning: bool,
        /// Wave.
        sync_wave: i64,
        /// Whether a person must agree before it is deleted.
        requires_deletion_confirmation: bool,
    }

    /// How an object is.
    HealthStatus {
        /// `Healthy`, `Suspended`, `Progressing`, `Missing`, `Degraded` or `Unknown`.
        status: String,
        /// Why.
        message: String,
        /// When the status changed.
        last_transition_time: Option<Time>,
    }

    /// How an Application is.
    AppHealthStatus {
        /// The worst of its objects.
        status: String,
        /// When the status changed.
        last_transition_time: Option<Time>,
        /// Which objects cause it.
        message: String,
    }

    /// How an Application compares with Git.
    SyncStatus {
        /// `Synced`, `OutOfSync` or `Unknown`.
        status!: String,
        /// What was compared.
        compared_to: ComparedTo,
        /// The revision.
        revision: String,
        /// The revisions of several sources.
        revisions: Vec<String>,
    }

    /// What was compared.
    ComparedTo {
        /// Source.
        source: Option<ApplicationSource>,
        /// Destination.
        destination!: ApplicationDestination,
        /// Sources.
        sources: Vec<ApplicationSource>,
        /// Differences that did not count.
        ignore_differences: Vec<ResourceIgnoreDifferences>,
    }

    /// One entry of the history.
    RevisionHistory {
        /// The revision.
        revision: String,
        /// When it was delivered.
        deployed_at: Option<Time>,
        /// Number of the entry.
        id!: i64,
        /// The source.
        source: Option<ApplicationSource>,
        /// When delivering began.
        deploy_started_at: Option<Time>,
        /// Several sources.
        sources: Vec<ApplicationSource>,
        /// Their revisions.
        revisions: Vec<String>,
        /// Who asked.
        initiated_by: OperationInitiator,
    }

    /// What is wrong.
    ApplicationCondition {
        /// Type; with suffix `Error` it is one.
        #[serde(rename = "type")]
        condition_type!: String,
        /// What is wrong.
        message!: String,
        /// Since when.
        last_transition_time: Option<Time>,
    }

    /// An operation that runs or ran.
    OperationState {
        /// The operation.
        operation!: Operation,
        /// `Running`, `Terminating`, `Failed`, `Error` or `Succeeded`.
        phase!: String,
        /// Why.
        message: String,
        /// What was done.
        sync_result: Option<SyncOperationResult>,
        /// When it began.
        started_at: Option<Time>,
        /// When it ended; while it runs, when the last attempt did.
        finished_at: Option<Time>,
        /// Number of attempts after the first one.
        retry_count: i64,
    }

    /// What a sync did.
    SyncOperationResult {
        /// Object by object.
        resources: Vec<ResourceResult>,
        /// The revision.
        revision!: String,
        /// The source.
        source: Option<ApplicationSource>,
        /// Several sources.
        sources: Vec<ApplicationSource>,
        /// Their revisions.
        revisions: Vec<String>,
        /// Metadata of the namespace that was applied.
        managed_namespace_metadata: Option<ManagedNamespaceMetadata>,
    }

    /// What a sync did with one object in one phase.
    ResourceResult {
        /// Group.
        group!: String,
        /// Version.
        version!: String,
        /// Kind.
        kind!: String,
        /// Namespace.
        namespace!: String,
        /// Name.
        name!: String,
        /// `Synced`, `SyncFailed`, `Pruned`, `PruneSkipped`, or nothing.
        status: String,
        /// What the server said.
        message: String,
        /// Type of the hook.
        hook_type: String,
        /// Phase of the operation for this object, whether it is a hook or not.
        hook_phase: String,
        /// Phase of the sync.
        sync_phase: String,
        /// Images.
        images: Vec<String>,
    }

    /// What people look for first.
    ApplicationSummary {
        /// Links.
        #[serde(rename = "externalURLs")]
        external_urls: Vec<String>,
        /// Images.
        images: Vec<String>,
        /// Whether the Application holds other Applications.
        is_app_of_apps: bool,
    }

    /// State of rendering into branches.
    SourceHydratorStatus {
        /// The last one that worked.
        last_successful_operation: Option<SuccessfulHydrateOperation>,
        /// The one that runs or ran last.
        current_operation: Option<HydrateOperation>,
        /// Revision that was looked at last.
        last_compared_dry_revision: String,
    }

    /// A rendering that worked.
    SuccessfulHydrateOperation {
        /// Commit that was rendered.
        #[serde(rename = "drySHA")]
        dry_sha: String,
        /// Commit with the result.
        #[serde(rename = "hydratedSHA")]
        hydrated_sha: String,
        /// What was asked for.
        source_hydrator: SourceHydrator,
    }

    /// A rendering.
    HydrateOperation {
        /// When it began.
        started_at: Option<Time>,
        /// When it ended.
        finished_at: Option<Time>,
        /// `Hydrating`, `Failed` or `Hydrated`.
        phase!: String,
        /// Why.
        message!: String,
        /// Commit that was rendered.
        #[serde(rename = "drySHA")]
        dry_sha: String,
        /// Commit with the result.
        #[serde(rename = "hydratedSHA")]
        hydrated_sha: String,
        /// What was asked for.
        source_hydrator: SourceHydrator,
    }
}
