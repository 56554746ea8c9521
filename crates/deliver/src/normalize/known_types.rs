//! Fields of custom resources that hold built-in types: the same value in another spelling is no difference.

use std::collections::BTreeMap;

use serde_json::Value;
use tiphys_machinery::{
    decode::{self, Target},
    go_duration, meta,
    quantity::Quantity,
    resource::Gvk,
    schema::{Schema, builtin_type},
};

use super::split_key;
use crate::{diff::null_lists, object::group};

/// A value that its type does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no {1}")]
pub struct TypeError(String, String);

#[derive(Debug, Clone)]
enum Type {
    Quantity,
    Duration,
    /// A type of `core/v1`, with its name.
    Core(String, std::sync::Arc<Schema>),
}

/// Which fields of which kinds hold which type.
#[derive(Debug, Clone)]
pub struct KnownTypes {
    fields: BTreeMap<(String, String), Vec<Known>>,
}

/// The path of a field and what it holds.
type Known = (Vec<String>, Type);

impl KnownTypes {
    /// Reads settings: key of the kind (`group/Kind`, or `Kind` of the core group), path with dots, type. Types that
    /// nobody knows are passed over.
    ///
    /// The pods of a Rollout are known unless Rollouts have settings of their own.
    #[must_use]
    pub fn new<'s>(settings: impl IntoIterator<Item = (&'s str, &'s str, &'s str)>) -> Self {
        let mut known = Self { fields: BTreeMap::new() };
        for (key, path, name) in settings {
            known.add(split_key(key), path, name);
        }
        let rollout = ("argoproj.io", "Rollout");
        if !known.fields.contains_key(&(rollout.0.to_owned(), rollout.1.to_owned())) {
            known.add(rollout, "spec.template.spec", "core/v1/PodSpec");
        }
        known
    }

    fn add(&mut self, (group, kind): (&str, &str), path: &str, name: &str) {
        let Some(ty) = type_of(name) else { return };
        let fields = self.fields.entry((group.to_owned(), kind.to_owned())).or_default();
        fields.push((path.split('.').map(str::to_owned).collect(), ty));
    }

    /// Writes the known fields of `object` as their types do.
    ///
    /// # Errors
    /// When a value does not fit; fields before it are changed.
    pub fn apply(&self, object: &mut Value) -> Result<(), TypeError> {
        let key = (group(object).to_owned(), meta::kind(object).to_owned());
        for (path, ty) in self.fields.get(&key).into_iter().flatten() {
            rewrite(object, path, ty)?;
        }
        Ok(())
    }
}

fn type_of(name: &str) -> Option<Type> {
    match name {
        "core/Quantity" => Some(Type::Quantity),
        "meta/v1/Duration" => Some(Type::Duration),
        name => {
            let name = name.strip_prefix("core/v1/")?;
            Some(Type::Core(name.to_owned(), core_type(name)?))
        }
    }
}

fn core_type(name: &str) -> Option<std::sync::Arc<Schema>> {
    match name {
        "ResourceList" => core_type("ResourceRequirements")?.field("limits").cloned(),
        name => builtin_type(&format!("core.v1.{name}")),
    }
}

/// Lists on the way are walked, their items that are no objects stay.
fn rewrite(value: &mut Value, path: &[String], ty: &Type) -> Result<(), TypeError> {
    let Some((first, rest)) = path.split_first() else {
        *value = canonical(value, ty)?;
        return Ok(());
    };
    let Some(child) = value.get_mut(first) else { return Ok(()) };
    match child {
        Value::Array(items) => {
            items.iter_mut().filter(|item| item.is_object()).try_for_each(|item| rewrite(item, rest, ty))
        }
        child => rewrite(child, rest, ty),
    }
}

fn canonical(value: &Value, ty: &Type) -> Result<Value, TypeError> {
    let wrong = |name: &str| TypeError(value.to_string(), name.to_owned());
    match ty {
        Type::Quantity if value.is_null() => Ok(Value::from("0")),
        Type::Quantity => {
            Quantity::from_json(value).map(|quantity| Value::from(quantity.to_string())).map_err(|_| wrong("quantity"))
        }
        Type::Duration => {
            let text = value.as_str().ok_or_else(|| wrong("duration"))?;
            let duration = go_duration::parse(text).map_err(|_| wrong("duration"))?;
            Ok(Value::from(go_duration::format(duration)))
        }
        Type::Core(name, schema) => {
            let gvk = Gvk::new("", "v1", name);
            let target = Target { gvk: &gvk, schema, custom: false };
            let (mut value, _) = decode::normalise(value.clone(), target).map_err(|_| wrong(name))?;
            null_lists(&mut value, schema);
            Ok(value)
        }
    }
}
