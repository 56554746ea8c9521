//! The demo of `up`, played in virtual time.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;
use tiphys_rollouts::observe;

use super::Trial;
use crate::{
    demo::{self, NAMESPACE},
    printer::Printer,
    view::answer::{self, Answer},
};

async fn phases(trial: &Trial) -> BTreeMap<String, String> {
    let all = observe::fetch_all(&trial.client, Some(NAMESPACE), None).await.unwrap();
    let one = |seen: &observe::Observed| {
        let rollout = &seen.rollout.typed;
        (rollout.metadata.name.clone().unwrap(), rollout.status.phase.clone())
    };
    all.iter().map(one).collect()
}

async fn answer(trial: &Trial, name: &str) -> (Answer, Value) {
    let seen = observe::fetch(&trial.client, NAMESPACE, name).await.unwrap().unwrap();
    let status = serde_json::to_value(&seen.rollout.typed.status).unwrap();
    (Answer::of(&seen, trial.clock.now()), status)
}

#[tokio::test(start_paused = true)]
async fn a_bad_release_turns_back_within_a_minute_and_says_why() {
    let mut trial = Trial::bare().await;
    trial.judge();
    demo::create(&trial.client).await.unwrap();
    tokio::spawn(demo::update(trial.client.clone()));
    tokio::time::sleep(Duration::from_secs(60)).await;
    let expected = [
        ("catalog", "Healthy"),
        ("checkout", "Paused"),
        ("payments", "Degraded"),
        ("reviews", "Degraded"),
        ("storefront", "Paused"),
    ];
    let mut phases = phases(&trial).await;
    let moving = phases.remove("search").unwrap();
    assert!(["Paused", "Progressing"].contains(&moving.as_str()), "{moving}");
    assert_eq!(phases, expected.map(|(name, phase)| (name.to_owned(), phase.to_owned())).into());
    let (answer, status) = answer(&trial, "reviews").await;
    let reason = "Step-based analysis phase error/failed: Metric \"success-rate\" assessed Failed due to failed (2) > \
                  failureLimit (1)";
    let message = status["message"].as_str().unwrap();
    assert!(message.ends_with(reason), "{message}");
    let page = answer::page(&answer, Printer::for_terminal(true));
    assert!(page.contains(reason), "{page}");
    trial.stop().await;
}
