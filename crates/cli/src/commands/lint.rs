//! `lint`: check manifests before they are applied.

use std::path::PathBuf;

use clap::Args;
use k8s_openapi::api::{
    apps::v1::{Deployment, ReplicaSet},
    core::v1::{PodTemplate, Service},
    networking::v1::Ingress,
};
use kube::{
    Api,
    api::{ApiResource, DynamicObject},
};
use serde_json::Value;
use tiphys_api::{AnalysisTemplate, ClusterAnalysisTemplate};

use crate::{
    args::Global,
    cluster::{Cluster, raw},
    commands::list::{Output, print_data},
    error::Failure,
    lint::{self, Absent, Known, Report, Source},
    printer::Printer,
};

/// Checks manifests before they are applied: fields that nobody knows, wrong values, and what Rollouts refer to.
///
/// Needs no cluster. Exit code 0: nothing is wrong; 1: something is; 2: a file cannot be read.
#[derive(Debug, Args)]
pub(crate) struct Lint {
    /// Files, folders, or `-` for standard input; YAML with any number of documents, or JSON
    #[arg(value_name = "PATH", required_unless_present = "filename")]
    paths: Vec<PathBuf>,
    /// The same, as other programs call it
    #[arg(short, long, value_name = "PATH")]
    filename: Vec<PathBuf>,
    /// Look in the cluster for what the manifests refer to and do not hold
    #[arg(long)]
    live: bool,
    /// Print data instead of text
    #[arg(short, long, value_enum)]
    output: Option<Output>,
}

impl Lint {
    pub(crate) async fn run(self, global: &Global, printer: Printer) -> Result<(), Failure> {
        let paths: Vec<PathBuf> = self.paths.into_iter().chain(self.filename).collect();
        let sources = lint::read(&paths)?;
        let mut report = lint::check(&sources, &Known::default());
        if self.live && !report.absent.is_empty() {
            report = check_with_cluster(&sources, &Cluster::connect(global, printer).await?, report).await?;
        }
        if let Some(output) = self.output {
            print_data(&serde_json::to_value(&report).unwrap_or_default(), output, printer)?;
        } else {
            for finding in &report.findings {
                printer.line(finding.to_string())?;
            }
            printer.note(&summary(&report));
        }
        match report.findings.len() {
            0 => Ok(()),
            1 => Err(Failure::new("1 problem")),
            count => Err(Failure::new(format!("{count} problems"))),
        }
    }
}

/// Templates name templates, so what was found may refer to more.
async fn check_with_cluster(sources: &[Source], cluster: &Cluster, first: Report) -> Result<Report, Failure> {
    let mut known = Known::default();
    let mut report = first;
    while !report.absent.is_empty() {
        for absent in std::mem::take(&mut report.absent) {
            let found = fetch(&absent, cluster).await?;
            known.objects.insert(absent, found);
        }
        report = lint::check(sources, &known);
    }
    Ok(report)
}

async fn fetch(absent: &Absent, cluster: &Cluster) -> Result<Option<Value>, Failure> {
    let resource = match absent.kind.as_str() {
        "Service" => ApiResource::erase::<Service>(&()),
        "Ingress" => ApiResource::erase::<Ingress>(&()),
        "Deployment" => ApiResource::erase::<Deployment>(&()),
        "ReplicaSet" => ApiResource::erase::<ReplicaSet>(&()),
        "PodTemplate" => ApiResource::erase::<PodTemplate>(&()),
        "AnalysisTemplate" => ApiResource::erase::<AnalysisTemplate>(&()),
        "ClusterAnalysisTemplate" => ApiResource::erase::<ClusterAnalysisTemplate>(&()),
        _ => return Ok(None),
    };
    let namespace = if absent.namespace.is_empty() { &cluster.namespace } else { &absent.namespace };
    let api: Api<DynamicObject> = if absent.kind == "ClusterAnalysisTemplate" {
        Api::all_with(cluster.client(), &resource)
    } else {
        Api::namespaced_with(cluster.client(), namespace, &resource)
    };
    match api.get_opt(&absent.name).await {
        Ok(object) => Ok(object.as_ref().map(raw)),
        Err(error) => Err(error.into()),
    }
}

fn summary(report: &Report) -> String {
    let objects = if report.checked == 1 { "1 object".to_owned() } else { format!("{} objects", report.checked) };
    let mut text = format!("{objects} checked");
    if !report.absent.is_empty() {
        let names: Vec<String> = report.absent.iter().map(ToString::to_string).collect();
        text.push_str(&format!(
            "; not in the manifests, so not checked: {} (`--live` looks in the cluster)",
            names.join(", ")
        ));
    }
    text
}
