//! Who did what.

use k8s_openapi::api::core::v1::Event;
use maud::html;
use tiphys_runtime::cache::Key;

use super::{Context, Rendered, parts, parts::State};
use crate::board;

/// Entries that are shown.
const ENTRIES: usize = 100;

/// The page.
pub(crate) fn render(context: &Context<'_>) -> Rendered {
    let events = context.board.events(None, |event| {
        let about = &event.involved_object;
        let key = Key::new(about.namespace.clone().unwrap_or_default(), about.name.clone().unwrap_or_default());
        about.kind.as_deref() == Some("Rollout") && context.may("get", &key)
    });
    let list = html! {
        section #activity {
            h1 { "Activity" }
            @if events.is_empty() {
                div .empty { h3 { "Nothing happened yet" } p { "What people and controllers do to releases appears here, the latest first." } }
            }
            ol .events {
                @for event in events.iter().take(ENTRIES) {
                    @let about = &event.involved_object;
                    @let key = Key::new(about.namespace.clone().unwrap_or_default(), about.name.clone().unwrap_or_default());
                    li data-row="" {
                        (parts::icon(state(event)))
                        div {
                            p { a href=(parts::path(&key)) { (key.name) } " " (event.message.as_deref().unwrap_or_default()) }
                            small { (key.namespace) " · " (event.reason.as_deref().unwrap_or_default())
                                @if let Some(at) = board::happened(event) { " · " (parts::ago(at, context.now)) " ago" }
                                @if let Some(times) = event.count.filter(|times| *times > 1) { " · " (times) " times" } }
                        }
                    }
                }
            }
        }
    };
    Rendered { title: "Activity".to_owned(), place: "/activity", fragments: vec![("activity", list)] }
}

/// What an event means.
pub(super) fn state(event: &Event) -> State {
    match (event.type_.as_deref(), event.reason.as_deref().unwrap_or_default()) {
        (Some("Warning"), _) => State::Broken,
        (_, reason) if reason.contains("Paused") => State::Waiting,
        (_, reason) if reason.starts_with("RolloutNot") => State::Moving,
        (_, reason) if reason.ends_with("Completed") || reason.contains("Healthy") => State::Ok,
        _ => State::Moving,
    }
}
