//! The login.

use maud::{Markup, html};

use super::{layout, parts};

/// What the form shows.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Form<'a> {
    /// The name that was tried.
    pub(crate) name: &'a str,
    /// Where to go on.
    pub(crate) next: &'a str,
    /// Why it did not work.
    pub(crate) problem: &'a str,
    /// Where the initial password is.
    pub(crate) namespace: &'a str,
}

/// The form.
pub(crate) fn form(told: &Form<'_>) -> Markup {
    let namespace = told.namespace;
    let password = format!(
        "kubectl -n {namespace} get secret argocd-initial-admin-secret -o jsonpath='{{.data.password}}' | base64 -d"
    );
    let body = html! {
        main .lone {
            section #login .card {
                h1 { (layout::mark()) "Tiphys" }
                @if !told.problem.is_empty() {
                    p .problem role="alert" { (parts::icon(parts::State::Broken)) (told.problem) }
                }
                form method="post" action="/login" {
                    input type="hidden" name="next" value=(told.next);
                    label { "Name"
                        input name="name" value=(told.name) autocomplete="username" autocapitalize="none" required autofocus;
                    }
                    label { "Password"
                        input name="password" type="password" autocomplete="current-password" required;
                    }
                    button .primary type="submit" { "Log in" }
                }
                details {
                    summary { "First time here?" }
                    p { "`tiphys up` prints a link that lets you in once. The first password of `admin` is in the cluster:" }
                    (parts::command(&password))
                }
            }
        }
    };
    layout::document("Log in", &body)
}
