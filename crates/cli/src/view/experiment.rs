//! The tree of `get experiment`.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::ReplicaSet;
use tiphys_api::Experiment;
use tiphys_machinery::time;
use tiphys_runtime::reason::Urgency;

use super::{
    images,
    release::{self, Objects},
    tree::{self, Node, Tree, row},
};
use crate::printer::{Cell, Colour};

/// Returns the tree of an Experiment.
pub(crate) fn tree(experiment: &Experiment, objects: &Objects, now: Timestamp) -> Tree {
    let metadata = &experiment.metadata;
    let sets = sets(experiment, objects);
    let status = phase(experiment);
    let name = metadata.name.clone().unwrap_or_default();
    let whole = node(experiment, objects, now);
    let mut rows = vec![tree::columns(), whole.cells];
    tree::draw(&whole.children, "", &mut rows);
    let mut head: Vec<(&'static str, Cell)> = vec![
        ("Name:", name.into()),
        ("Namespace:", metadata.namespace.clone().unwrap_or_default().into()),
        ("Status:", status),
    ];
    if !experiment.status.message.is_empty() {
        head.push(("Message:", experiment.status.message.clone().into()));
    }
    let why = tiphys_rollouts::experiment::plan::reasons(experiment, now).into_iter().next();
    if let Some(reason) = why.filter(|reason| reason.urgency != Urgency::Settled) {
        let at = reason.next_at.map_or_else(String::new, |at| format!(" at {}", time::seconds(at)));
        let next = reason.next.map_or_else(String::new, |next| format!("; {next}{at}"));
        head.push(("Why:", format!("{}{next}", reason.message).into()));
    }
    for (index, image) in images(experiment, &sets).into_iter().enumerate() {
        head.push((if index == 0 { "Images:" } else { "" }, image.into()));
    }
    Tree { head, rows }
}

/// Returns an Experiment with what it owns.
pub(super) fn node(experiment: &Experiment, objects: &Objects, now: Timestamp) -> Node {
    let metadata = &experiment.metadata;
    let name = format!("Σ {}", metadata.name.as_deref().unwrap_or_default());
    let cells = row(name, "Experiment", phase(experiment), tree::age(metadata, now), "");
    let mut children: Vec<Node> =
        sets(experiment, objects).into_iter().map(|set| set_node(set, objects, now)).collect();
    children.extend(tree::runs(metadata.uid.as_deref(), objects).into_iter().map(|run| tree::run_node(run, now)));
    Node { cells, children }
}

fn sets<'a>(experiment: &Experiment, objects: &'a Objects) -> Vec<&'a ReplicaSet> {
    let is_owned = |set: &&ReplicaSet| release::is_owned(&set.metadata, experiment.metadata.uid.as_deref());
    let mut sets: Vec<&ReplicaSet> = objects.replica_sets.iter().filter(is_owned).collect();
    sets.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
    sets
}

fn set_node(set: &ReplicaSet, objects: &Objects, now: Timestamp) -> Node {
    let name = format!("⧉ {}", set.metadata.name.as_deref().unwrap_or_default());
    let cells = row(name, "ReplicaSet", tree::set_status(set), tree::age(&set.metadata, now), "");
    let children = release::pods(set, objects).into_iter().map(|pod| tree::pod_node(pod, None, now)).collect();
    Node { cells, children }
}

/// Images with the templates that use them, as `image (Σ:template, Σ:template)`.
fn images(experiment: &Experiment, sets: &[&ReplicaSet]) -> Vec<String> {
    let mut tags: std::collections::BTreeMap<String, Vec<String>> = std::collections::BTreeMap::new();
    for set in sets {
        let hash = release::hash(set);
        let of_set = experiment.status.template_statuses.iter().filter(|template| template.pod_template_hash == hash);
        let templates: Vec<String> = of_set.map(|template| format!("Σ:{}", template.name)).collect();
        for image in images::of(set) {
            tags.entry(image).or_default().extend(templates.iter().cloned());
        }
    }
    let lines = tags.into_iter().map(|(image, mut templates)| {
        templates.sort();
        templates.dedup();
        if templates.is_empty() { image } else { format!("{image} ({})", templates.join(", ")) }
    });
    lines.collect()
}

/// Returns the phase of an Experiment with its icon.
pub(crate) fn phase(experiment: &Experiment) -> Cell {
    let phase = if experiment.status.phase.is_empty() { "Pending" } else { experiment.status.phase.as_str() };
    let (icon, colour) = match phase {
        "Successful" => ("✔", Colour::Green),
        "Failed" => ("✖", Colour::Red),
        "Error" => ("⚠", Colour::Red),
        "Inconclusive" => ("?", Colour::Yellow),
        "Running" => ("◌", Colour::Blue),
        _ => ("◷", Colour::Yellow),
    };
    Cell::new(format!("{icon} {phase}"), colour)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tiphys_api::decode;

    use super::*;

    #[test]
    fn tree_shows_templates_with_their_pods_and_runs() {
        let owner = json!([{"uid": "exp"}]);
        let containers = json!([{"name": "web", "image": "web:1"}]);
        let set = json!({
            "metadata": {"name": "ab-base", "uid": "set", "ownerReferences": owner,
                "labels": {"rollouts-pod-template-hash": "h"}},
            "spec": {"replicas": 1, "template": {"spec": {"containers": containers}}},
            "status": {"replicas": 1, "availableReplicas": 1},
        });
        let pod = json!({"metadata": {"name": "ab-base-1", "ownerReferences": [{"uid": "set"}]}, "status": {"phase": "Running"}});
        let run = json!({"metadata": {"name": "ab-rate", "ownerReferences": owner}, "status": {"phase": "Running"}});
        let objects = Objects {
            replica_sets: vec![decode(set).object],
            pods: vec![decode(pod).object],
            runs: vec![decode(run).object],
            experiments: Vec::new(),
        };
        let experiment = json!({
            "metadata": {"name": "ab", "namespace": "shop", "uid": "exp"},
            "status": {"phase": "Running", "message": "two to go", "templateStatuses": [{"name": "base", "podTemplateHash": "h"}]},
        });
        let tree = tree(&decode(experiment).object, &objects, "2026-01-02T03:10:00Z".parse().unwrap());
        let head: Vec<String> = tree.head.iter().map(|(label, cell)| format!("{label} {}", cell.text)).collect();
        assert_eq!(
            head,
            [
                "Name: ab",
                "Namespace: shop",
                "Status: ◌ Running",
                "Message: two to go",
                "Why: the experiment has not begun yet",
                "Images: web:1 (Σ:base)",
            ]
        );
        let rows: Vec<String> = tree.rows.iter().map(|row| format!("{}|{}", row[0].text, row[2].text)).collect();
        assert_eq!(
            rows,
            [
                "NAME|STATUS",
                "Σ ab|◌ Running",
                "├──⧉ ab-base|✔ Healthy",
                "│  └──□ ab-base-1|✔ Running",
                "└──α ab-rate|◌ Running",
            ]
        );
    }
}
