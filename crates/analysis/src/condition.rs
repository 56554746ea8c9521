//! What a measured value says about a metric: its conditions.

use jiff::Timestamp;
use tiphys_api::{constants::analysis_phase, types::Metric};

use crate::expr::{Environment, ExprError, Moment, Value, evaluate, evaluate_absent};

/// Why a condition says neither yes nor no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// It has no value.
    #[error(transparent)]
    Expression(#[from] ExprError),
    /// Its value is something else.
    #[error("expected {wanted}, but got {found}")]
    Type {
        /// What was wanted.
        wanted: &'static str,
        /// The type of the value.
        found: &'static str,
    },
}

/// What is thought of a measurement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// One of [`analysis_phase`].
    pub phase: &'static str,
    /// Why it is an error; empty otherwise.
    pub message: String,
    /// Whether the provider gave no data: that is neither success nor failure.
    pub is_missing_data: bool,
}

/// The text of an outcome without data.
pub const NO_DATA: &str = "metric result is nil or empty: no data returned from the metric provider";

/// Returns what a condition says about a value.
///
/// # Errors
/// Where it says nothing.
pub fn condition(text: &str, result: &Value, now: Timestamp) -> Result<bool, ConditionError> {
    let environment = Environment::condition(result.clone(), now);
    let value = match result {
        Value::Nil => evaluate_absent(text, &environment)?,
        _ => evaluate(text, &environment)?,
    };
    match value {
        Value::Bool(answer) => Ok(answer),
        other => Err(ConditionError::Type { wanted: "bool", found: other.go_type() }),
    }
}

/// Returns the moment that an expression such as `now() - duration("1h")` stands for.
///
/// # Errors
/// Where it stands for none.
pub fn moment(text: &str, now: Timestamp) -> Result<Timestamp, ConditionError> {
    match evaluate(text, &Environment::moment(now))? {
        Value::Time(Moment { at, .. }) => Ok(at),
        other => Err(ConditionError::Type { wanted: "time.Time", found: other.go_type() }),
    }
}

/// Returns the phase of a measurement of `metric` that gave `result`.
///
/// Both conditions are always looked at, success first. Without conditions any value is a success.
#[must_use]
pub fn judge(metric: &Metric, result: &Value, now: Timestamp) -> Outcome {
    let ask = |name: &str, text: &str| -> Result<Option<bool>, String> {
        if text.is_empty() {
            return Ok(None);
        }
        condition(text, result, now).map(Some).map_err(|error| {
            let cause = if result.is_empty() { NO_DATA.to_owned() } else { error.to_string() };
            format!("could not evaluate {name} \"{text}\": {cause}")
        })
    };
    let success = ask("successCondition", &metric.success_condition);
    let answers = success.and_then(|success| Ok((success, ask("failureCondition", &metric.failure_condition)?)));
    let phase = match answers {
        Err(message) => {
            return Outcome { phase: analysis_phase::ERROR, message, is_missing_data: result.is_empty() };
        }
        Ok((_, Some(true)) | (Some(false), None)) => analysis_phase::FAILED,
        Ok((Some(false), Some(false))) => analysis_phase::INCONCLUSIVE,
        Ok(_) => analysis_phase::SUCCESSFUL,
    };
    Outcome { phase, message: String::new(), is_missing_data: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-01-02T03:04:05Z".parse().unwrap()
    }

    #[track_caller]
    fn check(text: &str, result: &Value, expected: &str) {
        let answer = condition(text, result, now()).map_or_else(|error| error.to_string(), |answer| answer.to_string());
        assert_eq!(answer, expected, "{text}");
    }

    #[test]
    fn absent_result_can_be_tested_for() {
        check("isNil(result) || result < 5", &Value::Nil, "true");
        check("result == nil ? false : result > 1", &Value::Nil, "false");
        check("result < 5", &Value::Nil, "invalid operation: < (mismatched types unknown and int)");
        check(
            "result contains \"a\"",
            &Value::Nil,
            "invalid operation: contains (mismatched types unknown and string)",
        );
    }

    #[test]
    fn default_looks_at_its_argument() {
        let result = Value::map([("a".to_owned(), Value::Nil)]);
        check("default(result.a, 3) == 3", &result, "true");
        check("default(result, 3) == 3", &Value::Nil, "true");
        check("isNil(result.a) && !isNil(result)", &result, "true");
    }

    #[test]
    fn expressions_are_bounded() {
        check("len(1..2000000) > 0", &Value::Int(1), "memory budget exceeded");
        check("all(1..900, all(1..900, all(1..900, # > 0)))", &Value::Int(1), "memory budget exceeded");
        check("len(repeat(repeat(\"ab\", 1000), 1000)) > 0", &Value::Int(1), "memory budget exceeded");
        let deep = format!("{}result{}", "(".repeat(400), ")".repeat(400));
        check(&deep, &Value::Int(1), "compilation failed: expression exceeds maximum allowed nodes");
        let long = vec!["true"; 150].join(" && ");
        check(&long, &Value::Int(1), "true");
    }

    #[test]
    fn moments_are_computed() {
        assert_eq!(moment("now() - duration(\"1h\")", now()).unwrap().to_string(), "2026-01-02T02:04:05Z");
        assert_eq!(moment("1", now()).unwrap_err().to_string(), "expected time.Time, but got int");
        assert_eq!(moment("result", now()).unwrap_err().to_string(), "unknown name result");
    }

    #[test]
    fn missing_data_is_its_own_outcome() {
        let metric = Metric { success_condition: "result > 1".to_owned(), ..Metric::default() };
        let outcome = judge(&metric, &Value::floats([]), now());
        assert_eq!((outcome.phase, outcome.is_missing_data), (analysis_phase::ERROR, true));
        assert!(outcome.message.ends_with(NO_DATA), "{}", outcome.message);
    }
}
