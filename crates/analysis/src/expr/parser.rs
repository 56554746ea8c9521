//! Tokens to a tree.

mod calls;
mod postfix;
mod primary;

use super::{
    ast::{Kind as Part, Node},
    lexer::{self, Kind, Token},
};

/// Nodes at most, as upstream.
const MAX_NODES: usize = 10_000;
/// Levels at most: the tree is walked recursively.
const MAX_DEPTH: usize = 160;

/// Binary operators with their precedence.
const BINARY: [(&str, u16); 25] = [
    ("|", 0),
    ("or", 10),
    ("||", 10),
    ("and", 15),
    ("&&", 15),
    ("==", 20),
    ("!=", 20),
    ("<", 20),
    (">", 20),
    (">=", 20),
    ("<=", 20),
    ("in", 20),
    ("matches", 20),
    ("contains", 20),
    ("startsWith", 20),
    ("endsWith", 20),
    ("..", 25),
    ("+", 30),
    ("-", 30),
    ("*", 60),
    ("/", 60),
    ("%", 60),
    ("**", 100),
    ("^", 100),
    ("??", 500),
];

/// Unary operators with their precedence.
const UNARY: [(&str, u16); 4] = [("not", 50), ("!", 50), ("-", 90), ("+", 90)];

/// Parses a whole expression.
pub(super) fn parse(source: &str) -> Result<Node, String> {
    let mut parser = Parser { tokens: lexer::tokens(source), at: 0, predicates: 0, nodes: 0, nesting: 0 };
    parser.valid()?;
    let node = parser.sequence()?;
    if parser.current().kind == Kind::Eof { Ok(node) } else { Err(parser.unexpected()) }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    /// How many predicates the current token is in.
    predicates: usize,
    nodes: usize,
    nesting: usize,
}

fn binary(text: &str) -> Option<(&'static str, u16)> {
    BINARY.into_iter().find(|(operator, _)| *operator == text)
}

fn is_comparison(operator: &str) -> bool {
    matches!(operator, "<" | ">" | ">=" | "<=")
}

impl Parser {
    fn current(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    /// Fails on a token that could not be read.
    fn valid(&self) -> Result<(), String> {
        match self.current() {
            Token { kind: Kind::Error, text } => Err(text.clone()),
            _ => Ok(()),
        }
    }

    fn next(&mut self) -> Result<(), String> {
        if self.current().kind == Kind::Eof {
            return Err("unexpected end of expression".to_owned());
        }
        self.at += 1;
        self.valid()
    }

    fn unexpected(&self) -> String {
        format!("unexpected token {}", self.current())
    }

    fn expect(&mut self, kind: Kind, text: &str) -> Result<(), String> {
        if self.current().is(kind, text) { self.next() } else { Err(self.unexpected()) }
    }

    fn expect_name(&mut self) -> Result<String, String> {
        if self.current().kind != Kind::Identifier {
            return Err(self.unexpected());
        }
        let name = self.current().text.clone();
        self.next()?;
        Ok(name)
    }

    fn node(&mut self, part: Part) -> Result<Node, String> {
        self.nodes += 1;
        let node = Node::new(part);
        if self.nodes > MAX_NODES || node.depth > MAX_DEPTH {
            return Err("compilation failed: expression exceeds maximum allowed nodes".to_owned());
        }
        Ok(node)
    }

    fn sequence(&mut self) -> Result<Node, String> {
        let mut nodes = vec![self.expression(0)?];
        while self.current().is_operator(";") {
            self.next()?;
            if self.current().kind == Kind::Eof {
                break;
            }
            nodes.push(self.expression(0)?);
        }
        match nodes.len() {
            1 => nodes.pop().ok_or_else(|| self.unexpected()),
            _ => self.node(Part::Sequence(nodes)),
        }
    }

    /// Parses an expression of operators that bind at least as strongly as `precedence`.
    fn expression(&mut self, precedence: u16) -> Result<Node, String> {
        self.nesting += 1;
        if self.nesting > MAX_DEPTH {
            return Err("compilation failed: expression exceeds maximum allowed nodes".to_owned());
        }
        let node = self.nested_expression(precedence)?;
        self.nesting -= 1;
        Ok(node)
    }

    fn nested_expression(&mut self, precedence: u16) -> Result<Node, String> {
        if precedence == 0 && self.current().is_operator("let") {
            return self.declaration();
        }
        if precedence == 0 && self.current().is_operator("if") {
            return self.conditional_if();
        }
        let first = self.primary()?;
        let node = self.operators(first, precedence)?;
        if precedence == 0 { self.ternary(node) } else { Ok(node) }
    }

    fn operators(&mut self, first: Node, precedence: u16) -> Result<Node, String> {
        let mut left = first;
        let mut previous = "";
        while self.current().kind == Kind::Operator {
            let is_negated = self.current().is_operator("not");
            let ahead = if is_negated { &self.tokens[self.at + 1] } else { self.current() };
            if is_negated && !is_negatable(ahead) {
                let problem = ahead.clone();
                return Err(if problem.kind == Kind::Error {
                    problem.text
                } else {
                    format!("unexpected token {problem}")
                });
            }
            let Some((operator, strength)) = binary(&ahead.text).filter(|(_, strength)| *strength >= precedence) else {
                break;
            };
            if is_negated {
                self.next()?;
            }
            self.next()?;
            if previous == "??" && operator != "??" && operator != "|" {
                return Err(format!(
                    "Operator ({operator}) and coalesce expressions (??) cannot be mixed. Wrap either by parentheses."
                ));
            }
            left = self.operation(left, operator, strength)?;
            if is_negated {
                left = self.node(Part::Unary("not", Box::new(left)))?;
            }
            previous = operator;
        }
        Ok(left)
    }

    /// Parses what follows a binary operator.
    fn operation(&mut self, left: Node, operator: &'static str, strength: u16) -> Result<Node, String> {
        if operator == "|" {
            let name = self.expect_name()?;
            return self.call(name, vec![left]);
        }
        if is_comparison(operator) {
            return self.comparison(left, operator, strength);
        }
        let is_right_associative = matches!(operator, "**" | "^");
        let right = self.expression(strength + u16::from(!is_right_associative))?;
        self.node(Part::Binary(operator, Box::new(left), Box::new(right)))
    }

    /// `1 < x < 3` means `1 < x && x < 3`.
    fn comparison(&mut self, left: Node, operator: &'static str, strength: u16) -> Result<Node, String> {
        let (mut left, mut operator) = (left, operator);
        let mut root: Option<Node> = None;
        loop {
            let right = self.expression(strength + 1)?;
            let compared = self.node(Part::Binary(operator, Box::new(left), Box::new(right.clone())))?;
            root = Some(match root {
                None => compared,
                Some(root) => self.node(Part::Binary("&&", Box::new(root), Box::new(compared)))?,
            });
            left = right;
            match binary(&self.current().text) {
                Some((next, _)) if self.current().kind == Kind::Operator && is_comparison(next) => operator = next,
                _ => break,
            }
            self.next()?;
        }
        root.ok_or_else(|| self.unexpected())
    }

    fn declaration(&mut self) -> Result<Node, String> {
        self.expect(Kind::Operator, "let")?;
        let name = self.expect_name()?;
        self.expect(Kind::Operator, "=")?;
        let value = self.expression(0)?;
        self.expect(Kind::Operator, ";")?;
        let body = self.sequence()?;
        self.node(Part::Let(name, Box::new(value), Box::new(body)))
    }

    fn conditional_if(&mut self) -> Result<Node, String> {
        self.next()?;
        let condition = self.expression(0)?;
        let then = self.block()?;
        self.expect(Kind::Operator, "else")?;
        let otherwise = if self.current().is_operator("if") { self.expression(0)? } else { self.block()? };
        self.node(Part::Conditional(Box::new([condition, then, otherwise])))
    }

    fn block(&mut self) -> Result<Node, String> {
        self.expect(Kind::Bracket, "{")?;
        let node = self.sequence()?;
        self.expect(Kind::Bracket, "}")?;
        Ok(node)
    }

    fn ternary(&mut self, node: Node) -> Result<Node, String> {
        let mut node = node;
        while self.current().is_operator("?") {
            self.next()?;
            let then = if self.current().is_operator(":") { node.clone() } else { self.expression(0)? };
            self.expect(Kind::Operator, ":")?;
            let otherwise = self.expression(0)?;
            node = self.node(Part::Conditional(Box::new([node, then, otherwise])))?;
        }
        Ok(node)
    }
}

fn is_negatable(token: &Token) -> bool {
    matches!(token.text.as_str(), "contains" | "matches" | "startsWith" | "endsWith" | "in")
}
