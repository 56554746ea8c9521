//! From sources to a comparison.

use std::sync::Arc;

use serde_json::Value;
use tiphys_api::{Application, types::ApplicationSource};
use tiphys_deliver::{
    cluster::{Cluster, Kinds, ViewError},
    compare::{Delivery, Targets, compare, targets},
    normalize::KnownTypes,
    object::{ResourceKey, group},
    tracking::instance_name,
};
use tiphys_machinery::{glob, meta};
use tiphys_render::{Refresh as RenderRefresh, SourceType, Wanted};

use super::Shared;
use crate::{
    plan::{Condition, Level, Project, Refresh, Seen, is_deletion_hook, kind},
    project::{Scope, permits_kind},
};

/// What is compared, and how thoroughly.
pub(super) struct Question<'a> {
    pub(super) app: &'a Application,
    pub(super) project: &'a Project,
    pub(super) cluster: &'a Cluster,
    pub(super) sources: Vec<ApplicationSource>,
    pub(super) revisions: Vec<String>,
    pub(super) refresh: Refresh,
    pub(super) sync_options: Vec<String>,
    /// Manifests instead of any source.
    pub(super) manifests: Vec<Value>,
}

/// What came of it.
pub(super) enum Answer {
    /// It can be said.
    Seen(Box<Seen>),
    /// Not yet: come again.
    Later,
}

impl Shared {
    pub(super) fn instance(&self, app: &Application) -> String {
        let (name, namespace) = (app.metadata.name.as_deref(), app.metadata.namespace.as_deref());
        instance_name(name.unwrap_or_default(), namespace.unwrap_or_default(), &self.config.namespace)
    }

    pub(super) async fn compare(&self, question: &Question<'_>) -> Answer {
        let Some(kinds) = question.cluster.kinds() else {
            return match question.cluster.trouble() {
                Some(why) => failed(Seen::default(), format!("Failed to load live state: {why}")),
                None => Answer::Later,
            };
        };
        let mut seen = Seen::default();
        let manifests = match self.manifests(question, &kinds, &mut seen).await {
            Ok(manifests) => manifests,
            Err(why) => return failed(seen, format!("Failed to load target state: {why}")),
        };
        let settings = self.settings();
        let rules = match settings.ignore_rules(question.app) {
            Ok(rules) => rules,
            Err(why) => return failed(seen, format!("Failed to compare desired state to live state: {why}")),
        };
        let instance = self.instance(question.app);
        let types = KnownTypes::new([]);
        let trusted = |object: &Value| trusted(question.app, object);
        let delivery = Delivery {
            application: &instance,
            namespace: &question.app.spec.destination.namespace,
            tracking: settings.live.tracking(),
            ignore: &rules,
            trusted: &trusted,
            types: &types,
            server_side_apply: question.sync_options.iter().any(|option| option == "ServerSideApply=true"),
            options: &question.sync_options,
            ignore_aggregated_roles: settings.ignore_aggregated_roles,
            scripts: &settings.live.scripts,
            schema: &|_| None,
            now: self.clock.now(),
        };
        let made = targets(&delivery, &manifests, &kinds);
        seen.conditions.extend(conditions(&made));
        let objects: Vec<Value> = made.objects.into_iter().filter(|object| !is_deletion_hook(object)).collect();
        let keys: Vec<ResourceKey> = objects.iter().map(ResourceKey::of).collect();
        let lives = match question.cluster.view(&instance, &keys).await {
            Ok(lives) => lives,
            Err(ViewError::Loading) => return Answer::Later,
            Err(error) => return failed(seen, format!("Failed to load live state: {}", text(&error))),
        };
        let permitted = |live: &Value| is_permitted(question.project, live);
        let lives = lives.into_iter().filter(permitted).collect();
        let comparison = compare(&delivery, objects, lives, &kinds);
        let errors = comparison.errors.iter();
        seen.conditions.extend(
            errors.map(|why| (kind::COMPARISON, format!("Failed to compare desired state to live state: {why}"))),
        );
        seen.images = question.cluster.images(&instance);
        seen.comparison = Some(comparison);
        Answer::Seen(Box::new(seen))
    }

    async fn manifests(
        &self,
        question: &Question<'_>,
        kinds: &Arc<Kinds>,
        seen: &mut Seen,
    ) -> Result<Vec<Value>, String> {
        if !question.manifests.is_empty() {
            seen.revisions.clone_from(&question.revisions);
            return Ok(question.manifests.clone());
        }
        let wanted = Wanted {
            application: self.instance(question.app),
            project: question.project.name.clone(),
            namespace: question.app.spec.destination.namespace.clone(),
            sources: question.sources.clone(),
            revisions: question.revisions.clone(),
            kube_version: question.cluster.version(),
            api_versions: kinds.api_versions(),
            source_repos: question.project.spec.source_repos.clone(),
            refresh: match question.refresh {
                Refresh { hard: true, .. } => RenderRefresh::Hard,
                Refresh { level: Level::ForceResolve, .. } => RenderRefresh::Revisions,
                _ => RenderRefresh::No,
            },
        };
        let rendered = self.config.manifests.render(&wanted).await.map_err(|error| error.to_string())?;
        seen.revisions = rendered.revisions.iter().map(|revision| revision.sha.clone()).collect();
        let name = |kind: &Option<SourceType>| kind.map_or("", SourceType::name).to_owned();
        seen.source_types = rendered.source_types.iter().map(name).collect();
        Ok(rendered.manifests.clone())
    }
}

fn failed(mut seen: Seen, why: String) -> Answer {
    seen.conditions.push((kind::COMPARISON, why));
    Answer::Seen(Box::new(seen))
}

fn text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        if !text.contains(&error.to_string()) {
            text = format!("{text}: {error}");
        }
        cause = error.source();
    }
    text
}

fn conditions(made: &Targets) -> Vec<Condition> {
    let repeated = made.repeated.iter().map(|(key, count)| {
        let ResourceKey { group, kind: name, namespace, name: object } = key;
        let text =
            format!("Resource {group}/{name}/{namespace}/{object} appeared {count} times among application resources.");
        (kind::REPEATED, text)
    });
    repeated.chain(made.problems.iter().map(|problem| (kind::INVALID_SPEC, problem.clone()))).collect()
}

/// The managers whose fields do not count, for an object.
fn trusted<'a>(app: &'a Application, object: &Value) -> Vec<&'a str> {
    let rules = app.spec.ignore_differences.iter().filter(|rule| {
        let is = |wanted: &str, actual: &str| wanted.is_empty() || wanted == actual;
        glob::matches(&rule.group, group(object), &[])
            && glob::matches(&rule.kind, meta::kind(object), &[])
            && is(&rule.name, meta::name(object))
            && is(&rule.namespace, meta::namespace(object))
    });
    rules.flat_map(|rule| rule.managed_fields_managers.iter().map(String::as_str)).collect()
}

/// A live object of a kind that the project does not permit is not ours to judge.
fn is_permitted(project: &Project, live: &Value) -> bool {
    let scope = if meta::namespace(live).is_empty() { Scope::Cluster } else { Scope::Namespaced };
    permits_kind(&project.spec, group(live), meta::kind(live), meta::name(live), scope)
}
