//! What upstream computes before it runs an expression, as far as it changes answers: constants, membership in constant
//! lists, the first item of a filter.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    ast::{Kind, Node, walk},
    eval::operators,
    types::Type,
    value::{Items, Keys, Map, Value},
};

/// Simplifies a checked tree.
///
/// # Errors
/// A constant remainder by zero.
pub(super) fn fold(node: &mut Node) -> Result<(), String> {
    walk(node, &mut |node| {
        constant_members(node);
        Ok(())
    })?;
    walk(node, &mut |node| {
        let folded = match &node.kind {
            Kind::Unary(operator, operand) => unary(operator, operand),
            Kind::Binary(operator, left, right) => binary(operator, left, right)?,
            Kind::List(nodes) => list(nodes),
            Kind::Builtin("sum", arguments) => sum(arguments),
            _ => None,
        };
        if let Some(folded) = folded {
            *node = folded;
        }
        Ok(())
    })
}

/// `x in ["a", "b"]` asks a map, which refuses what is no text.
fn constant_members(node: &mut Node) {
    let Kind::Binary("in", left, right) = &mut node.kind else { return };
    let Kind::List(nodes) = &right.kind else { return };
    if nodes.is_empty() {
        return;
    }
    let is_text = nodes.iter().all(|node| matches!(node.kind, Kind::Text(_)));
    let is_int = left.ty == Type::Int && nodes.iter().all(|node| matches!(node.kind, Kind::Int(_)));
    if !is_text && !is_int {
        return;
    }
    let keys = nodes.iter().filter_map(|node| literal(node)?.key());
    let entries: BTreeMap<_, _> = keys.map(|key| (key, Value::Nil)).collect();
    let of = if is_text { Keys::Text } else { Keys::Any };
    let map = Value::Map(Map { of, entries: Arc::new(entries) });
    **right = Node::typed(Kind::Constant(map), Type::Map(of, Box::new(Type::Any)));
}

fn literal(node: &Node) -> Option<Value> {
    Some(match &node.kind {
        Kind::Bool(b) => Value::Bool(*b),
        Kind::Int(n) => Value::Int(*n),
        Kind::Float(f) => Value::Float(*f),
        Kind::Text(text) => Value::Text(text.clone()),
        _ => return None,
    })
}

fn node_of(value: Value) -> Option<Node> {
    Some(match value {
        Value::Bool(b) => Node::typed(Kind::Bool(b), Type::Bool),
        Value::Int(n) => Node::typed(Kind::Int(n), Type::Int),
        Value::Float(f) => Node::typed(Kind::Float(f), Type::Float),
        Value::Text(text) => Node::typed(Kind::Text(text), Type::Text),
        _ => return None,
    })
}

fn unary(operator: &str, operand: &Node) -> Option<Node> {
    node_of(match (operator, literal(operand)?) {
        ("-", Value::Int(n)) => Value::Int(n.wrapping_neg()),
        ("-", Value::Float(f)) => Value::Float(-f),
        ("+", number @ (Value::Int(_) | Value::Float(_))) => number,
        ("!" | "not", Value::Bool(b)) => Value::Bool(!b),
        _ => return None,
    })
}

fn binary(operator: &str, left: &Node, right: &Node) -> Result<Option<Node>, String> {
    let (l, r) = (literal(left), literal(right));
    match (operator, &l, &r) {
        ("and" | "&&", Some(Value::Bool(true)), _) | ("or" | "||", Some(Value::Bool(false)), _) => {
            Ok(Some(right.clone()))
        }
        ("and" | "&&", _, Some(Value::Bool(true))) | ("or" | "||", _, Some(Value::Bool(false))) => {
            Ok(Some(left.clone()))
        }
        ("and" | "&&", Some(Value::Bool(false)), _) | ("and" | "&&", _, Some(Value::Bool(false))) => {
            Ok(node_of(Value::Bool(false)))
        }
        ("or" | "||", Some(Value::Bool(true)), _) | ("or" | "||", _, Some(Value::Bool(true))) => {
            Ok(node_of(Value::Bool(true)))
        }
        ("%", Some(Value::Int(_)), Some(Value::Int(0))) => Err("integer divide by zero".to_owned()),
        ("+" | "-" | "*" | "/" | "%" | "**" | "^" | "==", Some(l), Some(r)) => {
            Ok(operators::binary(operator, l, r).ok().and_then(node_of))
        }
        _ => Ok(None),
    }
}

fn list(nodes: &[Node]) -> Option<Node> {
    if nodes.is_empty() {
        return None;
    }
    let values: Option<Vec<_>> = nodes.iter().map(literal).collect();
    Some(Node::typed(Kind::Constant(Value::list(values?)), Type::declared(Items::Any)))
}

/// The sum of at least two written items is their addition, without a zero to begin with.
fn sum(arguments: &[Node]) -> Option<Node> {
    let [Node { kind: Kind::List(nodes), .. }] = arguments else { return None };
    if nodes.len() < 2 {
        return None;
    }
    let mut nodes = nodes.iter().cloned();
    let first = nodes.next()?;
    Some(nodes.fold(first, |sum, node| Node::new(Kind::Binary("+", Box::new(sum), Box::new(node)))))
}
