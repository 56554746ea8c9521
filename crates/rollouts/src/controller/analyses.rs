//! AnalysisRuns and their templates, followed once some Rollout has an analysis.

use std::sync::Arc;

use kube::{
    api::{ApiResource, DynamicObject},
    runtime::watcher,
};
use tiphys_analysis::rollout::status_of;
use tiphys_api::{
    AnalysisRun, AnalysisTemplate, ClusterAnalysisTemplate, Rollout, decode, validation::named_templates,
};
use tiphys_runtime::{
    cache::{Cache, Change, Key},
    reason::ObjectRef,
};

use super::{
    Shared,
    watching::{dynamic, owner, prune_dynamic, typed},
};
use crate::observe::{AnalysisView, has_analysis};

/// A kind that analyses need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum AnalysisKind {
    /// AnalysisRun.
    Run,
    /// AnalysisTemplate.
    Template,
    /// ClusterAnalysisTemplate.
    ClusterTemplate,
}

impl AnalysisKind {
    const ALL: [Self; 3] = [Self::Run, Self::Template, Self::ClusterTemplate];

    fn resource(self) -> ApiResource {
        match self {
            Self::Run => ApiResource::erase::<AnalysisRun>(&()),
            Self::Template => ApiResource::erase::<AnalysisTemplate>(&()),
            Self::ClusterTemplate => ApiResource::erase::<ClusterAnalysisTemplate>(&()),
        }
    }
}

/// Says how each kind is followed. The closure holds the controller weakly, or neither would ever end.
pub(super) fn follow(shared: &Arc<Shared>) {
    let weak = Arc::downgrade(shared);
    let client = shared.client.clone();
    let namespace = shared.config.namespace.clone();
    let start = move |kind: AnalysisKind, cache: Cache<DynamicObject>| {
        let scope = namespace.as_deref().filter(|_| kind != AnalysisKind::ClusterTemplate);
        let api = dynamic(&client, scope, &kind.resource());
        let weak = weak.clone();
        let told = move |change: Change<DynamicObject>| {
            if let Some(shared) = weak.upgrade() {
                shared.analysis_changed(kind, &change);
            }
        };
        tokio::spawn(cache.follow(api, watcher::Config::default(), prune_dynamic, told)).abort_handle()
    };
    shared.caches.analysis.start_with(Box::new(start));
}

impl Shared {
    /// What the caches hold for the analyses of a Rollout; or, while a kind has not been listed yet, what is waited for.
    pub(super) fn analysis(&self, rollout: &Rollout, key: &Key) -> (AnalysisView, Option<ObjectRef>) {
        if !has_analysis(rollout) {
            return (AnalysisView::default(), None);
        }
        if let Some(kind) = self.unlisted_analysis_kind() {
            return (AnalysisView::default(), Some(kind));
        }
        (self.analysis_view(rollout.metadata.uid.as_deref().unwrap_or_default(), &key.namespace), None)
    }

    /// A kind of analyses that has not been listed yet.
    pub(super) fn unlisted_analysis_kind(&self) -> Option<ObjectRef> {
        let unlisted = AnalysisKind::ALL.into_iter().find(|kind| {
            let cache = self.caches.analysis.get(kind);
            // Cluster templates may be out of reach for a controller of one namespace.
            !cache.is_ready() && cache.trouble().is_none()
        });
        unlisted.map(|kind| {
            let resource = kind.resource();
            ObjectRef::new(resource.kind, "", resource.plural)
        })
    }

    /// The runs of an owner and all templates that it may name.
    pub(super) fn analysis_view(&self, uid: &str, namespace: &str) -> AnalysisView {
        let list = |kind: AnalysisKind, namespace: Option<&str>| {
            let all = self.caches.analysis.get(&kind).list(namespace);
            all.into_iter().map(|object| serde_json::to_value(&*object).unwrap_or_default()).collect::<Vec<_>>()
        };
        let (runs, templates) =
            (list(AnalysisKind::Run, Some(namespace)), list(AnalysisKind::Template, Some(namespace)));
        AnalysisView::new(uid, runs, templates, list(AnalysisKind::ClusterTemplate, None))
    }

    fn analysis_changed(&self, kind: AnalysisKind, change: &Change<DynamicObject>) {
        let object = change.object();
        if kind == AnalysisKind::Run {
            self.of_experiment_changed(&object.metadata);
            let of = owner(&object.metadata).filter(|owner| owner.kind == "Rollout");
            let namespace = object.metadata.namespace.as_deref().unwrap_or_default();
            if let Some(owner) = of.filter(|_| is_news(change)) {
                self.queue.add(Key::new(namespace, &owner.name));
            }
            return;
        }
        let name = object.metadata.name.as_deref().unwrap_or_default();
        let is_meant = |rollout: &DynamicObject| {
            named_templates(&typed(rollout)).iter().any(|named| named.reference.template_name == name)
        };
        match &object.metadata.namespace {
            Some(namespace) => self.add_all(namespace, is_meant),
            None => {
                for rollout in self.caches.rollouts.list(None).iter().filter(|rollout| is_meant(rollout)) {
                    self.queue.add(Key::of(&**rollout));
                }
            }
        }
    }
}

/// Only what the Rollout says of a run matters, or that it is there at all.
fn is_news(change: &Change<DynamicObject>) -> bool {
    let told = |object: &DynamicObject| {
        let run: AnalysisRun = decode(serde_json::to_value(object).unwrap_or_default()).object;
        status_of(&run)
    };
    match change {
        Change::Applied { old: Some(old), new } => told(old) != told(new),
        _ => true,
    }
}
