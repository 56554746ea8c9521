//! Admission: what is set in new objects by looking at others, and what is refused.

use serde_json::{Value, json};
use tiphys_machinery::{admission, error::ApiError, meta, resource::Resource};

use super::Registry;

impl Registry {
    /// Fills in a new object what the admission plugins of a cluster do.
    ///
    /// # Errors
    /// 403 for a pod that names a PriorityClass that does not exist.
    pub(super) fn admit_new(&self, resource: &Resource, value: &mut Value) -> Result<(), ApiError> {
        match (resource.stored.group.as_str(), resource.stored.kind.as_str()) {
            ("", "Pod") => {
                admission::service_account(value);
                admission::toleration_seconds(value);
                let class = self.priority_class(value)?;
                admission::priority(value, class.as_ref());
            }
            ("", "PersistentVolumeClaim") if value["spec"]["storageClassName"].is_null() => {
                let found = self.default_class("storage.k8s.io", "storageclasses", admission::DEFAULT_STORAGE_CLASS);
                if let Some(name) = found {
                    value["spec"]["storageClassName"] = json!(name);
                }
            }
            ("networking.k8s.io", "Ingress") if value["spec"]["ingressClassName"].is_null() => {
                let annotated = meta::annotation(value, "kubernetes.io/ingress.class").is_some();
                let found = self.default_class("networking.k8s.io", "ingressclasses", admission::DEFAULT_INGRESS_CLASS);
                if let Some(name) = found.filter(|_| !annotated) {
                    value["spec"]["ingressClassName"] = json!(name);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Returns the PriorityClass that a pod names, or else the global default.
    fn priority_class(&self, pod: &Value) -> Result<Option<Value>, ApiError> {
        let Some(classes) = self.resource("scheduling.k8s.io", "priorityclasses") else { return Ok(None) };
        let name = pod["spec"]["priorityClassName"].as_str().unwrap_or_default();
        if name.is_empty() {
            let all = self.list(&classes, None);
            return Ok(all.iter().map(|class| class.value()).find(|class| class["globalDefault"] == true));
        }
        match self.get(&classes, "", name) {
            Ok(class) => Ok(Some(class.value())),
            Err(_) => {
                let why = format!("no PriorityClass with name {name} was found");
                Err(ApiError::forbidden("", "pods", meta::name(pod), &why))
            }
        }
    }

    fn default_class(&self, group: &str, plural: &str, annotation: &str) -> Option<String> {
        let classes = self.list(&*self.resource(group, plural)?, None);
        let values: Vec<Value> = classes.iter().map(|class| class.value()).collect();
        admission::default_class(&values, annotation)
    }
}
