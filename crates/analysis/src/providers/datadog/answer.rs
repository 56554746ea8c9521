//! Answers.

use serde_json::{Value as Json, json};

use super::super::{ProviderError, Reading, prometheus::plain};
use crate::expr::Value;

/// Groups that are kept at most; of more, the lowest and the highest halves.
const MAX_GROUPS: usize = 100;

/// The last point of the first series; one that is null is no data.
pub(super) fn v1(json: &Json) -> Result<Reading, ProviderError> {
    let series = &json["series"];
    let Some(point) = series[0]["pointlist"].as_array().and_then(|points| points.last()) else {
        return Ok(Reading::new(Value::Nil, series.to_string()));
    };
    let Some([_, value]) = point.as_array().map(Vec::as_slice) else {
        return Err(ProviderError::Decode("Datapoint does not have 2 values".to_owned()));
    };
    Ok(match value.as_f64() {
        Some(value) => Reading::new(Value::Float(value), plain(value)),
        None => Reading::new(Value::Nil, "null"),
    })
}

/// The first column of numbers; with columns of groups, a value for each group.
pub(super) fn v2(json: &Json) -> Result<Reading, ProviderError> {
    let failed = |text: &str| ProviderError::Answer(format!("There were errors in your query: {text}"));
    if let Some(errors) = json["data"]["errors"].as_str().filter(|errors| !errors.is_empty()) {
        return Err(failed(errors));
    }
    if let Some(errors) = json["errors"].as_str().filter(|errors| !errors.is_empty()) {
        return Err(failed(errors));
    }
    let columns = json.pointer("/data/attributes/columns").and_then(Json::as_array).cloned().unwrap_or_default();
    let is_number = |column: &&Json| matches!(column["type"].as_str(), None | Some("" | "number"));
    let Some(numbers) = columns.iter().find(is_number) else {
        return Ok(Reading::new(Value::Nil, "[]"));
    };
    let groups: Vec<&Json> = columns.iter().filter(|column| column["type"] == "group").collect();
    let values = numbers["values"].as_array().cloned().unwrap_or_default();
    let name = numbers["name"].as_str().unwrap_or_default();
    let mut found = Vec::new();
    for (row, value) in values.iter().enumerate().filter(|(_, value)| !value.is_null()) {
        found.push((label(&groups, row)?, number(value, name)?));
    }
    if !groups.is_empty() {
        return Ok(grouped(found));
    }
    Ok(match found.first() {
        Some((_, value)) => Reading::new(Value::Float(*value), plain(*value)),
        None => Reading::new(Value::Nil, Json::from(values).to_string()),
    })
}

fn number(value: &Json, column: &str) -> Result<f64, ProviderError> {
    value.as_f64().ok_or_else(|| {
        let text = format!("could not parse numeric value \"{value}\" in column {column:?}: it is no number");
        ProviderError::Decode(text)
    })
}

fn label(groups: &[&Json], row: usize) -> Result<String, ProviderError> {
    let one = |column: &&Json| {
        let value = &column["values"][row];
        let text = match value {
            Json::Array(parts) => parts.iter().map(Json::as_str).collect::<Option<Vec<_>>>().map(|p| p.join(",")),
            value => value.as_str().map(str::to_owned),
        };
        text.ok_or_else(|| ProviderError::Decode(format!("could not parse group label at index {row}")))
    };
    Ok(groups.iter().map(one).collect::<Result<Vec<_>, _>>()?.join(","))
}

fn grouped(found: Vec<(String, f64)>) -> Reading {
    let mut found = found;
    let is_truncated = found.len() > MAX_GROUPS;
    if is_truncated {
        found.sort_by(|a, b| a.1.total_cmp(&b.1));
        let half = MAX_GROUPS / 2;
        found.drain(half..found.len() - half);
    }
    let text: Vec<_> = found.iter().map(|(_, value)| plain(*value)).collect();
    let groups: Vec<_> = found.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    let mut reading = Reading::new(Value::floats(found.iter().map(|(_, v)| *v)), format!("[{}]", text.join(",")));
    reading.metadata.insert("groups".to_owned(), Json::from(groups).to_string());
    if is_truncated {
        reading.metadata.insert("groups_truncated".to_owned(), "true".to_owned());
    }
    reading
}
