//! Events end an hour after they were last seen.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use tiphys_machinery::error::ApiError;

use super::cache::{Cache, Marks, Update, key_of};
use super::context::{Context, Controller};
use super::view::{Key, Meta};
use crate::registry::DeleteOptions;
use crate::store::Change;

const EVENTS: (&str, &str) = ("", "events");
const LIFETIME: SignedDuration = SignedDuration::from_hours(1);
/// Events are swept together, so that one timer serves all of them.
const SWEEP: SignedDuration = SignedDuration::from_mins(5);

/// Deletes old events. Its only key is the empty one.
#[derive(Debug, Default)]
pub(crate) struct EventTtl {
    armed: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    metadata: Meta,
    #[serde(default)]
    last_timestamp: Option<Timestamp>,
}

impl Controller for EventTtl {
    fn name(&self) -> &'static str {
        "event-ttl"
    }

    fn on_change(&mut self, change: &Change, _: &Update, _: &Cache, marks: &mut Marks) {
        if !self.armed && change.resource.group_plural() == EVENTS {
            marks.insert(Key::new("", ""));
        }
    }

    fn reconcile(&mut self, key: &Key, context: &mut Context<'_>) -> Result<(), ApiError> {
        let resource = context.writer().resource(EVENTS.0, EVENTS.1)?;
        let mut first: Option<Timestamp> = None;
        for object in context.registry.list(&resource, None) {
            let Ok(event) = object.decode::<Event>() else { continue };
            let end = event.last_timestamp.unwrap_or(event.metadata.creation_timestamp) + LIFETIME;
            if end <= context.now {
                context.writer().delete(EVENTS, &key_of(&object), &DeleteOptions::background())?;
            } else {
                first = Some(first.map_or(end, |first| first.min(end)));
            }
        }
        self.armed = first.is_some();
        if let Some(end) = first {
            context.wake(key, end + SWEEP);
        }
        Ok(())
    }
}
