//! Label selectors in their string form and as `LabelSelector` objects.

use serde_json::Value;

use super::lexer::{Token, tokens};
use crate::{field::Path, names};

/// Why a text or object is not a selector; the text is the API's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SelectorError(pub String);

/// How a requirement compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `k=v` (also `k==v`, which prints with two signs upstream too).
    Equals,
    /// `k==v`.
    DoubleEquals,
    /// `k!=v`: also true without `k`.
    NotEquals,
    /// `k in (a,b)`.
    In,
    /// `k notin (a,b)`: also true without `k`.
    NotIn,
    /// `k`.
    Exists,
    /// `!k`.
    DoesNotExist,
    /// `k>1`.
    GreaterThan,
    /// `k<1`.
    LessThan,
}

/// One condition on one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// Label key.
    pub key: String,
    /// Comparison.
    pub operator: Operator,
    /// Values, sorted and without duplicates.
    pub values: Vec<String>,
}

/// Conditions that all must hold, sorted by key. Without conditions it selects everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LabelSelector {
    requirements: Vec<Requirement>,
    nothing: bool,
}

impl LabelSelector {
    /// Parses the string form, as in the query parameter `labelSelector`.
    ///
    /// # Errors
    /// With the API's text for it, such as `unable to parse requirement: found '', expected: …`.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let mut parser = Parser { tokens: tokens(text), position: 0 };
        let mut requirements = parser.requirements()?;
        requirements.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Self { requirements, nothing: false })
    }

    /// Reads a `LabelSelector` object (`matchLabels`, `matchExpressions`): `null` or absent selects nothing, an empty
    /// object everything.
    ///
    /// # Errors
    /// If an operator is unknown, or its values do not fit.
    pub fn from_object(selector: &Value) -> Result<Self, SelectorError> {
        let Some(object) = selector.as_object() else { return Ok(Self::nothing()) };
        let mut requirements = equalities(object.get("matchLabels"));
        for expression in object.get("matchExpressions").and_then(Value::as_array).into_iter().flatten() {
            requirements.push(requirement_of(expression)?);
        }
        requirements.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Self { requirements, nothing: false })
    }

    /// Reads a plain map of labels, as in `spec.selector` of a Service; an empty or absent map selects everything.
    #[must_use]
    pub fn from_map(labels: &Value) -> Self {
        Self { requirements: equalities(Some(labels)), nothing: false }
    }

    /// Returns a selector that selects nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self { requirements: Vec::new(), nothing: true }
    }

    /// Returns whether every object is selected.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        !self.nothing && self.requirements.is_empty()
    }

    /// Returns the conditions, sorted by key.
    #[must_use]
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Returns whether an object with `metadata.labels` = `labels` (a JSON map, or `null`) is selected.
    #[must_use]
    pub fn matches(&self, labels: &Value) -> bool {
        !self.nothing && self.requirements.iter().all(|r| r.matches(labels))
    }

    /// Returns whether `object` is selected by its labels.
    #[must_use]
    pub fn selects(&self, object: &Value) -> bool {
        self.matches(&object["metadata"]["labels"])
    }
}

impl std::fmt::Display for LabelSelector {
    /// Prints the string form: `a=b,c in (d,e)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, requirement) in self.requirements.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            requirement.fmt(f)?;
        }
        Ok(())
    }
}

impl Requirement {
    /// Returns whether `labels` fulfil the requirement.
    #[must_use]
    pub fn matches(&self, labels: &Value) -> bool {
        let value = labels.get(&self.key).and_then(Value::as_str);
        match self.operator {
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::Equals | Operator::DoubleEquals | Operator::In => value.is_some_and(|v| self.has(v)),
            Operator::NotEquals | Operator::NotIn => value.is_none_or(|v| !self.has(v)),
            Operator::GreaterThan => self.compare(value).is_some_and(|(label, bound)| label > bound),
            Operator::LessThan => self.compare(value).is_some_and(|(label, bound)| label < bound),
        }
    }

    fn has(&self, value: &str) -> bool {
        self.values.iter().any(|v| v == value)
    }

    fn compare(&self, value: Option<&str>) -> Option<(i64, i64)> {
        Some((value?.parse().ok()?, self.values.first()?.parse().ok()?))
    }

    /// Checks key and values; the message is the API's, several joined as an aggregate.
    fn validated(self) -> Result<Self, SelectorError> {
        let mut errors = Vec::new();
        let mut add = |cause: crate::error::Cause| errors.push(format!("{}: {}", cause.field, cause.message));
        let key_errors = names::qualified_name(&self.key);
        if !key_errors.is_empty() {
            add(Path::new("key").invalid(self.key.as_str(), &key_errors.join("; ")));
        }
        let path = Path::new("values");
        if matches!(self.operator, Operator::GreaterThan | Operator::LessThan) {
            for (i, value) in self.values.iter().enumerate().filter(|(_, v)| v.parse::<i64>().is_err()) {
                let detail = "for 'Gt', 'Lt' operators, the value must be an integer";
                add(path.index(i).invalid(value.as_str(), detail));
            }
        }
        for (i, value) in self.values.iter().enumerate() {
            let value_errors = names::label_value(value);
            if !value_errors.is_empty() {
                add(path.index(i).key(&self.key).invalid(value.as_str(), &value_errors.join("; ")));
            }
        }
        match errors.as_slice() {
            [] => Ok(self),
            [one] => Err(SelectorError(one.clone())),
            many => Err(SelectorError(format!("[{}]", many.join(", ")))),
        }
    }
}

impl std::fmt::Display for Requirement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (key, values) = (&self.key, self.values.join(","));
        match self.operator {
            Operator::Equals => write!(f, "{key}={values}"),
            Operator::DoubleEquals => write!(f, "{key}=={values}"),
            Operator::NotEquals => write!(f, "{key}!={values}"),
            Operator::In => write!(f, "{key} in ({values})"),
            Operator::NotIn => write!(f, "{key} notin ({values})"),
            Operator::Exists => f.write_str(key),
            Operator::DoesNotExist => write!(f, "!{key}"),
            Operator::GreaterThan => write!(f, "{key}>{values}"),
            Operator::LessThan => write!(f, "{key}<{values}"),
        }
    }
}

/// `k=v` for each entry of a map.
fn equalities(labels: Option<&Value>) -> Vec<Requirement> {
    let entries = labels.and_then(Value::as_object).into_iter().flatten();
    entries
        .filter_map(|(key, value)| {
            let values = vec![value.as_str()?.to_owned()];
            Some(Requirement { key: key.clone(), operator: Operator::Equals, values })
        })
        .collect()
}

/// One entry of `matchExpressions`.
fn requirement_of(expression: &Value) -> Result<Requirement, SelectorError> {
    let text = expression["operator"].as_str().unwrap_or_default();
    let operator = match text {
        "In" => Operator::In,
        "NotIn" => Operator::NotIn,
        "Exists" => Operator::Exists,
        "DoesNotExist" => Operator::DoesNotExist,
        _ => {
            return Err(SelectorError(format!("{} is not a valid label selector operator", crate::field::quote(text))));
        }
    };
    let strings = expression["values"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut values: Vec<String> = strings.map(str::to_owned).collect();
    values.sort();
    values.dedup();
    let listed: Value = values.iter().map(String::as_str).collect();
    let path = Path::new("values");
    let error = |detail: &str| {
        let cause = path.invalid(listed.clone(), detail);
        Err(SelectorError(format!("{}: {}", cause.field, cause.message)))
    };
    match operator {
        Operator::In | Operator::NotIn if values.is_empty() => {
            error("for 'in', 'notin' operators, values set can't be empty")
        }
        Operator::Exists | Operator::DoesNotExist if !values.is_empty() => {
            error("values set must be empty for exists and does not exist")
        }
        _ => {
            let key = expression["key"].as_str().unwrap_or_default().to_owned();
            Requirement { key, operator, values }.validated()
        }
    }
}

struct Parser {
    tokens: Vec<Token>,
    position: usize,
}

impl Parser {
    /// The next token; past the end it stays at the end.
    fn peek(&self) -> &Token {
        self.tokens.get(self.position).unwrap_or(&Token::End)
    }

    fn take(&mut self) -> Token {
        let token = self.peek().clone();
        self.position += 1;
        token
    }

    /// The next token where `in` and `notin` are ordinary words.
    fn take_value(&mut self) -> Token {
        match self.take() {
            keyword @ (Token::In | Token::NotIn) => Token::Word(keyword.literal().to_owned()),
            token => token,
        }
    }

    fn starts_requirement(&self) -> bool {
        matches!(self.peek(), Token::Word(_) | Token::In | Token::NotIn | Token::Symbol("!"))
    }

    fn requirements(&mut self) -> Result<Vec<Requirement>, SelectorError> {
        let mut requirements = Vec::new();
        loop {
            if matches!(self.peek(), Token::End) {
                return Ok(requirements);
            }
            if !self.starts_requirement() {
                return Err(found(self.peek(), ", expected: !, identifier, or 'end of string'"));
            }
            let requirement = self.requirement();
            requirements.push(requirement.map_err(|e| SelectorError(format!("unable to parse requirement: {e}")))?);
            match self.take_value() {
                Token::End => return Ok(requirements),
                Token::Symbol(",") if self.starts_requirement() => {}
                Token::Symbol(",") => return Err(found(self.peek(), ", expected: identifier after ','")),
                other => return Err(found(&other, ", expected: ',' or 'end of string'")),
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, SelectorError> {
        let mut token = self.take_value();
        let negated = token == Token::Symbol("!");
        if negated {
            token = self.take_value();
        }
        let Token::Word(key) = token else { return Err(found(&token, ", expected: identifier")) };
        let errors = names::qualified_name(&key);
        if !errors.is_empty() {
            let cause = Path::default().invalid(key.as_str(), &errors.join("; "));
            return Err(SelectorError(format!("{}: {}", cause.field, cause.message)));
        }
        if negated {
            return Ok(Requirement { key, operator: Operator::DoesNotExist, values: Vec::new() });
        }
        if matches!(self.peek(), Token::End | Token::Symbol(",")) {
            return Ok(Requirement { key, operator: Operator::Exists, values: Vec::new() });
        }
        let operator = self.operator()?;
        let mut values = match operator {
            Operator::In | Operator::NotIn => self.value_set()?,
            _ => vec![self.exact_value()?],
        };
        values.sort();
        values.dedup();
        Requirement { key, operator, values }.validated()
    }

    fn operator(&mut self) -> Result<Operator, SelectorError> {
        Ok(match self.take() {
            Token::In => Operator::In,
            Token::NotIn => Operator::NotIn,
            Token::Symbol("=") => Operator::Equals,
            Token::Symbol("==") => Operator::DoubleEquals,
            Token::Symbol("!=") => Operator::NotEquals,
            Token::Symbol(">") => Operator::GreaterThan,
            Token::Symbol("<") => Operator::LessThan,
            other => return Err(found(&other, ", expected: in, notin, =, ==, !=, gt, lt")),
        })
    }

    fn exact_value(&mut self) -> Result<String, SelectorError> {
        if matches!(self.peek(), Token::End | Token::Symbol(",")) {
            return Ok(String::new());
        }
        match self.take_value() {
            Token::Word(value) => Ok(value),
            other => Err(found(&other, ", expected: identifier")),
        }
    }

    /// `(a,b)`: empty places between commas are empty values.
    fn value_set(&mut self) -> Result<Vec<String>, SelectorError> {
        let open = self.take_value();
        if open != Token::Symbol("(") {
            return Err(found(&open, " expected: '('"));
        }
        let mut values = vec![String::new()];
        if !matches!(self.peek(), Token::Word(_) | Token::In | Token::NotIn | Token::Symbol("," | ")")) {
            return Err(found(self.peek(), ", expected: ',', ')' or identifier"));
        }
        let mut after_word = false;
        loop {
            match self.take_value() {
                Token::Word(word) if !after_word => {
                    values.pop();
                    values.push(word);
                    after_word = true;
                }
                Token::Symbol(",") => {
                    values.push(String::new());
                    after_word = false;
                }
                Token::Symbol(")") => return Ok(values),
                other if after_word => return Err(found(&other, ", expected: ',' or ')'")),
                other => return Err(found(&other, ", expected: ',', or identifier")),
            }
        }
    }
}

fn found(token: &Token, expected: &str) -> SelectorError {
    SelectorError(format!("found '{}'{expected}", token.literal()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(selector: &str, printed: &str, labels: &Value, selected: bool) {
        let parsed = LabelSelector::parse(selector).unwrap();
        assert_eq!(parsed.to_string(), printed);
        assert_eq!(parsed.matches(labels), selected, "{selector} on {labels}");
    }

    #[test]
    fn selectors_print_sorted_and_match() {
        let labels = json!({"app": "web", "n": "5", "empty": ""});
        check("", "", &labels, true);
        check("app=web", "app=web", &labels, true);
        check("app == web", "app==web", &labels, true);
        check("app!=web", "app!=web", &labels, false);
        check("none!=web", "none!=web", &labels, true);
        check("x notin (b,a) , app in (web,api)", "app in (api,web),x notin (a,b)", &labels, true);
        check("app", "app", &labels, true);
        check("!app", "!app", &labels, false);
        check("empty=", "empty=", &labels, true);
        check("empty in ()", "empty in ()", &labels, true);
        check("app in (,web)", "app in (,web)", &labels, true);
        check("n>4,n<6", "n>4,n<6", &labels, true);
        check("n>5", "n>5", &labels, false);
        check("app in (in,notin)", "app in (in,notin)", &labels, false);
        check("app=web", "app=web", &Value::Null, false);
    }

    #[track_caller]
    fn refuse(selector: &str, message: &str) {
        assert_eq!(LabelSelector::parse(selector).unwrap_err().to_string(), message);
    }

    #[test]
    fn refusals_read_as_upstream() {
        refuse("x in (", "unable to parse requirement: found '', expected: ',', ')' or identifier");
        refuse("x in a", "unable to parse requirement: found 'a' expected: '('");
        refuse("x=a b", "found 'b', expected: ',' or 'end of string'");
        refuse(",", "found ',', expected: !, identifier, or 'end of string'");
        refuse("a,", "found '', expected: identifier after ','");
        refuse("x y", "unable to parse requirement: found 'y', expected: in, notin, =, ==, !=, gt, lt");
        refuse(
            "x>a",
            "unable to parse requirement: values[0]: Invalid value: \"a\": for 'Gt', 'Lt' operators, the value must be an integer",
        );
        refuse(
            "-a=b",
            "unable to parse requirement: <nil>: Invalid value: \"-a\": name part must consist of alphanumeric characters, \
             '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or \
             '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
        );
    }

    #[test]
    fn selector_objects_select_nothing_when_absent_and_all_when_empty() {
        let labels = json!({"a": "b"});
        let of = |object: Value| LabelSelector::from_object(&object).unwrap();
        assert!(!of(Value::Null).matches(&labels));
        assert!(of(json!({})).matches(&labels));
        let both = of(json!({"matchLabels": {"a": "b"}, "matchExpressions": [
            {"key": "c", "operator": "NotIn", "values": ["y", "x"]}, {"key": "a", "operator": "Exists"}]}));
        assert!(both.matches(&labels));
        assert_eq!(both.to_string(), "a=b,a,c notin (x,y)");
        let error = LabelSelector::from_object(&json!({"matchExpressions": [{"key": "a", "operator": "Is"}]}));
        assert_eq!(error.unwrap_err().to_string(), "\"Is\" is not a valid label selector operator");
    }
}
