//! From the text of a file to objects.

use serde_json::Value;

use crate::{
    error::RenderError,
    limits::Limits,
    yaml::{self, YamlError},
};

/// Where a file says that it holds no manifests.
const SKIP: &str = "+argocd:skip-file-rendering";

/// Returns whether a file says of itself that it is not to be rendered.
#[must_use]
pub fn is_skipped(text: &str) -> bool {
    text.contains(SKIP)
}

/// Returns the text of a file: UTF-8, or UTF-16 with its mark.
#[must_use]
pub fn text_of(bytes: &[u8]) -> String {
    let wide = |read: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes[2..].chunks_exact(2).map(|pair| read([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Returns the objects of a YAML file; `None` when it is none of manifests: broken, but not looking like one.
///
/// # Errors
/// When it looks like manifests and is broken.
pub fn of_yaml(name: &str, text: &str) -> Result<Option<Vec<Value>>, RenderError> {
    let (before, problem) = match objects(yaml::read_manifests(text)) {
        Ok(objects) => return Ok(Some(objects)),
        Err(problem) => problem,
    };
    let looks_like_one = ["apiVersion:", "kind:", "metadata:"].iter().all(|field| text.contains(field));
    if !before.is_empty() || looks_like_one {
        return Err(RenderError::Unmarshal(format!(
            "Failed to unmarshal {name:?}: failed to unmarshal manifest: {problem}"
        )));
    }
    Ok(None)
}

/// Returns the objects that a program wrote as YAML.
///
/// # Errors
/// When they are no objects.
pub fn of_output(text: &str) -> Result<Vec<Value>, RenderError> {
    objects(yaml::read_manifests(text))
        .map_err(|(_, problem)| RenderError::Unmarshal(format!("failed to unmarshal manifest: {problem}")))
}

type Objects = Result<Vec<Value>, (Vec<Value>, String)>;

fn objects(read: Result<Vec<Value>, (Vec<Value>, YamlError)>) -> Objects {
    let (documents, problem) = match read {
        Ok(documents) => (documents, None),
        Err((documents, problem)) => (documents, Some(problem.to_string())),
    };
    let mut objects = Vec::new();
    for document in documents {
        if let Err(problem) = check(&document) {
            return Err((objects, problem));
        }
        objects.push(document);
    }
    match problem {
        Some(problem) => Err((objects, problem)),
        None => Ok(objects),
    }
}

/// Returns the object of a JSON file.
///
/// # Errors
/// When it holds none, or more than one.
pub fn of_json(name: &str, text: &str) -> Result<Option<Value>, RenderError> {
    let mut read = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let broken = |problem: String| RenderError::Unmarshal(format!("Failed to unmarshal {name:?}: {problem}"));
    let object = match read.next() {
        Some(Ok(object)) => object,
        Some(Err(problem)) => return Err(broken(problem.to_string())),
        None => return Err(broken("EOF".to_owned())),
    };
    if object["mediaType"].as_str().is_some_and(|kind| kind.starts_with("application/vnd.oci.image.manifest")) {
        return Ok(None);
    }
    check(&object).map_err(broken)?;
    if read.next().is_some() {
        return Err(RenderError::Unmarshal(format!(
            "Found multiple objects in {name:?}. Only single objects are allowed in JSON files."
        )));
    }
    Ok(Some(object))
}

/// An object says what it is.
pub(crate) fn check(object: &Value) -> Result<(), String> {
    let Some(fields) = object.as_object() else {
        return Err("an object is needed, not a list or a single value".to_owned());
    };
    if fields.get("kind").and_then(Value::as_str).is_none_or(str::is_empty) {
        let mut shown = object.to_string();
        shown.truncate(shown.char_indices().map(|(at, _)| at).take_while(|at| *at <= 200).last().unwrap_or(0));
        return Err(format!("Object 'Kind' is missing in '{shown}'"));
    }
    Ok(())
}

/// Returns the objects with lists unfolded.
///
/// # Errors
/// When there are more than the limit.
pub fn flat(objects: impl IntoIterator<Item = Value>, limits: &Limits) -> Result<Vec<Value>, RenderError> {
    let mut flat = Vec::new();
    for object in objects {
        unfold(object, &mut flat);
        if flat.len() > limits.objects {
            return Err(RenderError::Limit { what: "the number of objects", limit: limits.objects.to_string() });
        }
    }
    Ok(flat)
}

fn unfold(mut object: Value, flat: &mut Vec<Value>) {
    let is_list = object["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
    match object.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => flat.extend(items.into_iter().filter(|item| !item.is_null())),
        Some(Value::Null) if is_list => {}
        Some(items) => {
            object["items"] = items;
            flat.push(object);
        }
        None => flat.push(object),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_is_read_as_clients_of_kubernetes_do() {
        let text = "# head\n---\nkind: A\nmode: 0644\nready: yes\n--- # next\nnull\n---\n---\nkind: B\nx: '---'\nx: 2\n1: one\n";
        let read = of_yaml("a.yaml", text).unwrap().unwrap();
        assert_eq!(read, [json!({"kind": "A", "mode": 420, "ready": true}), json!({"kind": "B", "x": 2, "1": "one"})]);
    }

    #[test]
    fn broken_files_matter_only_if_they_look_like_manifests() {
        assert_eq!(of_yaml("values.yaml", "a: [").unwrap(), None);
        assert_eq!(of_yaml("values.yaml", "image: {tag: 1}").unwrap(), None);
        for text in ["kind: A\n---\na: [", "apiVersion: v1\nkind: A\nmetadata: [", "kind: A\n---\nimage: x"] {
            let error = of_yaml("a.yaml", text).unwrap_err().to_string();
            assert!(error.starts_with("Failed to unmarshal \"a.yaml\": "), "{error}");
        }
    }

    #[test]
    fn json_files_hold_one_object() {
        assert_eq!(of_json("a.json", r#"{"kind":"A"} "#).unwrap(), Some(json!({"kind": "A"})));
        let two = of_json("a.json", r#"{"kind":"A"}{"kind":"B"}"#).unwrap_err().to_string();
        assert_eq!(two, "Found multiple objects in \"a.json\". Only single objects are allowed in JSON files.");
        let image = r#"{"mediaType":"application/vnd.oci.image.manifest.v1+json"}"#;
        assert_eq!(of_json("a.json", image).unwrap(), None);
        assert!(of_json("a.json", "{").is_err() && of_json("a.json", "{}").is_err());
    }

    #[test]
    fn lists_are_unfolded() {
        let objects = [
            json!({"kind": "List", "items": [{"kind": "A"}, null, {"kind": "B"}]}),
            json!({"kind": "PodList", "items": null}),
            json!({"kind": "C"}),
        ];
        let found = flat(objects.clone(), &Limits::default()).unwrap();
        assert_eq!(found, [json!({"kind": "A"}), json!({"kind": "B"}), json!({"kind": "C"})]);
        let error = flat(objects, &Limits { objects: 2, ..Limits::default() }).unwrap_err();
        assert_eq!(error.to_string(), "the number of objects exceeds the limit of 2");
    }

    #[test]
    fn text_may_be_wide() {
        let wide: Vec<u8> = [0xff, 0xfe].into_iter().chain("kind".encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(text_of(&wide), "kind");
        assert_eq!(text_of(b"\xef\xbb\xbfa"), "a");
    }
}
