//! One pod: why it is as it is, its last lines, its events, and the menu of its release.

use k8s_openapi::api::core::v1::Pod;
use maud::{Markup, html};
use tiphys_console::view::{pod_status, release as roles};

use super::{Context, layout, menu, parts, revisions};
use crate::board::{self, Release};

/// Events that are shown.
const EVENTS: usize = 8;

/// The page.
pub(crate) fn page(context: &Context<'_>, release: &Release, pod: &Pod, logs: Option<&str>) -> Markup {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let status = pod_status::status(pod);
    let (ready, containers, restarts) = pod_status::readiness(pod);
    let look = menu::Look::new(context, release);
    let uid = pod.metadata.uid.clone();
    let events = context.board.events(Some(&release.key.namespace), |event| event.involved_object.uid == uid);
    let body = html! {
        section #sheet .card .pod-sheet {
            h1 { (name) small { "pod of " a href=(parts::path(&release.key)) { (release.key.name) } } }
            p { (parts::badge(revisions::pod_state(pod), &status)) }
            dl {
                dt { "Ready" } dd { (ready) " of " (containers) }
                dt { "Restarts" } dd { (restarts) }
                dt { "Node" } dd { (pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).unwrap_or("none yet")) }
                @if let Some(at) = roles::created(&pod.metadata) { dt { "Age" } dd { (parts::ago(at, context.now)) } }
            }
            @for message in messages(pod) { p .problem { (message) } }
            h2 { "Actions on its release" }
            (menu::menu(&look))
            @if !events.is_empty() {
                h2 { "Events" }
                ol .events { @for event in events.iter().take(EVENTS) {
                    li { (parts::icon(super::activity::state(event))) div { p { (event.message.as_deref().unwrap_or_default()) }
                        small { (event.reason.as_deref().unwrap_or_default())
                            @if let Some(at) = board::happened(event) { " · " (parts::ago(at, context.now)) " ago" } } } }
                } }
            }
            @if let Some(logs) = logs.filter(|logs| !logs.trim().is_empty()) {
                h2 { "Last lines" }
                pre .logs tabindex="0" { (logs) }
            }
            p .buttons { a .button href=(parts::path(&release.key)) data-close="" { "Close" } }
        }
    };
    layout::frame(context, name, "/", &body)
}

/// What containers say of why they do not run.
fn messages(pod: &Pod) -> Vec<String> {
    let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    let waiting = statuses.filter_map(|status| {
        let waiting = status.state.as_ref()?.waiting.as_ref()?;
        Some(format!("{}: {}", status.name, waiting.message.clone().or_else(|| waiting.reason.clone())?))
    });
    waiting.collect()
}
