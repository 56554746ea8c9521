//! Label and field selectors: parsing, matching and printing as the Kubernetes API does.

mod fields;
mod labels;
mod lexer;

pub use fields::{FieldSelector, FieldTerm};
pub use labels::{LabelSelector, Operator, Requirement, SelectorError};
