//! From tokens to trees.

use super::{
    CompileError, Val,
    ast::{Comprehension, Expr, Operator},
    functions,
    lexer::{self, Token},
    value::unescaped,
};

/// Parses an expression.
pub(super) fn parse(text: &str) -> Result<Expr, CompileError> {
    if text.len() > LONGEST {
        return Err(CompileError::Size);
    }
    let mut parser = Parser { tokens: lexer::tokens(text)?, at: 0, depth: 0, nodes: 0 };
    let expr = parser.expression()?;
    match parser.peek() {
        Token::End => Ok(expr),
        other => Err(unexpected(other)),
    }
}

/// No rule in the field comes near these; evaluation recurses as deep as trees are.
const LONGEST: usize = 16 * 1024;
const DEEPEST: usize = 48;
const MOST_NODES: usize = 1200;

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    nodes: usize,
}

/// Binary operators by strength, weakest first.
const BINARY: [&[(&str, Operator)]; 3] = [
    &[
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<", Operator::Less),
        ("<=", Operator::LessOrEqual),
        (">", Operator::Greater),
        (">=", Operator::GreaterOrEqual),
        ("in", Operator::In),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("*", Operator::Multiply), ("/", Operator::Divide), ("%", Operator::Remainder)],
];

impl Parser {
    fn expression(&mut self) -> Result<Expr, CompileError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(CompileError::Size);
        }
        let test = self.or()?;
        let expr = if self.accept("?") {
            let yes = self.or()?;
            self.expect(":")?;
            let no = self.expression()?;
            Expr::Conditional(Box::new(test), Box::new(yes), Box::new(no))
        } else {
            test
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn or(&mut self) -> Result<Expr, CompileError> {
        let mut terms = vec![self.and()?];
        while self.accept("||") {
            terms.push(self.and()?);
        }
        Ok(balanced(terms, &Expr::Or))
    }

    fn and(&mut self) -> Result<Expr, CompileError> {
        let mut terms = vec![self.binary(0)?];
        while self.accept("&&") {
            terms.push(self.binary(0)?);
        }
        Ok(balanced(terms, &Expr::And))
    }

    fn binary(&mut self, level: usize) -> Result<Expr, CompileError> {
        let Some(operators) = BINARY.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        while let Some((_, operator)) = operators.iter().find(|(sign, _)| self.is(sign)) {
            self.at += 1;
            self.count()?;
            let right = self.binary(level + 1)?;
            left = Expr::Binary(*operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, CompileError> {
        self.count()?;
        for (sign, make) in [("!", Expr::Not as fn(Box<Expr>) -> Expr), ("-", Expr::Negate)] {
            if !self.is(sign) {
                continue;
            }
            let mut signs = 0_usize;
            while self.accept(sign) {
                signs += 1;
            }
            let inner = self.member()?;
            return Ok(if signs % 2 == 1 { make(Box::new(inner)) } else { make(Box::new(make(Box::new(inner)))) });
        }
        self.member()
    }

    fn member(&mut self) -> Result<Expr, CompileError> {
        let mut expr = self.primary()?;
        loop {
            self.count()?;
            expr = if self.accept(".?") {
                Expr::Select { of: Box::new(expr), field: unescaped(&self.name()?), optional: true }
            } else if self.accept(".") {
                let name = self.name()?;
                if self.accept("(") {
                    self.method(expr, &name)?
                } else {
                    Expr::Select { of: Box::new(expr), field: unescaped(&name), optional: false }
                }
            } else if self.is("[") || self.is("[?") {
                let optional = self.is("[?");
                self.at += 1;
                let index = self.expression()?;
                self.expect("]")?;
                Expr::Index { of: Box::new(expr), index: Box::new(index), optional }
            } else {
                return Ok(expr);
            };
        }
    }

    fn primary(&mut self) -> Result<Expr, CompileError> {
        let token = self.peek().clone();
        self.at += 1;
        match token {
            Token::Int(n) => Ok(Expr::Literal(Val::Int(n))),
            Token::Uint(n) => Ok(Expr::Literal(Val::Uint(n))),
            Token::Double(n) => Ok(Expr::Literal(Val::Double(n))),
            Token::Text(text) => Ok(Expr::Literal(Val::text(&text))),
            Token::Bytes(bytes) => Ok(Expr::Literal(Val::Bytes(bytes.into()))),
            Token::Name(name) => self.named(name),
            Token::Sign("(") => {
                let inner = self.expression()?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Sign("[") => self.items("]").map(Expr::List),
            Token::Sign("{") => self.entries(),
            other => Err(unexpected(&other)),
        }
    }

    fn named(&mut self, name: String) -> Result<Expr, CompileError> {
        match name.as_str() {
            "true" => return Ok(Expr::Literal(Val::Bool(true))),
            "false" => return Ok(Expr::Literal(Val::Bool(false))),
            "null" => return Ok(Expr::Literal(Val::Null)),
            _ => {}
        }
        if !self.accept("(") {
            return Ok(Expr::Name(name));
        }
        if name == "has" {
            let inner = self.expression()?;
            self.expect(")")?;
            return match inner {
                Expr::Select { of, field, optional: false } => Ok(Expr::Has { of, field }),
                _ => Err(CompileError::Syntax("invalid argument to has() macro".to_owned())),
            };
        }
        let args = self.items(")")?;
        call(None, &name, args)
    }

    fn method(&mut self, of: Expr, name: &str) -> Result<Expr, CompileError> {
        if let Expr::Name(namespace) = &of
            && matches!((namespace.as_str(), name), ("cel", "bind") | ("optional", _) | ("sets", _))
        {
            let namespace = namespace.clone();
            return self.namespaced(&namespace, name);
        }
        let kind = match name {
            "all" => Comprehension::All,
            "exists" => Comprehension::Exists,
            "exists_one" => Comprehension::ExistsOne,
            "filter" => Comprehension::Filter,
            "map" => Comprehension::Map,
            _ => {
                let args = self.items(")")?;
                return call(Some(of), name, args);
            }
        };
        let args = self.items(")")?;
        let mut args = args.into_iter();
        let (Some(Expr::Name(variable)), Some(first), second, None) =
            (args.next(), args.next(), args.next(), args.next())
        else {
            return Err(CompileError::Function(name.to_owned()));
        };
        let (filter, body) = match second {
            None => (None, first),
            Some(body) if kind == Comprehension::Map => (Some(Box::new(first)), body),
            Some(_) => return Err(CompileError::Function(name.to_owned())),
        };
        Ok(Expr::Comprehension { kind, range: Box::new(of), name: variable, filter, body: Box::new(body) })
    }

    fn namespaced(&mut self, namespace: &str, name: &str) -> Result<Expr, CompileError> {
        let mut args = self.items(")")?;
        if namespace != "cel" {
            return call(None, &format!("{namespace}.{name}"), args);
        }
        match (args.pop(), args.pop(), args.pop(), args.pop()) {
            (Some(body), Some(value), Some(Expr::Name(name)), None) => {
                Ok(Expr::Bind { name, value: Box::new(value), body: Box::new(body) })
            }
            _ => Err(CompileError::Syntax("cel.bind() variable names must be simple identifiers".to_owned())),
        }
    }

    fn items(&mut self, close: &str) -> Result<Vec<Expr>, CompileError> {
        let mut items = Vec::new();
        while !self.accept(close) {
            items.push(self.expression()?);
            if !self.accept(",") {
                self.expect(close)?;
                break;
            }
        }
        Ok(items)
    }

    fn entries(&mut self) -> Result<Expr, CompileError> {
        let mut entries = Vec::new();
        while !self.accept("}") {
            let key = self.expression()?;
            self.expect(":")?;
            entries.push((key, self.expression()?));
            if !self.accept(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(Expr::Map(entries))
    }

    fn name(&mut self) -> Result<String, CompileError> {
        let token = self.peek().clone();
        self.at += 1;
        if let Token::Name(name) = token { Ok(name) } else { Err(unexpected(&token)) }
    }

    fn peek(&self) -> &Token {
        self.tokens.get(self.at).unwrap_or(&Token::End)
    }

    fn is(&self, sign: &str) -> bool {
        match self.peek() {
            Token::Sign(found) => *found == sign,
            Token::Name(name) => sign == "in" && name == "in",
            _ => false,
        }
    }

    fn accept(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), CompileError> {
        if self.accept(sign) { Ok(()) } else { Err(unexpected(self.peek())) }
    }

    fn count(&mut self) -> Result<(), CompileError> {
        self.nodes += 1;
        if self.nodes > MOST_NODES { Err(CompileError::Size) } else { Ok(()) }
    }
}

/// Makes a tree of equal depth everywhere, so that a long chain does not nest deeply.
fn balanced(mut terms: Vec<Expr>, join: &dyn Fn(Box<Expr>, Box<Expr>) -> Expr) -> Expr {
    while terms.len() > 1 {
        let mut pairs = terms.into_iter();
        let mut next = Vec::new();
        while let Some(left) = pairs.next() {
            next.push(match pairs.next() {
                Some(right) => join(Box::new(left), Box::new(right)),
                None => left,
            });
        }
        terms = next;
    }
    terms.pop().unwrap_or(Expr::Literal(Val::Null))
}

fn call(of: Option<Expr>, name: &str, args: Vec<Expr>) -> Result<Expr, CompileError> {
    let given = args.len() + usize::from(of.is_some());
    let name = functions::known(name, given).ok_or_else(|| CompileError::Function(name.to_owned()))?;
    Ok(Expr::Call { name, of: of.map(Box::new), args })
}

fn unexpected(token: &Token) -> CompileError {
    let text = match token {
        Token::End => "<EOF>".to_owned(),
        Token::Name(name) => name.clone(),
        Token::Sign(sign) => (*sign).to_owned(),
        Token::Int(n) => n.to_string(),
        Token::Uint(n) => n.to_string(),
        Token::Double(n) => n.to_string(),
        Token::Text(text) => format!("'{text}'"),
        Token::Bytes(_) => "bytes".to_owned(),
    };
    CompileError::Syntax(format!("mismatched input '{text}'"))
}
