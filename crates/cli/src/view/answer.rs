//! The answer to "why?": reasons in one sentence, as a chain, with what happens next and what would help.
//!
//! Everything here is wording: what is said comes from reasons.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tiphys_api::{Rollout, phase};
use tiphys_machinery::time;
use tiphys_rollouts::{
    observe::Observed,
    plan::{Settings, plan},
};
use tiphys_runtime::reason::{Reason, Urgency};

use crate::printer::{Cell, Colour, Printer};

/// Width of the labels.
const LABEL: usize = 6;
/// Commands that are offered at most.
const COMMANDS_MAX: usize = 3;

/// Why one Rollout is as it is.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    namespace: String,
    name: String,
    phase: String,
    message: String,
    reasons: Vec<Reason>,
    now: Timestamp,
}

/// A command line and what it will do.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Offer {
    line: String,
    effect: String,
}

impl Answer {
    /// Returns the answer that a plan for what was observed gives.
    pub(crate) fn of(seen: &Observed, now: Timestamp) -> Self {
        Self::new(&seen.rollout.typed, plan(seen, now, &Settings::default()).reasons, now)
    }

    /// Returns the answer that the reasons of a plan give.
    pub(crate) fn new(rollout: &Rollout, reasons: Vec<Reason>, now: Timestamp) -> Self {
        let (phase, message) = phase::shown(rollout);
        Self {
            namespace: rollout.metadata.namespace.clone().unwrap_or_default(),
            name: rollout.metadata.name.clone().unwrap_or_default(),
            phase,
            message,
            reasons,
            now,
        }
    }

    /// Returns whether nothing is wrong and nothing moves.
    pub(crate) fn is_settled(&self) -> bool {
        self.urgency() == Urgency::Settled
    }

    /// Returns the name of the Rollout.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns what sorts answers: the most stuck first, then the longest, then by name.
    pub(crate) fn rank(&self) -> impl Ord + use<> {
        let since = self.since().unwrap_or(Timestamp::MAX);
        (std::cmp::Reverse(self.urgency()), since, self.namespace.clone(), self.name.clone())
    }

    /// Returns the answer in one sentence.
    pub(crate) fn sentence(&self) -> String {
        match self.statement() {
            Some(statement) => format!("{} {statement}.", self.name),
            None => format!("{} has nothing to tell.", self.name),
        }
    }

    /// Returns lines for the head of a tree: why, what happens next, what to do; none for what is as wanted.
    pub(crate) fn head(&self) -> Vec<(&'static str, Cell)> {
        if self.is_settled() {
            return Vec::new();
        }
        let must = self.urgency() >= Urgency::NeedsDecision;
        let act = if must { self.offers().first().map(|offer| offer.line.clone()) } else { None };
        let act = act.map(|line| Cell::new(line, Colour::Green));
        let lines = [("Why:", self.statement().map(Cell::from)), ("Next:", self.next().map(Cell::from)), ("Do:", act)];
        lines.into_iter().filter_map(|(label, cell)| Some((label, cell?))).collect()
    }

    /// The sentence without its subject and its full stop.
    fn statement(&self) -> Option<String> {
        let first = self.reasons.first()?;
        let root = first.root();
        let because = if std::ptr::eq(root, first) { String::new() } else { format!(", because {}", root.message) };
        let since = self.since().filter(|_| self.urgency() > Urgency::Settled);
        let since = since.map_or_else(String::new, |since| format!(" since {}", ago(since, self.now)));
        let text = first.message.trim_end_matches('.');
        Some(format!("{}{since}: {text}{}", state(self.urgency()), because.trim_end_matches('.')))
    }

    /// Returns the whole answer as a page.
    pub(crate) fn page(&self, printer: Printer) -> String {
        let mut page = format!("{}\n", printer.paint(colour(self.urgency()), &self.sentence()));
        let Some(first) = self.reasons.first() else { return page };
        let offers = self.offers();
        if self.is_settled() && offers.is_empty() && self.reasons.len() == 1 {
            return page;
        }
        page.push('\n');
        for (depth, reason) in first.chain().into_iter().enumerate() {
            page.push_str(&link(depth, reason));
        }
        let row = |label: &str, text: &str| format!("{label:<LABEL$}{text}\n");
        if let Some(next) = self.next() {
            page.push_str(&row("Next", &next));
        }
        page.push_str(&self.ways(&offers, printer));
        if let Some(look) = self.look() {
            page.push_str(&row("Look", look));
        }
        for other in self.reasons.iter().skip(1) {
            let then = told(other, self.now).map_or_else(String::new, |next| format!("; {next}"));
            let cause = other.root();
            let cause = if std::ptr::eq(cause, other) { String::new() } else { format!(", because {}", cause.message) };
            page.push_str(&row("Also", &format!("{}{cause}{then}", other.message)));
        }
        page
    }

    /// Returns the answer in two lines, for a list of several.
    pub(crate) fn short(&self, everywhere: bool, printer: Printer) -> String {
        let prefix = if everywhere { format!("{}/", self.namespace) } else { String::new() };
        let first = printer.paint(colour(self.urgency()), &format!("{prefix}{}", self.sentence()));
        let second = match (self.urgency(), self.offers().first()) {
            (Urgency::Broken | Urgency::NeedsDecision, Some(offer)) => {
                Some(format!("{}    {}", printer.paint(Colour::Green, &offer.line), offer.effect))
            }
            (Urgency::Broken, None) if self.look().is_some() => self.look().map(str::to_owned),
            _ => self.next().or_else(|| self.look().map(str::to_owned)),
        };
        let second = second.map_or_else(String::new, |text| format!("    {text}\n"));
        format!("{first}\n{second}")
    }

    /// Returns the answer as data.
    pub(crate) fn data(&self) -> Value {
        let offers = self.offers();
        let commands: Vec<Value> =
            offers.iter().map(|offer| json!({"command": offer.line, "effect": offer.effect})).collect();
        let mut data = json!({
            "namespace": self.namespace,
            "name": self.name,
            "phase": self.phase,
            "message": self.message,
            "urgency": self.urgency(),
            "summary": self.sentence(),
            "commands": commands,
            "reasons": self.reasons,
        });
        let soonest = self.soonest();
        let more = [
            ("since", self.since().map(|at| json!(at))),
            ("next", soonest.and_then(|reason| reason.next.as_ref()).map(|text| json!(text))),
            ("nextAt", soonest.and_then(|reason| reason.next_at).map(|at| json!(at))),
            ("inspect", self.look().map(|line| json!(line))),
        ];
        for (field, value) in more {
            if let Some(value) = value {
                data[field] = value;
            }
        }
        data
    }

    fn urgency(&self) -> Urgency {
        let gravest = self.reasons.first().map_or(Urgency::Settled, Reason::gravity);
        // A controller that has not come to it yet leaves the phase behind.
        let is_moving = gravest == Urgency::Settled && self.phase != "Healthy";
        if is_moving { Urgency::Moving } else { gravest }
    }

    /// Since when: of the first in the chain that knows.
    fn since(&self) -> Option<Timestamp> {
        self.reasons.first()?.chain().into_iter().find_map(|reason| reason.since)
    }

    /// What happens soonest of all that has a time; else what happens next at the top.
    fn soonest(&self) -> Option<&Reason> {
        let chain = self.reasons.first()?.chain();
        let timed = chain.iter().filter(|reason| reason.next_at.is_some()).min_by_key(|reason| reason.next_at);
        timed.or_else(|| chain.iter().find(|reason| reason.next.is_some())).copied()
    }

    fn next(&self) -> Option<String> {
        told(self.soonest()?, self.now)
    }

    /// A command that shows more, as near to the cause as there is one.
    fn look(&self) -> Option<&str> {
        let chain = self.reasons.first()?.chain();
        chain.into_iter().rev().find_map(|reason| reason.inspect.as_deref())
    }

    /// What a person may do, nearest to the cause first.
    fn offers(&self) -> Vec<Offer> {
        let chain = self.reasons.first().map(Reason::chain).unwrap_or_default();
        let mut offers: Vec<Offer> = Vec::new();
        for remedy in chain.into_iter().rev().flat_map(|reason| &reason.remedies) {
            let line = line(&remedy.command);
            if !offers.iter().any(|offer| offer.line == line) {
                offers.push(Offer { line, effect: remedy.effect.clone() });
            }
        }
        offers.truncate(COMMANDS_MAX);
        offers
    }

    fn ways(&self, offers: &[Offer], printer: Printer) -> String {
        let must = self.urgency() >= Urgency::NeedsDecision;
        let mut text = String::new();
        if !must {
            text.push_str(&format!("{:<LABEL$}nothing: it goes on by itself\n", "Do"));
        }
        let width = offers.iter().map(|offer| offer.line.chars().count()).max().unwrap_or(0);
        for (index, offer) in offers.iter().enumerate() {
            let label = if must && index == 0 { "Do" } else { "or" };
            let line = printer.paint(Colour::Green, &format!("{:<width$}", offer.line));
            text.push_str(&format!("{label:<LABEL$}{line}  {}\n", offer.effect));
        }
        text
    }
}

/// A command line of this program, or of the one that is named.
fn line(command: &str) -> String {
    if command.starts_with("kubectl ") { command.to_owned() } else { format!("tiphys {command}") }
}

fn link(depth: usize, reason: &Reason) -> String {
    let label = if depth == 0 { "Why" } else { "" };
    let branch = if depth == 0 { String::new() } else { format!("{}└─ ", "   ".repeat(depth - 1)) };
    let others = match reason.because.len() {
        0 | 1 => String::new(),
        2 => " (and 1 other cause)".to_owned(),
        count => format!(" (and {} other causes)", count - 1),
    };
    format!("{label:<LABEL$}{branch}{}{others}\n", reason.message)
}

fn told(reason: &Reason, now: Timestamp) -> Option<String> {
    let next = reason.next.as_ref()?;
    Some(match reason.next_at {
        Some(at) => format!("{next} {}", then(at, now)),
        None => next.clone(),
    })
}

fn state(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Settled => "is healthy",
        Urgency::Moving => "is on its way",
        Urgency::NeedsDecision => "waits for a person",
        Urgency::Broken => "is stuck",
    }
}

fn colour(urgency: Urgency) -> Colour {
    match urgency {
        Urgency::Settled => Colour::Green,
        Urgency::Moving => Colour::Blue,
        Urgency::NeedsDecision => Colour::Yellow,
        Urgency::Broken => Colour::Red,
    }
}

/// `11:02 UTC (3m)`; with the date where it is longer ago than a day.
fn ago(at: Timestamp, now: Timestamp) -> String {
    let passed = now.duration_since(at).max(SignedDuration::ZERO);
    format!("{} ({})", clock(at, passed), time::human(passed))
}

/// `at 11:02 UTC (in 3m)`, `now` where it is due.
fn then(at: Timestamp, now: Timestamp) -> String {
    let left = at.duration_since(now);
    if left <= SignedDuration::ZERO {
        return "now".to_owned();
    }
    format!("at {} (in {})", clock(at, left), time::human(left))
}

fn clock(at: Timestamp, distance: SignedDuration) -> String {
    let format = if distance < SignedDuration::from_hours(24) { "%H:%M:%S UTC" } else { "%Y-%m-%d %H:%M UTC" };
    at.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use tiphys_api::decode;
    use tiphys_runtime::reason::ObjectRef;

    use super::*;

    const NOW: &str = "2026-03-01T10:05:00Z";

    fn at(text: &str) -> Timestamp {
        format!("2026-03-01T{text}Z").parse().unwrap()
    }

    fn answer(phase: &str, reasons: Vec<Reason>) -> Answer {
        let metadata = json!({"name": "web", "namespace": "shop"});
        let rollout: Rollout = decode(json!({"metadata": metadata, "status": {"phase": phase}})).object;
        Answer::new(&rollout, reasons, NOW.parse().unwrap())
    }

    fn stuck() -> Answer {
        let image = Reason::new("ImagePull", Urgency::Broken, "image web:2 cannot be pulled")
            .then("the node tries again", None)
            .remedy("set image web web=IMAGE -n shop", "releases an image that exists")
            .inspect("kubectl describe pod web-1 -n shop");
        let pod = Reason::new("PodNotAvailable", Urgency::Broken, "pod web-1: ErrImagePull")
            .on(ObjectRef::new("Pod", "shop", "web-1"))
            .since(at("10:02:00"))
            .because(image);
        let other = Reason::new("PodNotAvailable", Urgency::Broken, "pod web-2: ErrImagePull");
        let set = Reason::new("WaitingForPods", Urgency::Moving, "ReplicaSet web-b has 0 of 2 pods available")
            .then("without progress the Rollout is degraded", at("10:12:00"))
            .because(pod)
            .because(other);
        let step = Reason::new("WaitingForStep", Urgency::Moving, "step 1 of 2 (setWeight: 25) waits for pods")
            .remedy("abort web -n shop", "goes back to the stable version")
            .because(set);
        answer("Progressing", vec![step])
    }

    fn paused() -> Answer {
        let pause = Reason::new("CanaryPauseStep", Urgency::NeedsDecision, "step 2 of 4 is a pause without end")
            .since(at("10:00:00"))
            .then("continues with step 3 of 4 once it is promoted", None)
            .remedy("promote web -n shop", "continues with step 3 of 4")
            .remedy("abort web -n shop", "goes back to the stable version");
        let kept = Reason::new("ScaleDownDelay", Urgency::Settled, "ReplicaSet web-a is kept")
            .then("it is scaled to 0", at("10:05:30"));
        answer("Paused", vec![pause, kept])
    }

    fn moving() -> Answer {
        let pause = Reason::new("CanaryPauseStep", Urgency::Moving, "step 2 of 4 is a pause of 1m")
            .since(at("10:04:30"))
            .then("continues with step 3 of 4", at("10:05:30"))
            .remedy("promote web -n shop", "continues now");
        answer("Paused", vec![pause])
    }

    fn healthy() -> Answer {
        answer("Healthy", vec![Reason::new("Healthy", Urgency::Settled, "all 4 pods run revision 1 and are available")])
    }

    #[test]
    fn page_is_a_sentence_a_chain_and_ways_on() {
        let printer = Printer::for_terminal(true);
        for (name, answer, expected) in [
            (
                "stuck",
                stuck(),
                "web is stuck since 10:02:00 UTC (3m): step 1 of 2 (setWeight: 25) waits for pods, because image web:2 cannot \
                 be pulled.\n\n\
                 Why   step 1 of 2 (setWeight: 25) waits for pods\n\
                 \x20     └─ ReplicaSet web-b has 0 of 2 pods available (and 1 other cause)\n\
                 \x20        └─ pod web-1: ErrImagePull\n\
                 \x20           └─ image web:2 cannot be pulled\n\
                 Next  without progress the Rollout is degraded at 10:12:00 UTC (in 7m)\n\
                 Do    tiphys set image web web=IMAGE -n shop  releases an image that exists\n\
                 or    tiphys abort web -n shop                goes back to the stable version\n\
                 Look  kubectl describe pod web-1 -n shop\n",
            ),
            (
                "paused",
                paused(),
                "web waits for a person since 10:00:00 UTC (5m): step 2 of 4 is a pause without end.\n\n\
                 Why   step 2 of 4 is a pause without end\n\
                 Next  continues with step 3 of 4 once it is promoted\n\
                 Do    tiphys promote web -n shop  continues with step 3 of 4\n\
                 or    tiphys abort web -n shop    goes back to the stable version\n\
                 Also  ReplicaSet web-a is kept; it is scaled to 0 at 10:05:30 UTC (in 30s)\n",
            ),
            (
                "moving",
                moving(),
                "web is on its way since 10:04:30 UTC (30s): step 2 of 4 is a pause of 1m.\n\n\
                 Why   step 2 of 4 is a pause of 1m\n\
                 Next  continues with step 3 of 4 at 10:05:30 UTC (in 30s)\n\
                 Do    nothing: it goes on by itself\n\
                 or    tiphys promote web -n shop  continues now\n",
            ),
            ("healthy", healthy(), "web is healthy: all 4 pods run revision 1 and are available.\n"),
            ("nothing", answer("Healthy", Vec::new()), "web has nothing to tell.\n"),
        ] {
            assert_eq!(answer.page(printer), expected, "{name}");
        }
    }

    #[test]
    fn overview_names_the_one_command_or_what_happens_next() {
        let printer = Printer::for_terminal(true);
        let last = |answer: Answer| answer.short(true, printer).lines().last().unwrap().trim().to_owned();
        assert_eq!(last(stuck()), "tiphys set image web web=IMAGE -n shop    releases an image that exists");
        assert_eq!(last(paused()), "tiphys promote web -n shop    continues with step 3 of 4");
        assert_eq!(last(moving()), "continues with step 3 of 4 at 10:05:30 UTC (in 30s)");
        assert!(stuck().short(true, printer).starts_with("shop/web is stuck"));
        assert!(stuck().short(false, printer).starts_with("web is stuck"));
    }

    #[test]
    fn most_stuck_and_longest_come_first() {
        let mut answers = [healthy(), moving(), paused(), stuck()];
        answers.sort_by_cached_key(Answer::rank);
        let states: Vec<&str> = answers.iter().map(|answer| state(answer.urgency())).collect();
        assert_eq!(states, ["is stuck", "waits for a person", "is on its way", "is healthy"]);
    }

    #[test]
    fn data_has_the_same_answer() {
        let data = stuck().data();
        assert_eq!(data["urgency"], "broken");
        assert_eq!(data["commands"][0]["command"], "tiphys set image web web=IMAGE -n shop");
        assert_eq!((&data["nextAt"], &data["since"]), (&json!("2026-03-01T10:12:00Z"), &json!("2026-03-01T10:02:00Z")));
        assert_eq!(data["reasons"][0]["because"][0]["because"][0]["object"]["name"], "web-1");
        assert_eq!(data["inspect"], "kubectl describe pod web-1 -n shop");
    }
}
