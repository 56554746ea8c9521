//! The annotations' JSON, byte for byte as upstream writes it.

use serde::{Deserialize, Serialize};
use tiphys_api::types::{AlbTrafficRouting, SetHeaderRoute};

use crate::{view::Services, wanted::Split};

/// `actions.<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Action {
    #[serde(rename = "Type")]
    kind: String,
    pub(super) forward_config: ForwardConfig,
}

/// Where an action forwards to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ForwardConfig {
    pub(super) target_groups: Vec<TargetGroup>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) target_group_stickiness_config: Option<Stickiness>,
}

/// One target group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TargetGroup {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) service_name: String,
    #[serde(default)]
    pub(super) service_port: String,
    #[serde(default)]
    pub(super) weight: i64,
}

/// Sticky sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Stickiness {
    enabled: bool,
    duration_seconds: i64,
}

/// The stickiness of a Rollout is wrong.
#[derive(Debug, thiserror::Error)]
#[error("TargetGroupStickinessConfig's duration must be between 1 and 604800 seconds (7 days)!")]
pub(super) struct StickinessError;

impl Action {
    /// Returns the action of the weights: canary, experiments, stable.
    ///
    /// # Errors
    /// If sticky sessions last for longer than allowed.
    pub(super) fn split(
        config: &AlbTrafficRouting,
        services: Services<'_>,
        split: &Split,
    ) -> Result<Self, StickinessError> {
        let mut groups = vec![group(config, services.canary, split.canary)];
        groups.extend(split.additional.iter().map(|share| group(config, &share.service, share.weight)));
        groups.push(group(config, services.stable, split.stable));
        Ok(Self::forward(groups, stickiness(config)?))
    }

    /// Returns the action of a header route.
    ///
    /// # Errors
    /// As [`Action::split`].
    pub(super) fn all_to(config: &AlbTrafficRouting, service: &str) -> Result<Self, StickinessError> {
        Ok(Self::forward(vec![group(config, service, 100)], stickiness(config)?))
    }

    /// Returns an action.
    pub(super) fn forward(target_groups: Vec<TargetGroup>, stickiness: Option<Stickiness>) -> Self {
        let forward_config = ForwardConfig { target_groups, target_group_stickiness_config: stickiness };
        Self { kind: "forward".to_owned(), forward_config }
    }

    /// Returns the annotation's value.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn group(config: &AlbTrafficRouting, service: &str, weight: i64) -> TargetGroup {
    TargetGroup { service_name: service.to_owned(), service_port: config.service_port.to_string(), weight }
}

fn stickiness(config: &AlbTrafficRouting) -> Result<Option<Stickiness>, StickinessError> {
    match &config.stickiness_config {
        Some(wanted) if wanted.enabled && !(1..=604_800).contains(&wanted.duration_seconds) => Err(StickinessError),
        Some(wanted) if wanted.enabled => {
            Ok(Some(Stickiness { enabled: true, duration_seconds: wanted.duration_seconds }))
        }
        _ => Ok(None),
    }
}

/// One entry of `conditions.<name>`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Condition<'h> {
    field: &'static str,
    http_header_config: HeaderConfig<'h>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HeaderConfig<'h> {
    http_header_name: &'h str,
    values: Vec<&'h str>,
}

/// Returns the value of `conditions.<name>`: one condition a header name (all must hold), its values (one must hold).
pub(super) fn conditions(route: &SetHeaderRoute) -> String {
    let mut all: Vec<Condition<'_>> = Vec::new();
    for one in &route.matches {
        let value = one.header_value.as_ref().map(|value| value.exact.as_str()).unwrap_or_default();
        match all.iter_mut().find(|other| other.http_header_config.http_header_name == one.header_name) {
            Some(other) => other.http_header_config.values.push(value),
            None => all.push(Condition {
                field: "http-header",
                http_header_config: HeaderConfig { http_header_name: &one.header_name, values: vec![value] },
            }),
        }
    }
    serde_json::to_string(&all).unwrap_or_default()
}
