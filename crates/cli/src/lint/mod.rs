//! Checking manifests before they are applied: what they say, what they refer to, and where in the file.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`source`] | files, folders and standard input |
//! | [`located`] | documents that know the line of each field |
//! | [`fields`] | fields that no schema knows |
//! | [`references`] | what Rollouts refer to, in the same manifests or in a cluster |

mod fields;
mod located;
mod references;
mod source;

use std::fmt;

use serde::Serialize;
use serde_json::Value;
use tiphys_api::{
    AnalysisRun, AnalysisTemplate, ClusterAnalysisTemplate, Experiment, Problem, Rollout, Stored, decode,
    types::API_VERSION, validation,
};

use self::{located::Document, references::Referred};
pub(crate) use self::{
    references::{Absent, Known},
    source::{Source, read},
};

/// Something wrong in a manifest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Finding {
    /// The file; `-` is standard input.
    pub(crate) file: String,
    /// The line; 0 where it is not known.
    pub(crate) line: usize,
    /// Kind and name of the object.
    pub(crate) object: String,
    /// The field; may be empty.
    pub(crate) field: String,
    /// What is wrong with it.
    pub(crate) message: String,
}

/// What came of a check.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// How many objects of our kinds were looked at.
    pub(crate) checked: usize,
    /// What is wrong, in the order of files and lines.
    pub(crate) findings: Vec<Finding>,
    /// What is referred to and is not in the manifests; nothing is said about it.
    pub(crate) absent: Vec<Absent>,
}

/// An object in a manifest.
struct Object {
    file: String,
    document: Document,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        for part in [&self.object, &self.field].into_iter().filter(|part| !part.is_empty()) {
            write!(f, ": {part}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl Object {
    fn value(&self) -> &Value {
        &self.document.value
    }

    fn kind(&self) -> &str {
        self.value()["kind"].as_str().unwrap_or_default()
    }

    fn is_ours(&self) -> bool {
        self.value()["apiVersion"] == API_VERSION
    }

    fn name(&self) -> &str {
        self.value()["metadata"]["name"].as_str().unwrap_or_default()
    }

    fn finding(&self, field: &str, message: impl Into<String>) -> Finding {
        let object = match (self.kind(), self.name()) {
            ("", _) => String::new(),
            (kind, "") => kind.to_owned(),
            (kind, name) => format!("{kind} \"{name}\""),
        };
        let line = self.document.line(field);
        Finding { file: self.file.clone(), line, object, field: field.to_owned(), message: message.into() }
    }
}

/// Checks manifests. What they refer to is looked for in them, then in `known`.
pub(crate) fn check(sources: &[Source], known: &Known) -> Report {
    let mut report = Report::default();
    let mut objects = Vec::new();
    for source in sources {
        match located::documents(&source.text) {
            Ok(documents) => {
                objects.extend(documents.into_iter().map(|document| Object { file: source.name.clone(), document }));
            }
            Err(wrong) => report.findings.push(Finding {
                file: source.name.clone(),
                line: wrong.line,
                object: String::new(),
                field: String::new(),
                message: format!("no valid YAML: {}", wrong.message),
            }),
        }
    }
    let referred = Referred::new(&objects, known);
    for object in &objects {
        check_object(object, &referred, &mut report);
    }
    report.findings.sort();
    report.findings.dedup();
    report.absent.sort();
    report.absent.dedup();
    report
}

/// Returns the objects in a text; none where it is no YAML.
pub(crate) fn objects(source: &Source) -> Vec<Value> {
    located::documents(&source.text).into_iter().flatten().map(|document| document.value).collect()
}

fn check_object(object: &Object, referred: &Referred<'_>, report: &mut Report) {
    if object.kind().is_empty() {
        report.findings.push(object.finding("kind", "Required value: every document needs a kind"));
    }
    let Some(problems) = problems(object) else { return };
    report.checked += 1;
    let unknown = fields::unknown(object.value()).into_iter().map(|(field, message)| object.finding(&field, message));
    report.findings.extend(unknown);
    report.findings.extend(problems.iter().map(|problem| object.finding(&problem.path, problem.message.as_str())));
    // A field that was dropped makes others look wrong.
    if object.kind() != "Rollout" || !problems.is_empty() {
        return;
    }
    let mut rollout = Stored::<Rollout>::new(object.value().clone()).typed;
    report.findings.extend(referred.resolve(object, &mut rollout, &mut report.absent));
    let mut causes = validation::validate(&rollout);
    // References of a spec that is wrong may be wrong for that reason.
    if causes.is_empty() {
        causes = referred.validate(object, &rollout, &mut report.absent);
    }
    report.findings.extend(causes.iter().map(|cause| object.finding(&cause.field, cause.message.as_str())));
}

/// What does not fit the type of an object of ours; `None` for any other kind.
fn problems(object: &Object) -> Option<Vec<Problem>> {
    let value = || object.value().clone();
    if !object.is_ours() {
        return None;
    }
    Some(match object.kind() {
        "Rollout" => decode::<Rollout>(value()).problems,
        "AnalysisTemplate" => decode::<AnalysisTemplate>(value()).problems,
        "ClusterAnalysisTemplate" => decode::<ClusterAnalysisTemplate>(value()).problems,
        "AnalysisRun" => decode::<AnalysisRun>(value()).problems,
        "Experiment" => decode::<Experiment>(value()).problems,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
