//! Jobs: pods that run to their end.

mod backoff;
mod failure_policy;
mod indexes;
mod outcome;
mod plan;

use serde_json::{Value, json};
use tiphys_machinery::error::ApiError;

use self::failure_policy::Verdict;
use self::plan::{JobPod, Plan, Start};
use super::cache::{Cache, Marks, Update};
use super::context::{Context, Controller, gone_is_fine};
use super::ownership::{controller_ref, namespace_ends};
use super::recorder::{About, Note};
use super::template;
use super::view::{Job, Key, Phase, Pod};
use crate::registry::{DeleteOptions, Propagation};
use crate::store::Change;

const JOBS: (&str, &str) = ("batch", "jobs");
const PODS: (&str, &str) = ("", "pods");
const COMPONENT: &str = "job-controller";
const TRACKING: &str = "batch.kubernetes.io/job-tracking";
const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// The controller of Jobs.
#[derive(Debug, Default)]
pub(crate) struct Jobs;

impl Controller for Jobs {
    fn name(&self) -> &'static str {
        COMPONENT
    }

    fn on_change(&mut self, _: &Change, update: &Update, _: &Cache, marks: &mut Marks) {
        match update {
            Update::Job(sides) => marks.extend(sides.each().map(|job| job.meta.key())),
            Update::Pod(sides) => {
                marks.extend(sides.each().filter_map(|pod| pod.owner("Job")));
            }
            _ => {}
        }
    }

    fn reconcile(&mut self, key: &Key, context: &mut Context<'_>) -> Result<(), ApiError> {
        let Some(job) = context.cache.jobs.get(key).cloned() else { return Ok(()) };
        if job.spec.managed_by.as_deref().is_some_and(|by| by != "kubernetes.io/job-controller") {
            return Ok(());
        }
        let pods = pods_of(&job, context);
        if job.finish().is_some() || job.meta.is_deleting() {
            release_all(&pods, context)?;
            return expire(&job, key, context);
        }
        let plan = plan::plan(&job, &pods, context.now);
        carry_out(&job, key, plan, context)
    }
}

fn pods_of(job: &Job, context: &Context<'_>) -> Vec<JobPod> {
    let judge = |pod: &Pod| match &job.spec.pod_failure_policy {
        Some(policy) if pod.phase == Phase::Failed => {
            whole(pod, context).map_or(Verdict::Count, |value| failure_policy::judge(policy, &value))
        }
        _ => Verdict::Count,
    };
    let pods = context.cache.pods.of_controller(&job.meta.uid);
    pods.map(|pod| JobPod { verdict: judge(pod), pod: pod.clone() }).collect()
}

fn whole(pod: &Pod, context: &Context<'_>) -> Option<Value> {
    let resource = context.registry.resource(PODS.0, PODS.1)?;
    Some(context.registry.get(&resource, &pod.key.namespace, &pod.key.name).ok()?.value())
}

/// Pods of a Job that is over or going are held no longer.
fn release_all(pods: &[JobPod], context: &Context<'_>) -> Result<(), ApiError> {
    for JobPod { pod, .. } in pods.iter().filter(|p| p.pod.job_tracked) {
        release(&pod.key, context)?;
    }
    Ok(())
}

fn release(key: &Key, context: &Context<'_>) -> Result<(), ApiError> {
    let written = context.writer().modify(PODS, key, |pod| {
        if let Some(list) = pod["metadata"]["finalizers"].as_array_mut() {
            list.retain(|f| f != TRACKING);
        }
    });
    gone_is_fine(written)
}

fn expire(job: &Job, key: &Key, context: &mut Context<'_>) -> Result<(), ApiError> {
    match plan::expires_at(job).filter(|_| !job.meta.is_deleting()) {
        Some(at) if at <= context.now => {
            let options = DeleteOptions { propagation: Some(Propagation::Foreground), ..DeleteOptions::default() };
            context.writer().delete(JOBS, key, &options.of_uid(job.meta.uid.as_str()))
        }
        Some(at) => {
            context.wake(key, at);
            Ok(())
        }
        None => Ok(()),
    }
}

fn carry_out(job: &Job, key: &Key, plan: Plan, context: &mut Context<'_>) -> Result<(), ApiError> {
    if let Some(status) = plan.announce {
        context.writer().put_status(JOBS, key, &status)?;
    }
    for name in plan.release {
        release(&Key::new(key.namespace.clone(), name), context)?;
    }
    for name in plan.stop {
        let pod = Key::new(key.namespace.clone(), name);
        context.writer().delete(PODS, &pod, &DeleteOptions::background())?;
        let message = format!("Deleted pod: {}", pod.name);
        context.note(&about(job), &Note::normal(COMPONENT, "SuccessfulDelete", message));
    }
    start(job, key, &plan.start, context)?;
    if plan.status != job.status {
        context.writer().put_status(JOBS, key, &plan.status)?;
    }
    for plan::Note { warning, reason, message } in plan.notes {
        let note = Note { warning, ..Note::normal(COMPONENT, &reason, message) };
        context.note(&about(job), &note);
    }
    if let Some(at) = plan.wake {
        context.wake(key, at);
    }
    Ok(())
}

fn start(job: &Job, key: &Key, starts: &[Start], context: &mut Context<'_>) -> Result<(), ApiError> {
    if starts.is_empty() {
        return Ok(());
    }
    let resource = context.writer().resource(JOBS.0, JOBS.1)?;
    let template = context.registry.get(&resource, &key.namespace, &key.name)?.value()["spec"]["template"].take();
    for start in starts {
        match context.writer().create(PODS, &key.namespace, pod_of(job, &template, start)) {
            Ok(pod) => {
                let message = format!("Created pod: {}", pod.name());
                context.note(&about(job), &Note::normal(COMPONENT, "SuccessfulCreate", message));
            }
            Err(error) => {
                if !namespace_ends(&error) {
                    let message = format!("Error creating: {error}");
                    context.note(&about(job), &Note::warning(COMPONENT, "FailedCreate", message));
                }
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Returns a pod of the Job; one of an Indexed Job knows its index.
fn pod_of(job: &Job, template: &Value, start: &Start) -> Value {
    let mut pod = template::pod(template, &controller_ref("batch/v1", "Job", &job.meta));
    let metadata = &mut pod["metadata"];
    metadata["generateName"] = format!("{}-", job.meta.name).into();
    metadata["finalizers"] = json!([TRACKING]);
    if let Some(index) = start.index {
        metadata["generateName"] = format!("{}-{index}-", job.meta.name).into();
        metadata["labels"][INDEX] = index.to_string().into();
        metadata["annotations"][INDEX] = index.to_string().into();
        pod["spec"]["hostname"] = format!("{}-{index}", job.meta.name).into();
        for list in ["initContainers", "containers"] {
            for container in pod["spec"][list].as_array_mut().into_iter().flatten() {
                add_index_variable(container);
            }
        }
    }
    pod
}

fn add_index_variable(container: &mut Value) {
    let variable = json!({
        "name": "JOB_COMPLETION_INDEX",
        "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": format!("metadata.labels['{INDEX}']")}},
    });
    match container["env"].as_array_mut() {
        Some(list) => list.push(variable),
        None => container["env"] = json!([variable]),
    }
}

fn about(job: &Job) -> About {
    About::new("batch/v1", "Job", &job.meta.key(), &job.meta.uid)
}
