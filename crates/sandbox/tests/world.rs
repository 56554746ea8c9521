//! A sandbox in virtual time, with short words for what tests do.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tiphys_clock::Clock;
use tiphys_sandbox::registry::{DeleteOptions, Subresource, WriteOptions};
use tiphys_sandbox::{Sandbox, SandboxOptions};
use tower::ServiceExt;

/// A sandbox whose clock stands still between [`World::pass`].
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
}

impl World {
    pub(crate) async fn start(nodes: usize) -> Self {
        let clock = Clock::starting_at("2026-01-02T03:04:05Z".parse().unwrap());
        let sandbox = Sandbox::start(&SandboxOptions { clock, seed: 1, nodes, data: None }).unwrap();
        let world = Self { sandbox };
        world.pass(1.0).await;
        world
    }

    /// Lets so many seconds pass.
    pub(crate) async fn pass(&self, seconds: f64) {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    }

    #[track_caller]
    pub(crate) fn create(&self, group: &str, plural: &str, mut value: Value) {
        let registry = self.sandbox.registry();
        let resource = registry.resource(group, plural).unwrap();
        value["apiVersion"] = resource.gvk.api_version().into();
        value["kind"] = resource.gvk.kind.clone().into();
        let namespace = if resource.namespaced { "default" } else { "" };
        registry.create(&resource, namespace, value, &WriteOptions::by("tester")).unwrap();
    }

    #[track_caller]
    pub(crate) fn edit(&self, group: &str, plural: &str, name: &str, change: impl FnMut(&mut Value)) {
        let registry = self.sandbox.registry();
        let resource = registry.resource(group, plural).unwrap();
        let namespace = if resource.namespaced { "default" } else { "" };
        let options = WriteOptions::by("tester");
        registry.modify(&resource, namespace, name, Subresource::Main, &options, change).unwrap();
    }

    #[track_caller]
    pub(crate) fn delete(&self, group: &str, plural: &str, name: &str) {
        let registry = self.sandbox.registry();
        let resource = registry.resource(group, plural).unwrap();
        registry.delete(&resource, "default", name, &DeleteOptions::background()).unwrap();
    }

    #[track_caller]
    pub(crate) fn get(&self, group: &str, plural: &str, name: &str) -> Value {
        let registry = self.sandbox.registry();
        let resource = registry.resource(group, plural).unwrap();
        let namespace = if resource.namespaced { "default" } else { "" };
        registry.get(&resource, namespace, name).unwrap().value()
    }

    pub(crate) fn list(&self, group: &str, plural: &str) -> Vec<Value> {
        let registry = self.sandbox.registry();
        let resource = registry.resource(group, plural).unwrap();
        let namespace = resource.namespaced.then_some("default");
        registry.list(&resource, namespace).iter().map(|object| object.value()).collect()
    }

    /// Returns `(name, image, ready)` of the pods, in order of name.
    pub(crate) fn pods(&self) -> Vec<(String, String, bool)> {
        let all = self.list("", "pods").into_iter();
        all.map(|pod| {
            let ready = pod["status"]["conditions"].as_array().into_iter().flatten();
            let ready = ready.into_iter().any(|c| c["type"] == "Ready" && c["status"] == "True");
            (text(&pod["metadata"]["name"]), text(&pod["spec"]["containers"][0]["image"]), ready)
        })
        .collect()
    }

    /// Sends a request, its body a form; returns status and JSON.
    pub(crate) async fn ask(&self, method: &str, uri: &str, form: &str) -> (u16, Value) {
        let request = Request::builder().method(method).uri(uri);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let request = request.body(Full::new(Bytes::from(form.to_owned()))).unwrap();
        let response = self.sandbox.service().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    pub(crate) fn events(&self, reason: &str) -> Vec<String> {
        let all = self.list("", "events").into_iter().filter(|event| event["reason"] == reason);
        all.map(|event| text(&event["message"])).collect()
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
