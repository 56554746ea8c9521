//! The desired state of routing.

use std::collections::BTreeMap;

use tiphys_api::types::{SetHeaderRoute, SetMirrorRoute, TrafficWeights};

/// The whole desired state of routing, derived from the Rollout at each pass.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wanted {
    /// Weights on the scale 0 to `maxTrafficWeight`, their sum; what goes into the status. The Service names of `canary`
    /// and `stable` are not read: each router knows which Services it uses.
    pub weights: TrafficWeights,
    /// Weights as the status recorded them.
    pub previous: Option<TrafficWeights>,
    /// Header routes that live now, in any order. A route that the controller owns (`managedRoutes`, names in steps) and
    /// that is not here is removed.
    pub headers: Vec<SetHeaderRoute>,
    /// Mirror routes that live now, in any order.
    pub mirrors: Vec<SetMirrorRoute>,
    /// What moves first.
    pub order: Order,
    /// ReplicaSets by hash that are not fully available although they have replicas; by name. Routers that split by
    /// subset alone wait for those of the stable and canary hashes: leave out the canary when going back to stable.
    pub incomplete: BTreeMap<String, String>,
}

/// What moves first where pods are selected by the router itself (subsets, virtual nodes).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// The selection, then the weights.
    #[default]
    SelectionFirst,
    /// The weights, then the selection: the canary has no available pods, and still has a recorded weight.
    WeightsFirst,
}

/// Weights on a fixed scale.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Split {
    pub(crate) canary: i64,
    pub(crate) stable: i64,
    pub(crate) additional: Vec<Share>,
}

/// The weight of a further destination.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Share {
    pub(crate) service: String,
    pub(crate) hash: String,
    pub(crate) weight: i64,
}

impl Wanted {
    /// Returns the weights on the scale 0 to `scale`, rounded down; stable takes the rest.
    ///
    /// `of` is the scale of [`Wanted::weights`]. 1 of 3 on a scale of 100 is 33, and stable gets 67.
    pub(crate) fn split(&self, of: i32, scale: i32) -> Split {
        let rescale = |weight: i32| i64::from(weight.max(0)) * i64::from(scale) / i64::from(of.max(1));
        let mut left = i64::from(scale);
        let mut take = |weight: i32| {
            let weight = rescale(weight).min(left);
            left -= weight;
            weight
        };
        let canary = take(self.weights.canary.weight);
        let additional = self.weights.additional.iter().map(|destination| Share {
            service: destination.service_name.clone(),
            hash: destination.pod_template_hash.clone(),
            weight: take(destination.weight),
        });
        let additional = additional.collect();
        Split { canary, stable: left, additional }
    }
}

#[cfg(test)]
mod tests {
    use tiphys_api::types::WeightDestination;

    use super::*;

    #[track_caller]
    fn check(weights: &[i32], of: i32, scale: i32, expected: &[i64]) {
        let destination = |weight: &i32| WeightDestination { weight: *weight, ..Default::default() };
        let canary = weights.first().map(destination).unwrap_or_default();
        let additional = weights.iter().skip(1).map(destination).collect();
        let weights = TrafficWeights { canary, additional, ..Default::default() };
        let split = Wanted { weights, ..Default::default() }.split(of, scale);
        let mut all = vec![split.canary, split.stable];
        all.extend(split.additional.iter().map(|share| share.weight));
        assert_eq!(all, expected);
    }

    #[test]
    fn weights_always_sum_to_the_scale() {
        check(&[20], 100, 100, &[20, 80]);
        check(&[1], 3, 100, &[33, 67]);
        check(&[500, 100], 1000, 100, &[50, 40, 10]);
        check(&[90, 20], 100, 100, &[90, 0, 10]);
        check(&[-5], 100, 100, &[0, 100]);
        check(&[7], 0, 100, &[100, 0]);
        check(&[i32::MAX], 1, i32::MAX, &[i64::from(i32::MAX), 0]);
    }
}
