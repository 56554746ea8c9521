//! Targets and live objects of one delivery, compared and judged.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde_json::{Value, json};
use tiphys_machinery::{meta, schema::Schema};

use crate::{
    cluster::{Kinds, MANAGER},
    diff::{DiffOptions, Mode, diff},
    health::{Health, HealthScript, Status, health},
    hook::{self, Pruning},
    normalize::{IgnoreRules, KnownTypes, drop_managed},
    object::{ResourceKey, SYNC_OPTIONS, group, has_option, is_crd, option_value, version},
    plan::{Pair, Pairs, Scope, pair},
    tracking::{Tracking, TrackingId},
};

/// The annotation with options of the comparison, separated by commas.
pub const COMPARE_OPTIONS: &str = "argocd.argoproj.io/compare-options";
/// The annotation that takes an object out of the health of its application.
pub const IGNORE_HEALTH: &str = "argocd.argoproj.io/ignore-healthcheck";

/// Who delivers what, and what does not count.
pub struct Delivery<'a> {
    /// Instance name of the application.
    pub application: &'a str,
    /// Namespace for objects that need one and have none.
    pub namespace: &'a str,
    /// How objects are tracked.
    pub tracking: Tracking<'a>,
    /// Which fields do not count.
    pub ignore: &'a IgnoreRules,
    /// Managers whose fields do not count, for a group and kind.
    pub trusted: &'a (dyn Fn(&Value) -> Vec<&'a str> + Sync),
    /// Spellings of built-in types in custom resources.
    pub types: &'a KnownTypes,
    /// Whether the server merges what is applied.
    pub server_side_apply: bool,
    /// `Prune=` and `Delete=` for objects that do not say it themselves.
    pub options: &'a [String],
    /// Whether rules of aggregated roles do not count.
    pub ignore_aggregated_roles: bool,
    /// Scripts for health.
    pub scripts: &'a [HealthScript],
    /// Schemas of custom resources.
    pub schema: &'a (dyn Fn(&Value) -> Option<Arc<Schema>> + Sync),
    /// The time.
    pub now: Timestamp,
}

/// What Git has, ready to be compared.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Targets {
    /// The objects.
    pub objects: Vec<Value>,
    /// Objects that are there more than once, and how often. The last one counts.
    pub repeated: Vec<(ResourceKey, usize)>,
    /// What is wrong with single objects.
    pub problems: Vec<String>,
}

/// Whether an object is as Git has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncCode {
    /// It is.
    Synced,
    /// It is not.
    OutOfSync,
    /// Nobody knows.
    Unknown,
}

impl SyncCode {
    /// Returns the name that status fields have.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Synced => "Synced",
            Self::OutOfSync => "OutOfSync",
            Self::Unknown => "Unknown",
        }
    }
}

/// What was found out about one object.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The object.
    pub key: ResourceKey,
    /// Version of its group.
    pub version: String,
    /// Whether it is as Git has it; none for what does not count.
    pub code: Option<SyncCode>,
    /// How it is.
    pub health: Option<Health>,
    /// Whether it is a hook.
    pub hook: bool,
    /// Whether Git does not have it.
    pub requires_pruning: bool,
    /// Wave.
    pub wave: i64,
    /// Whether a person must agree before it is deleted.
    pub needs_confirmation: bool,
    /// Whether its comparison counts for the application.
    pub counts: bool,
    /// Whether its health counts for the application.
    pub health_counts: bool,
    /// Whether it is there.
    pub is_live: bool,
}

/// What was found out about everything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Comparison {
    /// Targets and live objects.
    pub pairs: Pairs,
    /// Object by object, sorted by key.
    pub found: Vec<Found>,
    /// What could not be compared, and why.
    pub errors: Vec<String>,
}

/// Makes targets of manifests: namespaces are filled in or taken away, each object says to whom it belongs.
#[must_use]
pub fn targets(delivery: &Delivery<'_>, manifests: &[Value], kinds: &Kinds) -> Targets {
    let mut made = Targets::default();
    let mut places: BTreeMap<ResourceKey, (usize, usize)> = BTreeMap::new();
    for (at, manifest) in manifests.iter().enumerate() {
        let mut object = manifest.clone();
        if let Some(problem) = set_namespace(&mut object, delivery.namespace, kinds) {
            made.problems.push(problem);
        }
        if !is_crd(&object)
            && let Err(error) = delivery.tracking.set(&mut object, delivery.application, delivery.namespace)
        {
            made.problems.push(format!("{}/{}: {error}", meta::kind(&object), meta::name(&object)));
        }
        let mut key = ResourceKey::of(&object);
        if key.name.is_empty() {
            let prefix = object["metadata"]["generateName"].as_str().unwrap_or_default();
            key.name = format!("{prefix}{at}");
        }
        if let Some((place, count)) = places.get_mut(&key) {
            *count += 1;
            made.objects[*place] = object;
        } else {
            places.insert(key, (made.objects.len(), 1));
            made.objects.push(object);
        }
    }
    let repeated = places.into_iter().filter(|(_, (_, count))| *count > 1);
    made.repeated = repeated.map(|(key, (_, count))| (key, count)).collect();
    made
}

/// Returns what is wrong with the namespace, if anything.
fn set_namespace(object: &mut Value, namespace: &str, kinds: &Kinds) -> Option<String> {
    let scope = kinds.scope(group(object), meta::kind(object));
    if scope == Scope::Cluster {
        object["metadata"].as_object_mut()?.remove("namespace");
        return None;
    }
    if !meta::namespace(object).is_empty() || !object["metadata"].is_object() {
        return None;
    }
    if namespace.is_empty() {
        let gvk = format!("{}, Kind={}", meta::api_version(object), meta::kind(object));
        return (scope == Scope::Namespaced).then(|| format!("Namespace for {} {gvk} is missing.", meta::name(object)));
    }
    object["metadata"]["namespace"] = json!(namespace);
    None
}

/// Compares.
#[must_use]
pub fn compare(delivery: &Delivery<'_>, targets: Vec<Value>, lives: Vec<Value>, kinds: &Kinds) -> Comparison {
    let pairs = pair(targets, lives, delivery.namespace, |group, kind| kinds.scope(group, kind));
    let mut comparison = Comparison::default();
    for (key, pair) in &pairs.resources {
        match judge(delivery, pair) {
            Ok(found) => comparison.found.push(Found { key: key.clone(), ..found }),
            Err(why) => comparison.errors.push(why),
        }
    }
    for hook in &pairs.hooks {
        let key = ResourceKey::of(hook);
        if !pairs.resources.contains_key(&key) && !key.name.is_empty() {
            comparison.found.push(of_hook(hook, key));
        }
    }
    comparison.found.sort_by(|a, b| a.key.cmp(&b.key));
    comparison.pairs = pairs;
    comparison
}

fn of_hook(hook: &Value, key: ResourceKey) -> Found {
    Found {
        key,
        version: version(hook).to_owned(),
        code: None,
        health: None,
        hook: true,
        requires_pruning: false,
        wave: hook::wave(hook),
        needs_confirmation: false,
        counts: false,
        health_counts: false,
        is_live: false,
    }
}

fn judge(delivery: &Delivery<'_>, pair: &Pair) -> Result<Found, String> {
    let (target, live) = (pair.target.as_ref(), pair.live.as_ref());
    let object = target.or(live).unwrap_or(&Value::Null);
    let is_own = live.is_none_or(|live| is_self_referenced(delivery, target, live));
    let is_hook = hook::is_hook(object);
    let uncounted = is_hook || hook::is_skipped(object) || hook::is_ignored(object) || !is_own;
    let modified = is_modified(delivery, pair)?;
    let differs = modified || target.is_none() || live.is_none();
    let code = match (uncounted, differs) {
        (true, _) => None,
        (false, true) => Some(SyncCode::OutOfSync),
        (false, false) => Some(SyncCode::Synced),
    };
    let is_extra_and_ignored = target.is_none() && has_option(object, COMPARE_OPTIONS, "IgnoreExtraneous");
    Ok(Found {
        key: ResourceKey::default(),
        version: version(object).to_owned(),
        code,
        health: health_of(delivery, live, is_hook),
        hook: is_hook,
        requires_pruning: target.is_none() && is_own,
        wave: hook::wave(object),
        needs_confirmation: [target, live].into_iter().flatten().any(|object| asks(object, delivery.options)),
        counts: !uncounted && !is_extra_and_ignored,
        health_counts: !is_hook
            && !hook::is_skipped(object)
            && live.is_none_or(|live| meta::annotation(live, IGNORE_HEALTH) != Some("true")),
        is_live: live.is_some(),
    })
}

fn health_of(delivery: &Delivery<'_>, live: Option<&Value>, is_hook: bool) -> Option<Health> {
    match live {
        None if is_hook => None,
        None => Some(Health::new(Status::Missing, "")),
        Some(live) => match health(live, delivery.scripts, delivery.now) {
            Ok(health) => health,
            Err(error) => Some(Health::new(Status::Unknown, error.to_string())),
        },
    }
}

/// Whether a person must agree before the object is deleted.
fn asks(object: &Value, options: &[String]) -> bool {
    let default = |name: &str| options.iter().rev().find_map(|option| option.strip_prefix(name));
    hook::pruning(object, default("Prune=")) == Pruning::NeedsConfirmation
        || option_value(object, SYNC_OPTIONS, "Delete").or(default("Delete=")) == Some("confirm")
}

/// An object with the annotation of another one, copied along with the rest, belongs to nobody here.
fn is_self_referenced(delivery: &Delivery<'_>, target: Option<&Value>, live: &Value) -> bool {
    let Some(id) = delivery.tracking.id(live) else { return true };
    let wanted = match target {
        Some(target) => TrackingId::new(target, delivery.application, delivery.namespace),
        None => id,
    };
    wanted.group == group(live)
        && wanted.kind == meta::kind(live)
        && wanted.name == meta::name(live)
        && (meta::namespace(live).is_empty() || wanted.namespace == meta::namespace(live))
}

fn is_modified(delivery: &Delivery<'_>, pair: &Pair) -> Result<bool, String> {
    let (Some(target), Some(live)) = (&pair.target, &pair.live) else { return Ok(pair.live.is_none()) };
    let (mut target, mut live) = (target.clone(), live.clone());
    delivery.tracking.normalize(&target, &mut live).map_err(|error| error.to_string())?;
    let trusted = (delivery.trusted)(&target);
    if !trusted.is_empty()
        && let Some(schema) = schema_of(delivery, &target)
    {
        drop_managed(&mut live, &mut target, &trusted, &schema);
    }
    let normalizer = |object: &mut Value| {
        // A rule that takes away the kind, and a value that its type does not take, change nothing.
        let _unchanged = (delivery.ignore.apply(object), delivery.types.apply(object));
    };
    let merges = delivery.server_side_apply && !has_option(&target, SYNC_OPTIONS, "ServerSideApply=false");
    let schema = schema_of(delivery, &target);
    let options = DiffOptions {
        mode: if merges { Mode::Structured { manager: MANAGER } } else { Mode::Merge },
        ignore_aggregated_roles: delivery.ignore_aggregated_roles,
        normalizer: &normalizer,
        types: &|_| schema.clone(),
        now: delivery.now,
    };
    diff(Some(&target), Some(&live), &options).map(|diff| diff.modified).map_err(|error| error.to_string())
}

fn schema_of(delivery: &Delivery<'_>, object: &Value) -> Option<Arc<Schema>> {
    tiphys_machinery::schema::builtin(meta::api_version(object), meta::kind(object))
        .or_else(|| (delivery.schema)(object))
        .or_else(|| Some(Arc::new(Schema::any())))
}

impl Comparison {
    /// Returns whether everything is as Git has it.
    #[must_use]
    pub fn code(&self) -> SyncCode {
        if !self.errors.is_empty() {
            return SyncCode::Unknown;
        }
        let differs = self.found.iter().any(|found| found.counts && found.code == Some(SyncCode::OutOfSync));
        if differs { SyncCode::OutOfSync } else { SyncCode::Synced }
    }

    /// Returns the worst health of what counts, and which objects cause it.
    #[must_use]
    pub fn health(&self, is_self: impl Fn(&ResourceKey) -> bool) -> Health {
        let counted = self.found.iter().filter(|found| found.health_counts && !is_self(&found.key));
        let mut worst = Status::Healthy;
        let mut causes: Vec<String> = Vec::new();
        for found in counted.clone() {
            let Some(status) = found.health.as_ref().and_then(|health| health.status) else { continue };
            let is_child = found.key.group == "argoproj.io" && found.key.kind == "Application";
            let is_left_out = !found.is_live || (is_child && matches!(status, Status::Missing | Status::Unknown));
            if is_left_out || status < worst || status == Status::Healthy {
                continue;
            }
            if status > worst {
                worst = status;
                causes.clear();
            }
            causes.push(cause(&found.key));
        }
        let (any, live) = (counted.clone().count() > 0, counted.clone().any(|found| found.is_live));
        if any && !live && worst < Status::Missing {
            return Health::new(Status::Missing, "");
        }
        Health::new(worst, caused_by(&causes))
    }
}

fn cause(key: &ResourceKey) -> String {
    let kind = if key.group.is_empty() { key.kind.clone() } else { format!("{}/{}", key.group, key.kind) };
    let name = if key.namespace.is_empty() { key.name.clone() } else { format!("{}/{}", key.namespace, key.name) };
    format!("{kind}:{name}")
}

fn caused_by(causes: &[String]) -> String {
    match causes.len() {
        0 => String::new(),
        1..=3 => format!("Caused by {}", causes.join(", ")),
        many => format!("Caused by {} and {} more", causes[..3].join(", "), many - 3),
    }
}
