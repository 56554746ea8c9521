//! Runs that a Rollout starts.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use tiphys_api::{
    AnalysisRun, Rollout,
    constants::{
        annotations,
        labels::{INSTANCE_ID, POD_TEMPLATE_HASH, ROLLOUT_TYPE, STEP_INDEX, rollout_type},
    },
    types::{
        API_VERSION, AnalysisRunSpec, AnalysisTemplateSpec, Argument, DryRun, MeasurementRetention, ObjectMeta,
        RolloutAnalysis,
    },
};

use super::{
    Hashes, TemplateError, Templates,
    arguments::{merge_arguments, rollout_arguments},
    flatten::{check_dry_run, check_retention, flatten},
    resolve::resolve_references,
};

/// What a run of a Rollout is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Beside the steps.
    Background,
    /// A step by its index.
    Step(i32),
    /// Before a blue-green switch.
    PrePromotion,
    /// After a blue-green switch.
    PostPromotion,
}

impl Purpose {
    /// Returns the value of the label `rollout-type`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Background => rollout_type::BACKGROUND,
            Self::Step(_) => rollout_type::STEP,
            Self::PrePromotion => rollout_type::PRE_PROMOTION,
            Self::PostPromotion => rollout_type::POST_PROMOTION,
        }
    }

    fn infix(self) -> String {
        match self {
            Self::Background => String::new(),
            Self::Step(index) => format!("-{index}"),
            Self::PrePromotion => "-pre".to_owned(),
            Self::PostPromotion => "-post".to_owned(),
        }
    }
}

/// Which release a run belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunIdentity {
    /// Pod hashes; the latest one goes into the name.
    pub hashes: Hashes,
    /// Name of the new ReplicaSet.
    pub replica_set: String,
    /// Revision of the new ReplicaSet.
    pub revision: i64,
    /// How often the name is taken: `.1`, `.2` and so on are appended. See [`same_run`].
    pub collision: u32,
}

/// Returns what several templates ask for together, with the arguments and rules that come in.
///
/// # Errors
/// Where they do not fit together or an argument has no value.
pub fn run_spec<'t>(
    templates: impl IntoIterator<Item = &'t AnalysisTemplateSpec>,
    arguments: &[Argument],
    dry_run: &[DryRun],
    retention: &[MeasurementRetention],
) -> Result<AnalysisRunSpec, TemplateError> {
    let template = flatten(templates)?;
    let args = merge_arguments(arguments, &template.args)?;
    let dry_run = [dry_run, &template.dry_run].concat();
    check_dry_run(&dry_run)?;
    let measurement_retention = [retention, &template.measurement_retention].concat();
    check_retention(&measurement_retention)?;
    Ok(AnalysisRunSpec { metrics: template.metrics, args, dry_run, measurement_retention, ..Default::default() })
}

/// Returns the run that a Rollout starts for one of its analyses: named, labelled and owned as upstream does.
///
/// # Errors
/// Where templates are missing or do not fit together, or an argument has no value.
pub fn run_for_rollout(
    rollout: &Rollout,
    analysis: &RolloutAnalysis,
    purpose: Purpose,
    identity: &RunIdentity,
    templates: &Templates,
) -> Result<AnalysisRun, TemplateError> {
    let hash = &identity.hashes.latest;
    let found = resolve_references(&analysis.templates, templates)?;
    let arguments = rollout_arguments(&analysis.args, &identity.hashes, rollout)?;
    let spec = run_spec(found, &arguments, &analysis.dry_run, &analysis.measurement_retention)?;
    let rollout_name = rollout.metadata.name.clone().unwrap_or_default();
    if hash.is_empty() {
        return Err(TemplateError::NoPodHash(identity.replica_set.clone()));
    }
    let suffix = if identity.collision == 0 { String::new() } else { format!(".{}", identity.collision) };
    let name = format!("{rollout_name}-{hash}-{}{}{suffix}", identity.revision, purpose.infix());
    let metadata = ObjectMeta {
        name: Some(name),
        namespace: rollout.metadata.namespace.clone(),
        labels: Some(labels(rollout, analysis, purpose, hash)),
        annotations: Some(annotations_of(analysis, identity.revision)),
        owner_references: Some(vec![owner(rollout)]),
        ..ObjectMeta::default()
    };
    Ok(AnalysisRun { metadata, spec, ..AnalysisRun::default() })
}

/// Returns whether a run that exists is the one that was to be created: it may be used instead if it is unfinished and has
/// the same controller.
#[must_use]
pub fn same_run(wanted: &AnalysisRunSpec, existing: &AnalysisRunSpec) -> bool {
    wanted.metrics == existing.metrics
        && wanted.dry_run == existing.dry_run
        && wanted.measurement_retention == existing.measurement_retention
        && wanted.args == existing.args
}

/// Of labels of the same key the later source wins: our own, the analysis's, the Rollout's selector.
fn labels(rollout: &Rollout, analysis: &RolloutAnalysis, purpose: Purpose, hash: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::from([
        (POD_TEMPLATE_HASH.to_owned(), hash.to_owned()),
        (ROLLOUT_TYPE.to_owned(), purpose.label().to_owned()),
    ]);
    if let Purpose::Step(index) = purpose {
        labels.insert(STEP_INDEX.to_owned(), index.to_string());
    }
    let instance = rollout.metadata.labels.iter().flatten().find(|(key, _)| *key == INSTANCE_ID);
    labels.extend(instance.map(|(key, value)| (key.clone(), value.clone())));
    if let Some(metadata) = &analysis.analysis_run_metadata {
        labels.extend(metadata.labels.clone());
    }
    let selector = rollout.spec.selector.as_ref().and_then(|selector| selector.match_labels.clone());
    labels.extend(selector.unwrap_or_default());
    labels
}

fn annotations_of(analysis: &RolloutAnalysis, revision: i64) -> BTreeMap<String, String> {
    let mut all = BTreeMap::from([(annotations::REVISION.to_owned(), revision.to_string())]);
    if let Some(metadata) = &analysis.analysis_run_metadata {
        all.extend(metadata.annotations.clone());
    }
    all
}

fn owner(rollout: &Rollout) -> OwnerReference {
    OwnerReference {
        api_version: API_VERSION.to_owned(),
        kind: "Rollout".to_owned(),
        name: rollout.metadata.name.clone().unwrap_or_default(),
        uid: rollout.metadata.uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}
