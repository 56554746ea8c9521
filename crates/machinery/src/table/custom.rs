//! Custom resources: the columns of their definition.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{column::NAME, format::name};
use crate::{json_path::JsonPath, quantity::number_text, resource::Resource, time};

/// Where the age comes from that every custom resource without columns shows.
const CREATION: &str = ".metadata.creationTimestamp";

pub(super) fn columns(resource: &Resource) -> Value {
    let own = resource.printer_columns.iter().map(|column| {
        let path = column["jsonPath"].as_str().unwrap_or_default();
        let told = column["description"].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        json!({
            "name": column["name"], "type": column["type"], "format": column["format"].as_str().unwrap_or_default(),
            "description": told.unwrap_or_else(|| {
                format!("Custom resource definition column (in JSONPath format): {path}")
            }),
            "priority": column["priority"].as_i64().unwrap_or_default(),
        })
    });
    let mut all = vec![NAME.definition(resource)];
    all.extend(own);
    if resource.printer_columns.is_empty() {
        all.push(super::column::date("Age", CREATION).definition(resource));
    }
    Value::Array(all)
}

pub(super) fn cells(resource: &Resource, object: &Value, now: Timestamp) -> Vec<Value> {
    let mut cells = vec![name(object)];
    cells.extend(resource.printer_columns.iter().map(|column| {
        let path = column["jsonPath"].as_str().unwrap_or_default();
        cell(object, path, column["type"].as_str().unwrap_or_default(), now)
    }));
    if resource.printer_columns.is_empty() {
        cells.push(cell(object, CREATION, "date", now));
    }
    cells
}

/// Returns what the path finds first, as a value of the column's type; `null` if there is nothing or of another type.
fn cell(object: &Value, path: &str, ty: &str, now: Timestamp) -> Value {
    let found = JsonPath::parse(path).ok().and_then(|path| path.first(object));
    let Some(value) = found.filter(|value| !value.is_null()) else { return Value::Null };
    match (ty, value) {
        ("string", Value::String(text)) => json!(text),
        ("string", Value::Number(number)) => json!(number_text(number)),
        ("string", other) => json!(other.to_string()),
        ("integer", Value::Number(number)) => number.as_i64().or_else(|| whole(number.as_f64()?)).into(),
        ("number", Value::Number(number)) => number.as_f64().map_or(Value::Null, |n| {
            // Go prints a float without fraction as an integer.
            whole(n).filter(|w| *w as f64 == n).map_or_else(|| json!(n), |w| json!(w))
        }),
        ("boolean", Value::Bool(given)) => json!(given),
        ("date", Value::String(_)) => {
            json!(time::parse(value).map_or_else(|| "<invalid>".to_owned(), |_| time::age(value, now)))
        }
        _ => Value::Null,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "cut off as Go's conversion to int64 does")]
fn whole(number: f64) -> Option<i64> {
    number.is_finite().then_some(number as i64)
}
