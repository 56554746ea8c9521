//! StatefulSets: pods with names that stay, and claims that stay with the names.

mod plan;

use serde_json::{Value, json};
use tiphys_machinery::error::ApiError;

use self::plan::{Choice, Plan, REVISION, Revisions};
use super::cache::{Cache, Marks, Update, key_of};
use super::context::{Context, Controller};
use super::history::{self, Owner, Present, Revision};
use super::ownership::{claim, controller_ref, namespace_ends};
use super::recorder::{About, Note};
use super::template;
use super::view::{Key, Pod, StatefulSet};
use crate::registry::DeleteOptions;
use crate::store::Change;

const SETS: (&str, &str) = ("apps", "statefulsets");
const PODS: (&str, &str) = ("", "pods");
const CLAIMS: (&str, &str) = ("", "persistentvolumeclaims");
const COMPONENT: &str = "statefulset-controller";
const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";
const POD_INDEX: &str = "apps.kubernetes.io/pod-index";

/// The controller of StatefulSets.
#[derive(Debug, Default)]
pub(crate) struct StatefulSets;

impl Controller for StatefulSets {
    fn name(&self) -> &'static str {
        COMPONENT
    }

    fn on_change(&mut self, change: &Change, update: &Update, _: &Cache, marks: &mut Marks) {
        match update {
            Update::Pod(sides) => marks.extend(sides.each().filter_map(|pod| owner(pod))),
            _ if change.resource.group_plural() == SETS => _ = marks.insert(key_of(change.object())),
            _ => {}
        }
    }

    fn reconcile(&mut self, key: &Key, context: &mut Context<'_>) -> Result<(), ApiError> {
        let resource = context.writer().resource(SETS.0, SETS.1)?;
        let Ok(object) = context.registry.get(&resource, &key.namespace, &key.name) else { return Ok(()) };
        let Ok(set) = object.decode::<StatefulSet>() else { return Ok(()) };
        let matches = |pod: &Pod| set.spec.selector.matches(&pod.labels) && set.ordinal(&pod.key.name).is_some();
        let Some(pods) = claim(&set.meta, "StatefulSet", matches, |_| true, context)? else { return Ok(()) };
        let revisions = match history::present(history_of(&set), context)? {
            Present::Kept(revisions) => revisions,
            Present::Collides => return history::collide(SETS, key, context),
        };
        let Some(update) = revisions.last() else { return Ok(()) };
        let current = revisions.iter().find(|revision| revision.name == set.status.current_revision).unwrap_or(update);
        let plan = plan::plan(&set, &pods, Revisions { current: &current.name, update: &update.name }, context.now);
        let pass = Pass { set: &set, key, current, update };
        pass.carry_out(&plan, context)?;
        let lives = |revision: &Revision| {
            [&plan.status.current_revision, &plan.status.update_revision].contains(&&revision.name)
                || pods.iter().any(|pod| pod.labels.get(REVISION) == Some(&revision.name))
        };
        history::truncate(history_of(&set), &revisions, set.spec.revision_history_limit.unwrap_or(10), lives, context)
    }
}

/// Returns the set that a pod belongs to, or would by its name if it is an orphan.
fn owner(pod: &Pod) -> Option<Key> {
    if pod.controller.is_some() {
        return pod.owner("StatefulSet");
    }
    let (name, _) = pod.key.name.rsplit_once('-')?;
    Some(Key::new(pod.key.namespace.clone(), name))
}

fn history_of(set: &StatefulSet) -> Owner<'_> {
    Owner {
        meta: &set.meta,
        kind: "StatefulSet",
        hash_label: "controller.kubernetes.io/hash",
        template: &set.spec.template,
        collisions: Some(set.status.collision_count.unwrap_or(0)),
    }
}

/// One look at a StatefulSet.
struct Pass<'a> {
    set: &'a StatefulSet,
    key: &'a Key,
    current: &'a Revision,
    update: &'a Revision,
}

impl Pass<'_> {
    /// Carries the plan out. Written pods come back as changes; the status is worth writing where nothing was done.
    fn carry_out(&self, plan: &Plan, context: &mut Context<'_>) -> Result<(), ApiError> {
        if let Some(at) = plan.wake {
            context.wake(self.key, at);
        }
        let written = self.write_pods(plan, context);
        let idle = plan.create.is_empty() && plan.delete.is_empty();
        if (idle || written.is_err()) && plan.status != self.set.status {
            context.writer().put_status(SETS, self.key, &plan.status)?;
        }
        written
    }

    fn write_pods(&self, plan: &Plan, context: &mut Context<'_>) -> Result<(), ApiError> {
        for (ordinal, choice) in &plan.create {
            self.create(*ordinal, *choice, context)?;
        }
        for name in &plan.delete {
            if plan.condemned.contains(name) {
                self.bind_claims_to(name, context)?;
            }
            let pod = Key::new(self.key.namespace.clone(), name.as_str());
            let written = context.writer().delete(PODS, &pod, &DeleteOptions::background());
            self.tell("delete", name, written.as_ref().err(), context);
            written?;
        }
        Ok(())
    }

    fn create(&self, ordinal: i64, choice: Choice, context: &mut Context<'_>) -> Result<(), ApiError> {
        let revision = match choice {
            Choice::Current => self.current,
            Choice::Update => self.update,
        };
        let name = format!("{}-{ordinal}", self.set.meta.name);
        self.create_claims(&name, ordinal, context)?;
        let written = context.writer().create(PODS, &self.key.namespace, self.pod(&name, ordinal, revision));
        match written {
            Err(error) if error.reason == "AlreadyExists" => Err(error),
            written => {
                self.tell("create", &name, written.as_ref().err(), context);
                written.map(drop)
            }
        }
    }

    fn pod(&self, name: &str, ordinal: i64, revision: &Revision) -> Value {
        let mut pod = template::pod(&revision.template, &controller_ref("apps/v1", "StatefulSet", &self.set.meta));
        pod["metadata"]["name"] = name.into();
        let labels = &mut pod["metadata"]["labels"];
        labels[POD_NAME] = name.into();
        labels[POD_INDEX] = ordinal.to_string().into();
        labels[REVISION] = revision.name.as_str().into();
        pod["spec"]["hostname"] = name.into();
        if !self.set.spec.service_name.is_empty() {
            pod["spec"]["subdomain"] = self.set.spec.service_name.as_str().into();
        }
        let claims: Vec<&str> = self.claims().collect();
        let mut volumes = pod["spec"]["volumes"].as_array().cloned().unwrap_or_default();
        volumes.retain(|volume| !claims.iter().any(|claim| volume["name"] == *claim));
        volumes.extend(
            claims
                .iter()
                .map(|claim| json!({"name": claim, "persistentVolumeClaim": {"claimName": format!("{claim}-{name}")}})),
        );
        if !volumes.is_empty() {
            pod["spec"]["volumes"] = volumes.into();
        }
        pod
    }

    /// Returns the names of the claim templates.
    fn claims(&self) -> impl Iterator<Item = &str> {
        self.set.spec.volume_claim_templates.iter().filter_map(|claim| claim["metadata"]["name"].as_str())
    }

    fn create_claims(&self, pod: &str, ordinal: i64, context: &mut Context<'_>) -> Result<(), ApiError> {
        let resource = context.writer().resource(CLAIMS.0, CLAIMS.1)?;
        for template in &self.set.spec.volume_claim_templates {
            let short = template["metadata"]["name"].as_str().unwrap_or_default();
            let name = format!("{short}-{pod}");
            if context.registry.get(&resource, &self.key.namespace, &name).is_ok() {
                continue;
            }
            let written = context.writer().create(CLAIMS, &self.key.namespace, self.claim(template, &name, ordinal));
            let about = self.about();
            let set = &self.set.meta.name;
            match written {
                Ok(_) => {
                    let message = format!("create Claim {name} Pod {pod} in StatefulSet {set} success");
                    context.note(&about, &Note::normal(COMPONENT, "SuccessfulCreate", message));
                }
                Err(error) => {
                    let message =
                        format!("create Claim {name} for Pod {pod} in StatefulSet {set} failed error: {error}");
                    context.note(&about, &Note::warning(COMPONENT, "FailedCreate", message));
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn claim(&self, template: &Value, name: &str, ordinal: i64) -> Value {
        let mut claim = template.clone();
        claim["apiVersion"] = "v1".into();
        claim["kind"] = "PersistentVolumeClaim".into();
        claim["metadata"]["name"] = name.into();
        claim.as_object_mut().map(|claim| claim.remove("status"));
        let labels = self.set.spec.template["metadata"]["labels"].as_object();
        for (key, value) in labels.into_iter().flatten() {
            claim["metadata"]["labels"][key] = value.clone();
        }
        claim["metadata"]["labels"][POD_INDEX] = ordinal.to_string().into();
        if self.set.spec.persistent_volume_claim_retention_policy.when_deleted == "Delete" {
            claim["metadata"]["ownerReferences"] =
                json!([owned_by("apps/v1", "StatefulSet", &self.set.meta.name, &self.set.meta.uid)]);
        }
        claim
    }

    /// Claims that are not kept go with the pod that goes.
    fn bind_claims_to(&self, pod: &str, context: &Context<'_>) -> Result<(), ApiError> {
        if self.set.spec.persistent_volume_claim_retention_policy.when_scaled != "Delete" {
            return Ok(());
        }
        let resource = context.writer().resource(PODS.0, PODS.1)?;
        let Ok(object) = context.registry.get(&resource, &self.key.namespace, pod) else { return Ok(()) };
        let owner = owned_by("v1", "Pod", pod, object.uid());
        for claim in self.claims() {
            let key = Key::new(self.key.namespace.clone(), format!("{claim}-{pod}"));
            let written = context.writer().modify(CLAIMS, &key, |claim| {
                claim["metadata"]["ownerReferences"] = json!([owner]);
            });
            super::context::gone_is_fine(written)?;
        }
        Ok(())
    }

    fn tell(&self, verb: &str, pod: &str, error: Option<&ApiError>, context: &mut Context<'_>) {
        let set = &self.set.meta.name;
        let title = if verb == "create" { "Create" } else { "Delete" };
        let note = match error {
            None => {
                let message = format!("{verb} Pod {pod} in StatefulSet {set} successful");
                Note::normal(COMPONENT, &format!("Successful{title}"), message)
            }
            Some(error) if namespace_ends(error) => return,
            Some(error) => {
                let message = format!("{verb} Pod {pod} in StatefulSet {set} failed error: {error}");
                Note::warning(COMPONENT, &format!("Failed{title}"), message)
            }
        };
        context.note(&self.about(), &note);
    }

    fn about(&self) -> About {
        About::new("apps/v1", "StatefulSet", self.key, &self.set.meta.uid)
    }
}

fn owned_by(api_version: &str, kind: &str, name: &str, uid: &str) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "name": name, "uid": uid})
}
