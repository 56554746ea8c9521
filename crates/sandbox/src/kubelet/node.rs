//! What a node has, as its kubelet knows it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{pod::Pod, status::Addresses};
use crate::nodes;

/// A node.
#[derive(Debug, Clone, Default)]
pub struct Node {
    /// Its own address.
    pub address: String,
    /// Images that were pulled.
    pub images: BTreeSet<String>,
    /// Whether nothing moves on it, by the knob for lost nodes.
    pub is_lost: bool,
    /// First three numbers of its pods' addresses.
    prefix: String,
    taken: BTreeSet<u8>,
}

/// The lowest and the highest last number that a pod gets: the gateway is 1.
const NUMBERS: std::ops::RangeInclusive<u8> = 2..=254;

impl Node {
    /// Takes over what a stored node says.
    pub fn describe(&mut self, node: &Value) {
        let addresses = node["status"]["addresses"].as_array().into_iter().flatten();
        let internal = addresses.filter(|address| address["type"] == "InternalIP").find_map(|a| a["address"].as_str());
        self.address = internal.unwrap_or("172.18.0.2").to_owned();
        let range = node["spec"]["podCIDR"].as_str().unwrap_or("10.244.0.0/24");
        self.prefix = range.rsplit_once('.').map_or(range, |(prefix, _)| prefix).to_owned();
        self.is_lost = nodes::failed_at(&node["metadata"]).is_some();
    }

    /// Returns addresses for a pod: the lowest free one, or the node's own.
    pub fn addresses_for(&mut self, pod: &Pod) -> Addresses {
        let host = self.address.clone();
        if pod.host_network {
            return Addresses { pod: host.clone(), host };
        }
        let number = NUMBERS.into_iter().find(|number| !self.taken.contains(number)).unwrap_or(*NUMBERS.end());
        self.taken.insert(number);
        Addresses { host, pod: format!("{}.{number}", self.prefix) }
    }

    /// Marks an address as used.
    pub fn take(&mut self, address: &str) {
        self.taken.extend(self.number(address));
    }

    /// Gives an address back.
    pub fn release(&mut self, address: &str) {
        if let Some(number) = self.number(address) {
            self.taken.remove(&number);
        }
    }

    fn number(&self, address: &str) -> Option<u8> {
        address.strip_prefix(self.prefix.as_str())?.strip_prefix('.')?.parse().ok()
    }
}
