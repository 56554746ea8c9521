//! What every page has around it.

use axum::http::Uri;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Context, Rendered, assets};

const PLACES: [(&str, &str, &str); 4] = [
    ("/", "Releases", "M3 4h10M3 8h7M3 12h4"),
    ("/restarts", "Restarts", "M12.5 8a4.5 4.5 0 1 1-1.4-3.3M12.6 2.6v2.6h-2.6"),
    ("/activity", "Activity", "M2 8h3l2-5 3 10 2-5h2"),
    ("/settings", "Settings", "M3 5h6M12 5h1M3 11h1M7 11h6M10.5 3.4v3.2M5.5 9.4v3.2"),
];

/// A live page.
pub(crate) fn page(context: &Context<'_>, uri: &Uri, rendered: &Rendered) -> Markup {
    let live = uri.path_and_query().map_or("/", |path| path.as_str());
    let body = html! {
        div #page .(rendered.place.trim_start_matches('/')) data-live=(live) {
            @for (id, markup) in &rendered.fragments {
                (Anchored { id, markup })
            }
        }
    };
    frame(context, &rendered.title, rendered.place, &body)
}

/// A fragment, which has its id itself.
struct Anchored<'a> {
    id: &'a str,
    markup: &'a Markup,
}

impl maud::Render for Anchored<'_> {
    fn render(&self) -> Markup {
        debug_assert!(self.markup.0.contains(&format!("id=\"{}\"", self.id)), "{}", self.id);
        self.markup.clone()
    }
}

/// A page with the navigation around it.
pub(crate) fn frame(context: &Context<'_>, title: &str, place: &str, body: &Markup) -> Markup {
    let inner = html! {
        a .skip href="#main" { "Skip to the content" }
        header .top {
            a .logo href="/" aria-label="Tiphys, all releases" { (mark()) span { "Tiphys" } }
            nav aria-label="Pages" {
                @for (path, word, icon) in PLACES {
                    a href=(path) aria-current=[(path == place).then_some("page")] {
                        svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" { path d=(icon) {} }
                        span { (word) }
                    }
                }
            }
            div .who {
                span #connection role="status" {}
                button #find type="button" .quiet hidden { "Find or do" kbd { "Ctrl K" } }
                span .account title="You are logged in as" { (context.viewer.name) }
                form method="post" action="/logout" { button type="submit" .quiet { "Log out" } }
            }
        }
        main #main tabindex="-1" { (body) }
    };
    document(title, &inner)
}

/// Everything but the body.
pub(crate) fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Tiphys" }
                link rel="icon" href=(assets::url("icon.svg")) type="image/svg+xml";
                link rel="stylesheet" href=(assets::url("app.css"));
                script src=(assets::url("app.js")) type="module" {}
            }
            body { (body) }
        }
    }
}

/// The mark: a helm.
pub(crate) fn mark() -> Markup {
    PreEscaped(assets::ICON.to_owned())
}
