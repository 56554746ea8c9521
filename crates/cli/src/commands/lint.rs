//! `lint`: check manifests without a cluster.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;
use tiphys_api::{Rollout, Stored, types::API_VERSION, validation};

use crate::{error::Failure, printer::Printer};

/// Checks manifests without a cluster.
#[derive(Debug, Args)]
pub(crate) struct Lint {
    /// File with one or more YAML documents, or JSON
    #[arg(short, long, required = true, value_name = "FILE")]
    filename: Vec<PathBuf>,
}

impl Lint {
    pub(crate) fn run(self, printer: Printer) -> Result<(), Failure> {
        let mut first = None;
        for path in &self.filename {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Failure::new(format!("{} cannot be read", path.display())).caused_by(error))?;
            let problems = problems(&text)
                .map_err(|error| Failure::new(format!("{} is no YAML", path.display())).caused_by(error))?;
            for problem in problems {
                printer.line(&problem)?;
                first.get_or_insert(problem);
            }
        }
        first.map_or(Ok(()), |problem| Err(Failure::new(problem)))
    }
}

/// Returns what is wrong with the Rollouts in the documents.
fn problems(text: &str) -> Result<Vec<String>, serde_saphyr::Error> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text)?;
    let mut problems = Vec::new();
    for document in documents.into_iter().filter(|document| !document.is_null()) {
        if document["kind"] != "Rollout" || document["apiVersion"] != API_VERSION {
            if document["kind"].as_str().is_none_or(str::is_empty) {
                problems.push("kind: Required value: every document needs a kind".to_owned());
            }
            continue;
        }
        let stored: Stored<Rollout> = Stored::new(document);
        problems.extend(stored.problems.iter().map(ToString::to_string));
        problems.extend(validation::validate(&stored.typed).iter().map(validation::error_text));
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_of_all_documents_are_found() {
        let text = "apiVersion: v1\nkind: Service\n---\napiVersion: argoproj.io/v1alpha1\nkind: Rollout\nspec:\n  replicas: -1\n";
        let found = problems(text).unwrap();
        assert!(found.iter().any(|problem| problem.starts_with("spec.replicas: Invalid value: -1")), "{found:?}");
        assert_eq!(problems("---\nkind: Service\n").unwrap(), Vec::<String>::new());
        assert_eq!(problems("a: 1\n").unwrap().len(), 1);
    }
}
