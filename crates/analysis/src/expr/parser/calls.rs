//! Calls of functions, builtins and builtins with predicates.

use super::Parser;
use crate::expr::{
    ast::{Kind as Part, Node},
    builtins,
    lexer::Kind,
};

/// What a builtin that takes a predicate expects.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Argument {
    Expression,
    Predicate,
    OptionalExpression,
    OptionalPredicate,
}

fn shape(name: &str) -> Option<(&'static str, &'static [Argument])> {
    use Argument::{Expression, OptionalExpression, OptionalPredicate, Predicate};
    let name = builtins::PREDICATES.into_iter().find(|known| *known == name)?;
    let arguments: &[Argument] = match name {
        "count" | "sum" => &[Expression, OptionalPredicate],
        "sortBy" | "reduce" => &[Expression, Predicate, OptionalExpression],
        _ => &[Expression, Predicate],
    };
    Some((name, arguments))
}

impl Parser {
    /// Parses the arguments of a call; `piped` holds the argument that came before a `|`.
    pub(super) fn call(&mut self, name: String, piped: Vec<Node>) -> Result<Node, String> {
        if let Some((name, expected)) = shape(&name) {
            let arguments = self.predicate_arguments(piped, expected)?;
            return self.node(Part::Builtin(name, arguments));
        }
        let arguments = self.arguments(piped)?;
        match builtins::known(&name) {
            Some(name) => self.node(Part::Builtin(name, arguments)),
            None => {
                let callee = self.node(Part::Name(name))?;
                self.node(Part::Call(Box::new(callee), arguments))
            }
        }
    }

    fn predicate_arguments(&mut self, piped: Vec<Node>, expected: &[Argument]) -> Result<Vec<Node>, String> {
        self.expect(Kind::Bracket, "(")?;
        let mut arguments = piped;
        let expected = &expected[arguments.len()..];
        for (i, argument) in expected.iter().enumerate() {
            let is_optional = matches!(argument, Argument::OptionalExpression | Argument::OptionalPredicate);
            if self.current().is_bracket(")") {
                if is_optional {
                    break;
                }
                return Err(format!("expected at least {} arguments", expected.len()));
            }
            if i > 0 {
                self.expect(Kind::Operator, ",")?;
            }
            arguments.push(match argument {
                Argument::Expression | Argument::OptionalExpression => self.expression(0)?,
                Argument::Predicate | Argument::OptionalPredicate => self.predicate()?,
            });
        }
        if self.current().is_operator(",") {
            self.next()?;
        }
        self.expect(Kind::Bracket, ")")?;
        Ok(arguments)
    }

    fn predicate(&mut self) -> Result<Node, String> {
        let is_bracketed = self.current().is_bracket("{");
        if is_bracketed {
            self.next()?;
        }
        self.predicates += 1;
        let node = if is_bracketed { self.sequence()? } else { self.expression(0)? };
        if !is_bracketed && self.current().is_operator(";") {
            return Err("wrap predicate with brackets { and }".to_owned());
        }
        self.predicates -= 1;
        if is_bracketed {
            self.expect(Kind::Bracket, "}")?;
        }
        self.node(Part::Predicate(Box::new(node)))
    }

    pub(super) fn arguments(&mut self, piped: Vec<Node>) -> Result<Vec<Node>, String> {
        let mut arguments = piped;
        let offset = arguments.len();
        self.expect(Kind::Bracket, "(")?;
        while !self.current().is_bracket(")") {
            if arguments.len() > offset {
                self.expect(Kind::Operator, ",")?;
            }
            if self.current().is_bracket(")") {
                break;
            }
            arguments.push(self.expression(0)?);
        }
        self.expect(Kind::Bracket, ")")?;
        Ok(arguments)
    }
}
