//! Types of builtins that take a predicate.

use super::{Checker, Scope};
use crate::expr::{
    ast::Node,
    types::Type,
    value::{Items, Keys},
};

impl Checker<'_> {
    pub(super) fn predicate_builtin(&mut self, name: &'static str, arguments: &mut [Node]) -> Result<Type, String> {
        let Some((first, rest)) = arguments.split_first_mut() else {
            return Err(format!("not enough arguments to call {name}"));
        };
        let collection = self.visit(first)?;
        if !collection.is_list() && !collection.is_unknown() {
            return Err(format!("builtin {name} takes only array (got {collection})"));
        }
        let Some((predicate, rest)) = rest.split_first_mut() else {
            return Ok(without_predicate(name, &collection));
        };
        self.scopes.push(Scope {
            collection: collection.clone(),
            has_index: matches!(name, "map" | "reduce"),
            has_accumulator: name == "reduce",
        });
        let body = match self.visit(predicate)? {
            Type::Predicate(body) => *body,
            other => other,
        };
        self.scopes.pop();
        for further in rest {
            self.visit(further)?;
        }
        if is_test(name) && body != Type::Bool && !body.is_unknown() {
            return Err(match body {
                Type::Nil => "predicate should has one input and one output param".to_owned(),
                body => format!("predicate should return boolean (got {body})"),
            });
        }
        Ok(result(name, collection, body))
    }
}

fn is_test(name: &str) -> bool {
    !matches!(name, "map" | "sum" | "groupBy" | "sortBy" | "reduce")
}

fn without_predicate(name: &str, collection: &Type) -> Type {
    if name == "count" { Type::Int } else { collection.item() }
}

fn result(name: &str, collection: Type, body: Type) -> Type {
    match name {
        "all" | "none" | "any" | "one" => Type::Bool,
        "filter" if collection.is_unknown() => Type::declared(Items::Any),
        "filter" => collection.item().list_of_it(),
        "map" => body.list_of_it(),
        "count" | "findIndex" | "findLastIndex" => Type::Int,
        "find" | "findLast" => collection.item(),
        "groupBy" => Type::Map(Keys::Groups, Box::new(collection.item().list_of_it())),
        "sortBy" => collection,
        // `sum` and `reduce`.
        _ => body,
    }
}
