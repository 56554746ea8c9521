use serde_json::json;
use tiphys_gitops::retry::wait;

use super::compare;

#[test]
fn vectors_gitops_retry() {
    compare("gitops-retry", |input| {
        let backoff: Option<_> = serde_json::from_value(input["backoff"].clone()).unwrap();
        match wait(backoff.as_ref(), input["retryCount"].as_i64().unwrap()) {
            Ok(wait) => json!({"waitNs": i64::try_from(wait.as_nanos()).unwrap()}),
            Err(problem) => json!({"error": problem.to_string()}),
        }
    });
}
