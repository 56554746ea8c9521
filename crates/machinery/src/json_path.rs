//! The JSONPath of printer columns and of `kubectl`: fields, indexes, slices, wildcards, recursive descent and filters.
//!
//! Missing keys find nothing. Not supported: unions of several indexes, functions, regular expressions.

use std::cmp::Ordering;

use serde_json::Value;

/// Why a text is no path that is understood here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unrecognized path {0:?}")]
pub struct ParsePathError(String);

/// A parsed path.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonPath {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Field(String),
    Index(i64),
    Slice(Option<i64>, Option<i64>),
    Each,
    Descend,
    Filter(Filter),
}

#[derive(Debug, Clone, PartialEq)]
struct Filter {
    path: JsonPath,
    test: Option<(Comparison, Value)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl JsonPath {
    /// Parses a path such as `.status.conditions[?(@.type=="Ready")].status`; braces around it are allowed.
    ///
    /// # Errors
    /// For texts that are not understood.
    pub fn parse(text: &str) -> Result<Self, ParsePathError> {
        let inner = text.trim();
        let inner = inner.strip_prefix('{').and_then(|t| t.strip_suffix('}')).unwrap_or(inner);
        let inner = inner.strip_prefix(['$', '@']).unwrap_or(inner);
        let steps = steps(inner).ok_or_else(|| ParsePathError(text.to_owned()))?;
        Ok(Self { steps })
    }

    /// Returns everything that the path finds, in document order.
    #[must_use]
    pub fn find<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        let mut found = vec![value];
        for step in &self.steps {
            found = found.into_iter().flat_map(|value| step.apply(value)).collect();
        }
        found
    }

    /// Returns the first thing that the path finds.
    #[must_use]
    pub fn first<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.find(value).into_iter().next()
    }
}

impl Step {
    fn apply<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        match self {
            Self::Field(name) => value.get(name).into_iter().collect(),
            Self::Index(index) => at(value, *index).into_iter().collect(),
            Self::Slice(start, end) => slice(value, *start, *end),
            Self::Each => children(value),
            Self::Descend => descendants(value),
            Self::Filter(filter) => children(value).into_iter().filter(|item| filter.accepts(item)).collect(),
        }
    }
}

impl Filter {
    fn accepts(&self, item: &Value) -> bool {
        let Some(found) = self.path.first(item) else { return false };
        let Some((comparison, expected)) = &self.test else { return true };
        let order = order(found, expected);
        match comparison {
            Comparison::Equal => order == Some(Ordering::Equal),
            Comparison::NotEqual => order != Some(Ordering::Equal),
            Comparison::Less => order == Some(Ordering::Less),
            Comparison::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Comparison::Greater => order == Some(Ordering::Greater),
            Comparison::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        }
    }
}

fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Number(a), Value::Number(b)) => a.as_f64()?.partial_cmp(&b.as_f64()?),
        _ => (a == b).then_some(Ordering::Equal),
    }
}

fn at(value: &Value, index: i64) -> Option<&Value> {
    let items = value.as_array()?;
    let length = i64::try_from(items.len()).ok()?;
    items.get(usize::try_from(if index < 0 { index + length } else { index }).ok()?)
}

fn slice(value: &Value, start: Option<i64>, end: Option<i64>) -> Vec<&Value> {
    let Some(items) = value.as_array() else { return Vec::new() };
    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let place = |index: i64| usize::try_from(if index < 0 { index + length } else { index }.clamp(0, length));
    match (place(start.unwrap_or(0)), place(end.unwrap_or(length))) {
        (Ok(start), Ok(end)) if start < end => items[start..end].iter().collect(),
        _ => Vec::new(),
    }
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        _ => Vec::new(),
    }
}

fn descendants(value: &Value) -> Vec<&Value> {
    let mut all = vec![value];
    for child in children(value) {
        all.extend(descendants(child));
    }
    all
}

/// Parses what follows the root.
fn steps(mut rest: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let end = closing_bracket(after)?;
            steps.push(bracket(after[..end].trim())?);
            rest = &after[end + 1..];
        } else if let Some(after) = rest.strip_prefix("..") {
            steps.push(Step::Descend);
            rest = if after.starts_with('[') { after } else { field(after, &mut steps)? };
        } else {
            let after = rest.strip_prefix('.').unwrap_or(rest);
            rest = if after.is_empty() || after.starts_with('[') { after } else { field(after, &mut steps)? };
        }
    }
    Some(steps)
}

/// Reads a field name up to the next dot or bracket; a backslash takes the next character as it is.
fn field<'t>(text: &'t str, steps: &mut Vec<Step>) -> Option<&'t str> {
    let mut name = String::new();
    let mut chars = text.char_indices();
    let mut end = text.len();
    while let Some((i, c)) = chars.next() {
        match c {
            '\\' => name.push(chars.next()?.1),
            '.' | '[' => {
                end = i;
                break;
            }
            c => name.push(c),
        }
    }
    steps.push(if name == "*" { Step::Each } else { Step::Field(name) });
    Some(&text[end..])
}

/// Returns where the bracket that was opened before `text` closes; brackets inside quotes do not count.
fn closing_bracket(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0usize, None);
    for (i, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') if depth == 0 => return Some(i),
            (None, ']') => depth -= 1,
            _ => {}
        }
    }
    None
}

fn bracket(text: &str) -> Option<Step> {
    if text == "*" {
        return Some(Step::Each);
    }
    if let Some(condition) = text.strip_prefix("?(").and_then(|t| t.strip_suffix(')')) {
        return filter(condition).map(Step::Filter);
    }
    if let Some(name) = unquoted(text) {
        return Some(Step::Field(name));
    }
    if let Some((start, end)) = text.split_once(':') {
        let bound = |text: &str| if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) };
        return Some(Step::Slice(bound(start.trim())?, bound(end.trim())?));
    }
    text.parse().ok().map(Step::Index)
}

fn filter(text: &str) -> Option<Filter> {
    let operators = [
        ("==", Comparison::Equal),
        ("!=", Comparison::NotEqual),
        ("<=", Comparison::LessOrEqual),
        (">=", Comparison::GreaterOrEqual),
        ("<", Comparison::Less),
        (">", Comparison::Greater),
    ];
    let found = operators.iter().find_map(|(sign, comparison)| Some((text.split_once(sign)?, *comparison)));
    let Some(((path, literal), comparison)) = found else {
        return Some(Filter { path: JsonPath::parse(text).ok()?, test: None });
    };
    let literal = literal.trim();
    let expected = match unquoted(literal) {
        Some(text) => Value::String(text),
        None => serde_json::from_str(literal).ok()?,
    };
    Some(Filter { path: JsonPath::parse(path.trim()).ok()?, test: Some((comparison, expected)) })
}

fn unquoted(text: &str) -> Option<String> {
    let inner = ['\'', '"'].into_iter().find_map(|q| text.strip_prefix(q)?.strip_suffix(q))?;
    Some(inner.replace("\\'", "'").replace("\\\"", "\""))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(path: &str, expected: &Value) {
        let value = json!({
            "spec": {"replicas": 3, "list": [{"n": 1}, {"n": 2}, {"n": 3}]},
            "metadata": {"labels": {"a.b/c": "x"}},
            "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Other]", "status": "False"}]},
        });
        let found: Value = JsonPath::parse(path).unwrap().find(&value).into_iter().cloned().collect();
        assert_eq!(&found, expected, "{path}");
    }

    #[test]
    fn paths_find_what_kubectl_finds() {
        check(".spec.replicas", &json!([3]));
        check("{.spec.replicas}", &json!([3]));
        check("spec.replicas", &json!([3]));
        check(".spec.none.deeper", &json!([]));
        check(".spec.list[0].n", &json!([1]));
        check(".spec.list[-1].n", &json!([3]));
        check(".spec.list[*].n", &json!([1, 2, 3]));
        check(".spec.list[1:].n", &json!([2, 3]));
        check(".spec.list[?(@.n>=2)].n", &json!([2, 3]));
        check(".status.conditions[?(@.type==\"Ready\")].status", &json!(["True"]));
        check(".status.conditions[?(@.type=='Other]')].status", &json!(["False"]));
        check(".metadata.labels.a\\.b/c", &json!(["x"]));
        check(".metadata.labels['a.b/c']", &json!(["x"]));
        check("..n", &json!([1, 2, 3]));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [".a[", ".a[x]", ".a[?(@.b==c)]", ".a\\"] {
            assert!(JsonPath::parse(text).is_err(), "{text}");
        }
    }
}
