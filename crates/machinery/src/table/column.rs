//! Definitions of columns.

use serde_json::{Value, json};

use crate::resource::Resource;

/// One column of a kind.
pub(super) struct Column {
    name: &'static str,
    ty: &'static str,
    format: &'static str,
    priority: i32,
    /// Where in the kind's schema the column's content is described, such as `.status.podIP`; or a description.
    about: &'static str,
}

/// The column of the object's name.
pub(super) const NAME: Column = Column { format: "name", ..text("Name", ".metadata.name") };
/// The column of the object's age.
pub(super) const AGE: Column = text("Age", ".metadata.creationTimestamp");
/// The column of the containers' names.
pub(super) const CONTAINERS: Column = text("Containers", "Names of the containers.");
/// The column of the containers' images.
pub(super) const IMAGES: Column = text("Images", "Images of the containers.");
/// The column of the selector.
pub(super) const SELECTOR: Column = text("Selector", ".spec.selector");

pub(super) const fn text(name: &'static str, about: &'static str) -> Column {
    Column { name, ty: "string", format: "", priority: 0, about }
}

pub(super) const fn integer(name: &'static str, about: &'static str) -> Column {
    Column { ty: "integer", ..text(name, about) }
}

pub(super) const fn boolean(name: &'static str, about: &'static str) -> Column {
    Column { ty: "boolean", ..text(name, about) }
}

pub(super) const fn date(name: &'static str, about: &'static str) -> Column {
    Column { ty: "date", ..text(name, about) }
}

impl Column {
    /// Marks the column as one that names an object.
    pub(super) const fn of_name(self) -> Self {
        Self { format: "name", ..self }
    }

    /// Shows the column in wide output only.
    pub(super) const fn wide(self) -> Self {
        Self { priority: 1, ..self }
    }

    pub(super) fn definition(&self, resource: &Resource) -> Value {
        let described = self.about.strip_prefix('.').map_or_else(
            || self.about.to_owned(),
            |path| {
                let node = path.split('.').try_fold(resource.schema.clone(), |node, part| node.field(part).cloned());
                node.and_then(|node| node.description.as_deref().map(str::to_owned)).unwrap_or_default()
            },
        );
        json!({
            "name": self.name, "type": self.ty, "format": self.format, "description": described,
            "priority": self.priority,
        })
    }
}
