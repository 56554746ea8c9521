//! Keys of objects, and the options that their annotations hold.

use std::collections::BTreeMap;

use serde_json::Value;
use tiphys_machinery::meta;

/// The annotation with sync options, separated by commas.
pub const SYNC_OPTIONS: &str = "argocd.argoproj.io/sync-options";

/// What identifies an object, whatever its version.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceKey {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace; empty for cluster-scoped objects.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl ResourceKey {
    /// Returns the key of `object` as it is written.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        Self {
            group: group(object).to_owned(),
            kind: meta::kind(object).to_owned(),
            namespace: meta::namespace(object).to_owned(),
            name: meta::name(object).to_owned(),
        }
    }
}

/// Returns the API group of `object`; empty for the core group and for a malformed version.
#[must_use]
pub fn group(object: &Value) -> &str {
    match meta::api_version(object).split_once('/') {
        Some((group, version)) if !version.contains('/') => group,
        _ => "",
    }
}

/// Returns the version of `object` without its group.
#[must_use]
pub fn version(object: &Value) -> &str {
    let api_version = meta::api_version(object);
    api_version.split_once('/').map_or(api_version, |(_, version)| version)
}

/// Returns whether `object` is a CustomResourceDefinition.
#[must_use]
pub fn is_crd(object: &Value) -> bool {
    meta::kind(object) == "CustomResourceDefinition" && group(object) == "apiextensions.k8s.io"
}

/// Returns the annotations of `object`; none when one of them is not a text, as upstream reads them.
#[must_use]
pub fn annotations(object: &Value) -> BTreeMap<&str, &str> {
    texts(&object["metadata"]["annotations"]).unwrap_or_default()
}

/// Returns the items of an annotation with values separated by commas: trimmed, no empty ones, each once.
#[must_use]
pub fn annotation_items<'o>(object: &'o Value, key: &str) -> Vec<&'o str> {
    let text = annotations(object).get(key).copied().unwrap_or_default();
    let mut items = Vec::new();
    for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        if !items.contains(&item) {
            items.push(item);
        }
    }
    items
}

/// Returns whether the annotation `key` lists exactly `option`.
#[must_use]
pub fn has_option(object: &Value, key: &str, option: &str) -> bool {
    annotation_items(object, key).contains(&option)
}

/// Returns the value of the first `name=value` that the annotation `key` lists.
#[must_use]
pub fn option_value<'o>(object: &'o Value, key: &str, name: &str) -> Option<&'o str> {
    annotation_items(object, key).into_iter().find_map(|item| item.strip_prefix(name)?.strip_prefix('='))
}

/// Returns a map of texts; `None` when a value is no text.
pub(crate) fn texts(map: &Value) -> Option<BTreeMap<&str, &str>> {
    map.as_object()?.iter().map(|(key, value)| Some((key.as_str(), value.as_str()?))).collect()
}
