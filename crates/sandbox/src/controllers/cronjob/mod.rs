//! CronJobs: Jobs at their times.

mod plan;
mod schedule;
mod spec;

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use tiphys_machinery::error::ApiError;

use self::plan::Plan;
use self::schedule::Schedule;
use self::spec::{CronJob, Reference};
use super::cache::{Cache, Marks, Update, in_namespace, key_of};
use super::conditions::to_seconds;
use super::context::{Context, Controller};
use super::ownership::{controller_ref, namespace_ends};
use super::recorder::{About, Note};
use super::view::{Job, Key};
use crate::registry::DeleteOptions;
use crate::store::Change;

const CRON_JOBS: (&str, &str) = ("batch", "cronjobs");
const JOBS: (&str, &str) = ("batch", "jobs");
const COMPONENT: &str = "cronjob-controller";
const SCHEDULED_AT: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";

/// The controller of CronJobs.
#[derive(Debug, Default)]
pub(crate) struct CronJobs;

impl Controller for CronJobs {
    fn name(&self) -> &'static str {
        COMPONENT
    }

    fn on_change(&mut self, change: &Change, update: &Update, _: &Cache, marks: &mut Marks) {
        if let Update::Job(sides) = update {
            let owners = sides.each().filter_map(|job| {
                let owner = job.meta.controller().filter(|owner| owner.kind == "CronJob")?;
                Some(Key::new(job.meta.namespace.as_str(), owner.name.as_str()))
            });
            marks.extend(owners);
        } else if change.resource.group_plural() == CRON_JOBS {
            marks.insert(key_of(change.object()));
        }
    }

    fn reconcile(&mut self, key: &Key, context: &mut Context<'_>) -> Result<(), ApiError> {
        let resource = context.writer().resource(CRON_JOBS.0, CRON_JOBS.1)?;
        let Ok(object) = context.registry.get(&resource, &key.namespace, &key.name) else { return Ok(()) };
        let Ok(cron) = object.decode::<CronJob>() else { return Ok(()) };
        let owned = |job: &&Arc<Job>| job.meta.controller().is_some_and(|owner| owner.uid == cron.meta.uid);
        let jobs: Vec<Arc<Job>> =
            in_namespace(&context.cache.jobs, &key.namespace).map(|(_, job)| job).filter(owned).cloned().collect();
        let jobs: Vec<&Job> = jobs.iter().map(Arc::as_ref).collect();
        let pass = Pass { key, cron: &cron };
        let schedule = pass.schedule(context);
        let plan = plan::plan(&cron, &jobs, schedule.as_ref(), context.now);
        pass.carry_out(plan, context)
    }
}

/// One look at a CronJob.
struct Pass<'a> {
    key: &'a Key,
    cron: &'a CronJob,
}

impl Pass<'_> {
    fn schedule(&self, context: &mut Context<'_>) -> Option<Schedule> {
        let zone = match &self.cron.spec.time_zone {
            None => TimeZone::UTC,
            Some(name) => match TimeZone::get(name) {
                Ok(zone) => zone,
                Err(_) => {
                    let message = format!("invalid timeZone: {name:?}: unknown time zone {name}");
                    context.note(&self.about(), &Note::warning(COMPONENT, "UnknownTimeZone", message));
                    return None;
                }
            },
        };
        let schedule = Schedule::parse(&self.cron.spec.schedule, zone);
        if schedule.is_none() {
            let message = format!("unparseable schedule: {:?}", self.cron.spec.schedule);
            context.note(&self.about(), &Note::warning(COMPONENT, "UnparseableSchedule", message));
        }
        schedule
    }

    fn carry_out(&self, mut plan: Plan, context: &mut Context<'_>) -> Result<(), ApiError> {
        if let Some(at) = plan.wake {
            context.wake(self.key, at);
        }
        for plan::Note { warning, reason, message } in &plan.notes {
            let note = Note { warning: *warning, ..Note::normal(COMPONENT, reason, message.clone()) };
            context.note(&self.about(), &note);
        }
        for name in &plan.delete {
            let job = Key::new(self.key.namespace.clone(), name.as_str());
            context.writer().delete(JOBS, &job, &DeleteOptions::background())?;
            context.note(&self.about(), &Note::normal(COMPONENT, "SuccessfulDelete", format!("Deleted job {name}")));
        }
        let started = match plan.start {
            Some(at) => self.start(at, &mut plan, context),
            None => Ok(()),
        };
        if plan.status != self.cron.status {
            context.writer().put_status(CRON_JOBS, self.key, &plan.status)?;
        }
        started
    }

    fn start(&self, at: Timestamp, plan: &mut Plan, context: &mut Context<'_>) -> Result<(), ApiError> {
        let name = plan::name_at(self.cron, at);
        let resource = context.writer().resource(JOBS.0, JOBS.1)?;
        let job = match context.writer().create(JOBS, &self.key.namespace, self.job(&name, at)) {
            Ok(job) => {
                let message = format!("Created job {name}");
                context.note(&self.about(), &Note::normal(COMPONENT, "SuccessfulCreate", message));
                job
            }
            Err(error) if error.reason == "AlreadyExists" => {
                let job = context.registry.get(&resource, &self.key.namespace, &name)?;
                if job.controller_uid() != Some(&self.cron.meta.uid) {
                    return Ok(());
                }
                job
            }
            Err(error) => {
                if !namespace_ends(&error) {
                    let message = format!("Error creating job: {error}");
                    context.note(&self.about(), &Note::warning(COMPONENT, "FailedCreate", message));
                }
                return Err(error);
            }
        };
        plan.status.active.push(Reference {
            api_version: "batch/v1".to_owned(),
            kind: "Job".to_owned(),
            namespace: self.key.namespace.to_string(),
            name,
            uid: job.uid().to_string(),
            resource_version: job.revision().to_string(),
        });
        plan.status.last_schedule_time = Some(to_seconds(at));
        Ok(())
    }

    fn job(&self, name: &str, at: Timestamp) -> Value {
        let template = &self.cron.spec.job_template;
        let mut metadata = json!({
            "name": name, "ownerReferences": [controller_ref("batch/v1", "CronJob", &self.cron.meta)],
        });
        for field in ["labels", "annotations"] {
            if let Some(part) = template["metadata"].get(field).filter(|part| !part.is_null()) {
                metadata[field] = part.clone();
            }
        }
        let zone = self.cron.spec.time_zone.as_deref().and_then(|name| TimeZone::get(name).ok());
        let local = at.to_zoned(zone.unwrap_or(TimeZone::UTC));
        let stamp = if local.offset().is_zero() { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%M:%S%:z" };
        metadata["annotations"][SCHEDULED_AT] = local.strftime(stamp).to_string().into();
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]})
    }

    fn about(&self) -> About {
        About::new("batch/v1", "CronJob", self.key, &self.cron.meta.uid)
    }
}
