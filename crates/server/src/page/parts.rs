//! Pieces that all pages use.

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use tiphys_console::Answer;
use tiphys_machinery::time;
use tiphys_runtime::{
    cache::Key,
    reason::{Reason, Urgency},
};

/// A state as a word of the style sheet: green, blue, amber, red or grey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Ok,
    Moving,
    Waiting,
    Broken,
    Unknown,
}

impl State {
    /// Returns the class.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Moving => "moving",
            Self::Waiting => "waiting",
            Self::Broken => "broken",
            Self::Unknown => "unknown",
        }
    }

    /// Returns the state of a Rollout's phase.
    pub(crate) fn of_phase(phase: &str) -> Self {
        match phase {
            "Healthy" | "Successful" => Self::Ok,
            "Progressing" | "Running" => Self::Moving,
            "Paused" | "Inconclusive" | "Pending" => Self::Waiting,
            "Degraded" | "Error" | "InvalidSpec" | "Failed" => Self::Broken,
            _ => Self::Unknown,
        }
    }

    /// Returns the state of a reason.
    pub(crate) fn of_urgency(urgency: Urgency) -> Self {
        match urgency {
            Urgency::Settled => Self::Ok,
            Urgency::Moving => Self::Moving,
            Urgency::NeedsDecision => Self::Waiting,
            Urgency::Broken => Self::Broken,
        }
    }
}

/// An icon, hidden from screen readers because a word goes with it.
pub(crate) fn icon(state: State) -> Markup {
    let path = match state {
        State::Ok => "M4.2 8.3l2.6 2.6 5-5.6",
        State::Moving => "M8 3.2a4.8 4.8 0 1 1-4.8 4.8",
        State::Waiting => "M6.1 4.8v6.4M9.9 4.8v6.4",
        State::Broken => "M5 5l6 6M11 5l-6 6",
        State::Unknown => "M6.1 6.2a1.9 1.9 0 1 1 2.6 1.8c-.5.2-.7.5-.7 1.1M8 11.3v.1",
    };
    html! {
        svg .icon .(state.class()) viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" {
            circle cx="8" cy="8" r="7.25" {}
            path d=(path) {}
        }
    }
}

/// Icon and word.
pub(crate) fn badge(state: State, word: &str) -> Markup {
    html! { span .badge .(state.class()) { (icon(state)) (word) } }
}

/// How long ago, kept up to date by the script.
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> Markup {
    let text = time::human(now.duration_since(at).max(SignedDuration::ZERO));
    html! { time datetime=(time::seconds(at)) data-since="" title=(time::seconds(at)) { (text) } }
}

/// How long it will take, kept up to date by the script.
pub(crate) fn left(at: Timestamp, now: Timestamp) -> Markup {
    let text = time::human(at.duration_since(now).max(SignedDuration::ZERO));
    html! { time datetime=(time::seconds(at)) data-until="" title=(time::seconds(at)) { (text) } }
}

/// Returns the path of a release's page.
pub(crate) fn path(key: &Key) -> String {
    format!("/rollouts/{}/{}", key.namespace, key.name)
}

/// A sentence that begins a line.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A command with a button that copies it.
pub(crate) fn command(line: &str) -> Markup {
    html! {
        div .command {
            code { (line) }
            button type="button" .quiet data-copy=(line) aria-label="Copy the command" hidden { "Copy" }
        }
    }
}

/// One of five hues, the same for a revision everywhere.
pub(crate) fn hue(revision: i64) -> String {
    format!("hue-{}", revision.rem_euclid(5))
}

/// `1 pod`, `3 pods`.
pub(crate) fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// Why a release is as it is: a word and since when, what it waits for, and the cause at the end of the chain.
pub(crate) fn why(answer: &Answer, now: Timestamp) -> Markup {
    let urgency = answer.urgency();
    let first = answer.reasons().first();
    let root = first.map(Reason::root).filter(|root| first.is_some_and(|first| !std::ptr::eq(*root, first)));
    let word = match urgency {
        Urgency::Settled => "Healthy",
        Urgency::Moving => "On its way",
        Urgency::NeedsDecision => "Waits for a person",
        Urgency::Broken => "Stuck",
    };
    html! {
        span .lead .(State::of_urgency(urgency).class()) { (word) }
        @if let Some(at) = answer.since().filter(|_| urgency != Urgency::Settled) { " for " (ago(at, now)) }
        @if let Some(first) = first { ": " (first.message.trim_end_matches('.')) "." }
        @if let Some(root) = root { span .cause { "Because " (root.message.trim_end_matches('.')) "." } }
    }
}
