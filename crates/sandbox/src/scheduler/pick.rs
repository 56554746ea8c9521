//! The choice of a node for a pod: filters, then the least allocated node, then its name.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::Deserialize;
use serde_json::Value;

use super::{
    ask::{Amounts, Ask, PodTerm, Taint, milli},
    even::Evenness,
};

/// What a pod without requests counts as when nodes are compared: thousandths of a core, and of a byte.
const NOMINAL: [(&str, i64); 2] = [("cpu", 100), ("memory", 200 * 1024 * 1024 * 1000)];
const PARTS: i128 = 1_000_000_000;

/// A node as the scheduler sees it.
#[derive(Debug, Clone, Default)]
pub struct Node {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Whether it is cordoned.
    pub unschedulable: bool,
    /// Taints.
    pub taints: Vec<Taint>,
    /// What it offers.
    pub allocatable: Amounts,
    /// What its pods reserve.
    used: Amounts,
    /// What its pods count as when nodes are compared.
    nominal: Amounts,
    /// Its pods, by key.
    pub(super) pods: BTreeMap<Arc<str>, Arc<Ask>>,
    /// How many of them keep others away.
    guarded: i64,
}

impl Node {
    /// Takes over what a stored node says; its pods stay.
    pub fn describe(&mut self, node: &Value) {
        let spec = &node["spec"];
        self.labels = BTreeMap::deserialize(&node["metadata"]["labels"]).unwrap_or_default();
        self.unschedulable = spec["unschedulable"].as_bool().unwrap_or_default();
        self.taints = Vec::deserialize(&spec["taints"]).unwrap_or_default();
        let amounts = node["status"]["allocatable"].as_object();
        self.allocatable = amounts.into_iter().flatten().map(|(name, value)| (name.clone(), milli(value))).collect();
    }

    /// Puts a pod on it.
    pub fn add(&mut self, key: Arc<str>, ask: Arc<Ask>) {
        self.remove(&key);
        self.count(&ask, 1);
        self.pods.insert(key, ask);
    }

    /// Takes a pod off it.
    pub fn remove(&mut self, key: &str) {
        if let Some(ask) = self.pods.remove(key) {
            self.count(&ask, -1);
        }
    }

    fn count(&mut self, ask: &Ask, sign: i64) {
        self.guarded += if ask.apart.is_empty() { 0 } else { sign };
        for (name, amount) in &ask.requests {
            *self.used.entry(name.clone()).or_default() += sign * amount;
        }
        for (name, amount) in nominal(ask) {
            *self.nominal.entry(name.to_owned()).or_default() += sign * amount;
        }
    }

    /// Returns whether the pod's selector and required node affinity take this node.
    #[must_use]
    pub fn selects(&self, name: &str, ask: &Ask) -> bool {
        ask.node_selector.iter().all(|(key, value)| self.labels.get(key) == Some(value))
            && ask.node_terms.as_ref().is_none_or(|terms| terms.iter().any(|term| term.fits(name, &self.labels)))
    }

    /// Returns whether the node has a taint of one of these effects that the pod does not bear.
    #[must_use]
    pub fn untolerated(&self, ask: &Ask, effects: &[&str]) -> bool {
        let borne = |taint: &Taint| ask.tolerations.iter().any(|toleration| toleration.bears(taint));
        self.taints.iter().any(|taint| effects.contains(&taint.effect.as_str()) && !borne(taint))
    }

    /// Returns why the pod cannot be there; several reasons only for resources.
    fn refusals(&self, name: &str, ask: &Ask) -> Vec<String> {
        let cordon =
            Taint { key: "node.kubernetes.io/unschedulable".into(), effect: "NoSchedule".into(), value: String::new() };
        let taken = |port: &&(String, u16)| self.pods.values().any(|pod| pod.host_ports.contains(port));
        let text = if self.unschedulable && !ask.tolerations.iter().any(|toleration| toleration.bears(&cordon)) {
            "node(s) were unschedulable"
        } else if self.untolerated(ask, &["NoSchedule", "NoExecute"]) {
            "node(s) had untolerated taint(s)"
        } else if !self.selects(name, ask) {
            "node(s) didn't match Pod's node affinity/selector"
        } else if ask.host_ports.iter().find(taken).is_some() {
            "node(s) didn't have free ports for the requested pod ports"
        } else {
            return self.shortages(ask);
        };
        vec![text.to_owned()]
    }

    fn shortages(&self, ask: &Ask) -> Vec<String> {
        let of = |amounts: &Amounts, name: &str| amounts.get(name).copied().unwrap_or_default();
        let count = i64::try_from(self.pods.len()).unwrap_or(i64::MAX);
        let full = count.saturating_add(1).saturating_mul(1000) > of(&self.allocatable, "pods");
        let short = ask.requests.iter().filter(|(name, amount)| {
            **amount > 0 && of(&self.used, name).saturating_add(**amount) > of(&self.allocatable, name)
        });
        let short = short.map(|(name, _)| format!("Insufficient {name}"));
        full.then(|| "Too many pods".to_owned()).into_iter().chain(short).collect()
    }

    /// Returns how much would be left with the pod, in parts of everything: the mean over cores and memory.
    fn room(&self, ask: &Ask) -> i128 {
        let left = nominal(ask).map(|(name, amount)| {
            let all = i128::from(self.allocatable.get(name).copied().unwrap_or_default());
            let used = i128::from(self.nominal.get(name).copied().unwrap_or_default()) + i128::from(amount);
            if all <= 0 { 0 } else { ((all - used) * PARTS / all).max(0) }
        });
        left.iter().sum()
    }
}

fn nominal(ask: &Ask) -> [(&'static str, i64); 2] {
    NOMINAL.map(|(name, least)| (name, ask.requests.get(name).copied().filter(|amount| *amount > 0).unwrap_or(least)))
}

/// Values of topology labels, by label, in which pods lie.
type Domains<'a> = BTreeSet<(&'a str, &'a str)>;

/// Returns the node for a pod, or the text that says why there is none.
///
/// # Errors
/// When no node passes the filters.
pub fn pick(nodes: &BTreeMap<Arc<str>, Node>, ask: &Ask) -> Result<Arc<str>, String> {
    let barred = barred(nodes, ask);
    let near: Vec<(&PodTerm, Domains<'_>)> = ask.near.iter().map(|term| (term, around(nodes, term))).collect();
    let evenness: Vec<Evenness<'_>> = ask.spread.iter().map(|spread| Evenness::of(spread, ask, nodes)).collect();
    let liked = liked(nodes, ask);
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let mut best: Option<((i64, i128), &Arc<str>)> = None;
    for (name, node) in nodes {
        let refusals = node.refusals(name, ask);
        let lies = |domains: &Domains<'_>| {
            domains.iter().any(|(key, value)| node.labels.get(*key).is_some_and(|v| v == value))
        };
        if !refusals.is_empty() {
            refusals.into_iter().for_each(|reason| *reasons.entry(reason).or_default() += 1);
        } else if lies(&barred) {
            *reasons.entry("node(s) didn't match pod anti-affinity rules".into()).or_default() += 1;
        } else if !near.iter().all(|(term, domains)| lies(domains) || is_first(term, domains, ask, node)) {
            *reasons.entry("node(s) didn't match pod affinity rules".into()).or_default() += 1;
        } else if let Some(why) = evenness.iter().find_map(|evenness| evenness.refusal(node)) {
            *reasons.entry(why.into()).or_default() += 1;
        } else {
            let crowd: i64 = evenness.iter().map(|evenness| evenness.crowd(node)).sum();
            let score = (score(name, node, ask, &liked) - crowd, node.room(ask));
            if best.is_none_or(|(most, _)| score > most) {
                best = Some((score, name));
            }
        }
    }
    best.map(|(_, name)| name.clone()).ok_or_else(|| refusal(nodes.len(), &reasons))
}

/// A label of nodes, and for each of its values what pods there add to the score.
type Liked<'a> = (&'a str, BTreeMap<&'a str, i64>);

/// Returns how much the pods that are there draw the pod near, or drive it away.
fn liked<'a>(nodes: &'a BTreeMap<Arc<str>, Node>, ask: &'a Ask) -> Vec<Liked<'a>> {
    let one = |(weight, term): &'a (i64, PodTerm)| {
        let mut values: BTreeMap<&str, i64> = BTreeMap::new();
        for node in nodes.values() {
            let Some(value) = node.labels.get(&term.topology) else { continue };
            let count = node.pods.values().filter(|pod| term.means(pod)).count();
            *values.entry(value).or_default() += weight * i64::try_from(count).unwrap_or(i64::MAX);
        }
        (term.topology.as_str(), values)
    };
    ask.wishes.pods.iter().map(one).collect()
}

/// Returns how much a node is liked: what is wished comes before room, unlike upstream's weighted sum.
fn score(name: &str, node: &Node, ask: &Ask, liked: &[Liked<'_>]) -> i64 {
    let nodes = ask.wishes.nodes.iter().filter(|(_, term)| term.fits(name, &node.labels)).map(|(weight, _)| weight);
    let pods = liked.iter().filter_map(|(topology, values)| values.get(node.labels.get(*topology)?.as_str()));
    let avoided = node.untolerated(ask, &["PreferNoSchedule"]);
    nodes.sum::<i64>() + pods.sum::<i64>() - i64::from(avoided)
}

/// Returns whether a pod that is to be near its like is the first of them.
fn is_first(term: &PodTerm, domains: &Domains<'_>, ask: &Ask, node: &Node) -> bool {
    domains.is_empty() && term.means(ask) && node.labels.contains_key(&term.topology)
}

/// Returns where pods lie that the term means.
fn around<'a>(nodes: &'a BTreeMap<Arc<str>, Node>, term: &'a PodTerm) -> Domains<'a> {
    let with = nodes.values().filter(|node| node.pods.values().any(|pod| term.means(pod)));
    with.filter_map(|node| Some((term.topology.as_str(), node.labels.get(&term.topology)?.as_str()))).collect()
}

/// Returns where the pod must not be: by its own rules, and by those of the pods that are there.
fn barred<'a>(nodes: &'a BTreeMap<Arc<str>, Node>, ask: &'a Ask) -> Domains<'a> {
    let mut domains: Domains<'_> = ask.apart.iter().flat_map(|term| around(nodes, term)).collect();
    for node in nodes.values().filter(|node| node.guarded > 0) {
        let terms = node.pods.values().flat_map(|pod| &pod.apart).filter(|term| term.means(ask));
        domains
            .extend(terms.filter_map(|term| Some((term.topology.as_str(), node.labels.get(&term.topology)?.as_str()))));
    }
    domains
}

fn refusal(count: usize, reasons: &BTreeMap<String, usize>) -> String {
    if count == 0 {
        return "no nodes available to schedule pods".into();
    }
    let mut texts: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    texts.sort();
    format!(
        "0/{count} nodes are available: {}. no new claims to deallocate, preemption: 0/{count} nodes are available: {count} \
         No preemption victims found for incoming pod.",
        texts.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::ask::Candidate, *};

    fn node(name: &str, extra: &Value) -> (Arc<str>, Node) {
        let mut value = json!({"metadata": {"labels": {"kubernetes.io/hostname": name}}, "spec": {},
            "status": {"allocatable": {"cpu": "2", "memory": "4Gi", "pods": "3"}}});
        for (field, part) in extra.as_object().into_iter().flatten() {
            value[field] = part.clone();
        }
        let mut node = Node::default();
        node.describe(&value);
        (name.into(), node)
    }

    fn ask(spec: &Value) -> Ask {
        let pod = json!({"metadata": {"namespace": "n", "labels": {"app": "a"}}, "spec": spec});
        Candidate::decode(&serde_json::to_vec(&pod).unwrap()).unwrap().ask
    }

    fn cpu(amount: &str) -> Value {
        json!({"containers": [{"resources": {"requests": {"cpu": amount}}}]})
    }

    #[track_caller]
    fn check(what: &str, nodes: &[(Arc<str>, Node)], spec: &Value, want: Result<&str, &str>) {
        let nodes = nodes.iter().cloned().collect();
        let got = pick(&nodes, &ask(spec));
        match want {
            Ok(name) => assert_eq!(got.as_deref(), Ok(name), "{what}"),
            Err(text) => {
                let got = got.unwrap_err();
                assert!(got.contains(text), "{what}: {got}");
            }
        }
    }

    #[test]
    fn a_node_must_pass_every_filter() {
        let taint = json!({"spec": {"taints": [{"key": "k", "value": "v", "effect": "NoSchedule"}]}});
        let soft = json!({"spec": {"taints": [{"key": "k", "effect": "PreferNoSchedule"}]}});
        let cordoned = json!({"spec": {"unschedulable": true}});
        let fields = json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["b"]}]}]}}}});
        let (a, b) = (|extra| node("a", &extra), || node("b", &json!({})));
        let tolerates = json!({"tolerations": [{"key": "k", "operator": "Exists"}]});
        for (what, nodes, spec, want) in [
            ("no nodes", vec![], json!({}), Err("no nodes available to schedule pods")),
            ("the first of equals", vec![a(json!({})), b()], json!({}), Ok("a")),
            ("cordoned", vec![a(cordoned.clone()), b()], json!({}), Ok("b")),
            (
                "only cordoned",
                vec![a(cordoned)],
                json!({}),
                Err("0/1 nodes are available: 1 node(s) were unschedulable. "),
            ),
            ("tainted", vec![a(taint.clone())], json!({}), Err("1 node(s) had untolerated taint(s)")),
            ("tolerated", vec![a(taint)], tolerates, Ok("a")),
            ("softly tainted", vec![a(soft)], json!({}), Ok("a")),
            ("selected", vec![a(json!({})), b()], json!({"nodeSelector": {"kubernetes.io/hostname": "b"}}), Ok("b")),
            ("not selected", vec![b()], json!({"nodeSelector": {"x": "y"}}), Err("1 node(s) didn't match Pod's node")),
            ("by name", vec![a(json!({})), b()], fields, Ok("b")),
            ("fits exactly", vec![b()], cpu("2"), Ok("b")),
            (
                "too big",
                vec![a(json!({})), b()],
                cpu("3"),
                Err("available: 2 Insufficient cpu. no new claims to deallocate, "),
            ),
        ] {
            check(what, &nodes, &spec, want);
        }
    }

    #[test]
    fn pods_on_a_node_take_room() {
        let (mut a, b) = (node("a", &json!({})), node("b", &json!({})));
        a.1.add("n/1".into(), ask(&cpu("500m")).into());
        check("least allocated", &[a.clone(), b.clone()], &cpu("100m"), Ok("b"));
        check("what is left is too little", std::slice::from_ref(&a), &cpu("1600m"), Err("1 Insufficient cpu"));
        a.1.remove("n/1");
        check("room is given back", &[a.clone(), b], &cpu("2"), Ok("a"));
        for n in 0..3 {
            a.1.add(format!("n/{n}").into(), ask(&json!({})).into());
        }
        check("pod count", &[a], &json!({}), Err("1 Too many pods"));
    }

    #[test]
    fn pods_that_stay_apart_do() {
        let apart = json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
            {"labelSelector": {"matchLabels": {"app": "a"}}, "topologyKey": "kubernetes.io/hostname"}]}}});
        let (mut a, mut b) = (node("a", &json!({})), node("b", &json!({})));
        a.1.add("n/1".into(), ask(&json!({})).into());
        check("by its own rule", &[a.clone(), b.clone()], &apart, Ok("b"));
        b.1.add("n/2".into(), ask(&apart).into());
        check("by the other's rule", &[b.clone()], &json!({}), Err("1 node(s) didn't match pod anti-affinity rules"));
        let other = json!({"hostNetwork": true, "containers": [{"ports": [{"hostPort": 80}]}]});
        a.1.add("n/3".into(), ask(&other).into());
        check("by port", &[a], &other, Err("1 node(s) didn't have free ports for the requested pod ports"));
    }

    #[test]
    fn what_is_liked_comes_before_room() {
        let (mut a, b) = (node("a", &json!({})), node("b", &json!({})));
        a.1.add("n/1".into(), ask(&cpu("500m")).into());
        let term = json!({"labelSelector": {"matchLabels": {"app": "a"}}, "topologyKey": "kubernetes.io/hostname"});
        let wish = |kind: &str| {
            json!({"affinity": {kind: {"preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 10, "podAffinityTerm": term}]}}})
        };
        let nodes = [a.clone(), b.clone()];
        check("near", &nodes, &wish("podAffinity"), Ok("a"));
        let mut both = [a.clone(), b];
        both[1].1.add("n/2".into(), ask(&cpu("1500m")).into());
        both[0].1.add("n/3".into(), ask(&json!({})).into());
        check("away from the most", &both, &wish("podAntiAffinity"), Ok("b"));
        let named = json!({"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1,
            "preference": {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["a"]}]}}]}}});
        check("a node", &nodes, &named, Ok("a"));
        let soft = node("a", &json!({"spec": {"taints": [{"key": "k", "effect": "PreferNoSchedule"}]}}));
        check("avoids a softly tainted node", &[soft, nodes[1].clone()], &json!({}), Ok("b"));
    }

    #[test]
    fn pods_spread_over_zones() {
        let zoned = |name: &str, zone: &str| {
            let mut node = node(name, &json!({}));
            node.1.labels.insert("zone".into(), zone.into());
            node
        };
        let rule = |when: &str, more: Value| {
            let mut rule = json!({"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": when,
                "labelSelector": {"matchLabels": {"app": "a"}}});
            for (field, part) in more.as_object().into_iter().flatten() {
                rule[field] = part.clone();
            }
            json!({"topologySpreadConstraints": [rule]})
        };
        let hard = rule("DoNotSchedule", json!({}));
        let (mut a, b, c) = (zoned("a", "x"), zoned("b", "x"), zoned("c", "y"));
        a.1.add("n/1".into(), ask(&json!({})).into());
        check("the emptier zone", &[a.clone(), b.clone(), c.clone()], &hard, Ok("c"));
        let mut full = c.clone();
        full.1.unschedulable = true;
        let text = "1 node(s) didn't match pod topology spread constraints";
        check("no other", &[a.clone(), full.clone()], &hard, Err(text));
        check("if possible", &[a.clone(), full], &rule("ScheduleAnyway", json!({})), Ok("a"));
        check("soft prefers", &[a.clone(), b.clone(), c], &rule("ScheduleAnyway", json!({})), Ok("c"));
        let missing = "1 node(s) didn't match pod topology spread constraints (missing required label)";
        check("without the label", &[node("d", &json!({}))], &hard, Err(missing));
        check("one zone alone", &[a.clone(), b.clone()], &hard, Ok("b"));
        check(
            "too few zones",
            &[a, b],
            &rule("DoNotSchedule", json!({"minDomains": 2})),
            Err("2 node(s) didn't match pod"),
        );
    }

    #[test]
    fn pods_that_stay_near_do() {
        let near = json!({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
            {"labelSelector": {"matchLabels": {"app": "a"}}, "topologyKey": "kubernetes.io/hostname"}]}}});
        let (a, mut b) = (node("a", &json!({})), node("b", &json!({})));
        check("the first of its like goes anywhere", &[a.clone(), b.clone()], &near, Ok("a"));
        b.1.add("n/1".into(), ask(&json!({})).into());
        check("the next follows", &[a, b], &near, Ok("b"));
    }
}
