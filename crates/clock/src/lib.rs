//! The one clock of Tiphys.
//!
//! Wall time is derived from `tokio::time`, so that pausing or advancing tokio's clock moves every time stamp, deadline
//! and age in the process. Nothing else in the workspace asks the operating system for the time (`clippy.toml` bans it).

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// Wall time that follows tokio's clock. Cheap to copy; all copies agree.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    base: Timestamp,
    origin: Instant,
}

impl Clock {
    /// Returns a clock that shows the operating system's time now and follows tokio's clock from here on.
    ///
    /// Must be called inside a tokio runtime.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where the operating system's time enters")]
    pub fn system() -> Self {
        Self::starting_at(Timestamp::now())
    }

    /// Returns a clock that shows `base` now and follows tokio's clock from here on.
    #[must_use]
    pub fn starting_at(base: Timestamp) -> Self {
        Self { base, origin: Instant::now() }
    }

    /// Returns the present time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.base + self.origin.elapsed()
    }

    /// Returns how long it is until `at`; zero if that is past.
    #[must_use]
    pub fn until(&self, at: Timestamp) -> Duration {
        Duration::try_from(at.duration_since(self.now())).unwrap_or(Duration::ZERO)
    }

    /// Sleeps until `at`.
    pub async fn sleep_until(&self, at: Timestamp) {
        tokio::time::sleep(self.until(at)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn follows_virtual_time() {
        let start: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let clock = Clock::starting_at(start);
        clock.sleep_until("2026-01-02T05:04:05Z".parse().unwrap()).await;
        assert_eq!(clock.now().to_string(), "2026-01-02T05:04:05Z");
        assert_eq!(clock.until(start), Duration::ZERO);
    }
}
