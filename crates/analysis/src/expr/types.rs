//! Static types. Upstream compiles a condition after the value is known, against the value's type; so do we.

use std::fmt;

use super::value::{Items, Keys, Value};

/// A static type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Type {
    /// Nothing is known.
    Unknown,
    /// Declared to be anything: nothing is known, but values of every type go there.
    Any,
    /// The type of `nil`.
    Nil,
    Bool,
    Int,
    Float,
    Text,
    Time,
    Duration,
    Zone,
    Month,
    Weekday,
    List(Items, Box<Type>),
    Map(Keys, Box<Type>),
    Function(&'static str),
    Predicate(Box<Type>),
}

impl Type {
    /// Returns the type of a value.
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Nil => Self::Nil,
            Value::Bool(_) => Self::Bool,
            Value::Int(_) => Self::Int,
            Value::Float(_) => Self::Float,
            Value::Text(_) => Self::Text,
            Value::List(list) => Self::declared(list.of),
            Value::Map(map) => Self::Map(map.of, Box::new(Self::Any)),
            Value::Time(_) => Self::Time,
            Value::Duration(_) => Self::Duration,
            Value::Zone(_) => Self::Zone,
            Value::Month(_) => Self::Month,
            Value::Weekday(_) => Self::Weekday,
            Value::Function(name) => Self::Function(name),
        }
    }

    /// Returns the type of a list that is declared to hold `items`.
    pub(super) fn declared(items: Items) -> Self {
        let item = match items {
            Items::Any => Self::Any,
            Items::Floats => Self::Float,
            Items::Ints => Self::Int,
            Items::Texts => Self::Text,
            Items::Maps => Self::Map(Keys::Text, Box::new(Self::Any)),
        };
        Self::List(items, Box::new(item))
    }

    /// Returns the type of a list made here, whose items are of this type.
    pub(super) fn list_of_it(self) -> Self {
        Self::List(Items::Any, Box::new(self))
    }

    pub(super) fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown | Self::Any)
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::Float)
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self, Self::List(..))
    }

    /// Returns the type of the items; unknown where there are none.
    pub(super) fn item(&self) -> Self {
        match self {
            Self::List(_, item) | Self::Map(_, item) => (**item).clone(),
            _ => Self::Unknown,
        }
    }

    /// Returns the type of a map's keys.
    pub(super) fn map_key(&self) -> Self {
        match self {
            Self::Map(Keys::Text, _) => Self::Text,
            Self::Map(..) => Self::Any,
            _ => Self::Unknown,
        }
    }

    pub(super) fn is_assignable_to(&self, to: &Type) -> bool {
        match (self, to) {
            (Self::Nil, Self::Any | Self::Zone | Self::Map(..) | Self::List(..) | Self::Function(_)) => true,
            (Self::Nil | Self::Unknown, _) | (_, Self::Nil | Self::Unknown) => false,
            (_, Self::Any) => true,
            (Self::List(a, _), Self::List(b, _)) => a == b,
            (Self::Map(a, _), Self::Map(b, _)) => a == b,
            (a, b) => a == b,
        }
    }

    pub(super) fn is_comparable_to(&self, other: &Type) -> bool {
        self.is_unknown()
            || other.is_unknown()
            || matches!(self, Self::Nil)
            || matches!(other, Self::Nil)
            || self.is_number() && other.is_number()
            || self.is_list() && other.is_list()
            || self.is_assignable_to(other)
    }

    /// Returns whether one is unknown and the other unknown too, or one of `kinds`.
    pub(super) fn may_fit(&self, other: &Type, is_kind: impl Fn(&Type) -> bool) -> bool {
        match (self.is_unknown(), other.is_unknown()) {
            (true, true) => true,
            (true, false) => is_kind(other),
            (false, true) => is_kind(self),
            (false, false) => false,
        }
    }

    /// Returns how messages about arguments print the type: one that is nothing has no name there.
    pub(super) fn as_argument(&self) -> String {
        match self {
            Self::Nil => "%!s(<nil>)".to_owned(),
            Self::Unknown => Self::Any.to_string(),
            known => known.to_string(),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown | Self::Nil => "unknown",
            Self::Any => "interface {}",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float64",
            Self::Text => "string",
            Self::Time => "time.Time",
            Self::Duration => "time.Duration",
            Self::Zone => "*time.Location",
            Self::Month => "time.Month",
            Self::Weekday => "time.Weekday",
            Self::List(items, _) => items.type_name(),
            Self::Map(keys, _) => keys.type_name(),
            Self::Function(_) => "func",
            Self::Predicate(_) => "func(interface {}) interface {}",
        })
    }
}
