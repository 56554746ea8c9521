//! Objects that nobody should write: each gets a clear error, and everything else goes on.

use serde_json::{Value, json};

use super::{NAMESPACE, Trial, rollout, service};

const ROLLOUTS: &str = "/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts";

fn canary(name: &str) -> Value {
    rollout(name, json!({"canary": {"steps": [{"setWeight": 50}]}}))
}

/// Another Rollout is released while the bad object is there.
async fn others_go_on(trial: &Trial) {
    trial.phase("good", "Healthy").await;
    let image = if trial.rollouts().get("good").await.unwrap().data["spec"]["template"]["spec"]["containers"][0]["image"]
        == "web:1"
    {
        "web:2"
    } else {
        "web:1"
    };
    trial.change("good", json!({"spec": {"template": super::template("good", image)}})).await;
    trial.phase("good", "Healthy").await;
}

/// What the Rollout says about itself.
async fn complaint(trial: &Trial, name: &str) -> String {
    let object = trial.phase(name, "Degraded").await;
    object["status"]["message"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn refused_objects_name_the_field() {
    let trial = Trial::start().await;
    trial.create(canary("good")).await;
    let long = "a".repeat(254);
    let mut list = canary("x");
    list["spec"]["strategy"]["canary"]["steps"] = json!("many");
    let mut number = canary("x");
    number["spec"]["replicas"] = json!("three");
    let mut negative = canary("x");
    negative["spec"]["replicas"] = json!(-1);
    let mut unknown = canary("x");
    unknown["spec"]["replicaz"] = json!(3);
    for (name, path, body, code, text) in [
        ("no JSON", ROLLOUTS.to_owned(), b"{\"spec\": ".to_vec(), 400, ""),
        ("another kind", ROLLOUTS.to_owned(), service("x", "x").to_string().into_bytes(), 400, "does not match"),
        ("string for a list", ROLLOUTS.to_owned(), list.to_string().into_bytes(), 422, "spec.strategy.canary.steps"),
        ("string for a number", ROLLOUTS.to_owned(), number.to_string().into_bytes(), 422, "spec.replicas"),
        (
            "unknown field",
            format!("{ROLLOUTS}?fieldValidation=Strict"),
            unknown.to_string().into_bytes(),
            400,
            "unknown field \"spec.replicaz\"",
        ),
        ("negative", ROLLOUTS.to_owned(), negative.to_string().into_bytes(), 422, "spec.replicas: Invalid value: -1"),
        ("name too long", ROLLOUTS.to_owned(), canary(&long).to_string().into_bytes(), 422, "metadata.name"),
        ("name with capitals", ROLLOUTS.to_owned(), canary("Web").to_string().into_bytes(), 422, "metadata.name"),
        ("no name", ROLLOUTS.to_owned(), canary("").to_string().into_bytes(), 422, "name"),
    ] {
        let (found, answer) = trial.post(&path, body).await;
        let message = answer["message"].as_str().unwrap_or_default();
        assert_eq!(found, code, "{name}: {message}");
        assert!(message.contains(text), "{name}: {message}");
    }
    others_go_on(&trial).await;
    trial.stop().await;
}

#[tokio::test(start_paused = true)]
async fn objects_of_ten_megabytes_are_refused_or_served_but_stop_nothing() {
    let trial = Trial::start().await;
    trial.create(canary("good")).await;
    let mut large = canary("large");
    large["metadata"]["annotations"] = json!({"note": "x".repeat(10 << 20)});
    let (code, answer) = trial.post(ROLLOUTS, large.to_string().into_bytes()).await;
    assert!(matches!(code, 413 | 422), "{code}: {}", answer["message"]);
    others_go_on(&trial).await;
    trial.stop().await;
}

#[tokio::test(start_paused = true)]
async fn wrong_specs_are_told_with_field_and_fix() {
    let trial = Trial::start().await;
    trial.create(canary("good")).await;
    let mut selector = canary("selector");
    selector["spec"]["template"]["metadata"]["labels"] = json!({"app": "other"});
    let mut steps = canary("steps");
    steps["spec"]["strategy"]["canary"]["steps"] = json!([{"setWeight": 50}, {}]);
    let zero = rollout("zero", json!({"canary": {"maxSurge": 0, "maxUnavailable": 0}}));
    let missing = rollout("missing", json!({"blueGreen": {"activeService": "nowhere"}}));
    let mut reference = canary("reference");
    reference["spec"].as_object_mut().unwrap().remove("template");
    reference["spec"]["workloadRef"] = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "nowhere"});
    for (object, text) in [
        (selector, "`selector` does not match template `labels`"),
        (steps, "spec.strategy.steps[1]"),
        (zero, "MaxSurge and MaxUnavailable both can not be zero"),
        (missing, "spec.strategy.blueGreen.activeService: Invalid value: \"nowhere\": service \"nowhere\" not found"),
        (reference, "deployments.apps \"nowhere\" not found"),
    ] {
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        trial.create(object).await;
        let message = complaint(&trial, &name).await;
        assert!(message.starts_with("InvalidSpec: ") && message.contains(text), "{name}: {message}");
    }
    others_go_on(&trial).await;
    // What was missing comes: it goes on by itself.
    trial.create(service("nowhere", "missing")).await;
    trial.phase("missing", "Healthy").await;
    trial.stop().await;
}

#[tokio::test(start_paused = true)]
async fn nulls_and_names_at_the_limit_are_served() {
    let trial = Trial::start().await;
    trial.create(canary("good")).await;
    // The longest name whose ReplicaSets and pods have names too.
    let longest = "n".repeat(63);
    trial.create(canary(&longest)).await;
    let mut nulls = canary("nulls");
    nulls["spec"]["strategy"]["canary"]["steps"] = Value::Null;
    nulls["metadata"]["annotations"] = Value::Null;
    nulls["spec"]["template"]["spec"]["initContainers"] = Value::Null;
    let (code, answer) = trial.post(ROLLOUTS, nulls.to_string().into_bytes()).await;
    assert_eq!(code, 201, "{}", answer["message"]);
    trial.phase("nulls", "Healthy").await;
    trial.phase(&longest, "Healthy").await;
    others_go_on(&trial).await;
    trial.stop().await;
}

#[tokio::test(start_paused = true)]
async fn name_too_long_for_its_replica_set_is_told() {
    let trial = Trial::start().await;
    trial.create(canary("good")).await;
    let name = "n".repeat(253);
    let mut object = canary("long");
    object["metadata"]["name"] = json!(name);
    trial.create(object).await;
    let told = trial
        .until("told", &name, |object| {
            let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
            conditions
                .iter()
                .any(|condition| condition["message"].as_str().is_some_and(|text| text.contains("metadata.name")))
        })
        .await;
    assert_eq!(told["metadata"]["namespace"], NAMESPACE);
    others_go_on(&trial).await;
    trial.stop().await;
}
