//! Rollout planning and restarting: observe, plan, apply.
