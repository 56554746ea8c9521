//! What may be called what: names, labels, annotations, finalizers, and the rest of an object's metadata.
//!
//! Functions about one text return the reasons why it is refused, in the API's words; none means it is fine.

mod metadata;
mod patterns;

pub use metadata::{annotations, labels, validate, validate_update};
pub use patterns::{
    config_map_key, dns_label, dns_label_1035, dns_subdomain, env_var_name, label_value, path_segment, percent,
    port_name, qualified_name, wildcard_subdomain,
};

use crate::resource::Resource;

/// Which rule the names of a kind follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameRule {
    /// RFC 1123 subdomain: most kinds.
    Subdomain,
    /// RFC 1123 label: Namespace, StatefulSet.
    Label,
    /// RFC 1035 label: Service.
    Label1035,
    /// Anything that can stand in a URL: RBAC.
    PathSegment,
}

/// Whether a text is a whole name or one that more will be appended to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamePart {
    /// `metadata.name`.
    Whole,
    /// `metadata.generateName`: a dash at the end is fine.
    Prefix,
}

impl NameRule {
    /// Returns the rule for objects of `resource`.
    #[must_use]
    pub fn of(resource: &Resource) -> Self {
        match (resource.gvk.group.as_str(), resource.gvk.kind.as_str()) {
            ("", "Namespace") | ("apps", "StatefulSet") => Self::Label,
            ("", "Service") => Self::Label1035,
            ("rbac.authorization.k8s.io", _) | ("apiregistration.k8s.io", _) => Self::PathSegment,
            _ => Self::Subdomain,
        }
    }

    /// Returns why `name` is refused.
    #[must_use]
    pub fn check(self, name: &str, part: NamePart) -> Vec<String> {
        // Upstream swaps the two last characters of a prefix that ends in a dash for one that is always allowed.
        let masked = match part {
            NamePart::Prefix if name.len() > 1 && name.ends_with('-') && name.is_char_boundary(name.len() - 2) => {
                format!("{}a", &name[..name.len() - 2])
            }
            _ => name.to_owned(),
        };
        match self {
            Self::Subdomain => dns_subdomain(&masked),
            Self::Label => dns_label(&masked),
            Self::Label1035 => dns_label_1035(&masked),
            Self::PathSegment => path_segment(name, part),
        }
    }
}
