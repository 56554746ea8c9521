//! Actions on a release: the button for this moment, and the menu.

use maud::{Markup, html};
use serde_json::Value;
use tiphys_console::{Action, Options, Subject, action::TABLE};

use super::{Context, parts};
use crate::board::Release;

/// What actions on a release look at, from the caches.
pub(crate) struct Look<'a> {
    context: &'a Context<'a>,
    release: &'a Release,
    sets: Vec<Value>,
    budgets: Vec<k8s_openapi::api::policy::v1::PodDisruptionBudget>,
}

impl<'a> Look<'a> {
    pub(crate) fn new(context: &'a Context<'a>, release: &'a Release) -> Self {
        let sets = context.board.sets(release);
        let sets = sets.iter().map(|set| serde_json::to_value(&**set).unwrap_or_default()).collect();
        Self { context, release, sets, budgets: context.board.budgets(&release.key.namespace) }
    }

    pub(crate) fn subject(&self) -> Subject<'_> {
        Subject { rollout: &self.release.stored, sets: &self.sets, workload: None, budgets: &self.budgets }
    }

    /// Why an action may not be done; `None` where it may.
    pub(crate) fn obstacle(&self, action: &Action) -> Option<String> {
        if !self.context.may(action.name, &self.release.key) {
            return Some(format!(
                "your account may not do this; `rollouts, {}` in argocd-rbac-cm allows it",
                action.name
            ));
        }
        action.obstacle(&self.subject())
    }

    /// The actions that help now, the best first, as the reasons name them.
    pub(crate) fn helpful(&self) -> Vec<(&'static Action, String)> {
        let answer = self.release.answer(self.context.now);
        let offers = answer.offers().into_iter().filter_map(|offer| Some((action_of(&offer.line)?, offer.effect)));
        offers.filter(|(action, _)| self.obstacle(action).is_none()).collect()
    }
}

/// The action that a command line of ours does.
fn action_of(line: &str) -> Option<&'static Action> {
    let mut words = line.strip_prefix("tiphys ")?.split(' ');
    let verb = words.next()?;
    let is_full = line.split(' ').any(|word| word == "--full");
    match (verb, is_full) {
        ("promote", true) => Action::named("promote-full"),
        ("set", _) => Action::named("set-image"),
        (verb, _) => Action::named(verb),
    }
}

/// Returns the path of an action's sheet.
pub(crate) fn path(release: &Release, action: &Action) -> String {
    format!("{}/actions/{}", parts::path(&release.key), action.name)
}

/// The button for this moment.
pub(crate) fn primary(look: &Look<'_>) -> Markup {
    let helpful = look.helpful();
    html! {
        @for (index, (action, effect)) in helpful.iter().take(2).enumerate() {
            a .button .primary[index == 0] href=(path(look.release, action)) data-sheet="" data-action=(action.name)
                title=(parts::capital(effect)) { (action.label) }
        }
    }
}

/// All actions, each with what it will do now or why it may not be done.
pub(crate) fn menu(look: &Look<'_>) -> Markup {
    let subject = look.subject();
    html! {
        details .menu #menu {
            summary .button aria-label="All actions" { "Actions" kbd { "." } }
            ul {
                @for action in TABLE {
                    (entry(look, &subject, action))
                }
            }
        }
    }
}

fn entry(look: &Look<'_>, subject: &Subject<'_>, action: &Action) -> Markup {
    let obstacle = look.obstacle(action);
    let text = obstacle.clone().unwrap_or_else(|| action.effect(subject, &Options::default()));
    let inside = html! {
        span .verb { (action.label) @if let Some(key) = action.key { kbd { (key) } } }
        small { (parts::capital(&text)) }
    };
    html! {
        li {
            @if obstacle.is_some() {
                span .entry aria-disabled="true" data-action=(action.name) { (inside) }
            } @else {
                a .entry href=(path(look.release, action)) data-sheet="" data-action=(action.name)
                    data-key=[action.key] { (inside) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_become_actions() {
        for (line, expected) in [
            ("tiphys promote web -n shop", Some("promote")),
            ("tiphys promote web -n shop --full", Some("promote-full")),
            ("tiphys set image web app=IMAGE -n shop", Some("set-image")),
            ("tiphys restart web -n shop --surge", Some("restart")),
            ("kubectl describe pod web", None),
        ] {
            assert_eq!(action_of(line).map(|action| action.name), expected, "{line}");
        }
    }
}
