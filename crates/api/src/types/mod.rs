//! The custom resources as types.
//!
//! Every field of upstream's types is here, under upstream's names. Three rules hold for all of them and are stated once,
//! in `api_types!`:
//!
//! - a missing field and a `null` both mean the empty value;
//! - an empty value is not written, except for fields that the CRD requires;
//! - text fields with a fixed vocabulary (phases, reasons) stay text, so that a word nobody knows yet is kept.

mod analysis;
mod analysis_run;
mod app_project;
mod application;
mod application_source;
mod application_status;
mod experiment;
mod provider;
mod resource;
mod rollout;
mod status;
mod step;
mod strategy;
mod traffic;

pub use analysis::*;
pub use analysis_run::*;
pub use app_project::*;
pub use application::*;
pub use application_source::*;
pub use application_status::*;
pub use experiment::*;
pub use k8s_openapi::{
    api::core::v1::PodTemplateSpec,
    apimachinery::pkg::{
        apis::meta::v1::{LabelSelector, ObjectMeta, Time},
        util::intstr::IntOrString,
    },
};
pub use provider::*;
pub use resource::*;
pub use rollout::*;
pub use status::*;
pub use step::*;
pub use strategy::*;
pub use traffic::*;

use serde::{Deserialize, Deserializer};

/// Declares structs of the API: `name: Type` is an optional field, `name!: Type` one that the CRD requires, `name?: Type`
/// one that lives in memory only.
macro_rules! api_types {
    ($($(#[$meta:meta])* $name:ident { $($field:tt)* })*) => {
        $( $crate::types::api_fields! { [$(#[$meta])*] $name [] $($field)* } )*
    };
}

/// Turns the fields of one struct of [`api_types!`] into Rust, one at a time.
macro_rules! api_fields {
    ([$($meta:tt)*] $name:ident [$($done:tt)*]) => {
        $($meta)*
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "camelCase")]
        pub struct $name { $($done)* }
    };
    ([$($meta:tt)*] $name:ident [$($done:tt)*] $(#[$doc:meta])* $field:ident ! : $ty:ty, $($rest:tt)*) => {
        $crate::types::api_fields! { [$($meta)*] $name [$($done)*
            $(#[$doc])*
            #[serde(default, deserialize_with = "crate::types::null_is_empty")]
            #[schemars(extend("x-required" = true))]
            pub $field: $ty,
        ] $($rest)* }
    };
    ([$($meta:tt)*] $name:ident [$($done:tt)*] $(#[$doc:meta])* $field:ident ? : $ty:ty, $($rest:tt)*) => {
        $crate::types::api_fields! { [$($meta)*] $name [$($done)* $(#[$doc])* #[serde(skip)] pub $field: $ty,] $($rest)* }
    };
    ([$($meta:tt)*] $name:ident [$($done:tt)*] $(#[$doc:meta])* $field:ident : $ty:ty, $($rest:tt)*) => {
        $crate::types::api_fields! { [$($meta)*] $name [$($done)*
            $(#[$doc])*
            #[serde(
                default,
                deserialize_with = "crate::types::null_is_empty",
                skip_serializing_if = "crate::types::is_empty"
            )]
            pub $field: $ty,
        ] $($rest)* }
    };
}

pub(crate) use api_fields;
pub(crate) use api_types;

/// Reads a value, taking `null` for the empty one.
pub(crate) fn null_is_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Returns whether `value` is the empty value of its type.
pub(crate) fn is_empty<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
