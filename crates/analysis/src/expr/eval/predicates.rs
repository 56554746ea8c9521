//! Builtins that look at every item of a list.

use std::{cmp::Ordering, collections::BTreeMap, sync::Arc};

use super::{Machine, Scope, Stop, operators, unhashable};
use crate::expr::{
    ast::Node,
    value::{Items, Keys, List, Map, Value},
};

impl Machine<'_> {
    pub(super) fn predicate_builtin(&mut self, name: &str, arguments: &[Node]) -> Result<Value, Stop> {
        let collection = self.eval(&arguments[0])?;
        let list = match collection {
            Value::List(list) => list,
            Value::Text(text) => {
                let bytes = text.bytes().map(|byte| Value::Int(i64::from(byte))).collect();
                List { of: Items::Ints, items: Arc::new(bytes) }
            }
            Value::Nil => return Err(Stop::Failed("reflect: call of reflect.Value.Len on zero Value".to_owned())),
            other => {
                return Err(Stop::Failed(format!("reflect: call of reflect.Value.Len on {} Value", other.type_name())));
            }
        };
        let predicate = arguments.get(1);
        match name {
            "reduce" => self.reduce(&list.items, predicate, arguments.get(2)),
            "sortBy" => self.sort_by(&list.items, predicate, arguments.get(2)),
            "groupBy" => self.group_by(&list.items, predicate),
            "map" => {
                let made = self.each(&list.items, predicate)?;
                self.list(made)
            }
            "sum" => self.sum(&list.items, predicate),
            "findLast" | "findLastIndex" => self.find(name, &list.items, predicate, true),
            "find" | "findIndex" => self.find(name, &list.items, predicate, false),
            _ => self.test(name, &list, predicate),
        }
    }

    /// What the predicate says of one item; the item itself without predicate.
    fn ask(&mut self, predicate: Option<&Node>, index: usize, item: &Value) -> Result<Value, Stop> {
        let Some(predicate) = predicate else { return Ok(item.clone()) };
        let index = i64::try_from(index).unwrap_or(i64::MAX);
        self.scopes.push(Scope { item: item.clone(), index, accumulator: Value::Nil });
        let answer = self.eval(predicate);
        self.scopes.pop();
        answer
    }

    fn ask_bool(&mut self, predicate: Option<&Node>, index: usize, item: &Value) -> Result<bool, Stop> {
        Ok(operators::as_bool(&self.ask(predicate, index, item)?)?)
    }

    fn each(&mut self, items: &[Value], predicate: Option<&Node>) -> Result<Vec<Value>, Stop> {
        items.iter().enumerate().map(|(i, item)| self.ask(predicate, i, item)).collect()
    }

    fn test(&mut self, name: &str, list: &List, predicate: Option<&Node>) -> Result<Value, Stop> {
        let mut found = Vec::new();
        for (i, item) in list.items.iter().enumerate() {
            let is_true = self.ask_bool(predicate, i, item)?;
            match (name, is_true) {
                ("all", false) | ("none", true) => return Ok(Value::Bool(false)),
                ("any", true) => return Ok(Value::Bool(true)),
                (_, true) => found.push(item.clone()),
                _ => {}
            }
        }
        match name {
            "filter" => self.list(found),
            "count" => Ok(Value::Int(i64::try_from(found.len()).unwrap_or(i64::MAX))),
            "one" => Ok(Value::Bool(found.len() == 1)),
            _ => Ok(Value::Bool(name != "any")),
        }
    }

    fn find(&mut self, name: &str, items: &[Value], predicate: Option<&Node>, is_last: bool) -> Result<Value, Stop> {
        let mut order: Vec<usize> = (0..items.len()).collect();
        if is_last {
            order.reverse();
        }
        for i in order {
            if self.ask_bool(predicate, i, &items[i])? {
                let index = Value::Int(i64::try_from(i).unwrap_or(i64::MAX));
                return Ok(if name.ends_with("Index") { index } else { items[i].clone() });
            }
        }
        Ok(Value::Nil)
    }

    fn sum(&mut self, items: &[Value], predicate: Option<&Node>) -> Result<Value, Stop> {
        let mut sum = Value::Int(0);
        for (i, item) in items.iter().enumerate() {
            let term = self.ask(predicate, i, item)?;
            sum = operators::binary("+", &term, &sum)?;
        }
        Ok(sum)
    }

    fn group_by(&mut self, items: &[Value], predicate: Option<&Node>) -> Result<Value, Stop> {
        let mut groups: BTreeMap<_, Vec<Value>> = BTreeMap::new();
        for (i, item) in items.iter().enumerate() {
            let key = self.ask(predicate, i, item)?;
            let key = key.key().ok_or_else(|| unhashable(&key))?;
            self.take_memory(1)?;
            groups.entry(key).or_default().push(item.clone());
        }
        let entries = groups.into_iter().map(|(key, items)| (key, Value::list(items))).collect();
        Ok(Value::Map(Map { of: Keys::Groups, entries: Arc::new(entries) }))
    }

    fn sort_by(&mut self, items: &[Value], predicate: Option<&Node>, order: Option<&Node>) -> Result<Value, Stop> {
        let is_descending = match order {
            None => false,
            Some(order) => match operators::as_text(&self.eval(order)?)?.as_ref() {
                "asc" => false,
                "desc" => true,
                _ => return Err(Stop::Failed("unknown order, use asc or desc".to_owned())),
            },
        };
        let keys = self.each(items, predicate)?;
        let mut pairs: Vec<_> = keys.into_iter().zip(items.iter().cloned()).collect();
        self.take_memory(pairs.len())?;
        sort(&mut pairs, |pair| &pair.0, is_descending)?;
        Ok(Value::list(pairs.into_iter().map(|(_, item)| item).collect()))
    }

    fn reduce(&mut self, items: &[Value], predicate: Option<&Node>, initial: Option<&Node>) -> Result<Value, Stop> {
        let (mut accumulator, skipped) = match (initial, items.first()) {
            (Some(initial), _) => (self.eval(initial)?, 0),
            (None, Some(first)) => (first.clone(), 1),
            (None, None) => return Err(Stop::Failed("reflect: slice index out of range".to_owned())),
        };
        let Some(predicate) = predicate else { return Ok(accumulator) };
        for (i, item) in items.iter().enumerate().skip(skipped) {
            let index = i64::try_from(i).unwrap_or(i64::MAX);
            self.scopes.push(Scope { item: item.clone(), index, accumulator });
            let next = self.eval(predicate);
            self.scopes.pop();
            accumulator = next?;
        }
        Ok(accumulator)
    }
}

/// Sorts by a value of each item; fails where two cannot be compared.
pub(in crate::expr) fn sort<T>(items: &mut [T], key: impl Fn(&T) -> &Value, is_descending: bool) -> Result<(), String> {
    let mut problem = None;
    items.sort_by(|a, b| {
        let (a, b) = if is_descending { (key(b), key(a)) } else { (key(a), key(b)) };
        match operators::order("<", a, b) {
            Ok(order) => order.unwrap_or(Ordering::Equal),
            Err(message) => {
                problem.get_or_insert(message);
                Ordering::Equal
            }
        }
    });
    problem.map_or(Ok(()), Err)
}
