//! Labels and annotations, read strictly: a value that is no text is an error, not a missing one.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tiphys_machinery::meta;

use crate::object::{group, texts};

/// The label key of old installations: its value is also written into pod templates.
const LEGACY_LABEL: &str = "applications.argoproj.io/app-name";

/// Labels or annotations that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} of the object are not a map of texts")]
pub struct MetadataError(&'static str);

/// One of the two maps of an object's metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Labels,
    Annotations,
}

impl Place {
    const fn field(self) -> &'static str {
        match self {
            Self::Labels => "labels",
            Self::Annotations => "annotations",
        }
    }
}

/// A copy of one of the maps, to be changed and written back.
#[derive(Debug)]
pub(super) struct Entries {
    place: Place,
    map: BTreeMap<String, String>,
}

impl Entries {
    pub(super) fn read(object: &Value, place: Place) -> Result<Self, MetadataError> {
        let value = &object["metadata"][place.field()];
        let map = if value.is_null() { BTreeMap::new() } else { texts(value).ok_or(MetadataError(place.field()))? };
        Ok(Self { place, map: map.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect() })
    }

    pub(super) fn get(&self, key: &str) -> String {
        self.map.get(key).cloned().unwrap_or_default()
    }

    pub(super) fn set(&mut self, key: &str, value: &str) {
        self.map.insert(key.to_owned(), value.to_owned());
    }

    pub(super) fn remove(&mut self, key: &str) -> bool {
        self.map.remove(key).is_some()
    }

    /// Puts the map into `object`; an empty one disappears.
    pub(super) fn write(self, object: &mut Value) {
        if !object["metadata"].is_object() {
            object["metadata"] = json!({});
        }
        let Some(metadata) = object["metadata"].as_object_mut() else { return };
        if self.map.is_empty() {
            metadata.remove(self.place.field());
        } else {
            metadata.insert(self.place.field().to_owned(), json!(self.map));
        }
    }
}

/// Writes the instance label; the legacy one also goes into the pod templates of workloads.
pub(super) fn set_instance_label(object: &mut Value, key: &str, value: &str) -> Result<(), MetadataError> {
    let mut labels = Entries::read(object, Place::Labels)?;
    labels.set(key, value);
    labels.write(object);
    if key == LEGACY_LABEL && has_labelled_template(object) {
        label_template(object, key, value)?;
    }
    Ok(())
}

fn has_labelled_template(object: &Value) -> bool {
    match group(object) {
        "apps" | "extensions" => {
            matches!(meta::kind(object), "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet")
        }
        "batch" => meta::kind(object) == "Job",
        _ => false,
    }
}

/// Old versions take a missing selector from the labels of the template: it is written out without the new label, so
/// that the selector does not change.
fn label_template(object: &mut Value, key: &str, value: &str) -> Result<(), MetadataError> {
    let wrong = MetadataError("spec.template.metadata.labels");
    let mut labels = match &object["spec"]["template"]["metadata"]["labels"] {
        Value::Null => Map::new(),
        Value::Object(labels) => labels.clone(),
        _ => return Err(wrong),
    };
    labels.insert(key.to_owned(), json!(value));
    let old = matches!(meta::api_version(object), "apps/v1beta1" | "extensions/v1beta1");
    let selects = object["spec"]["selector"].as_object().is_some_and(|selector| !selector.is_empty());
    let spec = child(object, "spec").ok_or(wrong)?;
    if old && !selects {
        let mut selected = labels.clone();
        selected.remove(key);
        spec.insert("selector".to_owned(), json!({"matchLabels": selected}));
    }
    let template = spec.entry("template").or_insert_with(|| json!({}));
    let metadata = child(template, "metadata").ok_or(MetadataError("spec.template.metadata.labels"))?;
    metadata.insert("labels".to_owned(), Value::Object(labels));
    Ok(())
}

fn child<'v>(parent: &'v mut Value, name: &str) -> Option<&'v mut Map<String, Value>> {
    parent.as_object_mut()?.entry(name).or_insert_with(|| json!({})).as_object_mut()
}
