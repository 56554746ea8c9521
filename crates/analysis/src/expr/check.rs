//! Static checks, in upstream's words.

mod calls;
mod member;
mod operators;
mod predicates;

use super::{
    ast::{Kind, Node},
    builtins,
    environment::Environment,
    types::Type,
    value::{Items, Keys},
};

/// Finds the types of all nodes.
///
/// # Errors
/// The first part that cannot be right.
pub(super) fn check(node: &mut Node, environment: &Environment) -> Result<(), String> {
    Checker { environment, scopes: Vec::new(), variables: Vec::new() }.visit(node).map(drop)
}

struct Checker<'e> {
    environment: &'e Environment,
    scopes: Vec<Scope>,
    variables: Vec<(String, Type)>,
}

/// A predicate under consideration.
struct Scope {
    collection: Type,
    has_index: bool,
    has_accumulator: bool,
}

impl Checker<'_> {
    fn visit(&mut self, node: &mut Node) -> Result<Type, String> {
        let ty = match &mut node.kind {
            Kind::Nil => Type::Nil,
            Kind::Bool(_) => Type::Bool,
            Kind::Int(_) => Type::Int,
            Kind::Float(_) => Type::Float,
            Kind::Text(_) => Type::Text,
            Kind::Constant(value) => Type::of(value),
            Kind::Name(name) => self.name(name)?,
            Kind::Unary(operator, operand) => {
                let operand = self.visit(operand)?;
                operators::unary(operator, &operand)?
            }
            Kind::Binary(operator, left, right) => {
                let (l, r) = (self.visit(left)?, self.visit(right)?);
                operators::binary(operator, &l, &r, right)?
            }
            Kind::Chain(inner) => self.visit(inner)?,
            Kind::Member(member) => self.member(member)?,
            Kind::Slice(slice) => self.slice(slice)?,
            Kind::Call(callee, arguments) => self.call(callee, arguments)?,
            Kind::Builtin(name, arguments) => self.builtin(name, arguments)?,
            Kind::Predicate(body) => Type::Predicate(Box::new(self.visit(body)?)),
            Kind::Pointer(name) => self.pointer(name)?,
            Kind::Let(name, value, body) => self.declaration(name, value, body)?,
            Kind::Sequence(nodes) => {
                let mut last = Type::Unknown;
                for node in nodes {
                    last = self.visit(node)?;
                }
                last
            }
            Kind::Conditional(nodes) => self.conditional(nodes)?,
            Kind::List(nodes) => self.list(nodes)?,
            Kind::Map(pairs) => {
                for (key, value) in pairs {
                    self.visit(key)?;
                    self.visit(value)?;
                }
                Type::Map(Keys::Text, Box::new(Type::Any))
            }
        };
        node.ty = ty.clone();
        Ok(ty)
    }

    fn name(&self, name: &str) -> Result<Type, String> {
        if let Some((_, ty)) = self.variables.iter().rev().find(|(variable, _)| variable == name) {
            return Ok(ty.clone());
        }
        if name == "$env" {
            return Ok(Type::Unknown);
        }
        let builtin = || builtins::known(name).map(Type::Function);
        self.environment.type_of(name).or_else(builtin).ok_or_else(|| format!("unknown name {name}"))
    }

    fn pointer(&self, name: &str) -> Result<Type, String> {
        let Some(scope) = self.scopes.last() else {
            return Err("cannot use pointer accessor outside predicate".to_owned());
        };
        match name {
            "" => Ok(scope.collection.item()),
            "index" if scope.has_index => Ok(Type::Int),
            "acc" if scope.has_accumulator => Ok(Type::Unknown),
            _ => Err(format!("unknown pointer #{name}")),
        }
    }

    fn declaration(&mut self, name: &str, value: &mut Node, body: &mut Node) -> Result<Type, String> {
        if self.environment.type_of(name).is_some() {
            return Err(format!("cannot redeclare {name}"));
        }
        if builtins::known(name).is_some() {
            return Err(format!("cannot redeclare builtin {name}"));
        }
        if self.variables.iter().any(|(known, _)| known == name) {
            return Err(format!("cannot redeclare variable {name}"));
        }
        let ty = self.visit(value)?;
        self.variables.push((name.to_owned(), ty));
        let body = self.visit(body)?;
        self.variables.pop();
        Ok(body)
    }

    fn conditional(&mut self, nodes: &mut [Node; 3]) -> Result<Type, String> {
        let condition = self.visit(&mut nodes[0])?;
        if condition != Type::Bool && !condition.is_unknown() {
            return Err(format!("non-bool expression (type {condition}) used as condition"));
        }
        let (then, otherwise) = (self.visit(&mut nodes[1])?, self.visit(&mut nodes[2])?);
        Ok(match (&then, &otherwise) {
            (Type::Nil, _) => otherwise,
            (_, Type::Nil) => then,
            _ if !then.is_assignable_to(&otherwise) => Type::Unknown,
            (Type::List(_, a), Type::List(_, b)) if !(a.is_assignable_to(b) && b.is_assignable_to(a)) => {
                Type::declared(Items::Any)
            }
            _ => then,
        })
    }

    fn list(&mut self, nodes: &mut [Node]) -> Result<Type, String> {
        let mut types = Vec::with_capacity(nodes.len());
        for node in nodes {
            types.push(self.visit(node)?);
        }
        let is_uniform = types.windows(2).all(|pair| kind(&pair[0]) == kind(&pair[1]));
        Ok(match types.pop() {
            _ if !is_uniform => Type::declared(Items::Any),
            last => last.unwrap_or(Type::Unknown).list_of_it(),
        })
    }
}

/// What Go calls the kind of a type: all lists are one kind.
fn kind(ty: &Type) -> std::mem::Discriminant<Type> {
    match ty {
        Type::Nil => std::mem::discriminant(&Type::Unknown),
        Type::Month => std::mem::discriminant(&Type::Int),
        ty => std::mem::discriminant(ty),
    }
}
