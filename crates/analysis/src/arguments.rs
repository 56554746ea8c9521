//! Metrics with the values of their arguments, secrets included.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret as ClusterSecret;
use kube::Api;
use tiphys_api::{
    AnalysisRun,
    types::{Argument, Metric, SecretKeyRef},
};

use crate::{Redactor, Secret, plan::Task, providers::Services, template::resolve_metric};

/// What measuring takes.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    /// The metrics of the tasks, in their order, placeholders replaced.
    pub(crate) metrics: Vec<Metric>,
    /// Masks every secret that went in.
    pub(crate) redactor: Redactor,
}

/// Why there are no values.
#[derive(Debug)]
pub(crate) enum ResolveError {
    /// They will not come.
    Wrong(String),
    /// They cannot be had now.
    Unreachable(Box<kube::Error>),
}

/// Returns the metrics of the tasks. A secret is read live, and only where the argument has no value of its own.
pub(crate) async fn resolve(services: &Services, run: &AnalysisRun, tasks: &[Task]) -> Result<Resolved, ResolveError> {
    let namespace = run.metadata.namespace.as_deref().unwrap_or_default();
    let api: Api<ClusterSecret> = Api::namespaced(services.client.clone(), namespace);
    let (mut arguments, mut secrets) = (run.spec.args.clone(), Vec::new());
    let mut read: BTreeMap<String, ClusterSecret> = BTreeMap::new();
    for argument in &mut arguments {
        let Some(reference) = wanted(argument) else { continue };
        if !read.contains_key(&reference.name) {
            let secret = api.get(&reference.name).await.map_err(failed)?;
            read.insert(reference.name.clone(), secret);
        }
        let value = read.get(&reference.name).and_then(|secret| secret.data.as_ref()?.get(&reference.key));
        let value = value.map(|value| String::from_utf8_lossy(&value.0).into_owned()).ok_or_else(|| {
            let SecretKeyRef { name, key } = &reference;
            ResolveError::Wrong(format!("key '{key}' does not exist in secret '{name}'"))
        })?;
        secrets.push(Secret::new(value.clone()));
        argument.value = Some(value);
    }
    let metrics = tasks.iter().filter_map(|task| run.spec.metrics.get(task.index));
    let metrics = metrics.map(|metric| resolve_metric(metric, &arguments)).collect::<Result<_, _>>();
    let redactor = Redactor::new(secrets);
    let metrics = metrics.map_err(|error| ResolveError::Wrong(redactor.redact(&error.to_string())))?;
    Ok(Resolved { metrics, redactor })
}

fn wanted(argument: &Argument) -> Option<SecretKeyRef> {
    if argument.value.is_some() {
        return None;
    }
    argument.value_from.as_ref()?.secret_key_ref.clone()
}

/// What the server refuses for good is wrong; everything else may pass.
fn failed(error: kube::Error) -> ResolveError {
    match error {
        kube::Error::Api(status) if matches!(status.code, 400 | 403 | 404) => ResolveError::Wrong(status.message),
        other => ResolveError::Unreachable(Box::new(other)),
    }
}
