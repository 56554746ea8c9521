//! `why`: one sentence, one chain of causes, one command.

use clap::Args;
use serde_json::json;
use tiphys_rollouts::observe;

use crate::{
    cluster::Cluster,
    commands::list::{Output, print_data},
    error::Failure,
    printer::Printer,
    target,
    view::answer::{self, Answer},
};

/// Says why Rollouts are as they are: what each waits for, what happens next, and which command would help.
///
/// Without a name: all Rollouts that are not healthy, the most stuck first.
#[derive(Debug, Args)]
pub(crate) struct Why {
    /// Rollouts: `NAME`, `rollout/NAME` or `deployment/NAME` [default: all that are not healthy]
    #[arg(value_name = "ROLLOUT", conflicts_with_all = ["selector", "all_namespaces"])]
    names: Vec<String>,
    /// In all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Only Rollouts with these labels
    #[arg(short = 'l', long, value_name = "LABELS")]
    selector: Option<String>,
    /// Print data instead of text
    #[arg(short, long, value_enum)]
    output: Option<Output>,
}

impl Why {
    pub(crate) async fn run(self, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        if self.names.is_empty() {
            return self.overview(cluster, printer).await;
        }
        let mut answers = Vec::new();
        for target in target::parse(&self.names)? {
            let name = cluster.resolve(&target).await?.typed.metadata.name.unwrap_or_default();
            let seen = observe::fetch(&cluster.client(), &cluster.namespace, &name).await?;
            let seen = seen.ok_or_else(|| Failure::new(format!("rollout.argoproj.io \"{name}\" not found")))?;
            answers.push(Answer::of(&seen, cluster.clock.now()));
        }
        if let Some(output) = self.output {
            return print(&answers, output, printer);
        }
        for (index, answer) in answers.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n" };
            printer.text(&format!("{gap}{}", answer::page(answer, printer)))?;
        }
        Ok(())
    }

    async fn overview(&self, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        let namespace = (!self.all_namespaces).then_some(cluster.namespace.as_str());
        let all = observe::fetch_all(&cluster.client(), namespace, self.selector.as_deref()).await?;
        let mut answers: Vec<Answer> = all.iter().map(|seen| Answer::of(seen, cluster.clock.now())).collect();
        answers.sort_by_cached_key(Answer::rank);
        if let Some(output) = self.output {
            answers.retain(|answer| !answer.is_settled());
            return print_data(
                &json!({"items": answers.iter().map(Answer::data).collect::<Vec<_>>()}),
                output,
                printer,
            );
        }
        if answers.is_empty() {
            printer.note(&format!("No Rollouts in {}; `tiphys list -A` shows all there are.", place(namespace)));
            return Ok(());
        }
        for answer in answers.iter().filter(|answer| !answer.is_settled()) {
            printer.text(&answer::short(answer, self.all_namespaces, printer))?;
        }
        Ok(printer.line(summary(&answers, namespace))?)
    }
}

fn print(answers: &[Answer], output: Output, printer: Printer) -> Result<(), Failure> {
    match answers {
        [one] => print_data(&one.data(), output, printer),
        many => print_data(&json!({"items": many.iter().map(Answer::data).collect::<Vec<_>>()}), output, printer),
    }
}

fn place(namespace: Option<&str>) -> String {
    namespace.map_or_else(|| "any namespace".to_owned(), |namespace| format!("namespace {namespace}"))
}

/// The last line of an overview.
fn summary(answers: &[Answer], namespace: Option<&str>) -> String {
    let settled: Vec<&str> = answers.iter().filter(|answer| answer.is_settled()).map(Answer::name).collect();
    let place = namespace.map_or_else(|| "all namespaces".to_owned(), |name| format!("namespace {name}"));
    match (settled.len(), answers.len() - settled.len()) {
        (all, 0) => format!("All {all} Rollouts in {place} are healthy."),
        (0, others) => format!("{others} of {others} Rollouts in {place} are not healthy."),
        (healthy, others) => {
            let (named, rest) = settled.split_at(healthy.min(5));
            let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
            format!(
                "{others} of {} Rollouts in {place} are not healthy. Healthy: {}{more}.",
                answers.len(),
                named.join(", ")
            )
        }
    }
}
