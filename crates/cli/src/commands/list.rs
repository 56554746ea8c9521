//! `list`: all Rollouts, one line each.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use kube::api::{DynamicObject, ListParams};
use serde_json::{Value, json};
use tiphys_api::{decode, types::API_VERSION};

use crate::{
    cluster::{Cluster, Kind, raw, stored_rollout},
    error::Failure,
    printer::{Cell, Printer},
    view::{
        columns::{self, Scope},
        experiments,
    },
    watching::{Choice, Watching},
};

/// Lists Rollouts, or Experiments.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// `rollouts` (the word may be left out) or `experiments`
    #[arg(value_parser = ["rollouts", "rollout", "ro", "experiments", "experiment", "exp"], hide_possible_values = true)]
    kind: Option<String>,
    /// In all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Only the one with this name
    #[arg(long)]
    name: Option<String>,
    /// Only those with these labels
    #[arg(short = 'l', long, value_name = "LABELS")]
    selector: Option<String>,
    /// Print a line whenever one changes
    #[arg(short, long, conflicts_with = "output")]
    watch: bool,
    /// Print the time before each line
    #[arg(long)]
    timestamps: bool,
    /// Print objects instead of a table
    #[arg(short, long, value_enum)]
    output: Option<Output>,
}

/// How objects are printed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Output {
    /// JSON
    Json,
    /// YAML
    Yaml,
    /// Names only
    Name,
}

impl List {
    pub(crate) async fn run(self, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        if self.watch {
            return self.follow(cluster, printer).await;
        }
        let kind = self.kind();
        let api = if self.all_namespaces { cluster.api_everywhere(kind) } else { cluster.api(kind) };
        let params = ListParams {
            label_selector: self.selector.clone(),
            field_selector: self.name.as_ref().map(|name| format!("metadata.name={name}")),
            ..ListParams::default()
        };
        let items = api.list(&params).await?.items;
        if let Some(output) = self.output {
            return print_objects(kind, &items, output, printer);
        }
        if items.is_empty() {
            printer.note("No resources found.");
            return Ok(());
        }
        let mut rows = vec![self.head()];
        rows.extend(items.iter().map(|item| self.row(raw(item), cluster.clock.now())));
        if self.timestamps {
            let now = tiphys_machinery::time::seconds(cluster.clock.now());
            for (index, row) in rows.iter_mut().enumerate() {
                row.insert(0, Cell::from(if index == 0 { "TIMESTAMP" } else { now.as_str() }));
            }
        }
        Ok(printer.text(&printer.table(&rows))?)
    }

    fn kind(&self) -> Kind {
        let word = self.kind.as_deref().unwrap_or_default();
        if word.starts_with("exp") { Kind::Experiment } else { Kind::Rollout }
    }

    fn head(&self) -> Vec<Cell> {
        if self.kind() == Kind::Rollout { columns::head(self.scope()) } else { experiments::head(self.scope()) }
    }

    fn row(&self, object: Value, now: Timestamp) -> Vec<Cell> {
        if self.kind() == Kind::Rollout {
            columns::row(&stored_rollout(object).typed, self.scope())
        } else {
            experiments::row(&decode(object).object, self.scope(), now)
        }
    }

    fn scope(&self) -> Scope {
        if self.all_namespaces { Scope::Everywhere } else { Scope::Namespace }
    }

    /// Prints a line for each object whose columns have changed; ages do not count.
    async fn follow(self, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        let kind = self.kind();
        let choice =
            Choice { everywhere: self.all_namespaces, labels: self.selector.as_deref(), name: self.name.as_deref() };
        let mut watching = Watching::chosen(cluster, kind, &choice);
        let mut shown: BTreeMap<(String, String), Value> = BTreeMap::new();
        let mut head = vec![self.head()];
        loop {
            watching.changed().await?;
            let mut rows = std::mem::take(&mut head);
            for object in watching.all(kind) {
                let row = self.row(object.clone(), cluster.clock.now());
                let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
                let told =
                    json!(self.row(object.clone(), Timestamp::UNIX_EPOCH).iter().map(|c| &c.text).collect::<Vec<_>>());
                if shown.insert((text("namespace"), text("name")), told.clone()).as_ref() != Some(&told) {
                    rows.push(row);
                }
            }
            let now = tiphys_machinery::time::seconds(cluster.clock.now());
            printer.text(&fixed(&rows, self.timestamps.then_some(now.as_str()), self.scope()))?;
        }
    }
}

/// Columns of fixed least widths, so that lines printed later stand below earlier ones.
fn fixed(rows: &[Vec<Cell>], time: Option<&str>, scope: Scope) -> String {
    let widths = [9, 10, 9, 12, 4, 10, 5, 7, 10, 9];
    let widths = if scope == Scope::Everywhere { &widths[..] } else { &widths[1..] };
    let mut text = String::new();
    for row in rows {
        if let Some(time) = time {
            text.push_str(time);
            text.push_str("  ");
        }
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{:<width$}", cell.text));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn print_objects(kind: Kind, items: &[DynamicObject], output: Output, printer: Printer) -> Result<(), Failure> {
    let word = kind.resource().kind;
    let objects: Vec<Value> = items.iter().map(|item| whole(item, &word)).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": objects});
    match output {
        Output::Name => {
            for item in items {
                let name = item.metadata.name.as_deref().unwrap_or_default();
                printer.line(format!("{}.argoproj.io/{name}", word.to_lowercase()))?;
            }
            Ok(())
        }
        Output::Json => Ok(printer.line(format!("{list:#}"))?),
        Output::Yaml => Ok(printer.text(&yaml(&list)?)?),
    }
}

/// Prints data; where there is nothing but data, its names are those of its items.
pub(crate) fn print_data(data: &Value, output: Output, printer: Printer) -> Result<(), Failure> {
    match output {
        Output::Json => Ok(printer.line(format!("{data:#}"))?),
        Output::Yaml => Ok(printer.text(&yaml(data)?)?),
        Output::Name => {
            let items = data["items"].as_array().map_or_else(|| vec![data], |items| items.iter().collect());
            for item in items {
                printer.line(format!("rollout.argoproj.io/{}", item["name"].as_str().unwrap_or_default()))?;
            }
            Ok(())
        }
    }
}

/// Returns `value` as YAML.
pub(crate) fn yaml(value: &Value) -> Result<String, Failure> {
    serde_saphyr::to_string(value)
        .map_err(|error| Failure::new("the object cannot be written as YAML").caused_by(error))
}

/// Items of a list lack their kind.
fn whole(item: &DynamicObject, kind: &str) -> Value {
    let mut object = raw(item);
    object["apiVersion"] = API_VERSION.into();
    object["kind"] = kind.into();
    object
}
