//! Which kinds a cluster serves.

use std::collections::BTreeMap;

use kube::Client;
use serde_json::Value;

use crate::plan::Scope;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                          application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// A kind, as its group serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindInfo {
    /// Group; empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Plural.
    pub plural: String,
    /// Versions, the preferred one first.
    pub versions: Vec<String>,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Whether objects can be listed and watched.
    pub watchable: bool,
}

impl KindInfo {
    /// Returns group and version as objects have them.
    #[must_use]
    pub fn api_version(&self) -> String {
        let version = self.versions.first().map(String::as_str).unwrap_or_default();
        if self.group.is_empty() { version.to_owned() } else { format!("{}/{version}", self.group) }
    }

    /// Returns the path of an object in the version that it has; of the collection when it has no name.
    #[must_use]
    pub fn path(&self, version: &str, namespace: &str, name: &str) -> String {
        let version = if version.is_empty() { self.versions.first().map_or("", String::as_str) } else { version };
        let root = if self.group.is_empty() { "/api".to_owned() } else { format!("/apis/{}", self.group) };
        let inside =
            if self.namespaced && !namespace.is_empty() { format!("/namespaces/{namespace}") } else { String::new() };
        let name = if name.is_empty() { String::new() } else { format!("/{name}") };
        format!("{root}/{version}{inside}/{}{name}", self.plural)
    }
}

/// All kinds of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kinds {
    kinds: BTreeMap<(String, String), KindInfo>,
    /// Groups whose server did not answer: what they have is not known.
    stale: Vec<String>,
}

impl Kinds {
    /// Asks the cluster.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn discover(client: &Client) -> kube::Result<Self> {
        let mut kinds = Self::default();
        for root in ["/api", "/apis"] {
            let request = http::Request::get(root).header(http::header::ACCEPT, AGGREGATED).body(Vec::new());
            let request = request.map_err(kube::Error::HttpError)?;
            kinds.read(&client.request::<Value>(request).await?);
        }
        Ok(kinds)
    }

    fn read(&mut self, list: &Value) {
        for group in list["items"].as_array().into_iter().flatten() {
            let name = group["metadata"]["name"].as_str().unwrap_or_default();
            for version in group["versions"].as_array().into_iter().flatten() {
                if version["freshness"] == "Stale" {
                    self.stale.push(name.to_owned());
                }
                let number = version["version"].as_str().unwrap_or_default();
                for resource in version["resources"].as_array().into_iter().flatten() {
                    self.add(name, number, resource);
                }
            }
        }
    }

    fn add(&mut self, group: &str, version: &str, resource: &Value) {
        let Some(kind) = resource["responseKind"]["kind"].as_str() else { return };
        let verbs: Vec<&str> = resource["verbs"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let key = (group.to_owned(), kind.to_owned());
        if let Some(known) = self.kinds.get_mut(&key) {
            known.versions.push(version.to_owned());
            return;
        }
        let info = KindInfo {
            group: group.to_owned(),
            kind: kind.to_owned(),
            plural: resource["resource"].as_str().unwrap_or_default().to_owned(),
            versions: vec![version.to_owned()],
            namespaced: resource["scope"] == "Namespaced",
            watchable: verbs.contains(&"list") && verbs.contains(&"watch"),
        };
        self.kinds.insert(key, info);
    }

    /// Returns a kind; `None` where the cluster does not serve it.
    #[must_use]
    pub fn get(&self, group: &str, kind: &str) -> Option<&KindInfo> {
        self.kinds.get(&(group.to_owned(), kind.to_owned()))
    }

    /// Returns all kinds, sorted by group and kind.
    pub fn all(&self) -> impl Iterator<Item = &KindInfo> {
        self.kinds.values()
    }

    /// Returns whether objects of a kind live in namespaces.
    #[must_use]
    pub fn scope(&self, group: &str, kind: &str) -> Scope {
        match self.get(group, kind) {
            Some(info) if info.namespaced => Scope::Namespaced,
            Some(_) => Scope::Cluster,
            None => Scope::Unknown,
        }
    }

    /// Returns whether the server of a group did not answer, so that a kind that is not here may exist.
    #[must_use]
    pub fn is_stale(&self, group: &str) -> bool {
        self.stale.iter().any(|stale| stale == group)
    }

    /// Returns what charts are told exists: `[group/]version` and `[group/]version/kind`, sorted.
    #[must_use]
    pub fn api_versions(&self) -> Vec<String> {
        let mut all = std::collections::BTreeSet::new();
        for info in self.all() {
            for version in &info.versions {
                let prefix = if info.group.is_empty() { version.clone() } else { format!("{}/{version}", info.group) };
                all.insert(format!("{prefix}/{}", info.kind));
                all.insert(prefix);
            }
        }
        all.into_iter().collect()
    }
}
