//! `AppProject.spec` and `AppProject.status`.

use std::collections::BTreeMap;

use super::{ApplicationDestination, api_types};

api_types! {
    /// What the Applications of a project may do.
    AppProjectSpec {
        /// Patterns of repositories.
        source_repos: Vec<String>,
        /// Patterns of destinations.
        destinations: Vec<ApplicationDestination>,
        /// Note for people.
        description: String,
        /// Who may do what.
        roles: Vec<ProjectRole>,
        /// Cluster-scoped kinds that are allowed; none unless listed.
        cluster_resource_whitelist: Vec<ClusterResourceRestriction>,
        /// Namespaced kinds that are not allowed.
        namespace_resource_blacklist: Vec<GroupKind>,
        /// Whether objects that nobody manages are looked for.
        orphaned_resources: Option<OrphanedResources>,
        /// When syncs are allowed.
        sync_windows: Vec<SyncWindow>,
        /// Namespaced kinds that are allowed; all when absent, none when empty.
        namespace_resource_whitelist: Option<Vec<GroupKind>>,
        /// Keys with which commits must be signed.
        signature_keys: Vec<SignatureKey>,
        /// Cluster-scoped kinds that are not allowed.
        cluster_resource_blacklist: Vec<ClusterResourceRestriction>,
        /// Patterns of namespaces in which Applications of the project may be.
        source_namespaces: Vec<String>,
        /// Whether only clusters of the project itself are destinations.
        permit_only_project_scoped_clusters: bool,
        /// The accounts in whose name syncs act.
        destination_service_accounts: Vec<DestinationServiceAccount>,
        /// Which signatures are wanted.
        source_integrity: Option<SourceIntegrity>,
    }

    /// Group and kind, or patterns of them.
    GroupKind {
        /// Group.
        group!: String,
        /// Kind.
        kind!: String,
    }

    /// Patterns of group, kind and name.
    ClusterResourceRestriction {
        /// Group.
        group!: String,
        /// Kind.
        kind!: String,
        /// Name; empty: any.
        name: String,
    }

    /// Who may do what in a project.
    ProjectRole {
        /// Name.
        name!: String,
        /// Note for people.
        description: String,
        /// Rules.
        policies: Vec<String>,
        /// Tokens.
        jwt_tokens: Vec<JwtToken>,
        /// Groups whose members have the role.
        groups: Vec<String>,
    }

    /// A token of a role.
    JwtToken {
        /// When it was made, in seconds since 1970.
        #[serde(rename = "iat")]
        issued_at!: i64,
        /// When it ends, likewise; 0: never.
        #[serde(rename = "exp")]
        expires_at: i64,
        /// Identifier.
        id: String,
    }

    /// Whether objects that nobody manages are looked for.
    OrphanedResources {
        /// Whether they cause a condition.
        warn: Option<bool>,
        /// Which do not count.
        ignore: Vec<OrphanedResourceKey>,
    }

    /// Patterns of objects.
    OrphanedResourceKey {
        /// Group; empty: the core group.
        group: String,
        /// Kind; empty: any.
        kind: String,
        /// Name; empty: any.
        name: String,
    }

    /// A time in which syncs are allowed, or not.
    SyncWindow {
        /// `allow` or `deny`.
        kind: String,
        /// When it begins: five fields of cron.
        schedule: String,
        /// How long it lasts.
        duration: String,
        /// Patterns of Applications.
        applications: Vec<String>,
        /// Patterns of namespaces.
        namespaces: Vec<String>,
        /// Patterns of clusters.
        clusters: Vec<String>,
        /// Whether people may sync all the same.
        manual_sync: bool,
        /// Name of the time zone of the schedule.
        time_zone: String,
        /// Whether all lists must match; one is enough unless set.
        and_operator: bool,
        /// Note for people.
        description: String,
        /// Whether a sync that was allowed when it began may go on.
        sync_overrun: bool,
    }

    /// A key with which commits must be signed.
    SignatureKey {
        /// Its identifier.
        #[serde(rename = "keyID")]
        key_id!: String,
    }

    /// The account in whose name syncs to a destination act.
    DestinationServiceAccount {
        /// Pattern of clusters.
        server!: String,
        /// Pattern of namespaces.
        namespace: String,
        /// `name` or `namespace:name`.
        default_service_account!: String,
    }

    /// Which signatures are wanted.
    SourceIntegrity {
        /// In Git.
        git!: SourceIntegrityGit,
    }

    /// Which signatures are wanted in Git.
    SourceIntegrityGit {
        /// By repository.
        policies!: Vec<SourceIntegrityGitPolicy>,
    }

    /// Which signatures some repositories need.
    SourceIntegrityGitPolicy {
        /// The repositories.
        repos!: Vec<SourceIntegrityGitRepo>,
        /// The signatures.
        gpg!: SourceIntegrityGpg,
    }

    /// Repositories.
    SourceIntegrityGitRepo {
        /// Pattern of their URLs.
        url!: String,
    }

    /// Signatures.
    SourceIntegrityGpg {
        /// `none`, `head` or `strict`.
        mode!: String,
        /// The keys.
        keys!: Vec<String>,
    }

    /// Tokens of the roles.
    AppProjectStatus {
        /// By role.
        jwt_tokens_by_role: BTreeMap<String, JwtTokens>,
    }

    /// Tokens of one role.
    JwtTokens {
        /// The tokens.
        items: Vec<JwtToken>,
    }
}
