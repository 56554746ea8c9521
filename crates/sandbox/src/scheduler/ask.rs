//! What a pod asks of its node.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use tiphys_machinery::{quantity::Quantity, selector::LabelSelector};

/// Resources in thousandths of their unit, by name.
pub type Amounts = BTreeMap<String, i64>;

/// What a pod asks of its node, and what others must know of it once it is there.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// Namespace.
    pub namespace: String,
    /// Labels, as a JSON object.
    pub labels: Value,
    /// Resources it reserves.
    pub requests: Amounts,
    /// Ports of the node that it takes: protocol and number.
    pub host_ports: Vec<(String, u16)>,
    /// Taints it bears.
    pub tolerations: Vec<Toleration>,
    /// Labels that the node must have.
    pub node_selector: BTreeMap<String, String>,
    /// Alternatives of which the node must fit one; `None` if there is no such rule.
    pub node_terms: Option<Vec<NodeTerm>>,
    /// Pods that must be near.
    pub near: Vec<PodTerm>,
    /// Pods that must not be near.
    pub apart: Vec<PodTerm>,
    /// How evenly pods must, or should, lie.
    pub spread: Vec<Spread>,
    /// What is liked, as far as possible.
    pub wishes: Wishes,
}

/// A taint that is borne.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Toleration {
    /// Key; empty for every key.
    pub key: String,
    /// `Equal` or `Exists`.
    pub operator: String,
    /// Value.
    pub value: String,
    /// Effect; empty for every effect.
    pub effect: String,
    /// How long `NoExecute` is borne; `None` for ever.
    #[serde(rename = "tolerationSeconds")]
    pub seconds: Option<i64>,
}

/// A taint of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Taint {
    /// Key.
    pub key: String,
    /// Value.
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

impl Toleration {
    /// Returns whether it is about this taint.
    #[must_use]
    pub fn bears(&self, taint: &Taint) -> bool {
        let value = match self.operator.as_str() {
            "" | "Equal" => self.value == taint.value,
            "Exists" => true,
            _ => false,
        };
        (self.effect.is_empty() || self.effect == taint.effect)
            && (self.key.is_empty() || self.key == taint.key)
            && value
    }
}

/// One alternative of a required node affinity: all of it must hold; an empty one holds nowhere.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeTerm {
    #[serde(deserialize_with = "nullable")]
    match_expressions: Vec<Expression>,
    #[serde(deserialize_with = "nullable")]
    match_fields: Vec<Expression>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Expression {
    key: String,
    operator: String,
    #[serde(deserialize_with = "nullable")]
    values: Vec<String>,
}

impl NodeTerm {
    /// Returns whether a node of this name and these labels fits.
    #[must_use]
    pub fn fits(&self, name: &str, labels: &BTreeMap<String, String>) -> bool {
        let named = |key: &str| (key == "metadata.name").then_some(name);
        (!self.match_expressions.is_empty() || !self.match_fields.is_empty())
            && self.match_expressions.iter().all(|e| e.holds(labels.get(&e.key).map(String::as_str)))
            && self.match_fields.iter().all(|e| e.holds(named(&e.key)))
    }
}

impl Expression {
    fn holds(&self, value: Option<&str>) -> bool {
        let listed = || value.is_some_and(|value| self.values.iter().any(|v| v == value));
        let numbers = || Some((value?.parse::<i64>().ok()?, self.values.first()?.parse::<i64>().ok()?));
        match self.operator.as_str() {
            "In" => listed(),
            "NotIn" => !listed(),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            "Gt" => numbers().is_some_and(|(value, bound)| value > bound),
            "Lt" => numbers().is_some_and(|(value, bound)| value < bound),
            _ => false,
        }
    }
}

/// What a pod likes, with weights.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// Nodes.
    pub nodes: Vec<(i64, NodeTerm)>,
    /// Pods to be near of; a negative weight keeps away.
    pub pods: Vec<(i64, PodTerm)>,
}

impl Wishes {
    /// Returns whether nothing is liked more than anything else.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.pods.is_empty()
    }
}

/// How evenly the pods of a selector lie over the values of a node label.
#[derive(Debug, Clone)]
pub struct Spread {
    selector: LabelSelector,
    /// Label of nodes.
    pub topology: String,
    /// By how many pods a value may be ahead of the least.
    pub max_skew: i64,
    /// Values there must be before the least counts; 1 by default.
    pub min_domains: usize,
    /// Whether no other node will do.
    pub is_hard: bool,
}

impl Spread {
    /// Returns whether a pod is counted; pods of other namespaces are the caller's to leave out.
    #[must_use]
    pub fn counts(&self, pod: &Ask) -> bool {
        self.selector.matches(&pod.labels)
    }
}

/// Pods, and how far near reaches.
#[derive(Debug, Clone)]
pub struct PodTerm {
    selector: LabelSelector,
    /// `None` for all.
    namespaces: Option<Vec<String>>,
    /// Nodes whose label of this key has the same value are near each other.
    pub topology: String,
}

impl PodTerm {
    /// Returns whether a pod is meant.
    #[must_use]
    pub fn means(&self, pod: &Ask) -> bool {
        self.namespaces.as_ref().is_none_or(|all| all.contains(&pod.namespace)) && self.selector.matches(&pod.labels)
    }
}

/// A pod as the scheduler reads it.
#[derive(Debug, Clone, Default)]
pub struct Candidate {
    /// What it asks.
    pub ask: Ask,
    /// Uid.
    pub uid: String,
    /// The node it is bound to; empty before.
    pub node: String,
    /// Name of the scheduler that is to place it.
    pub scheduler: String,
    /// Whether something holds its scheduling back.
    pub gated: bool,
}

impl Candidate {
    /// Decodes a stored pod; `None` if it is not one.
    #[must_use]
    pub fn decode(json: &[u8]) -> Option<Self> {
        let PodWire { metadata, spec } = serde_json::from_slice(json).ok()?;
        let Affinity { node_affinity, pod_affinity, pod_anti_affinity } = spec.affinity;
        let terms = |terms: Vec<PodTermWire>| terms.into_iter().map(|term| term.view(&metadata.namespace)).collect();
        let wishes = Wishes {
            nodes: node_affinity.preferred.into_iter().map(|wish| (wish.weight, wish.preference)).collect(),
            pods: weighted(pod_affinity.preferred, 1, &metadata.namespace)
                .chain(weighted(pod_anti_affinity.preferred, -1, &metadata.namespace))
                .collect(),
        };
        let ports = spec.containers.iter().flat_map(|container| &container.ports);
        let ask = Ask {
            spread: spec.topology_spread_constraints.into_iter().map(|wire| wire.view(&metadata.labels)).collect(),
            wishes,
            labels: metadata.labels,
            requests: requests(&spec.init_containers, &spec.containers),
            host_ports: ports.filter(|port| port.host_port > 0).map(|port| (port.protocol(), port.host_port)).collect(),
            tolerations: spec.tolerations,
            node_selector: spec.node_selector,
            node_terms: node_affinity.required.map(|required| required.node_selector_terms),
            near: terms(pod_affinity.required),
            apart: terms(pod_anti_affinity.required),
            namespace: metadata.namespace,
        };
        let gated = !spec.scheduling_gates.is_empty();
        Some(Self { ask, uid: metadata.uid, node: spec.node_name, scheduler: spec.scheduler_name, gated })
    }
}

fn weighted(wishes: Vec<WeightedTerm>, sign: i64, namespace: &str) -> impl Iterator<Item = (i64, PodTerm)> {
    wishes.into_iter().map(move |wish| (sign * wish.weight, wish.pod_affinity_term.view(namespace)))
}

/// Returns a quantity in thousandths; 0 where it cannot be read.
pub(super) fn milli(value: &Value) -> i64 {
    Quantity::from_json(value).map(|quantity| quantity.milli()).unwrap_or_default()
}

/// Sums the containers; init containers run one after another, so only the largest counts against the sum.
fn requests(init: &[ContainerWire], containers: &[ContainerWire]) -> Amounts {
    let mut all = Amounts::new();
    let named = |container: &'_ ContainerWire| -> Vec<(String, i64)> {
        container.resources.requests.iter().map(|(name, value)| (name.clone(), milli(value))).collect()
    };
    for (name, amount) in containers.iter().flat_map(named) {
        *all.entry(name).or_default() += amount;
    }
    for (name, amount) in init.iter().flat_map(named) {
        let most = all.entry(name).or_default();
        *most = amount.max(*most);
    }
    all
}

fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodWire {
    metadata: MetaWire,
    #[serde(deserialize_with = "nullable")]
    spec: SpecWire,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MetaWire {
    namespace: String,
    uid: String,
    labels: Value,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SpecWire {
    node_name: String,
    scheduler_name: String,
    #[serde(deserialize_with = "nullable")]
    scheduling_gates: Vec<serde::de::IgnoredAny>,
    #[serde(deserialize_with = "nullable")]
    containers: Vec<ContainerWire>,
    #[serde(deserialize_with = "nullable")]
    init_containers: Vec<ContainerWire>,
    #[serde(deserialize_with = "nullable")]
    tolerations: Vec<Toleration>,
    #[serde(deserialize_with = "nullable")]
    node_selector: BTreeMap<String, String>,
    #[serde(deserialize_with = "nullable")]
    affinity: Affinity,
    #[serde(deserialize_with = "nullable")]
    topology_spread_constraints: Vec<SpreadWire>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Affinity {
    #[serde(deserialize_with = "nullable")]
    node_affinity: NodeAffinity,
    #[serde(deserialize_with = "nullable")]
    pod_affinity: PodAffinity,
    #[serde(deserialize_with = "nullable")]
    pod_anti_affinity: PodAffinity,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeAffinity {
    #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution")]
    required: Option<NodeSelector>,
    #[serde(rename = "preferredDuringSchedulingIgnoredDuringExecution", deserialize_with = "nullable")]
    preferred: Vec<WeightedNode>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WeightedNode {
    weight: i64,
    preference: NodeTerm,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeSelector {
    #[serde(deserialize_with = "nullable")]
    node_selector_terms: Vec<NodeTerm>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodAffinity {
    #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution", deserialize_with = "nullable")]
    required: Vec<PodTermWire>,
    #[serde(rename = "preferredDuringSchedulingIgnoredDuringExecution", deserialize_with = "nullable")]
    preferred: Vec<WeightedTerm>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WeightedTerm {
    weight: i64,
    pod_affinity_term: PodTermWire,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SpreadWire {
    label_selector: Value,
    topology_key: String,
    max_skew: i64,
    min_domains: Option<usize>,
    when_unsatisfiable: String,
    #[serde(deserialize_with = "nullable")]
    match_label_keys: Vec<String>,
}

impl SpreadWire {
    /// `labels` are the pod's own: keys to match take their values from there.
    fn view(mut self, labels: &Value) -> Spread {
        if !self.label_selector.is_null() {
            for key in self.match_label_keys {
                if let Some(value) = labels.get(&key) {
                    self.label_selector["matchLabels"][key] = value.clone();
                }
            }
        }
        Spread {
            selector: selector(&self.label_selector),
            topology: self.topology_key,
            max_skew: self.max_skew,
            min_domains: self.min_domains.unwrap_or(1),
            is_hard: self.when_unsatisfiable != "ScheduleAnyway",
        }
    }
}

fn selector(object: &Value) -> LabelSelector {
    match object {
        Value::Null => LabelSelector::nothing(),
        object => LabelSelector::from_object(object).unwrap_or_else(|_| LabelSelector::nothing()),
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodTermWire {
    label_selector: Value,
    #[serde(deserialize_with = "nullable")]
    namespaces: Vec<String>,
    /// Read only as far as that an empty one means every namespace.
    namespace_selector: Option<Value>,
    topology_key: String,
}

impl PodTermWire {
    fn view(self, namespace: &str) -> PodTerm {
        let everywhere = self.namespace_selector.is_some_and(|all| all.as_object().is_some_and(Map::is_empty));
        let own = || vec![namespace.to_owned()];
        let namespaces = if self.namespaces.is_empty() { own() } else { self.namespaces };
        PodTerm {
            selector: selector(&self.label_selector),
            namespaces: (!everywhere).then_some(namespaces),
            topology: self.topology_key,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ContainerWire {
    #[serde(deserialize_with = "nullable")]
    ports: Vec<PortWire>,
    #[serde(deserialize_with = "nullable")]
    resources: ResourcesWire,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PortWire {
    host_port: u16,
    protocol: Option<String>,
}

impl PortWire {
    fn protocol(&self) -> String {
        self.protocol.clone().unwrap_or_else(|| "TCP".into())
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResourcesWire {
    #[serde(deserialize_with = "nullable")]
    requests: BTreeMap<String, Value>,
}
