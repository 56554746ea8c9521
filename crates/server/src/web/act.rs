//! Doing an action of the table, for pages, the API and the dashboard's endpoints.

use std::fmt::Write;

use k8s_openapi::api::core::v1::ObjectReference;
use serde_json::Value;
use tiphys_console::{Action, Options, Subject, action};
use tiphys_runtime::{cache::Key, recorder::Note};

use super::{State, Viewer};

/// What is asked for.
pub(crate) struct Asked<'a> {
    /// The Rollout.
    pub(crate) key: &'a Key,
    /// What to do.
    pub(crate) action: &'static Action,
    /// What was chosen.
    pub(crate) options: &'a Options,
    /// Whether an action that makes no sense now is refused.
    pub(crate) is_strict: bool,
}

/// What was done.
pub(crate) struct Done {
    /// What it does, as it was said before.
    pub(crate) effect: String,
    /// The object that was written last.
    pub(crate) object: Value,
}

/// Why an action was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// It does not exist, or may not be seen: nobody learns which.
    #[error("there is no such Rollout")]
    NotFound,
    /// The viewer may see it, but not do this.
    #[error("your account may not do this; an administrator can allow `rollouts, {0}` in argocd-rbac-cm")]
    Forbidden(&'static str),
    /// It makes no sense now.
    #[error("{0}")]
    Impossible(String),
    /// The API did not take it.
    #[error("the cluster did not take it: {0}")]
    Api(String),
}

/// Does an action, if the viewer may, and tells of it in an event.
pub(crate) async fn act(state: &State, viewer: &Viewer, asked: &Asked<'_>) -> Result<Done, Failure> {
    let settings = state.board.settings();
    if !viewer.may(&settings, "get", asked.key) {
        return Err(Failure::NotFound);
    }
    if !viewer.may(&settings, asked.action.name, asked.key) {
        return Err(Failure::Forbidden(asked.action.name));
    }
    let rollout = state.board.rollout(asked.key).await.map_err(said)?.ok_or(Failure::NotFound)?;
    let (sets, workload) = state.board.stored(&rollout).await.map_err(said)?;
    let budgets = state.board.budgets(&asked.key.namespace);
    let subject = Subject { rollout: &rollout, sets: &sets, workload: workload.as_ref(), budgets: &budgets };
    if let Some(obstacle) = asked.action.obstacle(&subject).filter(|_| asked.is_strict) {
        return Err(Failure::Impossible(obstacle));
    }
    let effect = asked.action.effect(&subject, asked.options);
    let changes = asked.action.changes(&subject, asked.options, state.board.clock.now());
    let changes = changes.map_err(|refused| Failure::Impossible(refused.to_string()))?;
    let written = action::perform(state.board.client(), &asked.key.namespace, &changes).await;
    tell(state, viewer, asked, &subject, written.as_ref().err()).await;
    let object = written.map_err(said)?.unwrap_or_else(|| rollout.raw.clone());
    Ok(Done { effect, object })
}

fn said(error: kube::Error) -> Failure {
    match error {
        kube::Error::Api(status) => Failure::Api(status.message.clone()),
        other => {
            tracing::warn!(error = &other as &dyn std::error::Error, "the API did not answer");
            Failure::Api("it could not be reached".to_owned())
        }
    }
}

/// Who did what, and whether it worked.
async fn tell(state: &State, viewer: &Viewer, asked: &Asked<'_>, subject: &Subject<'_>, failed: Option<&kube::Error>) {
    let metadata = &subject.rollout.typed.metadata;
    let about = ObjectReference {
        api_version: Some("argoproj.io/v1alpha1".to_owned()),
        kind: Some("Rollout".to_owned()),
        name: metadata.name.clone(),
        namespace: metadata.namespace.clone(),
        uid: metadata.uid.clone(),
        ..ObjectReference::default()
    };
    let mut text =
        format!("{} ran action {} on resource argoproj.io/Rollout/{}", viewer.name, asked.action.name, asked.key.name);
    if let Some(kube::Error::Api(status)) = failed {
        // Writing to a text does not fail.
        let _ = write!(text, ", which failed: {}", status.message);
    }
    let note = if failed.is_some() {
        Note::warning("ResourceActionRan", text)
    } else {
        Note::normal("ResourceActionRan", text)
    };
    state.recorder.tell(&about, &note).await;
}
