//! Literals, names, brackets and unary operators.

use super::{Parser, UNARY};
use crate::expr::{
    ast::{Kind as Part, Node},
    lexer::Kind,
};

impl Parser {
    pub(super) fn primary(&mut self) -> Result<Node, String> {
        let token = self.current().clone();
        if token.kind == Kind::Operator
            && let Some((operator, strength)) = UNARY.into_iter().find(|(text, _)| *text == token.text)
        {
            self.next()?;
            let operand = self.expression(strength)?;
            let node = self.node(Part::Unary(operator, Box::new(operand)))?;
            return self.postfix(node);
        }
        if token.is_bracket("(") {
            self.next()?;
            let node = self.sequence()?;
            self.expect(Kind::Bracket, ")")?;
            return self.postfix(node);
        }
        if self.predicates > 0 && (token.is_operator("#") || token.is_operator(".")) {
            return self.pointer(token.text == "#");
        }
        if token.is_operator("::") {
            self.next()?;
            let name = self.expect_name()?;
            let node = self.call(name, Vec::new())?;
            return self.postfix(node);
        }
        self.secondary()
    }

    fn pointer(&mut self, is_named: bool) -> Result<Node, String> {
        let mut name = String::new();
        if is_named {
            self.next()?;
            if self.current().kind == Kind::Identifier {
                name = self.expect_name()?;
            }
        }
        let node = self.node(Part::Pointer(name))?;
        self.postfix(node)
    }

    fn secondary(&mut self) -> Result<Node, String> {
        let token = self.current().clone();
        let node = match token.kind {
            Kind::Identifier => {
                self.next()?;
                let literal = match token.text.as_str() {
                    "true" => Some(Part::Bool(true)),
                    "false" => Some(Part::Bool(false)),
                    "nil" => Some(Part::Nil),
                    _ => None,
                };
                if let Some(literal) = literal {
                    return self.node(literal);
                }
                if self.current().is_bracket("(") {
                    self.call(token.text, Vec::new())?
                } else {
                    self.node(Part::Name(token.text))?
                }
            }
            Kind::Number => {
                self.next()?;
                let number = number(&token.text.replace('_', ""))?;
                return self.node(number);
            }
            Kind::String => {
                self.next()?;
                self.node(Part::Text(token.text.into()))?
            }
            _ if token.is_bracket("[") => return self.list(),
            _ if token.is_bracket("{") => return self.map(),
            _ => return Err(self.unexpected()),
        };
        self.postfix(node)
    }

    fn list(&mut self) -> Result<Node, String> {
        self.expect(Kind::Bracket, "[")?;
        let mut nodes = Vec::new();
        while !self.current().is_bracket("]") {
            if !nodes.is_empty() {
                self.expect(Kind::Operator, ",")?;
                if self.current().is_bracket("]") {
                    break;
                }
            }
            nodes.push(self.expression(0)?);
        }
        self.expect(Kind::Bracket, "]")?;
        let node = self.node(Part::List(nodes))?;
        self.postfix(node)
    }

    fn map(&mut self) -> Result<Node, String> {
        self.expect(Kind::Bracket, "{")?;
        let mut pairs = Vec::new();
        while !self.current().is_bracket("}") {
            if !pairs.is_empty() {
                self.expect(Kind::Operator, ",")?;
                if self.current().is_bracket("}") {
                    break;
                }
            }
            let key = self.map_key()?;
            self.expect(Kind::Operator, ":")?;
            let value = self.expression(0)?;
            pairs.push((key, value));
        }
        self.expect(Kind::Bracket, "}")?;
        let node = self.node(Part::Map(pairs))?;
        self.postfix(node)
    }

    fn map_key(&mut self) -> Result<Node, String> {
        let token = self.current().clone();
        match token.kind {
            Kind::Number | Kind::String | Kind::Identifier => {
                self.next()?;
                self.node(Part::Text(token.text.into()))
            }
            _ if token.is_bracket("(") => self.expression(0),
            _ => Err(format!(
                "a map key must be a quoted string, a number, a identifier, or an expression enclosed in parentheses \
                 (unexpected token {token})"
            )),
        }
    }
}

fn number(text: &str) -> Result<Part, String> {
    let lower = text.to_ascii_lowercase();
    let radix = match lower.get(..2) {
        Some("0x") => Some((16, "hex")),
        Some("0b") => Some((2, "binary")),
        Some("0o") => Some((8, "octal")),
        _ => None,
    };
    if let Some((radix, name)) = radix {
        return i64::from_str_radix(&lower[2..], radix)
            .map(Part::Int)
            .map_err(|_| format!("invalid {name} literal: strconv.ParseInt: parsing {text:?}: invalid syntax"));
    }
    if lower.contains(['.', 'e']) {
        let number: f64 = lower
            .parse()
            .map_err(|_| format!("invalid float literal: strconv.ParseFloat: parsing {text:?}: invalid syntax"))?;
        if number.is_infinite() {
            return Err(format!("invalid float literal: strconv.ParseFloat: parsing {text:?}: value out of range"));
        }
        return Ok(Part::Float(number));
    }
    lower
        .parse()
        .map(Part::Int)
        .map_err(|_| format!("invalid integer literal: strconv.ParseInt: parsing {text:?}: value out of range"))
}
