//! Which state a list shows (`resourceVersion`, `resourceVersionMatch`) and which part of it (`limit`, `continue`).

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde_json::{Value, json};
use tiphys_machinery::{
    decode,
    error::{ApiError, Cause},
};

use super::call::Query;
use crate::registry::Registry;

/// Which state is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The present one.
    Present,
    /// The present one, once it is not older than this.
    NotOlderThan(u64),
    /// That of this revision.
    Exactly(u64),
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) state: State,
    /// 0: everything.
    pub(super) limit: usize,
    /// Objects before this key were on earlier pages.
    pub(super) start: String,
    pub(super) continued: bool,
}

const TOKEN_VERSION: &str = "meta.k8s.io/v1";
/// How long a request waits for a revision that is yet to come.
const MAX_WAIT: Duration = Duration::from_secs(3);

impl Page {
    /// Reads the parameters of a list.
    ///
    /// # Errors
    /// 400 and 422 for what does not fit together.
    pub(super) fn of(query: &Query) -> Result<Self, ApiError> {
        if query.find("sendInitialEvents").is_some() {
            return Err(invalid("sendInitialEvents", "Forbidden: sendInitialEvents is forbidden for list"));
        }
        let limit = query.number("limit")?.unwrap_or_default();
        let limit = usize::try_from(limit).unwrap_or_default();
        let token = query.get("continue");
        let revision = query.get("resourceVersion");
        if !token.is_empty() {
            if !matches!(revision, "" | "0") {
                let message = "specifying resource version is not allowed when using continue";
                return Err(ApiError::bad_request(message));
            }
            return Self::continued(token, limit);
        }
        let state = state_of(revision, query.get("resourceVersionMatch"), limit)?;
        Ok(Self { state, limit, start: String::new(), continued: false })
    }

    fn continued(token: &str, limit: usize) -> Result<Self, ApiError> {
        let bad =
            |why: &str| ApiError::bad_request(format!("invalid continue token: continue key is not valid: {why}"));
        let bytes = BASE64.decode(token.trim_end_matches('=')).map_err(|error| bad(&error.to_string()))?;
        let value = decode::document(&bytes).map_err(|error| bad(&error.to_string()))?.value;
        if value["v"] != TOKEN_VERSION {
            return Err(bad("incorrect encoded start resourceVersion (version meta.k8s.io/v1)"));
        }
        let start = value["start"].as_str().unwrap_or_default().to_owned();
        let state = match value["rv"].as_i64() {
            Some(revision) if revision > 0 => State::Exactly(revision.unsigned_abs()),
            Some(-1) => State::Present,
            _ => return Err(bad("incorrect encoded start resourceVersion (version meta.k8s.io/v1)")),
        };
        Ok(Self { state, limit, start, continued: true })
    }

    /// Returns the `Status` for a state that is no longer known. A continued list is told how to go on without it.
    pub(super) fn expired(&self, error: &ApiError) -> Value {
        if !self.continued {
            return error.to_status();
        }
        let mut status = ApiError::expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list \
             without the continue parameter, or use the continue token in this response to retrieve the remainder of \
             the results. Continuing with the provided token results in an inconsistent list - objects that were \
             created, modified, or deleted between the time the first chunk was returned and now may show up in the \
             list.",
        )
        .to_status();
        status["metadata"]["continue"] = next_token(-1, self.start.trim_end_matches('\0')).into();
        status
    }
}

/// Returns the token of the page after `last`, the key of the last object shown.
pub(super) fn next_token(revision: i64, last: &str) -> String {
    let start = format!("{last}\0");
    BASE64.encode(json!({"v": TOKEN_VERSION, "rv": revision, "start": start}).to_string())
}

fn state_of(revision: &str, matching: &str, limit: usize) -> Result<State, ApiError> {
    if revision.is_empty() && !matching.is_empty() {
        let text = "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided";
        return Err(invalid("resourceVersionMatch", text));
    }
    let number = parse_revision(revision)?;
    match (matching, number) {
        ("", 0) | ("NotOlderThan", 0) => Ok(State::Present),
        ("Exact", 0) => Err(invalid(
            "resourceVersionMatch",
            "Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
        )),
        ("", number) if limit > 0 => Ok(State::Exactly(number)),
        ("" | "NotOlderThan", number) => Ok(State::NotOlderThan(number)),
        ("Exact", number) => Ok(State::Exactly(number)),
        (other, _) => {
            let text = format!("Unsupported value: \"{other}\": supported values: \"Exact\", \"NotOlderThan\", \"\"");
            Err(invalid("resourceVersionMatch", &text))
        }
    }
}

/// Reads a `resourceVersion` parameter; 0 stands for absent.
///
/// # Errors
/// 400.
pub(super) fn parse_revision(text: &str) -> Result<u64, ApiError> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| {
        ApiError::bad_request(format!(
            "invalid resource version: resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: \
             invalid syntax"
        ))
    })
}

/// Reads the `resourceVersion` of a get or a watch.
///
/// # Errors
/// 500 without a reason, as upstream has it.
pub(super) fn parse_single_revision(text: &str) -> Result<u64, ApiError> {
    parse_revision(text).map_err(|error| {
        let message = error.message.trim_start_matches("invalid resource version: ");
        ApiError::new(500, "", message)
    })
}

/// 422 about the options of a list or watch.
pub(super) fn invalid(field: &str, message: &str) -> ApiError {
    let reason = if message.starts_with("Unsupported") { "FieldValueNotSupported" } else { "FieldValueForbidden" };
    let cause = Cause { reason, message: message.to_owned(), field: field.to_owned() };
    ApiError::invalid("meta.k8s.io", "ListOptions", "", &[cause])
}

/// Waits until the store is not older than a revision.
///
/// # Errors
/// 504 when that takes too long.
pub(super) async fn reached(registry: &Registry, revision: u64) -> Result<(), ApiError> {
    let mut changes = registry.subscribe();
    let wait = async {
        while registry.revision() < revision {
            changes.next().await;
        }
    };
    if tokio::time::timeout(MAX_WAIT, wait).await.is_ok() {
        return Ok(());
    }
    let message = format!("Timeout: Too large resource version: {revision}, current: {}", registry.revision());
    let mut error = ApiError::new(504, "Timeout", message);
    let cause = json!({"reason": "ResourceVersionTooLarge", "message": "Too large resource version"});
    error.details = json!({"causes": [cause], "retryAfterSeconds": 1});
    Err(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_follow_the_table() {
        let cases = [
            ("", Some(State::Present)),
            ("resourceVersion=0", Some(State::Present)),
            ("resourceVersion=7", Some(State::NotOlderThan(7))),
            ("resourceVersion=7&limit=5", Some(State::Exactly(7))),
            ("resourceVersion=7&resourceVersionMatch=Exact", Some(State::Exactly(7))),
            ("resourceVersion=0&resourceVersionMatch=Exact", None),
            ("resourceVersionMatch=Exact", None),
            ("resourceVersion=7&resourceVersionMatch=Foo", None),
            ("resourceVersion=abc", None),
            ("sendInitialEvents=true", None),
        ];
        for (query, expected) in cases {
            assert_eq!(Page::of(&Query::parse(query)).ok().map(|page| page.state), expected, "{query}");
        }
    }

    #[test]
    fn a_token_leads_to_the_next_page() {
        let token = next_token(9, "ns/a");
        let page = Page::of(&Query::parse(&format!("limit=2&continue={token}"))).unwrap();
        assert_eq!((page.state, page.limit, page.start.as_str()), (State::Exactly(9), 2, "ns/a\0"));
        assert_eq!(Page::of(&Query::parse("continue=x")).unwrap_err().code, 400);
    }
}
