//! Which objects of a resource a request is about.

use serde_json::{Map, Value, json};
use tiphys_machinery::{
    error::ApiError,
    resource::Resource,
    selector::{FieldSelector, LabelSelector},
};

use super::call::Query;
use crate::object::Object;

/// The selectors of a list, a watch or a deletion of many.
#[derive(Debug, Clone)]
pub(super) struct Selection {
    labels: LabelSelector,
    fields: FieldSelector,
    namespace: Option<String>,
    /// Whether the object need not be parsed to tell.
    by_name_only: bool,
}

impl Selection {
    /// # Errors
    /// 400 with the API's text.
    pub(super) fn of(query: &Query, resource: &Resource, namespace: Option<&str>) -> Result<Self, ApiError> {
        let labels = LabelSelector::parse(query.get("labelSelector"))
            .map_err(|error| ApiError::bad_request(error.to_string()))?;
        let fields = FieldSelector::parse(query.get("fieldSelector"), resource)?;
        let by_name_only =
            fields.terms().iter().all(|term| matches!(term.field.as_str(), "metadata.name" | "metadata.namespace"));
        Ok(Self { labels, fields, namespace: namespace.map(str::to_owned), by_name_only })
    }

    /// Narrows to the object of this name: a list or a watch at an object's own URL.
    pub(super) fn named(mut self, name: &str) -> Self {
        self.fields = FieldSelector::name(name);
        self.by_name_only = true;
        self
    }

    /// Returns whether everything in the namespace is selected.
    pub(super) fn is_everything(&self) -> bool {
        self.labels.is_everything() && self.fields.is_everything()
    }

    pub(super) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    pub(super) fn matches(&self, object: &Object) -> bool {
        self.namespace.as_deref().is_none_or(|namespace| object.namespace() == namespace)
            && self.labels_match(object)
            && self.fields_match(object)
    }

    fn labels_match(&self, object: &Object) -> bool {
        if self.labels.is_everything() {
            return true;
        }
        let labels: Map<String, Value> = object.labels().map(|(key, value)| (key.to_owned(), value.into())).collect();
        self.labels.matches(&Value::Object(labels))
    }

    fn fields_match(&self, object: &Object) -> bool {
        if self.fields.is_everything() {
            return true;
        }
        if self.by_name_only {
            let metadata = json!({"metadata": {"name": object.name(), "namespace": object.namespace()}});
            return self.fields.matches(&metadata);
        }
        self.fields.matches(&object.value())
    }
}
