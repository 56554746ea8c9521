//! Field numbers of the protobuf messages of the built-in kinds.
//!
//! A line holds one message or several of the same shape, then its fields by JSON name in order of their numbers:
//! without `=` a field has the number after its neighbour's, the first has 1. `^type` stands for a message whose fields
//! belong to the object itself.

mod access;
mod cluster;
mod core;
mod meta;
mod workloads;

use std::{collections::HashMap, sync::OnceLock};

/// What a field number of a message stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// A field of the object.
    Named(&'static str),
    /// A message whose fields are the object's own.
    Inlined(&'static str),
}

/// A message: its fields by number.
pub(super) type Message = HashMap<u64, Field>;

/// Returns the message of a type by its short name such as `core.v1.Pod`.
pub(super) fn of(short_name: &str) -> Option<&'static Message> {
    static PARSED: OnceLock<HashMap<&'static str, Message>> = OnceLock::new();
    let tables = [meta::MESSAGES, core::MESSAGES, workloads::MESSAGES, access::MESSAGES, cluster::MESSAGES];
    PARSED.get_or_init(|| tables.iter().flat_map(|table| table.lines()).flat_map(parse).collect()).get(short_name)
}

fn parse(line: &'static str) -> Vec<(&'static str, Message)> {
    let Some((names, fields)) = line.split_once(':') else { return Vec::new() };
    let mut number = 0;
    let mut message = Message::new();
    for word in fields.split_whitespace() {
        let (name, explicit) = word.split_once('=').map_or((word, None), |(name, number)| (name, number.parse().ok()));
        number = explicit.unwrap_or(number + 1);
        let field = name.strip_prefix('^').map_or(Field::Named(name), Field::Inlined);
        message.insert(number, field);
    }
    names.split_whitespace().map(|name| (name, message.clone())).collect()
}
