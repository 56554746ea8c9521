//! One release, from top to bottom: what it is waiting for, who gets which version, steps, revisions, what happened.

use maud::{Markup, html};
use tiphys_console::{
    Action, Answer,
    view::{release as roles, revision, step, weight},
};
use tiphys_machinery::time;
use tiphys_runtime::reason::Reason;

use super::{Context, Rendered, activity, menu, overview, parts, parts::State, revisions, steps};
use crate::board::{self, Release};

/// Entries of the timeline.
const EVENTS: usize = 30;

/// The page.
pub(crate) fn render(context: &Context<'_>, release: &Release, done: Option<&'static Action>) -> Rendered {
    let answer = release.answer(context.now);
    let look = menu::Look::new(context, release);
    Rendered {
        title: format!("{} {}", release.key.name, answer.phase().0),
        place: "/",
        fragments: vec![
            ("toast", toast(release, done)),
            ("head", head(context, release, &answer, &look)),
            ("traffic", traffic(context, release)),
            ("steps", steps::render(context, release)),
            ("revisions", revisions::render(context, release, &look)),
            ("timeline", timeline(context, release)),
        ],
    }
}

fn toast(release: &Release, done: Option<&'static Action>) -> Markup {
    html! {
        div #toast role="status" {
            @if let Some(action) = done {
                div .toast {
                    (parts::icon(State::Ok)) span { (action.done) "." }
                    @if let Some(inverse) = action.inverse.and_then(Action::named) {
                        a href=(menu::path(release, inverse)) data-sheet="" { "Undo: " (inverse.label) }
                    }
                }
            }
        }
    }
}

fn head(context: &Context<'_>, release: &Release, answer: &Answer, look: &menu::Look<'_>) -> Markup {
    let (phase, _) = answer.phase();
    let state = State::of_urgency(answer.urgency());
    html! {
        section #head .(state.class()) data-release=(release.key) {
            div .title {
                h1 { (release.key.name) small { (release.key.namespace) } }
                (parts::badge(State::of_phase(phase), phase))
            }
            p #why { (parts::why(answer, context.now)) }
            (overview::next(context, answer))
            @if answer.reasons().iter().any(|reason| !reason.because.is_empty()) || answer.reasons().len() > 1 {
                details #chain { summary { "Why, step by step" } @for reason in answer.reasons() { (chain(reason)) }
                    @if let Some(look) = answer.look() { (parts::command(look)) } }
            }
            (restart(context, release))
            div .buttons { (menu::primary(look)) (menu::menu(look)) }
        }
    }
}

fn chain(reason: &Reason) -> Markup {
    html! {
        ul .chain { li {
            (parts::icon(State::of_urgency(reason.urgency))) (reason.message)
            @for cause in &reason.because { (chain(cause)) }
        } }
    }
}

/// Progress of a restart that is not over.
pub(super) fn restart(context: &Context<'_>, release: &Release) -> Markup {
    let rollout = &release.stored.typed;
    let at =
        rollout.spec.restart_at.as_ref().filter(|at| rollout.status.restarted_at.as_ref() != Some(at)).map(|at| at.0);
    let sets = context.board.sets(release);
    let pods: Vec<_> = sets.iter().flat_map(|set| context.board.pods(set)).collect();
    let done =
        |at| pods.iter().filter(|pod| roles::created(&pod.metadata).is_some_and(|created| created >= at)).count();
    html! {
        @if let Some(at) = at {
            p .restart {
                (parts::icon(State::Moving))
                @if at > context.now { "Restart of " (parts::count(pods.len(), "pod")) " in " (parts::left(at, context.now)) }
                @else { "Restart: " (done(at)) " of " (pods.len()) " pods, since " (parts::ago(at, context.now)) }
            }
        }
    }
}

/// One bar of 100 %.
fn traffic(context: &Context<'_>, release: &Release) -> Markup {
    let rollout = &release.stored.typed;
    let sets = context.board.sets(release);
    let with = |role| sets.iter().find(|set| roles::roles(rollout, set).contains(&role));
    let (new, stable) = match &rollout.spec.strategy.blue_green {
        Some(_) => (with(roles::Role::Preview), with(roles::Role::Active)),
        None => (with(roles::Role::Canary), with(roles::Role::Stable)),
    };
    let is_blue_green = rollout.spec.strategy.blue_green.is_some();
    let wanted = if is_blue_green || new.is_none() { 0 } else { weight::wanted(rollout) };
    let actual = if new.is_none() || is_blue_green { 0 } else { weight::actual(rollout, new.map(|set| &**set)) };
    let number = |set: Option<&std::sync::Arc<_>>| set.map_or(0, |set| revision::of_replica_set(set));
    let (new, stable) = (number(new), number(stable));
    html! {
        section #traffic aria-label="Who gets which version" {
            svg .traffic viewBox="0 0 100 8" preserveAspectRatio="none" role="img"
                aria-label={ (actual) " % to the new version" } {
                rect .(parts::hue(stable)) width="100" height="8" {}
                rect .(parts::hue(new)) width=(actual.clamp(0, 100)) height="8" {}
            }
            ul .legend {
                @if new > 0 && !is_blue_green {
                    li { span .swatch .(parts::hue(new)) {} "revision " (new) " gets " b { (actual) " %" }
                        @if actual != wanted { ", should get " b { (wanted) " %" } } }
                }
                @if new > 0 && is_blue_green { li { span .swatch .(parts::hue(new)) {} "revision " (new) " is the preview" } }
                @if stable > 0 {
                    li { span .swatch .(parts::hue(stable)) {} "revision " (stable) " gets " b { (100 - actual) " %" } }
                }
                li .router { "by " (router(release)) }
            }
        }
    }
}

/// What carries the weight.
fn router(release: &Release) -> String {
    if release.stored.typed.spec.strategy.blue_green.is_some() {
        return "the Service's selector".to_owned();
    }
    let routing =
        release.stored.part(&["spec", "strategy", "canary", "trafficRouting"]).and_then(|all| all.as_object());
    let names = routing.into_iter().flatten().filter(|(_, value)| value.is_object()).map(|(name, _)| name.clone());
    let names: Vec<String> = names.collect();
    if names.is_empty() { "the number of pods".to_owned() } else { names.join(", ") }
}

fn timeline(context: &Context<'_>, release: &Release) -> Markup {
    let uid = release.stored.typed.metadata.uid.clone();
    let events = context.board.events(Some(&release.key.namespace), |event| {
        event.involved_object.kind.as_deref() == Some("Rollout") && event.involved_object.uid == uid
    });
    let rollout = &release.stored.typed;
    let created = roles::created(&rollout.metadata);
    html! {
        section #timeline {
            h2 { "What happened" }
            ol .events {
                @for event in events.iter().take(EVENTS) {
                    li {
                        (parts::icon(activity::state(event)))
                        div { p { (event.message.as_deref().unwrap_or_default()) }
                            small { (event.reason.as_deref().unwrap_or_default())
                                @if let Some(at) = board::happened(event) { " · " (parts::ago(at, context.now)) " ago" } } }
                    }
                }
                @if let Some(at) = created {
                    li { (parts::icon(State::Unknown)) div { p { "Created" } small { (time::seconds(at)) " · "
                        (step::steps(rollout).len()) " steps" } } }
                }
            }
        }
    }
}
