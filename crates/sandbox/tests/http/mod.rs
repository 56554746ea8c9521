//! The API over HTTP, in process: with kube's client, and with bare requests.

mod client;
mod raw;

use std::sync::Arc;

use serde_json::json;
use tiphys_clock::Clock;
use tiphys_machinery::resource;
use tiphys_sandbox::{
    http::{ApiOptions, ApiService, Credentials},
    registry::{Registry, RegistryOptions, WriteOptions},
    store::HistoryLimits,
};

/// Returns the API of a cluster that holds nothing but the namespace `default`.
fn cluster() -> ApiService {
    let options = RegistryOptions { clock: Clock::system(), seed: 1, history: HistoryLimits::default() };
    let registry = Registry::in_memory(&options, resource::builtin().into_iter().map(Arc::new).collect());
    let namespaces = registry.resource("", "namespaces").unwrap();
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}});
    registry.create(&namespaces, "", object, &WriteOptions::by("test")).unwrap();
    ApiService::new(registry, Credentials::generate().unwrap(), ApiOptions::default())
}
