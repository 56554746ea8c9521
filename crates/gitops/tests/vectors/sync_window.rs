use jiff::Timestamp;
use serde_json::{Value, json};
use tiphys_api::types::{ApplicationDestination, SyncWindow};
use tiphys_gitops::sync_window::{Trigger, active, inactive_allows, matching, may_sync};

use super::compare;

#[test]
fn vectors_gitops_sync_window() {
    compare("gitops-sync-window", answer);
}

fn answer(input: &Value) -> Value {
    let windows: Vec<SyncWindow> = serde_json::from_value(input["windows"].clone()).unwrap();
    let to: ApplicationDestination = serde_json::from_value(input["app"]["destination"].clone()).unwrap();
    let time = |field: &str| input[field].as_str().map(|text| text.parse::<Timestamp>().unwrap());
    let matched = matching(&windows, input["app"]["name"].as_str().unwrap(), &to);
    let indices: Vec<usize> =
        matched.iter().map(|window| windows.iter().position(|w| std::ptr::eq(w, *window)).unwrap()).collect();
    let trigger = if input["manual"] == true { Trigger::Manual } else { Trigger::Automatic };
    let now = time("now").unwrap();
    let may = may_sync(&matched, trigger, now, time("operationStartedAt"));
    let mut out = json!({"matched": indices});
    match may {
        Ok(may) => out["canSync"] = json!(may),
        Err(problem) => {
            out["canSync"] = json!(false);
            out["error"] = json!(problem.to_string());
        }
    }
    let of_all = |positions: Vec<usize>| positions.into_iter().map(|i| indices[i]).collect::<Vec<_>>();
    if let Ok(active) = active(&matched, now) {
        out["active"] = json!(of_all(active));
    }
    if let Ok(inactive) = inactive_allows(&matched, now) {
        out["inactiveAllows"] = json!(of_all(inactive));
    }
    out
}
