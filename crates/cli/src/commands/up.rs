//! `up`: a sandbox with the Rollouts controller and a demo, in one command.

use std::{net::SocketAddr, path::Path, time::Duration};

use clap::Args;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
    runtime::{conditions, wait::await_condition},
};
use serde_json::Value;
use tiphys_analysis::{http::Settings, providers::Services};
use tiphys_rollouts::controller::{Config, Controller};

use tiphys_runtime::metrics::Metrics;

use crate::{
    controllers::{self, Scope},
    demo,
    endpoint::{self, Told},
    error::Failure,
    gitops,
    printer::{Colour, Printer},
    repository::Repository,
    serving,
    world::{self, SandboxFlags, World},
};

/// How long a new definition may take to be served.
const DEFINITION: Duration = Duration::from_secs(30);

/// Starts a Kubernetes API in this process, the Rollouts controller and a demo. `--kubeconfig` names the file that is
/// written for clients.
#[derive(Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    flags: SandboxFlags,
    /// Start without the demo
    #[arg(long)]
    no_demo: bool,
    /// Serve /metrics, /healthz and /readyz here, for instance 127.0.0.1:8090
    #[arg(long, value_name = "ADDR")]
    metrics: Option<SocketAddr>,
    /// Serve the Git repository of the demo application here; if that is taken, on a free port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:16480")]
    git: SocketAddr,
    /// Serve the web pages here [default: 127.0.0.1:8080, or a free port]
    #[arg(long, value_name = "ADDR")]
    web: Option<SocketAddr>,
    /// Serve no web pages
    #[arg(long, conflicts_with = "web")]
    no_web: bool,
}

impl Up {
    pub(crate) async fn run(self, kubeconfig: Option<&Path>, printer: Printer) -> Result<(), Failure> {
        let world = self.flags.start(kubeconfig).await?;
        install(&world.client).await?;
        let metrics = Metrics::default();
        let client = world.telling_client(tiphys_rollouts::metrics::requests(&metrics));
        let controller = Controller::counted(client, world.clock, Config::default(), metrics.clone());
        let told = Told::new(metrics, controller.clone());
        let (bound, mut machines) = endpoint::start(self.metrics, &told).await?;
        if !bound.is_empty() {
            machines.spawn(told.objects.follow(world.client.clone(), None));
        }
        let services = self.services(&world).await?;
        let controller = tokio::spawn(controllers::work(controller, services, world.clock, Scope::default()));
        let demo = if self.no_demo {
            None
        } else {
            demo::create(&world.client).await?;
            Some(tokio::spawn(demo::update(world.client.clone())))
        };
        let repository = match Repository::start(self.git, world.kept(), world.clock.now()).await {
            Ok(repository) => Some(repository),
            Err(error) => {
                let failure = Failure::new("no Git repository is served").caused_by(error);
                tracing::warn!("{failure}");
                None
            }
        };
        let scratch = tempfile::tempdir().map_err(|error| Failure::new("no folder for sources").caused_by(error))?;
        let served = repository.as_ref().filter(|_| !self.no_demo);
        let mut delivery = gitops::start(&world.client, world.clock, scratch.path(), served).await?;
        welcome(&world, self.no_demo, &bound, repository.as_ref(), printer)?;
        let web = if self.no_web { None } else { Some(serving::sandbox(&world, self.web).await?) };
        farewell(&world, web.as_ref(), printer)?;
        tokio::select! {
            ended = world::ended() => ended?,
            ended = controller => {
                let failure = Failure::new("the Rollouts controller has ended");
                return Err(match ended {
                    Ok(()) => failure,
                    Err(error) => failure.caused_by(error),
                });
            }
        }
        delivery.abort_all();
        demo.inspect(tokio::task::JoinHandle::abort);
        world.stop().await
    }

    /// Metrics without an address ask for what became of the simulated requests.
    async fn services(&self, world: &World) -> Result<Services, Failure> {
        let mut environment = controllers::environment();
        environment.insert(controllers::PROMETHEUS.to_owned(), world.prometheus());
        let settings = Settings { allows_link_local: false, uses_proxies: true };
        controllers::services(world.client.clone(), environment, settings).await
    }
}

/// Says how to look at it in a browser, and what remains.
fn farewell(world: &World, web: Option<&serving::Web>, printer: Printer) -> Result<(), Failure> {
    if let Some(web) = web {
        printer.line("\nIn a browser (this link lets you in once):")?;
        printer.line(format!("  {}", printer.paint(Colour::Green, &web.link)))?;
    }
    Ok(printer.line(format!("\n{}", world.farewell()))?)
}

/// Installs the definitions and waits until they are served.
pub(crate) async fn install(client: &Client) -> Result<(), Failure> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    for definition in tiphys_api::crds::crds().into_iter().chain(tiphys_api::crds::gitops_crds()) {
        let name = definition["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        install_one(&definitions, &name, &definition).await?;
    }
    Ok(())
}

async fn install_one(
    definitions: &Api<CustomResourceDefinition>,
    name: &str,
    definition: &Value,
) -> Result<(), Failure> {
    let failure = || Failure::new(format!("CustomResourceDefinition {name} cannot be installed"));
    let params = PatchParams::apply("tiphys").force();
    let applied = definitions.patch(name, &params, &Patch::Apply(definition)).await;
    applied.map_err(|error| failure().caused_by(error))?;
    let established = await_condition(definitions.clone(), name, conditions::is_crd_established());
    let waited = tokio::time::timeout(DEFINITION, established).await;
    waited.map_err(|error| failure().caused_by(error))?.map_err(|error| failure().caused_by(error))?;
    Ok(())
}

fn welcome(
    world: &World,
    bare: bool,
    metrics: &[SocketAddr],
    repository: Option<&Repository>,
    printer: Printer,
) -> Result<(), Failure> {
    printer.line(format!("Tiphys is up: Kubernetes API at {}, Rollouts controller running.", world.url()))?;
    printer.line(format!("Metrics of the simulated requests at {} (a Prometheus API).", world.prometheus()))?;
    for address in metrics {
        printer.line(format!("Metrics of the controller at http://{address}/metrics"))?;
    }
    printer.line("\nIn a second terminal:")?;
    printer.line(format!("  export KUBECONFIG={}", world.kubeconfig.display()))?;
    if bare {
        printer.line("  kubectl apply -f your-rollout.yaml")?;
        printer.line("  tiphys list -A")?;
    } else {
        printer.line("\nThe demo is in namespace `demo`. Six things to try:")?;
        for (command, what) in THINGS {
            let command = format!("  {command:<39}");
            printer.line(format!("{}{what}", printer.paint(Colour::Green, &command)))?;
        }
    }
    if let Some(repository) = repository {
        printer.line("\nA Git repository with the demo application, to clone, change and push:")?;
        printer.line(format!("  {}", repository.clone_command()))?;
    }
    Ok(())
}

const THINGS: [(&str, &str); 6] = [
    ("tiphys why -n demo", "what waits, for what, and the command that helps"),
    ("tiphys get checkout -n demo -w", "a canary that waits for you, live"),
    ("tiphys promote checkout -n demo", "let it go on"),
    ("tiphys why reviews -n demo", "a bad release: within a minute it has turned back by itself"),
    ("tiphys why payments -n demo", "an image that does not exist: from the step to the pod"),
    ("tiphys restart catalog -n demo", "recreate six pods within their disruption budget"),
];
