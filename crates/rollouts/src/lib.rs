//! Rollout planning and restarting: observe, plan, apply.

pub mod plan;
