//! Numbers that may be given as a percentage.

use serde::Deserialize;

/// An `IntOrString` that counts pods: `3` or `"25%"`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Scaled {
    /// A plain number.
    Count(i64),
    /// A percentage such as `25%`; anything else counts as 0.
    Text(String),
}

/// Which way a fraction of a pod goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rounding {
    /// `maxSurge`, budgets.
    Up,
    /// `maxUnavailable` of a rolling update.
    Down,
}

impl Scaled {
    /// Returns the number of pods meant when `total` are 100 %.
    pub(crate) fn of(&self, total: i64, rounding: Rounding) -> i64 {
        match self {
            Self::Count(count) => *count,
            Self::Text(text) => {
                let percent: i64 = text.strip_suffix('%').and_then(|n| n.parse().ok()).unwrap_or(0);
                let hundredths = percent.saturating_mul(total);
                match rounding {
                    Rounding::Up => hundredths.saturating_add(99).div_euclid(100),
                    Rounding::Down => hundredths.div_euclid(100),
                }
            }
        }
    }

    /// Returns whether this is a percentage.
    pub(crate) fn is_percent(&self) -> bool {
        matches!(self, Self::Text(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_round_as_asked() {
        for (value, total, up, down) in [
            (Scaled::Count(3), 10, 3, 3),
            (Scaled::Text("25%".into()), 10, 3, 2),
            (Scaled::Text("100%".into()), 7, 7, 7),
            (Scaled::Text("0%".into()), 7, 0, 0),
            (Scaled::Text("x".into()), 7, 0, 0),
        ] {
            assert_eq!((value.of(total, Rounding::Up), value.of(total, Rounding::Down)), (up, down), "{value:?}");
        }
    }
}
