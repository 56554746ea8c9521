//! `app create` and `app set`.

use std::path::{Path, PathBuf};

use clap::Args;
use kube::api::{DynamicObject, PostParams};
use serde_json::{Value, json};

use super::{Apps, spec_flags::SpecFlags};
use crate::{cluster::raw, error::Failure};

const FINALIZER: &str = "resources-finalizer.argocd.argoproj.io";

/// Creates an Application, from flags or a file.
#[derive(Debug, Args)]
pub(super) struct Create {
    /// Its name
    #[arg(value_name = "NAME", required_unless_present = "file")]
    name: Option<String>,
    /// File with an Application; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Change it where it is there already
    #[arg(long)]
    upsert: bool,
    /// Deleting it deletes what it delivered
    #[arg(long)]
    set_finalizer: bool,
    /// Label, NAME=VALUE
    #[arg(short = 'l', long = "label", value_name = "NAME=VALUE")]
    labels: Vec<String>,
    #[command(flatten)]
    spec: SpecFlags,
}

impl Create {
    pub(super) async fn run(self, apps: &Apps<'_>) -> Result<(), Failure> {
        let mut object = match &self.file {
            Some(path) => read(path)?,
            None => json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {}, "spec": {}}),
        };
        let word = match (&self.name, object["metadata"]["name"].as_str()) {
            (Some(name), Some(other)) if name != other => {
                return Err(Failure::usage(format!(
                    "app name '{name}' does not match app spec metadata.name '{other}'"
                )));
            }
            (Some(name), _) => name.clone(),
            (None, Some(name)) => name.to_owned(),
            (None, None) => return Err(Failure::usage("the file names no Application")),
        };
        let (namespace, name) = apps.place(&word);
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or(namespace).to_owned();
        object["metadata"]["name"] = json!(name);
        object["metadata"]["namespace"] = json!(namespace);
        for label in &self.labels {
            let (name, value) =
                label.split_once('=').ok_or_else(|| Failure::usage(format!("a label is NAME=VALUE, not {label}")))?;
            object["metadata"]["labels"][name] = json!(value);
        }
        if self.set_finalizer {
            object["metadata"]["finalizers"] = json!([FINALIZER]);
        }
        self.spec.apply(&mut object["spec"])?;
        complete(&mut object["spec"]);
        self.write(apps, &format!("{namespace}/{name}"), &object).await
    }

    async fn write(&self, apps: &Apps<'_>, named: &str, object: &Value) -> Result<(), Failure> {
        let printer = apps.printer;
        let (namespace, name) = apps.place(named);
        let Some(known) = apps.api(namespace).get_opt(name).await?.as_ref().map(raw) else {
            printer.note(&format!("{named} will deliver {} to {}.", source(&object["spec"]), target(&object["spec"])));
            let object: DynamicObject = serde_json::from_value(object.clone())
                .map_err(|error| Failure::new("the Application cannot be written").caused_by(error))?;
            apps.api(namespace).create(&PostParams::default(), &object).await?;
            return Ok(printer.line(format!("application '{}' created", name))?);
        };
        if known["spec"] == object["spec"] {
            return Ok(printer.line(format!("application '{}' unchanged", name))?);
        }
        if !self.upsert {
            return Err(Failure::new("existing application spec is different; use upsert flag to force update"));
        }
        let patch = tiphys_machinery::patch::merge::create(&known["spec"], &object["spec"]);
        apps.patch(named, &json!({"spec": patch})).await?;
        Ok(printer.line(format!("application '{}' updated", name))?)
    }
}

fn complete(spec: &mut Value) {
    if spec["project"].is_null() {
        spec["project"] = json!("default");
    }
    if spec["destination"]["server"].is_null() && spec["destination"]["name"].is_null() {
        spec["destination"]["server"] = json!(tiphys_gitops::destination::IN_CLUSTER);
    }
}

fn source(spec: &Value) -> String {
    let text = |field: &str| spec["source"][field].as_str().unwrap_or_default();
    let place = if text("chart").is_empty() { text("path") } else { text("chart") };
    format!("{place} of {}", text("repoURL"))
}

fn target(spec: &Value) -> String {
    let text = |field: &str| spec["destination"][field].as_str().unwrap_or_default();
    let cluster = if text("name").is_empty() { text("server") } else { text("name") };
    if text("namespace").is_empty() {
        cluster.to_owned()
    } else {
        format!("namespace {} of {cluster}", text("namespace"))
    }
}

fn read(path: &Path) -> Result<Value, Failure> {
    let unreadable = |error| Failure::new(format!("{} cannot be read", path.display())).caused_by(error);
    let text = if path.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin()).map_err(unreadable)?
    } else {
        std::fs::read_to_string(path).map_err(unreadable)?
    };
    let object: Value = serde_saphyr::from_str(&text)
        .map_err(|error| Failure::new(format!("{} is no YAML", path.display())).caused_by(error))?;
    if object["kind"] != "Application" {
        return Err(Failure::usage(format!("{} holds no Application", path.display())));
    }
    Ok(object)
}

/// Changes the spec of an Application.
#[derive(Debug, Args)]
pub(super) struct Set {
    /// The Application
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    spec: SpecFlags,
}

impl Set {
    pub(super) async fn run(self, apps: &Apps<'_>) -> Result<(), Failure> {
        apps.find(&self.name).await?;
        let (namespace, name) = apps.place(&self.name);
        let known = raw(&apps.api(namespace).get(name).await?);
        let mut spec = known["spec"].clone();
        let changed = self.spec.apply(&mut spec)?;
        if changed.is_empty() {
            return Ok(apps.printer.line(format!("application '{}' unchanged", name))?);
        }
        apps.printer.note(&format!("Changing {} of {name}.", changed.join(", ")));
        let patch = tiphys_machinery::patch::merge::create(&known["spec"], &spec);
        let version = &known["metadata"]["resourceVersion"];
        apps.patch(&self.name, &json!({"metadata": {"resourceVersion": version}, "spec": patch})).await?;
        Ok(apps.printer.line(format!("application '{}' changed", name))?)
    }
}
