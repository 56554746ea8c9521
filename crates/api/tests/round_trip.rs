//! Objects with every field, read and written again.

use k8s_openapi::Resource;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tiphys_api::{
    AnalysisRun, AnalysisTemplate, ClusterAnalysisTemplate, Experiment, Rollout, decode, types::IntOrString,
};

use crate::samples;

#[track_caller]
fn check<T: DeserializeOwned + Serialize + Default + Resource>(mut value: Value) -> T {
    value["apiVersion"] = json!("argoproj.io/v1alpha1");
    value["kind"] = json!(T::KIND);
    let decoded = decode::<T>(value.clone());
    assert_eq!(decoded.problems, []);
    assert_eq!(serde_json::to_value(&decoded.object).unwrap(), value);
    decoded.object
}

#[test]
fn a_rollout_with_every_field_is_written_as_it_was_read() {
    let rollout = check::<Rollout>(samples::rollout());
    let canary = rollout.spec.strategy.canary.unwrap();
    assert_eq!(canary.max_surge, Some(IntOrString::String("25%".to_owned())));
    assert_eq!(canary.max_unavailable, Some(IntOrString::Int(1)));
    assert_eq!(rollout.status.observed_generation, "7");
}

#[test]
fn the_other_kinds_with_every_field_are_written_as_they_were_read() {
    check::<AnalysisTemplate>(samples::analysis_template());
    check::<ClusterAnalysisTemplate>(samples::analysis_template());
    check::<AnalysisRun>(samples::analysis_run());
    check::<Experiment>(samples::experiment());
}

#[test]
fn names_at_their_limits_survive() {
    let name = "n".repeat(253);
    let rollout = check::<Rollout>(json!({"metadata": {"name": name, "labels": {"l": "v".repeat(63)}}, "spec": {}}));
    assert_eq!(rollout.metadata.name, Some(name));
}
