//! In which form the answer is wanted (`Accept`), and in which the body comes (`Content-Type`).

use serde_json::Value;
use tiphys_machinery::{error::ApiError, field::Path, table::IncludeObject};

use super::{
    call::{Call, Query},
    reply::Media,
};

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Wanted {
    pub(super) media: Media,
    pub(super) transform: Transform,
}

/// What is shown of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Transform {
    /// All of them.
    #[default]
    None,
    /// A table with the columns that `kubectl get` prints.
    Table { version: &'static str, include: IncludeObject },
    /// The metadata of one object.
    Metadata { version: &'static str },
    /// The metadata of a list of objects.
    MetadataList { version: &'static str },
}

/// Returns what the client wants: the first of the forms in `Accept` that can be had.
///
/// # Errors
/// 406 when none can, 400 for tables with an unknown part of objects.
pub(super) fn wanted(call: &Call) -> Result<Wanted, ApiError> {
    let accept = call.header(http::header::ACCEPT);
    let clauses = accept.split(',').map(str::trim).filter(|clause| !clause.is_empty());
    let mut clauses = clauses.peekable();
    let found = match clauses.peek() {
        None => Some(Wanted::default()),
        Some(_) => clauses.find_map(|clause| form_of(clause, &call.query)),
    };
    let found = found.map(|wanted| pretty(wanted, call)).ok_or_else(|| not_acceptable(accept))?;
    let include = call.query.get("includeObject");
    if matches!(found.transform, Transform::Table { .. }) && IncludeObject::from_query(include).is_none() {
        let detail = "must be 'Metadata', 'Object', 'None', or empty";
        let cause = Path::new("includeObject").invalid(include, detail);
        let message = format!("Unable to convert to Table as requested: {}: {}", cause.field, cause.message);
        return Err(ApiError::bad_request(message));
    }
    Ok(found)
}

/// Returns the text form for errors, which are sent in some form whatever was asked.
pub(super) fn error_media(call: &Call) -> Media {
    wanted(call).map(|wanted| wanted.media).unwrap_or_default()
}

/// 406.
pub(super) fn not_acceptable(accept: &str) -> ApiError {
    let types = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
    if accept.contains("protobuf") || accept.contains("as=") {
        return ApiError::not_acceptable(format!("only the following media types are accepted: {types}"));
    }
    ApiError::new(406, "NotAcceptable", format!("406: Not Acceptable\n\nAvailable representations: {types}"))
}

fn pretty(wanted: Wanted, call: &Call) -> Wanted {
    if wanted.media == Media::Json && call.query.flag("pretty") {
        return Wanted { media: Media::PrettyJson, ..wanted };
    }
    wanted
}

fn form_of(clause: &str, query: &Query) -> Option<Wanted> {
    let mut parts = clause.split(';').map(str::trim);
    let media = match parts.next()? {
        "*/*" | "application/*" | "application/json" => Media::Json,
        "application/yaml" => Media::Yaml,
        _ => return None,
    };
    let mut shown = ("", "", "");
    for (key, value) in parts.filter_map(|part| part.split_once('=')) {
        match key {
            "as" => shown.0 = value,
            "v" => shown.1 = value,
            "g" => shown.2 = value,
            _ => {}
        }
    }
    transform_of(shown, query).map(|transform| Wanted { media, transform })
}

fn transform_of((kind, version, group): (&str, &str, &str), query: &Query) -> Option<Transform> {
    if kind.is_empty() {
        return Some(Transform::None);
    }
    let version = match (version, group) {
        ("v1", "meta.k8s.io") => "v1",
        ("v1beta1", "meta.k8s.io") => "v1beta1",
        _ => return None,
    };
    let include = IncludeObject::from_query(query.get("includeObject")).unwrap_or_default();
    match kind {
        "Table" => Some(Transform::Table { version, include }),
        "PartialObjectMetadata" => Some(Transform::Metadata { version }),
        "PartialObjectMetadataList" => Some(Transform::MetadataList { version }),
        _ => None,
    }
}

/// In which form a body comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyFormat {
    Json,
    Yaml,
    Protobuf,
}

/// Returns the form of the body of a request that carries an object.
///
/// # Errors
/// 415.
pub(super) fn body_format(call: &Call) -> Result<BodyFormat, ApiError> {
    let content_type = call.header(http::header::CONTENT_TYPE);
    match content_type.split(';').next().unwrap_or_default().trim() {
        "" | "application/json" => Ok(BodyFormat::Json),
        "application/yaml" => Ok(BodyFormat::Yaml),
        "application/vnd.kubernetes.protobuf" => Ok(BodyFormat::Protobuf),
        _ => Err(ApiError::unsupported_media_type(
            "application/json, application/yaml, application/vnd.kubernetes.protobuf",
        )),
    }
}

/// Reads a YAML document.
///
/// # Errors
/// 400.
pub(super) fn yaml(body: &[u8]) -> Result<Value, ApiError> {
    let text = std::str::from_utf8(body).map_err(|error| ApiError::bad_request(error.to_string()))?;
    serde_saphyr::from_str(text)
        .map_err(|error| ApiError::bad_request(format!("error converting YAML to JSON: yaml: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(clause: &str, expected: Option<Transform>) {
        let found = form_of(clause, &Query::parse("includeObject=Object"));
        assert_eq!(found.map(|wanted| wanted.transform), expected, "{clause}");
    }

    #[test]
    fn forms_are_recognised() {
        let table = Transform::Table { version: "v1", include: IncludeObject::Object };
        check("application/json;as=Table;v=v1;g=meta.k8s.io", Some(table));
        check("application/json;as=Table;v=v2;g=meta.k8s.io", None);
        check("application/json;stream=watch", Some(Transform::None));
        check("application/vnd.kubernetes.protobuf", None);
        let metadata = Transform::MetadataList { version: "v1" };
        check("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", Some(metadata));
    }
}
