//! Labels and the selectors over them, in the compact form the caches keep.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};

/// Labels of one object, sorted by key. Cloning is cheap, so objects of one template share theirs.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Labels(Arc<[(Box<str>, Box<str>)]>);

impl Labels {
    /// Returns the value of `key`.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(k, _)| (**k).cmp(key)).ok()?;
        self.0.get(at).map(|(_, value)| &**value)
    }

    /// Returns whether anyone but the caller holds these labels.
    pub(crate) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// Returns the pairs in key order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }
}

impl From<BTreeMap<String, String>> for Labels {
    fn from(map: BTreeMap<String, String>) -> Self {
        Self(map.into_iter().map(|(k, v)| (k.into_boxed_str(), v.into_boxed_str())).collect())
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<BTreeMap<String, String>>::deserialize(deserializer)?.unwrap_or_default().into())
    }
}

/// A compiled label selector. The default selects nothing, as an absent `LabelSelector` does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selector(Option<Vec<Requirement>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Equals(String),
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
    /// An operator this program does not know: never true, so that nothing is claimed by mistake.
    Unknown,
}

impl Selector {
    /// Returns the selector of a plain map, as Services have it; an empty one selects nothing.
    pub(crate) fn from_map(map: &BTreeMap<String, String>) -> Self {
        if map.is_empty() {
            return Self::default();
        }
        Self(Some(map.iter().map(|(k, v)| Requirement { key: k.clone(), test: Test::Equals(v.clone()) }).collect()))
    }

    /// Returns whether `labels` satisfy every requirement.
    pub(crate) fn matches(&self, labels: &Labels) -> bool {
        self.0.as_ref().is_some_and(|all| all.iter().all(|requirement| requirement.holds(labels)))
    }

    /// Returns whether there is no requirement: nothing selected, or everything.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(Vec::is_empty)
    }
}

impl Requirement {
    fn holds(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        let listed = |list: &[String]| value.is_some_and(|v| list.iter().any(|item| item == v));
        match &self.test {
            Test::Equals(wanted) => value == Some(wanted.as_str()),
            Test::In(list) => listed(list),
            Test::NotIn(list) => !listed(list),
            Test::Exists => value.is_some(),
            Test::DoesNotExist => value.is_none(),
            Test::Unknown => false,
        }
    }
}

/// The text form of list queries: `a=b,c in (d,e),!f`.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, Requirement { key, test }) in self.0.iter().flatten().enumerate() {
            if n > 0 {
                f.write_str(",")?;
            }
            match test {
                Test::Equals(value) => write!(f, "{key}={value}")?,
                Test::In(list) => write!(f, "{key} in ({})", list.join(","))?,
                Test::NotIn(list) => write!(f, "{key} notin ({})", list.join(","))?,
                Test::Exists => f.write_str(key)?,
                Test::DoesNotExist => write!(f, "!{key}")?,
                Test::Unknown => write!(f, "{key}?")?,
            }
        }
        Ok(())
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SelectorObject {
    match_labels: Option<BTreeMap<String, String>>,
    match_expressions: Option<Vec<Expression>>,
}

#[derive(Deserialize)]
struct Expression {
    key: String,
    operator: String,
    #[serde(default)]
    values: Option<Vec<String>>,
}

impl<'de> Deserialize<'de> for Selector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(object) = Option::<SelectorObject>::deserialize(deserializer)? else { return Ok(Self::default()) };
        let equal = object.match_labels.unwrap_or_default().into_iter();
        let mut all: Vec<Requirement> =
            equal.map(|(key, value)| Requirement { key, test: Test::Equals(value) }).collect();
        all.extend(object.match_expressions.unwrap_or_default().into_iter().map(Expression::compile));
        Ok(Self(Some(all)))
    }
}

impl Expression {
    fn compile(self) -> Requirement {
        let values = self.values.unwrap_or_default();
        let test = match self.operator.as_str() {
            "In" => Test::In(values),
            "NotIn" => Test::NotIn(values),
            "Exists" => Test::Exists,
            "DoesNotExist" => Test::DoesNotExist,
            _ => Test::Unknown,
        };
        Requirement { key: self.key, test }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<BTreeMap<_, _>>().into()
    }

    #[track_caller]
    fn check(selector: Value, matched: &[&[(&str, &str)]], unmatched: &[&[(&str, &str)]], text: &str) {
        let selector: Selector = serde_json::from_value(selector).unwrap();
        for pairs in matched {
            assert!(selector.matches(&labels(pairs)), "{selector} should match {pairs:?}");
        }
        for pairs in unmatched {
            assert!(!selector.matches(&labels(pairs)), "{selector} should not match {pairs:?}");
        }
        assert_eq!(selector.to_string(), text);
    }

    #[test]
    fn selectors_match_as_the_api_defines() {
        let (app, other): (&[_], &[_]) = (&[("app", "a"), ("x", "1")], &[("app", "b")]);
        check(json!(null), &[], &[&[], app], "");
        check(json!({}), &[&[], app], &[], "");
        check(json!({"matchLabels": {"app": "a"}}), &[app], &[other, &[]], "app=a");
        let expr =
            |op: &str, values: Value| json!({"matchExpressions": [{"key": "app", "operator": op, "values": values}]});
        check(expr("In", json!(["a", "c"])), &[app], &[other, &[]], "app in (a,c)");
        check(expr("NotIn", json!(["a"])), &[other, &[]], &[app], "app notin (a)");
        check(expr("Exists", json!(null)), &[app, other], &[&[]], "app");
        check(expr("DoesNotExist", json!(null)), &[&[]], &[app, other], "!app");
        check(expr("Near", json!(null)), &[], &[&[], app], "app?");
    }

    #[test]
    fn an_empty_map_selects_nothing() {
        assert!(!Selector::from_map(&BTreeMap::new()).matches(&labels(&[])));
    }
}
