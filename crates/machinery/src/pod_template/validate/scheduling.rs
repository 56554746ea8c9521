//! Where a pod may run: affinity, tolerations, spread constraints, and the label selectors in them.

use serde_json::Value;

use super::{
    fields::{int, is_set, list, text},
    one_of,
};
use crate::{error::Cause, field::Path, names};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// Returns what is wrong with a `LabelSelector` at `path`; nothing with a missing one.
#[must_use]
pub fn label_selector(selector: &Value, path: &Path) -> Vec<Cause> {
    let mut causes = names::labels(&selector["matchLabels"], &path.child("matchLabels"));
    for (i, requirement) in list(selector, "matchExpressions").iter().enumerate() {
        let at = path.child("matchExpressions").index(i);
        causes.extend(operator(requirement, &["In", "NotIn"], &["Exists", "DoesNotExist"], &at));
        causes.extend(label_name(requirement, "key", &at));
        causes.extend(label_values(requirement, &at));
    }
    causes
}

pub(super) fn affinity(affinity: &Value, path: &Path) -> Vec<Cause> {
    let mut causes = node_affinity(&affinity["nodeAffinity"], &path.child("nodeAffinity"));
    for field in ["podAffinity", "podAntiAffinity"] {
        let (terms, at) = (&affinity[field], path.child(field));
        for (i, term) in list(terms, REQUIRED).iter().enumerate() {
            causes.extend(pod_term(term, &at.child(REQUIRED).index(i)));
        }
        for (i, weighted) in list(terms, PREFERRED).iter().enumerate() {
            let at = at.child(PREFERRED).index(i);
            causes.extend(weight(weighted, &at));
            causes.extend(pod_term(&weighted["podAffinityTerm"], &at.child("podAffinityTerm")));
        }
    }
    causes
}

fn pod_term(term: &Value, path: &Path) -> Vec<Cause> {
    let mut causes = label_selector(&term["labelSelector"], &path.child("labelSelector"));
    causes.extend(label_selector(&term["namespaceSelector"], &path.child("namespaceSelector")));
    for name in list(term, "namespaces").iter().filter_map(Value::as_str) {
        causes.extend(names::dns_label(name).iter().map(|why| path.child("namespace").invalid(name, why)));
    }
    if text(term, "topologyKey").is_empty() {
        causes.push(path.child("topologyKey").required("can not be empty"));
    }
    causes.extend(label_name(term, "topologyKey", path));
    causes
}

fn node_affinity(affinity: &Value, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    if is_set(affinity, REQUIRED) {
        let at = path.child(REQUIRED).child("nodeSelectorTerms");
        let terms = list(&affinity[REQUIRED], "nodeSelectorTerms");
        if terms.is_empty() {
            causes.push(at.required("must have at least one node selector term"));
        }
        for (i, term) in terms.iter().enumerate() {
            causes.extend(node_term(term, Values::Checked, &at.index(i)));
        }
    }
    for (i, weighted) in list(affinity, PREFERRED).iter().enumerate() {
        let at = path.child(PREFERRED).index(i);
        causes.extend(weight(weighted, &at));
        causes.extend(node_term(&weighted["preference"], Values::Free, &at.child("preference")));
    }
    causes
}

/// Whether the values of a requirement must be label values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Values {
    Checked,
    Free,
}

fn node_term(term: &Value, values: Values, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (i, requirement) in list(term, "matchExpressions").iter().enumerate() {
        let at = path.child("matchExpressions").index(i);
        if ["Gt", "Lt"].contains(&text(requirement, "operator")) {
            if list(requirement, "values").len() != 1 {
                let detail = "must be specified single value when `operator` is 'Lt' or 'Gt'";
                causes.push(at.child("values").required(detail));
            }
        } else {
            causes.extend(operator(requirement, &["In", "NotIn"], &["Exists", "DoesNotExist"], &at));
        }
        causes.extend(label_name(requirement, "key", &at));
        if values == Values::Checked {
            causes.extend(label_values(requirement, &at));
        }
    }
    causes
}

/// Checks an operator: those of `with` need values, those of `without` have none.
fn operator(requirement: &Value, with: &[&str], without: &[&str], path: &Path) -> Option<Cause> {
    let (operator, values) = (text(requirement, "operator"), list(requirement, "values"));
    let at = path.child("values");
    if with.contains(&operator) {
        let detail = "must be specified when `operator` is 'In' or 'NotIn'";
        values.is_empty().then(|| at.required(detail))
    } else if without.contains(&operator) {
        let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
        (!values.is_empty()).then(|| at.forbidden(detail))
    } else {
        Some(path.child("operator").invalid(operator, "not a valid selector operator"))
    }
}

fn label_name(value: &Value, field: &str, path: &Path) -> Vec<Cause> {
    let name = text(value, field);
    names::qualified_name(name).iter().map(|why| path.child(field).invalid(name, why)).collect()
}

fn label_values(requirement: &Value, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (i, value) in list(requirement, "values").iter().filter_map(Value::as_str).enumerate() {
        let at = path.child("values").index(i);
        causes.extend(names::label_value(value).iter().map(|why| at.invalid(value, why)));
    }
    causes
}

fn weight(weighted: &Value, path: &Path) -> Option<Cause> {
    let weight = int(weighted, "weight");
    let fits = (1..=100).contains(&weight);
    (!fits).then(|| path.child("weight").invalid(weight, "must be in the range 1-100"))
}

pub(super) fn tolerations(spec: &Value, path: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (i, toleration) in list(spec, "tolerations").iter().enumerate() {
        let at = path.index(i);
        let [key, operator, value, effect] =
            ["key", "operator", "value", "effect"].map(|field| text(toleration, field));
        if !key.is_empty() {
            causes.extend(label_name(toleration, "key", &at));
        } else if operator != "Exists" {
            let detail = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            causes.push(at.child("operator").invalid(operator, detail));
        }
        if is_set(toleration, "tolerationSeconds") && effect != "NoExecute" {
            let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            causes.push(at.child("effect").invalid(effect, detail));
        }
        causes.extend(toleration_value(operator, value, &at.child("operator")));
        if !effect.is_empty() {
            causes.extend(one_of(toleration, "effect", &["NoSchedule", "PreferNoSchedule", "NoExecute"], &at));
        }
    }
    causes
}

fn toleration_value(operator: &str, value: &str, path: &Path) -> Option<Cause> {
    match operator {
        "Equal" | "" => {
            let reasons = names::label_value(value);
            (!reasons.is_empty()).then(|| path.invalid(value, &reasons.join(";")))
        }
        "Exists" => (!value.is_empty()).then(|| path.invalid(value, "value must be empty when `operator` is 'Exists'")),
        other => Some(path.unsupported(other, &["Equal", "Exists"])),
    }
}

pub(super) fn spread(spec: &Value, path: &Path) -> Vec<Cause> {
    let constraints = list(spec, "topologySpreadConstraints");
    let mut causes = Vec::new();
    for (i, constraint) in constraints.iter().enumerate() {
        let at = path.index(i);
        causes.extend(positive(int(constraint, "maxSkew"), &at.child("maxSkew")));
        if text(constraint, "topologyKey").is_empty() {
            causes.push(at.child("topologyKey").required("can not be empty"));
        }
        let action = text(constraint, "whenUnsatisfiable");
        let actions = ["DoNotSchedule", "ScheduleAnyway"];
        if !actions.contains(&action) {
            causes.push(at.child("whenUnsatisfiable").unsupported(action, &actions));
        }
        let same = |other: &&Value| {
            ["topologyKey", "whenUnsatisfiable"].iter().all(|field| text(other, field) == text(constraint, field))
        };
        if constraints.iter().skip(i + 1).any(|other| same(&other)) {
            let pair = format!("{{{}, {action}}}", text(constraint, "topologyKey"));
            causes.push(at.child("{topologyKey, whenUnsatisfiable}").duplicate(pair));
        }
        if let Some(domains) = constraint["minDomains"].as_i64() {
            causes.extend(positive(domains, &at.child("minDomains")));
            if action != "DoNotSchedule" {
                let detail = format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}");
                causes.push(at.child("minDomains").invalid(domains, &detail));
            }
        }
        causes.extend(label_selector(&constraint["labelSelector"], &at.child("labelSelector")));
    }
    causes
}

fn positive(number: i64, path: &Path) -> Option<Cause> {
    (number <= 0).then(|| path.invalid(number, "must be greater than zero"))
}
