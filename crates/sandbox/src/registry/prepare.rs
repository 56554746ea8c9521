//! What an object goes through before it is written: defaults, validation, managed fields, and what the server decides.

use serde_json::Value;
use tiphys_machinery::{
    admission,
    apply::{WriteRequest, update_managed},
    defaults,
    error::{ApiError, Cause},
    meta, names,
    resource::Resource,
    schema, strategy, validate, view,
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
        metadata::begin(value, self.new_uid(), self.now());
        // What admission, the kind and the allocators set belongs to nobody.
        self.track(resource, Subresource::Main, None, value, options);
        self.admit_new(resource, value)?;
        strategy::prepare_create(value, resource);
        let mut causes = names::validate(value, resource);
        let asked = options.asked(resource);
        causes.extend(own_causes(asked, Subresource::Main, value, None));
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
            admit_update(resource, subresource, new);
        }
        match subresource {
            Subresource::Status => strategy::prepare_status_update(new, old, resource),
            // The node and the condition that tells of it come in one write, and the generation stays.
            Subresource::Binding => {}
            Subresource::Finalize => metadata::keep_status(old, new),
            Subresource::EphemeralContainers => {
                strategy::keep_all_but_ephemeral(new, old);
                strategy::prepare_update(new, old, resource);
            }
            Subresource::Resize => {
                strategy::keep_all_but_resources(new, old);
                strategy::prepare_update(new, old, resource);
            }
            _ => strategy::prepare_update(new, old, resource),
        }
        metadata::of(new).insert("resourceVersion".into(), version);
        let mut causes = names::validate_update(new, old, resource);
        metadata::of(new).remove("resourceVersion");
        causes.extend(own_causes(options.asked(resource), subresource, new, Some(old)));
        refuse(resource, new, &causes)?;
        if subresource == Subresource::Main {
            self.allocate(resource, new)?;
        }
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
        if options.applied {
            return;
        }
        let asked = options.asked(resource);
        let request = WriteRequest::new(asked, subresource.name(), &options.manager, self.now());
        if options.asked.is_none() {
            return update_managed(&request, old, new);
        }
        let (before, mut shown) = (old.map(|old| view::in_version(asked, old)), view::in_version(asked, new));
        update_managed(&request, before.as_ref(), &mut shown);
        meta::take(&mut new["metadata"], &shown["metadata"], "managedFields");
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

/// What admission plugins set again in what replaces an object.
fn admit_update(resource: &Resource, subresource: Subresource, new: &mut Value) {
    let pod = resource.stored.group.is_empty() && resource.stored.kind == "Pod";
    if pod && subresource == Subresource::Main {
        admission::toleration_seconds(new);
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
            (Some(_), Subresource::EphemeralContainers) => validate::ephemeral_containers(new),
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
