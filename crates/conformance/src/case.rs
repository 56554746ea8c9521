//! What the case files hold.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

/// A list of requests that is played in a namespace of its own.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The file that it is in, without folder.
    #[serde(skip)]
    pub file: String,
    /// A claim, unique among all cases.
    pub case: String,
    /// The requests, in order. The first one that is not answered as it should be ends the case.
    pub steps: Vec<Step>,
}

/// One request and what is known of its answer. `$name` stands for a saved value, `$ns` for the case's namespace.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Method and path with query, as `GET /api/v1/namespaces/$ns`.
    #[serde(rename = "do")]
    pub request: String,
    /// The body, sent as JSON.
    #[serde(default)]
    pub body: Option<Value>,
    /// The body as it is, instead of `body`.
    #[serde(default)]
    pub raw: Option<String>,
    /// Content type of the body.
    #[serde(default = "json", rename = "type")]
    pub content_type: String,
    /// What answers are accepted.
    #[serde(default = "json")]
    pub accept: String,
    /// The status code of the answer.
    pub status: u16,
    /// Values to keep for later steps: name to JSON pointer into the answer.
    #[serde(default)]
    pub save: BTreeMap<String, String>,
    /// Repeats the request until the answer has these values: JSON pointer to value; null stands for absent.
    #[serde(default)]
    pub until: BTreeMap<String, Value>,
    /// How many events of a watch to read; fewer come back where the stream ends or falls silent.
    #[serde(default)]
    pub take: Option<usize>,
    /// JSON pointers into the body: only what is there is compared. Empty: all of it.
    #[serde(default)]
    pub only: Vec<String>,
    /// Compares only the elements of the array at a pointer whose `key` is among `of`.
    #[serde(default)]
    pub elements: Option<Elements>,
}

/// A choice among the elements of an array, sorted by the key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Elements {
    /// JSON pointer to the array.
    pub at: String,
    /// Name of the field that tells elements apart.
    pub key: String,
    /// The elements to compare.
    pub of: Vec<String>,
}

fn json() -> String {
    "application/json".to_owned()
}

/// The folder of the case files in the source tree.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")
}

/// Reads all case files of a folder, in the order of their names.
pub fn load(folder: &Path) -> Result<Vec<Case>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("read folder {}", folder.display()))?;
    let mut files = entries.map(|e| Ok(e?.path())).collect::<Result<Vec<_>>>()?;
    files.retain(|f| f.extension().is_some_and(|e| e == "yaml"));
    files.sort();
    let mut cases: Vec<Case> = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
        // Otherwise a label called `y` would be a truth value.
        let options = serde_saphyr::options! { strict_booleans: true };
        let read: Vec<Case> =
            serde_saphyr::from_str_with_options(&text, options).with_context(|| format!("parse {}", file.display()))?;
        for mut case in read {
            case.file = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            ensure!(cases.iter().all(|c| c.case != case.case), "two cases are called {:?}", case.case);
            cases.push(case);
        }
    }
    Ok(cases)
}

impl Case {
    /// The namespace in which the case is played: its name with dashes, cut to what a namespace may be called.
    pub fn namespace(&self) -> String {
        let words = self.case.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
        let name = words.collect::<Vec<_>>().join("-").to_lowercase();
        name.chars().take(56).collect::<String>().trim_end_matches('-').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_file_is_understood() {
        let cases = load(&folder()).unwrap();
        assert!(cases.len() > 20, "{} cases", cases.len());
        let namespaces: std::collections::BTreeSet<_> = cases.iter().map(Case::namespace).collect();
        assert_eq!(namespaces.len(), cases.len(), "two cases share a namespace");
    }

    #[test]
    fn a_namespace_is_the_name_with_dashes() {
        let case = Case { file: String::new(), case: "PUT, stale: it's a Conflict!".to_owned(), steps: vec![] };
        assert_eq!(case.namespace(), "put-stale-it-s-a-conflict");
    }
}
