//! Types of calls.

use super::Checker;
use crate::expr::{
    ast::{Kind, Node},
    builtins::{self, Signature},
    environment, methods,
    types::Type,
    value::Items,
};

impl Checker<'_> {
    pub(super) fn call(&mut self, callee: &mut Node, arguments: &mut [Node]) -> Result<Type, String> {
        let function = self.visit(callee)?;
        if function.is_unknown() {
            // What cannot be called is found out when it runs; the arguments still need types.
            for argument in arguments {
                self.visit(argument)?;
            }
            return Ok(Type::Unknown);
        }
        let name = match &callee.kind {
            Kind::Name(name) => name.clone(),
            Kind::Member(member) => member.property.as_text().unwrap_or("function").to_owned(),
            _ => "function".to_owned(),
        };
        if function == Type::Nil {
            return Err(format!("{name} is nil; cannot call nil as function"));
        }
        if let (Type::Function("method"), Kind::Member(member)) = (&function, &callee.kind)
            && let Some(signature) = methods::signature(&member.node.ty, &name)
        {
            return self.overload(&name, signature, arguments);
        }
        match function {
            Type::Function(known) => match environment::signature(known) {
                Some(signature) => self.overload(known, signature, arguments),
                None => self.builtin(known, arguments),
            },
            other => Err(format!("{other} is not callable")),
        }
    }

    pub(super) fn builtin(&mut self, name: &'static str, arguments: &mut [Node]) -> Result<Type, String> {
        if builtins::PREDICATES.contains(&name) {
            return self.predicate_builtin(name, arguments);
        }
        match builtins::signature(name) {
            Signature::Overloads(overloads) => {
                let mut problem = String::new();
                for overload in overloads {
                    match self.overload(name, overload, arguments) {
                        Ok(ty) => return Ok(ty),
                        Err(message) => problem = message,
                    }
                }
                Err(problem)
            }
            Signature::Validated(validate) => {
                let mut types = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    types.push(self.visit(argument)?);
                }
                validate(name, &types)
            }
            Signature::Get => self.get(arguments),
        }
    }

    fn get(&mut self, arguments: &mut [Node]) -> Result<Type, String> {
        let [from, key] = arguments else {
            return Err(format!("invalid number of arguments (expected 2, got {})", arguments.len()));
        };
        let (base, key) = (self.visit(from)?, self.visit(key)?);
        match &base {
            base if base.is_unknown() => Ok(Type::Unknown),
            Type::List(..) if key == Type::Int || key.is_unknown() => Ok(base.item()),
            Type::List(..) => Err(format!("non-integer slice index {key}")),
            Type::Map(..) if key.is_assignable_to(&base.map_key()) || key.is_unknown() => Ok(base.item()),
            Type::Map(..) => Err(format!("cannot use {key} to get an element from {base}")),
            _ => Err(format!("type {base} does not support indexing")),
        }
    }

    /// Checks arguments against one signature such as `ss>s`: two texts in, a text out.
    fn overload(&mut self, name: &str, signature: &str, arguments: &mut [Node]) -> Result<Type, String> {
        let (parameters, result) = signature.split_once('>').unwrap_or((signature, "a"));
        let result = parameter(result.chars().next().unwrap_or('a'));
        let is_variadic = parameters.ends_with('+');
        let parameters: Vec<char> = parameters.trim_end_matches('+').chars().collect();
        for argument in &mut *arguments {
            self.visit(argument)?;
        }
        if arguments.len() > parameters.len() && !is_variadic {
            return Err(format!("too many arguments to call {name}"));
        }
        if arguments.len() < parameters.len() - usize::from(is_variadic) {
            return Err(format!("not enough arguments to call {name}"));
        }
        for (i, argument) in arguments.iter_mut().enumerate() {
            let wanted = parameters.get(i).or(parameters.last()).copied().unwrap_or('a');
            accept(name, argument, &parameter(wanted))?;
        }
        Ok(result)
    }
}

fn accept(name: &str, argument: &mut Node, wanted: &Type) -> Result<(), String> {
    if *wanted == Type::Float && argument.ty == Type::Int {
        literals_to_floats(argument);
        return Ok(());
    }
    match &argument.ty {
        Type::Nil if matches!(wanted, Type::Any | Type::Zone) => Ok(()),
        Type::Nil => Err(format!("cannot use nil as argument (type {wanted}) to call {name}")),
        given if given.is_unknown() || given.is_assignable_to(wanted) => Ok(()),
        given => Err(format!("cannot use {given} as argument (type {wanted}) to call {name} ")),
    }
}

/// Whole numbers written where a floating-point number is wanted become one.
fn literals_to_floats(node: &mut Node) {
    match &mut node.kind {
        #[expect(clippy::cast_precision_loss, reason = "as Go converts")]
        Kind::Int(n) => {
            node.kind = Kind::Float(*n as f64);
            node.ty = Type::Float;
        }
        Kind::Unary(_, operand) => literals_to_floats(operand),
        Kind::Binary("+" | "-" | "*", left, right) => {
            literals_to_floats(left);
            literals_to_floats(right);
        }
        _ => {}
    }
}

/// The type that a letter of a signature stands for.
fn parameter(letter: char) -> Type {
    match letter {
        'b' => Type::Bool,
        'i' => Type::Int,
        'f' => Type::Float,
        's' => Type::Text,
        't' => Type::Time,
        'd' => Type::Duration,
        'z' => Type::Zone,
        'M' => Type::Month,
        'W' => Type::Weekday,
        'L' => Type::declared(Items::Any),
        'I' => Type::declared(Items::Ints),
        'F' => Type::declared(Items::Floats),
        'S' => Type::declared(Items::Texts),
        _ => Type::Any,
    }
}
