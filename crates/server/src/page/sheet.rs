//! What an action will do, before it does.

use maud::{Markup, html};
use tiphys_console::{Action, Options, view::revision};

use super::{Context, layout, menu, parts, parts::State};
use crate::board::Release;

/// The page of one action; the script shows its sheet above the page that it was called from.
pub(crate) fn page(
    context: &Context<'_>,
    release: &Release,
    action: &'static Action,
    options: &Options,
    problem: Option<&str>,
) -> Markup {
    let look = menu::Look::new(context, release);
    let subject = look.subject();
    let obstacle = look.obstacle(action);
    let body = html! {
        section #sheet .card data-action=(action.name) {
            h1 { (action.label) " " em { (release.key.name) } small { (release.key.namespace) } }
            @if let Some(problem) = problem {
                p .problem role="alert" { (parts::icon(State::Broken)) (parts::capital(problem)) }
            }
            p .effect { (parts::capital(&action.effect(&subject, options))) "." }
            form method="post" action=(menu::path(release, action)) {
                (choices(context, release, action, options))
                @if let Some(why) = &obstacle {
                    p .calm { (parts::icon(State::Unknown)) "Not now: " (why) "." }
                }
                div .buttons {
                    button .primary type="submit" disabled[obstacle.is_some()] { (action.label) }
                    a .button href=(parts::path(&release.key)) data-close="" { "Cancel" }
                }
            }
            p .same { "The same in a terminal:" }
            (parts::command(&action.command(&subject, options)))
        }
    };
    layout::frame(context, &format!("{} {}", action.label, release.key.name), "/", &body)
}

fn choices(context: &Context<'_>, release: &Release, action: &Action, options: &Options) -> Markup {
    let containers = &release.stored.typed.spec.template.spec;
    let containers = containers.as_ref().map(|spec| spec.containers.clone()).unwrap_or_default();
    html! {
        @match action.name {
            "restart" => {
                label .check { input type="checkbox" name="surge" value="true" checked[options.surge];
                    "Start each new pod before an old one goes" }
                label { "When (UTC); empty is now" input type="datetime-local" name="at"; }
            }
            "undo" => {
                label { "Revision"
                    select name="revision" {
                        @for set in context.board.sets(release).iter().skip(1) {
                            @let number = revision::of_replica_set(set);
                            option value=(number) selected[options.revision == number] {
                                (number) ": " (tiphys_console::view::images::of(set).join(", ")) }
                        }
                    }
                }
            }
            "set-image" => {
                label { "Container"
                    select name="container" {
                        @for container in &containers {
                            option value=(container.name) { (container.name) ": " (container.image.as_deref().unwrap_or_default()) }
                        }
                        @if containers.is_empty() { option value="*" { "all containers" } }
                    }
                }
                label { "Image" input name="image" required autocomplete="off" spellcheck="false"
                    value=(containers.first().and_then(|container| container.image.as_deref()).unwrap_or_default()); }
            }
            _ => {}
        }
    }
}
