//! The built-in controllers: what a kube-controller-manager does, in process.
//!
//! One task, the `manager`, owns them all. It takes every change of the registry in revision order, lets each
//! controller mark what it has to look at, and works through the marks until nothing is left; only then does time move
//! on to the next timer. So a seed and a sequence of requests always give the same history.
//!
//! | module | what it keeps true |
//! | --- | --- |
//! | `replicaset` | as many pods as wanted |
//! | `deployment` | ReplicaSets that roll from one template to the next |
//! | `job` | pods that run to their end |
//! | `statefulset` | numbered pods with claims |
//! | `daemonset` | a pod on each node |
//! | `cronjob` | Jobs at their times |
//! | `volumes` | a volume for each claim |
//! | `endpoints` | EndpointSlices and Endpoints that follow pods |
//! | `autoscaler` | as many replicas as metrics ask for |
//! | `disruption` | what disruption budgets allow |
//! | `garbage` | nothing stays whose owners are gone |
//! | `namespace` | the contents of new and of ending namespaces |
//! | `event_ttl` | events end after an hour |

mod autoscaler;
mod cache;
mod conditions;
mod context;
mod cronjob;
mod daemonset;
mod deployment;
pub(crate) mod disruption;
mod endpoints;
mod event_ttl;
mod garbage;
mod history;
mod job;
mod labels;
mod manager;
mod namespace;
mod ownership;
mod recorder;
mod replicaset;
mod scaled;
mod statefulset;
mod template;
mod timers;
pub(crate) mod view;
mod volumes;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;

use crate::traffic::Traffic;

pub(crate) use cache::{Cache, Marks, Update};
pub(crate) use context::{Context, Controller, Writer};
pub use manager::Manager;
pub(crate) use namespace::ROOT_CA;
pub(crate) use recorder::{About, Note};
pub(crate) use view::Key;

/// Returns all controllers, in the order in which they work.
pub(crate) fn built_in(traffic: &Traffic) -> Vec<Box<dyn Controller>> {
    let mut all = control_plane(traffic);
    all.push(Box::new(crate::nodes::Nodes::default()));
    all.push(Box::new(crate::scheduler::Scheduler::default()));
    all.push(Box::new(crate::kubelet::Kubelets::default()));
    all.push(Box::new(crate::traffic::driver::Driver::new(traffic)));
    all
}

/// Returns the controllers of this module: all but those that play nodes.
fn control_plane(traffic: &Traffic) -> Vec<Box<dyn Controller>> {
    vec![
        Box::new(namespace::Namespaces::default()),
        Box::new(garbage::Collector),
        Box::new(deployment::Deployments),
        Box::new(replicaset::ReplicaSets),
        Box::new(job::Jobs),
        Box::new(statefulset::StatefulSets),
        Box::new(daemonset::DaemonSets::default()),
        Box::new(cronjob::CronJobs),
        Box::new(volumes::Volumes),
        Box::new(endpoints::Endpoints),
        Box::new(disruption::Budgets),
        Box::new(autoscaler::Autoscalers::new(traffic)),
        Box::new(event_ttl::EventTtl::default()),
    ]
}
