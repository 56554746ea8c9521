//! What the controllers meet outside of the cluster: plugin processes and their downloads.
//!
//! The controllers say what they need as traits; here are the implementations that a real process uses. Tests and the
//! simulation have others.
//!
//! | module | trait |
//! | --- | --- |
//! | [`plugins`] | `rollouts::step_plugin::StepPlugins`, `rollouts::router_plugin::RouterPlugins`, by processes of crate `plugin` |
//! | [`download`] | `plugin::Download`, over HTTP |

pub mod download;
pub mod plugins;
