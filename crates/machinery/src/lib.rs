//! Kubernetes API machinery as pure functions over JSON: what a kube-apiserver does between a request's body and its
//! store. No I/O, no clock, no randomness: what a function needs is an argument.
//!
//! | module | what it answers |
//! | --- | --- |
//! | [`admission`] | what admission plugins set in new objects |
//! | [`apply`] | server-side apply and `managedFields`: who owns which field |
//! | [`cel`] | the Common Expression Language, for the rules of custom resources |
//! | [`cron`] | schedules of cron, and when they come round |
//! | [`decode`] | a request's body as an object: types, unknown fields, the form in which built-in kinds are kept |
//! | [`defaults`] | what is filled into objects of built-in kinds |
//! | [`error`] | the `Status` errors of the API, with the texts that clients match on |
//! | [`field`] | paths and validation errors |
//! | [`openapi`] | OpenAPI documents, v2 and v3 |
//! | [`patch`] | JSON patch, merge patch, strategic merge patch: applying and making them |
//! | [`go_duration`] | durations as Go writes them |
//! | [`glob`] | patterns of names as shells know them |
//! | [`meta`] | reading and changing objects: metadata, owners, conditions, equality |
//! | [`json_path`] | JSONPath of printer columns |
//! | [`names`] | what may be called what: names, labels, annotations, owner references |
//! | [`pod_template`] | the defaults of pod templates, and what is wrong with one |
//! | [`proto`] | protobuf bodies of built-in kinds as JSON objects |
//! | [`quantity`] | resource quantities: canonical text, comparison, sums |
//! | [`resource`] | which resources exist and how each behaves (scope, verbs, subresources, generation, deletion) |
//! | [`selector`] | label and field selectors |
//! | [`strategy`] | what a write decides by kind: status, generation, selectors, addresses |
//! | [`table`] | tables for `kubectl get`: columns and cells of every kind |
//! | [`time`] | times and ages as the API writes them |
//! | [`schema`] | the structural schema of built-in kinds and of custom resources |
//! | [`validate`] | what is refused in objects of built-in kinds |
//! | [`view`] | one object in several views: versions, metadata alone, scale |
//!
//! Deliberately absent: storage, HTTP, controllers (crate `sandbox`); anything about `argoproj.io` (crate `api`).

pub mod admission;
pub mod apply;
pub mod cel;
pub mod cron;
pub mod decode;
pub mod defaults;
pub mod error;
pub mod field;
pub mod glob;
pub mod go_duration;
mod go_text;
pub mod json_path;
pub mod meta;
pub mod names;
pub mod openapi;
pub mod patch;
pub mod pod_template;
pub mod proto;
pub mod quantity;
pub mod resource;
pub mod schema;
pub mod selector;
pub mod strategy;
pub mod table;
pub mod time;
pub mod validate;
pub mod view;
