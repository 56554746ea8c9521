//! Serves an empty cluster: `cargo run -p tiphys-sandbox --example serve -- 127.0.0.1:6443 kubeconfig`.

use std::{error::Error, net::SocketAddr, sync::Arc};

use serde_json::json;
use tiphys_clock::Clock;
use tiphys_machinery::resource;
use tiphys_sandbox::{
    controllers::Manager,
    http::{ApiOptions, ApiService, Credentials, kubeconfig::kubeconfig, listen},
    registry::{Registry, RegistryOptions, WriteOptions},
    store::HistoryLimits,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address: SocketAddr = arguments.next().unwrap_or_else(|| "127.0.0.1:6443".to_owned()).parse()?;
    let file = arguments.next().unwrap_or_else(|| "kubeconfig".to_owned());
    let options = RegistryOptions { clock: Clock::system(), seed: 1, history: HistoryLimits::default() };
    let registry = Registry::in_memory(&options, resource::builtin().into_iter().map(Arc::new).collect());
    let namespaces = registry.resource("", "namespaces").ok_or("no namespaces")?;
    for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        registry.create(&namespaces, "", object, &WriteOptions::by("kube-apiserver"))?;
    }
    let manager = Manager::new(&registry);
    let credentials = Credentials::generate()?;
    let service = ApiService::new(registry, credentials.clone(), ApiOptions::default());
    let server = listen::serve(&service, address).await?;
    std::fs::write(file, kubeconfig(&credentials, &server.url(), "sandbox"))?;
    tokio::select! {
        () = manager.run() => {}
        stop = tokio::signal::ctrl_c() => stop?,
    }
    server.stop().await;
    Ok(())
}
