//! The demo of `up`: six Rollouts in different states: one moves, one turns back by itself.
//!
//! Each is created in version 1 and updated to version 2 once it is healthy. Where they exist already nothing is
//! created, so that what a person has done to them stays.

mod manifests;

use std::time::Duration;

use futures::future::join_all;
use kube::{
    Api, Client, Error,
    api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams},
    core::GroupVersionKind,
    runtime::wait::await_condition,
};
use serde_json::{Value, json};

use self::manifests::Showcase;
use crate::error::Failure;

pub(crate) use self::manifests::NAMESPACE;

/// A Rollout that is not healthy after this long is left alone.
const PATIENCE: Duration = Duration::from_secs(300);
const MANAGER: &str = "tiphys-demo";

/// Creates what is missing of the demo.
pub(crate) async fn create(client: &Client) -> Result<(), Failure> {
    for object in manifests::objects() {
        create_one(client, object).await?;
    }
    Ok(())
}

/// Brings every Rollout that is still in version 1 to version 2, once it is healthy.
pub(crate) async fn update(client: Client) {
    join_all(manifests::showcases().into_iter().map(|showcase| update_one(client.clone(), showcase))).await;
}

async fn create_one(client: &Client, object: Value) -> Result<(), Failure> {
    let failure = |error| Failure::new("the demo cannot be created").caused_by(error);
    let object: DynamicObject =
        serde_json::from_value(object).map_err(|error| Failure::new("the demo cannot be created").caused_by(error))?;
    let api = api_of(client, &object);
    let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
    match api.create(&params, &object).await {
        Ok(_) => Ok(()),
        Err(Error::Api(status)) if status.code == 409 => Ok(()),
        Err(error) => Err(failure(error)),
    }
}

fn api_of(client: &Client, object: &DynamicObject) -> Api<DynamicObject> {
    let types = object.types.clone().unwrap_or_default();
    let (group, version) = types.api_version.rsplit_once('/').unwrap_or(("", types.api_version.as_str()));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &types.kind));
    match &object.metadata.namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}

async fn update_one(client: Client, showcase: Showcase) {
    let Some(image) = showcase.second else { return };
    let resource = ApiResource::erase::<tiphys_api::Rollout>(&());
    let rollouts: Api<DynamicObject> = Api::namespaced_with(client, NAMESPACE, &resource);
    let waiting = await_condition(rollouts.clone(), showcase.name, |object: Option<&DynamicObject>| {
        object.is_some_and(is_settled)
    });
    let Ok(Ok(Some(object))) = tokio::time::timeout(PATIENCE, waiting).await else {
        tracing::warn!(rollout = showcase.name, "the demo does not become healthy");
        return;
    };
    let container = &object.data["spec"]["template"]["spec"]["containers"][0];
    if container["image"] != showcase.first {
        return;
    }
    let mut container = container.clone();
    container["image"] = image.into();
    let patch = json!({"spec": {"template": {"spec": {"containers": [container]}}}});
    let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    if let Err(error) = rollouts.patch(showcase.name, &params, &Patch::Merge(&patch)).await {
        tracing::warn!(rollout = showcase.name, %error, "the demo cannot be updated");
    }
}

/// Healthy, and that is about the present spec.
fn is_settled(object: &DynamicObject) -> bool {
    let status = &object.data["status"];
    let observed = status["observedGeneration"].as_str().and_then(|text| text.parse().ok());
    status["phase"] == "Healthy" && observed == object.metadata.generation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_present_generation_counts_as_healthy() {
        for (observed, phase, expected) in [("2", "Healthy", true), ("1", "Healthy", false), ("2", "Paused", false)] {
            let object: DynamicObject = serde_json::from_value(json!({
                "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
                "metadata": {"name": "web", "generation": 2},
                "status": {"phase": phase, "observedGeneration": observed},
            }))
            .unwrap();
            assert_eq!(is_settled(&object), expected, "{observed} {phase}");
        }
    }
}
