//! HTML: whole pages, and their fragments by id.

mod activity;
pub(crate) mod assets;
pub(crate) mod error;
pub(crate) mod layout;
pub(crate) mod login;
pub(crate) mod menu;
mod overview;
mod parts;
pub(crate) mod pod;
mod release;
pub(crate) mod restarts;
mod revisions;
mod settings;
pub(crate) mod sheet;
mod steps;

use std::sync::Arc;

use jiff::Timestamp;
use maud::Markup;
use tiphys_console::Action;
use tiphys_runtime::cache::Key;

use crate::{
    account::settings::Settings,
    board::{Board, Release},
    web::{State, Viewer, field},
};

/// Who looks, at what, and when.
pub(crate) struct Context<'a> {
    pub(crate) board: &'a Board,
    pub(crate) viewer: &'a Viewer,
    pub(crate) settings: Arc<Settings>,
    pub(crate) now: Timestamp,
}

impl<'a> Context<'a> {
    pub(crate) fn new(state: &'a State, viewer: &'a Viewer) -> Self {
        Self { board: &state.board, viewer, settings: state.board.settings(), now: state.board.clock.now() }
    }

    /// Returns whether the viewer may do this to a Rollout.
    pub(crate) fn may(&self, action: &str, key: &Key) -> bool {
        self.viewer.may(&self.settings, action, key)
    }

    /// Returns a release, if it may be seen.
    pub(crate) fn release(&self, key: &Key) -> Option<Arc<Release>> {
        if self.may("get", key) { self.board.release(key) } else { None }
    }

    /// Returns all releases that may be seen.
    pub(crate) fn releases(&self) -> Vec<Arc<Release>> {
        let mut all = self.board.releases();
        all.retain(|release| self.may("get", &release.key));
        all
    }
}

/// A page that is live.
#[derive(Debug, Clone)]
pub(crate) enum Page {
    Overview(overview::Filter),
    Release { key: Key, done: Option<&'static Action> },
    Restarts,
    Activity,
    Settings,
}

/// What a page shows.
pub(crate) struct Rendered {
    /// For the title of the window.
    pub(crate) title: String,
    /// Which entry of the navigation it belongs to.
    pub(crate) place: &'static str,
    /// Parts with their ids, in their order.
    pub(crate) fragments: Vec<(&'static str, Markup)>,
}

impl Page {
    /// Returns the page at a path.
    pub(crate) fn parse(path: &str, query: &str) -> Option<Self> {
        let parts: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        match parts[..] {
            [""] => Some(Self::Overview(overview::Filter::read(query.as_bytes()))),
            ["rollouts", namespace, name] if !name.is_empty() => {
                let done = field(query.as_bytes(), "done").and_then(|name| Action::named(&name));
                Some(Self::Release { key: Key::new(namespace, name), done })
            }
            ["restarts"] => Some(Self::Restarts),
            ["activity"] => Some(Self::Activity),
            ["settings"] => Some(Self::Settings),
            _ => None,
        }
    }

    /// Returns whether a change of a release may change it.
    pub(crate) fn concerns(&self, key: &Key) -> bool {
        match self {
            Self::Release { key: own, .. } => own == key,
            Self::Overview(_) | Self::Restarts | Self::Activity => true,
            Self::Settings => false,
        }
    }

    /// Returns what it shows now; `None` if there is nothing that the viewer may see.
    pub(crate) fn render(&self, context: &Context<'_>) -> Option<Rendered> {
        match self {
            Self::Overview(filter) => Some(overview::render(context, filter)),
            Self::Release { key, done } => Some(release::render(context, &*context.release(key)?, *done)),
            Self::Restarts => Some(restarts::render(context)),
            Self::Activity => Some(activity::render(context)),
            Self::Settings => Some(settings::render(context)),
        }
    }
}
