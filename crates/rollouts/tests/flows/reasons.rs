//! Why a Rollout is as it is: the chain from what a person sees to its cause.

use jiff::SignedDuration;
use serde_json::{Value, json};
use tiphys_runtime::reason::{Reason, Urgency};

use crate::world::{World, merge};

fn canary(steps: &Value) -> World {
    let mut world = World::new(&json!({"strategy": {"canary": {"steps": steps}}}));
    world.run(3);
    world
}

/// Brings a second version out whose pods do not become ready, and gives them a status.
fn released_with(steps: &Value, status: &Value) -> World {
    let mut world = canary(steps);
    world.broken_image = Some("v2".to_owned());
    world.release("v2");
    world.run(2);
    let set = world.set_of("v2").to_owned();
    for (name, pod) in &mut world.pods {
        if name.starts_with(&set) {
            merge(pod, &json!({"status": status}));
        }
    }
    world
}

fn waiting(reason: &str, message: &str) -> Value {
    let state = json!({"waiting": {"reason": reason, "message": message}});
    let status = json!({"name": "web", "image": "v2", "ready": false, "restartCount": 3, "state": state});
    json!({"containerStatuses": [status]})
}

#[track_caller]
fn check(name: &str, world: &World, codes: &str, urgency: Urgency, root: &str, remedy: &str) {
    let reasons = world.plan().reasons;
    let first = &reasons[0];
    let chain: Vec<&str> = first.chain().into_iter().map(|reason| reason.code.as_str()).collect();
    assert_eq!(chain.join(" "), codes, "{name}: {first:#?}");
    assert_eq!(first.gravity(), urgency, "{name}");
    assert_eq!(first.root().message, root, "{name}");
    let remedies = first.chain().into_iter().rev().flat_map(|reason| &reason.remedies);
    assert_eq!(remedies.map(|remedy| remedy.command.as_str()).next().unwrap_or_default(), remedy, "{name}");
}

#[test]
fn chain_leads_from_the_step_to_what_is_wrong_with_a_pod() {
    let steps = json!([{"setWeight": 25}, {"pause": {}}]);
    let step = "WaitingForStep WaitingForPods PodNotAvailable";
    let abort = "abort web -n shop";
    let check = |name, status: Value, code: &str, urgency, root: &str, remedy| {
        let codes = if code.is_empty() { step.to_owned() } else { format!("{step} {code}") };
        check(name, &released_with(&steps, &status), &codes, urgency, root, remedy);
    };
    check(
        "image",
        waiting("ImagePullBackOff", "not found"),
        "ImagePull",
        Urgency::Broken,
        "image v2 cannot be pulled: not found",
        "set image web web=IMAGE -n shop",
    );
    check(
        "crash",
        waiting("CrashLoopBackOff", "back-off 10s"),
        "ContainerCrashes",
        Urgency::Broken,
        "container web ends by itself (3 times): back-off 10s",
        abort,
    );
    check(
        "missing Secret",
        waiting("CreateContainerConfigError", "secret \"s\" not found"),
        "ContainerConfiguration",
        Urgency::Broken,
        "container web cannot be made: secret \"s\" not found",
        abort,
    );
    let scheduled =
        json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"});
    check(
        "no node",
        json!({"conditions": [scheduled]}),
        "Unschedulable",
        Urgency::Broken,
        "no node takes the pod: 0/3 nodes",
        abort,
    );
    let running = json!({"name": "web", "image": "v2", "ready": false, "state": {"running": {}}});
    check(
        "probe",
        json!({"phase": "Running", "containerStatuses": [running]}),
        "NotReady",
        Urgency::Moving,
        "container web runs, but its readiness check has not succeeded yet",
        abort,
    );
}

#[test]
fn probe_that_never_succeeds_is_broken_after_a_minute() {
    let running = json!({"name": "web", "image": "v2", "ready": false, "state": {"running": {}}});
    let status = json!({"phase": "Running", "containerStatuses": [running]});
    let mut world = released_with(&json!([{"setWeight": 25}]), &status);
    world.now += SignedDuration::from_secs(61);
    assert_eq!(world.plan().reasons[0].gravity(), Urgency::Broken);
}

#[test]
fn refused_pod_leads_to_the_quota() {
    let mut world = released_with(&json!([{"setWeight": 25}]), &json!({}));
    let set = world.set_of("v2").to_owned();
    world.pods.retain(|name, _| !name.starts_with(&set));
    let text = "pods \"web-x\" is forbidden: exceeded quota: small, requested: pods=1, used: pods=4, limited: pods=4";
    let failure = json!({"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": text});
    merge(world.sets.get_mut(&set).unwrap(), &json!({"status": {"replicas": 0, "conditions": [failure]}}));
    check(
        "quota",
        &world,
        "WaitingForStep WaitingForPods ReplicaFailure QuotaExceeded",
        Urgency::Broken,
        "ResourceQuota small is used up",
        "kubectl edit resourcequota small -n shop",
    );
}

#[test]
fn deadline_keeps_the_chain_below_it() {
    let mut world = released_with(&json!([{"setWeight": 25}]), &waiting("ErrImagePull", "no such image"));
    world.run(700);
    let set = world.set_of("v2").to_owned();
    let (_, pod) = world.pods.iter_mut().find(|(name, _)| name.starts_with(&set)).unwrap();
    merge(pod, &json!({"status": waiting("ErrImagePull", "no such image")}));
    check(
        "deadline",
        &world,
        "ProgressDeadlineExceeded WaitingForPods PodNotAvailable ImagePull",
        Urgency::Broken,
        "image v2 cannot be pulled: no such image",
        "set image web web=IMAGE -n shop",
    );
    let told = &world.plan().reasons[0];
    assert!(told.chain().iter().all(|reason| reason.next_at.is_none()), "the deadline is past: {told:#?}");
}

#[test]
fn pauses_say_what_ends_them() {
    let mut manual = canary(&json!([{"setWeight": 25}, {"pause": {}}, {"setWeight": 50}]));
    manual.release("v2");
    manual.run(5);
    check(
        "manual",
        &manual,
        "CanaryPauseStep",
        Urgency::NeedsDecision,
        "step 2 of 3 is a pause without end",
        "promote web -n shop",
    );
    let mut timed = canary(&json!([{"setWeight": 25}, {"pause": {"duration": "90s"}}]));
    timed.release("v2");
    timed.run(5);
    let promote = "promote web -n shop";
    check("timed", &timed, "CanaryPauseStep", Urgency::Moving, "step 2 of 2 is a pause of 1m30s", promote);
    assert!(timed.plan().reasons[0].next_at.is_some());
    timed.change_spec(&json!({"paused": true}));
    timed.run(1);
    check("by a person", &timed, "PausedByPerson", Urgency::NeedsDecision, "spec.paused is true", "resume web -n shop");
}

#[test]
fn broken_pods_of_a_paused_release_are_told_besides() {
    let mut world = canary(&json!([{"setWeight": 25}, {"pause": {}}]));
    world.release("v2");
    world.run(5);
    let set = world.set_of("v2").to_owned();
    let (_, pod) = world.pods.iter_mut().find(|(name, _)| name.starts_with(&set)).unwrap();
    pod["status"] = waiting("CrashLoopBackOff", "");
    world.broken_image = Some("v2".to_owned());
    world.quiesce();
    let codes: Vec<String> = world.plan().reasons.iter().map(|reason| reason.code.clone()).collect();
    assert_eq!(codes, ["CanaryPauseStep", "WaitingForPods"]);
}

#[test]
fn what_is_missing_is_named() {
    let mut service = World::new(&json!({"strategy": {"blueGreen": {"activeService": "front"}}}));
    service.run(1);
    check(
        "Service",
        &service,
        "InvalidSpec MissingService",
        Urgency::Broken,
        "Service front does not exist in namespace shop",
        "kubectl apply -n shop -f FILE",
    );
    let reference = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "base"});
    let spec = json!({"template": null, "selector": null, "workloadRef": reference, "strategy": {"canary": {}}});
    let mut workload = World::new(&spec);
    workload.run(1);
    check(
        "workload",
        &workload,
        "InvalidSpec MissingWorkload",
        Urgency::Broken,
        "Deployment base does not exist in namespace shop",
        "kubectl apply -n shop -f FILE",
    );
    let mut invalid = World::new(&json!({"strategy": {"blueGreen": {"activeService": "front"}}, "replicas": -1}));
    invalid.run(1);
    assert_eq!(invalid.plan().reasons[0].chain().len(), 1, "the Service is not what the message is about");
}

#[test]
fn rollout_that_no_controller_sees_says_so() {
    let mut world = canary(&json!([]));
    world.change_spec(&json!({"replicas": 5}));
    let text = "no controller has seen the present spec yet (generation 2, seen 1)";
    let entry = json!({"manager": "kubectl", "time": world.now, "fieldsV1": {"f:spec": {"f:replicas": {}}}});
    world.rollout["metadata"]["managedFields"] = json!([entry]);
    check("just now", &world, "NotObserved", Urgency::Moving, text, "");
    world.now += SignedDuration::from_secs(20);
    check("for long", &world, "NotObserved", Urgency::Broken, text, "controller");
    let label = json!({"argo-rollouts.argoproj.io/controller-instance-id": "blue"});
    world.rollout["metadata"]["labels"] = label;
    check("other instance", &world, "NotObserved", Urgency::Broken, text, "controller --instance-id blue");
}

#[test]
fn settled_rollouts_say_how_many_pods_serve() {
    let told = |replicas: i32| -> Reason {
        let mut world = World::new(&json!({"replicas": replicas, "strategy": {"canary": {}}}));
        world.run(3);
        world.plan().reasons.remove(0)
    };
    for (replicas, expected) in [
        (0, "it is scaled to 0 pods of revision 1"),
        (1, "its pod runs revision 1 and is available"),
        (3, "all 3 pods run revision 1 and are available"),
    ] {
        assert_eq!((told(replicas).message.as_str(), told(replicas).urgency), (expected, Urgency::Settled));
    }
}
