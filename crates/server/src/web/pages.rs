//! Pages and forms.

use std::sync::Arc;

use axum::{
    Extension,
    body::Bytes,
    extract::{Path, RawQuery, State as Shared},
    http::{Method, StatusCode, Uri},
    response::{IntoResponse, Redirect, Response},
};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::LogParams};
use tiphys_console::{Action, Options};
use tiphys_runtime::cache::Key;

use super::{Asked, Failure, State, Viewer, act as perform, field};
use crate::page::{Context, Page, error, layout, pod as pod_page, restarts, sheet as sheet_page};

/// Last lines of a log that are shown.
const LINES: i64 = 40;

/// Shows a page.
pub(super) async fn show(
    Shared(state): Shared<Arc<State>>,
    Extension(viewer): Extension<Viewer>,
    method: Method,
    uri: Uri,
) -> Response {
    if !matches!(method, Method::GET | Method::HEAD) {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let context = Context::new(&state, &viewer);
    let rendered = Page::parse(uri.path(), uri.query().unwrap_or_default()).and_then(|page| page.render(&context));
    match rendered {
        Some(rendered) => layout::page(&context, &uri, &rendered).into_response(),
        None => not_found(&context),
    }
}

fn not_found(context: &Context<'_>) -> Response {
    (
        StatusCode::NOT_FOUND,
        error::page(context, "There is nothing here", "It does not exist, or your account may not see it."),
    )
        .into_response()
}

/// Shows what an action will do.
pub(super) async fn sheet(
    Shared(state): Shared<Arc<State>>,
    Extension(viewer): Extension<Viewer>,
    Path((namespace, name, action)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
) -> Response {
    let context = Context::new(&state, &viewer);
    let key = Key::new(namespace, name);
    let options = options(query.unwrap_or_default().as_bytes());
    let found = context.release(&key).zip(Action::named(&action));
    let Some((release, action)) = found else { return not_found(&context) };
    sheet_page::page(&context, &release, action, &options, None).into_response()
}

/// Does an action.
pub(super) async fn act(
    Shared(state): Shared<Arc<State>>,
    Extension(viewer): Extension<Viewer>,
    Path((namespace, name, action)): Path<(String, String, String)>,
    body: Bytes,
) -> Response {
    let context = Context::new(&state, &viewer);
    let key = Key::new(namespace, name);
    let options = options(&body);
    let found = context.release(&key).zip(Action::named(&action));
    let Some((release, action)) = found else { return not_found(&context) };
    let asked = Asked { key: &key, action, options: &options, is_strict: true };
    match perform(&state, &viewer, &asked).await {
        Ok(_) => {
            Redirect::to(&format!("/rollouts/{}/{}?done={}", key.namespace, key.name, action.name)).into_response()
        }
        Err(Failure::NotFound) => not_found(&context),
        Err(failure) => {
            let status = match failure {
                Failure::Forbidden(_) => StatusCode::FORBIDDEN,
                Failure::Impossible(_) => StatusCode::CONFLICT,
                _ => StatusCode::BAD_GATEWAY,
            };
            let page = sheet_page::page(&context, &release, action, &options, Some(&failure.to_string()));
            (status, page).into_response()
        }
    }
}

/// Reads what was chosen in a sheet.
fn options(form: &[u8]) -> Options {
    let text = |name: &str| field(form, name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let images = text("image").map(|image| (text("container").unwrap_or_else(|| "*".to_owned()), image));
    Options {
        surge: text("surge").is_some(),
        at: text("at").and_then(|at| at.parse().ok().or_else(|| format!("{at}:00Z").parse().ok())),
        revision: text("revision").and_then(|revision| revision.parse().ok()).unwrap_or(0),
        images: images.into_iter().collect(),
    }
}

/// Shows a pod with its last lines and events.
pub(super) async fn pod(
    Shared(state): Shared<Arc<State>>,
    Extension(viewer): Extension<Viewer>,
    Path((namespace, name, pod)): Path<(String, String, String)>,
) -> Response {
    let context = Context::new(&state, &viewer);
    let Some(release) = context.release(&Key::new(namespace, name)) else { return not_found(&context) };
    let sets = state.board.sets(&release);
    let pods = sets.iter().flat_map(|set| state.board.pods(set));
    let Some(pod) = pods.into_iter().find(|one| one.metadata.name.as_deref() == Some(pod.as_str())) else {
        return not_found(&context);
    };
    let logs = if context.may("logs", &release.key) { logs(&state, &pod).await } else { None };
    pod_page::page(&context, &release, &pod, logs.as_deref()).into_response()
}

async fn logs(state: &State, pod: &Pod) -> Option<String> {
    let api: Api<Pod> = Api::namespaced(state.board.client().clone(), pod.metadata.namespace.as_deref()?);
    let container = pod.spec.as_ref()?.containers.first()?.name.clone();
    let params = LogParams { tail_lines: Some(LINES), container: Some(container), ..LogParams::default() };
    api.logs(pod.metadata.name.as_deref()?, &params).await.ok()
}

/// Shows the form to restart many at once.
pub(super) async fn new_restart(
    Shared(state): Shared<Arc<State>>,
    Extension(viewer): Extension<Viewer>,
    RawQuery(query): RawQuery,
) -> Response {
    let context = Context::new(&state, &viewer);
    let chosen = restarts::Chosen::read(query.unwrap_or_default().as_bytes());
    restarts::form(&context, &chosen, None).into_response()
}

/// Restarts all that were chosen, one after the other; what fails is said.
pub(super) async fn restart(
    Shared(state): Shared<Arc<State>>,
    Extension(viewer): Extension<Viewer>,
    body: Bytes,
) -> Response {
    let context = Context::new(&state, &viewer);
    let chosen = restarts::Chosen::read(&body);
    let Some(action) = Action::named("restart") else { return not_found(&context) };
    let options = Options { surge: chosen.surge, ..Options::default() };
    let mut failed = Vec::new();
    for release in chosen.releases(&context) {
        let asked = Asked { key: &release.key, action, options: &options, is_strict: true };
        if let Err(failure) = perform(&state, &viewer, &asked).await {
            failed.push(format!("{}: {failure}", release.key));
        }
    }
    if failed.is_empty() {
        return Redirect::to("/restarts").into_response();
    }
    (StatusCode::CONFLICT, restarts::form(&context, &chosen, Some(&failed.join("; ")))).into_response()
}
