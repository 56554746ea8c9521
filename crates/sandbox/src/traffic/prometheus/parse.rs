//! A query as a tree.

use regex::Regex;

use super::{
    QueryError,
    lex::{Token, lex},
};

/// A query.
#[derive(Debug, Clone)]
pub(super) enum Expr {
    Number(f64),
    Selector(Selector),
    Call(String, Vec<Expr>),
    Aggregate(Aggregate),
    Binary(Box<Binary>),
    Negate(Box<Expr>),
}

/// Series by name and labels.
#[derive(Debug, Clone)]
pub(super) struct Selector {
    pub(super) matchers: Vec<Matcher>,
    /// Milliseconds that it goes back; `None` for one sample.
    pub(super) range: Option<i64>,
    /// Milliseconds before the time of the query.
    pub(super) offset: i64,
}

/// How a label must be.
#[derive(Debug, Clone)]
pub(super) struct Matcher {
    pub(super) label: String,
    pub(super) test: Test,
}

#[derive(Debug, Clone)]
pub(super) enum Test {
    Equal(String),
    NotEqual(String),
    Match(Regex),
    NotMatch(Regex),
}

impl Matcher {
    /// Returns whether a value fits; an absent label is empty.
    pub(super) fn fits(&self, value: &str) -> bool {
        match &self.test {
            Test::Equal(text) => value == text,
            Test::NotEqual(text) => value != text,
            Test::Match(regex) => regex.is_match(value),
            Test::NotMatch(regex) => !regex.is_match(value),
        }
    }
}

/// One number for each group of series.
#[derive(Debug, Clone)]
pub(super) struct Aggregate {
    pub(super) operator: String,
    pub(super) by: bool,
    pub(super) labels: Vec<String>,
    pub(super) of: Box<Expr>,
}

/// Two sides and an operator.
#[derive(Debug, Clone)]
pub(super) struct Binary {
    pub(super) operator: &'static str,
    pub(super) left: Expr,
    pub(super) right: Expr,
    /// Whether a comparison gives 0 or 1 rather than leaving series out.
    pub(super) is_bool: bool,
    pub(super) matching: Matching,
}

/// Which labels of both sides must be the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Matching {
    /// Only these; otherwise all but these.
    pub(super) on: bool,
    pub(super) labels: Vec<String>,
}

const AGGREGATES: [&str; 5] = ["sum", "avg", "min", "max", "count"];
const OTHER_AGGREGATES: [&str; 10] =
    ["topk", "bottomk", "quantile", "stddev", "stdvar", "group", "count_values", "limitk", "limit_ratio", "group_left"];
/// Deepest nesting: a query is somebody's input.
const DEEPEST: usize = 50;

/// Reads a query.
pub(super) fn parse(text: &str) -> Result<Expr, QueryError> {
    let mut parser = Parser { tokens: lex(text)?, at: 0, depth: 0 };
    if parser.tokens.is_empty() {
        return Err(QueryError::Parse("no expression found in input".to_owned()));
    }
    let expr = parser.binary(0)?;
    match parser.tokens.get(parser.at) {
        None => Ok(expr),
        Some(token) => Err(unexpected(token)),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

fn unexpected(token: &Token) -> QueryError {
    let text = match token {
        Token::Name(name) => name.clone(),
        Token::Number(number) => number.to_string(),
        Token::Duration(millis) => format!("{millis}ms"),
        Token::Text(text) => format!("{text:?}"),
        Token::Sign(sign) => format!("{sign:?}"),
    };
    QueryError::Parse(format!("unexpected {text}"))
}

fn ended() -> QueryError {
    QueryError::Parse("unexpected end of input".to_owned())
}

/// How tightly an operator binds, and which words it has.
fn binding(token: &Token) -> Option<(u8, &'static str)> {
    let operator = match token {
        Token::Sign(sign @ ("==" | "!=" | "<=" | ">=" | "<" | ">" | "+" | "-" | "*" | "/" | "%" | "^")) => sign,
        Token::Name(name) if name == "and" => "and",
        Token::Name(name) if name == "or" => "or",
        Token::Name(name) if name == "unless" => "unless",
        _ => return None,
    };
    let strength = match operator {
        "or" => 1,
        "and" | "unless" => 2,
        "+" | "-" => 4,
        "*" | "/" | "%" => 5,
        "^" => 6,
        _ => 3,
    };
    Some((strength, operator))
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Result<Token, QueryError> {
        let token = self.tokens.get(self.at).cloned().ok_or_else(ended)?;
        self.at += 1;
        Ok(token)
    }

    fn takes(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(s)) if *s == sign);
        self.at += usize::from(found);
        found
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Name(name)) if name.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), QueryError> {
        if self.takes(sign) { Ok(()) } else { Err(self.peek().map_or_else(ended, unexpected)) }
    }

    fn binary(&mut self, weakest: u8) -> Result<Expr, QueryError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(QueryError::NotSupported(format!("more than {DEEPEST} levels of nesting")));
        }
        let mut left = self.unary()?;
        while let Some((strength, operator)) = self.peek().and_then(binding).filter(|(strength, _)| *strength > weakest)
        {
            self.at += 1;
            let is_bool = self.takes_word("bool");
            let matching = self.matching()?;
            // A power binds to the right.
            let right = self.binary(if operator == "^" { strength - 1 } else { strength })?;
            left = Expr::Binary(Box::new(Binary { operator, left, right, is_bool, matching }));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn matching(&mut self) -> Result<Matching, QueryError> {
        let on = self.takes_word("on");
        let matching = if on || self.takes_word("ignoring") {
            Matching { on, labels: self.labels()? }
        } else {
            Matching::default()
        };
        match self.peek() {
            Some(Token::Name(name)) if name.starts_with("group_") => {
                Err(QueryError::NotSupported(format!("the modifier {name}")))
            }
            _ => Ok(matching),
        }
    }

    fn labels(&mut self) -> Result<Vec<String>, QueryError> {
        self.expect("(")?;
        let mut labels = Vec::new();
        while !self.takes(")") {
            match self.next()? {
                Token::Name(name) => labels.push(name),
                token => return Err(unexpected(&token)),
            }
            if !self.takes(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(labels)
    }

    fn unary(&mut self) -> Result<Expr, QueryError> {
        if self.takes("-") {
            // Weaker than a power, stronger than anything else.
            return Ok(Expr::Negate(Box::new(self.binary(5)?)));
        }
        if self.takes("+") {
            return self.binary(5);
        }
        let expr = self.primary()?;
        self.suffixes(expr)
    }

    fn primary(&mut self) -> Result<Expr, QueryError> {
        match self.next()? {
            Token::Number(number) => Ok(Expr::Number(number)),
            Token::Sign("(") => {
                let inner = self.binary(0)?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Sign("{") => {
                self.at -= 1;
                self.selector(None)
            }
            Token::Name(name) => self.named(name),
            token => Err(unexpected(&token)),
        }
    }

    fn named(&mut self, name: String) -> Result<Expr, QueryError> {
        let lower = name.to_ascii_lowercase();
        let called = matches!(self.peek(), Some(Token::Sign("(")));
        let grouped = matches!(self.peek(), Some(Token::Name(word)) if matches!(word.to_ascii_lowercase().as_str(), "by" | "without"));
        if AGGREGATES.contains(&lower.as_str()) && (called || grouped) {
            return self.aggregate(lower);
        }
        if OTHER_AGGREGATES.contains(&lower.as_str()) && (called || grouped) {
            return Err(QueryError::NotSupported(format!("the aggregation {name}")));
        }
        if !called {
            return self.selector(Some(name));
        }
        if !super::functions::is_known(&name) {
            return Err(QueryError::NotSupported(format!("the function {name}")));
        }
        self.expect("(")?;
        let mut arguments = Vec::new();
        while !self.takes(")") {
            arguments.push(self.binary(0)?);
            if !self.takes(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(Expr::Call(name, arguments))
    }

    /// `sum by (a) (x)` or `sum(x) by (a)`.
    fn aggregate(&mut self, operator: String) -> Result<Expr, QueryError> {
        let mut grouping = self.grouping()?;
        self.expect("(")?;
        let of = Box::new(self.binary(0)?);
        self.expect(")")?;
        if grouping.is_none() {
            grouping = self.grouping()?;
        }
        let (by, labels) = grouping.unwrap_or((true, Vec::new()));
        Ok(Expr::Aggregate(Aggregate { operator, by, labels, of }))
    }

    fn grouping(&mut self) -> Result<Option<(bool, Vec<String>)>, QueryError> {
        let by = self.takes_word("by");
        if by || self.takes_word("without") { Ok(Some((by, self.labels()?))) } else { Ok(None) }
    }

    fn selector(&mut self, name: Option<String>) -> Result<Expr, QueryError> {
        let mut matchers = Vec::new();
        if let Some(name) = name {
            matchers.push(Matcher { label: "__name__".to_owned(), test: Test::Equal(name) });
        }
        if self.takes("{") {
            while !self.takes("}") {
                matchers.push(self.matcher()?);
                if !self.takes(",") {
                    self.expect("}")?;
                    break;
                }
            }
        }
        if matchers.iter().all(|matcher| matcher.fits("")) {
            let message = "vector selector must contain at least one non-empty matcher";
            return Err(QueryError::Parse(message.to_owned()));
        }
        Ok(Expr::Selector(Selector { matchers, range: None, offset: 0 }))
    }

    fn matcher(&mut self) -> Result<Matcher, QueryError> {
        let label = match self.next()? {
            Token::Name(name) => name,
            Token::Text(name) => {
                // A quoted name alone is that of the metric.
                if matches!(self.peek(), Some(Token::Sign("," | "}"))) {
                    return Ok(Matcher { label: "__name__".to_owned(), test: Test::Equal(name) });
                }
                name
            }
            token => return Err(unexpected(&token)),
        };
        let sign = self.next()?;
        let Token::Text(text) = self.next()? else {
            return Err(QueryError::Parse(format!("label {label} needs a quoted value")));
        };
        let regex = |text: &str| {
            let whole = Regex::new(&format!("^(?s:{text})$"));
            whole.map_err(|error| QueryError::Parse(format!("error parsing regexp of label {label}: {error}")))
        };
        let test = match sign {
            Token::Sign("=") => Test::Equal(text),
            Token::Sign("!=") => Test::NotEqual(text),
            Token::Sign("=~") => Test::Match(regex(&text)?),
            Token::Sign("!~") => Test::NotMatch(regex(&text)?),
            token => return Err(unexpected(&token)),
        };
        Ok(Matcher { label, test })
    }

    /// `[5m]` and `offset 5m` behind a selector.
    fn suffixes(&mut self, mut expr: Expr) -> Result<Expr, QueryError> {
        loop {
            if self.takes("[") {
                let range = self.duration()?;
                if self.takes(":") {
                    return Err(QueryError::NotSupported("subqueries".to_owned()));
                }
                self.expect("]")?;
                match &mut expr {
                    Expr::Selector(selector) if selector.range.is_none() => selector.range = Some(range),
                    _ => return Err(QueryError::Parse("ranges only allowed for vector selectors".to_owned())),
                }
            } else if self.takes_word("offset") {
                let back = self.takes("-");
                let offset = self.duration()?;
                let Expr::Selector(selector) = &mut expr else {
                    return Err(QueryError::Parse("offset modifier must be preceded by a selector".to_owned()));
                };
                selector.offset = if back { -offset } else { offset };
            } else if self.takes("@") {
                return Err(QueryError::NotSupported("the modifier @".to_owned()));
            } else {
                return Ok(expr);
            }
        }
    }

    fn duration(&mut self) -> Result<i64, QueryError> {
        #[expect(clippy::cast_possible_truncation, reason = "seconds, bounded by what can be asked for")]
        match self.next()? {
            Token::Duration(millis) => Ok(millis),
            Token::Number(seconds) if seconds.is_finite() => Ok((seconds * 1000.0) as i64),
            token => Err(unexpected(&token)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree with all its brackets.
    fn shown(expr: &Expr) -> String {
        match expr {
            Expr::Number(number) => number.to_string(),
            Expr::Selector(selector) => {
                let name = selector.matchers.iter().find_map(|m| match &m.test {
                    Test::Equal(name) if m.label == "__name__" => Some(name.as_str()),
                    _ => None,
                });
                let range = selector.range.map(|range| format!("[{range}]")).unwrap_or_default();
                let offset = if selector.offset == 0 { String::new() } else { format!("@-{}", selector.offset) };
                format!("{}{range}{offset}", name.unwrap_or("?"))
            }
            Expr::Call(name, arguments) => {
                format!("{name}({})", arguments.iter().map(shown).collect::<Vec<_>>().join(","))
            }
            Expr::Aggregate(Aggregate { operator, by, labels, of }) => {
                format!("{operator}{}{labels:?}({})", if *by { "" } else { "!" }, shown(of))
            }
            Expr::Binary(binary) => {
                let Matching { on, labels } = &binary.matching;
                let matching = if *on || !labels.is_empty() { format!("{on}{labels:?}") } else { String::new() };
                format!("({}{}{matching}{})", shown(&binary.left), binary.operator, shown(&binary.right))
            }
            Expr::Negate(inner) => format!("-{}", shown(inner)),
        }
    }

    #[test]
    fn operators_bind_as_they_should() {
        for (text, want) in [
            ("1 + 2 * 3", "(1+(2*3))"),
            ("1 - 2 - 3", "((1-2)-3)"),
            ("2 ^ 3 ^ 2", "(2^(3^2))"),
            ("-2 ^ 2", "-(2^2)"),
            ("-a * 2", "(-a*2)"),
            ("a / b > 0.5 and c", "(((a/b)>0.5)andc)"),
            ("a or b unless c", "(aor(bunlessc))"),
            ("rate(a{x=\"y\"}[1m] offset 30s)", "rate(a[60000]@-30000)"),
            ("sum by (x, y) (a)", "sum[\"x\", \"y\"](a)"),
            ("sum(a) without (x)", "sum![\"x\"](a)"),
            ("SUM(a)", "sum[](a)"),
            ("a / on(x) b", "(a/true[\"x\"]b)"),
            ("a > bool 1", "(a>1)"),
            ("{__name__=~\"a.*\"}", "?"),
            ("sum", "sum"),
        ] {
            assert_eq!(shown(&parse(text).unwrap()), want, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_or_unknown_is_told() {
        let told = |text: &str| parse(text).unwrap_err().to_string();
        for (text, want) in [
            ("", "parse error: no expression found in input"),
            ("sum(", "parse error: unexpected end of input"),
            ("a b", "parse error: unexpected b"),
            ("{}", "parse error: vector selector must contain at least one non-empty matcher"),
            ("a[5m:1m]", "not supported by the sandbox: subqueries"),
            ("topk(3, a)", "not supported by the sandbox: the aggregation topk"),
            ("a * on(x) group_left b", "not supported by the sandbox: the modifier group_left"),
            ("a @ 5", "not supported by the sandbox: the modifier @"),
            ("(a)[5m]", ""),
        ] {
            if want.is_empty() {
                assert!(parse(text).is_ok(), "{text}");
            } else {
                assert_eq!(told(text), want, "{text}");
            }
        }
        assert!(parse(&"(".repeat(1000)).is_err());
    }
}
