//! `analyze`: would an analysis have passed?

use std::collections::BTreeMap;

use clap::Args;
use jiff::Timestamp;
use kube::{
    Api,
    api::{ApiResource, DynamicObject, ListParams},
};
use tiphys_analysis::{
    http::Settings,
    providers::Services,
    replay::{Outcome, Replay, replay},
    template::{Templates, resolve_references, run_spec},
};
use tiphys_api::{
    AnalysisTemplate, ClusterAnalysisTemplate, Stored,
    types::{AnalysisRunSpec, AnalysisTemplateRef, Argument},
};

use crate::{
    cluster::{Cluster, raw},
    error::Failure,
    printer::Printer,
};

/// Plays an analysis template against past data: would it have passed?
///
/// Every measurement is taken as the controller would have taken it between --from and --to. Only Prometheus can be asked
/// about the past. Exit code 0: it would have passed; 1: it would not; 3: not known, because a metric had no data or could
/// not be measured.
#[derive(Debug, Args)]
pub(crate) struct Analyze {
    /// Name of the AnalysisTemplate
    template: String,
    /// It is a ClusterAnalysisTemplate
    #[arg(long)]
    cluster_scope: bool,
    /// Value of an argument, as often as needed
    #[arg(short, long = "arg", value_name = "NAME=VALUE", value_parser = argument)]
    args: Vec<(String, String)>,
    /// Where it begins: a time such as 2026-01-02T03:04:05Z, or how long ago such as 2h
    #[arg(long, value_name = "TIME")]
    from: String,
    /// Where it ends [default: now]
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Prometheus to ask in place of those that the template names, which often can be reached in the cluster only
    #[arg(long, value_name = "URL")]
    address: Option<String>,
    /// Allow link-local addresses
    #[arg(long)]
    allow_link_local: bool,
}

impl Analyze {
    pub(crate) async fn run(self, cluster: &Cluster, printer: Printer) -> Result<(), Failure> {
        let now = cluster.clock.now();
        let from = moment(&self.from, now)?;
        let to = self.to.as_deref().map_or(Ok(now), |to| moment(to, now))?;
        let spec = self.spec(cluster).await?;
        let settings = Settings { allows_link_local: self.allow_link_local, uses_proxies: true };
        let environment: BTreeMap<_, _> = std::env::vars().collect();
        let services = Services::new(cluster.client(), environment, settings).await;
        let services = services.map_err(|error| Failure::new("metrics cannot be asked").caused_by(error))?;
        let played = replay(&spec, &cluster.namespace, from, to, &services).await;
        let played = played.map_err(|error| Failure::new("the template cannot be played").caused_by(error))?;
        print(&played, printer)?;
        conclude(&self.template, &played)
    }

    async fn spec(&self, cluster: &Cluster) -> Result<AnalysisRunSpec, Failure> {
        let reference =
            AnalysisTemplateRef { template_name: self.template.clone(), cluster_scope: Some(self.cluster_scope) };
        let wrong = |error| Failure::new(format!("template {} cannot be used", self.template)).caused_by(error);
        let templates = templates(cluster).await?;
        let found = resolve_references(&[reference], &templates).map_err(wrong)?;
        let given = |(name, value): &(String, String)| Argument {
            name: name.clone(),
            value: Some(value.clone()),
            value_from: None,
        };
        let args: Vec<_> = self.args.iter().map(given).collect();
        let mut spec = run_spec(found, &args, &[], &[])
            .map_err(|error| wrong(error).hint("arguments without a value are given by `--arg name=value`"))?;
        if let Some(address) = &self.address {
            for prometheus in spec.metrics.iter_mut().filter_map(|metric| metric.provider.prometheus.as_mut()) {
                prometheus.address.clone_from(address);
            }
        }
        Ok(spec)
    }
}

/// Reads the templates of the namespace and of the cluster.
async fn templates(cluster: &Cluster) -> Result<Templates, Failure> {
    let (namespaced, global) =
        (ApiResource::erase::<AnalysisTemplate>(&()), ApiResource::erase::<ClusterAnalysisTemplate>(&()));
    let namespaced: Api<DynamicObject> = Api::namespaced_with(cluster.client(), &cluster.namespace, &namespaced);
    let global: Api<DynamicObject> = Api::all_with(cluster.client(), &global);
    let mut templates = Templates::default();
    for object in namespaced.list(&ListParams::default()).await? {
        let template: Stored<AnalysisTemplate> = Stored::new(raw(&object));
        let name = template.typed.metadata.name.unwrap_or_default();
        templates.namespaced.insert(name, template.typed.spec);
    }
    for object in global.list(&ListParams::default()).await? {
        let template: Stored<ClusterAnalysisTemplate> = Stored::new(raw(&object));
        let name = template.typed.metadata.name.unwrap_or_default();
        templates.cluster.insert(name, template.typed.spec);
    }
    Ok(templates)
}

fn argument(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("an argument is written name=value")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn moment(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    let ago = tiphys_api::duration::parse(text).ok().and_then(|ago| now.checked_sub(ago).ok());
    ago.ok_or_else(|| {
        Failure::usage(format!("{text:?} is no time"))
            .hint("write a time such as 2026-01-02T03:04:05Z, or how long ago such as 2h")
    })
}

/// Says what is known in the end.
fn conclude(template: &str, played: &Replay) -> Result<(), Failure> {
    let names = || played.unjudged.iter().map(|unjudged| unjudged.metric.as_str()).collect::<Vec<_>>().join(", ");
    let (what, hint) = match played.outcome() {
        Outcome::Passed => return Ok(()),
        Outcome::NotPassed => {
            let phase = &played.status.phase;
            return Err(Failure::new(format!("{template} would not have passed: {phase}")));
        }
        Outcome::NoData => ("no data", "perhaps the query names what did not exist then"),
        Outcome::NotMeasured => ("not measured", "the errors above say why; is the time longer than initialDelay?"),
    };
    let text = format!("whether {template} would have passed is not known: {what} for {}", names());
    Err(Failure::unknown(text).hint(hint))
}

fn print(replay: &Replay, printer: Printer) -> Result<(), Failure> {
    for played in &replay.played {
        let at = played.at.strftime("%Y-%m-%d %H:%M:%S");
        let said = if played.message.is_empty() { &played.value } else { &played.message };
        printer.line(format!("{at}  {}  {}  {said}", played.metric, played.phase))?;
    }
    let status = &replay.status;
    for result in &status.metric_results {
        let dry = if result.dry_run { " (dry-run)" } else { "" };
        printer.line(format!(
            "{}{dry}: {} of {} measurements successful, {} failed, {} inconclusive, {} errors: {}",
            result.name,
            result.successful,
            result.count,
            result.failed,
            result.inconclusive,
            result.error,
            result.phase
        ))?;
    }
    for unjudged in &replay.unjudged {
        let what = if unjudged.is_without_data { "no data" } else { "not measured" };
        printer.line(format!("{}: {what}", unjudged.metric))?;
    }
    let colon = if status.message.is_empty() { "" } else { ": " };
    let end = if replay.is_ended { "" } else { " (stopped at the end of the time)" };
    printer.line(format!("{}{colon}{}{end}", status.phase, status.message))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use tiphys_analysis::replay::Unjudged;
    use tiphys_api::types::AnalysisRunStatus;

    use super::*;

    #[test]
    fn what_is_not_known_has_words_and_a_code_of_its_own() {
        let check = |phase: &str, unjudged: Option<bool>, expected: (u8, &str)| {
            let unjudged = unjudged.map(|is_without_data| Unjudged { metric: "m".to_owned(), is_without_data });
            let status = AnalysisRunStatus { phase: phase.to_owned(), ..Default::default() };
            let replay =
                Replay { played: Vec::new(), status, is_ended: true, unjudged: unjudged.into_iter().collect() };
            let said = conclude("t", &replay)
                .map_or_else(|failure| (failure.code(), failure.to_string()), |()| (0, String::new()));
            assert_eq!((said.0, said.1.lines().next().unwrap_or_default()), expected);
        };
        check("Successful", None, (0, ""));
        check("Failed", None, (1, "error: t would not have passed: Failed"));
        check("Failed", Some(true), (1, "error: t would not have passed: Failed"));
        check("Successful", Some(true), (3, "error: whether t would have passed is not known: no data for m"));
        check("Error", Some(true), (3, "error: whether t would have passed is not known: no data for m"));
        check("Successful", Some(false), (3, "error: whether t would have passed is not known: not measured for m"));
    }

    #[test]
    fn times_are_points_or_how_long_ago() {
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let shown = |text: &str| moment(text, now).map(|at| at.to_string()).unwrap_or_default();
        assert_eq!(shown("2026-01-01T00:00:00Z"), "2026-01-01T00:00:00Z");
        assert_eq!(shown("1h30m"), "2026-01-02T01:34:05Z");
        assert_eq!(shown("yesterday"), "");
        assert_eq!(argument("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
    }
}
