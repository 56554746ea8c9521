//! How Go prints JSON values: parts of upstream's error messages come straight out of `fmt`.

use serde_json::{Map, Number, Value};

/// Prints a value as the verb `%v` does: `map[a:1 b:[x y]]`.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => number(n),
        Value::String(s) => s.clone(),
        Value::Array(items) => plain_list(items),
        Value::Object(map) => plain_map(map),
    }
}

/// Prints a list as the verb `%v` does.
pub(crate) fn plain_list(items: &[Value]) -> String {
    format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(" "))
}

/// Prints an object as the verb `%v` does, keys sorted.
pub(crate) fn plain_map(map: &Map<String, Value>) -> String {
    format!("map[{}]", sorted(map).map(|(k, v)| format!("{k}:{}", plain(v))).collect::<Vec<_>>().join(" "))
}

/// Prints a value as the verb `%#v` does: `map[string]interface {}{"a":1}`.
pub(crate) fn syntax(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => number(n),
        Value::String(s) => quoted(s),
        Value::Array(items) => {
            format!("[]interface {{}}{{{}}}", items.iter().map(syntax).collect::<Vec<_>>().join(", "))
        }
        Value::Object(map) => {
            let fields: Vec<_> = sorted(map).map(|(k, v)| format!("{}:{}", quoted(k), syntax(v))).collect();
            format!("map[string]interface {{}}{{{}}}", fields.join(", "))
        }
    }
}

/// Names the dynamic type of a decoded value, as the verb `%T` does.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(n) if n.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// Quotes a string as the verb `%q` does.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Prints a number as `%v` does: floats drop a zero fraction.
pub(crate) fn number(n: &Number) -> String {
    match n.as_f64() {
        Some(f) if n.is_f64() => format!("{f}"),
        _ => n.to_string(),
    }
}

fn sorted(map: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    let mut fields: Vec<_> = map.iter().collect();
    fields.sort_by_key(|(k, _)| *k);
    fields.into_iter()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_print_as_go_does() {
        let value = json!({"b": [1, "x", null], "a": {"c": true, "f": 1.0}});
        assert_eq!(plain(&value), "map[a:map[c:true f:1] b:[1 x <nil>]]");
        assert_eq!(
            syntax(&value),
            "map[string]interface {}{\"a\":map[string]interface {}{\"c\":true, \"f\":1}, \"b\":[]interface {}{1, \"x\", \
             interface {}(nil)}}"
        );
        assert_eq!(quoted("a\"\n"), r#""a\"\n""#);
    }
}
