//! Is anything wrong, what is moving?

use std::sync::Arc;

use maud::{Markup, html};
use tiphys_api::defaults;
use tiphys_console::{
    Answer,
    view::{step, weight},
};
use tiphys_runtime::reason::Urgency;

use super::{Context, Rendered, menu, parts, parts::State};
use crate::{board::Release, web::field};

/// Rows of a page.
const ROWS: usize = 50;
/// Cards of a band; more are in the list.
const CARDS: usize = 12;

/// What the list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    text: String,
    state: String,
    page: usize,
}

impl Filter {
    pub(crate) fn read(query: &[u8]) -> Self {
        let text = |name: &str| field(query, name).map(|text| text.trim().to_owned()).unwrap_or_default();
        Self { text: text("q"), state: text("state"), page: text("page").parse().unwrap_or(0) }
    }

    fn takes(&self, release: &Release, answer: &Answer) -> bool {
        let (phase, _) = answer.phase();
        let is_state = self.state.is_empty() || phase.eq_ignore_ascii_case(&self.state);
        let text = self.text.to_lowercase();
        let name = format!("{}/{}", release.key.namespace, release.key.name);
        is_state && text.split_whitespace().all(|word| name.contains(word))
    }

    fn query(&self, page: usize) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("q", &self.text).append_pair("state", &self.state).append_pair("page", &page.to_string());
        format!("/?{}#all", query.finish())
    }
}

type Told = (Arc<Release>, Answer);

/// The page.
pub(crate) fn render(context: &Context<'_>, filter: &Filter) -> Rendered {
    let releases = context.releases();
    let mut told: Vec<Told> =
        releases.into_iter().map(|release| (release.clone(), release.answer(context.now))).collect();
    told.sort_by_cached_key(|(_, answer)| answer.rank());
    let of = |wanted: fn(Urgency) -> bool| told.iter().filter(move |(_, answer)| wanted(answer.urgency()));
    let needs: Vec<&Told> = of(|urgency| urgency >= Urgency::NeedsDecision).collect();
    let moving: Vec<&Told> = of(|urgency| urgency == Urgency::Moving).collect();
    let title = if needs.is_empty() { "Releases".to_owned() } else { format!("({}) Releases", needs.len()) };
    let bands = vec![
        ("needs", needs_you(context, &needs, &told)),
        ("moving", moving_now(context, &moving)),
        ("all", list(context, &told, filter)),
    ];
    Rendered { title, place: "/", fragments: bands }
}

fn needs_you(context: &Context<'_>, needs: &[&Told], all: &[Told]) -> Markup {
    html! {
        section #needs {
            h2 { "Needs you" span .count { (needs.len()) } }
            @if all.is_empty() {
                (nothing())
            } @else if needs.is_empty() {
                p .calm { (parts::icon(State::Ok)) "Nothing waits for a person." }
            }
            div .cards {
                @for (release, answer) in needs.iter().take(CARDS) { (card(context, release, answer)) }
            }
            @if needs.len() > CARDS { p .more { "and " (needs.len() - CARDS) " more, below" } }
        }
    }
}

fn moving_now(context: &Context<'_>, moving: &[&Told]) -> Markup {
    html! {
        section #moving {
            @if !moving.is_empty() {
                h2 { "Moving now" span .count { (moving.len()) } }
                div .cards {
                    @for (release, answer) in moving.iter().take(CARDS) { (card(context, release, answer)) }
                }
                @if moving.len() > CARDS { p .more { "and " (moving.len() - CARDS) " more, below" } }
            }
        }
    }
}

/// An empty list shows how to get the first entry.
fn nothing() -> Markup {
    html! {
        div .empty {
            h3 { "No releases yet" }
            p { "A release appears here when a Rollout is created in a namespace that you may see:" }
            (parts::command("kubectl apply -f rollout.yaml"))
            p { "A sandbox with a demo:" }
            (parts::command("tiphys up"))
        }
    }
}

fn card(context: &Context<'_>, release: &Release, answer: &Answer) -> Markup {
    let state = State::of_urgency(answer.urgency());
    let look = menu::Look::new(context, release);
    let (phase, _) = answer.phase();
    html! {
        article .card .(state.class()) data-row="" data-release=(release.key) {
            header {
                h3 { a href=(parts::path(&release.key)) { (release.key.name) } small { (release.key.namespace) } }
                (parts::badge(State::of_phase(phase), phase))
            }
            p .why { (parts::why(answer, context.now)) }
            (next(context, answer))
            footer { (progress(release)) div .buttons { (menu::primary(&look)) } }
        }
    }
}

/// What happens next, and when.
pub(super) fn next(context: &Context<'_>, answer: &Answer) -> Markup {
    html! {
        @if let Some(soonest) = answer.soonest() {
            p .next {
                "Next: " (soonest.next.as_deref().unwrap_or_default())
                @if let Some(at) = soonest.next_at { ", in " (parts::left(at, context.now)) }
            }
        }
    }
}

/// Step and weight.
fn progress(release: &Release) -> Markup {
    let rollout = &release.stored.typed;
    let steps = step::steps(rollout);
    let index = step::index(rollout).unwrap_or(0);
    html! {
        @if !steps.is_empty() {
            div .progress {
                (bar(i64::from(weight::wanted(rollout))))
                small { "step " (steps.len().min(index + 1)) " of " (steps.len()) " · " (weight::wanted(rollout)) " %" }
            }
        } @else {
            small { (strategy(release)) }
        }
    }
}

fn bar(percent: i64) -> Markup {
    html! {
        svg .bar viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" {
            rect .track width="100" height="4" rx="2" {}
            rect .fill width=(percent.clamp(0, 100)) height="4" rx="2" {}
        }
    }
}

fn strategy(release: &Release) -> &'static str {
    if release.stored.typed.spec.strategy.blue_green.is_some() { "Blue-green" } else { "Canary" }
}

fn list(context: &Context<'_>, told: &[Told], filter: &Filter) -> Markup {
    let mut found: Vec<&Told> = told.iter().filter(|(release, answer)| filter.takes(release, answer)).collect();
    found.sort_by(|(a, _), (b, _)| a.key.cmp(&b.key));
    let page = filter.page.min(found.len().saturating_sub(1) / ROWS);
    let shown: Vec<&&Told> = found.iter().skip(page * ROWS).take(ROWS).collect();
    html! {
        section #all {
            h2 { "All releases" span .count { (found.len()) } }
            @if !told.is_empty() {
                (search(told, filter))
                @if shown.is_empty() { p .calm { "No release matches. " a href="/" { "Show all" } } }
                @else {
                    table {
                        thead { tr { th { "Release" } th { "State" } th .wide { "Step" } th .number { "Weight" }
                            th .number { "Ready" } th .wide { "Why" } } }
                        tbody { @for (release, answer) in shown { (row(context, release, answer)) } }
                    }
                }
                @if found.len() > ROWS { (pages(filter, page, found.len())) }
            }
        }
    }
}

fn search(told: &[Told], filter: &Filter) -> Markup {
    html! {
        form .filter method="get" action="/" role="search" {
            input type="search" name="q" value=(filter.text) placeholder="Name or namespace" aria-label="Name or namespace" data-search="";
            select name="state" aria-label="State" {
                option value="" { "Every state" }
                @for state in ["Healthy", "Progressing", "Paused", "Degraded"] {
                    @let number = told.iter().filter(|(_, answer)| answer.phase().0 == state).count();
                    option value=(state) selected[filter.state.eq_ignore_ascii_case(state)] { (state) " (" (number) ")" }
                }
            }
            button type="submit" { "Show" }
        }
    }
}

fn row(_context: &Context<'_>, release: &Release, answer: &Answer) -> Markup {
    let rollout = &release.stored.typed;
    let (phase, message) = answer.phase();
    let first = answer.reasons().first();
    let why = if answer.is_settled() {
        String::new()
    } else {
        first.map_or_else(|| message.to_owned(), |reason| parts::capital(&reason.root().message))
    };
    html! {
        tr data-row="" data-release=(release.key) {
            td { a href=(parts::path(&release.key)) { (release.key.name) } small { (release.key.namespace) } }
            td { (parts::badge(State::of_phase(phase), phase)) }
            td .wide { (step::position(rollout).unwrap_or_else(|| strategy(release).to_owned())) }
            td .number { (weight::wanted(rollout)) " %" }
            td .number { (rollout.status.ready_replicas) "/" (defaults::replicas(rollout)) }
            td .wide .cut { (why) }
        }
    }
}

fn pages(filter: &Filter, page: usize, total: usize) -> Markup {
    let last = total.saturating_sub(1) / ROWS;
    html! {
        nav .pages aria-label="Pages of the list" {
            @if page > 0 { a .button href=(filter.query(page - 1)) rel="prev" { "Back" } }
            span { (page * ROWS + 1) "–" (total.min((page + 1) * ROWS)) " of " (total) }
            @if page < last { a .button href=(filter.query(page + 1)) rel="next" { "Next" } }
        }
    }
}
