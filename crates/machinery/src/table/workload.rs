//! What runs pods.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Layout,
    column::{AGE, CONTAINERS, IMAGES, NAME, SELECTOR, boolean, integer, text as column},
    format::{NONE, age, containers, count, labels, name, number, selector, text, text_or},
};
use crate::{meta, selector::LabelSelector, time};

pub(super) const POD_TEMPLATE: Layout = Layout {
    columns: &[NAME, CONTAINERS, IMAGES, column("Pod Labels", "Labels that the pods get.")],
    cells: |object, _| {
        let [names, images] = containers(&object["template"]);
        vec![name(object), names, images, labels(&object["template"]["metadata"]["labels"])]
    },
};

pub(super) const REPLICATION_CONTROLLER: Layout = Layout {
    columns: REPLICA_SET.columns,
    cells: |object, now| {
        let mut cells = replica_set(object, now);
        cells.pop();
        cells.push(labels(&object["spec"]["selector"]));
        cells
    },
};

pub(super) const REPLICA_SET: Layout = Layout {
    columns: &[
        NAME,
        integer("Desired", ".spec.replicas"),
        integer("Current", ".status.replicas"),
        integer("Ready", ".status.readyReplicas"),
        AGE,
        CONTAINERS.wide(),
        IMAGES.wide(),
        SELECTOR.wide(),
    ],
    cells: replica_set,
};

fn replica_set(object: &Value, now: Timestamp) -> Vec<Value> {
    let mut cells = vec![name(object)];
    cells.extend(
        ["/spec/replicas", "/status/replicas", "/status/readyReplicas"].map(|path| json!(number(object, path))),
    );
    cells.push(age(object, now));
    cells.extend(containers(&object["spec"]["template"]));
    cells.push(selector(&object["spec"]["selector"]));
    cells
}

pub(super) const DEPLOYMENT: Layout = Layout {
    columns: &[
        NAME,
        column("Ready", "How many pods are ready, of how many wanted."),
        column("Up-to-date", ".status.updatedReplicas"),
        column("Available", ".status.availableReplicas"),
        AGE,
        CONTAINERS.wide(),
        IMAGES.wide(),
        SELECTOR.wide(),
    ],
    cells: |object, now| {
        let mut cells = vec![
            name(object),
            ready(object),
            json!(number(object, "/status/updatedReplicas")),
            json!(number(object, "/status/availableReplicas")),
            age(object, now),
        ];
        cells.extend(containers(&object["spec"]["template"]));
        let selector = LabelSelector::from_object(&object["spec"]["selector"]);
        cells.push(json!(selector.map_or_else(|_| "<invalid>".to_owned(), |s| s.to_string())));
        cells
    },
};

fn ready(object: &Value) -> Value {
    json!(format!("{}/{}", number(object, "/status/readyReplicas"), number(object, "/spec/replicas")))
}

pub(super) const STATEFUL_SET: Layout = Layout {
    columns: &[
        NAME,
        column("Ready", "How many pods are ready, of how many wanted."),
        AGE,
        CONTAINERS.wide(),
        IMAGES.wide(),
    ],
    cells: |object, now| {
        let [names, images] = containers(&object["spec"]["template"]);
        vec![name(object), ready(object), age(object, now), names, images]
    },
};

pub(super) const DAEMON_SET: Layout = Layout {
    columns: &[
        NAME,
        integer("Desired", ".status.desiredNumberScheduled"),
        integer("Current", ".status.currentNumberScheduled"),
        integer("Ready", ".status.numberReady"),
        integer("Up-to-date", ".status.updatedNumberScheduled"),
        integer("Available", ".status.numberAvailable"),
        column("Node Selector", ".spec.template.spec.nodeSelector"),
        AGE,
        CONTAINERS.wide(),
        IMAGES.wide(),
        SELECTOR.wide(),
    ],
    cells: |object, now| {
        let numbers = [
            "/status/desiredNumberScheduled",
            "/status/currentNumberScheduled",
            "/status/numberReady",
            "/status/updatedNumberScheduled",
            "/status/numberAvailable",
        ];
        let mut cells = vec![name(object)];
        cells.extend(numbers.map(|path| json!(number(object, path))));
        cells.push(labels(&object["spec"]["template"]["spec"]["nodeSelector"]));
        cells.push(age(object, now));
        cells.extend(containers(&object["spec"]["template"]));
        cells.push(selector(&object["spec"]["selector"]));
        cells
    },
};

pub(super) const CONTROLLER_REVISION: Layout = Layout {
    columns: &[NAME, column("Controller", "What the revision belongs to."), column("Revision", ".revision"), AGE],
    cells: |object, now| {
        let controller = meta::controller(object).map_or_else(
            || NONE.to_owned(),
            |owner| {
                let group = text(owner, "/apiVersion").split_once('/').map_or(String::new(), |(g, _)| format!(".{g}"));
                format!("{}{group}/{}", text(owner, "/kind"), text(owner, "/name"))
            },
        );
        let (kind, rest) = controller.split_once('/').unwrap_or((&controller, ""));
        let shown = if rest.is_empty() { controller.clone() } else { format!("{}/{rest}", kind.to_lowercase()) };
        vec![name(object), json!(shown), json!(number(object, "/revision")), age(object, now)]
    },
};

pub(super) const JOB: Layout = Layout {
    columns: &[
        NAME,
        column("Status", "What the job does, in one word."),
        column("Completions", ".status.succeeded"),
        column("Duration", "How long the job has been running, or ran."),
        AGE,
        CONTAINERS.wide(),
        IMAGES.wide(),
        SELECTOR.wide(),
    ],
    cells: |object, now| {
        let mut cells = vec![
            name(object),
            json!(job_status(object)),
            json!(completions(object)),
            json!(job_duration(object, now)),
            age(object, now),
        ];
        cells.extend(containers(&object["spec"]["template"]));
        cells.push(selector(&object["spec"]["selector"]));
        cells
    },
};

fn job_status(job: &Value) -> &'static str {
    let has = |condition: &str| meta::is_condition_true(job, condition);
    match job {
        _ if has("Complete") => "Complete",
        _ if has("Failed") => "Failed",
        _ if meta::is_deleting(job) => "Terminating",
        _ if has("Suspended") => "Suspended",
        _ if has("FailureTarget") => "FailureTarget",
        _ if has("SuccessCriteriaMet") => "SuccessCriteriaMet",
        _ => "Running",
    }
}

fn completions(job: &Value) -> String {
    let succeeded = number(job, "/status/succeeded");
    let parallelism = number(job, "/spec/parallelism");
    match job["spec"]["completions"].as_i64() {
        Some(wanted) => format!("{succeeded}/{wanted}"),
        None if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
        None => format!("{succeeded}/1"),
    }
}

fn job_duration(job: &Value, now: Timestamp) -> String {
    let status = &job["status"];
    let end = time::parse(&status["completionTime"]).unwrap_or(now);
    time::parse(&status["startTime"]).map_or_else(String::new, |start| time::human(end.duration_since(start)))
}

pub(super) const CRON_JOB: Layout = Layout {
    columns: &[
        NAME,
        column("Schedule", ".spec.schedule"),
        column("Timezone", ".spec.timeZone"),
        boolean("Suspend", ".spec.suspend"),
        integer("Active", ".status.active"),
        column("Last Schedule", ".status.lastScheduleTime"),
        AGE,
        CONTAINERS.wide(),
        IMAGES.wide(),
        column("Selector", ".spec.jobTemplate.spec.selector").wide(),
    ],
    cells: |object, now| {
        let suspended = match object["spec"]["suspend"].as_bool() {
            Some(true) => "True",
            Some(false) => "False",
            None => "<unset>",
        };
        let last = object.pointer("/status/lastScheduleTime").filter(|at| !at.is_null());
        let template = &object["spec"]["jobTemplate"]["spec"];
        let mut cells = vec![
            name(object),
            json!(text(object, "/spec/schedule")),
            json!(text_or(object, "/spec/timeZone", NONE)),
            json!(suspended),
            json!(count(object, "/status/active")),
            json!(last.map_or_else(|| NONE.to_owned(), |at| time::age(at, now))),
            age(object, now),
        ];
        cells.extend(containers(&template["template"]));
        cells.push(selector(&template["selector"]));
        cells
    },
};
