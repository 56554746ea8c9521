//! InfluxDB by Flux.

use std::time::Duration;

use http::Method;
use serde_json::json;
use tiphys_api::types::InfluxdbMetric;

use super::{Answer, Asked, Asking, Provider, ProviderError, Reading, Services};
use crate::{
    Secret,
    expr::Value,
    http::{Request, percent},
};

const SECRET: &str = "influxdb";
const TIMEOUT: Duration = Duration::from_secs(20);

pub(super) struct Influxdb {
    query: String,
    address: String,
    organisation: String,
    token: Secret,
    services: Services,
}

impl Influxdb {
    pub(super) async fn new(metric: &InfluxdbMetric, services: &Services) -> Result<Self, ProviderError> {
        let name = if metric.profile.is_empty() { SECRET } else { &metric.profile };
        let secret = services.secret(&services.namespace, name).await?;
        let missing = || ProviderError::Credentials("authToken, org, or address not found".to_owned());
        let text = |key: &str| secret.get(key).map(|value| value.expose().trim().to_owned()).ok_or_else(missing);
        Ok(Self {
            query: metric.query.clone(),
            address: text("address")?.trim_end_matches('/').to_owned(),
            organisation: text("org")?,
            token: Secret::new(format!("Token {}", text("authToken")?)),
            services: services.clone(),
        })
    }

    fn request(&self) -> Result<Request, ProviderError> {
        let url = format!("{}/api/v2/query?org={}", self.address, percent(&self.organisation));
        let dialect = json!({
            "header": true, "delimiter": ",", "commentPrefix": "#", "dateTimeFormat": "RFC3339",
            "annotations": ["datatype", "group", "default"],
        });
        let body = json!({"query": self.query, "type": "flux", "dialect": dialect}).to_string();
        let request = Request::new(Method::POST, &url)?.within(TIMEOUT).secret_header("authorization", &self.token)?;
        Ok(request.header("accept", "text/csv")?.body("application/json", body)?)
    }
}

impl Provider for Influxdb {
    fn begin<'a>(&'a self, _asked: Asked<'a>) -> Asking<'a> {
        Box::pin(async move {
            let response = self.services.fetch.fetch(self.request()?).await?;
            if !response.status.is_success() {
                return Err(ProviderError::Answer(refusal(&response.text(), &response.status_line())));
            }
            let values = values(&response.text()).map_err(ProviderError::Decode)?;
            if values.is_empty() {
                return Ok(Answer::Reading(Reading::none("no results returned from flux query")));
            }
            let result = Value::list(values);
            let text = result.to_string();
            Ok(Answer::Reading(Reading::new(result, text)))
        })
    }
}

/// `code: message`, as the server explains.
fn refusal(body: &str, status: &str) -> String {
    let json: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    match (json["code"].as_str(), json["message"].as_str()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        _ => format!("{status}: {body}"),
    }
}

/// Returns `_value` of every record in annotated CSV.
fn values(csv: &str) -> Result<Vec<Value>, String> {
    let mut found = Vec::new();
    let (mut types, mut defaults, mut names): (Vec<String>, Vec<String>, Vec<String>) = Default::default();
    let mut is_header = true;
    for row in rows(csv) {
        match row.first().map(String::as_str) {
            // A blank line ends a table.
            _ if row.iter().all(String::is_empty) && row.len() <= 1 => is_header = true,
            Some("#datatype") => (types, is_header) = (row, true),
            Some("#default") => defaults = row,
            Some(annotation) if annotation.starts_with('#') => {}
            _ if is_header => (names, is_header) = (row, false),
            _ if names.iter().any(|name| name == "error") => {
                let at = names.iter().position(|name| name == "error").unwrap_or(0);
                return Err(row.get(at).cloned().unwrap_or_default());
            }
            _ => {
                let Some(at) = names.iter().position(|name| name == "_value") else { continue };
                let given = row.get(at).filter(|text| !text.is_empty()).or_else(|| defaults.get(at));
                let kind = types.get(at).map_or("string", String::as_str);
                found.push(typed(given.map_or("", String::as_str), kind)?);
            }
        }
    }
    Ok(found)
}

fn typed(text: &str, kind: &str) -> Result<Value, String> {
    let wrong = || format!("{text:?} is no {kind}");
    Ok(match kind {
        _ if text.is_empty() && kind != "string" => Value::Nil,
        "double" => match text {
            "NaN" => Value::Float(f64::NAN),
            "+Inf" => Value::Float(f64::INFINITY),
            "-Inf" => Value::Float(f64::NEG_INFINITY),
            text => Value::Float(text.parse().map_err(|_| wrong())?),
        },
        "long" | "unsignedLong" => Value::Int(text.parse().map_err(|_| wrong())?),
        "boolean" => Value::Bool(text == "true"),
        _ => Value::text(text),
    })
}

/// Splits CSV into rows of fields; quotes may hold commas, line ends and doubled quotes.
fn rows(csv: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut chars = csv.chars().peekable();
    let mut is_quoted = false;
    while let Some(c) = chars.next() {
        match c {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => row.push(std::mem::take(&mut field)),
            '\r' if !is_quoted => {}
            '\n' if !is_quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            c => field.push(c),
        }
    }
    if !field.is_empty() || !row.is_empty() {
        row.push(field);
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: &str = "#datatype,string,long,dateTime:RFC3339,double,string\r\n#group,false,false,false,false,true\r\n\
        #default,_result,,,,\r\n,result,table,_time,_value,host\r\n,,0,2024-01-01T00:00:00Z,10.5,\"a,b\"\r\n\
        ,,0,2024-01-01T00:01:00Z,,c\r\n\r\n#datatype,string,long,long\r\n#group,false,false,false\r\n\
        #default,_result,,7\r\n,result,table,_value\r\n,,1,3\r\n,,1,\r\n";

    #[test]
    fn values_of_all_tables_are_read_by_their_types() {
        let shown: Vec<_> = values(TABLES).unwrap().iter().map(|v| format!("{} {v}", v.go_type())).collect();
        assert_eq!(shown, ["float64 10.5", "<nil> <nil>", "int 3", "int 7"]);
    }

    #[test]
    fn error_table_is_an_error() {
        let csv = "#datatype,string,string\r\n#group,true,true\r\n#default,,\r\n,error,reference\r\n,bad query,897\r\n";
        assert_eq!(values(csv).unwrap_err(), "bad query");
        assert!(values("").unwrap().is_empty());
    }
}
