//! The annotations that make a simulated pod behave in some way, and what holds without them.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use tiphys_machinery::go_duration;

/// Prefix of every annotation read here.
pub const PREFIX: &str = "sandbox.tiphys.dev/";

/// A length of time that may have no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delay {
    /// This long.
    For(SignedDuration),
    /// Without end.
    Never,
}

/// How a container ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Exit code.
    pub code: i32,
    /// Reason in the terminated state.
    pub reason: &'static str,
    /// Time from the start of the run.
    pub after: SignedDuration,
    /// Whether only the first run ends like this.
    pub first_run_only: bool,
}

/// When a started container reports ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// Once its delay is over.
    Steady,
    /// Not at all.
    Never,
    /// By turns.
    Flapping {
        /// How long it is ready.
        up: SignedDuration,
        /// How long it is not.
        down: SignedDuration,
    },
}

/// How long things take where no annotation says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// First pull of an image on a node.
    pub pull: SignedDuration,
    /// From the image to a running container.
    pub start: SignedDuration,
    /// From running to ready.
    pub ready: SignedDuration,
    /// From the request to stop to the end.
    pub termination: SignedDuration,
    /// Run of a container that is not to be restarted and whose command says nothing.
    pub job: SignedDuration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            pull: SignedDuration::from_millis(50),
            start: SignedDuration::from_millis(100),
            ready: SignedDuration::ZERO,
            termination: SignedDuration::from_millis(100),
            job: SignedDuration::from_secs(1),
        }
    }
}

/// How one pod behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knobs {
    /// Time of a pull that is needed.
    pub pull: Delay,
    /// Time from the image to a running container.
    pub start: Delay,
    /// Time from running to ready, on top of what the probes take.
    pub ready_delay: Delay,
    /// Time a container takes to stop.
    pub termination: Delay,
    /// Run of a container that is not to be restarted and whose command says nothing.
    pub job: SignedDuration,
    /// Whether pulls fail; by the name of the image where absent.
    pub pull_fails: Option<bool>,
    /// When a container reports ready.
    pub readiness: Readiness,
    /// How the first container ends by itself.
    pub end: Option<End>,
    /// After which time the first container's liveness probe fails.
    pub liveness_fails_after: Option<SignedDuration>,
}

impl Knobs {
    /// Reads the annotations of a pod. A value that cannot be read counts as absent.
    #[must_use]
    pub fn read(annotations: &BTreeMap<String, String>, timing: &Timing) -> Self {
        let text = |name: &str| annotations.get(&format!("{PREFIX}{name}")).map(String::as_str);
        let delay = |name: &str, otherwise| text(name).and_then(parse_delay).unwrap_or(Delay::For(otherwise));
        let exit = |name, first| text(name).and_then(|text| parse_end(text, first));
        Self {
            pull: delay("pull-time", timing.pull),
            start: delay("start-delay", timing.start),
            ready_delay: delay("ready-delay", timing.ready),
            termination: delay("termination", timing.termination),
            job: text("job-duration").and_then(parse_duration).unwrap_or(timing.job),
            pull_fails: text("image-pull").and_then(|text| match text {
                "fail" => Some(true),
                "ok" => Some(false),
                _ => None,
            }),
            readiness: text("ready").map_or(Readiness::Steady, parse_readiness),
            end: exit("exit", true).or_else(|| exit("crash-loop", false)).or_else(|| {
                let after = text("oom").and_then(parse_duration)?;
                Some(End { code: 137, reason: "OOMKilled", after, first_run_only: false })
            }),
            liveness_fails_after: text("liveness-fail-after").and_then(parse_duration),
        }
    }

    /// Returns whether pulling this image fails.
    #[must_use]
    pub fn fails_to_pull(&self, image: &str) -> bool {
        self.pull_fails.unwrap_or_else(|| {
            let tag = image.rsplit('/').next().and_then(|last| last.split_once(':')).map_or("", |(_, tag)| tag);
            image.contains("does-not-exist") || image.contains("nonexistent") || tag.ends_with("-error")
        })
    }
}

/// Returns the reason that a terminated container of this exit code shows.
#[must_use]
pub fn reason_of(code: i32) -> &'static str {
    if code == 0 { "Completed" } else { "Error" }
}

fn parse_duration(text: &str) -> Option<SignedDuration> {
    go_duration::parse(text).ok().filter(|duration| !duration.is_negative())
}

fn parse_delay(text: &str) -> Option<Delay> {
    if text == "never" { Some(Delay::Never) } else { parse_duration(text).map(Delay::For) }
}

fn parse_end(text: &str, first_run_only: bool) -> Option<End> {
    let (code, after) = text.split_once('@').unwrap_or((text, "0s"));
    let code: i32 = code.parse().ok()?;
    Some(End { code, reason: reason_of(code), after: parse_duration(after)?, first_run_only })
}

fn parse_readiness(text: &str) -> Readiness {
    let flap = || {
        let (up, down) = text.strip_prefix("flap:")?.split_once(',')?;
        let (up, down) = (parse_duration(up)?, parse_duration(down)?);
        (up > SignedDuration::ZERO && down > SignedDuration::ZERO).then_some(Readiness::Flapping { up, down })
    };
    if text == "false" { Readiness::Never } else { flap().unwrap_or(Readiness::Steady) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Knobs {
        let map = pairs.iter().map(|(name, value)| (format!("{PREFIX}{name}"), (*value).to_owned())).collect();
        Knobs::read(&map, &Timing::default())
    }

    #[test]
    fn annotations_change_what_they_name_only() {
        let plain = read(&[]);
        let seconds = SignedDuration::from_secs;
        let end = |code, reason, secs, first_run_only| Some(End { code, reason, after: seconds(secs), first_run_only });
        let plain = || plain.clone();
        let flapping = Readiness::Flapping { up: seconds(3), down: seconds(1) };
        for (name, value, want) in [
            ("start-delay", "2s", Knobs { start: Delay::For(seconds(2)), ..plain() }),
            ("start-delay", "soon", plain()),
            ("ready-delay", "never", Knobs { ready_delay: Delay::Never, ..plain() }),
            ("termination", "1m", Knobs { termination: Delay::For(seconds(60)), ..plain() }),
            ("image-pull", "fail", Knobs { pull_fails: Some(true), ..plain() }),
            ("ready", "false", Knobs { readiness: Readiness::Never, ..plain() }),
            ("ready", "flap:3s,1s", Knobs { readiness: flapping, ..plain() }),
            ("ready", "flap:0s,0s", plain()),
            ("exit", "3@5s", Knobs { end: end(3, "Error", 5, true), ..plain() }),
            ("exit", "0@5s", Knobs { end: end(0, "Completed", 5, true), ..plain() }),
            ("crash-loop", "1@1s", Knobs { end: end(1, "Error", 1, false), ..plain() }),
            ("oom", "9s", Knobs { end: end(137, "OOMKilled", 9, false), ..plain() }),
            ("liveness-fail-after", "4s", Knobs { liveness_fails_after: Some(seconds(4)), ..plain() }),
        ] {
            assert_eq!(read(&[(name, value)]), want, "{name}={value}");
        }
    }

    #[test]
    fn some_images_cannot_be_pulled() {
        for (image, want) in [
            ("nginx", false),
            ("registry.example:5000/nginx:1.25", false),
            ("nginx:does-not-exist", true),
            ("example.com/nonexistent/app", true),
            ("app:v1-error", true),
            ("host-error:5000/app", false),
        ] {
            assert_eq!(read(&[]).fails_to_pull(image), want, "{image}");
        }
        assert!(!read(&[("image-pull", "ok")]).fails_to_pull("app:v1-error"));
    }
}
