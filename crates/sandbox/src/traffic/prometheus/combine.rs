//! Two sides and an operator; many series and one number.

use std::collections::BTreeMap;

use super::{
    LabelSet, QueryError,
    eval::Value,
    functions::Vector,
    parse::{Aggregate, Binary, Matching},
};

/// Returns what an operator makes of both sides.
pub(super) fn binary(binary: &Binary, left: Value, right: Value) -> Result<Value, QueryError> {
    let Binary { operator, is_bool, matching, .. } = binary;
    let sets = matches!(*operator, "and" | "or" | "unless");
    match (left, right) {
        (Value::Vector(left), Value::Vector(right)) if sets => Ok(Value::Vector(set(operator, matching, left, right))),
        (Value::Vector(left), Value::Vector(right)) => both(binary, left, right).map(Value::Vector),
        _ if sets => {
            Err(QueryError::Evaluate(format!("set operator {operator:?} not allowed in binary scalar expression")))
        }
        (Value::Scalar(left), Value::Scalar(right)) => match compare(operator, left, right) {
            Some(_) if !is_bool => {
                Err(QueryError::Evaluate("comparisons between scalars must use BOOL modifier".to_owned()))
            }
            Some(holds) => Ok(Value::Scalar(f64::from(u8::from(holds)))),
            None => Ok(Value::Scalar(arithmetic(operator, left, right))),
        },
        (Value::Vector(vector), Value::Scalar(number)) => {
            Ok(Value::Vector(with_number(binary, vector, |value| (value, number))))
        }
        (Value::Scalar(number), Value::Vector(vector)) => {
            Ok(Value::Vector(with_number(binary, vector, |value| (number, value))))
        }
    }
}

fn compare(operator: &str, left: f64, right: f64) -> Option<bool> {
    #[expect(clippy::float_cmp, reason = "as the language defines it")]
    Some(match operator {
        "==" => left == right,
        "!=" => left != right,
        "<" => left < right,
        ">" => left > right,
        "<=" => left <= right,
        ">=" => left >= right,
        _ => return None,
    })
}

fn arithmetic(operator: &str, left: f64, right: f64) -> f64 {
    match operator {
        "+" => left + right,
        "-" => left - right,
        "*" => left * right,
        "/" => left / right,
        "%" => left % right,
        _ => left.powf(right),
    }
}

/// Returns the result for one pair: `None` where a comparison leaves it out. A comparison keeps the value of the series.
fn one(binary: &Binary, (left, right): (f64, f64), kept: f64) -> Option<f64> {
    match compare(binary.operator, left, right) {
        Some(holds) if binary.is_bool => Some(f64::from(u8::from(holds))),
        Some(holds) => holds.then_some(kept),
        None => Some(arithmetic(binary.operator, left, right)),
    }
}

fn keeps_name(binary: &Binary) -> bool {
    compare(binary.operator, 0.0, 0.0).is_some() && !binary.is_bool
}

fn with_number(binary: &Binary, vector: Vector, sides: impl Fn(f64) -> (f64, f64)) -> Vector {
    let each = vector.into_iter().filter_map(|(mut labels, value)| {
        let result = one(binary, sides(value), value)?;
        if !keeps_name(binary) {
            labels.remove("__name__");
        }
        Some((labels, result))
    });
    each.collect()
}

impl Matching {
    fn key(&self, labels: &LabelSet) -> LabelSet {
        let kept = |label: &str| label != "__name__" && self.labels.iter().any(|l| l == label) == self.on;
        labels.iter().filter(|(label, _)| kept(label)).map(|(l, v)| (l.clone(), v.clone())).collect()
    }
}

fn both(binary: &Binary, left: Vector, right: Vector) -> Result<Vector, QueryError> {
    let matching = &binary.matching;
    let mut partners: BTreeMap<LabelSet, f64> = BTreeMap::new();
    let many = || {
        let message = "many-to-many matching not allowed: matching labels must be unique on one side";
        QueryError::Evaluate(message.to_owned())
    };
    for (labels, value) in right {
        if partners.insert(matching.key(&labels), value).is_some() {
            return Err(many());
        }
    }
    let mut seen: BTreeMap<LabelSet, ()> = BTreeMap::new();
    let mut results = Vector::new();
    for (labels, value) in left {
        let key = matching.key(&labels);
        let Some(partner) = partners.get(&key) else { continue };
        if seen.insert(key.clone(), ()).is_some() {
            return Err(many());
        }
        if let Some(result) = one(binary, (value, *partner), value) {
            let name = labels.get("__name__").filter(|_| keeps_name(binary)).cloned();
            let mut result_labels = key;
            result_labels.extend(name.map(|name| ("__name__".to_owned(), name)));
            results.push((result_labels, result));
        }
    }
    Ok(results)
}

fn set(operator: &str, matching: &Matching, left: Vector, right: Vector) -> Vector {
    let keys = |vector: &Vector| {
        vector.iter().map(|(labels, _)| matching.key(labels)).collect::<std::collections::BTreeSet<_>>()
    };
    match operator {
        "or" => {
            let known = keys(&left);
            let more = right.into_iter().filter(|(labels, _)| !known.contains(&matching.key(labels)));
            left.into_iter().chain(more.collect::<Vec<_>>()).collect()
        }
        _ => {
            let wanted = operator == "and";
            let known = keys(&right);
            left.into_iter().filter(|(labels, _)| known.contains(&matching.key(labels)) == wanted).collect()
        }
    }
}

/// Returns one number for each group.
pub(super) fn aggregate(aggregate: &Aggregate, vector: Vector) -> Vector {
    let mut groups: BTreeMap<LabelSet, Vec<f64>> = BTreeMap::new();
    for (labels, value) in vector {
        let kept = |label: &str| {
            let named = aggregate.labels.iter().any(|l| l == label);
            if aggregate.by { named } else { !named && label != "__name__" }
        };
        let key = labels.into_iter().filter(|(label, _)| kept(label)).collect();
        groups.entry(key).or_default().push(value);
    }
    #[expect(clippy::cast_precision_loss, reason = "a count")]
    let of = |values: &[f64]| match aggregate.operator.as_str() {
        "sum" => values.iter().sum(),
        "avg" => values.iter().sum::<f64>() / values.len() as f64,
        "min" => values.iter().copied().fold(f64::NAN, f64::min),
        "max" => values.iter().copied().fold(f64::NAN, f64::max),
        _ => values.len() as f64,
    };
    groups.into_iter().map(|(labels, values)| (labels, of(&values))).collect()
}
