//! What follows a value: fields, methods, indexes, slices.

use super::Parser;
use crate::expr::{
    ast::{Kind as Part, Member, Node, Slice},
    lexer::Kind,
};

impl Parser {
    pub(super) fn postfix(&mut self, node: Node) -> Result<Node, String> {
        let mut node = node;
        loop {
            let token = self.current();
            let is_optional = token.is_operator("?.");
            if is_optional && self.tokens[self.at + 1].is_bracket("[") {
                self.next()?;
                node = self.index(node, true)?;
            } else if is_optional || token.is_operator(".") {
                self.next()?;
                node = self.field(node, is_optional)?;
            } else if token.is_bracket("[") {
                node = self.index(node, false)?;
            } else {
                return Ok(node);
            }
        }
    }

    fn field(&mut self, node: Node, is_optional: bool) -> Result<Node, String> {
        let name = self.current().clone();
        // Operators such as `not` are valid names here.
        let is_word = name.text.chars().all(|c| c == '_' || c == '$' || c.is_alphanumeric());
        if !(name.kind == Kind::Identifier || (name.kind == Kind::Operator && is_word)) {
            return Err("expected name".to_owned());
        }
        self.next()?;
        let property = self.node(Part::Text(name.text.into()))?;
        // What follows an optional access is skipped with it.
        let (node, is_chain) = match node.kind {
            Part::Chain(inner) => (*inner, true),
            _ => (node, false),
        };
        let is_method = self.current().is_bracket("(");
        let member = self.node(Part::Member(Box::new(Member { node, property, is_optional, is_method })))?;
        let node = if is_method {
            let arguments = self.arguments(Vec::new())?;
            self.node(Part::Call(Box::new(member), arguments))?
        } else {
            member
        };
        if is_chain || is_optional { self.node(Part::Chain(Box::new(node))) } else { Ok(node) }
    }

    fn index(&mut self, node: Node, is_optional: bool) -> Result<Node, String> {
        self.expect(Kind::Bracket, "[")?;
        let from = if self.current().is_operator(":") { None } else { Some(self.expression(0)?) };
        let node = if self.current().is_operator(":") {
            self.next()?;
            let to = if self.current().is_bracket("]") { None } else { Some(self.expression(0)?) };
            self.node(Part::Slice(Box::new(Slice { node, from, to })))?
        } else {
            let Some(property) = from else { return Err(self.unexpected()) };
            let node = self.node(Part::Member(Box::new(Member { node, property, is_optional, is_method: false })))?;
            if is_optional { self.node(Part::Chain(Box::new(node)))? } else { node }
        };
        self.expect(Kind::Bracket, "]")?;
        Ok(node)
    }
}
