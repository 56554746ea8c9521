//! Upstream's answers: every row of a file is compared, except those that are listed with their reason.

mod analysis_args;
mod analysis_assess;
mod expr;

pub(crate) use tiphys_vectors::{lines as rows, report};
