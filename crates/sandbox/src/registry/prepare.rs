//! What an object goes through before it is written: defaults, validation, managed fields, and what the server decides.

use serde_json::Value;
use tiphys_machinery::{
    apply::{WriteRequest, update_managed},
    defaults,
    error::{ApiError, Cause},
    names,
    resource::Resource,
    schema, strategy, validate,
};

use super::{Registry, Subresource, WriteOptions, crd, metadata};

impl Registry {
    /// Makes a decoded object ready to be created.
    pub(super) fn prepare_create(
        &self,
        resource: &Resource,
        value: &mut Value,
        options: &WriteOptions,
    ) -> Result<(), ApiError> {
        self.admit_create(resource, value)?;
        fill_defaults(resource, value);
        // What admission, the kind and the allocators set belongs to nobody.
        self.track(resource, Subresource::Main, None, value, options);
        self.admit_new(resource, value)?;
        metadata::begin(value, self.new_uid(), self.now());
        strategy::prepare_create(value, resource);
        let mut causes = names::validate(value, resource);
        causes.extend(own_causes(resource, Subresource::Main, value, None));
        refuse(resource, value, &causes)?;
        if crd::is_definition(resource) {
            crd::establish(value, &metadata::stamp(self.now()));
        }
        self.allocate(resource, value)?;
        strategy::complete(value, resource);
        Ok(())
    }

    /// Makes the new state of an object ready to replace the old one.
    pub(super) fn prepare_update(
        &self,
        resource: &Resource,
        subresource: Subresource,
        old: &Value,
        new: &mut Value,
        options: &WriteOptions,
    ) -> Result<(), ApiError> {
        let version = metadata::take_version(resource, old, new)?;
        metadata::keep_server_fields(old, new);
        if subresource != Subresource::Binding {
            fill_defaults(resource, new);
            self.track(resource, subresource, Some(old), new, options);
        }
        match subresource {
            Subresource::Status => strategy::prepare_status_update(new, old, resource),
            // The node and the condition that tells of it come in one write, and the generation stays.
            Subresource::Binding => {}
            Subresource::Finalize => metadata::keep_all_but_finalizers(old, new),
            _ => strategy::prepare_update(new, old, resource),
        }
        metadata::of(new).insert("resourceVersion".into(), version);
        let mut causes = names::validate_update(new, old, resource);
        metadata::of(new).remove("resourceVersion");
        causes.extend(own_causes(resource, subresource, new, Some(old)));
        refuse(resource, new, &causes)?;
        strategy::complete(new, resource);
        if crd::is_definition(resource) && new["spec"] != old["spec"] && old["metadata"]["deletionTimestamp"].is_null()
        {
            crd::establish(new, &metadata::stamp(self.now()));
        }
        Ok(())
    }

    /// Notes who owns the changed fields. An apply has done so already.
    fn track(
        &self,
        resource: &Resource,
        subresource: Subresource,
        old: Option<&Value>,
        new: &mut Value,
        options: &WriteOptions,
    ) {
        if !options.applied {
            let request = WriteRequest::new(resource, subresource.name(), &options.manager, self.now());
            update_managed(&request, old, new);
        }
    }

    /// Refuses what may not be created here and now: no namespace, or one that is going.
    fn admit_create(&self, resource: &Resource, value: &Value) -> Result<(), ApiError> {
        let group = &resource.gvk.group;
        let name = value["metadata"]["name"].as_str().unwrap_or_default();
        if resource.custom && self.is_terminating(resource) {
            let why = "create not allowed while custom resource definition is terminating";
            return Err(ApiError::forbidden(group, &resource.plural, name, why));
        }
        let namespace = value["metadata"]["namespace"].as_str().unwrap_or_default();
        if !resource.namespaced || namespace.is_empty() {
            return Ok(());
        }
        let Some(namespaces) = self.resource("", "namespaces") else { return Ok(()) };
        if !self.get(&namespaces, "", namespace)?.is_deleting() {
            return Ok(());
        }
        let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
        let mut error = ApiError::forbidden(group, &resource.plural, name, &why);
        let cause = Cause {
            reason: "NamespaceTerminating",
            message: format!("namespace {namespace} is being terminated"),
            field: "metadata.namespace".to_owned(),
        };
        error.details["causes"] = vec![cause.to_value()].into();
        Err(error)
    }
}

fn fill_defaults(resource: &Resource, value: &mut Value) {
    if resource.custom {
        schema::apply_defaults(value, &resource.schema);
    } else {
        defaults::apply(value, &resource.stored);
    }
}

/// What the kind's own rules say against the object.
fn own_causes(resource: &Resource, subresource: Subresource, new: &Value, old: Option<&Value>) -> Vec<Cause> {
    if !resource.custom {
        return match (old, subresource) {
            (None, _) => validate::create(new, resource),
            (Some(old), Subresource::Main | Subresource::Scale) => validate::update(new, old, resource),
            (Some(old), Subresource::Status) => validate::update_status(new, old, resource),
            (Some(_), _) => Vec::new(),
        };
    }
    let mut causes = schema::validate(new, old, &resource.schema);
    if let Some(paths) = &resource.scale_paths {
        causes.extend(schema::validate_scale(new, paths));
    }
    causes
}

fn refuse(resource: &Resource, value: &Value, causes: &[Cause]) -> Result<(), ApiError> {
    if causes.is_empty() {
        return Ok(());
    }
    let name = value["metadata"]["name"].as_str().unwrap_or_default();
    Err(ApiError::invalid(&resource.gvk.group, &resource.gvk.kind, name, causes))
}
