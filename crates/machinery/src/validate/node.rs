//! Nodes.

use std::{collections::BTreeSet, net::IpAddr};

use serde_json::Value;

use super::fields::{list, text};
use crate::{error::Cause, field::Path, names};

/// The effects of taints, in the order in which the API lists them.
const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

pub(super) fn create(object: &Value) -> Vec<Cause> {
    let mut causes = taints(object);
    let ranges = list(&object["spec"], "podCIDRs");
    let path = Path::new("spec.podCIDRs");
    causes.extend(ranges.iter().enumerate().filter_map(|(i, range)| cidr(range, &path.index(i))));
    if ranges.len() > 2 {
        causes.push(path.invalid(ranges.to_vec(), "may specify no more than one CIDR for each IP family"));
    }
    causes
}

pub(super) fn update(new: &Value, old: &Value) -> Vec<Cause> {
    let mut causes = create(new);
    let before = list(&old["spec"], "podCIDRs");
    if !before.is_empty() && before != list(&new["spec"], "podCIDRs") {
        let detail = "node updates may not change podCIDR except from \"\" to valid";
        causes.push(Path::new("spec.podCIDRs").forbidden(detail));
    }
    let id = |object: &Value| text(&object["spec"], "providerID").to_owned();
    if !id(old).is_empty() && id(old) != id(new) {
        let detail = "node updates may not change providerID except from \"\" to valid";
        causes.push(Path::new("spec.providerID").forbidden(detail));
    }
    causes.extend(taints(new));
    causes
}

/// Upstream names the metadata as the place of the taints.
fn taints(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut seen = BTreeSet::new();
    for (i, taint) in list(&object["spec"], "taints").iter().enumerate() {
        let path = Path::new("metadata.taints").index(i);
        let (key, value, effect) = (text(taint, "key"), text(taint, "value"), text(taint, "effect"));
        causes.extend(names::qualified_name(key).iter().map(|why| path.child("key").invalid(key, why)));
        let wrong = names::label_value(value);
        if !wrong.is_empty() {
            causes.push(path.child("value").invalid(value, &wrong.join(";")));
        }
        if effect.is_empty() {
            causes.push(path.child("effect").required(""));
        } else if !EFFECTS.contains(&effect) {
            causes.push(path.child("effect").unsupported(effect, &EFFECTS));
        }
        if !seen.insert((key, effect)) {
            let mut cause = path.duplicate(taint.clone());
            cause.message.push_str(": taints must be unique by key and effect pair");
            causes.push(cause);
        }
    }
    causes
}

fn cidr(range: &Value, path: &Path) -> Option<Cause> {
    let given = range.as_str().unwrap_or_default();
    let parsed = given.split_once('/').and_then(|(address, length)| {
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        length.parse::<u8>().ok().filter(|length| *length <= most)
    });
    let detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
    parsed.is_none().then(|| path.invalid(given, detail))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(causes: &[Cause], expected: &[&str]) {
        let texts: Vec<String> = causes.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn taints_and_ranges_are_checked() {
        check(
            &create(&json!({"spec": {"taints": [{"key": "a", "effect": "NoExecute"}], "podCIDRs": ["10.0.0.0/24"]}})),
            &[],
        );
        check(
            &create(&json!({"spec": {"taints": [{"key": "a", "effect": "Odd"}], "podCIDRs": ["10.0.0.0"]}})),
            &[
                "metadata.taints[0].effect: Unsupported value: \"Odd\": supported values: \"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\"",
                "spec.podCIDRs[0]: Invalid value: \"10.0.0.0\": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
            ],
        );
    }

    #[test]
    fn what_was_given_to_a_node_stays() {
        let old = json!({"spec": {"providerID": "a", "podCIDRs": ["10.0.0.0/24"]}});
        check(&update(&old, &old), &[]);
        check(
            &update(&json!({"spec": {"providerID": "b", "podCIDRs": ["10.0.1.0/24"]}}), &old),
            &[
                "spec.podCIDRs: Forbidden: node updates may not change podCIDR except from \"\" to valid",
                "spec.providerID: Forbidden: node updates may not change providerID except from \"\" to valid",
            ],
        );
    }
}
