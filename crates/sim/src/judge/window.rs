//! What the controller can have known: the past as far back as its view may be old.

use jiff::{SignedDuration, Timestamp};

use super::facts::Promise;

/// How long a broken connection takes to be whole again: the longest wait before the next try.
const RECOVERY: SignedDuration = SignedDuration::from_secs(20);

/// Moments at which the controller could not see, and how old its view is otherwise.
#[derive(Debug, Clone)]
pub(super) struct Sight {
    lag: SignedDuration,
    /// From, and to where it is over.
    blind: Vec<(Timestamp, Option<Timestamp>)>,
}

impl Default for Sight {
    fn default() -> Self {
        Self { lag: SignedDuration::from_secs(1), blind: Vec::new() }
    }
}

impl Sight {
    pub(super) fn lags(&mut self, lag: SignedDuration) {
        self.lag = lag;
    }

    pub(super) fn lost(&mut self, at: Timestamp) {
        if self.blind.last().is_none_or(|(_, to)| to.is_some()) {
            self.blind.push((at, None));
        }
    }

    pub(super) fn regained(&mut self, at: Timestamp) {
        if let Some((_, to)) = self.blind.last_mut() {
            to.get_or_insert(at);
        }
    }

    /// Returns the oldest moment of which the controller's view at `now` may be.
    pub(super) fn horizon(&self, now: Timestamp) -> Timestamp {
        let mut horizon = now - self.lag;
        for (from, to) in self.blind.iter().rev() {
            if to.is_none_or(|to| to + RECOVERY > horizon) {
                horizon = horizon.min(*from - self.lag);
            }
        }
        horizon
    }
}

/// What was promised, over time.
#[derive(Debug, Clone, Default)]
pub(super) struct Promises {
    all: Vec<(Timestamp, Promise)>,
}

impl Promises {
    pub(super) fn from(&mut self, at: Timestamp, promise: Promise) {
        if self.all.last().is_none_or(|(_, last)| *last != promise) {
            self.all.push((at, promise));
        }
    }

    /// Returns what was promised at any time since `horizon`.
    pub(super) fn since(&self, horizon: Timestamp) -> impl Iterator<Item = &Promise> {
        let first = self.all.partition_point(|(from, _)| *from <= horizon).saturating_sub(1);
        self.all[first..].iter().map(|(_, promise)| promise)
    }

    /// Returns what is promised now.
    pub(super) fn last(&self) -> Option<&Promise> {
        self.all.last().map(|(_, promise)| promise)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_broken_connection_makes_the_view_older() {
        let mut sight = Sight::default();
        sight.lags(SignedDuration::from_secs(2));
        assert_eq!(sight.horizon(at(100)), at(98));
        sight.lost(at(100));
        assert_eq!(sight.horizon(at(110)), at(98), "it saw nothing since");
        sight.regained(at(110));
        assert_eq!(sight.horizon(at(115)), at(98), "it may still try to connect");
        assert_eq!(sight.horizon(at(140)), at(138));
    }
}
