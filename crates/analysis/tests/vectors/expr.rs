//! Conditions.

use serde_json::{Value as Json, json};
use tiphys_analysis::{
    condition::{ConditionError, condition, judge},
    expr::{ExprError, Value},
};
use tiphys_api::types::Metric;

use super::{report, rows};

/// Rows in which we differ on purpose; `docs/differences.md` says why.
const DIFFERENT: [u64; 8] = [304, 330, 354, 596, 980, 1069, 1074, 1143];

/// What upstream prints straight out of its host language; here only the stage is compared.
const HOST_WORDS: [&str; 3] = ["interface", "float64", "reflect"];

fn float(json: &Json) -> f64 {
    match json.as_str() {
        Some("NaN") => f64::NAN,
        Some("+Inf") => f64::INFINITY,
        Some("-Inf") => f64::NEG_INFINITY,
        _ => json.as_f64().unwrap(),
    }
}

fn measured(result: &Json) -> Value {
    let value = &result["v"];
    match result["t"].as_str().unwrap() {
        "json" => Value::from_json(value),
        "f64" => Value::Float(float(value)),
        "pf64" if value.is_null() => Value::Nil,
        "pf64" => Value::Float(float(value)),
        "f64s" => Value::floats(value.as_array().unwrap().iter().map(float)),
        "int" => Value::Int(value.as_i64().unwrap()),
        "nil" | "nilf64s" => Value::Nil,
        other => panic!("unknown type {other}"),
    }
}

fn answer(input: &Json) -> Json {
    let now = "2026-01-02T03:04:05Z".parse().unwrap();
    let result = measured(&input["result"]);
    let text = |field: &str| input[field].as_str().unwrap_or_default().to_owned();
    if input["fn"] == "EvaluateResult" {
        let metric = Metric {
            success_condition: text("successCondition"),
            failure_condition: text("failureCondition"),
            ..Metric::default()
        };
        let outcome = judge(&metric, &result, now);
        return match outcome.message.as_str() {
            "" => json!({"phase": outcome.phase}),
            message => json!({"phase": outcome.phase, "error": message}),
        };
    }
    match condition(&text("cond"), &result, now) {
        Ok(value) => json!({"value": value}),
        Err(error) => {
            let stage = match &error {
                ConditionError::Expression(ExprError::Compile(_)) => "compile",
                ConditionError::Expression(ExprError::Run(_)) => "run",
                ConditionError::Type { .. } => "type",
            };
            json!({"stage": stage, "error": error.to_string()})
        }
    }
}

fn is_same(wanted: &Json, got: &Json) -> bool {
    let without_error = |json: &Json| {
        let mut json = json.clone();
        let error = json.as_object_mut().unwrap().remove("error");
        (json, error.map(|error| error.as_str().unwrap().to_owned()))
    };
    let ((wanted, wanted_error), (got, got_error)) = (without_error(wanted), without_error(got));
    let is_host = wanted_error.as_ref().is_some_and(|error| HOST_WORDS.iter().any(|word| error.contains(word)));
    wanted == got && wanted_error.is_some() == got_error.is_some() && (is_host || wanted_error == got_error)
}

#[test]
fn vectors_expr() {
    let Some(rows) = rows("expr") else { return };
    let mut wrong = Vec::new();
    for row in &rows {
        let (id, got) = (row["id"].as_u64().unwrap(), answer(&row["in"]));
        if is_same(&row["out"], &got) == DIFFERENT.contains(&id) {
            wrong.push(format!("{id}: {}\n    upstream {}\n    here     {got}", row["in"], row["out"]));
        }
    }
    report("expr", rows.len(), &wrong);
}
