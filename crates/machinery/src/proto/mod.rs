//! Protobuf bodies of built-in kinds (`application/vnd.kubernetes.protobuf`) as JSON objects.
//!
//! client-go's typed clients write these. The schema of the kind tells the types, `numbers` the field numbers. Answers
//! need no protobuf: those clients accept JSON.

mod message;
mod numbers;
mod wire;

use serde_json::{Value, json};

use self::wire::{Payload, Reader};
use crate::schema::{Schema, builtin, builtin_type};

/// Why a body is no object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProtoError {
    /// The body does not begin as such bodies do.
    #[error("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")]
    Prefix,
    /// The body ends within a field.
    #[error("unexpected EOF")]
    Truncated,
    /// A number takes more than 64 bits.
    #[error("proto: integer overflow")]
    Overflow,
    /// A field has another wire type than its type allows.
    #[error("proto: wrong wireType = {wire} for field {field}")]
    WireType {
        /// JSON name of the field.
        field: String,
        /// Wire type found.
        wire: u8,
    },
    /// A field number or wire type that cannot occur.
    #[error("proto: illegal tag {0}")]
    Tag(u64),
    /// Messages nested deeper than any built-in kind nests.
    #[error("proto: exceeded max depth")]
    Depth,
    /// The field numbers of this kind are not known.
    #[error("no protobuf encoding of {kind} in version {api_version:?} is known")]
    Kind {
        /// As in the body.
        api_version: String,
        /// As in the body.
        kind: String,
    },
    /// JSON inside the envelope that is none.
    #[error("{0}")]
    Json(String),
}

/// Returns whether a body begins as protobuf bodies do.
#[must_use]
pub fn is_protobuf(body: &[u8]) -> bool {
    body.starts_with(&PREFIX)
}

/// Returns the object in a protobuf body, with `apiVersion` and `kind`, not yet normalised: zero values of fields that
/// JSON would omit are still there.
///
/// # Errors
/// Fails for anything but a well-formed message of a kind whose field numbers are known. Never panics, and never
/// recurses deeper than built-in kinds nest.
pub fn decode(body: &[u8]) -> Result<Value, ProtoError> {
    let envelope = Envelope::read(body)?;
    let (api_version, kind) = (envelope.api_version.as_str(), envelope.kind.as_str());
    if envelope.content_type == "application/json" {
        return crate::decode::document(envelope.raw).map(|d| d.value).map_err(|e| ProtoError::Json(e.to_string()));
    }
    // Options travel under the version of whatever they are options of.
    let schema =
        if kind == "DeleteOptions" { builtin_type("meta.v1.DeleteOptions") } else { builtin(api_version, kind) };
    let unknown = || ProtoError::Kind { api_version: api_version.to_owned(), kind: kind.to_owned() };
    let schema = schema.ok_or_else(unknown)?;
    if message::numbers_of(&schema).is_none() {
        return Err(unknown());
    }
    let mut object = message::decode(envelope.raw, &schema)?;
    object["apiVersion"] = json!(api_version);
    object["kind"] = json!(kind);
    Ok(object)
}

const PREFIX: [u8; 4] = [0x6b, 0x38, 0x73, 0x00];

/// `runtime.Unknown`.
#[derive(Default)]
struct Envelope<'a> {
    api_version: String,
    kind: String,
    raw: &'a [u8],
    content_type: String,
}

impl<'a> Envelope<'a> {
    fn read(body: &'a [u8]) -> Result<Self, ProtoError> {
        let mut reader = Reader::new(body.strip_prefix(&PREFIX).ok_or(ProtoError::Prefix)?);
        let mut envelope = Self::default();
        while let Some((number, payload)) = reader.field()? {
            match (number, payload) {
                (1, Payload::Bytes(type_meta)) => envelope.read_type_meta(type_meta)?,
                (2, Payload::Bytes(raw)) => envelope.raw = raw,
                (4, Payload::Bytes(text)) => envelope.content_type = wire::text(text),
                _ => {}
            }
        }
        Ok(envelope)
    }

    fn read_type_meta(&mut self, bytes: &[u8]) -> Result<(), ProtoError> {
        let mut reader = Reader::new(bytes);
        while let Some((number, payload)) = reader.field()? {
            match (number, payload) {
                (1, Payload::Bytes(text)) => self.api_version = wire::text(text),
                (2, Payload::Bytes(text)) => self.kind = wire::text(text),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Returns the last part of the name of the type that a node came from.
fn short_name(schema: &Schema) -> &str {
    schema.type_name.as_deref().map_or("", crate::schema::short_type_name)
}

#[cfg(test)]
mod tests;
