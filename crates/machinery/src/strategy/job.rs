//! The selector that the server gives to a Job.

use serde_json::{Value, json};

use crate::{
    defaults::{
        labels_from_template,
        set::{made, pointer},
    },
    meta,
};

/// Labels the pods of a Job with its name and uid and selects them by the uid, unless the user selects by hand.
///
/// What the user set stays; validation refuses what does not fit.
pub(super) fn generate_selector(object: &mut Value) {
    if object["spec"]["manualSelector"] == true {
        return;
    }
    let (name, uid) = (meta::name(object).to_owned(), meta::uid(object).to_owned());
    let Some(fields) = object.as_object_mut() else { return };
    made(fields, "spec", |spec| {
        made(spec, "template", |template| {
            made(template, "metadata", |metadata| {
                made(metadata, "labels", |labels| {
                    pointer(labels, "job-name", json!(name));
                    pointer(labels, "batch.kubernetes.io/job-name", json!(name));
                    pointer(labels, "controller-uid", json!(uid));
                    pointer(labels, "batch.kubernetes.io/controller-uid", json!(uid));
                });
            });
        });
        made(spec, "selector", |selector| {
            made(selector, "matchLabels", |labels| pointer(labels, "batch.kubernetes.io/controller-uid", json!(uid)));
        });
    });
    labels_from_template(fields);
}
