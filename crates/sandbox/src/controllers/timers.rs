//! What is to be looked at later: at most one time for each key of each controller.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::view::Key;

/// A controller, by its place in the manager, and a key of its.
pub(crate) type Due = (usize, Key);

/// Timers, in the order of their time; equal times in the order in which they were set.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    queue: BTreeMap<(Timestamp, u64), Due>,
    places: BTreeMap<Due, (Timestamp, u64)>,
    set: u64,
}

impl Timers {
    /// Sets the time of a key, in place of the one it had.
    pub(crate) fn set(&mut self, due: Due, at: Timestamp) {
        self.clear(&due);
        self.set += 1;
        self.queue.insert((at, self.set), due.clone());
        self.places.insert(due, (at, self.set));
    }

    /// Forgets the time of a key.
    pub(crate) fn clear(&mut self, due: &Due) {
        if let Some(place) = self.places.remove(due) {
            self.queue.remove(&place);
        }
    }

    /// Returns the earliest time.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        self.queue.keys().next().map(|(at, _)| *at)
    }

    /// Takes the first timer whose time has come.
    pub(crate) fn pop(&mut self, now: Timestamp) -> Option<Due> {
        let entry = self.queue.first_entry().filter(|entry| entry.key().0 <= now)?;
        let due = entry.remove();
        self.places.remove(&due);
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_fire_by_time_then_by_insertion_and_once_a_key() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let due = |name: &str| (0, Key::new("", name));
        let mut timers = Timers::default();
        timers.set(due("late"), at(9));
        timers.set(due("b"), at(5));
        timers.set(due("a"), at(5));
        timers.set(due("late"), at(4));
        timers.set(due("never"), at(1));
        timers.clear(&due("never"));
        assert_eq!(timers.next_at(), Some(at(4)));
        let fired: Vec<_> = std::iter::from_fn(|| timers.pop(at(5))).map(|(_, key)| key.name.to_string()).collect();
        assert_eq!(fired, ["late", "b", "a"]);
        assert_eq!((timers.next_at(), timers.places.len()), (None, 0));
    }
}
