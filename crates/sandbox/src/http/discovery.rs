//! Discovery: which groups, versions and resources are served (`spec/sandbox.md` sections 2.1 and 2.2).

use std::{collections::BTreeMap, sync::Arc};

use http::header;
use serde_json::{Map, Value, json};
use tiphys_machinery::{
    error::ApiError,
    openapi,
    resource::{Gvk, Resource, Subresource},
};

use super::{
    call::Call,
    negotiate,
    reply::{Media, Reply},
    service::{Server, page_not_found},
    subresource,
};
use crate::catalog::{Preference, preference};

/// A served group, its versions preferred first.
pub(super) struct Group {
    /// Empty for core.
    pub(super) name: String,
    pub(super) versions: Vec<Version>,
}

/// A served version of a group.
pub(super) struct Version {
    pub(super) name: String,
    /// By plural.
    pub(super) resources: Vec<Arc<Resource>>,
}

/// The resources of one group by version.
type Versions = BTreeMap<Preference, Vec<Arc<Resource>>>;

/// Returns what is served: the built-in groups first, then those of custom resources.
pub(super) fn served(server: &Server) -> Vec<Group> {
    let mut groups: BTreeMap<(bool, String), Versions> = BTreeMap::new();
    for entry in server.registry.resources().entries() {
        for resource in &entry.versions {
            let group = groups.entry((resource.custom, resource.gvk.group.clone())).or_default();
            group.entry(preference(&resource.gvk.version)).or_default().push(resource.clone());
        }
    }
    let groups = groups.into_iter().map(|((_, name), versions)| {
        let versions = versions.into_iter().map(|((.., name), mut resources)| {
            resources.sort_by(|a, b| a.plural.cmp(&b.plural));
            Version { name, resources }
        });
        Group { name, versions: versions.collect() }
    });
    groups.collect()
}

/// `/api`.
/// # Errors
/// 406.
pub(super) fn core(server: &Server, call: &Call) -> Result<Reply, ApiError> {
    let core: Vec<Group> = served(server).into_iter().filter(|group| group.name.is_empty()).collect();
    if let Some(version) = aggregated_version(call)? {
        return Ok(aggregated(call, version, &core));
    }
    let versions: Vec<&str> = core.iter().flat_map(|group| &group.versions).map(|v| v.name.as_str()).collect();
    let host = call.header(header::HOST);
    let body = json!({
        "kind": "APIVersions",
        "versions": versions,
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": host}],
    });
    Ok(Reply::value(200, negotiate::error_media(call), &body))
}

/// `/apis`.
/// # Errors
/// 406.
pub(super) fn groups(server: &Server, call: &Call) -> Result<Reply, ApiError> {
    let groups: Vec<Group> = served(server).into_iter().filter(|group| !group.name.is_empty()).collect();
    if let Some(version) = aggregated_version(call)? {
        return Ok(aggregated(call, version, &groups));
    }
    let groups: Vec<Value> = groups.iter().map(group_value).collect();
    let body = json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups});
    Ok(Reply::value(200, negotiate::error_media(call), &body))
}

/// `/apis/G`.
pub(super) fn group(server: &Server, call: &Call, name: &str) -> Reply {
    let Some(group) = served(server).into_iter().find(|group| group.name == name) else { return page_not_found() };
    let mut body = group_value(&group);
    body["kind"] = "APIGroup".into();
    body["apiVersion"] = "v1".into();
    Reply::value(200, negotiate::error_media(call), &body)
}

/// `/api/v1` and `/apis/G/V`.
/// # Errors
/// 404 for another version of a built-in group.
pub(super) fn group_version(server: &Server, call: &Call, group: &str, version: &str) -> Result<Reply, ApiError> {
    let groups = served(server);
    let found = groups.iter().find(|g| g.name == group).and_then(|g| g.versions.iter().find(|v| v.name == version));
    let Some(found) = found else {
        let known =
            groups.iter().any(|g| g.name == group && g.versions.iter().any(|v| v.resources.iter().any(|r| !r.custom)));
        return if known { Err(subresource::not_found()) } else { Ok(page_not_found()) };
    };
    let resources: Vec<Value> = found.resources.iter().flat_map(|resource| legacy_resources(resource)).collect();
    let mut body = json!({
        "kind": "APIResourceList",
        "groupVersion": Gvk::new(group, version, "").api_version(),
        "resources": resources,
    });
    // Upstream leaves it out for clients from before there were groups.
    if !group.is_empty() {
        body["apiVersion"] = "v1".into();
    }
    Ok(Reply::value(200, negotiate::error_media(call), &body))
}

fn group_value(group: &Group) -> Value {
    let versions: Vec<Value> = group
        .versions
        .iter()
        .map(|v| json!({"groupVersion": Gvk::new(&group.name, &v.name, "").api_version(), "version": v.name}))
        .collect();
    json!({"name": group.name, "preferredVersion": versions.first(), "versions": versions})
}

fn legacy_resources(resource: &Resource) -> Vec<Value> {
    let mut main = json!({
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.gvk.kind,
        "verbs": resource.verbs,
    });
    add_names(&mut main, resource);
    if resource.has_verb("watch") {
        main["storageVersionHash"] = resource.storage_version_hash().into();
    }
    let subresources = resource.subresources.iter().map(|subresource| {
        let mut value = json!({
            "name": format!("{}/{}", resource.plural, subresource.name),
            "singularName": "",
            "namespaced": resource.namespaced,
            "kind": subresource.gvk.kind,
            "verbs": subresource.verbs,
        });
        if (&subresource.gvk.group, &subresource.gvk.version) != (&resource.gvk.group, &resource.gvk.version) {
            value["group"] = subresource.gvk.group.as_str().into();
            value["version"] = subresource.gvk.version.as_str().into();
        }
        value
    });
    let subresources: Vec<Value> = subresources.collect();
    std::iter::once(main).chain(subresources).collect()
}

fn add_names(value: &mut Value, resource: &Resource) {
    if !resource.short_names.is_empty() {
        value["shortNames"] = resource.short_names.clone().into();
    }
    if !resource.categories.is_empty() {
        value["categories"] = resource.categories.clone().into();
    }
}

/// Returns the version of aggregated discovery that is asked for, if it is.
///
/// # Errors
/// 406 where only one is asked for that is not served.
fn aggregated_version(call: &Call) -> Result<Option<&'static str>, ApiError> {
    let accept = call.header(header::ACCEPT);
    let mut other = false;
    for clause in accept.split(',') {
        let parts: Vec<&str> = clause.split(';').map(str::trim).collect();
        if parts.first() != Some(&"application/json") {
            continue;
        }
        if !parts.contains(&"as=APIGroupDiscoveryList") {
            return Ok(None);
        }
        if parts.contains(&"v=v2") {
            return Ok(Some("v2"));
        }
        other = true;
    }
    if other { Err(negotiate::not_acceptable(accept)) } else { Ok(None) }
}

fn aggregated(call: &Call, version: &str, groups: &[Group]) -> Reply {
    let items: Vec<Value> = groups.iter().map(aggregated_group).collect();
    let body = json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": format!("apidiscovery.k8s.io/{version}"),
        "metadata": {},
        "items": items,
    });
    let body = Media::Json.write(&body);
    let content_type = format!("application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
    let tag = format!("\"{}\"", openapi::hash(&body));
    let reply = if call.header(header::IF_NONE_MATCH).contains(&tag) {
        Reply::bytes(304, &content_type, Vec::new())
    } else {
        Reply::bytes(200, &content_type, body)
    };
    reply.with(header::ETAG, &tag).with(header::VARY, "Accept").with(header::CACHE_CONTROL, "public")
}

fn aggregated_group(group: &Group) -> Value {
    let versions: Vec<Value> = group
        .versions
        .iter()
        .map(|version| {
            let resources: Vec<Value> = version.resources.iter().map(|r| aggregated_resource(r)).collect();
            json!({"version": version.name, "resources": resources, "freshness": "Current"})
        })
        .collect();
    let mut metadata = Map::new();
    if !group.name.is_empty() {
        metadata.insert("name".to_owned(), group.name.as_str().into());
    }
    json!({"metadata": metadata, "versions": versions})
}

fn aggregated_resource(resource: &Resource) -> Value {
    let mut value = json!({
        "resource": resource.plural,
        "responseKind": response_kind(&resource.gvk, resource),
        "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": resource.singular,
        "verbs": resource.verbs,
    });
    add_names(&mut value, resource);
    if !resource.subresources.is_empty() {
        let subresources: Vec<Value> = resource.subresources.iter().map(|s| aggregated_part(s, resource)).collect();
        value["subresources"] = subresources.into();
    }
    value
}

fn aggregated_part(subresource: &Subresource, resource: &Resource) -> Value {
    json!({
        "subresource": subresource.name,
        "responseKind": response_kind(&subresource.gvk, resource),
        "verbs": subresource.verbs,
    })
}

/// Group and version are left empty where they are those of the enclosing version.
fn response_kind(gvk: &Gvk, resource: &Resource) -> Value {
    let same = (&gvk.group, &gvk.version) == (&resource.gvk.group, &resource.gvk.version);
    let (group, version) = if same { ("", "") } else { (gvk.group.as_str(), gvk.version.as_str()) };
    json!({"group": group, "version": version, "kind": gvk.kind})
}
