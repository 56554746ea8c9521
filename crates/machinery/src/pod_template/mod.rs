//! What the API server does with a pod template, wherever one occurs.

mod defaults;
mod validate;
mod warnings;

pub use defaults::apply as apply_defaults;
pub(crate) use validate::fields;
pub use validate::{Caller, Selection, label_selector, validate, validate_for_replica_set, validate_spec};
pub use warnings::warnings;
