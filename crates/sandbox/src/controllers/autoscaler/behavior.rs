//! From what is wanted to what is done: stabilization, rates and limits.

use jiff::{SignedDuration, Timestamp};

use super::spec::{Behavior, Policy, Rules};

/// How long the highest recommendation holds where nothing else is said.
const DOWNSCALE_WINDOW: i64 = 300;

/// What was recommended and done lately.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct History {
    recommendations: Vec<(Timestamp, i64)>,
    ups: Vec<(Timestamp, i64)>,
    downs: Vec<(Timestamp, i64)>,
}

/// The present number and its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) current: i64,
    pub(super) min: i64,
    pub(super) max: i64,
}

/// Reason and message of a condition.
pub(super) type Saying = (&'static str, &'static str);

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) replicas: i64,
    /// Of condition `AbleToScale`.
    pub(super) able: Saying,
    /// Whether `ScalingLimited` is true.
    pub(super) is_limited: bool,
    /// Of condition `ScalingLimited`.
    pub(super) limited: Saying,
}

const READY: Saying = ("ReadyForNewScale", "recommended size matches current size");
const UP_STABILIZED: Saying = (
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
);
const DOWN_STABILIZED: Saying = (
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
);
const UP_LIMIT: Saying = ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate");
const DOWN_LIMIT: Saying =
    ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate");
const TOO_MANY: Saying = ("TooManyReplicas", "the desired replica count is more than the maximum replica count");
const TOO_FEW: Saying = ("TooFewReplicas", "the desired replica count is less than the minimum replica count");
const IN_RANGE: Saying = ("DesiredWithinRange", "the desired count is within the acceptable range");

impl History {
    /// Remembers the number that was found first, as if it had been recommended.
    pub(super) fn begin(&mut self, current: i64, now: Timestamp) {
        if self.recommendations.is_empty() {
            self.recommendations.push((now, current));
        }
    }

    /// Turns a recommendation into a decision and remembers it.
    pub(super) fn decide(
        &mut self,
        behavior: Option<&Behavior>,
        bounds: Bounds,
        wanted: i64,
        now: Timestamp,
    ) -> Decision {
        let (stable, held) = match behavior {
            Some(behavior) => self.stabilize(behavior, bounds.current, wanted, now),
            None => (self.highest(wanted, DOWNSCALE_WINDOW, now), DOWN_STABILIZED),
        };
        let keep = longest_window(behavior);
        self.recommendations.retain(|(at, _)| *at + SignedDuration::from_secs(keep) >= now);
        self.recommendations.push((now, wanted));
        let (replicas, limited) = match behavior {
            Some(behavior) => self.limit(behavior, bounds, stable, now),
            None => limit_simply(bounds, stable),
        };
        let able = if stable == wanted { READY } else { held };
        Decision { replicas, able, is_limited: replicas != stable, limited }
    }

    /// Remembers that the number was changed.
    pub(super) fn scaled(&mut self, behavior: Option<&Behavior>, from: i64, to: i64, now: Timestamp) {
        let Some(behavior) = behavior else { return };
        let (events, rules) =
            if to > from { (&mut self.ups, &behavior.scale_up) } else { (&mut self.downs, &behavior.scale_down) };
        let longest = rules.policies.iter().map(|policy| policy.period_seconds).max().unwrap_or(0);
        events.retain(|(at, _)| *at + SignedDuration::from_secs(longest) >= now);
        events.push((now, (to - from).abs()));
    }

    fn within(&self, seconds: i64, now: Timestamp) -> impl Iterator<Item = i64> {
        let since = now - SignedDuration::from_secs(seconds);
        self.recommendations.iter().filter(move |(at, _)| *at > since).map(|(_, wanted)| *wanted)
    }

    fn highest(&self, wanted: i64, seconds: i64, now: Timestamp) -> i64 {
        self.within(seconds, now).fold(wanted, i64::max)
    }

    fn stabilize(&self, behavior: &Behavior, current: i64, wanted: i64, now: Timestamp) -> (i64, Saying) {
        let up = self.within(window(&behavior.scale_up, 0), now).fold(wanted, i64::min);
        let down = self.highest(wanted, window(&behavior.scale_down, DOWNSCALE_WINDOW), now);
        let held = if wanted >= current { UP_STABILIZED } else { DOWN_STABILIZED };
        (current.max(up).min(down), held)
    }

    fn limit(&self, behavior: &Behavior, bounds: Bounds, wanted: i64, now: Timestamp) -> (i64, Saying) {
        let Bounds { current, min, max } = bounds;
        if wanted > current {
            let rate = self.rate(&behavior.scale_up, Direction::Up, current, now).max(current);
            let (most, why) = if max > rate { (rate, UP_LIMIT) } else { (max, TOO_MANY) };
            if wanted > most {
                return (most, why);
            }
        } else if wanted < current {
            let rate = self.rate(&behavior.scale_down, Direction::Down, current, now).min(current);
            let (least, why) = if min < rate { (rate, DOWN_LIMIT) } else { (min, TOO_FEW) };
            if wanted < least {
                return (least, why);
            }
        }
        (wanted, IN_RANGE)
    }

    /// Returns the farthest number that the policies of a direction allow.
    fn rate(&self, rules: &Rules, direction: Direction, current: i64, now: Timestamp) -> i64 {
        let least_change = match rules.select_policy.as_deref() {
            Some("Disabled") => return current,
            Some("Min") => true,
            _ => false,
        };
        let allowed = rules.policies.iter().map(|policy| direction.allows(policy, self.at_start(policy, current, now)));
        // The smallest change on the way up is the lowest number, on the way down the highest.
        let found = if least_change == (direction == Direction::Up) { allowed.min() } else { allowed.max() };
        found.unwrap_or(current)
    }

    /// Returns how many replicas there were at the start of a policy's period.
    fn at_start(&self, policy: &Policy, current: i64, now: Timestamp) -> i64 {
        let since = now - SignedDuration::from_secs(policy.period_seconds);
        let sum = |events: &[(Timestamp, i64)]| -> i64 {
            events.iter().filter(|(at, _)| *at > since).map(|(_, change)| change).sum()
        };
        current - sum(&self.ups) + sum(&self.downs)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

impl Direction {
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "upstream counts in floats too")]
    fn allows(self, policy: &Policy, start: i64) -> i64 {
        let share = policy.value as f64 / 100.0;
        match (self, policy.r#type.as_str()) {
            (Self::Up, "Percent") => (start as f64 * (1.0 + share)).ceil() as i64,
            (Self::Down, "Percent") => (start as f64 * (1.0 - share)) as i64,
            (Self::Up, _) => start + policy.value,
            (Self::Down, _) => start - policy.value,
        }
    }
}

fn window(rules: &Rules, otherwise: i64) -> i64 {
    rules.stabilization_window_seconds.unwrap_or(otherwise)
}

fn longest_window(behavior: Option<&Behavior>) -> i64 {
    behavior.map_or(DOWNSCALE_WINDOW, |behavior| {
        window(&behavior.scale_up, 0).max(window(&behavior.scale_down, DOWNSCALE_WINDOW))
    })
}

/// Without a behavior the number at most doubles, or grows to 4.
fn limit_simply(Bounds { current, min, max }: Bounds, wanted: i64) -> (i64, Saying) {
    let rate = (2 * current).max(4);
    let (most, why) = if max > rate { (rate, UP_LIMIT) } else { (max, TOO_MANY) };
    match wanted {
        wanted if wanted < min => (min, TOO_FEW),
        wanted if wanted > most => (most, why),
        wanted => (wanted, IN_RANGE),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    #[expect(clippy::needless_pass_by_value, reason = "tables write their JSON in place")]
    fn behavior(value: Value) -> Behavior {
        let percent = json!({"type": "Percent", "value": 100, "periodSeconds": 15});
        let pods = json!({"type": "Pods", "value": 4, "periodSeconds": 15});
        let mut whole = json!({"scaleUp": {"policies": [pods, percent]}, "scaleDown": {"policies": [percent]}});
        for (direction, rules) in value.as_object().unwrap() {
            for (field, part) in rules.as_object().unwrap() {
                whole[direction][field] = part.clone();
            }
        }
        serde_json::from_value(whole).unwrap()
    }

    /// Plays `(second, wanted)` and checks number and reason of what is done, each change being carried out.
    #[track_caller]
    fn play(name: &str, behavior: Option<&Behavior>, start: i64, steps: &[(i64, i64, i64, &str)]) {
        let mut history = History::default();
        let mut bounds = Bounds { current: start, min: 1, max: 20 };
        history.begin(start, at(steps[0].0));
        for (second, wanted, replicas, reason) in steps {
            let now = at(*second);
            let decision = history.decide(behavior, bounds, *wanted, now);
            let said = if decision.is_limited { decision.limited.0 } else { decision.able.0 };
            assert_eq!((decision.replicas, said), (*replicas, *reason), "{name}: second {second}");
            if decision.replicas != bounds.current {
                history.scaled(behavior, bounds.current, decision.replicas, now);
                bounds.current = decision.replicas;
            }
        }
    }

    #[test]
    fn without_a_behavior_it_doubles_at_most_and_shrinks_after_five_minutes() {
        let (ready, held) = ("ReadyForNewScale", "ScaleDownStabilized");
        play(
            "grows",
            None,
            1,
            &[
                (0, 20, 4, "ScaleUpLimit"),
                (15, 20, 8, "ScaleUpLimit"),
                (30, 20, 16, "ScaleUpLimit"),
                (45, 20, 20, ready),
            ],
        );
        play("limits", None, 10, &[(0, 99, 20, "TooManyReplicas")]);
        play("below the minimum", None, 1, &[(400, 0, 1, held), (1000, 0, 1, "TooFewReplicas")]);
        play("shrinks late", None, 8, &[(0, 2, 8, held), (150, 3, 8, held), (301, 3, 3, ready)]);
        play("keeps the highest", None, 8, &[(0, 6, 8, held), (200, 2, 8, held), (310, 2, 2, ready)]);
    }

    #[test]
    fn a_behavior_sets_windows_and_rates() {
        let ready = "ReadyForNewScale";
        let slow_up = behavior(json!({"scaleUp": {"stabilizationWindowSeconds": 60}}));
        play(
            "waits before it grows",
            Some(&slow_up),
            2,
            &[(0, 6, 2, "ScaleUpStabilized"), (30, 4, 2, "ScaleUpStabilized"), (61, 5, 4, "ScaleUpStabilized")],
        );
        let at_once = json!({"scaleDown": {"stabilizationWindowSeconds": 0}});
        play("shrinks at once", Some(&behavior(at_once)), 8, &[(0, 2, 2, ready)]);
        let two_a_minute = behavior(json!({"scaleDown": {
            "stabilizationWindowSeconds": 0, "policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}]}}));
        play(
            "shrinks by two a minute",
            Some(&two_a_minute),
            8,
            &[(0, 1, 6, "ScaleDownLimit"), (30, 1, 6, "ScaleDownLimit"), (61, 1, 4, "ScaleDownLimit")],
        );
        let never = behavior(json!({"scaleDown": {"stabilizationWindowSeconds": 0, "selectPolicy": "Disabled"}}));
        play("never shrinks", Some(&never), 8, &[(0, 1, 8, "ScaleDownLimit")]);
        let careful = behavior(json!({"scaleUp": {"selectPolicy": "Min"}}));
        play("takes the least", Some(&careful), 2, &[(0, 20, 4, "ScaleUpLimit"), (16, 20, 8, "ScaleUpLimit")]);
        play(
            "takes the most",
            Some(&behavior(json!({}))),
            2,
            &[(0, 20, 6, "ScaleUpLimit"), (16, 20, 12, "ScaleUpLimit")],
        );
    }
}
