//! Kubernetes Jobs: one that completes is a success, one that fails a failure.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    api::{
        batch::v1::Job as ClusterJob,
        core::v1::{ContainerStatus, Pod},
    },
    apimachinery::pkg::apis::meta::v1::OwnerReference,
};
use kube::{
    Api,
    api::{DeleteParams, ListParams, PostParams, PropagationPolicy},
};
use tiphys_api::{
    AnalysisRun,
    constants::analysis_phase::{FAILED, INCONCLUSIVE, SUCCESSFUL},
    types::{API_VERSION, JobMetric, Measurement, Metric, ObjectMeta},
};

use super::{Answer, Asked, Asking, JobCluster, Provider, ProviderError, Services};
use crate::plan::result_of;

/// Label of jobs and their pods: uid of the run.
pub const UID_LABEL: &str = "analysisrun.argoproj.io/uid";
/// Annotation of jobs: name of the run.
pub const NAME_ANNOTATION: &str = "analysisrun.argoproj.io/name";
/// Annotation of jobs: namespace of the run.
pub const NAMESPACE_ANNOTATION: &str = "analysisrun.argoproj.io/namespace";
/// Annotation of jobs: name of the metric.
pub const METRIC_ANNOTATION: &str = "analysisrun.argoproj.io/metric-name";

/// Metadata of measurements: name of the job.
pub const JOB_NAME: &str = "job-name";
/// Metadata of measurements: namespace of the job.
pub const JOB_NAMESPACE: &str = "job-namespace";
/// Characters that a name may have, because it becomes a label.
const MAX_NAME: usize = 63;
/// Why a container will never start.
const HOPELESS: [&str; 3] = ["ErrImagePull", "ImagePullBackOff", "InvalidImageName"];

pub(super) struct Job {
    metric: JobMetric,
    cluster: JobCluster,
}

impl Job {
    pub(super) fn new(metric: &JobMetric, services: &Services) -> Self {
        Self { metric: metric.clone(), cluster: services.jobs.clone() }
    }

    fn namespace(&self, run: &AnalysisRun) -> String {
        self.cluster.namespace.clone().unwrap_or_else(|| run.metadata.namespace.clone().unwrap_or_default())
    }

    fn api(&self, namespace: &str) -> Api<ClusterJob> {
        Api::namespaced(self.cluster.client.clone(), namespace)
    }

    fn object(&self, asked: Asked<'_>) -> ClusterJob {
        let Asked { run, metric, .. } = asked;
        let uid = run.metadata.uid.clone().unwrap_or_default();
        let namespace = self.namespace(run);
        let is_owned = !self.cluster.is_foreign && Some(&namespace) == run.metadata.namespace.as_ref();
        let mut labels = self.metric.metadata.labels.clone().unwrap_or_default();
        labels.insert(UID_LABEL.to_owned(), uid.clone());
        let mut annotations = self.metric.metadata.annotations.clone().unwrap_or_default();
        annotations.insert(NAME_ANNOTATION.to_owned(), run.metadata.name.clone().unwrap_or_default());
        annotations.insert(NAMESPACE_ANNOTATION.to_owned(), run.metadata.namespace.clone().unwrap_or_default());
        annotations.insert(METRIC_ANNOTATION.to_owned(), metric.name.clone());
        let mut spec = self.metric.spec.clone();
        let template = spec.template.metadata.get_or_insert_default();
        template.labels.get_or_insert_default().insert(UID_LABEL.to_owned(), uid.clone());
        let metadata = ObjectMeta {
            name: Some(name(run, metric)),
            namespace: Some(namespace),
            labels: Some(labels),
            annotations: Some(annotations),
            owner_references: is_owned.then(|| vec![owner(run, uid)]),
            ..ObjectMeta::default()
        };
        ClusterJob { metadata, spec: Some(spec), status: None }
    }

    async fn create(&self, asked: Asked<'_>) -> Result<Answer, ProviderError> {
        let object = self.object(asked);
        let (name, namespace) = (object.metadata.name.clone().unwrap_or_default(), self.namespace(asked.run));
        let params = PostParams { field_manager: Some("tiphys".to_owned()), ..PostParams::default() };
        if let Err(error) = self.api(&namespace).create(&params, &object).await {
            let is_taken = matches!(&error, kube::Error::Api(status) if status.reason == "AlreadyExists");
            if !is_taken || !self.is_ours(&namespace, &name, asked).await {
                return Err(error.into());
            }
        }
        let metadata = [(JOB_NAME.to_owned(), name), (JOB_NAMESPACE.to_owned(), namespace)];
        Ok(Answer::Pending { metadata: metadata.into_iter().collect(), resume_at: asked.now })
    }

    /// Whether a job of that name was made for the same metric of the same run.
    async fn is_ours(&self, namespace: &str, name: &str, asked: Asked<'_>) -> bool {
        let Ok(job) = self.api(namespace).get(name).await else { return false };
        let label = job.metadata.labels.as_ref().and_then(|labels| labels.get(UID_LABEL));
        let metric = job.metadata.annotations.as_ref().and_then(|annotations| annotations.get(METRIC_ANNOTATION));
        label == asked.run.metadata.uid.as_ref() && metric == Some(&asked.metric.name)
    }

    async fn look(&self, asked: Asked<'_>, last: &Measurement) -> Result<Answer, ProviderError> {
        let (namespace, name) = place(asked.run, last)?;
        let job = self.api(&namespace).get(&name).await?;
        if let Some(phase) = verdict(&job) {
            return Ok(Answer::Verdict { phase, message: String::new(), value: String::new() });
        }
        if let Some(message) = self.hopeless(&namespace, &job).await? {
            return Ok(Answer::Verdict { phase: INCONCLUSIVE, message, value: String::new() });
        }
        let resume_at = next_look(asked.now, last);
        Ok(Answer::Pending { metadata: BTreeMap::new(), resume_at })
    }

    /// Returns what keeps a container of the job from ever starting.
    async fn hopeless(&self, namespace: &str, job: &ClusterJob) -> Result<Option<String>, ProviderError> {
        let name = job.metadata.name.as_deref().unwrap_or_default();
        let pods: Api<Pod> = Api::namespaced(self.cluster.client.clone(), namespace);
        let pods = pods.list(&ListParams::default().labels(&format!("job-name={name}"))).await?;
        Ok(pods.items.iter().find_map(stuck))
    }

    async fn delete(&self, namespace: &str, name: &str) -> Result<(), ProviderError> {
        let params =
            DeleteParams { propagation_policy: Some(PropagationPolicy::Foreground), ..DeleteParams::default() };
        match self.api(namespace).delete(name, &params).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// A job that ended on its own in the meantime keeps its verdict; one that is stopped did nothing wrong, unless a pod of
    /// it has failed already.
    async fn stop(&self, asked: Asked<'_>, last: &Measurement) -> Result<Answer, ProviderError> {
        let (namespace, name) = place(asked.run, last)?;
        let job = match self.api(&namespace).get(&name).await {
            Ok(job) => job,
            // What it came to cannot be known any more.
            Err(kube::Error::Api(status)) if status.code == 404 => {
                return Ok(Answer::Verdict { phase: INCONCLUSIVE, message: String::new(), value: String::new() });
            }
            Err(error) => return Err(error.into()),
        };
        self.delete(&namespace, &name).await?;
        let has_failures = job.status.as_ref().and_then(|status| status.failed).unwrap_or(0) > 0;
        let phase = verdict(&job).unwrap_or(if has_failures { INCONCLUSIVE } else { SUCCESSFUL });
        Ok(Answer::Verdict { phase, message: String::new(), value: String::new() })
    }

    async fn collect(&self, asked: Asked<'_>, keep: usize) -> Result<(), ProviderError> {
        let namespace = self.namespace(asked.run);
        let uid = asked.run.metadata.uid.as_deref().unwrap_or_default();
        let all = self.api(&namespace).list(&ListParams::default().labels(&format!("{UID_LABEL}={uid}"))).await?;
        let mut jobs: Vec<_> = all.items.into_iter().filter(|job| is_of(job, &asked.metric.name)).collect();
        jobs.sort_by(|a, b| {
            let age = |job: &ClusterJob| {
                let created = job.metadata.creation_timestamp.as_ref().map(|at| at.0);
                (created, number(job))
            };
            age(a).cmp(&age(b))
        });
        let surplus = jobs.len().saturating_sub(keep);
        for job in jobs.iter().take(surplus).filter(|job| verdict(job).is_some()) {
            self.delete(&namespace, job.metadata.name.as_deref().unwrap_or_default()).await?;
        }
        Ok(())
    }
}

impl Provider for Job {
    fn begin<'a>(&'a self, asked: Asked<'a>) -> Asking<'a> {
        Box::pin(self.create(asked))
    }

    fn resume<'a>(&'a self, asked: Asked<'a>, last: &'a Measurement) -> Asking<'a> {
        Box::pin(self.look(asked, last))
    }

    fn terminate<'a>(&'a self, asked: Asked<'a>, last: &'a Measurement) -> Asking<'a> {
        Box::pin(self.stop(asked, last))
    }

    fn clean_up<'a>(
        &'a self,
        asked: Asked<'a>,
        keep: usize,
    ) -> futures::future::BoxFuture<'a, Result<(), ProviderError>> {
        Box::pin(self.collect(asked, keep))
    }
}

/// A job that has failed is a failure, whatever else it says; only a condition that holds counts.
fn verdict(job: &ClusterJob) -> Option<&'static str> {
    let conditions = job.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let holds = |kind: &str| conditions.iter().any(|condition| condition.type_ == kind && condition.status == "True");
    if holds("Failed") || holds("FailureTarget") {
        Some(FAILED)
    } else if holds("Complete") {
        Some(SUCCESSFUL)
    } else {
        None
    }
}

fn is_of(job: &ClusterJob, metric: &str) -> bool {
    let annotations = job.metadata.annotations.as_ref();
    annotations.and_then(|annotations| annotations.get(METRIC_ANNOTATION)).is_some_and(|name| name == metric)
}

/// The number at the end of a name.
fn number(job: &ClusterJob) -> u64 {
    let name = job.metadata.name.as_deref().unwrap_or_default();
    name.rsplit('.').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn stuck(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let containers = status.init_container_statuses.iter().chain(&status.container_statuses).flatten();
    containers.into_iter().find_map(|container: &ContainerStatus| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        let reason = waiting.reason.as_deref().filter(|reason| HOPELESS.contains(reason))?;
        let (pod, message) = (pod.metadata.name.as_deref()?, waiting.message.as_deref().unwrap_or_default());
        Some(format!("Pod {pod}, container {} has terminal error ({reason}): {message}\n", container.name))
    })
}

/// The longer a job runs, the rarer it is looked at; its end is told by a watch.
fn next_look(now: Timestamp, last: &Measurement) -> Timestamp {
    let elapsed = last.started_at.as_ref().map_or(0.0, |at| now.duration_since(at.0).as_secs_f64());
    let delay = SignedDuration::try_from_secs_f64((2.0 * elapsed.max(0.0)).sqrt()).unwrap_or(SignedDuration::ZERO);
    // A look in the same instant would find the same.
    now.checked_add(delay.max(SignedDuration::from_secs(1))).unwrap_or(now)
}

fn place(run: &AnalysisRun, last: &Measurement) -> Result<(String, String), ProviderError> {
    let missing = || ProviderError::Cluster("job metadata reference missing".to_owned());
    let name = last.metadata.get(JOB_NAME).filter(|name| !name.is_empty()).ok_or_else(missing)?;
    let namespace = last.metadata.get(JOB_NAMESPACE).filter(|namespace| !namespace.is_empty()).cloned();
    let namespace = namespace.or_else(|| run.metadata.namespace.clone()).unwrap_or_default();
    Ok((namespace, name.clone()))
}

/// `<uid of the run>.<metric>.<number of the measurement>`. A name that is too long is cut in its metric's part, which then
/// ends in a hash, so that metrics that begin alike do not share a job.
fn name(run: &AnalysisRun, metric: &Metric) -> String {
    let uid = run.metadata.uid.as_deref().unwrap_or_default();
    let number = result_of(&run.status, &metric.name).map_or(0, |result| result.count + result.error) + 1;
    let whole = format!("{uid}.{}.{number}", metric.name);
    if whole.len() <= MAX_NAME {
        return whole;
    }
    let room = MAX_NAME.saturating_sub(uid.len() + number.to_string().len() + 2);
    let hash = format!("{:08x}", fnv(&metric.name));
    let kept: String = metric.name.chars().take(room.saturating_sub(hash.len() + 1)).collect();
    format!("{uid}.{}-{hash}.{number}", kept.trim_end_matches(['-', '.']))
}

fn fnv(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn owner(run: &AnalysisRun, uid: String) -> OwnerReference {
    OwnerReference {
        api_version: API_VERSION.to_owned(),
        kind: "AnalysisRun".to_owned(),
        name: run.metadata.name.clone().unwrap_or_default(),
        uid,
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}
