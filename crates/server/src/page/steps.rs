//! The rail of steps, and the measurements of analyses.

use maud::{Markup, html};
use tiphys_api::AnalysisRun;
use tiphys_console::view::step;

use super::{Context, parts, parts::State};
use crate::board::Release;

/// Measurements in a chart.
const POINTS: usize = 30;

/// The fragment.
pub(super) fn render(context: &Context<'_>, release: &Release) -> Markup {
    let rollout = &release.stored.typed;
    let steps = step::steps(rollout);
    let index = step::index(rollout).unwrap_or(0);
    let runs = context.board.runs(release);
    html! {
        section #steps {
            @if !steps.is_empty() {
                h2 { "Steps" span .count { (index.min(steps.len())) " of " (steps.len()) " done" } }
                ol .rail {
                    @for (number, one) in steps.iter().enumerate() {
                        li .done[number < index] .current[number == index] .coming[number > index]
                            aria-current=[(number == index).then_some("step")] {
                            span .dot aria-hidden="true" { @if number < index { "✓" } @else { (number + 1) } }
                            span .what { (step::describe(one)) }
                            @if number == index { (ends(context, release)) }
                        }
                    }
                }
            }
            @for run in runs.iter().take(3) { (analysis(run)) }
        }
    }
}

/// What ends the current step.
fn ends(context: &Context<'_>, release: &Release) -> Markup {
    let answer = release.answer(context.now);
    let is_paused = !release.stored.typed.status.pause_conditions.is_empty();
    let ends = answer.soonest().and_then(|reason| reason.next_at).filter(|_| is_paused);
    html! {
        @if let Some(at) = ends { small { "ends in " (parts::left(at, context.now)) } }
        @else if is_paused { small { "waits for you" } }
        @else { small { "under way" } }
    }
}

fn analysis(run: &AnalysisRun) -> Markup {
    let phase = if run.status.phase.is_empty() { "Pending" } else { &run.status.phase };
    html! {
        details .analysis {
            summary { (parts::badge(State::of_phase(phase), phase)) " " (run.metadata.name.as_deref().unwrap_or_default()) }
            @if !run.status.message.is_empty() { p { (run.status.message) } }
            @for metric in &run.status.metric_results {
                div .metric {
                    b { (metric.name) } " " (parts::badge(State::of_phase(&metric.phase), &metric.phase))
                    small { (metric.successful) " passed, " (metric.failed) " failed, " (metric.error) " errors" }
                    (chart(&metric.measurements.iter().map(|one| (one.value.as_str(), one.phase.as_str())).collect::<Vec<_>>()))
                    @if !metric.message.is_empty() { p { (metric.message) } }
                }
            }
        }
    }
}

/// Values from left to right, scaled to their range; each in the colour of its result.
fn chart(values: &[(&str, &str)]) -> Markup {
    let values = &values[values.len().saturating_sub(POINTS)..];
    let read = |text: &str| text.trim_matches(['[', ']']).parse::<f64>().ok().filter(|value| value.is_finite());
    let numbers: Vec<(f64, &str)> = values.iter().filter_map(|(text, phase)| Some((read(text)?, *phase))).collect();
    if numbers.is_empty() {
        return html! {};
    }
    let low = numbers.iter().map(|(value, _)| *value).fold(f64::INFINITY, f64::min);
    let high = numbers.iter().map(|(value, _)| *value).fold(f64::NEG_INFINITY, f64::max);
    let range = if high > low { high - low } else { 1.0 };
    let height = |value: f64| 36.0 - (value - low) / range * 32.0;
    html! {
        svg .chart viewBox={ "0 0 " (POINTS * 10) " 40" } role="img"
            aria-label={ "from " (low) " to " (high) ", last " (numbers.last().map_or(low, |(value, _)| *value)) } {
            @for (index, (value, phase)) in numbers.iter().enumerate() {
                circle .(State::of_phase(phase).class()) cx=(index * 10 + 5) cy=(format!("{:.1}", height(*value))) r="3" {
                    title { (value) " " (phase) }
                }
            }
        }
    }
}
