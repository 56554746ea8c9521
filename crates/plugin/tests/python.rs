//! The example in Python, started as a user would.

use std::{collections::BTreeMap, path::PathBuf, process::Command};

use serde_json::{Value, json};
use tiphys_plugin::{
    Host, Launch, METHODS,
    proto::{MeasureRequest, Measurement, RouteReply, StepReply, StepRequest, Verification, VerifyReply},
};

use crate::behaviour::{Folder, limits, request};

fn example() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins/examples/python"))
}

/// Installs what the example needs; `None`, loudly, where that is not possible.
fn install() -> Option<()> {
    let installed = Command::new(example().join("install")).output();
    let why = match installed {
        Ok(output) if output.status.success() => return Some(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!is_ci, "the Python example cannot be installed: {why}");
    println!("SKIPPED: the Python example cannot be installed, the protocol was not tried with it: {why}");
    None
}

#[tokio::test]
async fn the_python_example_routes_measures_and_steps() {
    let Some(()) = install() else { return };
    let folder = Folder::new("python");
    let host = Host::new(&folder.0, limits());
    let launch = Launch { name: "tiphys/example".to_owned(), program: example().join("run"), args: Vec::new() };
    host.set(BTreeMap::from([("example".to_owned(), Ok(launch))]));
    let file = folder.0.join("weights.json");
    let mut wanted = request(20);
    wanted.config = json!({"file": file}).to_string();
    let before: VerifyReply = host.call("example", METHODS.verify, &wanted).await.unwrap();
    assert_eq!(before.verification(), Verification::NotYet);
    let RouteReply {} = host.call("example", METHODS.route, &wanted).await.unwrap();
    let after: VerifyReply = host.call("example", METHODS.verify, &wanted).await.unwrap();
    assert_eq!(after.verification(), Verification::Verified);
    let written: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(written["prod/shop"], json!({"canary": 20, "stable": 80, "headers": []}));
    wanted.config = "{}".to_owned();
    let error = host.call::<_, RouteReply>("example", METHODS.route, &wanted).await.unwrap_err();
    assert_eq!(error.to_string(), "Route of plugin tiphys/example failed: config.file is missing");
    let metric = json!({"provider": {"plugin": {"tiphys/example": {"value": 7}}}}).to_string();
    let measured: Measurement =
        host.call("example", METHODS.measure, &MeasureRequest { metric, ..Default::default() }).await.unwrap();
    assert_eq!((measured.phase.as_str(), measured.value.as_str()), ("Successful", "7"));
    let mut step = StepRequest { config: json!({"runs": 2}).to_string(), ..Default::default() };
    let first: StepReply = host.call("example", METHODS.run_step, &step).await.unwrap();
    assert_eq!((first.phase.as_str(), first.requeue_after_seconds), ("Running", 1));
    step.status = first.status;
    let second: StepReply = host.call("example", METHODS.run_step, &step).await.unwrap();
    assert_eq!(second.phase, "Successful");
}
