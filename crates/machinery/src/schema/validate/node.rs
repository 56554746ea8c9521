//! One value against one node, as the validator of the reference server goes about it.

use serde_json::{Number, Value};

use super::{
    super::{Rules, Schema, Type, format},
    correlated,
};
use crate::{error::Cause, field::Path};

/// Returns what is wrong, each text once.
pub(super) fn validate(value: &Value, old: Option<&Value>, schema: &Schema) -> Vec<Cause> {
    check(value, old, schema, "").causes
}

/// What a check found. The number of checks passed decides which alternative's failures are shown.
#[derive(Default)]
struct Found {
    causes: Vec<Cause>,
    passed: usize,
}

impl Found {
    fn add(&mut self, cause: Cause) {
        if !self.causes.contains(&cause) {
            self.causes.push(cause);
        }
    }

    fn merge(&mut self, other: Found) {
        self.passed += other.passed;
        other.causes.into_iter().for_each(|cause| self.add(cause));
    }
}

/// A cause without a path: upstream's validator knows none for these.
fn pathless(reason: &str) -> Cause {
    Path::default().invalid("", reason)
}

fn check(value: &Value, old: Option<&Value>, schema: &Schema, path: &str) -> Found {
    if old == Some(value) {
        return Found { passed: 1, ..Found::default() };
    }
    let at = Path::new(path);
    let mut found = Found::default();
    let declared = types(schema);
    if !declared.is_empty() || schema.format.is_some() {
        match type_cause(value, schema, &declared, path) {
            Some(cause) => found.add(cause),
            None => found.passed += 1,
        }
        found.passed += 1;
    }
    let nothing = Rules::default();
    let rules = schema.rules.as_deref().unwrap_or(&nothing);
    if value.is_null() {
        found.causes.extend(enum_cause(value, rules, &at));
        return found;
    }
    found.merge(junctors(value, old, rules, path));
    found.passed += 1;
    match value {
        Value::String(text) => string(text, schema, rules, path, &mut found),
        Value::Number(number) => numeric(number, schema, rules, path, &mut found),
        Value::Array(items) => array(items, old, schema, rules, path, &mut found),
        _ => {}
    }
    found.causes.extend(enum_cause(value, rules, &at));
    found.passed += 1;
    if value.is_object() {
        object(value, old, schema, rules, path, &mut found);
        found.passed += 1;
    }
    found.passed += 1;
    found
}

/// The types that a node declares, as their JSON schema names them.
fn types(schema: &Schema) -> Vec<&'static str> {
    match schema.ty {
        Type::Any => Vec::new(),
        Type::Object => vec!["object"],
        Type::Array => vec!["array"],
        Type::String => vec!["string"],
        Type::Integer => vec!["integer"],
        Type::Number => vec!["number"],
        Type::Boolean => vec!["boolean"],
        Type::IntOrString | Type::Quantity => vec!["integer", "string"],
    }
}

/// Type and format of a value, as its Go counterpart has them.
fn type_of(value: &Value) -> (&'static str, &'static str) {
    match value {
        Value::Null => ("null", ""),
        Value::Bool(_) => ("boolean", ""),
        Value::Number(n) if n.is_f64() => ("number", "float64"),
        Value::Number(_) => ("integer", "int64"),
        Value::String(_) => ("string", ""),
        Value::Array(_) => ("array", ""),
        Value::Object(_) => ("object", ""),
    }
}

fn type_cause(value: &Value, schema: &Schema, declared: &[&str], path: &str) -> Option<Cause> {
    let at = Path::new(path);
    let refuse = |expected: &str, given: &str| {
        Some(at.type_invalid(given, &format!("{path} in body must be of type {expected}: {given:?}")))
    };
    let (ty, ty_format) = type_of(value);
    if value.is_null() {
        return if declared.is_empty() || schema.nullable { None } else { refuse(&declared.join(","), "null") };
    }
    let numeric = declared.contains(&"integer") || declared.contains(&"number");
    let whole_float = ty == "number"
        && declared.contains(&"integer")
        && value.as_f64().is_some_and(|f| f.fract() == 0.0 && f.abs() <= 9_007_199_254_740_991.0);
    let fits = declared.contains(&ty) || whole_float || (ty == "integer" && declared.contains(&"number"));
    if let Some(wanted) = schema.format.as_deref().filter(|f| format::is_known(f)) {
        let text = value.is_string() || value.is_array();
        if !text && !fits && ty_format != wanted {
            return refuse(wanted, ty_format);
        }
        if text && !numeric {
            return None;
        }
    }
    if declared.is_empty() || fits { None } else { refuse(&declared.join(","), ty) }
}

fn enum_cause(value: &Value, rules: &Rules, at: &Path) -> Option<Cause> {
    let allowed = &rules.one_of_values;
    let same =
        |other: &Value| value == other || (value.is_number() && other.is_number() && value.as_f64() == other.as_f64());
    if allowed.is_empty() || allowed.iter().any(|a| !a.is_null() && same(a)) {
        return None;
    }
    let texts: Vec<String> = allowed.iter().map(|a| a.as_str().map_or_else(|| a.to_string(), str::to_owned)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    Some(at.unsupported(value.clone(), &texts))
}

fn string(text: &str, schema: &Schema, rules: &Rules, path: &str, found: &mut Found) {
    found.passed += 1;
    let at = Path::new(path);
    let length = text.chars().count() as u64;
    let (shortest, longest) = rules.length;
    let refuse = |reason: String| at.invalid(text, &format!("{path} in body {reason}"));
    if let Some(limit) = longest.filter(|l| length > *l) {
        found.add(at.too_long(usize::try_from(limit).unwrap_or(usize::MAX)));
    } else if let Some(limit) = shortest.filter(|l| length < *l) {
        found.add(refuse(format!("should be at least {limit} chars long")));
    } else if let Some(pattern) = &rules.pattern {
        match pattern.matches(text) {
            Ok(true) => {}
            Ok(false) => found.add(refuse(format!("should match '{}'", pattern.as_str()))),
            Err(error) => {
                found.add(refuse(format!("should match '{}, but pattern is invalid: {error}'", pattern.as_str())));
            }
        }
    }
    if let Some(wanted) = schema.format.as_deref().filter(|f| format::is_known(f)) {
        if !format::check(wanted, text) {
            found.add(at.type_invalid(text, &format!("{path} in body must be of type {wanted}: {text:?}")));
        }
        found.passed += 1;
    }
}

fn numeric(number: &Number, schema: &Schema, rules: &Rules, path: &str, found: &mut Found) {
    let value = number.as_f64().unwrap_or_default();
    let at = Path::new(path);
    let mut refuse = |detail: String| found.add(at.invalid(Value::Number(number.clone()), &detail));
    if let Some(factor) = rules.multiple_of {
        // Upstream cuts the factor for a whole number.
        let factor = if number.is_f64() { factor } else { factor.trunc() };
        let times = if factor < 1.0 { 1.0 / factor * value } else { value / factor };
        if factor <= 0.0 {
            refuse(format!("factor MultipleOf declared for {path} must be positive: {factor}"));
        } else if times.fract() != 0.0 {
            refuse(format!("{path} in body should be a multiple of {factor}"));
        }
    }
    if let Some((limit, exclusive)) = rules.minimum
        && (value < limit || (exclusive && value == limit))
    {
        refuse(format!("{path} in body should be greater than {}{limit}", if exclusive { "" } else { "or equal to " }));
    }
    if let Some((limit, exclusive)) = rules.maximum
        && (value > limit || (exclusive && value == limit))
    {
        refuse(format!("{path} in body should be less than {}{limit}", if exclusive { "" } else { "or equal to " }));
    }
    // Upstream looks at the width only where it looks at the value at all.
    let bounded = rules.multiple_of.is_some() || rules.minimum.is_some() || rules.maximum.is_some();
    let narrow = bounded && schema.ty == Type::Integer && schema.format.as_deref() == Some("int32");
    if narrow && !(f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&value) {
        found.add(pathless(&format!("Checked value must be of type integer with format int32 in {path}")));
    }
    found.passed += 2;
}

fn array(items: &[Value], old: Option<&Value>, schema: &Schema, rules: &Rules, path: &str, found: &mut Found) {
    if let Some(item_schema) = &schema.items {
        for (i, item) in items.iter().enumerate() {
            let before = correlated(schema, item, old);
            found.merge(check(item, before, item_schema, &format!("{path}[{i}]")));
        }
    }
    let at = Path::new(path);
    let size = items.len();
    let (fewest, most) = rules.items;
    if let Some(limit) = fewest.filter(|l| (size as u64) < *l) {
        found.add(at.invalid(size, &format!("{path} in body should have at least {limit} items")));
    }
    if let Some(limit) = most.filter(|l| size as u64 > *l) {
        found.add(at.too_many(size, usize::try_from(limit).unwrap_or(usize::MAX)));
    }
    if rules.unique_items && items.iter().enumerate().any(|(i, item)| items[..i].contains(item)) {
        found.add(at.invalid("", &format!("{path} in body shouldn't contain duplicates")));
    }
    found.passed += 2;
}

fn object(value: &Value, old: Option<&Value>, schema: &Schema, rules: &Rules, path: &str, found: &mut Found) {
    let Some(fields) = value.as_object() else { return };
    let at = Path::new(path);
    let (fewest, most) = rules.properties;
    let size = fields.len();
    if let Some(limit) = fewest.filter(|l| (size as u64) < *l) {
        found.add(at.invalid(size, &format!("{path} in body should have at least {limit} properties")));
    }
    if let Some(limit) = most.filter(|l| size as u64 > *l) {
        found.add(at.too_many(size, usize::try_from(limit).unwrap_or(usize::MAX)));
    }
    let built_in = schema.type_name.is_some();
    for (name, child) in fields {
        let Some(declared) = schema.field(name).filter(|d| !built_in || d.rules.is_some()) else { continue };
        let before = old.and_then(|o| o.get(name));
        let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        found.merge(check(child, before, declared, &below));
    }
    for name in schema.required.iter().filter(|name| !built_in && !fields.contains_key(*name)) {
        found.add(at.child(name).required(""));
    }
}

fn junctors(value: &Value, old: Option<&Value>, rules: &Rules, path: &str) -> Found {
    let mut found = Found { passed: 1, ..Found::default() };
    let each = |schemas: &[Schema]| schemas.iter().map(|s| check(value, old, s, path)).collect::<Vec<_>>();
    if !rules.any_of.is_empty() {
        let results = each(&rules.any_of);
        if results.iter().all(|r| !r.causes.is_empty()) {
            found.add(pathless(&format!("{path:?} must validate at least one schema (anyOf)")));
            found.merge(best(results));
        }
    }
    if !rules.one_of.is_empty() {
        let results = each(&rules.one_of);
        let valid = results.iter().filter(|r| r.causes.is_empty()).count();
        let rest = if valid == 0 { "Found none valid".to_owned() } else { format!("Found {valid} valid alternatives") };
        if valid != 1 {
            found.add(pathless(&format!("{path:?} must validate one and only one schema (oneOf). {rest}")));
        }
        if valid == 0 {
            found.merge(best(results));
        }
    }
    if !rules.all_of.is_empty() {
        let results = each(&rules.all_of);
        let valid = results.iter().filter(|r| r.causes.is_empty()).count();
        let (all, none) = (results.len(), if valid == 0 { ". None validated" } else { "" });
        results.into_iter().for_each(|r| found.merge(r));
        if valid != all {
            found.add(pathless(&format!("{path:?} must validate all the schemas (allOf){none}")));
        }
    }
    if rules.not.as_ref().is_some_and(|not| check(value, old, not, path).causes.is_empty()) {
        found.add(pathless(&format!("{path:?} must not validate the schema (not)")));
    }
    found
}

/// The failures of the alternative that came furthest; the first of several.
fn best(results: Vec<Found>) -> Found {
    results.into_iter().reduce(|best, next| if next.passed > best.passed { next } else { best }).unwrap_or_default()
}
