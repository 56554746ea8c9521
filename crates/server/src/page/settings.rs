//! Accounts, and what the viewer may do.

use maud::html;
use tiphys_console::action::TABLE;

use super::{Context, Rendered, parts, parts::State};

/// The page.
pub(crate) fn render(context: &Context<'_>) -> Rendered {
    let settings = &context.settings;
    let accounts = settings
        .accounts
        .iter()
        .filter(|(name, _)| **name == context.viewer.name || context.viewer.allowed(settings, "accounts", "get", name));
    let mine = html! {
        section #mine {
            h1 { "Settings" }
            h2 { "You" }
            dl {
                dt { "Account" } dd { (context.viewer.name) }
                @if let Some(at) = context.viewer.expires() { dt { "Session ends in" } dd { (parts::left(at, context.now)) } }
                dt { "You may, on every release" }
                dd { @for action in TABLE {
                    @if context.viewer.allowed(settings, "rollouts", action.name, "*/*") { span .tag { (action.name) } } } }
            }
        }
    };
    let all = html! {
        section #accounts {
            h2 { "Accounts" }
            @if let Some(problem) = settings.policy_problem.as_ref().filter(|_| context.viewer.allowed(settings, "accounts", "update", "*")) {
                p .problem role="alert" { (parts::icon(State::Broken)) "argocd-rbac-cm, " (problem) ". The last good policy holds until it is mended." }
            }
            table {
                thead { tr { th { "Name" } th { "State" } th { "May" } } }
                tbody { @for (name, account) in accounts {
                    tr data-row="" { td { (name) }
                        td { (parts::badge(if account.is_enabled { State::Ok } else { State::Unknown }, if account.is_enabled { "enabled" } else { "disabled" })) }
                        td { @if account.may_login { span .tag { "log in" } } @if account.may_have_tokens { span .tag { "have tokens" } } } }
                } }
            }
            p { small { "Accounts are kept in ConfigMap argocd-cm, permissions in argocd-rbac-cm, as for Argo CD." } }
        }
    };
    Rendered { title: "Settings".to_owned(), place: "/settings", fragments: vec![("mine", mine), ("accounts", all)] }
}
