//! The tree of `get`: a head, then revisions with their ReplicaSets, pods and runs.

use jiff::Timestamp;
use k8s_openapi::{api::apps::v1::ReplicaSet, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use tiphys_api::{AnalysisRun, Experiment, Rollout, constants::annotations, defaults, phase, types::Time};
use tiphys_machinery::time;

use super::{
    answer::{self, Answer},
    experiment, images, pod_status,
    release::{self, Objects, Role},
    revision, step, weight,
};
use crate::printer::{Cell, Colour};

/// What `get` shows.
#[derive(Debug)]
pub(crate) struct Tree {
    /// Labels and values; a label may be empty and may be indented.
    pub(crate) head: Vec<(&'static str, Cell)>,
    /// Rows below the head, the first one with the names of the columns.
    pub(crate) rows: Vec<Vec<Cell>>,
}

/// Returns the tree of a Rollout.
pub(crate) fn rollout(rollout: &Rollout, objects: &Objects, why: Option<&Answer>, now: Timestamp) -> Tree {
    let sets = release::replica_sets(rollout, objects);
    let mut rows = vec![columns()];
    let name = rollout.metadata.name.as_deref().unwrap_or_default();
    let (phase, _) = phase::shown(rollout);
    let status = Cell::new(format!("{} {phase}", rollout_icon(&phase)), rollout_colour(&phase));
    rows.push(row(format!("⟳ {name}"), "Rollout", status, age(&rollout.metadata, now), ""));
    draw(&revisions(rollout, &sets, objects, now), "", &mut rows);
    Tree { head: head(rollout, &sets, objects, why, now), rows }
}

/// Returns the row with the names of the columns.
pub(super) fn columns() -> Vec<Cell> {
    ["NAME", "KIND", "STATUS", "AGE", "INFO"].map(Cell::from).to_vec()
}

/// A row and what hangs below it; the first cell lacks its branch.
pub(super) struct Node {
    pub(super) cells: Vec<Cell>,
    pub(super) children: Vec<Node>,
}

/// Adds the rows of nodes, each with its branch.
pub(super) fn draw(nodes: &[Node], prefix: &str, rows: &mut Vec<Vec<Cell>>) {
    for (index, node) in nodes.iter().enumerate() {
        let last = index + 1 == nodes.len();
        let (branch, below) = if last { ("└──", "   ") } else { ("├──", "│  ") };
        let mut cells = node.cells.clone();
        if let Some(first) = cells.first_mut() {
            first.text = format!("{prefix}{branch}{}", first.text);
        }
        rows.push(cells);
        draw(&node.children, &format!("{prefix}{below}"), rows);
    }
}

/// Returns a row.
pub(super) fn row(name: impl Into<Cell>, kind: &str, status: Cell, age: String, info: impl Into<Cell>) -> Vec<Cell> {
    vec![name.into(), kind.into(), status, age.into(), info.into()]
}

/// Returns the age of an object.
pub(super) fn age(metadata: &ObjectMeta, now: Timestamp) -> String {
    release::created(metadata).map_or_else(|| "<unknown>".to_owned(), |at| time::human(now.duration_since(at)))
}

fn head(
    rollout: &Rollout,
    sets: &[&ReplicaSet],
    objects: &Objects,
    why: Option<&Answer>,
    now: Timestamp,
) -> Vec<(&'static str, Cell)> {
    let (phase, message) = phase::shown(rollout);
    let metadata = &rollout.metadata;
    let mut head: Vec<(&'static str, Cell)> = vec![
        ("Name:", metadata.name.clone().unwrap_or_default().into()),
        ("Namespace:", metadata.namespace.clone().unwrap_or_default().into()),
        ("Status:", Cell::new(format!("{} {phase}", rollout_icon(&phase)), rollout_colour(&phase))),
    ];
    if !message.is_empty() {
        head.push(("Message:", message.into()));
    }
    head.extend(why.into_iter().flat_map(answer::head));
    head.extend(restart(rollout, sets, objects, now).map(|text| ("Restart:", Cell::from(text))));
    if let Some(at) = &rollout.status.aborted_at {
        head.push(("Aborted:", format!("{} ago", time::human(now.duration_since(at.0))).into()));
    }
    head.extend(strategy(rollout, sets));
    for (index, image) in images::lines(rollout, sets).into_iter().enumerate() {
        head.push((if index == 0 { "Images:" } else { "" }, image.into()));
    }
    head.push(("Replicas:", Cell::default()));
    let status = &rollout.status;
    for (label, count) in [
        ("  Desired:", defaults::replicas(rollout)),
        ("  Current:", status.replicas),
        ("  Updated:", status.updated_replicas),
        ("  Ready:", status.ready_replicas),
        ("  Available:", status.available_replicas),
    ] {
        head.push((label, count.to_string().into()));
    }
    head
}

fn strategy(rollout: &Rollout, sets: &[&ReplicaSet]) -> Vec<(&'static str, Cell)> {
    if rollout.spec.strategy.blue_green.is_some() {
        return vec![("Strategy:", "BlueGreen".into())];
    }
    if rollout.spec.strategy.canary.is_none() {
        return Vec::new();
    }
    let mut lines = vec![("Strategy:", Cell::from("Canary"))];
    if let Some(position) = step::position(rollout) {
        let what = step::current(rollout).map(|step| format!(" ({})", step::describe(step)));
        lines.push(("  Step:", format!("{position}{}", what.unwrap_or_default()).into()));
    }
    let canary = sets.iter().find(|set| release::roles(rollout, set).contains(&Role::Canary)).copied();
    lines.push(("  SetWeight:", weight::wanted(rollout).to_string().into()));
    lines.push(("  ActualWeight:", weight::actual(rollout, canary).to_string().into()));
    lines
}

/// Progress of a restart that is not over.
fn restart(rollout: &Rollout, sets: &[&ReplicaSet], objects: &Objects, now: Timestamp) -> Option<String> {
    let at = pending_restart(rollout)?;
    if at > now {
        let left = time::human(at.duration_since(now));
        return Some(format!("scheduled for {} (in {left})", time::seconds(at)));
    }
    let pods: Vec<_> = sets.iter().flat_map(|set| release::pods(set, objects)).collect();
    let done = pods.iter().filter(|pod| release::created(&pod.metadata).is_some_and(|created| created >= at)).count();
    Some(format!("{done}/{} pods, due since {}", pods.len(), time::human(now.duration_since(at))))
}

/// When the restart that is wanted and not over is due.
fn pending_restart(rollout: &Rollout) -> Option<Timestamp> {
    let Time(at) = rollout.spec.restart_at.as_ref()?;
    (rollout.spec.restart_at != rollout.status.restarted_at).then_some(*at)
}

fn revisions(rollout: &Rollout, sets: &[&ReplicaSet], objects: &Objects, now: Timestamp) -> Vec<Node> {
    let runs = runs(rollout.metadata.uid.as_deref(), objects);
    let mut numbers: Vec<i64> = sets.iter().map(|set| revision::of_replica_set(set)).collect();
    numbers.extend(runs.iter().map(|run| revision::of(run.metadata.annotations.as_ref())));
    let experiments = experiments(rollout.metadata.uid.as_deref(), objects);
    numbers.extend(experiments.iter().map(|one| revision::of(one.metadata.annotations.as_ref())));
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    numbers.dedup();
    numbers.into_iter().map(|number| revision_node(number, rollout, sets, &runs, objects, now)).collect()
}

fn revision_node(
    number: i64,
    rollout: &Rollout,
    sets: &[&ReplicaSet],
    runs: &[&AnalysisRun],
    objects: &Objects,
    now: Timestamp,
) -> Node {
    let mine = sets.iter().filter(|set| revision::of_replica_set(set) == number);
    let mut children: Vec<Node> = mine.map(|set| set_node(rollout, set, objects, now)).collect();
    let is_mine = |metadata: &ObjectMeta| revision::of(metadata.annotations.as_ref()) == number;
    let experiments = experiments(rollout.metadata.uid.as_deref(), objects).into_iter();
    children.extend(experiments.filter(|one| is_mine(&one.metadata)).map(|one| experiment::node(one, objects, now)));
    let mine = runs.iter().filter(|run| is_mine(&run.metadata));
    children.extend(mine.map(|run| run_node(run, now)));
    Node { cells: row(format!("# revision:{number}"), "", Cell::default(), String::new(), ""), children }
}

fn set_node(rollout: &Rollout, set: &ReplicaSet, objects: &Objects, now: Timestamp) -> Node {
    let roles = release::roles(rollout, set);
    let mut info: Vec<String> = roles.iter().map(|role| role.as_str().to_owned()).collect();
    info.extend(scale_down(set, now));
    let colour = roles.last().map(|role| match role {
        Role::Canary => Colour::Yellow,
        Role::Stable | Role::Active => Colour::Green,
        Role::Preview => Colour::Blue,
    });
    let name = set.metadata.name.as_deref().unwrap_or_default();
    let restart_at = pending_restart(rollout).filter(|at| *at <= now);
    let children = release::pods(set, objects).into_iter().map(|pod| pod_node(pod, restart_at, now)).collect();
    let cells = row(
        Cell { text: format!("⧉ {name}"), colour },
        "ReplicaSet",
        set_status(set),
        age(&set.metadata, now),
        Cell { text: info.join(","), colour },
    );
    Node { cells, children }
}

/// How long a ReplicaSet stays up.
fn scale_down(set: &ReplicaSet, now: Timestamp) -> Option<String> {
    let text = set.metadata.annotations.as_ref()?.get(annotations::SCALE_DOWN_DEADLINE)?;
    let at: Timestamp = text.parse().ok()?;
    let left = at.duration_since(now);
    Some(if left.is_positive() { format!("delay:{}", time::human(left)) } else { "delay:passed".to_owned() })
}

/// Returns the status of a ReplicaSet.
pub(super) fn set_status(set: &ReplicaSet) -> Cell {
    let wanted = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let status = set.status.as_ref();
    let observed = status.and_then(|status| status.observed_generation).unwrap_or(0);
    let available = status.and_then(|status| status.available_replicas).unwrap_or(0);
    let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let failed = conditions.iter().any(|condition| condition.type_ == "ReplicaFailure" && condition.status == "True");
    if set.metadata.generation.unwrap_or(0) > observed {
        Cell::new("◌ Progressing", Colour::Blue)
    } else if failed {
        Cell::new("✖ ReplicaFailure", Colour::Red)
    } else if available < wanted {
        Cell::new("◌ Progressing", Colour::Blue)
    } else if wanted == 0 {
        Cell::new("• ScaledDown", Colour::Dim)
    } else {
        Cell::new("✔ Healthy", Colour::Green)
    }
}

/// Returns a pod; one that is older than `restart_at` is marked.
pub(super) fn pod_node(pod: &k8s_openapi::api::core::v1::Pod, restart_at: Option<Timestamp>, now: Timestamp) -> Node {
    let status = pod_status::status(pod);
    let (icon, colour) = pod_icon(&status);
    let (ready, containers, restarts) = pod_status::readiness(pod);
    let mut info = format!("ready:{ready}/{containers}");
    if restarts > 0 {
        info.push_str(&format!(",restarts:{restarts}"));
    }
    if restart_at.is_some_and(|at| release::created(&pod.metadata).is_some_and(|created| created < at)) {
        info.push_str(",to be restarted");
    }
    let name = format!("□ {}", pod.metadata.name.as_deref().unwrap_or_default());
    let status = Cell::new(format!("{icon} {status}"), colour);
    Node { cells: row(name, "Pod", status, age(&pod.metadata, now), info), children: Vec::new() }
}

/// Returns the AnalysisRuns of an owner: the oldest first.
pub(super) fn runs<'a>(uid: Option<&str>, objects: &'a Objects) -> Vec<&'a AnalysisRun> {
    let mut runs: Vec<_> = objects.runs.iter().filter(|run| release::is_owned(&run.metadata, uid)).collect();
    runs.sort_by(|a, b| {
        let created = release::created(&a.metadata).cmp(&release::created(&b.metadata));
        created.then_with(|| b.metadata.name.cmp(&a.metadata.name))
    });
    runs
}

/// The Experiments of an owner: the oldest first.
fn experiments<'a>(uid: Option<&str>, objects: &'a Objects) -> Vec<&'a Experiment> {
    let mut all: Vec<_> = objects.experiments.iter().filter(|one| release::is_owned(&one.metadata, uid)).collect();
    all.sort_by_key(|one| (release::created(&one.metadata), one.metadata.name.clone()));
    all
}

/// Returns an AnalysisRun.
pub(super) fn run_node(run: &AnalysisRun, now: Timestamp) -> Node {
    let phase = if run.status.phase.is_empty() { "Pending" } else { &run.status.phase };
    let (icon, colour) = match phase {
        "Successful" => ("✔", Colour::Green),
        "Failed" => ("✖", Colour::Red),
        "Error" => ("⚠", Colour::Red),
        "Inconclusive" => ("?", Colour::Yellow),
        "Running" => ("◌", Colour::Blue),
        _ => ("◷", Colour::Yellow),
    };
    let name = format!("α {}", run.metadata.name.as_deref().unwrap_or_default());
    let status = Cell::new(format!("{icon} {phase}"), colour);
    let cells = row(name, "AnalysisRun", status, age(&run.metadata, now), summary(run));
    Node { cells, children: Vec::new() }
}

/// Measurements by result, over all metrics.
fn summary(run: &AnalysisRun) -> String {
    let sum =
        |count: fn(&tiphys_api::types::MetricResult) -> i32| run.status.metric_results.iter().map(count).sum::<i32>();
    let counts = [
        ("✔", sum(|result| result.successful)),
        ("✖", sum(|result| result.failed)),
        ("?", sum(|result| result.inconclusive)),
        ("⚠", sum(|result| result.error)),
    ];
    let shown: Vec<String> = counts.iter().filter(|(_, n)| *n > 0).map(|(icon, n)| format!("{icon} {n}")).collect();
    shown.join(",")
}

/// Returns the icon of a Rollout's phase.
pub(crate) fn rollout_icon(phase: &str) -> &'static str {
    match phase {
        "Progressing" => "◌",
        "Error" | "InvalidSpec" => "⚠",
        "Paused" => "॥",
        "Healthy" => "✔",
        "Degraded" => "✖",
        "ScaledDown" => "•",
        _ => "?",
    }
}

/// Returns the colour of a Rollout's phase.
pub(crate) fn rollout_colour(phase: &str) -> Colour {
    match phase {
        "Healthy" => Colour::Green,
        "Progressing" => Colour::Blue,
        "Paused" => Colour::Yellow,
        "Degraded" | "Error" | "InvalidSpec" => Colour::Red,
        _ => Colour::Dim,
    }
}

fn pod_icon(status: &str) -> (&'static str, Colour) {
    match status {
        _ if status.starts_with("Init:") => ("◌", Colour::Blue),
        _ if status.starts_with("Signal:") || status.starts_with("ExitCode:") => ("✖", Colour::Red),
        _ if status.ends_with("Error") || status.starts_with("Err") => ("⚠", Colour::Red),
        "Pending" | "Terminating" | "ContainerCreating" => ("◌", Colour::Blue),
        "Running" | "Completed" => ("✔", Colour::Green),
        "Failed" | "InvalidImageName" | "CrashLoopBackOff" => ("✖", Colour::Red),
        "ImagePullBackOff" | "RegistryUnavailable" => ("⚠", Colour::Red),
        "Unknown" => ("?", Colour::Yellow),
        _ => (" ", Colour::Dim),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tiphys_api::decode;
    use tiphys_runtime::reason::{Reason, Urgency};

    use super::*;

    const NOW: &str = "2026-01-02T03:10:00Z";

    fn owned(name: &str, owner: &str, created: &str, more: &Value) -> Value {
        let mut object = json!({"metadata": {
            "name": name, "uid": name, "creationTimestamp": created, "ownerReferences": [{"uid": owner}],
        }});
        for (field, value) in more.as_object().unwrap() {
            object[field] = value.clone();
        }
        object
    }

    fn set(name: &str, revision: u32, replicas: u32) -> Value {
        let status = json!({"replicas": replicas, "availableReplicas": replicas});
        let containers = json!([{"name": "web", "image": format!("web:{revision}")}]);
        let spec = json!({"replicas": replicas, "template": {"spec": {"containers": containers}}});
        let mut set = owned(name, "web", "2026-01-02T03:00:00Z", &json!({"spec": spec, "status": status}));
        set["metadata"]["annotations"] = json!({"rollout.argoproj.io/revision": revision.to_string()});
        set["metadata"]["labels"] = json!({"rollouts-pod-template-hash": name});
        set
    }

    fn pod(name: &str, set: &str, created: &str) -> Value {
        let statuses = json!([{"name": "web", "ready": true, "restartCount": 1, "state": {"running": {}}}]);
        let spec = json!({"containers": [{"name": "web"}]});
        owned(name, set, created, &json!({"spec": spec, "status": {"phase": "Running", "containerStatuses": statuses}}))
    }

    fn objects() -> Objects {
        Objects {
            replica_sets: vec![decode(set("old", 1, 2)).object, decode(set("new", 2, 1)).object],
            pods: vec![
                decode(pod("old-b", "old", "2026-01-02T03:00:05Z")).object,
                decode(pod("old-a", "old", "2026-01-02T03:08:00Z")).object,
                decode(pod("new-a", "new", "2026-01-02T03:09:00Z")).object,
            ],
            ..Objects::default()
        }
    }

    #[test]
    fn an_experiment_hangs_below_its_revision() {
        let mut objects = objects();
        let owner = json!([{"uid": "web"}]);
        let metadata = json!({"name": "web-h-2-1", "uid": "exp", "ownerReferences": owner,
            "annotations": {"rollout.argoproj.io/revision": "2"}});
        objects.experiments = vec![decode(json!({"metadata": metadata, "status": {"phase": "Running"}})).object];
        let run = json!({"metadata": {"name": "rate", "ownerReferences": [{"uid": "exp"}]}});
        objects.runs = vec![decode(run).object];
        let now = "2026-01-02T03:10:00Z".parse().unwrap();
        let tree = rollout(&decode(paused()).object, &objects, None, now);
        let names: Vec<&str> = tree.rows.iter().map(|row| row[0].text.trim_start()).collect();
        let at = names.iter().position(|name| name.ends_with("Σ web-h-2-1")).unwrap();
        assert!(names[at + 1].ends_with("α rate"), "{names:?}");
        assert!(names[at + 2].ends_with("# revision:1"), "{names:?}");
    }

    fn paused() -> Value {
        let steps = json!([{"setWeight": 34}, {"pause": {"duration": "2m"}}]);
        json!({
            "metadata": {"name": "web", "namespace": "shop", "uid": "web", "creationTimestamp": "2026-01-02T03:00:00Z"},
            "spec": {"replicas": 3, "strategy": {"canary": {"steps": steps}}},
            "status": {
                "phase": "Paused", "message": "CanaryPauseStep", "stableRS": "old", "currentPodHash": "new",
                "currentStepIndex": 1, "controllerPause": true, "replicas": 3, "availableReplicas": 3,
                "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": "2026-01-02T03:09:30Z"}],
            },
        })
    }

    fn shown(rollout: Value) -> Tree {
        let now = NOW.parse().unwrap();
        let rollout: Rollout = decode(rollout).object;
        let pause = Reason::new("CanaryPauseStep", Urgency::NeedsDecision, "step 2 of 2 is a pause")
            .then("continues once it is promoted", None)
            .remedy("promote web -n shop", "continues");
        super::rollout(&rollout, &objects(), Some(&Answer::new(&rollout, vec![pause], now)), now)
    }

    #[track_caller]
    fn check_head(tree: &Tree, label: &str, expected: Option<&str>) {
        let found = tree.head.iter().find(|(name, _)| *name == label).map(|(_, cell)| cell.text.as_str());
        assert_eq!(found, expected, "{label}");
    }

    #[test]
    fn tree_shows_revisions_newest_first_with_their_pods_oldest_first() {
        let rows = shown(paused()).rows;
        let lines: Vec<String> =
            rows.iter().map(|row| row.iter().map(|cell| cell.text.as_str()).collect::<Vec<_>>().join("|")).collect();
        let expected = [
            "NAME|KIND|STATUS|AGE|INFO",
            "⟳ web|Rollout|॥ Paused|10m|",
            "├──# revision:2||||",
            "│  └──⧉ new|ReplicaSet|✔ Healthy|10m|canary",
            "│     └──□ new-a|Pod|✔ Running|60s|ready:1/1,restarts:1",
            "└──# revision:1||||",
            "   └──⧉ old|ReplicaSet|✔ Healthy|10m|stable",
            "      ├──□ old-b|Pod|✔ Running|9m55s|ready:1/1,restarts:1",
            "      └──□ old-a|Pod|✔ Running|2m|ready:1/1,restarts:1",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn head_says_what_happens_next() {
        let tree = shown(paused());
        check_head(&tree, "  Step:", Some("1/2 (pause 2m)"));
        check_head(&tree, "  ActualWeight:", Some("33"));
        check_head(&tree, "Images:", Some("web:1 (stable)"));
        check_head(&tree, "Why:", Some("waits for a person: step 2 of 2 is a pause"));
        check_head(&tree, "Next:", Some("continues once it is promoted"));
        check_head(&tree, "Do:", Some("tiphys promote web -n shop"));
        check_head(&tree, "Restart:", None);
    }

    #[test]
    fn restart_shows_how_many_pods_are_new_and_which_are_to_come() {
        let mut rollout = paused();
        rollout["spec"]["restartAt"] = json!("2026-01-02T03:07:00Z");
        let tree = shown(rollout.clone());
        check_head(&tree, "Restart:", Some("2/3 pods, due since 3m"));
        let marked = |tree: &Tree| tree.rows.iter().filter(|row| row[4].text.contains("to be restarted")).count();
        assert_eq!(marked(&tree), 1);
        rollout["spec"]["restartAt"] = json!("2026-01-02T03:20:00Z");
        let tree = shown(rollout);
        check_head(&tree, "Restart:", Some("scheduled for 2026-01-02T03:20:00Z (in 10m)"));
        assert_eq!(marked(&tree), 0);
    }
}
