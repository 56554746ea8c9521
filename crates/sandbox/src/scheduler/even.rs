//! Topology spread constraints: how evenly pods lie over zones, or whatever a label of nodes tells apart.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    ask::{Ask, Spread},
    pick::Node,
};

/// How many pods lie in each domain before one more comes.
#[derive(Debug)]
pub struct Evenness<'a> {
    spread: &'a Spread,
    counts: BTreeMap<&'a str, i64>,
    /// Whether the pod counts itself.
    own: i64,
}

impl<'a> Evenness<'a> {
    /// Counts the pods that a constraint is about, on the nodes that the pod may select.
    #[must_use]
    pub fn of(spread: &'a Spread, ask: &Ask, nodes: &'a BTreeMap<Arc<str>, Node>) -> Self {
        let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
        for (_, node) in nodes.iter().filter(|(name, node)| node.selects(name, ask)) {
            let Some(domain) = node.labels.get(&spread.topology) else { continue };
            let counted = |pod: &&Arc<Ask>| pod.namespace == ask.namespace && spread.counts(pod);
            let count = node.pods.values().filter(counted).count();
            *counts.entry(domain).or_default() += i64::try_from(count).unwrap_or(i64::MAX);
        }
        Self { spread, counts, own: i64::from(spread.counts(ask)) }
    }

    /// Returns why the pod cannot be on this node.
    #[must_use]
    pub fn refusal(&self, node: &Node) -> Option<&'static str> {
        if !self.spread.is_hard {
            return None;
        }
        let Some(domain) = node.labels.get(&self.spread.topology) else {
            return Some("node(s) didn't match pod topology spread constraints (missing required label)");
        };
        let least = if self.counts.len() < self.spread.min_domains { 0 } else { self.least() };
        let count = self.counts.get(domain.as_str()).copied().unwrap_or(0) + self.own;
        (count - least > self.spread.max_skew).then_some("node(s) didn't match pod topology spread constraints")
    }

    /// Returns by how many pods the node's domain is ahead, for constraints that need not hold.
    #[must_use]
    pub fn crowd(&self, node: &Node) -> i64 {
        let domain = node.labels.get(&self.spread.topology).filter(|_| !self.spread.is_hard);
        domain.and_then(|domain| self.counts.get(domain.as_str())).map_or(0, |count| count - self.least())
    }

    fn least(&self) -> i64 {
        self.counts.values().min().copied().unwrap_or(0)
    }
}
