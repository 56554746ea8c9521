//! What did not work: what happened, what it means, what to do.

use maud::{Markup, html};

use super::{Context, layout};

/// For who is logged in.
pub(crate) fn page(context: &Context<'_>, title: &str, text: &str) -> Markup {
    layout::frame(context, title, "", &body(title, text))
}

/// For anybody.
pub(crate) fn plain(title: &str, text: &str) -> Markup {
    layout::document(title, &html! { main .lone { (body(title, text)) } })
}

fn body(title: &str, text: &str) -> Markup {
    html! {
        section .empty #error {
            h1 { (title) }
            p { (text) }
            p { a .button href="/" { "All releases" } }
        }
    }
}
