//! `create`: objects from files, and AnalysisRuns from templates.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, PostParams},
    core::GroupVersionKind,
};
use serde_json::{Map, Value, json};
use tiphys_api::{
    constants::labels,
    types::{API_VERSION, GROUP, VERSION},
};

use crate::{
    cluster::{Cluster, raw},
    commands::get::Get,
    error::Failure,
    lint::{self, Known},
    printer::Printer,
};

/// Creates Rollouts, Experiments, AnalysisTemplates and AnalysisRuns from files.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Create {
    /// Files, folders, or `-` for standard input
    #[arg(short, long, value_name = "PATH", required = true)]
    filename: Vec<PathBuf>,
    /// Show the object live afterwards
    #[arg(short, long)]
    watch: bool,
    #[command(subcommand)]
    what: Option<What>,
}

/// What else can be created.
#[derive(Debug, Subcommand)]
enum What {
    /// Create an AnalysisRun from a template
    #[command(visible_alias = "ar")]
    Analysisrun(CreateRun),
}

/// Creates an AnalysisRun from an AnalysisTemplate.
#[derive(Debug, Args)]
struct CreateRun {
    /// Template in the cluster
    #[arg(long, value_name = "NAME", required_unless_present = "from_file", conflicts_with = "from_file")]
    from: Option<String>,
    /// File with a template
    #[arg(long, value_name = "PATH")]
    from_file: Option<PathBuf>,
    /// The template is a ClusterAnalysisTemplate
    #[arg(long)]
    global: bool,
    /// Name of the run
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// First part of a name that is made up [default: that of the template]
    #[arg(long, value_name = "PREFIX")]
    generate_name: Option<String>,
    /// Label the run for the controller of this instance
    #[arg(long, value_name = "ID")]
    instance_id: Option<String>,
    /// Value of an argument of the template
    #[arg(short, long, value_name = "NAME=VALUE")]
    argument: Vec<String>,
}

impl Create {
    pub(crate) async fn run(self, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        if let Some(What::Analysisrun(run)) = self.what {
            return run.run(cluster, printer).await;
        }
        let sources = lint::read(&self.filename)?;
        let findings = lint::check(&sources, &Known::default()).findings;
        if let Some(first) = findings.first() {
            return Err(
                Failure::new(first.to_string()).hint("`tiphys lint PATH` lists all that is wrong; nothing is created")
            );
        }
        let mut created = Vec::new();
        for object in sources.iter().flat_map(lint::objects) {
            created.push(create(&object, cluster, printer).await?);
        }
        match (self.watch, created.as_slice()) {
            (false, _) => Ok(()),
            (true, [object]) => {
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                let kind = object["kind"].as_str().unwrap_or_default();
                Get::live(kind, name)?.run(cluster, printer).await
            }
            (true, _) => Err(Failure::usage("Cannot watch multiple resources")),
        }
    }
}

/// Creates one object and returns it as the server has it.
async fn create(object: &Value, cluster: &Cluster, printer: Printer) -> Result<Value, Failure> {
    let kind = object["kind"].as_str().unwrap_or_default();
    let is_ours = object["apiVersion"] == API_VERSION;
    let known = ["Rollout", "Experiment", "AnalysisTemplate", "ClusterAnalysisTemplate", "AnalysisRun"];
    if !is_ours || !known.contains(&kind) {
        let version = object["apiVersion"].as_str().unwrap_or_default();
        let group = version.split_once('/').map_or("", |(group, _)| group);
        return Err(
            Failure::new(format!("creates of {group}/{kind} unsupported")).hint("`kubectl create -f` creates it")
        );
    }
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or(&cluster.namespace);
    let body: DynamicObject = serde_json::from_value(object.clone())
        .map_err(|error| Failure::new(format!("the {kind} is no object that the API takes")).caused_by(error))?;
    let params = PostParams { field_manager: Some("tiphys".to_owned()), ..PostParams::default() };
    let made = raw(&api(kind, namespace, cluster).create(&params, &body).await?);
    let name = made["metadata"]["name"].as_str().unwrap_or_default();
    printer.line(format!("{}.{GROUP}/{name} created", kind.to_lowercase()))?;
    let mut made = made;
    made["kind"] = kind.into();
    Ok(made)
}

fn api(kind: &str, namespace: &str, cluster: &Cluster) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, VERSION, kind));
    if kind == "ClusterAnalysisTemplate" {
        Api::all_with(cluster.client(), &resource)
    } else {
        Api::namespaced_with(cluster.client(), namespace, &resource)
    }
}

impl CreateRun {
    async fn run(self, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        let template = self.template(cluster).await?;
        let run = self.object(&template, &cluster.namespace)?;
        create(&run, cluster, printer).await.map(drop)
    }

    async fn template(&self, cluster: &Cluster) -> Result<Value, Failure> {
        if let Some(path) = &self.from_file {
            let sources = lint::read(std::slice::from_ref(path))?;
            let first = sources.iter().flat_map(lint::objects).next();
            return first.ok_or_else(|| Failure::usage(format!("{} holds no template", path.display())));
        }
        let name = self.from.as_deref().unwrap_or_default();
        let kind = if self.global { "ClusterAnalysisTemplate" } else { "AnalysisTemplate" };
        Ok(raw(&api(kind, &cluster.namespace, cluster).get(name).await?))
    }

    /// The run that a template makes.
    fn object(&self, template: &Value, namespace: &str) -> Result<Value, Failure> {
        let mut spec = template["spec"].clone();
        let args = arguments(&spec["args"], &self.argument)?;
        if !args.is_empty() {
            spec["args"] = Value::Array(args);
        }
        let mut metadata = Map::new();
        metadata.insert("namespace".to_owned(), namespace.into());
        let of_template = template["metadata"]["name"].as_str().unwrap_or_default();
        match (&self.name, &self.generate_name) {
            (Some(name), _) => metadata.insert("name".to_owned(), name.as_str().into()),
            (None, Some(prefix)) => metadata.insert("generateName".to_owned(), prefix.as_str().into()),
            (None, None) => metadata.insert("generateName".to_owned(), format!("{of_template}-").into()),
        };
        if let Some(id) = &self.instance_id {
            metadata.insert("labels".to_owned(), json!({labels::INSTANCE_ID: id}));
        }
        Ok(json!({"apiVersion": API_VERSION, "kind": "AnalysisRun", "metadata": metadata, "spec": spec}))
    }
}

/// Arguments of a template with the values that are given.
fn arguments(of_template: &Value, given: &[String]) -> Result<Vec<Value>, Failure> {
    let mut args: Vec<Value> = of_template.as_array().cloned().unwrap_or_default();
    for pair in given {
        let Some((name, value)) = pair.split_once('=') else {
            return Err(Failure::usage("arguments must be in the form NAME=VALUE"));
        };
        match args.iter_mut().find(|arg| arg["name"] == name) {
            Some(arg) => *arg = json!({"name": name, "value": value}),
            None => args.push(json!({"name": name, "value": value})),
        }
    }
    let unset = args.iter().find(|arg| arg["value"].is_null() && arg["valueFrom"].is_null());
    match unset.and_then(|arg| arg["name"].as_str()) {
        Some(name) => {
            Err(Failure::usage(format!("args.{name} was not resolved")).hint(format!("give it: `-a {name}=VALUE`")))
        }
        None => Ok(args),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_values_win_and_every_argument_needs_one() {
        let template = json!([{"name": "url", "value": "a"}, {"name": "token", "valueFrom": {"secretKeyRef": {}}}]);
        let args = arguments(&template, &["url=b=c".to_owned(), "more=1".to_owned()]).unwrap();
        assert_eq!(args[0], json!({"name": "url", "value": "b=c"}));
        assert_eq!(args[2], json!({"name": "more", "value": "1"}));
        let failure = arguments(&json!([{"name": "url"}]), &[]).unwrap_err();
        assert!(failure.to_string().starts_with("error: args.url was not resolved"), "{failure}");
        assert!(arguments(&Value::Null, &["url".to_owned()]).is_err());
    }

    #[test]
    fn run_is_named_after_its_template() {
        let run = CreateRun {
            from: Some("rate".to_owned()),
            from_file: None,
            global: false,
            name: None,
            generate_name: None,
            instance_id: Some("blue".to_owned()),
            argument: Vec::new(),
        };
        let template = json!({"metadata": {"name": "rate", "resourceVersion": "5"}, "spec": {"metrics": []}});
        let object = run.object(&template, "shop").unwrap();
        let metadata = &object["metadata"];
        assert_eq!((&metadata["generateName"], &metadata["resourceVersion"]), (&json!("rate-"), &Value::Null));
        assert_eq!(metadata["labels"], json!({labels::INSTANCE_ID: "blue"}));
    }
}
