//! The tree of an expression.

use std::sync::Arc;

use super::{types::Type, value::Value};

/// A part of an expression, with the static type that checking finds.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) ty: Type,
    pub(super) depth: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    Constant(Value),
    Name(String),
    Unary(&'static str, Box<Node>),
    Binary(&'static str, Box<Node>, Box<Node>),
    /// Where an optional access that finds nothing ends.
    Chain(Box<Node>),
    Member(Box<Member>),
    Slice(Box<Slice>),
    Call(Box<Node>, Vec<Node>),
    Builtin(&'static str, Vec<Node>),
    Predicate(Box<Node>),
    /// The item under consideration (empty name), `index` or `acc`.
    Pointer(String),
    Let(String, Box<Node>, Box<Node>),
    Sequence(Vec<Node>),
    Conditional(Box<[Node; 3]>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) node: Node,
    pub(super) property: Node,
    pub(super) is_optional: bool,
    pub(super) is_method: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Slice {
    pub(super) node: Node,
    pub(super) from: Option<Node>,
    pub(super) to: Option<Node>,
}

impl Node {
    /// Returns a node whose children are `children` levels deep.
    pub(super) fn new(kind: Kind) -> Self {
        let depth = 1 + children(&kind).map(|child| child.depth).max().unwrap_or(0);
        Self { kind, ty: Type::Unknown, depth }
    }

    /// Returns a node that is typed already.
    pub(super) fn typed(kind: Kind, ty: Type) -> Self {
        Self { ty, ..Self::new(kind) }
    }

    /// Returns the text of a string literal.
    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the name of an identifier.
    pub(super) fn as_name(&self) -> Option<&str> {
        match &self.kind {
            Kind::Name(name) => Some(name),
            _ => None,
        }
    }
}

fn children(kind: &Kind) -> Box<dyn Iterator<Item = &Node> + '_> {
    match kind {
        Kind::Unary(_, node) | Kind::Chain(node) | Kind::Predicate(node) => Box::new(std::iter::once(&**node)),
        Kind::Binary(_, a, b) | Kind::Let(_, a, b) => Box::new([&**a, &**b].into_iter()),
        Kind::Member(member) => Box::new([&member.node, &member.property].into_iter()),
        Kind::Slice(slice) => Box::new(std::iter::once(&slice.node).chain(&slice.from).chain(&slice.to)),
        Kind::Call(callee, arguments) => Box::new(std::iter::once(&**callee).chain(arguments)),
        Kind::Builtin(_, nodes) | Kind::Sequence(nodes) | Kind::List(nodes) => Box::new(nodes.iter()),
        Kind::Conditional(nodes) => Box::new(nodes.iter()),
        Kind::Map(pairs) => Box::new(pairs.iter().flat_map(|(key, value)| [key, value])),
        _ => Box::new(std::iter::empty()),
    }
}

/// Calls `visit` on every node below `node` and then on `node` itself.
pub(super) fn walk(node: &mut Node, visit: &mut impl FnMut(&mut Node) -> Result<(), String>) -> Result<(), String> {
    match &mut node.kind {
        Kind::Unary(_, child) | Kind::Chain(child) | Kind::Predicate(child) => walk(child, visit)?,
        Kind::Binary(_, a, b) | Kind::Let(_, a, b) => {
            walk(a, visit)?;
            walk(b, visit)?;
        }
        Kind::Member(member) => {
            walk(&mut member.node, visit)?;
            walk(&mut member.property, visit)?;
        }
        Kind::Slice(slice) => {
            walk(&mut slice.node, visit)?;
            for bound in slice.from.iter_mut().chain(&mut slice.to) {
                walk(bound, visit)?;
            }
        }
        Kind::Call(callee, arguments) => {
            walk(callee, visit)?;
            walk_all(arguments, visit)?;
        }
        Kind::Builtin(_, nodes) | Kind::Sequence(nodes) | Kind::List(nodes) => walk_all(nodes, visit)?,
        Kind::Conditional(nodes) => walk_all(&mut **nodes, visit)?,
        Kind::Map(pairs) => {
            for (key, value) in pairs {
                walk(key, visit)?;
                walk(value, visit)?;
            }
        }
        _ => {}
    }
    visit(node)
}

fn walk_all(nodes: &mut [Node], visit: &mut impl FnMut(&mut Node) -> Result<(), String>) -> Result<(), String> {
    nodes.iter_mut().try_for_each(|node| walk(node, visit))
}
