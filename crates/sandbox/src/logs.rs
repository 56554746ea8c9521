//! `pods/log`: the lines that a simulated container prints.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tiphys_machinery::{error::ApiError, go_duration, time};

use crate::{
    kubelet::{command, command::Program, knobs::PREFIX},
    registry::Registry,
};

/// Lines kept of one run, as a rotated log file would.
const KEPT_LINES: i64 = 10_000;

/// How long a follower may not notice that a run has ended.
const FOLLOWED: SignedDuration = SignedDuration::from_secs(1);

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// Which container; may be absent where there is only one.
    pub container: Option<String>,
    /// Whether the run before the present one is meant.
    pub previous: bool,
    /// Only lines this young, in seconds.
    pub since_seconds: Option<i64>,
    /// Only lines from this time on.
    pub since_time: Option<Timestamp>,
    /// Only lines after this time: what a follower has not seen yet.
    pub after: Option<Timestamp>,
    /// Whether each line begins with its time.
    pub timestamps: bool,
    /// Only so many of the last lines.
    pub tail_lines: Option<usize>,
    /// Only so many of the first bytes.
    pub limit_bytes: Option<usize>,
}

/// A part of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logs {
    /// The lines, each ended by a newline.
    pub text: String,
    /// Up to when they go: what `after` is next time.
    pub until: Timestamp,
    /// When to ask again, within a second; `None` once the run has ended.
    pub next: Option<Timestamp>,
}

/// Returns what a container has printed.
///
/// # Errors
/// `NotFound` for the pod; `BadRequest` for a container that is not there, not named or not started.
pub fn logs(registry: &Registry, namespace: &str, pod: &str, options: &LogOptions) -> Result<Logs, ApiError> {
    let missing = || ApiError::new(404, "NotFound", "the server could not find the requested resource");
    let pods = registry.resource("", "pods").ok_or_else(missing)?;
    let value = registry.get(&pods, namespace, pod)?.value();
    let (list, name) = choose(&value, pod, options.container.as_deref())?;
    let (from, to) = period(&value, list, &name, pod, options.previous)?;
    let now = registry.now();
    let printer = Printer::of(&value, list, &name);
    let last = to.unwrap_or(now).min(now);
    let lines = printer.lines(from, last);
    let young =
        options.since_seconds.map(|seconds| now - SignedDuration::from_secs(seconds.clamp(0, i64::from(i32::MAX))));
    let since = [young, options.since_time].into_iter().flatten().max();
    let wanted = |line: &(Timestamp, String)| {
        since.is_none_or(|since| line.0 >= since) && options.after.is_none_or(|after| line.0 > after)
    };
    let lines: Vec<_> = lines.into_iter().filter(wanted).collect();
    let skipped = options.tail_lines.map_or(0, |tail| lines.len().saturating_sub(tail));
    let soon = last + FOLLOWED;
    let next = to.is_none().then(|| printer.next_after(from, last).map_or(soon, |next| next.min(soon)));
    Ok(Logs { text: print(&lines[skipped..], options), until: last, next })
}

fn print(lines: &[(Timestamp, String)], options: &LogOptions) -> String {
    let mut text = String::new();
    for (at, line) in lines {
        if options.timestamps {
            text.push_str(&format!("{at:.9} "));
        }
        text.push_str(line);
        text.push('\n');
    }
    if let Some(limit) = options.limit_bytes {
        let end = (0..=limit.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or_default());
    }
    text
}

const LISTS: [(&str, &str); 2] = [("containers", "containerStatuses"), ("initContainers", "initContainerStatuses")];

type List = (&'static str, &'static str);

/// Returns the container that is meant and the lists it is in.
fn choose(pod: &Value, name: &str, container: Option<&str>) -> Result<(List, String), ApiError> {
    let names = |list: &str| -> Vec<String> {
        let all = pod["spec"][list].as_array().into_iter().flatten();
        all.filter_map(|container| container["name"].as_str().map(ToOwned::to_owned)).collect()
    };
    let Some(container) = container.filter(|container| !container.is_empty()) else {
        let main = names("containers");
        let init = names("initContainers");
        return match main.as_slice() {
            [one] if init.is_empty() => Ok((LISTS[0], one.clone())),
            _ => {
                let init = if init.is_empty() {
                    String::new()
                } else {
                    format!(" or one of the init containers: [{}]", init.join(" "))
                };
                let main = main.join(" ");
                let text = format!("a container name must be specified for pod {name}, choose one of: [{main}]{init}");
                Err(ApiError::bad_request(text))
            }
        };
    };
    let found = LISTS.into_iter().find(|(list, _)| names(list).iter().any(|name| name == container));
    let unknown = || ApiError::bad_request(format!("container {container} is not valid for pod {name}"));
    found.map(|list| (list, container.to_owned())).ok_or_else(unknown)
}

/// Returns from when to when the run that is meant went; no end while it goes on.
fn period(
    pod: &Value,
    list: List,
    container: &str,
    name: &str,
    previous: bool,
) -> Result<(Timestamp, Option<Timestamp>), ApiError> {
    let mut statuses = pod["status"][list.1].as_array().into_iter().flatten();
    let status = statuses.find(|status| status["name"] == container).unwrap_or(&Value::Null);
    let ended = |state: &Value| {
        let terminated = &state["terminated"];
        Some((time::parse(&terminated["startedAt"])?, Some(time::parse(&terminated["finishedAt"])?)))
    };
    if previous {
        let text = format!("previous terminated container \"{container}\" in pod \"{name}\" not found");
        return ended(&status["lastState"]).ok_or_else(|| ApiError::bad_request(text));
    }
    let running = time::parse(&status["state"]["running"]["startedAt"]).map(|since| (since, None));
    running.or_else(|| ended(&status["state"])).or_else(|| ended(&status["lastState"])).ok_or_else(|| {
        let reason = status["state"]["waiting"]["reason"].as_str().unwrap_or("ContainerCreating");
        let what = format!("container \"{container}\" in pod \"{name}\" is");
        ApiError::bad_request(match reason {
            "ErrImagePull" => format!("{what} waiting to start: image can't be pulled"),
            "ImagePullBackOff" => format!("{what} waiting to start: trying and failing to pull image"),
            reason => format!("{what} waiting to start: {reason}"),
        })
    })
}

/// What a container prints.
enum Printer {
    /// The same text again and again.
    Repeated { text: String, pod: String, interval: SignedDuration },
    /// What its command echoes.
    Echoed(Vec<(SignedDuration, String)>),
}

impl Printer {
    fn of(pod: &Value, list: List, name: &str) -> Self {
        let annotation = |name: &str| pod["metadata"]["annotations"][format!("{PREFIX}{name}")].as_str();
        if let Some(text) = annotation("logs") {
            let interval = annotation("log-interval").and_then(|text| go_duration::parse(text).ok());
            let interval = interval.filter(|interval| interval.is_positive()).unwrap_or(SignedDuration::from_secs(1));
            let pod = pod["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            return Self::Repeated { text: text.to_owned(), pod, interval };
        }
        let mut containers = pod["spec"][list.0].as_array().into_iter().flatten();
        let container = containers.find(|container| container["name"] == name).unwrap_or(&Value::Null);
        let words = |field: &str| -> Vec<String> {
            let all = container[field].as_array().into_iter().flatten();
            all.filter_map(|word| word.as_str().map(ToOwned::to_owned)).collect()
        };
        match command::program(&words("command"), &words("args")) {
            Program::Known(course) => Self::Echoed(course.output),
            Program::Unknown | Program::Absent(_) => Self::Echoed(Vec::new()),
        }
    }

    /// Returns the lines of a run from `from` that are there at `to`.
    fn lines(&self, from: Timestamp, to: Timestamp) -> Vec<(Timestamp, String)> {
        match self {
            Self::Echoed(output) => {
                output.iter().map(|(after, line)| (from + *after, line.clone())).filter(|(at, _)| *at <= to).collect()
            }
            Self::Repeated { text, pod, interval } => {
                let count = count(from, to, *interval);
                let line = |n: i64| {
                    let at = from + interval.saturating_mul(i32::try_from(n).unwrap_or(i32::MAX));
                    let text = text.replace("{{pod}}", pod).replace("{{time}}", &time::seconds(at));
                    (at, text.replace("{{n}}", &n.to_string()))
                };
                ((count - KEPT_LINES).max(0)..count).map(line).collect()
            }
        }
    }

    /// Returns when the first line after `to` comes.
    fn next_after(&self, from: Timestamp, to: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Echoed(output) => output.iter().map(|(after, _)| from + *after).find(|at| *at > to),
            Self::Repeated { interval, .. } => {
                let count = i32::try_from(count(from, to, *interval)).ok()?;
                from.checked_add(interval.checked_mul(count)?).ok()
            }
        }
    }
}

/// Returns how many lines there are at `to`: one at once, then one after each interval.
fn count(from: Timestamp, to: Timestamp, interval: SignedDuration) -> i64 {
    let lived = to.duration_since(from).as_nanos();
    if lived < 0 { 0 } else { i64::try_from(lived / interval.as_nanos().max(1) + 1).unwrap_or(i64::MAX) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(status: &Value) -> Value {
        json!({"metadata": {"name": "p"}, "status": {"containerStatuses": [status]},
            "spec": {"containers": [{"name": "a"}, {"name": "b"}]}})
    }

    #[test]
    fn refusals_say_what_is_wrong() {
        let waiting = |reason: &str| pod(&json!({"name": "a", "state": {"waiting": {"reason": reason}}}));
        let text = |result: Result<_, ApiError>| result.map(|_: (Timestamp, _)| ()).unwrap_err().message;
        let of = |pod: &Value, previous| text(period(pod, LISTS[0], "a", "p", previous));
        let what = "container \"a\" in pod \"p\" is waiting to start: ";
        for (reason, want) in [
            ("ContainerCreating", "ContainerCreating"),
            ("ErrImagePull", "image can't be pulled"),
            ("ImagePullBackOff", "trying and failing to pull image"),
        ] {
            assert_eq!(of(&waiting(reason), false), format!("{what}{want}"));
        }
        assert_eq!(of(&waiting("x"), true), "previous terminated container \"a\" in pod \"p\" not found");
        let text = |container| choose(&waiting("x"), "p", container).unwrap_err().message;
        assert_eq!(text(None), "a container name must be specified for pod p, choose one of: [a b]");
        assert_eq!(text(Some("c")), "container c is not valid for pod p");
    }

    #[test]
    fn repeated_lines_come_with_time() {
        let mut pod = pod(&json!({}));
        pod["metadata"]["annotations"] = json!({format!("{PREFIX}logs"): "{{pod}} {{n}} {{time}}"});
        let printer = Printer::of(&pod, LISTS[0], "a");
        let at = |second| Timestamp::from_second(second).unwrap();
        let lines: Vec<_> = printer.lines(at(0), at(2)).into_iter().map(|(_, line)| line).collect();
        assert_eq!(lines, ["p 0 1970-01-01T00:00:00Z", "p 1 1970-01-01T00:00:01Z", "p 2 1970-01-01T00:00:02Z"]);
        assert_eq!(printer.next_after(at(0), at(2)), Some(at(3)));
        let many = printer.lines(at(0), at(100_000));
        assert_eq!((many.len(), many[0].0), (10_000, at(90_001)));
    }
}
