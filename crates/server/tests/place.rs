//! A sandbox, the Rollouts controller, and a server over both.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use http_body_util::BodyExt;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams},
    core::GroupVersionKind,
};
use serde_json::{Value, json};
use tiphys_clock::Clock;
use tiphys_rollouts::controller;
use tiphys_sandbox::{Sandbox, SandboxOptions};
use tiphys_server::{Config, Link, Server};
use tokio::task::JoinSet;
use tower::ServiceExt;

pub(crate) const SHOP: &str = "shop";
pub(crate) const PASSWORD: &str = "open sesame";
const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) struct Place {
    pub(crate) client: Client,
    pub(crate) clock: Clock,
    pub(crate) link: Link,
    pub(crate) server: Option<Server>,
    router: Router,
    sandbox: Sandbox,
    tasks: JoinSet<()>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The cookies that were set, as a browser sends them back.
    pub(crate) fn cookies(&self) -> String {
        let set = self.headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap());
        set.map(|value| value.split(';').next().unwrap()).collect::<Vec<_>>().join("; ")
    }
}

impl Place {
    pub(crate) async fn start() -> Self {
        Self::with(&BTreeMap::new(), "").await
    }

    /// With more keys in argocd-cm and a policy. `jane` and `bob` have the same password as `admin`.
    pub(crate) async fn with(cm: &BTreeMap<&str, &str>, policy: &str) -> Self {
        let clock = Clock::system();
        let sandbox = Sandbox::start(&SandboxOptions { clock, seed: 1, nodes: 3, data: None }).unwrap();
        let client = Client::new(sandbox.service(), "default");
        for definition in tiphys_api::crds::crds() {
            apply(&client, definition).await;
        }
        let hash = bcrypt::hash_with_salt(PASSWORD, 4, [7; 16]).unwrap().format_for_version(bcrypt::Version::TwoA);
        for name in ["argocd", SHOP, "other"] {
            apply(&client, json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})).await;
        }
        let mut accounts = json!({"accounts.jane": "login", "accounts.bob": "login"});
        accounts.as_object_mut().unwrap().extend(cm.iter().map(|(key, value)| ((*key).to_owned(), json!(value))));
        let map = |name: &str, data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "argocd"}, "data": data});
        apply(&client, map("argocd-cm", accounts)).await;
        apply(&client, map("argocd-rbac-cm", json!({"policy.csv": policy}))).await;
        let secrets = json!({"admin.password": hash, "accounts.jane.password": hash, "accounts.bob.password": hash});
        let metadata = json!({"name": "argocd-secret", "namespace": "argocd"});
        apply(&client, json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": secrets}))
            .await;
        let mut tasks = JoinSet::new();
        let rollouts = controller::Controller::new(client.clone(), clock, controller::Config::default());
        tasks.spawn(rollouts.run());
        let link = Link::new().unwrap();
        let server = Server::start(client.clone(), clock, Config::default(), Some(link.clone())).await.unwrap();
        server.ready().await;
        Self { router: server.router(), client, clock, link, server: Some(server), sandbox, tasks }
    }

    pub(crate) async fn stop(mut self) {
        self.tasks.abort_all();
        while self.tasks.join_next().await.is_some() {}
        self.server = None;
        self.sandbox.stop().await.unwrap();
    }

    /// Sends a request; returns what comes back before its body.
    pub(crate) async fn open(&self, request: Request<Body>) -> axum::response::Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.open(request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, text: String::from_utf8_lossy(&bytes).into_owned() }
    }

    pub(crate) async fn get(&self, path: &str, cookies: &str) -> Answer {
        self.send(request(Method::GET, path, cookies).body(Body::empty()).unwrap()).await
    }

    /// Sends a form as a browser does.
    pub(crate) async fn post(&self, path: &str, cookies: &str, form: &str) -> Answer {
        let request = request(Method::POST, path, cookies)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin");
        self.send(request.body(Body::from(form.to_owned())).unwrap()).await
    }

    /// Sends JSON as a page of ours does.
    pub(crate) async fn call(&self, method: Method, path: &str, cookies: &str, body: &Value) -> Answer {
        let request = request(method, path, cookies)
            .header("content-type", "application/json")
            .header("sec-fetch-site", "same-origin");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// Logs in; returns the cookies.
    pub(crate) async fn login(&self, name: &str) -> String {
        let answer = self.post("/login", "", &format!("name={name}&password=open+sesame")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        answer.cookies()
    }

    pub(crate) async fn create(&self, object: Value) {
        apply(&self.client, object).await;
    }

    pub(crate) fn rollouts(&self, namespace: &str) -> Api<DynamicObject> {
        let resource = ApiResource::erase::<tiphys_api::Rollout>(&());
        Api::namespaced_with(self.client.clone(), namespace, &resource)
    }

    pub(crate) async fn change(&self, name: &str, patch: Value) {
        self.rollouts(SHOP).patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    /// Waits until a Rollout is as wanted, and returns it.
    pub(crate) async fn until(&self, name: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let begun = tokio::time::Instant::now();
        loop {
            let object = serde_json::to_value(self.rollouts(SHOP).get(name).await.unwrap()).unwrap();
            let observed = object["status"]["observedGeneration"].as_str().and_then(|text| text.parse().ok());
            if observed == object["metadata"]["generation"].as_i64() && is_wanted(&object) {
                return object;
            }
            assert!(begun.elapsed() < PATIENCE, "{name} does not become as wanted: {object:#}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    pub(crate) async fn phase(&self, name: &str, phase: &str) -> Value {
        self.until(name, |object| object["status"]["phase"] == phase).await
    }

    /// A canary that waits at its pause.
    pub(crate) async fn paused_canary(&self, name: &str) {
        let steps = json!([{"setWeight": 50}, {"pause": {}}, {"setWeight": 75}, {"pause": {}}]);
        self.create(rollout(SHOP, name, json!({"canary": {"steps": steps}}))).await;
        self.phase(name, "Healthy").await;
        self.change(name, json!({"spec": {"template": template(name, "web:2")}})).await;
        self.phase(name, "Paused").await;
        self.settle().await;
    }

    /// Lets the server see what was written.
    pub(crate) async fn settle(&self) {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

fn request(method: Method, path: &str, cookies: &str) -> axum::http::request::Builder {
    let request = Request::builder().method(method).uri(path).header("host", "tiphys.test");
    if cookies.is_empty() { request } else { request.header("cookie", cookies) }
}

async fn apply(client: &Client, object: Value) {
    let version = object["apiVersion"].as_str().unwrap();
    let (group, version) = version.rsplit_once('/').unwrap_or(("", version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, object["kind"].as_str().unwrap()));
    let api: Api<DynamicObject> = match object["metadata"]["namespace"].as_str() {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let name = object["metadata"]["name"].as_str().unwrap().to_owned();
    if api.get_opt(&name).await.ok().flatten().is_some() {
        api.patch(&name, &PatchParams::default(), &Patch::Merge(object)).await.unwrap();
        return;
    }
    let object = serde_json::from_value(object).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
}

pub(crate) fn rollout(namespace: &str, name: &str, strategy: Value) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template(name, "web:1"),
            "strategy": strategy,
        },
    })
}

pub(crate) fn template(name: &str, image: &str) -> Value {
    json!({"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "web", "image": image}]}})
}
