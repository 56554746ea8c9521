//! Types of fields, methods, items and slices.

use super::Checker;
use crate::expr::{
    ast::{Member, Slice},
    methods,
    types::Type,
};

impl Checker<'_> {
    pub(super) fn member(&mut self, member: &mut Member) -> Result<Type, String> {
        if member.node.as_name() == Some("$env") {
            return match member.property.as_text() {
                None => Ok(Type::Unknown),
                Some(name) => match self.environment.type_of(name) {
                    Some(ty) => Ok(ty),
                    None if member.is_optional => Ok(Type::Unknown),
                    None => Err(format!("unknown name {name}")),
                },
            };
        }
        let base = self.visit(&mut member.node)?;
        let property = self.visit(&mut member.property)?;
        if base.is_unknown() {
            return Ok(Type::Unknown);
        }
        let name = member.property.as_text();
        if let Some(name) = name {
            if base == Type::Nil {
                return Err(format!("type nil has no field {name}"));
            }
            if methods::signature(&base, name).is_some() {
                return Ok(Type::Function("method"));
            }
        }
        match &base {
            Type::Map(..) => {
                if !property.is_assignable_to(&base.map_key()) && !property.is_unknown() {
                    return Err(format!("cannot use {property} to get an element from {base}"));
                }
                Ok(base.item())
            }
            Type::List(..) => {
                if property != Type::Int && !property.is_unknown() {
                    return Err(format!("array elements can only be selected using an integer (got {property})"));
                }
                Ok(base.item())
            }
            _ => Err(match name {
                Some(name) if member.is_method => format!("type {base} has no method {name}"),
                Some(name) => format!("type {base} has no field {name}"),
                None => format!("type {base}[{property}] is undefined"),
            }),
        }
    }

    pub(super) fn slice(&mut self, slice: &mut Slice) -> Result<Type, String> {
        let ty = self.visit(&mut slice.node)?;
        if ty.is_unknown() {
            // Upstream does not look at the bounds here; types inside them are still needed.
            for bound in slice.from.iter_mut().chain(&mut slice.to) {
                self.visit(bound)?;
            }
            return Ok(Type::Unknown);
        }
        if !matches!(ty, Type::Text | Type::List(..)) {
            return Err(format!("cannot slice {ty}"));
        }
        for bound in slice.from.iter_mut().chain(&mut slice.to) {
            let bound = self.visit(bound)?;
            if bound != Type::Int && !bound.is_unknown() {
                return Err(format!("non-integer slice index {bound}"));
            }
        }
        Ok(ty)
    }
}
