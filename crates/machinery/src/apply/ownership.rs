//! Questions to the JSON form of a set that need no decoding: most writes change the values of fields whose owners stay
//! the same, and then only an entry's time moves.

use serde_json::{Map, Value};

use super::set::{Node, Set};

/// Returns whether every path of `set` is a member of the encoded set.
pub(super) fn covers(fields: &Value, set: &Set) -> bool {
    set.nodes().iter().all(|node| {
        let Some(child) = child(fields, node) else { return false };
        (!node.member || is_member(child)) && (node.below.is_empty() || covers(child, &node.below))
    })
}

/// Returns whether a path of `set` may be a member of the encoded set.
///
/// A path that has members below it counts too: under a schema that changed since it may stand for them.
pub(super) fn touches(fields: &Value, set: &Set) -> bool {
    set.nodes().iter().any(|node| {
        let Some(child) = child(fields, node) else { return false };
        if node.member && (is_member(child) || node.below.is_empty()) {
            return true;
        }
        touches(child, &node.below)
    })
}

fn child<'a>(fields: &'a Value, node: &Node) -> Option<&'a Value> {
    fields.as_object()?.get(&node.element.serialize())
}

fn is_member(fields: &Value) -> bool {
    fields.as_object().is_none_or(|map: &Map<String, Value>| map.is_empty() || map.contains_key("."))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_agree_with_the_decoded_set() {
        let fields = json!({"f:a": {".": {}, "f:b": {}}, "f:c": {"f:d": {}}});
        for (paths, covered, touched) in [
            (vec![&["a"][..], &["a", "b"]], true, true),
            (vec![&["a", "b"], &["a", "x"]], false, true),
            (vec![&["c"][..]], false, true),
            (vec![&["x"][..]], false, false),
            (vec![&["c", "d", "e"][..]], false, false),
        ] {
            let set = Set::of_fields(&paths);
            assert_eq!(covers(&fields, &set), covered, "{set}");
            assert_eq!(touches(&fields, &set), touched, "{set}");
            let decoded = Set::from_fields_v1(&fields).unwrap();
            assert_eq!(covered, set.is_subset(&decoded));
            assert!(touched || decoded.intersection(&set).is_empty());
        }
    }
}
