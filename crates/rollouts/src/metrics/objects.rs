//! Gauges of AnalysisRuns, Experiments and templates, from copies of their own.

use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject},
    runtime::watcher,
};
use serde::de::DeserializeOwned;
use tiphys_api::{
    AnalysisRun, AnalysisTemplate, ClusterAnalysisTemplate, Experiment, decode,
    types::{AnalysisTemplateSpec, Metric},
};
use tiphys_runtime::{
    cache::Cache,
    metrics::{Family, Kind, Page},
};

use super::OBJECT;

type Samples = Vec<(Vec<String>, f64)>;
/// Namespace and name of a template, and what it says.
type Template<'a> = (Vec<String>, &'a AnalysisTemplateSpec);

const fn gauge(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Family {
    Family { name, help, kind: Kind::Gauge, labels }
}

const PHASE: &[&str] = &["namespace", "name", "phase"];

static RUN: Family = gauge("analysis_run_info", "Information about analysis run.", PHASE);
static RUN_PHASE: Family = gauge(
    "analysis_run_phase",
    "Information on the state of the Analysis Run (DEPRECATED - use analysis_run_info)",
    PHASE,
);
static METRIC_TYPE: Family = gauge(
    "analysis_run_metric_type",
    "Information on the type of a specific metric in the Analysis Runs",
    &["namespace", "name", "metric", "type"],
);
static METRIC_PHASE: Family = gauge(
    "analysis_run_metric_phase",
    "Information on the duration of a specific metric in the Analysis Run",
    &["namespace", "name", "metric", "type", "dry_run", "phase"],
);
static TEMPLATE: Family = gauge("analysis_template_info", "Information about analysis templates.", OBJECT);
static TEMPLATE_METRIC: Family = gauge(
    "analysis_template_metric_info",
    "Information on metrics in analysis templates.",
    &["namespace", "name", "type", "metric"],
);
static EXPERIMENT: Family = gauge("experiment_info", "Information about Experiment.", PHASE);
static EXPERIMENT_PHASE: Family =
    gauge("experiment_phase", "Information on the state of the experiment (DEPRECATED - use experiment_info)", PHASE);

const RUN_PHASES: [&str; 6] = ["Pending", "Error", "Failed", "Successful", "Running", "Inconclusive"];
const EXPERIMENT_PHASES: [&str; 5] = ["Pending", "Error", "Successful", "Running", "Inconclusive"];

/// Copies of the kinds that only metrics look at. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Objects {
    runs: Cache<DynamicObject>,
    experiments: Cache<DynamicObject>,
    templates: Cache<DynamicObject>,
    cluster_templates: Cache<DynamicObject>,
}

impl Default for Objects {
    fn default() -> Self {
        let cache = || Cache::new(|_| Vec::new());
        Self { runs: cache(), experiments: cache(), templates: cache(), cluster_templates: cache() }
    }
}

impl Objects {
    /// Follows the objects of one namespace, or of all of them, until the future is dropped. Templates of the cluster are
    /// left out where only one namespace is looked at.
    pub async fn follow(self, client: Client, namespace: Option<String>) {
        let api = |resource: &ApiResource| -> Api<DynamicObject> {
            match &namespace {
                Some(namespace) => Api::namespaced_with(client.clone(), namespace, resource),
                None => Api::all_with(client.clone(), resource),
            }
        };
        let follow = |cache: Cache<DynamicObject>, api| cache.follow(api, watcher::Config::default(), prune, |_| {});
        let cluster = ApiResource::erase::<ClusterAnalysisTemplate>(&());
        let cluster = async {
            if namespace.is_none() {
                follow(self.cluster_templates.clone(), Api::all_with(client.clone(), &cluster)).await;
            }
        };
        tokio::join!(
            follow(self.runs.clone(), api(&ApiResource::erase::<AnalysisRun>(&()))),
            follow(self.experiments.clone(), api(&ApiResource::erase::<Experiment>(&()))),
            follow(self.templates.clone(), api(&ApiResource::erase::<AnalysisTemplate>(&()))),
            cluster,
        );
    }

    /// Writes the gauges.
    pub fn write(&self, page: &mut Page) {
        write_runs(page, &all(&self.runs));
        let templates: Vec<AnalysisTemplate> = all(&self.templates);
        let cluster: Vec<ClusterAnalysisTemplate> = all(&self.cluster_templates);
        let own = templates.iter().map(|template| (&template.metadata, &template.spec));
        let shared = cluster.iter().map(|template| (&template.metadata, &template.spec));
        let every: Vec<Template<'_>> = own.chain(shared).map(|(metadata, spec)| (object(metadata), spec)).collect();
        write_templates(page, &every);
        write_experiments(page, &all(&self.experiments));
    }
}

fn prune(object: &mut DynamicObject) {
    object.metadata.managed_fields = None;
}

fn all<T: DeserializeOwned + Default>(cache: &Cache<DynamicObject>) -> Vec<T> {
    let objects = cache.list(None);
    objects.iter().map(|object| decode(serde_json::to_value(&**object).unwrap_or_default()).object).collect()
}

fn object(metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta) -> Vec<String> {
    vec![metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default()]
}

/// `labels` and then each phase, 1 for the present one; an empty phase is `Pending`.
fn phases(labels: &[String], now: &str, all: &[&str]) -> Samples {
    let now = if now.is_empty() { "Pending" } else { now };
    let one = |phase: &&str| {
        let labels = labels.iter().cloned().chain([(*phase).to_owned()]).collect();
        (labels, if *phase == now { 1.0 } else { 0.0 })
    };
    all.iter().map(one).collect()
}

fn with(mut labels: Vec<String>, more: &[&str]) -> Vec<String> {
    labels.extend(more.iter().map(|label| (*label).to_owned()));
    labels
}

fn write_runs(page: &mut Page, runs: &[AnalysisRun]) {
    let each = |samples: fn(&AnalysisRun) -> Samples| runs.iter().flat_map(samples).collect::<Samples>();
    page.all(&RUN, &each(|run| vec![(with(object(&run.metadata), &[&run.status.phase]), 1.0)]));
    page.all(
        &METRIC_PHASE,
        &each(|run| run.spec.metrics.iter().flat_map(|metric| metric_phases(run, metric)).collect()),
    );
    page.all(
        &METRIC_TYPE,
        &each(|run| {
            let types = run.spec.metrics.iter();
            types.map(|metric| (with(object(&run.metadata), &[&metric.name, provider(metric)]), 1.0)).collect()
        }),
    );
    page.all(&RUN_PHASE, &each(|run| phases(&object(&run.metadata), &run.status.phase, &RUN_PHASES)));
}

fn metric_phases(run: &AnalysisRun, metric: &Metric) -> Samples {
    let result = run.status.metric_results.iter().find(|result| result.name == metric.name);
    let is_dry = result.is_some_and(|result| result.dry_run)
        || run.spec.dry_run.iter().any(|rule| rule.metric_name == metric.name);
    let dry_run = if is_dry { "true" } else { "false" };
    let labels = with(object(&run.metadata), &[&metric.name, provider(metric), dry_run]);
    phases(&labels, result.map_or("", |result| result.phase.as_str()), &RUN_PHASES)
}

fn write_templates(page: &mut Page, templates: &[Template<'_>]) {
    let infos: Samples = templates.iter().map(|(labels, _)| (labels.clone(), 1.0)).collect();
    page.all(&TEMPLATE, &infos);
    let metrics = templates.iter().flat_map(|(labels, spec)| {
        spec.metrics.iter().map(|metric| (with(labels.clone(), &[provider(metric), &metric.name]), 1.0))
    });
    page.all(&TEMPLATE_METRIC, &metrics.collect::<Samples>());
}

fn write_experiments(page: &mut Page, experiments: &[Experiment]) {
    let infos = experiments.iter().map(|one| (with(object(&one.metadata), &[&one.status.phase]), 1.0));
    page.all(&EXPERIMENT, &infos.collect::<Samples>());
    let each = experiments.iter().flat_map(|one| phases(&object(&one.metadata), &one.status.phase, &EXPERIMENT_PHASES));
    page.all(&EXPERIMENT_PHASE, &each.collect::<Samples>());
}

/// The type of a metric's provider, in upstream's words and order.
fn provider(metric: &Metric) -> &'static str {
    let provider = &metric.provider;
    let types = [
        (provider.prometheus.is_some(), "Prometheus"),
        (provider.job.is_some(), "Job"),
        (provider.kayenta.is_some(), "Kayenta"),
        (provider.web.is_some(), "Web"),
        (provider.datadog.is_some(), "Datadog"),
        (provider.wavefront.is_some(), "Wavefront"),
        (provider.new_relic.is_some(), "NewRelic"),
        (provider.cloud_watch.is_some(), "CloudWatch"),
        (provider.graphite.is_some(), "Graphite"),
        (provider.influxdb.is_some(), "Influxdb"),
        (provider.skywalking.is_some(), "skywalking"),
        (!provider.plugin.is_empty(), "RPCPlugin"),
    ];
    types.iter().find(|(is_set, _)| *is_set).map_or("Unknown Provider", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn runs_templates_and_experiments_have_their_gauges() {
        let metadata = json!({"namespace": "shop", "name": "x"});
        let metrics = json!([{"name": "rate", "provider": {"web": {}}}]);
        let results = json!([{"name": "rate", "phase": "Failed", "dryRun": true}]);
        let run = json!({"metadata": metadata, "spec": {"metrics": metrics},
            "status": {"phase": "Running", "metricResults": results}});
        let mut page = Page::default();
        write_runs(&mut page, &[decode(run).object]);
        let template: AnalysisTemplate = decode(json!({"metadata": metadata, "spec": {"metrics": metrics}})).object;
        write_templates(&mut page, &[(object(&template.metadata), &template.spec)]);
        write_experiments(&mut page, &[decode(json!({"metadata": metadata})).object]);
        let text = page.finish();
        for line in [
            "analysis_run_info{namespace=\"shop\",name=\"x\",phase=\"Running\"} 1",
            "analysis_run_phase{namespace=\"shop\",name=\"x\",phase=\"Running\"} 1",
            "analysis_run_phase{namespace=\"shop\",name=\"x\",phase=\"Failed\"} 0",
            "analysis_run_metric_type{namespace=\"shop\",name=\"x\",metric=\"rate\",type=\"Web\"} 1",
            "analysis_run_metric_phase{namespace=\"shop\",name=\"x\",metric=\"rate\",type=\"Web\",dry_run=\"true\",phase=\"Failed\"} 1",
            "analysis_template_info{namespace=\"shop\",name=\"x\"} 1",
            "analysis_template_metric_info{namespace=\"shop\",name=\"x\",type=\"Web\",metric=\"rate\"} 1",
            "experiment_info{namespace=\"shop\",name=\"x\",phase=\"\"} 1",
            "experiment_phase{namespace=\"shop\",name=\"x\",phase=\"Pending\"} 1",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
