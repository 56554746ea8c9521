//! What the ConfigMap `argocd-cm` says.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use tiphys_api::Application;
use tiphys_deliver::{
    cluster::LiveSettings,
    health::HealthScript,
    normalize::{IgnoreRule, IgnoreRules, RuleError},
    tracking::Method,
};
use tiphys_machinery::go_duration;

/// Name of the ConfigMap.
pub const CONFIG_MAP: &str = "argocd-cm";

/// The settings that the controller reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How objects are tracked, and scripts for health.
    pub live: LiveSettings,
    /// Fields that do not count in any application.
    pub ignore: Vec<IgnoreRule>,
    /// Whether rules of aggregated roles do not count.
    pub ignore_aggregated_roles: bool,
    /// Time between two looks at a source; zero: never by time.
    pub timeout: SignedDuration,
    /// What is added to it at most, by application.
    pub jitter: SignedDuration,
    /// Whether syncs act in the name of service accounts.
    pub impersonation: bool,
    /// Whether they must.
    pub impersonation_enforced: bool,
    /// Whether the controller's own cluster is a destination.
    pub in_cluster: bool,
    /// Keys that cannot be read, and why. They count as absent.
    pub problems: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self::read(&BTreeMap::new())
    }
}

impl Settings {
    /// Returns the rules of the installation and of an Application about fields that do not count.
    ///
    /// # Errors
    /// Where a jq expression of one cannot be read.
    pub fn ignore_rules(&self, app: &Application) -> Result<IgnoreRules, RuleError> {
        let own = app.spec.ignore_differences.iter().map(|rule| IgnoreRule {
            group: rule.group.clone(),
            kind: rule.kind.clone(),
            name: rule.name.clone(),
            namespace: rule.namespace.clone(),
            json_pointers: rule.json_pointers.clone(),
            jq_path_expressions: rule.jq_path_expressions.clone(),
        });
        IgnoreRules::new(self.ignore.iter().cloned().chain(own))
    }

    /// Reads the data of the ConfigMap. One bad key spoils nothing else.
    #[must_use]
    pub fn read(data: &BTreeMap<String, String>) -> Self {
        let text = |key: &str| data.get(key).map(|value| value.trim()).filter(|value| !value.is_empty());
        let mut problems = Vec::new();
        let mut duration = |key: &str, default: i64| {
            let Some(value) = text(key) else { return SignedDuration::from_secs(default) };
            go_duration::parse(value).unwrap_or_else(|error| {
                problems.push(format!("{key}: {error}"));
                SignedDuration::from_secs(default)
            })
        };
        let (timeout, jitter) =
            (duration("timeout.reconciliation", 120), duration("timeout.reconciliation.jitter", 60));
        let live = LiveSettings {
            method: Method::of(text("application.resourceTrackingMethod").unwrap_or("annotation")),
            label_key: text("application.instanceLabelKey")
                .unwrap_or(tiphys_deliver::tracking::INSTANCE_LABEL)
                .to_owned(),
            installation_id: text("installationID").unwrap_or_default().to_owned(),
            scripts: scripts(data),
        };
        Self {
            live,
            ignore: ignored_status(text("resource.compareoptions").unwrap_or_default()),
            ignore_aggregated_roles: text("resource.compareoptions")
                .is_some_and(|options| options.contains("ignoreAggregatedRoles: true")),
            timeout,
            jitter,
            impersonation: text("application.sync.impersonation.enabled") == Some("true"),
            impersonation_enforced: text("application.sync.impersonation.enforced") != Some("false"),
            in_cluster: text("cluster.inClusterEnabled") != Some("false"),
            problems,
        }
    }
}

/// The status is not what Git has, unless the settings say otherwise.
fn ignored_status(options: &str) -> Vec<IgnoreRule> {
    let said = options.lines().find_map(|line| line.trim().strip_prefix("ignoreResourceStatusField:"));
    let (group, kind) = match said.map(|value| value.trim().trim_matches(['\'', '"'])) {
        Some("none" | "off" | "false") => return Vec::new(),
        Some("crd") => ("apiextensions.k8s.io", "CustomResourceDefinition"),
        _ => ("*", "*"),
    };
    vec![IgnoreRule {
        group: group.to_owned(),
        kind: kind.to_owned(),
        json_pointers: vec!["/status".to_owned()],
        ..IgnoreRule::default()
    }]
}

/// `resource.customizations.health.<group>_<Kind>`.
fn scripts(data: &BTreeMap<String, String>) -> Vec<HealthScript> {
    let named =
        |prefix: &'static str| data.iter().filter_map(move |(key, value)| Some((key.strip_prefix(prefix)?, value)));
    named("resource.customizations.health.")
        .map(|(name, text)| HealthScript {
            key: key_of(name),
            text: text.clone(),
            open_libraries: data
                .get(&format!("resource.customizations.useOpenLibs.{name}"))
                .is_some_and(|v| v == "true"),
        })
        .collect()
}

/// `group_Kind`, `Kind` or `all`.
fn key_of(name: &str) -> String {
    match name.split_once('_') {
        Some((group, kind)) => format!("{group}/{kind}"),
        None if name == "all" => "*/*".to_owned(),
        None => name.to_owned(),
    }
}
