//! What the API server does with a pod template, wherever one occurs.

mod defaults;

pub use defaults::apply as apply_defaults;
