//! Deployments: ReplicaSets that roll from one template to the next.

mod proportional;
mod revision;
mod rolling;
mod status;

#[cfg(test)]
mod fixtures;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use tiphys_machinery::error::ApiError;

use self::rolling::Resize;
use self::status::{PROGRESSING, reason};
use super::cache::{Cache, Marks, Update, in_namespace};
use super::conditions::{self, find};
use super::context::{Context, Controller};
use super::ownership::{adopt, controller_ref, namespace_ends, release};
use super::recorder::{About, Note};
use super::template;
use super::view::{Condition, Deployment, DeploymentStatus, Key, ReplicaSet};
use crate::registry::DeleteOptions;
use crate::store::Change;

const DEPLOYMENTS: (&str, &str) = ("apps", "deployments");
const SETS: (&str, &str) = ("apps", "replicasets");
const COMPONENT: &str = "deployment-controller";

/// The controller of Deployments.
#[derive(Debug, Default)]
pub(crate) struct Deployments;

impl Controller for Deployments {
    fn name(&self) -> &'static str {
        COMPONENT
    }

    fn on_change(&mut self, _: &Change, update: &Update, cache: &Cache, marks: &mut Marks) {
        match update {
            Update::Deployment(sides) => marks.extend(sides.each().map(|deployment| deployment.meta.key())),
            Update::ReplicaSet(sides) => {
                for set in sides.each() {
                    mark_owner(set, cache, marks);
                }
            }
            Update::Pod(sides) if sides.new.is_none() => {
                // The last pod of a Deployment that recreates lets it go on.
                let owner = sides.old.as_ref().and_then(|pod| pod.owner("ReplicaSet"));
                if let Some(set) = owner.and_then(|key| cache.replica_sets.get(&key)) {
                    mark_owner(set, cache, marks);
                }
            }
            _ => {}
        }
    }

    fn reconcile(&mut self, key: &Key, context: &mut Context<'_>) -> Result<(), ApiError> {
        let Some(deployment) = context.cache.deployments.get(key).cloned() else { return Ok(()) };
        let Some(sets) = claim(&deployment, context)? else { return Ok(()) };
        let (new, old) = revision::split(&deployment, sets.iter().map(Arc::as_ref).collect());
        let pass = Pass { key, deployment: &deployment, new, old };
        pass.run(context)
    }
}

fn mark_owner(set: &ReplicaSet, cache: &Cache, marks: &mut Marks) {
    let namespace: Arc<str> = set.meta.namespace.as_str().into();
    match set.meta.controller() {
        Some(owner) if owner.kind == "Deployment" => {
            marks.insert(Key::new(namespace, owner.name.as_str()));
        }
        Some(_) => {}
        None => {
            let matching = |deployment: &Deployment| deployment.selector.matches(&set.meta.labels);
            let all = in_namespace(&cache.deployments, &namespace);
            marks.extend(all.filter(|(_, d)| matching(d)).map(|(key, _)| key.clone()));
        }
    }
}

/// Releases ReplicaSets that no longer match and adopts orphans that do. Returns the Deployment's ReplicaSets, or
/// nothing if something was written, so that it is looked at again.
fn claim(deployment: &Deployment, context: &Context<'_>) -> Result<Option<Vec<Arc<ReplicaSet>>>, ApiError> {
    let namespace: Arc<str> = deployment.meta.namespace.as_str().into();
    let (mut owned, mut written) = (Vec::new(), false);
    for (key, set) in in_namespace(&context.cache.replica_sets, &namespace) {
        let matches = deployment.selector.matches(&set.meta.labels);
        match set.meta.controller() {
            Some(owner) if owner.uid != deployment.meta.uid => {}
            Some(_) if matches => owned.push(set.clone()),
            Some(_) => {
                release(context.writer(), SETS, key, &[deployment.meta.uid.as_str()])?;
                written = true;
            }
            None if matches && !deployment.meta.is_deleting() && !set.meta.is_deleting() => {
                adopt(context.writer(), SETS, key, &controller_ref("apps/v1", "Deployment", &deployment.meta))?;
                written = true;
            }
            None => {}
        }
    }
    Ok((!written).then_some(owned))
}

/// One look at a Deployment: at most one kind of change, then the status.
struct Pass<'a> {
    key: &'a Key,
    deployment: &'a Deployment,
    new: Option<&'a ReplicaSet>,
    /// Oldest first.
    old: Vec<&'a ReplicaSet>,
}

impl Pass<'_> {
    fn run(&self, context: &mut Context<'_>) -> Result<(), ApiError> {
        let deployment = self.deployment;
        if deployment.meta.is_deleting() {
            return self.write_counted(context);
        }
        if let Some(condition) = status::pause_change(deployment, context.now) {
            return self.write_condition(condition, context);
        }
        if self.refresh_new(context)? {
            return Ok(());
        }
        let all: Vec<&ReplicaSet> = self.old.iter().copied().chain(self.new).collect();
        if deployment.paused || proportional::was_scaled(deployment, &all) {
            let changed = self.resize(&proportional::scale(deployment, self.new, &self.old), context)?;
            if deployment.paused && !changed {
                self.clean_up(context)?;
            }
            return if changed { Ok(()) } else { self.write_counted(context) };
        }
        if deployment.rolling.is_some() { self.roll(context) } else { self.recreate(context) }
    }

    fn roll(&self, context: &mut Context<'_>) -> Result<(), ApiError> {
        let Some(new) = self.new else { return self.create_new(context) };
        let up: Vec<Resize> = rolling::resize_new(self.deployment, new, &self.old).into_iter().collect();
        if self.resize(&up, context)? {
            return Ok(());
        }
        let down = rolling::shrink_old(self.deployment, self.new, &self.old);
        if self.resize(&down, context)? { Ok(()) } else { self.conclude(context) }
    }

    fn recreate(&self, context: &mut Context<'_>) -> Result<(), ApiError> {
        if self.resize(&rolling::drain_old(&self.old), context)? {
            return Ok(());
        }
        let lives =
            |set: &&ReplicaSet| context.cache.pods.of_controller(&set.meta.uid).any(|pod| !pod.phase.is_terminal());
        if self.old.iter().any(lives) {
            return self.write_progress(context);
        }
        let Some(new) = self.new else { return self.create_new(context) };
        let up = Resize::of(new, self.deployment.replicas);
        if up.from != up.to && self.resize(&[up], context)? { Ok(()) } else { self.conclude(context) }
    }

    fn conclude(&self, context: &mut Context<'_>) -> Result<(), ApiError> {
        if status::is_complete(self.deployment, &self.deployment.status) {
            self.clean_up(context)?;
        }
        self.write_progress(context)
    }

    /// Writes sizes with their annotations. Returns whether something was written.
    fn resize(&self, resizes: &[Resize], context: &mut Context<'_>) -> Result<bool, ApiError> {
        let mut written = false;
        for resize in resizes {
            let key = Key::new(self.key.namespace.clone(), resize.name.as_str());
            let before = context.cache.replica_sets.get(&key);
            let sizes = revision::sizes(self.deployment);
            let noted = before.is_some_and(|set| sizes.iter().all(|(k, v)| set.meta.annotations.get(k) == Some(v)));
            if noted && resize.from == resize.to {
                continue;
            }
            context.writer().modify(SETS, &key, |object| {
                object["spec"]["replicas"] = resize.to.into();
                for (name, value) in &sizes {
                    object["metadata"]["annotations"][name.as_str()] = value.as_str().into();
                }
            })?;
            written = true;
            self.note_scaling(resize, context);
        }
        Ok(written)
    }

    fn note_scaling(&self, Resize { name, from, to }: &Resize, context: &mut Context<'_>) {
        if from != to {
            let direction = if from < to { "up" } else { "down" };
            let message = format!("Scaled {direction} replica set {name} from {from} to {to}");
            context.note(&self.about(), &Note::normal(COMPONENT, "ScalingReplicaSet", message));
        }
    }

    /// Brings revision, annotations and `minReadySeconds` of an existing new ReplicaSet up to date, and the revision of
    /// the Deployment. Returns whether something was written.
    fn refresh_new(&self, context: &Context<'_>) -> Result<bool, ApiError> {
        let Some(new) = self.new else { return Ok(false) };
        let revision = revision::next(&self.old);
        let annotations = revision::annotations(self.deployment, Some(new), revision);
        let seconds = self.deployment.min_ready_seconds;
        if annotations != new.meta.annotations || seconds != new.min_ready_seconds {
            context.writer().modify(SETS, &new.meta.key(), |object| {
                object["metadata"]["annotations"] = json!(annotations);
                if seconds != new.min_ready_seconds {
                    object["spec"]["minReadySeconds"] = seconds.into();
                }
            })?;
            return Ok(true);
        }
        let revision = revision::of(new).to_string();
        let found = self.deployment.progress_deadline_seconds.is_some()
            && find(&self.deployment.status.conditions, PROGRESSING).is_none();
        if self.deployment.meta.annotations.get(revision::REVISION) == Some(&revision) && !found {
            return Ok(false);
        }
        let message = format!("Found new replica set \"{}\"", new.meta.name);
        let condition = found.then(|| Condition::new(PROGRESSING, "True", reason::FOUND, message, context.now));
        self.write_revision(&revision, condition, context)?;
        Ok(true)
    }

    /// Writes the revision and a condition, as upstream in one write of the status.
    fn write_revision(
        &self,
        revision: &str,
        condition: Option<Condition>,
        context: &Context<'_>,
    ) -> Result<(), ApiError> {
        let known = self.deployment.meta.annotations.get(revision::REVISION).map(String::as_str);
        if known != Some(revision) {
            context.writer().modify_status(DEPLOYMENTS, self.key, |object| {
                object["metadata"]["annotations"][revision::REVISION] = revision.into();
            })?;
        }
        condition.map_or(Ok(()), |condition| self.write_condition(condition, context))
    }

    fn write_condition(&self, condition: Condition, context: &Context<'_>) -> Result<(), ApiError> {
        let mut status = self.deployment.status.clone();
        conditions::set(&mut status.conditions, condition);
        self.write_status(&status, context)
    }

    fn create_new(&self, context: &mut Context<'_>) -> Result<(), ApiError> {
        let resource = context.writer().resource(DEPLOYMENTS.0, DEPLOYMENTS.1)?;
        let stored = context.registry.get(&resource, &self.key.namespace, &self.key.name)?.value();
        let size = rolling::new_size(self.deployment, 0, rolling::sum(&self.old));
        let revision = revision::next(&self.old);
        let set = new_set(self.deployment, &stored, size, revision);
        let name = set["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        match context.writer().create(SETS, &self.key.namespace, set) {
            Ok(_) => {}
            Err(error) if error.reason == "AlreadyExists" => return self.collide(context),
            Err(error) => return self.fail_to_create(&name, error, context),
        }
        if size > 0 {
            self.note_scaling(&Resize { name: name.clone(), from: 0, to: size }, context);
        }
        let message = format!("Created new replica set \"{name}\"");
        let deadline = self.deployment.progress_deadline_seconds.is_some();
        let condition = deadline.then(|| Condition::new(PROGRESSING, "True", reason::CREATED, message, context.now));
        self.write_revision(&revision.to_string(), condition, context)
    }

    /// The name is taken by another template: the next pass tries another name.
    fn collide(&self, context: &Context<'_>) -> Result<(), ApiError> {
        let mut status = self.deployment.status.clone();
        status.collision_count = Some(status.collision_count.unwrap_or(0) + 1);
        self.write_status(&status, context)
    }

    fn fail_to_create(&self, name: &str, error: ApiError, context: &mut Context<'_>) -> Result<(), ApiError> {
        if namespace_ends(&error) {
            return Err(error);
        }
        let message = format!("Failed to create new replica set \"{name}\": {error}");
        context.note(&self.about(), &Note::warning(COMPONENT, reason::CREATE_ERROR, message.clone()));
        if self.deployment.progress_deadline_seconds.is_some() {
            let failed = Condition::new(PROGRESSING, "False", reason::CREATE_ERROR, message, context.now);
            self.write_condition(failed, context)?;
        }
        Err(error)
    }

    fn clean_up(&self, context: &Context<'_>) -> Result<(), ApiError> {
        for name in revision::obsolete(self.deployment, &self.old) {
            let key = Key::new(self.key.namespace.clone(), name);
            context.writer().delete(SETS, &key, &DeleteOptions::background())?;
        }
        Ok(())
    }

    fn write_counted(&self, context: &Context<'_>) -> Result<(), ApiError> {
        self.write_status(&status::counted(self.deployment, self.new, &self.old, context.now), context)
    }

    fn write_progress(&self, context: &mut Context<'_>) -> Result<(), ApiError> {
        let status = status::progressed(self.deployment, self.new, &self.old, context.now);
        if let Some(at) = status::next_check(self.deployment, &status) {
            context.wake(self.key, later(at, context.now));
        }
        self.write_status(&status, context)
    }

    fn write_status(&self, status: &DeploymentStatus, context: &Context<'_>) -> Result<(), ApiError> {
        if *status == self.deployment.status {
            return Ok(());
        }
        context.writer().put_status(DEPLOYMENTS, self.key, status)
    }

    fn about(&self) -> About {
        About::new("apps/v1", "Deployment", self.key, &self.deployment.meta.uid)
    }
}

/// A time that was missed is looked at in a moment, never at once: a look that writes nothing must not spin.
fn later(at: Timestamp, now: Timestamp) -> Timestamp {
    at.max(now + jiff::SignedDuration::from_secs(1))
}

/// Returns the ReplicaSet of the Deployment's template; `stored` is the whole Deployment.
fn new_set(deployment: &Deployment, stored: &Value, size: i64, revision: i64) -> Value {
    let mut pods = stored["spec"]["template"].clone();
    let hash = template::name_hash(&pods, deployment.status.collision_count);
    pods["metadata"]["labels"][template::HASH_LABEL] = hash.as_str().into();
    let mut selector = stored["spec"]["selector"].clone();
    selector["matchLabels"][template::HASH_LABEL] = hash.as_str().into();
    let mut spec = json!({"replicas": size, "selector": selector, "template": pods});
    if deployment.min_ready_seconds > 0 {
        spec["minReadySeconds"] = deployment.min_ready_seconds.into();
    }
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": format!("{}-{hash}", deployment.meta.name),
            "labels": pods["metadata"]["labels"],
            "annotations": revision::annotations(deployment, None, revision),
            "ownerReferences": [controller_ref("apps/v1", "Deployment", &deployment.meta)],
        },
        "spec": spec,
    })
}
