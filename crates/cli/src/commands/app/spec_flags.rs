//! Flags that make up the spec of an Application.

use clap::{ArgAction, Args};
use serde_json::{Map, Value, json};

use crate::error::Failure;

/// What an Application is made of.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Spec")]
pub(super) struct SpecFlags {
    /// Repository
    #[arg(long, value_name = "URL")]
    repo: Option<String>,
    /// Folder in it
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Branch, tag, commit or range of versions
    #[arg(long, value_name = "REVISION")]
    revision: Option<String>,
    /// Chart instead of a folder
    #[arg(long, value_name = "NAME")]
    helm_chart: Option<String>,
    /// Project
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
    /// Address of the cluster
    #[arg(long, value_name = "URL", conflicts_with = "dest_name")]
    dest_server: Option<String>,
    /// Name of the cluster
    #[arg(long, value_name = "NAME")]
    dest_name: Option<String>,
    /// Namespace of objects that need one and have none
    #[arg(long, value_name = "NAME")]
    dest_namespace: Option<String>,
    /// `automated` (or `auto`), `manual` or `none`
    #[arg(long, value_name = "POLICY", value_parser = ["automated", "auto", "automatic", "manual", "none"])]
    sync_policy: Option<String>,
    /// By itself, delete what Git does not have any more
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, action = ArgAction::Set)]
    auto_prune: Option<bool>,
    /// By itself, undo changes in the cluster
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, action = ArgAction::Set)]
    self_heal: Option<bool>,
    /// By itself, delete even everything
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, action = ArgAction::Set)]
    allow_empty: Option<bool>,
    /// Sync option; with `!` before it, takes it away
    #[arg(long = "sync-option", value_name = "OPTION")]
    sync_options: Vec<String>,
    /// How many deliveries are remembered
    #[arg(long, value_name = "N")]
    revision_history_limit: Option<i64>,
    /// Read folders in folders
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true, action = ArgAction::Set)]
    directory_recurse: Option<bool>,
    /// Value file of a chart
    #[arg(long = "values", value_name = "FILE")]
    value_files: Vec<String>,
    /// Parameter of a chart, NAME=VALUE
    #[arg(short = 'p', long = "parameter", visible_alias = "helm-set", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// Name of the release of a chart
    #[arg(long, value_name = "NAME")]
    release_name: Option<String>,
    /// Image of a kustomization
    #[arg(long = "kustomize-image", value_name = "IMAGE")]
    images: Vec<String>,
    /// Prefix of names of a kustomization
    #[arg(long, value_name = "PREFIX")]
    nameprefix: Option<String>,
}

impl SpecFlags {
    /// Returns `spec` with what the flags say, and the paths of what they change.
    pub(super) fn apply(&self, spec: &mut Value) -> Result<Vec<String>, Failure> {
        let mut changed = Vec::new();
        let mut set = |pointer: &str, value: Value| {
            if put(spec, pointer, value) {
                changed.push(pointer.trim_start_matches('/').replace('/', "."));
            }
        };
        let texts = [
            ("/source/repoURL", &self.repo),
            ("/source/path", &self.path),
            ("/source/targetRevision", &self.revision),
            ("/source/chart", &self.helm_chart),
            ("/project", &self.project),
            ("/destination/server", &self.dest_server),
            ("/destination/name", &self.dest_name),
            ("/destination/namespace", &self.dest_namespace),
            ("/source/helm/releaseName", &self.release_name),
            ("/source/kustomize/namePrefix", &self.nameprefix),
        ];
        for (pointer, value) in texts {
            if let Some(value) = value {
                set(pointer, json!(value));
            }
        }
        if self.dest_server.is_some() {
            set("/destination/name", Value::Null);
        }
        if self.dest_name.is_some() {
            set("/destination/server", Value::Null);
        }
        if let Some(limit) = self.revision_history_limit {
            set("/revisionHistoryLimit", json!(limit));
        }
        if let Some(recurse) = self.directory_recurse {
            set("/source/directory/recurse", json!(recurse));
        }
        if !self.value_files.is_empty() {
            set("/source/helm/valueFiles", json!(self.value_files));
        }
        self.lists(spec, &mut changed)?;
        self.policy(spec, &mut changed)?;
        Ok(changed)
    }

    fn lists(&self, spec: &mut Value, changed: &mut Vec<String>) -> Result<(), Failure> {
        for text in &self.parameters {
            let (name, value) = text.split_once('=').ok_or_else(|| {
                Failure::usage(format!("expected helm parameter of the form: param=value, received: {text}"))
            })?;
            let mut list = list(spec, "/source/helm/parameters");
            list.retain(|one| one["name"] != name);
            list.push(json!({"name": name, "value": value}));
            put(spec, "/source/helm/parameters", json!(list));
            changed.push(format!("source.helm.parameters[{name}]"));
        }
        for image in &self.images {
            let base = |text: &str| {
                text.split(['=', '@']).next().map(|text| text.rsplit_once(':').map_or(text, |(a, _)| a).to_owned())
            };
            let mut list = list(spec, "/source/kustomize/images");
            list.retain(|one| base(one.as_str().unwrap_or_default()) != base(image));
            list.push(json!(image));
            put(spec, "/source/kustomize/images", json!(list));
            changed.push(format!("source.kustomize.images[{image}]"));
        }
        for option in &self.sync_options {
            let mut list = list(spec, "/syncPolicy/syncOptions");
            let (name, adds) = option.strip_prefix('!').map_or((option.as_str(), true), |name| (name, false));
            let key = |text: &str| text.split('=').next().unwrap_or_default().to_owned();
            list.retain(|one| key(one.as_str().unwrap_or_default()) != key(name));
            if adds {
                list.push(json!(name));
            }
            put(spec, "/syncPolicy/syncOptions", json!(list));
            changed.push(format!("syncPolicy.syncOptions[{option}]"));
        }
        Ok(())
    }

    fn policy(&self, spec: &mut Value, changed: &mut Vec<String>) -> Result<(), Failure> {
        let is_changed = match self.sync_policy.as_deref() {
            Some("none" | "manual") => put(spec, "/syncPolicy/automated", Value::Null),
            Some(_) if spec["syncPolicy"]["automated"].is_null() => put(spec, "/syncPolicy/automated", json!({})),
            _ => false,
        };
        if is_changed {
            changed.push("syncPolicy.automated".to_owned());
        }
        for (field, flag, value) in [
            ("prune", "--auto-prune", self.auto_prune),
            ("selfHeal", "--self-heal", self.self_heal),
            ("allowEmpty", "--allow-empty", self.allow_empty),
        ] {
            let Some(value) = value else { continue };
            if spec["syncPolicy"]["automated"].is_null() {
                return Err(Failure::usage(format!(
                    "cannot set {flag}: application not configured with automatic sync"
                )));
            }
            if put(spec, &format!("/syncPolicy/automated/{field}"), json!(value)) {
                changed.push(format!("syncPolicy.automated.{field}"));
            }
        }
        Ok(())
    }
}

fn list(spec: &Value, pointer: &str) -> Vec<Value> {
    spec.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default()
}

/// Puts a value where a pointer says, null takes it away; returns whether that changed anything.
fn put(spec: &mut Value, pointer: &str, value: Value) -> bool {
    let mut at = spec;
    let parts: Vec<&str> = pointer.trim_start_matches('/').split('/').collect();
    let Some((last, way)) = parts.split_last() else { return false };
    for part in way {
        if !at[*part].is_object() {
            if value.is_null() {
                return false;
            }
            at[*part] = Value::Object(Map::new());
        }
        at = &mut at[*part];
    }
    let Some(fields) = at.as_object_mut() else { return false };
    if value.is_null() {
        return fields.remove(*last).is_some();
    }
    fields.insert((*last).to_owned(), value.clone()) != Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_change_what_they_name_and_nothing_else() {
        let mut spec = json!({
            "project": "default",
            "source": {"repoURL": "a", "path": "p"},
            "destination": {"server": "s", "namespace": "n"},
            "syncPolicy": {"automated": {"prune": true}, "syncOptions": ["CreateNamespace=true"]},
        });
        let flags = SpecFlags {
            path: Some("q".to_owned()),
            repo: Some("a".to_owned()),
            dest_name: Some("edge".to_owned()),
            self_heal: Some(true),
            sync_options: vec!["CreateNamespace=false".to_owned(), "!Prune".to_owned()],
            parameters: vec!["a.b=c=d".to_owned()],
            ..SpecFlags::default()
        };
        let changed = flags.apply(&mut spec).unwrap();
        assert!(
            changed.contains(&"source.path".to_owned()) && !changed.contains(&"source.repoURL".to_owned()),
            "{changed:?}"
        );
        let expected = json!({
            "project": "default",
            "source": {"repoURL": "a", "path": "q", "helm": {"parameters": [{"name": "a.b", "value": "c=d"}]}},
            "destination": {"name": "edge", "namespace": "n"},
            "syncPolicy": {"automated": {"prune": true, "selfHeal": true}, "syncOptions": ["CreateNamespace=false"]},
        });
        assert_eq!(spec, expected);
        let manual = SpecFlags { sync_policy: Some("none".to_owned()), self_heal: Some(true), ..SpecFlags::default() };
        assert!(manual.apply(&mut spec).is_err(), "nothing heals itself where nothing syncs by itself");
    }
}
