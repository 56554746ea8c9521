//! The answer to "why?", printed.

use tiphys_console::answer::{Offer, told};
use tiphys_runtime::reason::{Reason, Urgency};

use crate::printer::{Cell, Colour, Printer};

pub(crate) use tiphys_console::Answer;

/// Width of the labels.
const LABEL: usize = 6;

/// Returns lines for the head of a tree: why, what happens next, what to do; none for what is as wanted.
pub(crate) fn head(answer: &Answer) -> Vec<(&'static str, Cell)> {
    if answer.is_settled() {
        return Vec::new();
    }
    let must = answer.urgency() >= Urgency::NeedsDecision;
    let act = if must { answer.offers().first().map(|offer| offer.line.clone()) } else { None };
    let act = act.map(|line| Cell::new(line, Colour::Green));
    let lines = [("Why:", answer.statement().map(Cell::from)), ("Next:", answer.next().map(Cell::from)), ("Do:", act)];
    lines.into_iter().filter_map(|(label, cell)| Some((label, cell?))).collect()
}

/// Returns the whole answer as a page.
pub(crate) fn page(answer: &Answer, printer: Printer) -> String {
    let mut page = format!("{}\n", printer.paint(colour(answer.urgency()), &answer.sentence()));
    let Some(first) = answer.reasons().first() else { return page };
    let offers = answer.offers();
    if answer.is_settled() && offers.is_empty() && answer.reasons().len() == 1 {
        return page;
    }
    page.push('\n');
    for (depth, reason) in first.chain().into_iter().enumerate() {
        page.push_str(&link(depth, reason));
    }
    let row = |label: &str, text: &str| format!("{label:<LABEL$}{text}\n");
    if let Some(next) = answer.next() {
        page.push_str(&row("Next", &next));
    }
    page.push_str(&ways(answer, &offers, printer));
    if let Some(look) = answer.look() {
        page.push_str(&row("Look", look));
    }
    for other in answer.reasons().iter().skip(1) {
        let then = told(other, answer.now()).map_or_else(String::new, |next| format!("; {next}"));
        let cause = other.root();
        let cause = if std::ptr::eq(cause, other) { String::new() } else { format!(", because {}", cause.message) };
        page.push_str(&row("Also", &format!("{}{cause}{then}", other.message)));
    }
    page
}

/// Returns the answer in two lines, for a list of several.
pub(crate) fn short(answer: &Answer, everywhere: bool, printer: Printer) -> String {
    let prefix = if everywhere { format!("{}/", answer.namespace()) } else { String::new() };
    let first = printer.paint(colour(answer.urgency()), &format!("{prefix}{}", answer.sentence()));
    let second = match (answer.urgency(), answer.offers().first()) {
        (Urgency::Broken | Urgency::NeedsDecision, Some(offer)) => {
            Some(format!("{}    {}", printer.paint(Colour::Green, &offer.line), offer.effect))
        }
        (Urgency::Broken, None) if answer.look().is_some() => answer.look().map(str::to_owned),
        _ => answer.next().or_else(|| answer.look().map(str::to_owned)),
    };
    let second = second.map_or_else(String::new, |text| format!("    {text}\n"));
    format!("{first}\n{second}")
}

fn ways(answer: &Answer, offers: &[Offer], printer: Printer) -> String {
    let must = answer.urgency() >= Urgency::NeedsDecision;
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

fn colour(urgency: Urgency) -> Colour {
    match urgency {
        Urgency::Settled => Colour::Green,
        Urgency::Moving => Colour::Blue,
        Urgency::NeedsDecision => Colour::Yellow,
        Urgency::Broken => Colour::Red,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;
    use tiphys_api::{Rollout, decode};
    use tiphys_console::answer::state;
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
            assert_eq!(page(&answer, printer), expected, "{name}");
        }
    }

    #[test]
    fn overview_names_the_one_command_or_what_happens_next() {
        let printer = Printer::for_terminal(true);
        let last = |answer: Answer| short(&answer, true, printer).lines().last().unwrap().trim().to_owned();
        assert_eq!(last(stuck()), "tiphys set image web web=IMAGE -n shop    releases an image that exists");
        assert_eq!(last(paused()), "tiphys promote web -n shop    continues with step 3 of 4");
        assert_eq!(last(moving()), "continues with step 3 of 4 at 10:05:30 UTC (in 30s)");
        assert!(short(&stuck(), true, printer).starts_with("shop/web is stuck"));
        assert!(short(&stuck(), false, printer).starts_with("web is stuck"));
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
