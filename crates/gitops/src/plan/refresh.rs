//! Whether an Application is compared, and how thoroughly.

use jiff::{SignedDuration, Timestamp};
use tiphys_api::Application;

/// The annotation that asks for a comparison.
pub const REFRESH: &str = "argocd.argoproj.io/refresh";

/// How thorough a comparison is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Only what belongs to the objects changed: images are looked at.
    Tree,
    /// With the revision that was compared last.
    Recent,
    /// With the newest revision, as far as it is known.
    Latest,
    /// With the newest revision, asked for now.
    ForceResolve,
}

/// A comparison to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refresh {
    /// How thorough it is.
    pub level: Level,
    /// Whether manifests are made again.
    pub hard: bool,
}

/// Returns the comparison that is due; the first rule that applies decides.
#[must_use]
pub fn needed(
    app: &Application,
    now: Timestamp,
    timeout: SignedDuration,
    compared_at: Option<Timestamp>,
    requested: Option<Level>,
) -> Option<Refresh> {
    let soft = |level| Some(Refresh { level, hard: false });
    if let Some(asked) = app.metadata.annotations.as_ref().and_then(|all| all.get(REFRESH)) {
        return Some(Refresh { level: Level::ForceResolve, hard: asked == "hard" });
    }
    let (spec, to) = (&app.spec, &app.status.sync.compared_to);
    let (source, sources) =
        if spec.has_multiple_sources() { (None, spec.sources.clone()) } else { (single(app), Vec::new()) };
    if to.source != source || to.sources != sources {
        return soft(Level::ForceResolve);
    }
    let known = compared_at.max(app.status.reconciled_at.as_ref().map(|at| at.0));
    let expired = timeout.is_positive() && known.is_some_and(|at| now.duration_since(at) > timeout);
    if known.is_none() || expired {
        return soft(Level::Latest);
    }
    if to.destination != spec.destination || to.ignore_differences != spec.ignore_differences {
        return soft(Level::Latest);
    }
    requested.and_then(soft)
}

fn single(app: &Application) -> Option<tiphys_api::types::ApplicationSource> {
    app.spec.effective_sources().into_iter().next()
}

/// Returns when an Application is compared again by time: after the timeout and a part of the jitter that its name
/// decides, so that not all of them come at once.
#[must_use]
pub fn next_poll(name: &str, timeout: SignedDuration, jitter: SignedDuration) -> Option<SignedDuration> {
    if !timeout.is_positive() {
        return None;
    }
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in name.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let part = i64::try_from(hash % 1000).unwrap_or_default();
    let millis = i64::try_from(jitter.as_millis()).unwrap_or_default() / 1000 * part;
    Some(timeout + SignedDuration::from_secs(1) + SignedDuration::from_millis(millis))
}
