//! Values, and how Go prints them and names their types.

use std::{collections::BTreeMap, fmt, sync::Arc};

use jiff::{Timestamp, tz::TimeZone};

use super::go_time;

/// A value of an expression.
#[derive(Debug, Clone)]
pub enum Value {
    /// Nothing.
    Nil,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// Text.
    Text(Arc<str>),
    /// A list.
    List(List),
    /// A map.
    Map(Map),
    /// A moment, with the zone in which its fields are read.
    Time(Moment),
    /// Nanoseconds.
    Duration(i64),
    /// A time zone.
    Zone(TimeZone),
    /// A month, 1 to 12.
    Month(i8),
    /// A day of the week, 0 to 6 from Sunday.
    Weekday(i8),
    /// A function by name.
    Function(&'static str),
}

/// A moment and a zone.
#[derive(Debug, Clone)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// Where.
    pub zone: TimeZone,
}

/// What a list is declared to hold; matters for the names of types and for a few comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Items {
    /// Anything.
    Any,
    /// Floating-point numbers.
    Floats,
    /// Whole numbers.
    Ints,
    /// Text.
    Texts,
    /// Maps from text to anything.
    Maps,
}

/// A list.
#[derive(Debug, Clone)]
pub struct List {
    /// What it is declared to hold.
    pub of: Items,
    /// The items.
    pub items: Arc<Vec<Value>>,
}

/// What a map is declared to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// Text to anything.
    Text,
    /// Anything to anything.
    Any,
    /// Anything to lists: the result of `groupBy`.
    Groups,
}

/// A map.
#[derive(Debug, Clone)]
pub struct Map {
    /// What it is declared to hold.
    pub of: Keys,
    /// The entries.
    pub entries: Arc<BTreeMap<Key, Value>>,
}

/// A key of a map.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// Nothing.
    Nil,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A floating-point number in an order-preserving form.
    Float(u64),
    /// Text.
    Text(Arc<str>),
}

impl Value {
    /// Returns text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// Returns a list of anything.
    #[must_use]
    pub fn list(items: Vec<Value>) -> Self {
        Self::list_of(Items::Any, items)
    }

    /// Returns a list.
    #[must_use]
    pub fn list_of(of: Items, items: Vec<Value>) -> Self {
        Self::List(List { of, items: Arc::new(items) })
    }

    /// Returns a list of floating-point numbers.
    #[must_use]
    pub fn floats(numbers: impl IntoIterator<Item = f64>) -> Self {
        Self::list_of(Items::Floats, numbers.into_iter().map(Value::Float).collect())
    }

    /// Returns a map from text.
    #[must_use]
    pub fn map(entries: impl IntoIterator<Item = (String, Value)>) -> Self {
        let entries = entries.into_iter().map(|(key, value)| (Key::Text(key.into()), value)).collect();
        Self::Map(Map { of: Keys::Text, entries: Arc::new(entries) })
    }

    /// Returns decoded JSON as Go decodes it: every number is a floating-point number.
    #[must_use]
    pub fn from_json(json: &serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Nil,
            serde_json::Value::Bool(b) => Self::Bool(*b),
            serde_json::Value::Number(n) => Self::Float(n.as_f64().unwrap_or(f64::NAN)),
            serde_json::Value::String(text) => Self::text(text),
            serde_json::Value::Array(items) => Self::list(items.iter().map(Self::from_json).collect()),
            serde_json::Value::Object(fields) => {
                Self::map(fields.iter().map(|(key, value)| (key.clone(), Self::from_json(value))))
            }
        }
    }

    /// Returns whether there is no data in it: nothing, or an empty list.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Nil => true,
            Self::List(list) => list.items.is_empty(),
            _ => false,
        }
    }

    /// Returns the name that Go gives to the type, for instance `[]float64`.
    #[must_use]
    pub fn go_type(&self) -> &'static str {
        self.type_name()
    }

    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::List(list) => list.of.type_name(),
            Self::Map(map) => map.of.type_name(),
            Self::Time(_) => "time.Time",
            Self::Duration(_) => "time.Duration",
            Self::Zone(_) => "*time.Location",
            Self::Month(_) => "time.Month",
            Self::Weekday(_) => "time.Weekday",
            Self::Function(_) => "func",
        }
    }

    /// Returns the key that this value is in a map; `None` for what cannot be one.
    pub(super) fn key(&self) -> Option<Key> {
        Some(match self {
            Self::Nil => Key::Nil,
            Self::Bool(b) => Key::Bool(*b),
            Self::Int(n) => Key::Int(*n),
            Self::Float(f) => Key::float(*f),
            Self::Text(text) => Key::Text(text.clone()),
            _ => return None,
        })
    }
}

impl Items {
    pub(super) fn type_name(self) -> &'static str {
        match self {
            Self::Any => "[]interface {}",
            Self::Floats => "[]float64",
            Self::Ints => "[]int",
            Self::Texts => "[]string",
            Self::Maps => "[]map[string]interface {}",
        }
    }
}

impl Keys {
    pub(super) fn type_name(self) -> &'static str {
        match self {
            Self::Text => "map[string]interface {}",
            Self::Any => "map[interface {}]interface {}",
            Self::Groups => "map[interface {}][]interface {}",
        }
    }
}

impl Key {
    fn float(f: f64) -> Self {
        let bits = f.to_bits();
        Self::Float(if bits >> 63 == 0 { bits | (1 << 63) } else { !bits })
    }

    /// Returns the value that is the key.
    pub(super) fn value(&self) -> Value {
        match self {
            Self::Nil => Value::Nil,
            Self::Bool(b) => Value::Bool(*b),
            Self::Int(n) => Value::Int(*n),
            Self::Float(bits) => Value::Float(f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits })),
            Self::Text(text) => Value::Text(text.clone()),
        }
    }
}

/// Prints as Go's verb `%v`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("<nil>"),
            Self::Bool(b) => write!(f, "{b}"),
            Self::Int(n) => write!(f, "{n}"),
            Self::Float(n) => f.write_str(&float(*n)),
            Self::Text(text) => f.write_str(text),
            Self::List(list) => {
                f.write_str("[")?;
                for (i, item) in list.items.iter().enumerate() {
                    write!(f, "{}{item}", if i == 0 { "" } else { " " })?;
                }
                f.write_str("]")
            }
            Self::Map(map) => {
                f.write_str("map[")?;
                for (i, (key, value)) in map.entries.iter().enumerate() {
                    write!(f, "{}{}:{value}", if i == 0 { "" } else { " " }, key.value())?;
                }
                f.write_str("]")
            }
            Self::Time(moment) => f.write_str(&go_time::plain(moment)),
            Self::Duration(nanos) => {
                f.write_str(&tiphys_machinery::go_duration::format(jiff::SignedDuration::from_nanos(*nanos)))
            }
            Self::Zone(zone) => f.write_str(zone.iana_name().unwrap_or("Local")),
            Self::Month(month) => f.write_str(go_time::month_name(*month)),
            Self::Weekday(day) => f.write_str(go_time::weekday_name(*day)),
            Self::Function(name) => f.write_str(name),
        }
    }
}

/// Prints a number as Go's `%v`: the shortest digits, with an exponent below 1e-4 and from 1e21 on.
#[must_use]
pub fn float(n: f64) -> String {
    if n.is_nan() {
        return "NaN".to_owned();
    }
    if n.is_infinite() {
        return if n > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    let scientific = format!("{n:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if n != 0.0 && !(-4..21).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    format!("{n}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_go_does() {
        let cases: [(f64, &str); 9] = [
            (0.0, "0"),
            (10.0, "10"),
            (0.5, "0.5"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (f64::NEG_INFINITY, "-Inf"),
            (-2.5, "-2.5"),
        ];
        for (number, text) in cases {
            assert_eq!(float(number), text);
        }
    }

    #[test]
    fn keys_order_as_their_values() {
        let mut keys: Vec<_> = [2.5, -1.0, 0.0, -7.0].map(Key::float).to_vec();
        keys.sort();
        let sorted: Vec<_> = keys.iter().map(|key| key.value().to_string()).collect();
        assert_eq!(sorted, ["-7", "-1", "0", "2.5"]);
    }
}
