//! Anti-affinity that keeps new pods off the nodes of stable ones.

use serde_json::{Value, json};
use tiphys_api::{constants::labels, types::AntiAffinity};

use super::release::Release;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
const TOPOLOGY: &str = "kubernetes.io/hostname";

/// Puts the wanted term into a pod template, next to the user's own ones. Nothing is added while there is no stable
/// version, or while the wanted one is the stable one.
pub(crate) fn inject(release: &Release<'_>, template: &mut Value) {
    let stable = &release.status().stable_rs;
    if stable.is_empty() || *stable == release.hash {
        return;
    }
    let Some(rule) = rule(release) else { return };
    let term = term(stable, release.namespace());
    let (list, entry) = match &rule.preferred_during_scheduling_ignored_during_execution {
        Some(preferred) => (PREFERRED, json!({"weight": preferred.weight, "podAffinityTerm": term})),
        None => (REQUIRED, term),
    };
    let mut at = template;
    for field in ["spec", "affinity", "podAntiAffinity"] {
        at = child(at, field);
    }
    match at.get_mut(list).and_then(Value::as_array_mut) {
        Some(entries) => entries.push(entry),
        None => at[list] = json!([entry]),
    }
}

/// Returns the hash that an injected term of a pod template names.
#[must_use]
pub(crate) fn injected_hash(template: &Value) -> Option<&str> {
    let anti_affinity = template.get("spec")?.get("affinity")?.get("podAntiAffinity")?;
    let required = anti_affinity.get(REQUIRED).and_then(Value::as_array).into_iter().flatten();
    let preferred = anti_affinity.get(PREFERRED).and_then(Value::as_array).into_iter().flatten();
    required.chain(preferred.filter_map(|entry| entry.get("podAffinityTerm"))).find_map(term_hash)
}

/// Takes injected terms out of a pod template, and what they leave empty.
pub(crate) fn strip(template: &mut Value) {
    let Some(spec) = template.get_mut("spec").and_then(Value::as_object_mut) else { return };
    let Some(affinity) = spec.get_mut("affinity").and_then(Value::as_object_mut) else { return };
    if let Some(anti_affinity) = affinity.get_mut("podAntiAffinity").and_then(Value::as_object_mut) {
        for (list, path) in [(REQUIRED, ""), (PREFERRED, "/podAffinityTerm")] {
            let Some(entries) = anti_affinity.get_mut(list).and_then(Value::as_array_mut) else { continue };
            entries.retain(|entry| entry.pointer(path).is_none_or(|term| term_hash(term).is_none()));
            if entries.is_empty() {
                anti_affinity.remove(list);
            }
        }
        if anti_affinity.is_empty() {
            affinity.remove("podAntiAffinity");
        }
    }
    if affinity.is_empty() {
        spec.remove("affinity");
    }
}

fn rule<'a>(release: &Release<'a>) -> Option<&'a AntiAffinity> {
    let canary = release.canary().and_then(|canary| canary.anti_affinity.as_ref());
    canary.or_else(|| release.blue_green().and_then(|blue_green| blue_green.anti_affinity.as_ref()))
}

fn term(stable: &str, namespace: &str) -> Value {
    let expression = json!({"key": labels::POD_TEMPLATE_HASH, "operator": "In", "values": [stable]});
    json!({
        "labelSelector": {"matchExpressions": [expression]},
        "namespaces": [namespace],
        "topologyKey": TOPOLOGY,
    })
}

/// The hash in a term like the one of [`term`]; a user's own term has none.
fn term_hash(term: &Value) -> Option<&str> {
    let expressions = term.get("labelSelector")?.get("matchExpressions")?.as_array()?;
    let ours = expressions.iter().find(|expression| expression["key"] == labels::POD_TEMPLATE_HASH)?;
    ours.get("values")?.get(0)?.as_str()
}

fn child<'a>(value: &'a mut Value, field: &str) -> &'a mut Value {
    if !value[field].is_object() {
        value[field] = json!({});
    }
    &mut value[field]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn injected(list: &str, entry: &Value) -> Value {
        json!({"spec": {"affinity": {"podAntiAffinity": {list: [entry]}}}})
    }

    #[test]
    fn strip_leaves_what_the_user_wrote() {
        let own = json!({"labelSelector": {"matchLabels": {"app": "x"}}, "topologyKey": "zone"});
        let without_selector = json!({"topologyKey": "zone"});
        let mut template = injected(REQUIRED, &term("abc", "ns"));
        template["spec"]["affinity"]["podAntiAffinity"][PREFERRED] =
            json!([{"weight": 1, "podAffinityTerm": own}, {"weight": 2, "podAffinityTerm": without_selector}]);
        assert_eq!(injected_hash(&template), Some("abc"));
        strip(&mut template);
        assert_eq!(injected_hash(&template), None);
        let left = &template["spec"]["affinity"]["podAntiAffinity"];
        assert_eq!(left[PREFERRED].as_array().unwrap().len(), 2);
        assert!(left.get(REQUIRED).is_none());
    }

    #[test]
    fn strip_removes_what_it_leaves_empty() {
        let mut template = injected(PREFERRED, &json!({"weight": 5, "podAffinityTerm": term("abc", "ns")}));
        strip(&mut template);
        assert_eq!(template, json!({"spec": {}}));
    }
}
