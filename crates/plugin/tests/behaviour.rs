//! What the host makes of whatever plugins do.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde_json::json;
use tiphys_api::types::TrafficWeights;
use tiphys_plugin::{
    Host, InstallError, Limits, METHODS, PluginError,
    proto::{RouteReply, RouteRequest, Verification, VerifyReply},
};

use crate::program::launch;

/// A folder that goes with the test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tiphys-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Starts are slow where many tests run at once; what is slow on purpose is limited by its test.
pub(crate) fn limits() -> Limits {
    let long = Duration::from_secs(60);
    Limits { start: long, call: long, first_pause: Duration::from_millis(50), ..Limits::default() }
}

fn host(folder: &Folder, mode: &str, limits: Limits) -> Host {
    let host = Host::new(&folder.0, limits);
    host.set(BTreeMap::from([(mode.to_owned(), Ok(launch(mode)))]));
    host
}

pub(crate) fn request(weight: i32) -> RouteRequest {
    let mut weights = TrafficWeights::default();
    weights.canary.weight = weight;
    weights.stable.weight = 100 - weight;
    let rollout = json!({"metadata": {"name": "shop", "namespace": "prod"}});
    RouteRequest::new(&rollout, &json!({"file": "x"}), 100, &weights, &[], &[])
}

async fn route(host: &Host, mode: &str) -> Result<RouteReply, PluginError> {
    host.call(mode, METHODS.route, &request(20)).await
}

#[tokio::test]
async fn a_good_plugin_answers_call_after_call() {
    let folder = Folder::new("good");
    let host = host(&folder, "good", limits());
    for _ in 0..3 {
        route(&host, "good").await.unwrap();
    }
    let reply: VerifyReply = host.call("good", METHODS.verify, &request(30)).await.unwrap();
    assert_eq!((reply.verification(), reply.message.as_str()), (Verification::Verified, "30 of 100"));
    let both = tokio::join!(route(&host, "good"), route(&host, "good"));
    assert!(both.0.is_ok() && both.1.is_ok());
}

#[tokio::test]
async fn a_refusal_is_told_and_the_process_goes_on() {
    let folder = Folder::new("refuses");
    let host = host(&folder, "refuses", limits());
    for _ in 0..2 {
        let error = route(&host, "refuses").await.unwrap_err();
        assert_eq!(error.to_string(), "Route of plugin test/refuses failed: no such route ä %");
    }
}

/// Calls a misbehaving plugin twice: the first answer says what it did, the second that it rests, and why.
async fn check(mode: &str, limits: Limits, expected: &str) {
    let folder = Folder::new(mode);
    let host = host(
        &folder,
        mode,
        Limits { first_pause: Duration::from_secs(3600), longest_pause: Duration::from_secs(3600), ..limits },
    );
    let first = route(&host, mode).await.unwrap_err().to_string();
    assert!(first.starts_with(expected), "{mode}: {first}");
    let second = route(&host, mode).await.unwrap_err();
    assert!(second.to_string().ends_with(&format!("; before: {first}")), "{mode}: {second}");
    assert!(second.retry_after().is_some());
}

#[tokio::test]
async fn a_plugin_that_dies_during_a_call() {
    check("dies", limits(), "plugin test/dies ended with exit status: 7: out of luck").await;
}

#[tokio::test]
async fn a_plugin_that_exits_at_once() {
    check("exits", limits(), "plugin test/exits ended with exit status: 3: no configuration").await;
}

#[tokio::test]
async fn a_plugin_that_never_listens() {
    let short = Limits { start: Duration::from_millis(1500), ..limits() };
    check("silent", short, "plugin test/silent did not serve its socket within 1.5s").await;
}

#[tokio::test]
async fn a_plugin_that_hangs() {
    let short = Limits { call: Duration::from_millis(300), ..limits() };
    check("hangs", short, "Route of plugin test/hangs was not answered within 300ms").await;
}

#[tokio::test]
async fn plugins_that_answer_nonsense() {
    check("nonsense", limits(), "Route of plugin test/nonsense failed: the answer is nonsense: ").await;
    check("plain", limits(), "Route of plugin test/plain failed: the answer is nonsense: status 404").await;
    check(
        "no_status",
        limits(),
        "Route of plugin test/no_status failed: the answer is nonsense: it has no grpc-status",
    )
    .await;
    check("huge", limits(), "Route of plugin test/huge failed: the answer has more than 4194304 bytes").await;
    check("old", limits(), "plugin test/old speaks version 2 of the protocol, not 1").await;
}

#[tokio::test]
async fn a_plugin_that_died_starts_again_after_growing_pauses() {
    let folder = Folder::new("again");
    let host = host(&folder, "dies", limits());
    let mut pauses = Vec::new();
    while pauses.len() < 3 {
        match route(&host, "dies").await.unwrap_err() {
            PluginError::Resting { after, .. } => {
                pauses.push(after);
                tokio::time::sleep(after).await;
            }
            error => assert_eq!(error.to_string(), "plugin test/dies ended with exit status: 7: out of luck"),
        }
    }
    assert!(pauses[0] <= Duration::from_millis(50) && pauses[2] <= Duration::from_millis(200), "{pauses:?}");
    assert!(pauses[2] > Duration::from_millis(50), "{pauses:?}");
}

#[tokio::test]
async fn one_that_hangs_does_not_stop_others() {
    let folder = Folder::new("others");
    let host = Host::new(&folder.0, limits());
    let all = ["hangs", "good"].map(|mode| (mode.to_owned(), Ok(launch(mode))));
    host.set(all.into());
    let hanging = tokio::spawn({
        let host = host.clone();
        async move { route(&host, "hangs").await }
    });
    route(&host, "good").await.unwrap();
    assert!(!hanging.is_finished());
    hanging.abort();
}

#[tokio::test]
async fn configuration_decides_who_runs() {
    let folder = Folder::new("set");
    let host = Host::new(&folder.0, limits());
    assert_eq!(route(&host, "good").await.unwrap_err().to_string(), "plugin good not configured in configmap");
    host.set(BTreeMap::from([("good".to_owned(), Err(InstallError::Sum))]));
    let message = "plugin good is not installed: sha256 must have 64 hexadecimal digits";
    assert_eq!(route(&host, "good").await.unwrap_err().to_string(), message);
    host.set(BTreeMap::from([("good".to_owned(), Ok(launch("good")))]));
    route(&host, "good").await.unwrap();
    host.set(BTreeMap::from([("good".to_owned(), Ok(launch("exits")))]));
    assert!(route(&host, "good").await.unwrap_err().to_string().starts_with("plugin test/exits ended"));
    let mut gone = launch("good");
    gone.program = folder.0.join("none");
    host.set(BTreeMap::from([("good".to_owned(), Ok(gone))]));
    assert!(route(&host, "good").await.unwrap_err().to_string().starts_with("plugin test/good could not be started: "));
}
