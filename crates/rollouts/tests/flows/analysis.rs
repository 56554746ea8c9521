//! Releases that are judged by AnalysisRuns.

use serde_json::{Value, json};

use crate::world::World;

const STABLE: &str = "ddf64cb59";

/// A Rollout at rest on v1, with two templates.
fn world(strategy: &Value) -> World {
    let mut world = World::new(&json!({"strategy": strategy})).with_service("active").with_service("preview");
    for name in ["errors", "latency"] {
        let spec = json!({"args": [{"name": "hash"}], "metrics": [{"name": name, "provider": {"job": {}}}]});
        world.templates.insert(name.to_owned(), json!({"metadata": {"name": name}, "spec": spec}));
    }
    world.run(3);
    assert_eq!(world.phase(), "Healthy", "{}", world.events.join("\n"));
    assert!(world.runs.is_empty(), "a first deploy is not analysed");
    world.told(&[]);
    world
}

fn analysis(template: &str) -> Value {
    let latest = json!({"name": "hash", "valueFrom": {"podTemplateHashValue": "Latest"}});
    json!({"templates": [{"templateName": template}], "args": [latest]})
}

fn end(world: &mut World, run: &str, phase: &str) {
    let all: Vec<String> = world.runs.keys().cloned().collect();
    let run = world.runs.get_mut(run).unwrap_or_else(|| panic!("no run {run}, but {all:?}"));
    run["status"] = json!({"phase": phase, "message": "measured"});
    world.run(5);
}

fn names(world: &World) -> Vec<&str> {
    world.runs.keys().map(String::as_str).collect()
}

fn is_ended(world: &World, run: &str) -> bool {
    world.runs[run]["spec"]["terminate"] == true
}

#[test]
fn a_step_waits_for_its_run_and_goes_on_when_it_is_good() {
    let mut world = world(&json!({"canary": {"steps": [{"setWeight": 25}, {"analysis": analysis("errors")}]}}));
    world.release("v2");
    world.run(60);
    assert_eq!((world.sizes().as_str(), world.status("/currentStepIndex")), ("v1:3 v2:1", &json!(1)));
    let run = "web-569858f45d-2-1";
    assert_eq!(names(&world), [run]);
    let labels = &world.runs[run]["metadata"]["labels"];
    assert_eq!((&labels["rollout-type"], &labels["step-index"]), (&json!("Step"), &json!("1")));
    assert_eq!(world.runs[run]["spec"]["args"], json!([{"name": "hash", "value": "569858f45d"}]));
    assert_eq!(world.status("/canary/currentStepAnalysisRunStatus/name"), run);
    end(&mut world, run, "Running");
    assert_eq!(world.status("/canary/currentStepAnalysisRunStatus/status"), "Running");
    end(&mut world, run, "Successful");
    assert_eq!((world.phase().as_str(), world.sizes().as_str()), ("Healthy", "v1:0 v2:4"));
    assert_eq!(
        world.told(&["AnalysisRun"]),
        [
            "AnalysisRunRunning Step Analysis Run 'web-569858f45d-2-1' Status New: 'Running' Previous: 'NoPreviousStatus'",
            "AnalysisRunSuccessful Step Analysis Run 'web-569858f45d-2-1' Status New: 'Successful' Previous: 'Running'",
        ]
    );
}

#[test]
fn a_bad_version_goes_back_by_itself() {
    let strategy = json!({"canary": {
        "analysis": analysis("errors"),
        "steps": [{"setWeight": 50}, {"pause": {}}],
    }});
    let mut world = world(&strategy);
    world.release("v2");
    world.run(10);
    let run = "web-569858f45d-2";
    assert_eq!((world.phase().as_str(), names(&world)), ("Paused CanaryPauseStep", vec![run]));
    end(&mut world, run, "Failed");
    assert_eq!(
        world.phase(),
        "Degraded RolloutAborted: Rollout aborted update to revision 2: Background analysis phase error/failed: measured"
    );
    assert_eq!(world.sizes(), "v1:4 v2:0");
    assert_eq!(world.status("/canary/currentBackgroundAnalysisRunStatus"), &Value::Null);
    world.change_status(&json!({"abort": false}));
    world.run(10);
    assert_eq!(names(&world), [run, "web-569858f45d-2.1"], "a retry is judged anew");
    assert_eq!(world.phase(), "Paused CanaryPauseStep");
}

#[test]
fn a_background_run_starts_with_its_step_and_ends_with_the_update() {
    let mut background = analysis("errors");
    background["startingStep"] = json!(2);
    let strategy = json!({"canary": {
        "analysis": background,
        "steps": [{"setWeight": 25}, {"pause": {}}, {"setWeight": 50}, {"pause": {}}],
    }});
    let mut world = world(&strategy);
    world.release("v2");
    world.run(5);
    assert!(world.runs.is_empty());
    world.change_status(&json!({"pauseConditions": null}));
    world.run(5);
    assert_eq!(names(&world), ["web-569858f45d-2"]);
    world.change_status(&json!({"pauseConditions": null}));
    world.run(10);
    assert_eq!(world.phase(), "Healthy");
    assert!(is_ended(&world, "web-569858f45d-2"), "nobody waits for it any more");
}

#[test]
fn no_verdict_asks_a_person_and_a_resume_measures_again() {
    let mut world = world(&json!({"canary": {"steps": [{"setWeight": 25}, {"analysis": analysis("errors")}]}}));
    world.release("v2");
    world.run(5);
    end(&mut world, "web-569858f45d-2-1", "Inconclusive");
    assert_eq!(world.phase(), "Paused InconclusiveAnalysisRun");
    world.run(60);
    assert_eq!(names(&world), ["web-569858f45d-2-1"], "nothing new while a person is asked");
    world.change_status(&json!({"pauseConditions": null}));
    world.run(5);
    assert_eq!(names(&world), ["web-569858f45d-2-1", "web-569858f45d-2-1.1"]);
    end(&mut world, "web-569858f45d-2-1.1", "Successful");
    assert_eq!(world.phase(), "Healthy");
}

#[test]
fn runs_of_what_is_superseded_or_aborted_end() {
    let strategy = json!({"canary": {"steps": [{"setWeight": 25}, {"analysis": analysis("errors")}]}});
    let mut world = world(&strategy);
    world.release("v2");
    world.run(5);
    world.release("v3");
    world.run(5);
    assert!(is_ended(&world, "web-569858f45d-2-1"));
    let fresh = names(&world).into_iter().find(|name| name.contains("-3-")).unwrap().to_owned();
    assert!(!is_ended(&world, &fresh));
    world.change_status(&json!({"abort": true}));
    world.run(5);
    assert!(is_ended(&world, &fresh));
}

#[test]
fn old_runs_go_beyond_their_limits() {
    let mut world = world(&json!({"canary": {"steps": [{"setWeight": 25}, {"analysis": analysis("errors")}]}}));
    world.change_spec(&json!({"analysis": {"successfulRunHistoryLimit": 1}}));
    for version in ["v2", "v3", "v4"] {
        world.release(version);
        world.run(5);
        let open = world.runs.iter().find(|(_, run)| run["status"]["phase"].is_null()).map(|(name, _)| name.clone());
        end(&mut world, &open.unwrap(), "Successful");
        assert_eq!(world.phase(), "Healthy", "{version}");
    }
    assert_eq!(world.runs.len(), 1, "{:?}", names(&world));
}

#[test]
fn a_switch_waits_for_the_analysis_before_it() {
    let strategy = json!({"blueGreen": {
        "activeService": "active", "previewService": "preview", "prePromotionAnalysis": analysis("errors"),
    }});
    let mut world = world(&strategy);
    world.release("v2");
    world.run(30);
    let run = "web-569858f45d-2-pre";
    assert_eq!(names(&world), [run]);
    assert_eq!((world.served_by("active").as_str(), world.served_by("preview").as_str()), ("v1", "v2"));
    end(&mut world, run, "Successful");
    assert_eq!(world.served_by("active"), "v2");
    assert_eq!(world.phase(), "Healthy");
}

#[test]
fn a_failed_analysis_before_the_switch_keeps_the_users_where_they_are() {
    let strategy = json!({"blueGreen": {
        "activeService": "active", "previewService": "preview", "autoPromotionEnabled": false,
        "prePromotionAnalysis": analysis("errors"),
    }});
    let mut world = world(&strategy);
    world.release("v2");
    world.run(5);
    assert_eq!(world.status("/pauseConditions"), &Value::Null, "the pause begins once the analysis is good");
    end(&mut world, "web-569858f45d-2-pre", "Error");
    assert_eq!(world.served_by("active"), "v1");
    let expected = "Blue/green pre-promotion analysis phase error/failed: measured";
    assert!(world.phase().ends_with(expected), "{}", world.phase());
}

#[test]
fn a_failed_analysis_after_the_switch_brings_the_users_back() {
    let strategy = json!({"blueGreen": {"activeService": "active", "postPromotionAnalysis": analysis("errors")}});
    let mut world = world(&strategy);
    world.release("v2");
    world.run(10);
    let run = "web-569858f45d-2-post";
    assert_eq!((names(&world), world.served_by("active").as_str()), (vec![run], "v2"));
    assert_eq!(world.status("/stableRS"), STABLE, "not stable before it is found good");
    assert_eq!(world.phase(), "Progressing waiting for analysis to complete");
    world.run(120);
    assert_eq!(world.sizes(), "v1:4 v2:4", "the way back stays open");
    end(&mut world, run, "Failed");
    assert_eq!(world.served_by("active"), "v1");
    assert_eq!(world.status("/stableRS"), STABLE);
}

#[test]
fn a_good_analysis_after_the_switch_makes_the_version_stable() {
    let strategy = json!({"blueGreen": {"activeService": "active", "postPromotionAnalysis": analysis("errors")}});
    let mut world = world(&strategy);
    world.release("v2");
    world.run(10);
    end(&mut world, "web-569858f45d-2-post", "Successful");
    assert_eq!((world.phase().as_str(), world.status("/stableRS")), ("Healthy", &json!("569858f45d")));
    world.run(31);
    assert_eq!(world.sizes(), "v1:0 v2:4");
}

#[test]
fn a_missing_template_is_an_invalid_spec() {
    let mut world = world(&json!({"canary": {"steps": [{"setWeight": 25}]}}));
    world.change_spec(&json!({"strategy": {"canary": {"analysis": analysis("nothing")}}}));
    world.run(1);
    assert!(world.phase().contains("AnalysisTemplate 'nothing' not found"), "{}", world.phase());
    world.templates.insert("nothing".to_owned(), world.templates["errors"].clone());
    world.templates.get_mut("nothing").unwrap()["metadata"]["name"] = json!("nothing");
    world.run(1);
    assert_eq!(world.phase(), "Healthy");
}

/// A canary whose step measures `m`, at that step, its run with a status.
fn measuring(status: &Value) -> World {
    let mut world = world(&json!({"canary": {"steps": [{"setWeight": 25}, {"analysis": analysis("errors")}]}}));
    world.release("v2");
    world.run(5);
    world.runs.get_mut("web-569858f45d-2-1").unwrap()["status"] = status.clone();
    world.run(5);
    world
}

/// Codes of the first chain of reasons, and what is at its end.
fn chain(world: &World) -> (String, String) {
    let reasons = world.plan().reasons;
    let chain: Vec<String> = reasons[0].chain().into_iter().map(|reason| reason.code.clone()).collect();
    (chain.join(" "), reasons[0].root().message.clone())
}

#[test]
fn a_run_that_gets_no_data_or_errs_says_so_on_its_rollout() {
    let status = |outcome: &str| {
        let last = json!({"phase": "Error", "message": "said", "metadata": {"tiphys.dev/outcome": outcome}});
        let result = json!({"name": "errors", "phase": "Running", "consecutiveError": 1, "measurements": [last]});
        json!({"phase": "Running", "metricResults": [result]})
    };
    for (outcome, code, text) in [
        ("NoData", "AnalysisWithoutData", "metric errors gets no data: said"),
        ("", "AnalysisErrs", "metric errors cannot be measured: said"),
    ] {
        let world = measuring(&status(outcome));
        assert_eq!(world.status("/canary/currentStepAnalysisRunStatus/message"), text);
        let (codes, _) = chain(&world);
        assert!(codes.contains(code), "{codes}");
    }
}

#[test]
fn a_step_that_waits_for_its_run_says_how_far_it_is() {
    let result = json!({"name": "errors", "phase": "Running", "count": 1, "measurements": [{"phase": "Successful"}]});
    let world = measuring(&json!({"phase": "Running", "metricResults": [result]}));
    let (codes, root) = chain(&world);
    assert_eq!(codes, "WaitingForAnalysis AnalysisMeasures AnalysisMeasures");
    assert_eq!(root, "metric errors has 1 of 1 measurements, 0 failed");
    assert_eq!(world.status("/canary/currentStepAnalysisRunStatus/message"), &Value::Null);
}

#[test]
fn an_end_of_an_analysis_is_the_cause_of_what_it_does() {
    let status = |phase: &str| {
        let result = json!({"name": "errors", "phase": phase, "measurements": [{"phase": phase, "value": "[0.5]"}]});
        json!({"phase": phase, "message": "measured", "metricResults": [result]})
    };
    for (phase, codes) in [
        ("Failed", "Aborted AnalysisFailed MetricSaid"),
        ("Inconclusive", "InconclusiveAnalysisRun AnalysisInconclusive MetricSaid"),
    ] {
        let world = measuring(&status(phase));
        assert_eq!(chain(&world), (codes.to_owned(), "metric errors was last [0.5]".to_owned()));
        let first = &world.plan().reasons[0];
        assert_eq!(first.gravity(), tiphys_runtime::reason::Urgency::NeedsDecision, "{phase}");
    }
    let mut world = measuring(&json!({"phase": "Running"}));
    world.change_status(&json!({"abort": true}));
    world.run(5);
    assert_eq!(chain(&world).0, "Aborted", "a person's decision is no analysis's");
}
