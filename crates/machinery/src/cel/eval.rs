//! Evaluation.

use std::{cmp::Ordering, collections::BTreeMap, sync::Arc};

use super::{
    EvalError, Val,
    ast::{Comprehension, Expr, Operator},
    functions, number,
};

/// Evaluates one expression.
pub(super) struct Evaluator<'a> {
    variables: Vec<(&'a str, Val)>,
    budget: &'a mut u64,
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(variables: &[(&'a str, Val)], budget: &'a mut u64) -> Self {
        Self { variables: variables.to_vec(), budget }
    }

    pub(super) fn evaluate(&mut self, expr: &'a Expr) -> Result<Val, EvalError> {
        self.spend(1)?;
        match expr {
            Expr::Literal(value) => Ok(value.clone()),
            Expr::Name(name) => self.variable(name),
            Expr::Select { of, field, optional } => {
                let of = self.evaluate(of)?;
                if *optional { optional_select(&of, field) } else { select(&of, field) }
            }
            Expr::Has { of, field } => {
                let of = self.evaluate(of)?;
                has(&of, field).map(Val::Bool)
            }
            Expr::Index { of, index, optional } => {
                let (of, index) = (self.evaluate(of)?, self.evaluate(index)?);
                if *optional { optional_index(&of, &index) } else { index_of(&of, &index) }
            }
            Expr::Call { name, of, args } => self.call(name, of.as_deref(), args),
            Expr::List(items) => {
                let items: Result<Vec<Val>, EvalError> = items.iter().map(|item| self.evaluate(item)).collect();
                items.map(Val::list)
            }
            Expr::Map(entries) => self.map(entries),
            Expr::Not(inner) => self.evaluate(inner)?.truth().map(|b| Val::Bool(!b)),
            Expr::Negate(inner) => number::negate(&self.evaluate(inner)?),
            Expr::Binary(operator, left, right) => {
                let (left, right) = (self.evaluate(left)?, self.evaluate(right)?);
                self.spend(size(&left).min(size(&right)))?;
                binary(*operator, &left, &right)
            }
            Expr::And(left, right) => self.short_circuit(left, right, false),
            Expr::Or(left, right) => self.short_circuit(left, right, true),
            Expr::Conditional(test, yes, no) => {
                let branch = if self.evaluate(test)?.truth()? { yes } else { no };
                self.evaluate(branch)
            }
            Expr::Comprehension { kind, range, name, filter, body } => {
                let range = self.evaluate(range)?;
                self.comprehension(*kind, &range, name, filter.as_deref(), body)
            }
            Expr::Bind { name, value, body } => {
                let value = self.evaluate(value)?;
                self.with(name, value, body)
            }
        }
    }

    fn spend(&mut self, steps: u64) -> Result<(), EvalError> {
        *self.budget = self.budget.checked_sub(steps).ok_or(EvalError::Budget)?;
        Ok(())
    }

    fn variable(&self, name: &str) -> Result<Val, EvalError> {
        let found = self.variables.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        found.or_else(|| functions::type_named(name)).ok_or_else(|| EvalError::Name(name.to_owned()))
    }

    fn with(&mut self, name: &'a str, value: Val, body: &'a Expr) -> Result<Val, EvalError> {
        self.variables.push((name, value));
        let result = self.evaluate(body);
        self.variables.pop();
        result
    }

    fn call(&mut self, name: &'static str, of: Option<&'a Expr>, args: &'a [Expr]) -> Result<Val, EvalError> {
        let mut values = Vec::with_capacity(args.len() + 1);
        for arg in of.into_iter().chain(args) {
            let value = self.evaluate(arg)?;
            self.spend(size(&value) / 10)?;
            values.push(value);
        }
        functions::call(name, &values)
    }

    fn map(&mut self, entries: &'a [(Expr, Expr)]) -> Result<Val, EvalError> {
        let mut map = BTreeMap::new();
        for (key, value) in entries {
            let Val::Text(key) = self.evaluate(key)? else { return Err(EvalError::Overload) };
            map.insert(key.to_string(), self.evaluate(value)?);
        }
        Ok(Val::Map(Arc::new(map)))
    }

    /// `&&` and `||`: one side that decides is enough, even if the other one fails.
    fn short_circuit(&mut self, left: &'a Expr, right: &'a Expr, decides: bool) -> Result<Val, EvalError> {
        let left = self.evaluate(left).and_then(|v| v.truth());
        if left == Err(EvalError::Budget) || left == Ok(decides) {
            return left.map(Val::Bool);
        }
        let right = self.evaluate(right).and_then(|v| v.truth());
        if right == Ok(decides) || left.is_ok() { right.map(Val::Bool) } else { left.map(Val::Bool) }
    }

    fn comprehension(
        &mut self,
        kind: Comprehension,
        range: &Val,
        name: &'a str,
        filter: Option<&'a Expr>,
        body: &'a Expr,
    ) -> Result<Val, EvalError> {
        let items: Vec<Val> = match range {
            Val::List(items, _) => items.to_vec(),
            Val::Map(map) => map.keys().map(|key| Val::text(key)).collect(),
            _ => return Err(EvalError::Overload),
        };
        match kind {
            Comprehension::Map => {
                let mut results = Vec::new();
                for item in items {
                    let kept = filter.map_or(Ok(true), |f| self.with(name, item.clone(), f)?.truth())?;
                    if kept {
                        results.push(self.with(name, item, body)?);
                    }
                }
                Ok(Val::list(results))
            }
            Comprehension::Filter => {
                let mut results = Vec::new();
                for item in items {
                    if self.with(name, item.clone(), body)?.truth()? {
                        results.push(item);
                    }
                }
                Ok(Val::list(results))
            }
            Comprehension::ExistsOne => {
                let mut count = 0;
                for item in items {
                    count += usize::from(self.with(name, item, body)?.truth()?);
                }
                Ok(Val::Bool(count == 1))
            }
            Comprehension::All => self.decided_by(items, name, body, false),
            Comprehension::Exists => self.decided_by(items, name, body, true),
        }
    }

    /// One item that decides is enough; else the first failure counts.
    fn decided_by(&mut self, items: Vec<Val>, name: &'a str, body: &'a Expr, decides: bool) -> Result<Val, EvalError> {
        let mut failure = None;
        for item in items {
            match self.with(name, item, body).and_then(|v| v.truth()) {
                Ok(truth) if truth == decides => return Ok(Val::Bool(decides)),
                Ok(_) => {}
                Err(EvalError::Budget) => return Err(EvalError::Budget),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(Val::Bool(!decides)), Err)
    }
}

/// How much work walking a value is.
fn size(value: &Val) -> u64 {
    (match value {
        Val::Text(text) => text.len(),
        Val::Bytes(bytes) => bytes.len(),
        Val::List(items, _) => items.len(),
        Val::Map(map) => map.len(),
        _ => 1,
    }) as u64
}

fn select(of: &Val, field: &str) -> Result<Val, EvalError> {
    match of {
        Val::Map(map) => map.get(field).cloned().ok_or_else(|| EvalError::Key(field.to_owned())),
        Val::Optional(_) => optional_select(of, field),
        _ => Err(EvalError::Overload),
    }
}

fn has(of: &Val, field: &str) -> Result<bool, EvalError> {
    match of {
        Val::Map(map) => Ok(map.contains_key(field)),
        Val::Optional(Some(inner)) => has(inner, field),
        Val::Optional(None) => Ok(false),
        _ => Err(EvalError::Overload),
    }
}

fn optional_select(of: &Val, field: &str) -> Result<Val, EvalError> {
    match of {
        Val::Map(map) => Ok(Val::Optional(map.get(field).cloned().map(Arc::new))),
        Val::Optional(Some(inner)) => optional_select(inner, field),
        Val::Optional(None) => Ok(Val::Optional(None)),
        _ => Err(EvalError::Overload),
    }
}

fn index_of(of: &Val, index: &Val) -> Result<Val, EvalError> {
    match (of, index) {
        (Val::List(items, _), Val::Int(at)) => {
            usize::try_from(*at).ok().and_then(|i| items.get(i)).cloned().ok_or(EvalError::Bounds(*at))
        }
        (Val::List(..), Val::Uint(at)) => index_of(of, &Val::Int(i64::try_from(*at).unwrap_or(i64::MAX))),
        (Val::Map(map), Val::Text(key)) => {
            map.get(key.as_ref()).cloned().ok_or_else(|| EvalError::Key(key.to_string()))
        }
        (Val::Optional(_), _) => optional_index(of, index),
        _ => Err(EvalError::Overload),
    }
}

fn optional_index(of: &Val, index: &Val) -> Result<Val, EvalError> {
    match of {
        Val::Optional(None) => Ok(Val::Optional(None)),
        Val::Optional(Some(inner)) => optional_index(inner, index),
        _ => match index_of(of, index) {
            Ok(value) => Ok(Val::Optional(Some(Arc::new(value)))),
            Err(EvalError::Key(_) | EvalError::Bounds(_)) => Ok(Val::Optional(None)),
            Err(error) => Err(error),
        },
    }
}

fn binary(operator: Operator, left: &Val, right: &Val) -> Result<Val, EvalError> {
    let ordered = |wanted: &[Ordering]| {
        left.compare(right).map(|order| Val::Bool(wanted.contains(&order))).ok_or(EvalError::Overload)
    };
    match operator {
        Operator::Equal => Ok(Val::Bool(left.equals(right))),
        Operator::NotEqual => Ok(Val::Bool(!left.equals(right))),
        Operator::Less => ordered(&[Ordering::Less]),
        Operator::LessOrEqual => ordered(&[Ordering::Less, Ordering::Equal]),
        Operator::Greater => ordered(&[Ordering::Greater]),
        Operator::GreaterOrEqual => ordered(&[Ordering::Greater, Ordering::Equal]),
        Operator::In => match (right, left) {
            (Val::List(items, _), _) => Ok(Val::Bool(items.iter().any(|item| item.equals(left)))),
            (Val::Map(map), Val::Text(key)) => Ok(Val::Bool(map.contains_key(key.as_ref()))),
            _ => Err(EvalError::Overload),
        },
        arithmetic => number::arithmetic(arithmetic, left, right),
    }
}
