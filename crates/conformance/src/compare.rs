//! Where two answers differ, and which of these differences are known.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

/// A place where two answers differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// JSON pointer into the answer.
    pub at: String,
    /// What the reference answered there; nothing if absent.
    pub reference: Option<Value>,
    /// What the other server answered there; nothing if absent.
    pub subject: Option<Value>,
}

/// All places where two values differ, in order.
pub fn differences(reference: &Value, subject: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    collect("", Some(reference), Some(subject), &mut found);
    found
}

fn collect(at: &str, reference: Option<&Value>, subject: Option<&Value>, found: &mut Vec<Difference>) {
    match (reference, subject) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            for key in a.keys().chain(b.keys()).collect::<BTreeSet<_>>() {
                let escaped = key.replace('~', "~0").replace('/', "~1");
                collect(&format!("{at}/{escaped}"), a.get(key), b.get(key), found);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            for index in 0..a.len().max(b.len()) {
                collect(&format!("{at}/{index}"), a.get(index), b.get(index), found);
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push(Difference { at: at.to_owned(), reference: a.cloned(), subject: b.cloned() }),
    }
}

/// A difference that is meant to be.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Name of the case; `*` for all.
    pub case: String,
    /// Number of the step, from 1; all steps if absent.
    #[serde(default)]
    pub step: Option<usize>,
    /// JSON pointer; a segment `*` stands for any one, a last segment `**` for any number.
    pub at: String,
    /// Why it is meant to be.
    pub reason: String,
}

/// The known differences, and which of them have been met.
#[derive(Debug, Default)]
pub struct KnownDifferences {
    known: Vec<Known>,
    met: BTreeSet<usize>,
}

impl KnownDifferences {
    /// Reads the list from a file.
    pub fn load(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
        let known = serde_saphyr::from_str(&text).with_context(|| format!("parse {}", file.display()))?;
        Ok(Self { known, met: BTreeSet::new() })
    }

    /// True for a difference that is on the list, which is remembered.
    pub fn explains(&mut self, case: &str, step: usize, at: &str) -> bool {
        let covers = |known: &Known| {
            (known.case == "*" || known.case == case) && known.step.is_none_or(|s| s == step) && matches(&known.at, at)
        };
        let Some(index) = self.known.iter().position(covers) else { return false };
        self.met.insert(index);
        true
    }

    /// Entries of the list that no difference has met.
    pub fn stale(&self) -> impl Iterator<Item = &Known> {
        self.known.iter().enumerate().filter(|(index, _)| !self.met.contains(index)).map(|(_, known)| known)
    }
}

fn matches(pattern: &str, at: &str) -> bool {
    let mut places = at.split('/');
    for part in pattern.split('/') {
        if part == "**" {
            return true;
        }
        match places.next() {
            Some(place) if part == "*" || part == place => {}
            _ => return false,
        }
    }
    places.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn differences_are_found_where_they_are() {
        let a = json!({"a": {"b/c": 1}, "l": [1, 2], "same": 1});
        let b = json!({"a": {"b/c": 2}, "l": [1], "same": 1, "more": null});
        let found = differences(&a, &b);
        let places: Vec<_> = found.iter().map(|d| d.at.as_str()).collect();
        assert_eq!(places, ["/a/b~1c", "/l/1", "/more"]);
        assert_eq!((&found[1].reference, &found[1].subject), (&Some(json!(2)), &None));
        assert_eq!(differences(&a, &a), []);
    }

    #[test]
    fn patterns_cover_places() {
        let table = [
            ("/body/a", "/body/a", true),
            ("/body/*/a", "/body/0/a", true),
            ("/body/*/a", "/body/a", false),
            ("/body/**", "/body/x/y", true),
            ("/body/**", "/body", true),
            ("/body", "/body/x", false),
        ];
        for (pattern, at, wanted) in table {
            assert_eq!(matches(pattern, at), wanted, "{pattern} {at}");
        }
    }

    #[test]
    fn an_entry_is_stale_until_it_is_met() {
        let known = Known { case: "*".into(), step: Some(2), at: "/type/**".into(), reason: "r".into() };
        let mut list = KnownDifferences { known: vec![known], met: BTreeSet::new() };
        assert!(!list.explains("c", 1, "/type/0"));
        assert_eq!(list.stale().count(), 1);
        assert!(list.explains("c", 2, "/type/0"));
        assert_eq!(list.stale().count(), 0);
    }
}
