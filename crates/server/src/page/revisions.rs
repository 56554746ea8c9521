//! The revisions of a release: images, pods as squares, what for.

use std::sync::Arc;

use k8s_openapi::api::{apps::v1::ReplicaSet, core::v1::Pod};
use maud::{Markup, html};
use tiphys_api::constants::annotations;
use tiphys_console::view::{images, pod_status, release as roles, revision};

use super::{Context, menu, parts, parts::State};
use crate::board::Release;

/// Squares of one revision; more are counted.
const SQUARES: usize = 60;
/// Revisions without pods that are shown at once.
const OLD: usize = 3;

/// The fragment.
pub(super) fn render(context: &Context<'_>, release: &Release, look: &menu::Look<'_>) -> Markup {
    let sets = context.board.sets(release);
    let (used, old): (Vec<_>, Vec<_>) = sets.iter().enumerate().partition(|(index, set)| *index == 0 || is_used(set));
    html! {
        section #revisions {
            h2 { "Revisions" }
            div .cards {
                @for (index, set) in used { (card(context, release, look, &sets, index, set)) }
            }
            @if !old.is_empty() {
                details .old #old {
                    summary { (parts::count(old.len(), "earlier revision")) " without pods" }
                    div .cards {
                        @for (index, set) in old.into_iter().take(OLD * 4) { (card(context, release, look, &sets, index, set)) }
                    }
                }
            }
        }
    }
}

fn is_used(set: &ReplicaSet) -> bool {
    set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(0) > 0
        || set.status.as_ref().is_some_and(|status| status.replicas > 0)
}

fn card(
    context: &Context<'_>,
    release: &Release,
    look: &menu::Look<'_>,
    sets: &[Arc<ReplicaSet>],
    index: usize,
    set: &ReplicaSet,
) -> Markup {
    let number = revision::of_replica_set(set);
    let roles = roles::roles(&release.stored.typed, set);
    let status = set.status.as_ref();
    let wanted = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(0);
    let ready = status.and_then(|status| status.ready_replicas).unwrap_or(0);
    let before = sets.get(index + 1).map(|set| images::of(set)).unwrap_or_default();
    html! {
        article .card .revision data-revision=(number) data-set=(set.metadata.name.as_deref().unwrap_or_default()) {
            header {
                h3 { span .swatch .(parts::hue(number)) {} "Revision " (number) }
                @for role in roles { span .tag { (role.as_str()) } }
                span .number { (ready) "/" (wanted) " ready" }
            }
            ul .images {
                @for image in images::of(set) {
                    li { code { (image) } @if !before.is_empty() && !before.contains(&image) { span .tag .new { "changed" } } }
                }
            }
            (pods(context, release, set))
            footer {
                small {
                    @if let Some(at) = roles::created(&set.metadata) { (parts::ago(at, context.now)) " old" }
                    @if let Some(at) = deadline(set) { " · scaled down in " (parts::left(at, context.now)) }
                }
                div .buttons {
                    @for (verb, text) in [("restart", "Restart all pods")] { (button(look, release, verb, text, "")) }
                    @if index > 0 { (button(look, release, "undo", "Roll back to this", &format!("?revision={number}"))) }
                }
            }
        }
    }
}

fn button(look: &menu::Look<'_>, release: &Release, verb: &str, text: &str, query: &str) -> Markup {
    let Some(action) = tiphys_console::Action::named(verb) else { return html! {} };
    let path = format!("{}{query}", menu::path(release, action));
    match look.obstacle(action) {
        None => html! { a .button .small href=(path) data-sheet="" { (text) } },
        Some(why) => html! { span .button .small aria-disabled="true" title=(parts::capital(&why)) { (text) } },
    }
}

fn deadline(set: &ReplicaSet) -> Option<jiff::Timestamp> {
    set.metadata.annotations.as_ref()?.get(annotations::SCALE_DOWN_DEADLINE)?.parse().ok()
}

fn pods(context: &Context<'_>, release: &Release, set: &ReplicaSet) -> Markup {
    let pods = context.board.pods(set);
    let restart_at = release.stored.typed.spec.restart_at.as_ref().map(|at| at.0);
    html! {
        @if !pods.is_empty() {
            ul .pods aria-label={ "Pods of revision " (revision::of_replica_set(set)) } {
                @for pod in pods.iter().take(SQUARES) { (square(release, pod, restart_at)) }
                @if pods.len() > SQUARES { li .more { "+" (pods.len() - SQUARES) } }
            }
        }
    }
}

fn square(release: &Release, pod: &Pod, restart_at: Option<jiff::Timestamp>) -> Markup {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let status = pod_status::status(pod);
    let is_old = restart_at.is_some_and(|at| roles::created(&pod.metadata).is_some_and(|created| created < at));
    let old = if is_old { ", to be restarted" } else { "" };
    html! {
        li { a .pod .(pod_state(pod).class()) .older[is_old] href={ (parts::path(&release.key)) "/pods/" (name) } data-sheet=""
            title={ (name) ": " (status) (old) } aria-label={ "Pod " (name) ": " (status) (old) } {} }
    }
}

/// Returns the state of a pod.
pub(super) fn pod_state(pod: &Pod) -> State {
    let status = pod_status::status(pod);
    let (ready, containers, _) = pod_status::readiness(pod);
    match status.as_str() {
        "Running" if ready == containers => State::Ok,
        "Completed" => State::Ok,
        "Running" | "Pending" | "ContainerCreating" | "PodInitializing" | "Terminating" => State::Moving,
        "Unknown" => State::Unknown,
        _ if status.starts_with("Init:") && !status.contains("Err") && !status.contains("Back") => State::Moving,
        _ => State::Broken,
    }
}
