//! Whether a sync may run now.

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use tiphys_api::types::{ApplicationDestination, SyncWindow};
use tiphys_machinery::{cron::Schedule, glob, go_duration};

/// Who asked for a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// A person.
    Manual,
    /// The controller.
    Automatic,
}

/// A window whose time cannot be read. It blocks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// The schedule is none.
    #[error("cannot parse schedule '{0}': {1}")]
    ParseSchedule(String, String),
    /// The duration is none.
    #[error("cannot parse duration '{0}': {1}")]
    ParseDuration(String, String),
}

/// Returns the windows that concern an Application: one of their lists matches, or with `andOperator` all that are set.
#[must_use]
pub fn matching<'w>(windows: &'w [SyncWindow], name: &str, to: &ApplicationDestination) -> Vec<&'w SyncWindow> {
    windows.iter().filter(|window| concerns(window, name, to)).collect()
}

fn concerns(window: &SyncWindow, name: &str, to: &ApplicationDestination) -> bool {
    let any = |patterns: &[String], text: &str| patterns.iter().any(|pattern| glob::matches(pattern, text, &[]));
    let named = |patterns: &[String], text: &str| !text.is_empty() && any(patterns, text);
    let lists = [
        (&window.applications, any(&window.applications, name)),
        (&window.clusters, named(&window.clusters, &to.name) || named(&window.clusters, &to.server)),
        (&window.namespaces, any(&window.namespaces, &to.namespace)),
    ];
    let mut set = lists.into_iter().filter(|(patterns, _)| !patterns.is_empty()).map(|(_, matched)| matched);
    if window.and_operator {
        let set: Vec<bool> = set.collect();
        !set.is_empty() && set.into_iter().all(|matched| matched)
    } else {
        set.any(|matched| matched)
    }
}

/// Returns whether a window is open at `now`.
///
/// Its start is a time of the clock in its zone, on the day of the start, whatever the offset is at `now`.
///
/// # Errors
/// When schedule or duration is none.
pub fn is_active(window: &SyncWindow, now: Timestamp) -> Result<bool, WindowError> {
    let schedule =
        Schedule::parse(&window.schedule).map_err(|why| WindowError::ParseSchedule(window.schedule.clone(), why))?;
    let duration = go_duration::parse(&window.duration)
        .map_err(|why| WindowError::ParseDuration(window.duration.clone(), why.to_string()))?;
    let zone = zone(&window.time_zone);
    if let Some(own) = &schedule.zone {
        return Ok(opens_in_own_zone(&schedule, &self::zone(own), &zone, now, duration));
    }
    let Ok(after) = now.checked_sub(duration) else { return Ok(false) };
    let mut civil = after.to_zoned(zone.clone()).datetime();
    // A start that the clock skips or repeats may be before `after` all the same: look at the next one then.
    loop {
        let Some(start) = schedule.next(civil) else { return Ok(false) };
        match zone.to_timestamp(start) {
            Ok(at) if at > after => return Ok(at < now),
            _ => civil = start,
        }
    }
}

/// A schedule that names a zone itself is one of that zone; upstream still moves `now` by the offset of `timeZone`.
fn opens_in_own_zone(
    schedule: &Schedule,
    own: &TimeZone,
    zone: &TimeZone,
    now: Timestamp,
    duration: SignedDuration,
) -> bool {
    let offset = SignedDuration::from_secs(zone.to_offset(now).seconds().into());
    let Some(moved) = now.checked_add(offset).ok() else { return false };
    let Some(after) = moved.checked_sub(duration).ok() else { return false };
    let start: Option<DateTime> = schedule.next(after.to_zoned(own.clone()).datetime());
    start.and_then(|start| own.to_timestamp(start).ok()).is_some_and(|start| start < moved)
}

/// A zone that nobody knows is UTC, and so is the zone of whatever machine this is.
fn zone(name: &str) -> TimeZone {
    match name {
        "" | "Local" => TimeZone::UTC,
        name => TimeZone::get(name).unwrap_or(TimeZone::UTC),
    }
}

/// Returns the positions of the windows of either kind that are open at `now`.
///
/// # Errors
/// When one of them cannot be read.
pub fn active(windows: &[&SyncWindow], now: Timestamp) -> Result<Vec<usize>, WindowError> {
    positions(windows, |window| is_active(window, now))
}

/// Returns the positions of the windows that would allow syncs, and are closed at `now`.
///
/// # Errors
/// When one of them cannot be read.
pub fn inactive_allows(windows: &[&SyncWindow], now: Timestamp) -> Result<Vec<usize>, WindowError> {
    positions(windows, |window| Ok(window.kind == "allow" && !is_active(window, now)?))
}

fn positions(
    windows: &[&SyncWindow],
    is_wanted: impl Fn(&SyncWindow) -> Result<bool, WindowError>,
) -> Result<Vec<usize>, WindowError> {
    let mut found = Vec::new();
    for (position, window) in windows.iter().enumerate() {
        if is_wanted(window)? {
            found.push(position);
        }
    }
    Ok(found)
}

/// Returns whether a sync may run at `now` under the windows that concern its Application.
///
/// A sync that began at `started_at`, when it was allowed, goes on where all windows in its way have `syncOverrun`.
///
/// # Errors
/// When a window cannot be read; nothing may run then.
pub fn may_sync(
    windows: &[&SyncWindow],
    trigger: Trigger,
    now: Timestamp,
    started_at: Option<Timestamp>,
) -> Result<bool, WindowError> {
    let at = |positions: Vec<usize>| positions.into_iter().filter_map(|i| windows.get(i).copied());
    let active: Vec<&SyncWindow> = at(active(windows, now)?).collect();
    let denies: Vec<&SyncWindow> = active.iter().copied().filter(|window| window.kind == "deny").collect();
    if denies.is_empty() && active.iter().any(|window| window.kind == "allow") {
        return Ok(true);
    }
    let in_the_way = if denies.is_empty() { at(inactive_allows(windows, now)?).collect() } else { denies };
    if in_the_way.is_empty() || trigger == Trigger::Manual && in_the_way.iter().all(|window| window.manual_sync) {
        return Ok(true);
    }
    match started_at.filter(|_| in_the_way.iter().all(|window| window.sync_overrun)) {
        Some(started_at) => may_sync(windows, trigger, started_at, None),
        None => Ok(false),
    }
}
