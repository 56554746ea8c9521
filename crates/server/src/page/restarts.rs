//! What is being restarted, what blocks it; and restarting many at once.

use std::sync::Arc;

use maud::{Markup, html};
use tiphys_console::{Action, Options};

use super::{Context, Rendered, layout, menu, parts, parts::State, release as release_page};
use crate::{board::Release, web::field};

/// Recent restarts that are shown.
const RECENT: usize = 10;

/// The page.
pub(crate) fn render(context: &Context<'_>) -> Rendered {
    let (running, others): (Vec<_>, Vec<_>) =
        context.releases().into_iter().partition(|release| is_restarting(release));
    let mut recent: Vec<_> =
        others.into_iter().filter(|release| release.stored.typed.status.restarted_at.is_some()).collect();
    recent.sort_by_key(|release| std::cmp::Reverse(release.stored.typed.status.restarted_at.as_ref().map(|at| at.0)));
    let running = html! {
        section #running {
            div .line { h1 { "Restarts" } a .button .primary href="/restarts/new" { "Restart several" } }
            @if running.is_empty() {
                div .empty { h3 { "Nothing is being restarted" }
                    p { "A restart recreates the pods of a release without a new version, some at a time, within its disruption budget." }
                    (parts::command("tiphys restart NAME -n NAMESPACE")) }
            }
            div .cards { @for release in &running { (card(context, release)) } }
        }
    };
    let recent = html! {
        section #recent {
            @if !recent.is_empty() {
                h2 { "Restarted lately" }
                table { tbody { @for release in recent.iter().take(RECENT) {
                    tr data-row="" { td { a href=(parts::path(&release.key)) { (release.key.name) } small { (release.key.namespace) } }
                        td { (parts::badge(State::Ok, "done")) }
                        td { @if let Some(at) = &release.stored.typed.status.restarted_at { "asked for " (parts::ago(at.0, context.now)) " ago" } } }
                } } }
            }
        }
    };
    Rendered {
        title: "Restarts".to_owned(),
        place: "/restarts",
        fragments: vec![("running", running), ("recent", recent)],
    }
}

fn is_restarting(release: &Release) -> bool {
    let rollout = &release.stored.typed;
    rollout.spec.restart_at.is_some() && rollout.spec.restart_at != rollout.status.restarted_at
}

fn card(context: &Context<'_>, release: &Release) -> Markup {
    let answer = release.answer(context.now);
    let look = menu::Look::new(context, release);
    html! {
        article .card .(State::of_urgency(answer.urgency()).class()) data-row="" data-release=(release.key) {
            header { h3 { a href=(parts::path(&release.key)) { (release.key.name) } small { (release.key.namespace) } } }
            (release_page::restart(context, release))
            @for reason in answer.reasons().iter().filter(|reason| reason.code.starts_with("Restart")) {
                @for cause in reason.chain().into_iter().skip(1) { p .why { (parts::capital(&cause.message)) "." } }
            }
            footer { div .buttons { (menu::primary(&look))
                @if let Some(cancel) = Action::named("cancel-restart").filter(|cancel| look.obstacle(cancel).is_none()) {
                    a .button href=(menu::path(release, cancel)) data-sheet="" { (cancel.label) } } } }
        }
    }
}

/// Which releases are to be restarted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chosen {
    namespace: String,
    label: String,
    /// Start new pods first.
    pub(crate) surge: bool,
}

impl Chosen {
    /// Reads a form.
    pub(crate) fn read(form: &[u8]) -> Self {
        let text = |name: &str| field(form, name).map(|text| text.trim().to_owned()).unwrap_or_default();
        Self { namespace: text("namespace"), label: text("label"), surge: !text("surge").is_empty() }
    }

    /// Returns the releases that are meant and may be restarted; none where nothing was chosen.
    pub(crate) fn releases(&self, context: &Context<'_>) -> Vec<Arc<Release>> {
        if self.namespace.is_empty() && self.label.is_empty() {
            return Vec::new();
        }
        let mut all = context.releases();
        all.retain(|release| self.takes(release) && context.may("restart", &release.key));
        all
    }

    fn takes(&self, release: &Release) -> bool {
        let labels = release.stored.typed.metadata.labels.clone().unwrap_or_default();
        let has = |label: &str| match label.split_once('=') {
            Some((key, value)) => labels.get(key.trim()).is_some_and(|own| own == value.trim()),
            None => labels.contains_key(label.trim()),
        };
        (self.namespace.is_empty() || release.key.namespace == self.namespace)
            && self.label.split(',').filter(|label| !label.trim().is_empty()).all(has)
    }
}

/// The form: choose, see what will happen, confirm.
pub(crate) fn form(context: &Context<'_>, chosen: &Chosen, problem: Option<&str>) -> Markup {
    let releases = chosen.releases(context);
    let options = Options { surge: chosen.surge, ..Options::default() };
    let mut namespaces: Vec<String> = context.releases().iter().map(|release| release.key.namespace.clone()).collect();
    namespaces.dedup();
    let body = html! {
        section .card #several {
            h1 { "Restart several" }
            @if let Some(problem) = problem { p .problem role="alert" { (parts::icon(State::Broken)) (problem) } }
            form .stack method="get" action="/restarts/new" {
                label { "Namespace" select name="namespace" { option value="" { "all" }
                    @for namespace in &namespaces { option value=(namespace) selected[*namespace == chosen.namespace] { (namespace) } } } }
                label { "Labels" input name="label" value=(chosen.label) placeholder="team=shop,tier"; }
                label .check { input type="checkbox" name="surge" value="true" checked[chosen.surge]; "Start each new pod before an old one goes" }
                button type="submit" { "Show what will be restarted" }
            }
            @if !releases.is_empty() {
                h2 { "This will happen" }
                ul .plain { @for release in &releases {
                    @let look = menu::Look::new(context, release);
                    li { b { (release.key) } " " @if let Some(action) = Action::named("restart") { (action.effect(&look.subject(), &options)) } }
                } }
                form method="post" action="/restarts/new" {
                    input type="hidden" name="namespace" value=(chosen.namespace);
                    input type="hidden" name="label" value=(chosen.label);
                    @if chosen.surge { input type="hidden" name="surge" value="true"; }
                    div .buttons { button .primary type="submit" { "Restart " (parts::count(releases.len(), "release")) }
                        a .button href="/restarts" { "Cancel" } }
                }
            }
        }
    };
    layout::frame(context, "Restart several", "/restarts", &body)
}
