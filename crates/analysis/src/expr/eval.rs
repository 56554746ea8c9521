//! Running a checked expression.
//!
//! Every node and every item that is made costs a step, every made item or byte memory: an expression cannot run long or
//! grow large, whatever it says.

pub(super) mod operators;
mod predicates;

pub(super) use predicates::sort as predicates_sort;

use super::{
    ast::{Kind, Member, Node, Slice},
    builtins,
    environment::Environment,
    methods,
    types::Type,
    value::{Items, Key, Keys, Value},
};

/// Items and bytes that an expression may make.
const MEMORY: usize = 1_000_000;
/// Steps that an expression may take.
const STEPS: usize = 5_000_000;

/// Runs a tree.
///
/// # Errors
/// In upstream's words, where they are not Go's own.
pub(super) fn run(node: &Node, environment: &Environment) -> Result<Value, String> {
    let mut machine = Machine { environment, variables: Vec::new(), scopes: Vec::new(), steps: 0, memory: 0 };
    match machine.eval(node) {
        Ok(value) => Ok(value),
        Err(Stop::Chain) => Ok(Value::Nil),
        Err(Stop::Failed(message)) => Err(message),
    }
}

/// Why a node has no value.
pub(super) enum Stop {
    /// An optional access found nothing: the enclosing chain is nothing.
    Chain,
    Failed(String),
}

impl From<String> for Stop {
    fn from(message: String) -> Self {
        Self::Failed(message)
    }
}

pub(super) struct Machine<'e> {
    pub(super) environment: &'e Environment,
    variables: Vec<(String, Value)>,
    scopes: Vec<Scope>,
    steps: usize,
    memory: usize,
}

/// The item that a predicate looks at.
struct Scope {
    item: Value,
    index: i64,
    accumulator: Value,
}

impl Machine<'_> {
    fn eval(&mut self, node: &Node) -> Result<Value, Stop> {
        self.take_steps(1)?;
        Ok(match &node.kind {
            Kind::Nil => Value::Nil,
            Kind::Bool(b) => Value::Bool(*b),
            Kind::Int(n) => Value::Int(*n),
            Kind::Float(f) => Value::Float(*f),
            Kind::Text(text) => Value::Text(text.clone()),
            Kind::Constant(value) => value.clone(),
            Kind::Name(name) => self.name(name)?,
            Kind::Unary(operator, operand) => {
                let operand = self.eval(operand)?;
                operators::unary(operator, &operand)?
            }
            Kind::Binary(operator, left, right) => self.binary(operator, left, right)?,
            Kind::Chain(inner) => match self.eval(inner) {
                Err(Stop::Chain) => Value::Nil,
                other => other?,
            },
            Kind::Member(member) => self.member(member)?,
            Kind::Slice(slice) => self.slice(slice)?,
            Kind::Call(callee, arguments) => self.call(callee, arguments)?,
            Kind::Builtin(name, arguments) if builtins::PREDICATES.contains(name) => {
                self.predicate_builtin(name, arguments)?
            }
            Kind::Builtin(name, arguments) => {
                let arguments = self.eval_all(arguments)?;
                self.builtin(name, &arguments)?
            }
            Kind::Predicate(body) => self.eval(body)?,
            Kind::Pointer(name) => self.pointer(name)?,
            Kind::Let(name, value, body) => {
                let value = self.eval(value)?;
                self.variables.push((name.clone(), value));
                let value = self.eval(body);
                self.variables.pop();
                value?
            }
            Kind::Sequence(nodes) => self.eval_all(nodes)?.pop().unwrap_or(Value::Nil),
            Kind::Conditional(nodes) => {
                let is_true = self.eval_bool(&nodes[0])?;
                self.eval(&nodes[if is_true { 1 } else { 2 }])?
            }
            Kind::List(nodes) => {
                let items = self.eval_all(nodes)?;
                self.list(items)?
            }
            Kind::Map(pairs) => self.map(pairs)?,
        })
    }

    fn eval_all(&mut self, nodes: &[Node]) -> Result<Vec<Value>, Stop> {
        nodes.iter().map(|node| self.eval(node)).collect()
    }

    fn eval_bool(&mut self, node: &Node) -> Result<bool, Stop> {
        Ok(operators::as_bool(&self.eval(node)?)?)
    }

    fn take_steps(&mut self, steps: usize) -> Result<(), Stop> {
        self.steps += steps;
        if self.steps > STEPS { Err(Stop::Failed("step budget exceeded".to_owned())) } else { Ok(()) }
    }

    pub(super) fn take_memory(&mut self, size: usize) -> Result<(), Stop> {
        self.memory = self.memory.saturating_add(size);
        if self.memory >= MEMORY {
            return Err(Stop::Failed("memory budget exceeded".to_owned()));
        }
        self.take_steps(size)
    }

    fn list(&mut self, items: Vec<Value>) -> Result<Value, Stop> {
        self.take_memory(items.len())?;
        Ok(Value::list(items))
    }

    fn map(&mut self, pairs: &[(Node, Node)]) -> Result<Value, Stop> {
        self.take_memory(pairs.len())?;
        let mut entries = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            let key = operators::as_text(&self.eval(key)?)?.to_string();
            entries.push((key, self.eval(value)?));
        }
        Ok(Value::map(entries))
    }

    fn name(&self, name: &str) -> Result<Value, Stop> {
        if let Some((_, value)) = self.variables.iter().rev().find(|(variable, _)| variable == name) {
            return Ok(value.clone());
        }
        if name == "$env" {
            let result = self.environment.result.clone().map(|value| ("result".to_owned(), value));
            return Ok(Value::map(result));
        }
        let builtin = || builtins::known(name).map(Value::Function);
        self.environment
            .value_of(name)
            .or_else(builtin)
            .ok_or_else(|| Stop::Failed(format!("cannot fetch {name} from map[string]interface {{}}")))
    }

    fn pointer(&self, name: &str) -> Result<Value, Stop> {
        let scope = self.scopes.last().ok_or_else(|| Stop::Failed("no item under consideration".to_owned()))?;
        Ok(match name {
            "index" => Value::Int(scope.index),
            "acc" => scope.accumulator.clone(),
            _ => scope.item.clone(),
        })
    }

    fn binary(&mut self, operator: &str, left: &Node, right: &Node) -> Result<Value, Stop> {
        match operator {
            "and" | "&&" if !self.eval_bool(left)? => return Ok(Value::Bool(false)),
            "or" | "||" if self.eval_bool(left)? => return Ok(Value::Bool(true)),
            "and" | "&&" | "or" | "||" => return self.eval(right),
            "??" => {
                let value = match self.eval(left) {
                    Err(Stop::Chain) => Value::Nil,
                    other => other?,
                };
                return if matches!(value, Value::Nil) { self.eval(right) } else { Ok(value) };
            }
            _ => {}
        }
        let (l, r) = (self.eval(left)?, self.eval(right)?);
        if self.environment.is_guarded && is_text_test(operator) && matches!(l, Value::Nil) {
            return Err(Stop::Failed(format!("invalid operation: <nil> {operator} {}", r.type_name())));
        }
        match operator {
            "==" | "!=" => {
                simple_types(&left.ty, &right.ty, &l, &r)?;
                Ok(Value::Bool(operators::equal(&l, &r) == (operator == "==")))
            }
            ".." => self.range(&l, &r),
            _ => {
                if let (Value::Text(l), Value::Text(r)) = (&l, &r) {
                    self.take_steps((l.len() + r.len()) / 16)?;
                    if operator == "+" {
                        self.take_memory((l.len() + r.len()) / 16)?;
                    }
                }
                Ok(operators::binary(operator, &l, &r)?)
            }
        }
    }

    fn range(&mut self, l: &Value, r: &Value) -> Result<Value, Stop> {
        let (from, to) = (operators::to_int(l)?, operators::to_int(r)?);
        let size = usize::try_from(to.saturating_sub(from).saturating_add(1)).unwrap_or(0);
        self.take_memory(size)?;
        let items = if size == 0 { Vec::new() } else { (from..=to).map(Value::Int).collect() };
        Ok(Value::list_of(Items::Ints, items))
    }

    fn member(&mut self, member: &Member) -> Result<Value, Stop> {
        if member.node.as_name() == Some("$env")
            && let Some(name) = member.property.as_text()
        {
            return Ok(self.environment.value_of(name).unwrap_or(Value::Nil));
        }
        let base = self.eval(&member.node)?;
        if member.is_optional && matches!(base, Value::Nil) {
            return Err(Stop::Chain);
        }
        let property = self.eval(&member.property)?;
        if is_filter_end(&member.node, &property) && base.is_empty() {
            return Err(Stop::Failed("reflect: slice index out of range".to_owned()));
        }
        Ok(fetch(&base, &property)?)
    }

    fn slice(&mut self, slice: &Slice) -> Result<Value, Stop> {
        let base = self.eval(&slice.node)?;
        let to = slice.to.as_ref().map(|to| self.eval(to)).transpose()?;
        let from = slice.from.as_ref().map(|from| self.eval(from)).transpose()?;
        Ok(operators::slice(&base, from.as_ref(), to.as_ref())?)
    }

    fn call(&mut self, callee: &Node, arguments: &[Node]) -> Result<Value, Stop> {
        if let Kind::Member(member) = &callee.kind {
            let base = self.eval(&member.node)?;
            if member.is_optional && matches!(base, Value::Nil) {
                return Err(Stop::Chain);
            }
            if let Some(name) = member.property.as_text()
                && methods::signature(&Type::of(&base), name).is_some()
            {
                let arguments = self.eval_all(arguments)?;
                return Ok(methods::call(&base, name, &arguments)?);
            }
            let property = self.eval(&member.property)?;
            let value = fetch(&base, &property)?;
            return Err(Stop::Failed(not_callable(&value)));
        }
        match self.eval(callee)? {
            Value::Function("default" | "isNil") if matches!(callee.as_name(), Some("default" | "isNil")) => {
                self.about_absence(callee.as_name() == Some("isNil"), arguments)
            }
            Value::Function(name) => {
                let arguments = self.eval_all(arguments)?;
                if super::environment::signature(name).is_some() {
                    Ok(builtins::convert::environment(name, &arguments)?)
                } else {
                    self.builtin(name, &arguments)
                }
            }
            other => Err(Stop::Failed(not_callable(&other))),
        }
    }

    /// `isNil(x)` and `default(x, d)`. Upstream looks at the whole result whatever `x` is; here that holds only where `x` is
    /// `result`.
    fn about_absence(&mut self, is_test: bool, arguments: &[Node]) -> Result<Value, Stop> {
        let Some((subject, rest)) = arguments.split_first() else { return Ok(Value::Nil) };
        let value = self.eval(subject)?;
        let default = rest.first().map(|node| self.eval(node)).transpose()?;
        Ok(match (is_test, value) {
            (true, value) => Value::Bool(matches!(value, Value::Nil)),
            (false, Value::Nil) => default.unwrap_or(Value::Nil),
            (false, value) => value,
        })
    }
}

fn not_callable(value: &Value) -> String {
    match value {
        Value::Nil => "invalid operation: cannot call nil".to_owned(),
        other => format!("invalid operation: cannot call non-function of type {}", other.type_name()),
    }
}

fn is_text_test(operator: &str) -> bool {
    matches!(operator, "contains" | "startsWith" | "endsWith" | "matches" | "in")
}

/// The first or last item of a filter is searched for, not indexed.
fn is_filter_end(node: &Node, property: &Value) -> bool {
    matches!(node.kind, Kind::Builtin("filter", _)) && matches!(property, Value::Int(0 | -1))
}

/// Where both sides are known to be whole numbers or text, upstream compares without looking at the values' types.
fn simple_types(left: &Type, right: &Type, l: &Value, r: &Value) -> Result<(), String> {
    let wrong = |value: &Value, wanted: &str| {
        let found = if matches!(value, Value::Nil) { "nil" } else { value.type_name() };
        format!("interface conversion: interface {{}} is {found}, not {wanted}")
    };
    for value in [l, r] {
        match (left, right) {
            (Type::Int, Type::Int) if !matches!(value, Value::Int(_)) => return Err(wrong(value, "int")),
            (Type::Text, Type::Text) if !matches!(value, Value::Text(_)) => return Err(wrong(value, "string")),
            _ => {}
        }
    }
    Ok(())
}

/// Returns a field, an entry or an item.
pub(super) fn fetch(base: &Value, property: &Value) -> Result<Value, String> {
    match base {
        Value::Map(map) => {
            if map.of == Keys::Text && !matches!(property, Value::Text(_) | Value::Nil) {
                return Err(format!(
                    "reflect.Value.MapIndex: value of type {} is not assignable to type string",
                    property.type_name()
                ));
            }
            let key = match property {
                Value::Nil if map.of == Keys::Text => Key::Text("".into()),
                property => property.key().ok_or_else(|| unhashable(property))?,
            };
            let absent = || if map.of == Keys::Groups { Value::list(Vec::new()) } else { Value::Nil };
            Ok(map.entries.get(&key).cloned().unwrap_or_else(absent))
        }
        Value::List(list) => {
            let index = operators::to_int(property)?;
            let found = position(index, list.items.len()).and_then(|at| list.items.get(at));
            found.cloned().ok_or_else(|| out_of_range(index, list.items.len()))
        }
        Value::Text(text) => {
            let index = operators::to_int(property)?;
            let found = position(index, text.len()).and_then(|at| text.as_bytes().get(at));
            found.map(|byte| Value::Int(i64::from(*byte))).ok_or_else(|| out_of_range(index, text.len()))
        }
        other => Err(format!("cannot fetch {property} from {}", other.type_name())),
    }
}

pub(super) fn unhashable(value: &Value) -> String {
    format!("hash of unhashable type: {}", value.type_name())
}

/// Returns where in a list of `length` items the item `index` is, counted from the end if negative.
pub(super) fn position(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    usize::try_from(if index < 0 { length + index } else { index }).ok()
}

fn out_of_range(index: i64, length: usize) -> String {
    let shown = if index < 0 { i64::try_from(length).unwrap_or(i64::MAX) + index } else { index };
    format!("index out of range: {shown} (array length is {length})")
}
