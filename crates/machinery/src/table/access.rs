//! Roles, API services, admission configuration.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Layout,
    cluster::OTHER,
    column::{AGE, NAME, integer, text as column},
    format::{age, count, list, name, text},
};
use crate::meta;

pub(super) const ROLE_BINDING: Layout = Layout {
    columns: &[
        NAME,
        column("Role", ".roleRef"),
        AGE,
        column("Users", "Users among the subjects.").wide(),
        column("Groups", "Groups among the subjects.").wide(),
        column("ServiceAccounts", "Service accounts among the subjects.").wide(),
    ],
    cells: |object, now| {
        let subjects = |kind: &str| {
            let chosen = list(object, "/subjects").iter().filter(|s| s["kind"] == kind);
            let names = chosen.map(|s| match kind {
                "ServiceAccount" => format!("{}/{}", text(s, "/namespace"), text(s, "/name")),
                _ => text(s, "/name").to_owned(),
            });
            json!(names.collect::<Vec<_>>().join(", "))
        };
        let role = format!("{}/{}", text(object, "/roleRef/kind"), text(object, "/roleRef/name"));
        let mut cells = vec![name(object), json!(role), age(object, now)];
        cells.extend(["User", "Group", "ServiceAccount"].map(subjects));
        cells
    },
};

pub(super) const API_SERVICE: Layout = Layout {
    columns: &[
        NAME,
        column("Service", "What serves the group and version."),
        column("Available", "Whether it does."),
        AGE,
    ],
    cells: |object, now| {
        let service = &object["spec"]["service"];
        let served_by = if service.is_object() {
            format!("{}/{}", text(service, "/namespace"), text(service, "/name"))
        } else {
            "Local".to_owned()
        };
        let available = match meta::condition(object, "Available") {
            Some(condition) if condition["status"] == "True" => "True".to_owned(),
            Some(condition) => format!("{} ({})", text(condition, "/status"), text(condition, "/reason")),
            None => "Unknown".to_owned(),
        };
        vec![name(object), json!(served_by), json!(available), age(object, now)]
    },
};

pub(super) fn admission(kind: &str) -> &'static Layout {
    match kind {
        "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration" => &WEBHOOKS,
        "ValidatingAdmissionPolicy" => &POLICY,
        "ValidatingAdmissionPolicyBinding" => &POLICY_BINDING,
        _ => &OTHER,
    }
}

const WEBHOOKS: Layout = Layout {
    columns: &[NAME, integer("Webhooks", "How many webhooks there are."), AGE],
    cells: |object, now| vec![name(object), json!(count(object, "/webhooks")), age(object, now)],
};

const POLICY: Layout = Layout {
    columns: &[
        NAME,
        integer("Validations", "How many rules the policy has."),
        column("ParamKind", "Kind of the objects that parametrise it."),
        AGE,
    ],
    cells: |object, now| {
        let kind = &object["spec"]["paramKind"];
        let kind = if kind.is_object() {
            format!("{}/{}", text(kind, "/apiVersion"), text(kind, "/kind"))
        } else {
            "<unset>".to_owned()
        };
        vec![name(object), json!(count(object, "/spec/validations")), json!(kind), age(object, now)]
    },
};

const POLICY_BINDING: Layout = Layout {
    columns: &[
        NAME,
        column("PolicyName", ".spec.policyName"),
        column("ParamRef", "Object that parametrises the policy."),
        AGE,
    ],
    cells: policy_binding,
};

fn policy_binding(object: &Value, now: Timestamp) -> Vec<Value> {
    let reference = &object["spec"]["paramRef"];
    let parameter = match (text(reference, "/namespace"), text(reference, "/name")) {
        (_, "") if reference["selector"].is_object() => {
            super::format::selector(&reference["selector"]).as_str().unwrap_or_default().to_owned()
        }
        (_, "") => "<unset>".to_owned(),
        ("", name) => format!("*/{name}"),
        (namespace, name) => format!("{namespace}/{name}"),
    };
    vec![name(object), json!(text(object, "/spec/policyName")), json!(parameter), age(object, now)]
}
