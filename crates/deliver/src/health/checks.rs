//! Checks of custom kinds, in Lua: files under `health/checks`, each with functions `checks["group/Kind"]`, where group
//! and kind may be patterns.

use std::{collections::BTreeMap, sync::OnceLock};

use jiff::Timestamp;
use serde_json::Value;
use tiphys_machinery::glob;

use crate::lua::{Answer, Libraries, Script, run};

/// Functions that checks share.
const PRELUDE: &str = include_str!("checks/prelude.lua");

const FILES: [&str; 11] = [
    include_str!("checks/batch.lua"),
    include_str!("checks/cloud.lua"),
    include_str!("checks/clusters.lua"),
    include_str!("checks/databases.lua"),
    include_str!("checks/delivery.lua"),
    include_str!("checks/messaging.lua"),
    include_str!("checks/networking.lua"),
    include_str!("checks/observability.lua"),
    include_str!("checks/secrets.lua"),
    include_str!("checks/storage.lua"),
    include_str!("checks/workloads.lua"),
];

/// Returns the script for a kind: that of the very kind, else the first in order of keys whose pattern matches.
pub(super) fn find(group: &str, kind: &str) -> Option<String> {
    let key = format!("{group}/{kind}");
    let found = index()
        .get_key_value(key.as_str())
        .or_else(|| index().iter().find(|(pattern, _)| pattern.contains('*') && glob::matches(pattern, &key, &[])));
    found.map(|(key, file)| script(file, &format!("checks[{key:?}]()")))
}

fn script(file: &str, answer: &str) -> String {
    format!("{PRELUDE}\n{file}\nreturn {answer}")
}

/// Which file has the check of which key.
fn index() -> &'static BTreeMap<String, &'static str> {
    static INDEX: OnceLock<BTreeMap<String, &'static str>> = OnceLock::new();
    INDEX.get_or_init(|| {
        let files = FILES.into_iter();
        files.flat_map(|file| keys(file).into_iter().map(move |key| (key, file))).collect()
    })
}

/// Asks a file for its keys; they are made by its code.
fn keys(file: &str) -> Vec<String> {
    let text =
        script(file, "(function() local keys = {} for key in pairs(checks) do keys[key] = true end return keys end)()");
    let asked = Script { text: &text, libraries: Libraries::All, now: Timestamp::UNIX_EPOCH };
    match run(asked, &Value::Null, &[]) {
        Ok(Answer::Table(Value::Object(keys))) => keys.into_iter().map(|(key, _)| key).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_can_be_read() {
        for (at, file) in FILES.into_iter().enumerate() {
            assert!(!keys(file).is_empty(), "file {at}");
        }
        assert!(find("cert-manager.io", "Certificate").is_some());
        assert!(find("s3.aws.upbound.io", "Bucket").is_some());
        assert!(find("example.com", "Bucket").is_none());
    }
}
