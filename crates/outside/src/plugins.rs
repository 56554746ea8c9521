//! Plugins of the controller: configured in a ConfigMap, hosted as processes.

use std::{
    collections::BTreeMap,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use futures::future::BoxFuture;
use jiff::SignedDuration;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, Client};
use serde_json::Value;
use tiphys_plugin::{
    Configured, Download, Host, Launch, Limits, METHODS, PluginError, Role, configured, install,
    proto::{RouteReply, RouteRequest, StepReply, StepRequest, Verification, VerifyReply},
};
use tiphys_rollouts::{
    router_plugin::{Ask, RouterPlugins, State},
    step_plugin::{Call, Operation, Reply, Setup, StepPlugins},
};
use tracing::warn;

/// Where plugins are configured, in the controller's namespace.
pub const CONFIG_MAP: &str = "argo-rollouts-config";

/// The hosted plugins. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Plugins {
    host: Host,
    /// Step plugins by name.
    pub steps: BTreeMap<String, Setup>,
}

/// Why plugins are not known.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The ConfigMap could not be read. That it does not exist is no error.
    #[error("ConfigMap {CONFIG_MAP} could not be read")]
    Read(#[source] kube::Error),
    /// The folder of programs and sockets could not be made.
    #[error("folder {0} could not be made")]
    Folder(PathBuf, #[source] std::io::Error),
}

/// Reads the ConfigMap, puts the programs in place and returns plugins that start at their first call.
///
/// A plugin that cannot be put in place is a reason on the objects that use it, and stops nothing else.
///
/// # Errors
/// If the ConfigMap cannot be read, or `folder` cannot be made.
pub async fn load(
    client: &Client,
    namespace: &str,
    folder: &Path,
    download: &dyn Download,
) -> Result<Plugins, LoadError> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let found = api.get_opt(CONFIG_MAP).await.map_err(LoadError::Read)?;
    let (all, errors) = configured(&found.and_then(|map| map.data).unwrap_or_default());
    for error in &errors {
        warn!(error = error as &dyn std::error::Error, "a plugin is configured wrongly");
    }
    if !all.is_empty() {
        make_folder(folder).map_err(|error| LoadError::Folder(folder.to_owned(), error))?;
    }
    let host = Host::new(folder, Limits::default());
    let mut launches = BTreeMap::new();
    let mut steps = BTreeMap::new();
    for plugin in all {
        let headers = headers(client, namespace, &plugin).await;
        let program = install(&plugin, &folder.join("plugin-bin"), &headers, download).await;
        if let Err(error) = &program {
            warn!(plugin = plugin.name, error = error as &dyn std::error::Error, "a plugin is not in place");
        }
        if plugin.role == Role::Step {
            steps.insert(plugin.name.clone(), Setup { is_disabled: plugin.is_disabled });
        }
        let Configured { role, name, args, .. } = plugin;
        launches.insert(key(role, &name), program.map(|program| Launch { name, program, args }));
    }
    host.set(launches);
    Ok(Plugins { host, steps })
}

/// A folder of ours alone: one that somebody else has made there before, and that we may not remove, is an error.
fn make_folder(folder: &Path) -> std::io::Result<()> {
    let _ = std::fs::remove_dir_all(folder);
    std::fs::DirBuilder::new().mode(0o700).create(folder)
}

/// One name may stand for several plugins.
fn key(role: Role, name: &str) -> String {
    format!("{}/{name}", role.key())
}

/// Entries of the Secrets that a download is sent with. A Secret that cannot be read leaves its entries out, and the download
/// will say so.
async fn headers(client: &Client, namespace: &str, plugin: &Configured) -> BTreeMap<String, String> {
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let mut all = BTreeMap::new();
    for name in &plugin.header_secrets {
        match api.get(name).await {
            Ok(secret) => {
                let entries = secret.data.unwrap_or_default().into_iter();
                all.extend(entries.map(|(key, value)| (key, String::from_utf8_lossy(&value.0).into_owned())));
            }
            Err(error) => {
                warn!(plugin = plugin.name, secret = name, error = &error as &dyn std::error::Error, "no headers");
            }
        }
    }
    all
}

impl StepPlugins for Plugins {
    fn call<'a>(&'a self, rollout: &'a Value, call: &'a Call) -> BoxFuture<'a, Result<Reply, String>> {
        Box::pin(async move {
            let text = |value: &Value| if value.is_null() { String::new() } else { value.to_string() };
            let request =
                StepRequest { rollout: rollout.to_string(), config: text(&call.config), status: text(&call.status) };
            let method = match call.operation {
                Operation::Run => METHODS.run_step,
                Operation::Terminate => METHODS.terminate_step,
                Operation::Abort => METHODS.abort_step,
            };
            let answer = self.host.call(&key(Role::Step, &call.plugin), method, &request).await;
            reply(answer.map_err(|error| error.to_string())?)
        })
    }
}

fn reply(answer: StepReply) -> Result<Reply, String> {
    let wait = answer.requeue_after_seconds;
    let status = match answer.status.as_str() {
        "" => None,
        text => Some(serde_json::from_str(text).map_err(|error| format!("the plugin's status is no JSON: {error}"))?),
    };
    Ok(Reply {
        phase: answer.phase,
        message: answer.message,
        requeue_after: (wait > 0).then(|| SignedDuration::from_secs(i64::from(wait))),
        status,
    })
}

impl RouterPlugins for Plugins {
    fn route<'a>(&'a self, rollout: &'a Value, ask: &'a Ask) -> BoxFuture<'a, Result<State, String>> {
        Box::pin(async move {
            let request =
                RouteRequest::new(rollout, &ask.config, ask.max_weight, &ask.weights, &ask.headers, &ask.mirrors);
            let key = key(Role::Traffic, &ask.plugin);
            let RouteReply {} = self
                .host
                .call(&key, METHODS.route, &request)
                .await
                .map_err(|error| format!("failed to set weight via plugin: {}", error))?;
            match self.host.call(&key, METHODS.verify, &request).await {
                Ok(answer) => state(&answer),
                Err(PluginError::Call { source, .. }) if source.is_unimplemented() => Ok(State::Unknown),
                Err(error) => Err(format!("failed to verify weight via plugin: {}", error)),
            }
        })
    }
}

fn state(answer: &VerifyReply) -> Result<State, String> {
    match Verification::try_from(answer.verification) {
        Ok(Verification::Verified) => Ok(State::InForce),
        Ok(Verification::NotYet) => Ok(State::NotYet(answer.message.clone())),
        Ok(Verification::NotSupported) => Ok(State::Unknown),
        Ok(Verification::Unspecified) | Err(_) => Err("failed to verify weight via plugin: no verification".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_of_steps_are_read() {
        let answer = |status: &str, wait| StepReply {
            phase: "Running".to_owned(),
            message: "m".to_owned(),
            requeue_after_seconds: wait,
            status: status.to_owned(),
        };
        let full = reply(answer(r#"{"a":1}"#, 5)).unwrap();
        assert_eq!((full.requeue_after, full.status), (Some(SignedDuration::from_secs(5)), Some(json!({"a": 1}))));
        let empty = reply(answer("", 0)).unwrap();
        assert_eq!((empty.requeue_after, empty.status), (None, None));
        assert!(reply(answer("{", 0)).unwrap_err().starts_with("the plugin's status is no JSON: "));
    }

    #[test]
    fn answers_of_routers_are_read() {
        let answer = |verification| state(&VerifyReply { verification, message: "m".to_owned() });
        assert_eq!(answer(1), Ok(State::InForce));
        assert_eq!(answer(2), Ok(State::NotYet("m".to_owned())));
        assert_eq!(answer(3), Ok(State::Unknown));
        assert!(answer(0).is_err() && answer(9).is_err());
    }

    /// A client of an API that knows one ConfigMap, or none.
    fn client(data: Option<Value>) -> Client {
        let service = tower::service_fn(move |_: http::Request<kube::client::Body>| {
            let (code, body) = match &data {
                Some(data) => (
                    200,
                    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": CONFIG_MAP}, "data": data}),
                ),
                None => (
                    404,
                    json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404, "message": "no"}),
                ),
            };
            let body = kube::client::Body::from(body.to_string().into_bytes());
            async move { Ok::<_, std::convert::Infallible>(http::Response::builder().status(code).body(body).unwrap()) }
        });
        Client::new(service, "argo-rollouts")
    }

    struct NoWeb;

    impl Download for NoWeb {
        fn get<'a>(&'a self, _: &'a str, _: &'a BTreeMap<String, String>, _: u64) -> tiphys_plugin::DownloadFuture<'a> {
            Box::pin(async { Err("no network".to_owned()) })
        }
    }

    async fn loaded(name: &str, data: Option<Value>) -> (PathBuf, Plugins) {
        let folder = std::env::temp_dir().join(format!("tiphys-outside-{}-{name}", std::process::id()));
        let plugins = load(&client(data), "argo-rollouts", &folder, &NoWeb).await.unwrap();
        (folder, plugins)
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_plugin_is_said_where_it_is_used() {
        let routers = "[{name: a/ends, location: 'file:///bin/false'}, {name: a/far, location: 'https://x/y'}]";
        let data = json!({"trafficRouterPlugins": routers, "stepPlugins": "[{name: a/off, location: 'file:///none', disabled: true}]"});
        let (folder, plugins) = loaded("wrong", Some(data)).await;
        assert_eq!(plugins.steps, BTreeMap::from([("a/off".to_owned(), Setup { is_disabled: true })]));
        let told = async |plugin: &str| {
            let ask = Ask { plugin: plugin.to_owned(), ..Ask::default() };
            plugins.route(&json!({}), &ask).await.unwrap_err()
        };
        assert_eq!(told("a/ends").await, "failed to set weight via plugin: plugin a/ends ended with exit status: 1");
        let far = told("a/far").await;
        assert!(far.ends_with("a/far is not installed: download of https://x/y: no network"), "{far}");
        assert!(told("a/other").await.contains("not configured in configmap"));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn without_a_config_map_there_are_no_plugins() {
        let (folder, plugins) = loaded("none", None).await;
        assert!(plugins.steps.is_empty() && !folder.exists());
    }
}
