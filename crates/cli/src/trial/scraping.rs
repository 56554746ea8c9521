//! What Prometheus and probes get.

use std::net::SocketAddr;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Trial, rollout};
use crate::endpoint;

async fn get(address: SocketAddr, method: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let code = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (code, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

/// Every line of a page is a comment or `name{labels} number`, and families do not come twice.
fn check_format(page: &str) {
    let mut families = std::collections::BTreeSet::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert!(families.insert(rest.split(' ').next().unwrap().to_owned()), "{line} comes twice");
        } else if !line.starts_with("# HELP ") {
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let name = series.split('{').next().unwrap();
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{line}");
        }
    }
}

#[tokio::test]
async fn scrape_has_what_dashboards_expect() {
    let trial = Trial::start().await;
    trial.create(rollout("web", json!({"canary": {"steps": [{"setWeight": 50}]}}))).await;
    trial
        .create(json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisTemplate", "metadata": {"name": "rate"},
            "spec": {"metrics": [{"name": "rate", "provider": {"web": {"url": "http://x"}}}]},
        }))
        .await;
    trial.phase("web", "Healthy").await;
    let (bound, tasks) = endpoint::start([SocketAddr::from(([127, 0, 0, 1], 0))], &trial.told).await.unwrap();
    let (code, page) = get(bound[0], "GET", "/metrics").await;
    assert_eq!(code, 200);
    check_format(&page);
    for wanted in [
        "rollout_info{namespace=\"shop\",name=\"web\",strategy=\"canary\",traffic_router=\"\",phase=\"Completed\"} 1",
        "rollout_info_replicas_available{namespace=\"shop\",name=\"web\"} 2",
        "rollout_reconcile_count{namespace=\"shop\",name=\"web\"}",
        "rollout_reconcile_bucket{namespace=\"shop\",name=\"web\",le=\"0.15\"}",
        "rollout_events_total{namespace=\"shop\",name=\"web\",type=\"Normal\",reason=\"RolloutCompleted\"} 1",
        "rollout_duration_seconds_count{status=\"Promoted\"} 1",
        "controller_clientset_k8s_request_total{kind=\"replicasets\",namespace=\"shop\",name=\"N/A\",verb=\"Create\",\
         status_code=\"201\"} 1",
        "analysis_template_info{namespace=\"shop\",name=\"rate\"} 1",
        "argo_rollouts_controller_info{version=\"v",
        "workqueue_depth{name=\"Rollouts\"} 0",
        "process_resident_memory_bytes ",
    ] {
        assert!(page.lines().any(|line| line.starts_with(wanted)), "{wanted}\n{page}");
    }
    assert_eq!(get(bound[0], "GET", "/healthz").await, (200, "ok".to_owned()));
    assert_eq!(get(bound[0], "GET", "/readyz").await, (200, "ok".to_owned()));
    assert_eq!(get(bound[0], "GET", "/debug/pprof/").await.0, 404);
    assert_eq!(get(bound[0], "POST", "/metrics").await.0, 405);
    trial.told.stand_by(true);
    assert_eq!(get(bound[0], "GET", "/readyz").await, (200, "ok: another controller holds the lease".to_owned()));
    drop(tasks);
    trial.stop().await;
}
