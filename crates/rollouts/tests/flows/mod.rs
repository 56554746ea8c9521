//! Whole releases and restarts, planned pass by pass in a world in memory.

mod analysis;
mod blue_green;
mod canary;
mod damage;
mod experiment;
mod floors;
mod history;
mod issues;
mod mesh;
mod plugin;
mod reasons;
mod restart;
mod roles;
mod routed;
mod router_plugin;
mod surge;
mod workload;
