//! What the API demands of a CustomResourceDefinition's schema before it accepts it.

mod defaults;
mod keywords;
mod structure;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::{error::Cause, field::Path};

/// Returns what keeps `schema` from being the schema of a version, sorted; empty if nothing does. `at` is where the schema
/// is, such as `spec.versions[0].schema.openAPIV3Schema`.
///
/// As upstream, structure is looked at only if no keyword is there that structural schemas lack, and defaults only if
/// the structure is right.
#[must_use]
pub fn check(schema: &Value, at: &Path) -> Vec<Cause> {
    let mut causes = Vec::new();
    if schema["nullable"] == true {
        causes.push(at.child("nullable").forbidden("nullable cannot be true at the root"));
    }
    keywords::check(schema, at, &mut causes);
    if !keywords::any_unsupported(schema) {
        let mut found = Vec::new();
        structure::check(schema, at, &mut found);
        if found.is_empty() {
            defaults::check(schema, at, &mut found);
        }
        causes.extend(found);
    }
    causes.sort_by(|a, b| (&a.field, &a.message).cmp(&(&b.field, &b.message)));
    causes.dedup();
    causes
}
