//! Which application an object belongs to, and how that is written on it.

mod metadata;

use std::fmt;

use serde_json::Value;
use tiphys_machinery::meta;

pub use self::metadata::MetadataError;
use self::metadata::{Entries, Place};
use crate::object::{self, group};

/// The annotation that holds a [`TrackingId`].
pub const TRACKING_ID: &str = "argocd.argoproj.io/tracking-id";
/// The annotation that tells installations apart that share a cluster.
pub const INSTALLATION_ID: &str = "argocd.argoproj.io/installation-id";
/// The label that holds the instance name unless configured otherwise.
pub const INSTANCE_LABEL: &str = "app.kubernetes.io/instance";

/// How many bytes the value of a label may have.
const MAX_LABEL: usize = 63;

/// Where the name of the application is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// In the label alone.
    Label,
    /// In the annotation alone.
    Annotation,
    /// In the annotation, and in the label for people.
    AnnotationAndLabel,
    /// Not set: as `Annotation`, but no [`TrackingId`] is read back and nothing is normalised.
    Unset,
    /// A word that nobody knows: as `Annotation`, but no [`TrackingId`] is read back.
    Unknown,
}

impl Method {
    /// Returns the method with the name that the settings use.
    #[must_use]
    pub fn of(name: &str) -> Self {
        match name {
            "" => Self::Unset,
            "label" => Self::Label,
            "annotation" => Self::Annotation,
            "annotation+label" => Self::AnnotationAndLabel,
            _ => Self::Unknown,
        }
    }
}

/// What the tracking of one installation needs to know.
#[derive(Debug, Clone, Copy)]
pub struct Tracking<'a> {
    /// Where the name is kept.
    pub method: Method,
    /// Key of the label.
    pub label_key: &'a str,
    /// Identifier of the installation; empty: none.
    pub installation_id: &'a str,
}

/// The value of the annotation: application and object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackingId {
    /// Instance name of the application; see [`instance_name`].
    pub application: String,
    /// Group of the object; empty for the core group.
    pub group: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace; for cluster-scoped objects the destination namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Why a tracking id cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("wrong resource tracking format, should be <application-name>:<group>/<kind>:<namespace>/<name>")]
pub struct TrackingIdError;

/// Why a label cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrackingError {
    /// No prefix of the name ends with a letter or digit.
    #[error("unable to truncate label to not end with a special character")]
    TruncateLabel,
    /// Labels or annotations are malformed.
    #[error("failed to change the tracking metadata of the object")]
    ChangeMetadata(#[from] MetadataError),
}

impl TrackingId {
    /// Returns the id of `object` for an application that delivers to `namespace`.
    #[must_use]
    pub fn new(object: &Value, application: &str, namespace: &str) -> Self {
        let own = meta::namespace(object);
        Self {
            application: application.to_owned(),
            group: group(object).to_owned(),
            kind: meta::kind(object).to_owned(),
            namespace: if own.is_empty() { namespace } else { own }.to_owned(),
            name: meta::name(object).to_owned(),
        }
    }

    /// Reads an id.
    ///
    /// # Errors
    /// When the text has another form.
    pub fn parse(text: &str) -> Result<Self, TrackingIdError> {
        let mut parts = text.splitn(3, ':');
        let (Some(application), Some(kind), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(TrackingIdError);
        };
        let (group, kind) = pair(kind)?;
        let (namespace, name) = pair(name)?;
        Ok(Self { application: application.to_owned(), group, kind, namespace, name })
    }
}

impl fmt::Display for TrackingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/{}:{}/{}", self.application, self.group, self.kind, self.namespace, self.name)
    }
}

fn pair(text: &str) -> Result<(String, String), TrackingIdError> {
    match text.split_once('/') {
        Some((left, right)) if !right.contains('/') => Ok((left.to_owned(), right.to_owned())),
        _ => Err(TrackingIdError),
    }
}

impl Tracking<'_> {
    /// Returns the instance name of the application that `object` belongs to; empty for none.
    #[must_use]
    pub fn application(&self, object: &Value) -> String {
        if self.method == Method::Label {
            return Entries::read(object, Place::Labels)
                .map_or_else(|_| String::new(), |labels| labels.get(self.label_key));
        }
        self.read_id(object).map_or_else(String::new, |id| id.application)
    }

    /// Returns the tracking id of `object` where the method has one.
    #[must_use]
    pub fn id(&self, object: &Value) -> Option<TrackingId> {
        matches!(self.method, Method::Annotation | Method::AnnotationAndLabel).then(|| self.read_id(object))?
    }

    fn read_id(&self, object: &Value) -> Option<TrackingId> {
        let annotations = Entries::read(object, Place::Annotations).ok()?;
        if !self.installation_id.is_empty() && annotations.get(INSTALLATION_ID) != self.installation_id {
            return None;
        }
        TrackingId::parse(&annotations.get(TRACKING_ID)).ok()
    }

    /// Writes on `object` that it belongs to the application with instance name `application`.
    ///
    /// # Errors
    /// When metadata is malformed, or no label can be made of the name. The object may then be half changed.
    pub fn set(&self, object: &mut Value, application: &str, namespace: &str) -> Result<(), TrackingError> {
        if self.method == Method::Label {
            return Ok(metadata::set_instance_label(object, self.label_key, application)?);
        }
        let mut annotations = Entries::read(object, Place::Annotations)?;
        if self.installation_id.is_empty() {
            annotations.remove(INSTALLATION_ID);
        } else {
            annotations.set(INSTALLATION_ID, self.installation_id);
        }
        annotations.set(TRACKING_ID, &TrackingId::new(object, application, namespace).to_string());
        annotations.write(object);
        if self.method == Method::AnnotationAndLabel {
            metadata::set_instance_label(object, self.label_key, truncate_label(application)?)?;
        }
        Ok(())
    }

    /// Takes what [`Tracking::set`] writes off `object`, with the label key that upstream has by default.
    ///
    /// # Errors
    /// When metadata is malformed.
    pub fn remove(&self, object: &mut Value) -> Result<(), TrackingError> {
        if self.method != Method::Label {
            let mut annotations = Entries::read(object, Place::Annotations)?;
            if annotations.remove(TRACKING_ID) | annotations.remove(INSTALLATION_ID) {
                annotations.write(object);
            }
        }
        if matches!(self.method, Method::Label | Method::AnnotationAndLabel) {
            let mut labels = Entries::read(object, Place::Labels)?;
            if labels.remove(INSTANCE_LABEL) {
                labels.write(object);
            }
        }
        Ok(())
    }

    /// Hides in `live` what only a change of the tracking method made different from `config`: a missing annotation is
    /// filled in where the label is there, and the label goes where the configuration has none.
    ///
    /// # Errors
    /// When metadata is malformed.
    pub fn normalize(&self, config: &Value, live: &mut Value) -> Result<(), TrackingError> {
        if matches!(self.method, Method::Label | Method::Unset) {
            return Ok(());
        }
        let mut labels = Entries::read(live, Place::Labels)?;
        if labels.get(self.label_key).is_empty() || object::is_crd(live) {
            return Ok(());
        }
        let mut annotations = Entries::read(live, Place::Annotations)?;
        if annotations.get(TRACKING_ID).is_empty() {
            let wanted = Entries::read(config, Place::Annotations)?.get(TRACKING_ID);
            annotations.set(TRACKING_ID, &wanted);
            annotations.write(live);
        }
        if Entries::read(config, Place::Labels)?.get(self.label_key).is_empty() && labels.remove(self.label_key) {
            labels.write(live);
        }
        Ok(())
    }
}

/// Returns `name` as the value of a label: at most 63 bytes, then shortened until it ends with a letter or digit.
///
/// # Errors
/// When nothing is left.
pub fn truncate_label(name: &str) -> Result<&str, TrackingError> {
    if name.len() <= MAX_LABEL {
        return Ok(name);
    }
    let end = name.as_bytes()[..MAX_LABEL].iter().rposition(u8::is_ascii_alphanumeric);
    end.map(|end| &name[..=end]).ok_or(TrackingError::TruncateLabel)
}

/// Returns the name by which objects refer to an application: `<name>` in the controller's namespace, else
/// `<namespace>_<name>`.
#[must_use]
pub fn instance_name(name: &str, namespace: &str, controller_namespace: &str) -> String {
    if namespace.is_empty() || namespace == controller_namespace {
        name.to_owned()
    } else {
        format!("{namespace}_{name}")
    }
}

/// Returns namespace and name of the application with an instance name.
#[must_use]
pub fn parse_instance_name<'a>(instance: &'a str, default_namespace: &'a str) -> (&'a str, &'a str) {
    instance.split_once('_').unwrap_or((default_namespace, instance))
}

/// Returns namespace and name of the application that a person means: `namespace/name` or `name`.
#[must_use]
pub fn parse_qualified_name<'a>(text: &'a str, default_namespace: &'a str) -> (&'a str, &'a str) {
    text.split_once('/').unwrap_or((default_namespace, text))
}
