//! How a write is to be done.

use std::{borrow::Cow, sync::Arc};

pub use tiphys_machinery::decode::FieldValidation;
use tiphys_machinery::{error::ApiError, field::Path, resource::Resource};

/// Which part of an object a request addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Subresource {
    /// The object itself.
    #[default]
    Main,
    /// `/status`.
    Status,
    /// `/scale`.
    Scale,
    /// `/binding` of a pod.
    Binding,
    /// `/finalize` of a namespace.
    Finalize,
    /// `/ephemeralcontainers` of a pod.
    EphemeralContainers,
    /// `/resize` of a pod.
    Resize,
}

impl Subresource {
    /// Returns the name in URLs and in `managedFields`; empty for the object itself.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Main => "",
            Self::Status => "status",
            Self::Scale => "scale",
            Self::Binding => "binding",
            Self::Finalize => "finalize",
            Self::EphemeralContainers => "ephemeralcontainers",
            Self::Resize => "resize",
        }
    }
}

/// Options of create, update and patch.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// Who owns the fields that this write changes (`managedFields`).
    pub manager: Cow<'static, str>,
    /// Whether everything happens except the write itself.
    pub dry_run: bool,
    /// What happens to unknown fields.
    pub field_validation: FieldValidation,
    /// Whether an apply takes over the fields of other managers.
    pub force: bool,
    /// Whether an apply has already noted who owns what.
    pub(crate) applied: bool,
    /// The resource that was asked for, where the one that is written to shows the objects in another form.
    pub(crate) asked: Option<Arc<Resource>>,
}

impl WriteOptions {
    /// Returns the options of a plain write by this manager.
    #[must_use]
    pub fn by(manager: impl Into<Cow<'static, str>>) -> Self {
        Self { manager: manager.into(), field_validation: FieldValidation::Ignore, ..Self::default() }
    }

    /// Returns the resource whose rules hold, where `resource` is written to.
    pub(super) fn asked<'a>(&'a self, resource: &'a Resource) -> &'a Resource {
        self.asked.as_deref().unwrap_or(resource)
    }
}

/// What becomes of the objects that a deleted object owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// They stay and lose the reference.
    Orphan,
    /// They are deleted afterwards.
    Background,
    /// They are deleted first.
    Foreground,
}

/// Options of a deletion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// Seconds a pod gets to stop; its own value where absent.
    pub grace_period_seconds: Option<i64>,
    /// What becomes of dependents; the default of the kind where absent.
    pub propagation: Option<Propagation>,
    /// The older form of `propagation`.
    pub orphan_dependents: Option<bool>,
    /// The deletion is refused if the object has another uid.
    pub uid: Option<String>,
    /// The deletion is refused if the object is at another revision.
    pub resource_version: Option<String>,
    /// Whether everything happens except the deletion itself.
    pub dry_run: bool,
}

impl DeleteOptions {
    /// Returns the options of a deletion in the background.
    #[must_use]
    pub fn background() -> Self {
        Self { propagation: Some(Propagation::Background), ..Self::default() }
    }

    /// Returns the same options for the object of this uid only.
    #[must_use]
    pub fn of_uid(mut self, uid: impl Into<String>) -> Self {
        self.uid = Some(uid.into());
        self
    }

    /// Returns the same options with a grace period.
    #[must_use]
    pub fn grace(mut self, seconds: i64) -> Self {
        self.grace_period_seconds = Some(seconds);
        self
    }

    /// # Errors
    /// When both forms of the propagation are given.
    pub(crate) fn check(&self) -> Result<(), ApiError> {
        let (Some(propagation), Some(_)) = (self.propagation, self.orphan_dependents) else { return Ok(()) };
        let detail = "orphanDependents and deletionPropagation cannot be both set";
        let cause = Path::new("propagationPolicy").invalid(format!("{propagation:?}"), detail);
        Err(ApiError::invalid("meta.k8s.io", "DeleteOptions", "", &[cause]))
    }
}
