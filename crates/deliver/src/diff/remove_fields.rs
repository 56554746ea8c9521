//! Fields that only one side has.

use serde_json::Value;

/// Returns `live` with only the fields that `config` has too. Items of lists are compared by position; those beyond the
/// end of the list of `config` stay.
pub(super) fn kept(config: &Value, live: Value) -> Value {
    match (config, live) {
        (Value::Object(config), Value::Object(live)) => {
            let both = live.into_iter().filter_map(|(key, value)| Some((config.get(&key)?, key, value)));
            Value::Object(both.map(|(wanted, key, value)| (key, kept(wanted, value))).collect())
        }
        (Value::Array(config), Value::Array(live)) => {
            let items = live.into_iter().enumerate();
            items.map(|(at, item)| config.get(at).map_or(item.clone(), |wanted| kept(wanted, item))).collect()
        }
        (_, live) => live,
    }
}
