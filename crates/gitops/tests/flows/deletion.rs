//! Applications that go.

use serde_json::json;

use super::world::{World, annotated, application, config_map, deployment};

async fn deleted(finalizer: Option<&str>) -> (World, bool) {
    let mut world = World::start().await;
    let kept = annotated(config_map("kept", "1"), &[("sync-options", "Delete=false")]);
    world.commit("one", vec![config_map("a", "1"), kept, deployment("web")]);
    let mut app = application(json!({"automated": {}}));
    if let Some(finalizer) = finalizer {
        app["metadata"]["finalizers"] = json!([finalizer]);
    }
    world.create(&app).await;
    world.until_synced("one").await;
    world.apps().delete("shop", &kube::api::DeleteParams::default()).await.unwrap();
    world.pass(120).await;
    let gone = world.apps().get_opt("shop").await.unwrap().is_none();
    (world, gone)
}

#[tokio::test(start_paused = true)]
async fn what_was_delivered_goes_exactly_when_asked() {
    for (finalizer, goes) in [
        (None, false),
        (Some("resources-finalizer.argocd.argoproj.io"), true),
        (Some("resources-finalizer.argocd.argoproj.io/background"), true),
    ] {
        let (world, gone) = deleted(finalizer).await;
        assert!(gone, "{finalizer:?}");
        assert_eq!(world.get("v1", "ConfigMap", "a").await.is_none(), goes, "{finalizer:?}");
        assert_eq!(world.get("apps/v1", "Deployment", "web").await.is_none(), goes, "{finalizer:?}");
        assert!(world.get("v1", "ConfigMap", "kept").await.is_some(), "{finalizer:?}");
    }
}
