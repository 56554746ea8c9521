//! Conditions of workloads: when they count as changed, and which time stamps move.

use jiff::Timestamp;

use crate::controllers::view::Condition;

/// Returns the time as the API stores it: whole seconds, not rounded up.
pub(crate) fn to_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

impl Condition {
    /// Returns a condition that both became so and was looked at now.
    pub(crate) fn new(r#type: &str, status: &str, reason: &str, message: impl Into<String>, now: Timestamp) -> Self {
        let now = Some(to_seconds(now));
        Self {
            r#type: r#type.to_owned(),
            status: status.to_owned(),
            last_update_time: now,
            last_transition_time: now,
            reason: reason.to_owned(),
            message: message.into(),
        }
    }

    /// Returns the same condition without `lastUpdateTime`, which few kinds have.
    pub(crate) fn without_update_time(mut self) -> Self {
        self.last_update_time = None;
        self
    }
}

/// Returns the condition of this type.
pub(crate) fn find<'a>(conditions: &'a [Condition], r#type: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.r#type == r#type)
}

/// Returns whether the condition of this type has status `True`.
pub(crate) fn is_true(conditions: &[Condition], r#type: &str) -> bool {
    find(conditions, r#type).is_some_and(|condition| condition.status == "True")
}

/// Removes the condition of this type.
pub(crate) fn remove(conditions: &mut Vec<Condition>, r#type: &str) {
    conditions.retain(|condition| condition.r#type != r#type);
}

/// Sets a condition unless status and reason are as before. `lastTransitionTime` moves with the status only; the
/// condition goes to the end of the list, as upstream's does. Returns whether something changed.
pub(crate) fn set(conditions: &mut Vec<Condition>, mut condition: Condition) -> bool {
    if let Some(before) = find(conditions, &condition.r#type) {
        if before.status == condition.status && before.reason == condition.reason {
            return false;
        }
        if before.status == condition.status {
            condition.last_transition_time = before.last_transition_time;
        }
    }
    remove(conditions, &condition.r#type);
    conditions.push(condition);
    true
}

/// As [`set`], but a new message is a change too.
pub(crate) fn set_with_message(conditions: &mut Vec<Condition>, condition: Condition) {
    let Some(before) = conditions.iter_mut().find(|before| before.r#type == condition.r#type) else {
        conditions.push(condition);
        return;
    };
    let moved = before.status != condition.status;
    let time = if moved { condition.last_transition_time } else { before.last_transition_time };
    *before = Condition { last_transition_time: time, ..condition };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64, status: &str, reason: &str) -> Condition {
        Condition::new("Ready", status, reason, "", Timestamp::from_second(second).unwrap())
    }

    #[test]
    fn only_a_new_status_moves_the_transition_time() {
        let mut list = vec![at(1, "True", "A")];
        assert!(!set(&mut list, at(2, "True", "A")));
        assert_eq!(list, [at(1, "True", "A")]);
        assert!(set(&mut list, at(3, "True", "B")));
        assert_eq!(list[0].last_transition_time, at(1, "", "").last_transition_time);
        assert_eq!(list[0].last_update_time, at(3, "", "").last_update_time);
        assert!(set(&mut list, at(4, "False", "B")));
        assert_eq!(list, [at(4, "False", "B")]);
    }
}
