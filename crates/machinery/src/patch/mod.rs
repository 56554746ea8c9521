//! Patches: how a document and a patch give the next document, and how two documents give a patch.
//!
//! | module | content type |
//! | --- | --- |
//! | [`json`] | `application/json-patch+json` (RFC 6902) |
//! | [`merge`] | `application/merge-patch+json` (RFC 7386) |
//! | [`strategic`] | `application/strategic-merge-patch+json` |
//!
//! Server-side apply is its own module, [`crate::apply`]. Nothing here looks at metadata: names, versions and managed
//! fields are the registry's business.

pub mod json;
pub mod merge;
pub mod strategic;

pub use json::create as create_json_patch;
pub use merge::create as create_merge_patch;

use crate::error::ApiError;

/// What the API answers when a well-formed patch cannot be applied to the object at hand: the text says nothing, so
/// the causes (which upstream leaves out) name the operation that failed.
pub(crate) fn unprocessable() -> ApiError {
    ApiError::new(422, "Invalid", "the server rejected our request due to an error in our request")
}
