//! Durations.

use serde_json::{Value, json};
use tiphys_api::{Rollout, decode, duration};

use tiphys_vectors as vectors;

fn answer(input: &Value) -> Value {
    if input["kind"] == "pause" {
        let pause = match input.get("duration") {
            Some(duration) => json!({"duration": duration}),
            None => json!({}),
        };
        let rollout =
            decode::<Rollout>(json!({"spec": {"strategy": {"canary": {"steps": [{"pause": pause}]}}}})).object;
        let step = &rollout.spec.strategy.canary.unwrap().steps[0];
        return json!({"seconds": duration::pause_seconds(step.pause.as_ref().unwrap())});
    }
    match duration::parse(input["duration"].as_str().unwrap()) {
        Ok(parsed) => json!({"nanos": parsed.as_nanos().to_string(), "string": duration::format(parsed)}),
        Err(error) => json!({"error": error.to_string()}),
    }
}

#[test]
fn vectors_durations() {
    let rows = vectors::rows("durations");
    let mut differences = Vec::new();
    for row in &rows {
        let found = answer(&row.input);
        if found != row.output {
            differences.push(format!("{}: {found} not {} for {}", row.id, row.output, row.input));
        }
    }
    vectors::report("durations", rows.len(), &differences);
}
