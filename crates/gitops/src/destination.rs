//! Which cluster a destination is.

use tiphys_api::types::ApplicationDestination;

/// URL of the cluster in which the controller is.
pub const IN_CLUSTER: &str = "https://kubernetes.default.svc";
/// Its name.
pub const IN_CLUSTER_NAME: &str = "in-cluster";

/// A cluster that can be delivered to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClusterName {
    /// URL.
    pub server: String,
    /// Name.
    pub name: String,
}

/// Why a destination is no cluster; upstream's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// Name and server are set.
    #[error("application destination can't have both name and server defined: {0} {1}")]
    Both(String, String),
    /// Neither is.
    #[error("Destination server missing from app spec")]
    Missing,
    /// No cluster has the name.
    #[error("there are no clusters with this name: {0}")]
    NoName(String),
    /// Several have.
    #[error("there are {0} clusters with the same name: [{1}]")]
    Ambiguous(usize, String),
    /// No cluster has the URL.
    #[error("error getting cluster by server \"{0}\": cluster \"{0}\" not found")]
    NoServer(String),
}

/// Finds the cluster of a destination among those that are configured.
///
/// # Errors
/// When it is none of them, or more than one.
pub fn find<'c>(to: &ApplicationDestination, clusters: &'c [ClusterName]) -> Result<&'c ClusterName, DestinationError> {
    match (to.name.as_str(), to.server.trim_end_matches('/')) {
        ("", "") => Err(DestinationError::Missing),
        ("", server) => clusters
            .iter()
            .find(|cluster| cluster.server == server)
            .ok_or_else(|| DestinationError::NoServer(server.to_owned())),
        (name, "") => {
            let found: Vec<&ClusterName> = clusters.iter().filter(|cluster| cluster.name == name).collect();
            match found.as_slice() {
                [] => Err(DestinationError::NoName(name.to_owned())),
                [one] => Ok(one),
                many => {
                    let servers: Vec<&str> = many.iter().map(|cluster| cluster.server.as_str()).collect();
                    Err(DestinationError::Ambiguous(many.len(), servers.join(" ")))
                }
            }
        }
        (name, server) => Err(DestinationError::Both(name.to_owned(), server.to_owned())),
    }
}

/// Returns the cluster in which the controller is.
#[must_use]
pub fn in_cluster() -> ClusterName {
    ClusterName { server: IN_CLUSTER.to_owned(), name: IN_CLUSTER_NAME.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_exactly_one_cluster() {
        let other = |server: &str| ClusterName { server: server.to_owned(), name: "edge".to_owned() };
        let clusters = [in_cluster(), other("https://a"), other("https://b")];
        for (name, server, expected) in [
            ("", IN_CLUSTER, Ok(IN_CLUSTER)),
            ("", "https://kubernetes.default.svc/", Ok(IN_CLUSTER)),
            ("in-cluster", "", Ok(IN_CLUSTER)),
            ("", "", Err("Destination server missing from app spec")),
            ("x", "", Err("there are no clusters with this name: x")),
            ("edge", "", Err("there are 2 clusters with the same name: [https://a https://b]")),
            ("x", "y", Err("application destination can't have both name and server defined: x y")),
            ("", "https://c", Err("error getting cluster by server \"https://c\": cluster \"https://c\" not found")),
        ] {
            let to = ApplicationDestination { name: name.into(), server: server.into(), ..Default::default() };
            let found = find(&to, &clusters).map(|cluster| cluster.server.clone()).map_err(|error| error.to_string());
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{name} {server}");
        }
    }
}
